package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"warifu/internal/directory"
)

// SetPrivileged names the groups whose members are privileged
// ([directory.Subscriber.IsPrivileged]): in the configuration, so that the mark
// goes with the membership.
func (db *DB) SetPrivileged(groups []string) { db.privileged = groups }

const subscriberColumns = `s.id, s.public_id, s.sps_id, s.display, s.family, s.given, s.family_ja, s.given_ja,
	s.family_kana, s.given_kana, s.affiliation, s.department, s.department_ja, s.groups, s.status, s.role,
	s.privileged, s.telephone, s.mailbox, s.language, s.orcid, s.person_code, s.entitlements, s.assurance, s.unique_codes, s.had_factor, s.recovered_at, s.frozen_at, s.created_at, s.updated_at`

// scanSubscriber reads the columns of subscriberColumns, and what follows them into more.
func (tx *Tx) scanSubscriber(r row, more ...any) (directory.Subscriber, error) {
	var s directory.Subscriber
	var groups, entitlements, assurance, codes string
	var recovered, frozen, created, updated int64
	err := r.Scan(append([]any{&s.ID, &s.PublicID, &s.SPSID, &s.Display, &s.Latin.Family, &s.Latin.Given,
		&s.Japanese.Family, &s.Japanese.Given, &s.Kana.Family, &s.Kana.Given, &s.Affiliation,
		&s.Department.English, &s.Department.Japanese, &groups, &s.Status, &s.Role,
		&s.Privileged, &s.Telephone, &s.Mailbox, &s.Language,
		&s.Academic.ORCID, &s.Academic.PersonCode, &entitlements, &assurance, &codes, &s.HadFactor, &recovered, &frozen, &created, &updated}, more...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return s, directory.ErrNotFound
	}
	if err != nil {
		return s, fmt.Errorf("store: subscriber: %w", err)
	}
	if err := json.Unmarshal([]byte(groups), &s.Groups); err != nil {
		return s, fmt.Errorf("store: groups of a subscriber: %w", err)
	}
	if i := slices.IndexFunc(s.Groups, func(group string) bool { return slices.Contains(tx.db.privileged, group) }); i >= 0 { //guard:HD-6
		s.PrivilegedGroup = s.Groups[i]
	}
	s.Academic.Entitlements, s.Academic.Assurance, s.Academic.UniqueCodes = words(entitlements), words(assurance), words(codes)
	s.RecoveredAt, s.FrozenAt, s.CreatedAt, s.UpdatedAt = fromMillis(recovered), fromMillis(frozen), fromMillis(created), fromMillis(updated)
	return s, nil
}

// Subscriber returns the subscriber with an internal id, or [directory.ErrNotFound].
func (tx *Tx) Subscriber(ctx context.Context, id string) (directory.Subscriber, error) {
	return tx.scanSubscriber(tx.queryRow(ctx, `SELECT `+subscriberColumns+` FROM subscriber s WHERE s.id = $1`, id))
}

// SubscriberBySPSID returns the subscriber with a folded SPS-ID and the hash of
// the password, which is empty if none is set. One who was deleted is not found.
func (tx *Tx) SubscriberBySPSID(ctx context.Context, spsID string) (directory.Subscriber, string, error) {
	var hash sql.NullString
	s, err := tx.scanSubscriber(tx.queryRow(ctx,
		`SELECT `+subscriberColumns+`, p.hash FROM subscriber s LEFT JOIN password p ON p.subscriber_id = s.id
		  WHERE s.sps_id = $1 AND s.status <> 'deleted'`, spsID), &hash)
	return s, hash.String, err
}

// CreateSubscriber stores a new subscriber.
func (tx *Tx) CreateSubscriber(ctx context.Context, s directory.Subscriber) error {
	groups, err := groupsText(s.Groups)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO subscriber (id, public_id, sps_id, display, family, given, family_ja, given_ja,
		family_kana, given_kana, affiliation, department, department_ja, groups, status, role,
		privileged, telephone, mailbox, language, orcid, person_code, entitlements, assurance, unique_codes, had_factor, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, FALSE, $26, $27)`,
		s.ID, s.PublicID, s.SPSID, s.Display, s.Latin.Family, s.Latin.Given, s.Japanese.Family, s.Japanese.Given,
		s.Kana.Family, s.Kana.Given, s.Affiliation, s.Department.English, s.Department.Japanese, groups, s.Status, s.Role,
		s.Privileged, s.Telephone, s.Mailbox, s.Language, s.Academic.ORCID, s.Academic.PersonCode,
		strings.Join(s.Academic.Entitlements, " "), strings.Join(s.Academic.Assurance, " "), strings.Join(s.Academic.UniqueCodes, " "), millis(s.CreatedAt), millis(s.UpdatedAt))
	if err != nil {
		return fmt.Errorf("store: create subscriber: %w", err)
	}
	return nil
}

// UpdateSubscriber stores all that may change of a subscriber; the identifiers
// never do.
func (tx *Tx) UpdateSubscriber(ctx context.Context, s directory.Subscriber) error {
	groups, err := groupsText(s.Groups)
	if err != nil {
		return err
	}
	n, err := tx.exec(ctx, `UPDATE subscriber SET display = $2, family = $3, given = $4, family_ja = $5, given_ja = $6,
		family_kana = $7, given_kana = $8, affiliation = $9, department = $10, department_ja = $11, groups = $12,
		status = $13, role = $14, privileged = $15, telephone = $16, mailbox = $17, language = $18,
		orcid = $19, person_code = $20, entitlements = $21, assurance = $22, unique_codes = $23, updated_at = $24 WHERE id = $1`,
		s.ID, s.Display, s.Latin.Family, s.Latin.Given, s.Japanese.Family, s.Japanese.Given,
		s.Kana.Family, s.Kana.Given, s.Affiliation, s.Department.English, s.Department.Japanese, groups,
		s.Status, s.Role, s.Privileged, s.Telephone, s.Mailbox, s.Language, s.Academic.ORCID, s.Academic.PersonCode,
		strings.Join(s.Academic.Entitlements, " "), strings.Join(s.Academic.Assurance, " "), strings.Join(s.Academic.UniqueCodes, " "), millis(s.UpdatedAt))
	if err != nil {
		return fmt.Errorf("store: update subscriber: %w", err)
	}
	if n == 0 {
		return directory.ErrNotFound
	}
	return nil
}

// words are the parts of a text, nil where there is none.
func words(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Fields(text)
}

func groupsText(groups []string) (string, error) {
	if groups == nil {
		groups = []string{}
	}
	text, err := json.Marshal(groups)
	return string(text), err
}

// Freeze implements [account.FreezeTx]. The first report counts.
func (tx *Tx) Freeze(ctx context.Context, subscriberID string, now time.Time) error {
	_, err := tx.exec(ctx, `UPDATE subscriber SET frozen_at = $2 WHERE id = $1 AND frozen_at = 0`, subscriberID, millis(now))
	if err != nil {
		return fmt.Errorf("store: freeze: %w", err)
	}
	return nil
}

// Unfreeze implements [local.Tx].
func (tx *Tx) Unfreeze(ctx context.Context, subscriberID string) error {
	if _, err := tx.exec(ctx, `UPDATE subscriber SET frozen_at = 0 WHERE id = $1`, subscriberID); err != nil {
		return fmt.Errorf("store: unfreeze: %w", err)
	}
	return nil
}

// SetLanguage implements [account.LanguageTx].
func (tx *Tx) SetLanguage(ctx context.Context, subscriberID, language string, now time.Time) error {
	_, err := tx.exec(ctx, `UPDATE subscriber SET language = $2, updated_at = $3 WHERE id = $1`, subscriberID, language, millis(now))
	if err != nil {
		return fmt.Errorf("store: set language: %w", err)
	}
	return nil
}

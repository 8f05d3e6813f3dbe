package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/flow"
	"warifu/internal/recovery"
)

var _ recovery.Tx = (*Tx)(nil)

// CreateRecoveryFlow implements [recovery.Flows].
func (tx *Tx) CreateRecoveryFlow(ctx context.Context, f recovery.Flow) error {
	_, err := tx.exec(ctx,
		`INSERT INTO recovery_flow (id, browser, subscriber_id, state, address, sent_at, version, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		f.ID, f.Browser, f.SubscriberID, f.State, f.Address, millis(f.SentAt), f.Version, millis(f.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: create recovery flow: %w", err)
	}
	return nil
}

// RecoveryFlow implements [recovery.Reader].
func (tx *Tx) RecoveryFlow(ctx context.Context, key flow.Key) (recovery.Flow, error) {
	f := recovery.Flow{Key: key}
	var sent, expires int64
	err := tx.queryRow(ctx, `SELECT subscriber_id, state, address, sent_at, version, expires_at FROM recovery_flow WHERE id = $1 AND browser = $2`,
		key.ID, bytesOf(key.Browser)).Scan(&f.SubscriberID, &f.State, &f.Address, &sent, &f.Version, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return recovery.Flow{}, flow.ErrNotFound
	}
	if err != nil {
		return recovery.Flow{}, fmt.Errorf("store: recovery flow: %w", err)
	}
	f.SentAt, f.ExpiresAt = fromMillis(sent), fromMillis(expires)
	return f, nil
}

// UpdateRecoveryFlow implements [recovery.Flows].
func (tx *Tx) UpdateRecoveryFlow(ctx context.Context, f recovery.Flow) error {
	n, err := tx.exec(ctx,
		`UPDATE recovery_flow SET state = $3, address = $4, sent_at = $5, expires_at = $6, version = version + 1 WHERE id = $1 AND version = $2`,
		f.ID, f.Version, f.State, f.Address, millis(f.SentAt), millis(f.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: update recovery flow: %w", err)
	}
	if n == 0 { //guard:SES-5
		return flow.ErrConflict
	}
	return nil
}

// RecoveryLink implements [recovery.Reader].
func (tx *Tx) RecoveryLink(ctx context.Context, purpose recovery.Purpose, digest []byte, now time.Time) (recovery.Link, error) {
	l := recovery.Link{Purpose: purpose, Digest: digest}
	var expires int64
	err := tx.queryRow(ctx, `SELECT subscriber_id, browser, expires_at FROM recovery_link WHERE digest = $1 AND purpose = $2 AND expires_at > $3`,
		digest, purpose, millis(now)).Scan(&l.SubscriberID, &l.Browser, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return recovery.Link{}, recovery.ErrNoLink
	}
	if err != nil {
		return recovery.Link{}, fmt.Errorf("store: recovery link: %w", err)
	}
	l.ExpiresAt = fromMillis(expires)
	return l, nil
}

// ReplaceRecoveryLink implements [recovery.Flows].
func (tx *Tx) ReplaceRecoveryLink(ctx context.Context, l recovery.Link) error {
	_, err := tx.exec(ctx,
		`INSERT INTO recovery_link (subscriber_id, purpose, digest, browser, failures, expires_at) VALUES ($1, $2, $3, $4, 0, $5)
		 ON CONFLICT (subscriber_id, purpose) DO UPDATE SET digest = excluded.digest, browser = excluded.browser, failures = 0, expires_at = excluded.expires_at`,
		l.SubscriberID, l.Purpose, l.Digest, bytesOf(l.Browser), millis(l.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: replace recovery link: %w", err)
	}
	return nil
}

// CountLinkFailure implements [recovery.Flows].
func (tx *Tx) CountLinkFailure(ctx context.Context, l recovery.Link, most int64) error {
	_, err := tx.exec(ctx, `UPDATE recovery_link SET failures = failures + 1 WHERE digest = $1`, l.Digest)
	if err == nil {
		_, err = tx.exec(ctx, `DELETE FROM recovery_link WHERE digest = $1 AND failures >= $2`, l.Digest, most)
	}
	if err != nil {
		return fmt.Errorf("store: count link failure: %w", err)
	}
	return nil
}

// SpendRecoveryLink implements [recovery.Flows].
func (tx *Tx) SpendRecoveryLink(ctx context.Context, l recovery.Link, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM recovery_link WHERE digest = $1 AND subscriber_id = $2 AND purpose = $3 AND expires_at > $4`,
		l.Digest, l.SubscriberID, l.Purpose, millis(now))
	if err != nil {
		return false, fmt.Errorf("store: spend recovery link: %w", err)
	}
	return n == 1, nil
}

// EndRecoveryLinks ends the mailed links of a subscriber (RST-9).
func (tx *Tx) EndRecoveryLinks(ctx context.Context, subscriberID string) error {
	if _, err := tx.exec(ctx, `DELETE FROM recovery_link WHERE subscriber_id = $1`, subscriberID); err != nil {
		return fmt.Errorf("store: end recovery links: %w", err)
	}
	return nil
}

// EndWaysBack implements [recovery.Account].
func (tx *Tx) EndWaysBack(ctx context.Context, subscriberID string) error {
	if err := tx.EndRecoveryLinks(ctx, subscriberID); err != nil {
		return err
	}
	if err := tx.EndTrustedBrowsers(ctx, subscriberID); err != nil { //guard:SES-13
		return err
	}
	for _, statement := range []string{`DELETE FROM mail_otp WHERE subscriber_id = $1`, `DELETE FROM ticket WHERE subscriber_id = $1`} {
		if _, err := tx.exec(ctx, statement, subscriberID); err != nil {
			return fmt.Errorf("store: end ways back: %w", err)
		}
	}
	return nil
}

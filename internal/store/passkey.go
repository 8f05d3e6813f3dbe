package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"warifu/internal/authenticator/passkey"
)

// CreatePasskey stores a passkey, or returns [passkey.ErrExists] if its id is
// there already, whoever has it (WAN-2). From then on the first-time window of
// its subscriber is closed for good (ENR-1).
func (tx *Tx) CreatePasskey(ctx context.Context, c passkey.Credential) error {
	n, err := tx.exec(ctx,
		`INSERT INTO passkey (subscriber_id, id, user_handle, name, public_key, sign_count, user_verified,
		                      backup_eligible, backup_state, aaguid, transports, bound_by, created_at, last_used_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		 ON CONFLICT DO NOTHING`,
		c.SubscriberID, c.ID, c.UserHandle, c.Name, c.PublicKey, int64(c.SignCount), c.UserVerified,
		c.BackupEligible, c.BackupState, c.AAGUID, strings.Join(c.Transports, " "), c.BoundBy, millis(c.CreatedAt), millis(c.LastUsedAt))
	if err == nil && n == 0 { //guard:WAN-2
		return passkey.ErrExists
	}
	if err == nil {
		_, err = tx.exec(ctx, `UPDATE subscriber SET had_factor = TRUE WHERE id = $1`, c.SubscriberID)
	}
	if err != nil {
		return fmt.Errorf("store: create passkey: %w", err)
	}
	return nil
}

// Passkeys returns all passkeys of a subscriber, in the order in which they were
// made.
func (tx *Tx) Passkeys(ctx context.Context, subscriberID string) (all []passkey.Credential, err error) {
	err = tx.query(ctx, func(r row) error {
		c, err := scanPasskey(r)
		all = append(all, c)
		return err
	}, `SELECT subscriber_id, id, user_handle, name, public_key, sign_count, user_verified,
	           backup_eligible, backup_state, aaguid, transports, bound_by, created_at, last_used_at
	      FROM passkey WHERE subscriber_id = $1 ORDER BY created_at, id`, subscriberID)
	if err != nil {
		return nil, fmt.Errorf("store: passkeys: %w", err)
	}
	return all, nil
}

// PasskeyByCredential returns the passkey with a credential id, whoever has it,
// or [passkey.ErrNotFound].
func (tx *Tx) PasskeyByCredential(ctx context.Context, id []byte) (passkey.Credential, error) {
	c, err := scanPasskey(tx.queryRow(ctx,
		`SELECT subscriber_id, id, user_handle, name, public_key, sign_count, user_verified,
		        backup_eligible, backup_state, aaguid, transports, bound_by, created_at, last_used_at
		   FROM passkey WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return passkey.Credential{}, passkey.ErrNotFound
	}
	if err != nil {
		return passkey.Credential{}, fmt.Errorf("store: passkey: %w", err)
	}
	return c, nil
}

func scanPasskey(r row) (c passkey.Credential, err error) {
	var transports string
	var count, created, used int64
	err = r.Scan(&c.SubscriberID, &c.ID, &c.UserHandle, &c.Name, &c.PublicKey, &count, &c.UserVerified,
		&c.BackupEligible, &c.BackupState, &c.AAGUID, &transports, &c.BoundBy, &created, &used)
	c.SignCount, c.Transports = uint32(count), strings.Fields(transports) //nolint:gosec // CreatePasskey and UsePasskey store nothing else
	c.CreatedAt, c.LastUsedAt = fromMillis(created), fromMillis(used)
	return c, err
}

// UsePasskey stores what an assertion has changed of a passkey, and reports
// whether it did: not if it was removed meanwhile, nor if its count of signatures
// is not greater than the stored one, where both are of an authenticator that
// counts (WAN-2). Who is told false must not let the person in.
func (tx *Tx) UsePasskey(ctx context.Context, c passkey.Credential) (bool, error) {
	n, err := tx.exec(ctx,
		`UPDATE passkey SET sign_count = $3, backup_state = $4, last_used_at = $5
		  WHERE subscriber_id = $1 AND id = $2
		    AND (backup_eligible OR sign_count < $3 OR (sign_count = 0 AND sign_count = $3))`,
		c.SubscriberID, c.ID, int64(c.SignCount), c.BackupState, millis(c.LastUsedAt))
	if err != nil {
		return false, fmt.Errorf("store: use passkey: %w", err)
	}
	return n == 1, nil
}

// RenamePasskey reports whether the subscriber has such a passkey.
func (tx *Tx) RenamePasskey(ctx context.Context, subscriberID string, id []byte, name string) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE passkey SET name = $3 WHERE subscriber_id = $1 AND id = $2`, subscriberID, id, name)
	if err != nil {
		return false, fmt.Errorf("store: rename passkey: %w", err)
	}
	return n == 1, nil
}

// RemovePasskey removes a passkey, unless it is the last second factor of its
// subscriber, and reports whether it did (TOTP-12). An Authenticator counts as one
// only if it may stand in (WAN-5). Of two at once the second sees
// what the first has done: the subscriber's row is taken first.
func (tx *Tx) RemovePasskey(ctx context.Context, subscriberID string, id []byte, totpStands bool, now time.Time) (bool, error) {
	_, err := tx.exec(ctx, `UPDATE subscriber SET updated_at = $2 WHERE id = $1`, subscriberID, millis(now))
	if err != nil {
		return false, fmt.Errorf("store: remove passkey: %w", err)
	}
	n, err := tx.exec(ctx,
		`DELETE FROM passkey WHERE subscriber_id = $1 AND id = $2 AND (
			EXISTS (SELECT 1 FROM passkey o WHERE o.subscriber_id = $1 AND o.id <> $2)
			OR ($3 AND EXISTS (SELECT 1 FROM totp_authenticator t WHERE t.subscriber_id = $1 AND t.state = 'active')))`, subscriberID, id, totpStands)
	if err != nil {
		return false, fmt.Errorf("store: remove passkey: %w", err)
	}
	return n == 1, nil
}

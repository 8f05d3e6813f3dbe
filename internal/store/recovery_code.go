package store

import (
	"context"
	"fmt"
	"time"
)

// ReplaceRecoveryCodes stores the digests of a new set in place of any other
// (REC-1). Of two at once, one set is left: the subscriber's row is taken first.
func (tx *Tx) ReplaceRecoveryCodes(ctx context.Context, subscriberID string, digests [][]byte, now time.Time) error {
	// Who gets recovery codes has a second factor (ENR-1).
	_, err := tx.exec(ctx, `UPDATE subscriber SET had_factor = TRUE WHERE id = $1`, subscriberID)
	if err == nil {
		_, err = tx.exec(ctx, `DELETE FROM recovery_code WHERE subscriber_id = $1`, subscriberID)
	}
	for _, digest := range digests {
		if err == nil {
			_, err = tx.exec(ctx, `INSERT INTO recovery_code (subscriber_id, digest, created_at, used_at) VALUES ($1, $2, $3, 0)`,
				subscriberID, digest, millis(now))
		}
	}
	if err != nil {
		return fmt.Errorf("store: replace recovery codes: %w", err)
	}
	return nil
}

// UseRecoveryCode uses up a code of the subscriber, and reports whether it did:
// false if there is none with this digest, or it was used before (REC-1).
func (tx *Tx) UseRecoveryCode(ctx context.Context, subscriberID string, digest []byte, now time.Time) (bool, error) {
	n, err := tx.exec(ctx,
		`UPDATE recovery_code SET used_at = $3 WHERE subscriber_id = $1 AND digest = $2 AND used_at = 0`,
		subscriberID, digest, millis(now))
	if err != nil {
		return false, fmt.Errorf("store: use recovery code: %w", err)
	}
	return n == 1, nil
}

// RecoveryCodesLeft returns how many codes of the subscriber's set are unused,
// and when the set was made: zero if there is none.
func (tx *Tx) RecoveryCodesLeft(ctx context.Context, subscriberID string) (left int, madeAt time.Time, err error) {
	var made int64
	err = tx.queryRow(ctx,
		`SELECT COALESCE(SUM(CASE WHEN used_at = 0 THEN 1 ELSE 0 END), 0), COALESCE(MAX(created_at), 0)
		   FROM recovery_code WHERE subscriber_id = $1`, subscriberID).Scan(&left, &made)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("store: recovery codes left: %w", err)
	}
	return left, fromMillis(made), nil
}

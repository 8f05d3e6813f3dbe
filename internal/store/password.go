package store

import (
	"context"
	"fmt"
	"time"
)

// SetPassword stores the hash of a subscriber's password in place of any other.
func (tx *Tx) SetPassword(ctx context.Context, subscriberID, hash string, now time.Time) error {
	_, err := tx.exec(ctx,
		`INSERT INTO password (subscriber_id, hash, set_at) VALUES ($1, $2, $3)
		 ON CONFLICT (subscriber_id) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at`,
		subscriberID, hash, millis(now))
	if err != nil {
		return fmt.Errorf("store: set password: %w", err)
	}
	return nil
}

// RehashPassword implements [signin.Tx]. A password that was changed meanwhile stays.
func (tx *Tx) RehashPassword(ctx context.Context, subscriberID, old, better string) error {
	_, err := tx.exec(ctx, `UPDATE password SET hash = $3 WHERE subscriber_id = $1 AND hash = $2`, subscriberID, old, better)
	if err != nil {
		return fmt.Errorf("store: rehash password: %w", err)
	}
	return nil
}

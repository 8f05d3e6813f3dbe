package store

import (
	"context"
	"fmt"
	"time"
)

// RenewKnownBrowser implements [signin.Tx].
func (tx *Tx) RenewKnownBrowser(ctx context.Context, subscriberID string, browser []byte, expiresAt, now time.Time) (bool, error) {
	n, err := tx.exec(ctx,
		`UPDATE known_browser SET failures = 0, expires_at = $3 WHERE subscriber_id = $1 AND digest = $2 AND expires_at > $4`,
		subscriberID, browser, millis(expiresAt), millis(now))
	if err != nil {
		return false, fmt.Errorf("store: renew known browser: %w", err)
	}
	return n == 1, nil
}

// CreateKnownBrowser implements [signin.Tx].
func (tx *Tx) CreateKnownBrowser(ctx context.Context, subscriberID string, browser []byte, expiresAt time.Time) error {
	_, err := tx.exec(ctx,
		`INSERT INTO known_browser (subscriber_id, digest, failures, expires_at) VALUES ($1, $2, 0, $3)`,
		subscriberID, browser, millis(expiresAt))
	if err != nil {
		return fmt.Errorf("store: create known browser: %w", err)
	}
	return nil
}

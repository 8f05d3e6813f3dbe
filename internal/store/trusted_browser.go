package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/session"
)

// CreateTrustedBrowser implements [signin.Trust].
func (tx *Tx) CreateTrustedBrowser(ctx context.Context, b session.TrustedBrowser) error {
	_, err := tx.exec(ctx, `INSERT INTO trusted_browser (subscriber_id, id, digest, browser, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		b.SubscriberID, b.ID, b.Digest, b.Browser, millis(b.CreatedAt), millis(b.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: create trusted browser: %w", err)
	}
	return nil
}

// TrustedBrowser implements [signin.Trust].
func (tx *Tx) TrustedBrowser(ctx context.Context, subscriberID string, digest []byte, now time.Time) (id string, err error) {
	err = tx.queryRow(ctx, `SELECT id FROM trusted_browser WHERE subscriber_id = $1 AND digest = $2 AND expires_at > $3`,
		subscriberID, digest, millis(now)).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("store: trusted browser: %w", err)
	}
	return id, nil
}

// TrustedBrowsers implements [account.SessionReader].
func (tx *Tx) TrustedBrowsers(ctx context.Context, subscriberID string, now time.Time) (all []session.TrustedBrowser, err error) {
	err = tx.query(ctx, func(r row) error {
		b := session.TrustedBrowser{SubscriberID: subscriberID}
		var created, expires int64
		err := r.Scan(&b.ID, &b.Browser, &created, &expires)
		b.CreatedAt, b.ExpiresAt = fromMillis(created), fromMillis(expires)
		all = append(all, b)
		return err
	}, `SELECT id, browser, created_at, expires_at FROM trusted_browser WHERE subscriber_id = $1 AND expires_at > $2 ORDER BY created_at DESC, id`,
		subscriberID, millis(now))
	if err != nil {
		return nil, fmt.Errorf("store: trusted browsers: %w", err)
	}
	return all, nil
}

// EndTrustedBrowser implements [account.SessionTx].
func (tx *Tx) EndTrustedBrowser(ctx context.Context, subscriberID, id string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM trusted_browser WHERE subscriber_id = $1 AND id = $2`, subscriberID, id)
	if err != nil {
		return false, fmt.Errorf("store: end trusted browser: %w", err)
	}
	return n == 1, nil
}

// EndTrustedBrowsers implements [signin.Trust].
func (tx *Tx) EndTrustedBrowsers(ctx context.Context, subscriberID string) error {
	if _, err := tx.exec(ctx, `DELETE FROM trusted_browser WHERE subscriber_id = $1`, subscriberID); err != nil {
		return fmt.Errorf("store: end trusted browsers: %w", err)
	}
	return nil
}

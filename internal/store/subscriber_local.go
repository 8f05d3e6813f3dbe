package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"warifu/internal/directory"
	"warifu/internal/directory/local"
	"warifu/internal/session"
)

var _ local.Tx = (*Tx)(nil)

// SubscriberAnyStatus implements [local.Reader].
func (tx *Tx) SubscriberAnyStatus(ctx context.Context, spsID string) (directory.Subscriber, string, error) {
	var hash sql.NullString
	s, err := tx.scanSubscriber(tx.queryRow(ctx,
		`SELECT `+subscriberColumns+`, p.hash FROM subscriber s LEFT JOIN password p ON p.subscriber_id = s.id
		  WHERE s.sps_id = $1`, spsID), &hash)
	return s, hash.String, err
}

// EndSessions implements [local.Tx].
func (tx *Tx) EndSessions(ctx context.Context, subscriberID string) error {
	var all []session.Session
	err := tx.query(ctx, func(r row) error {
		s := session.Session{SubscriberID: subscriberID}
		err := r.Scan(&s.ID)
		all = append(all, s)
		return err
	}, `SELECT id FROM session WHERE subscriber_id = $1`, subscriberID)
	if err != nil {
		return fmt.Errorf("store: sessions of a subscriber: %w", err)
	}
	for _, s := range all {
		if err := tx.EndSession(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// ReplaceActivationCode implements [local.Tx].
func (tx *Tx) ReplaceActivationCode(ctx context.Context, subscriberID string, digest []byte, expiresAt time.Time) error {
	_, err := tx.exec(ctx,
		`INSERT INTO activation_code (subscriber_id, digest, expires_at) VALUES ($1, $2, $3)
		 ON CONFLICT (subscriber_id) DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at`,
		subscriberID, digest, millis(expiresAt))
	if err != nil {
		return fmt.Errorf("store: replace activation code: %w", err)
	}
	return nil
}

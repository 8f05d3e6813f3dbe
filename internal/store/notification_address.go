package store

import (
	"context"
	"fmt"
	"time"
)

// NotificationAddresses returns the confirmed addresses of a subscriber.
func (tx *Tx) NotificationAddresses(ctx context.Context, subscriberID string) (all []string, err error) {
	err = tx.query(ctx, func(r row) error {
		var address string
		err := r.Scan(&address)
		all = append(all, address)
		return err
	}, `SELECT address FROM notification_address WHERE subscriber_id = $1 ORDER BY confirmed_at, address`, subscriberID)
	if err != nil {
		return nil, fmt.Errorf("store: notification addresses: %w", err)
	}
	return all, nil
}

// CreateNotificationAddress stores a confirmed address.
func (tx *Tx) CreateNotificationAddress(ctx context.Context, subscriberID, address string, now time.Time) error {
	_, err := tx.exec(ctx,
		`INSERT INTO notification_address (subscriber_id, address, confirmed_at, bounced_at) VALUES ($1, $2, $3, 0)`,
		subscriberID, address, millis(now))
	if err != nil {
		return fmt.Errorf("store: create notification address: %w", err)
	}
	return nil
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/account"
	"warifu/internal/directory"
)

var _ account.AddressTx = (*Tx)(nil)

// Addresses implements [account.AddressReader].
func (tx *Tx) Addresses(ctx context.Context, subscriberID string) (all []directory.NotificationAddress, err error) {
	err = tx.query(ctx, func(r row) error {
		var a directory.NotificationAddress
		var confirmed, codes, bounced int64
		err := r.Scan(&a.Address, &confirmed, &codes, &bounced)
		a.ConfirmedAt, a.CodesFrom, a.BouncedAt = fromMillis(confirmed), fromMillis(codes), fromMillis(bounced)
		all = append(all, a)
		return err
	}, `SELECT address, confirmed_at, codes_from, bounced_at FROM notification_address WHERE subscriber_id = $1 ORDER BY confirmed_at, address`, subscriberID)
	if err != nil {
		return nil, fmt.Errorf("store: notification addresses: %w", err)
	}
	return all, nil
}

// NotificationAddresses returns where notices go: to all confirmed addresses of
// a subscriber.
func (tx *Tx) NotificationAddresses(ctx context.Context, subscriberID string) ([]string, error) {
	all, err := tx.Addresses(ctx, subscriberID)
	addresses := make([]string, len(all))
	for i, a := range all {
		addresses[i] = a.Address
	}
	return addresses, err
}

// CreateNotificationAddress stores a confirmed address, to which codes may be sent.
func (tx *Tx) CreateNotificationAddress(ctx context.Context, subscriberID, address string, now time.Time) error {
	return tx.AddAddress(ctx, subscriberID, directory.NotificationAddress{Address: address, ConfirmedAt: now, CodesFrom: now})
}

// AddAddress implements [account.RegisteredTx].
func (tx *Tx) AddAddress(ctx context.Context, subscriberID string, a directory.NotificationAddress) error {
	_, err := tx.exec(ctx,
		`INSERT INTO notification_address (subscriber_id, address, confirmed_at, codes_from, bounced_at) VALUES ($1, $2, $3, $4, $5)`,
		subscriberID, a.Address, millis(a.ConfirmedAt), millis(a.CodesFrom), millis(a.BouncedAt))
	if err != nil {
		return fmt.Errorf("store: add notification address: %w", err)
	}
	return nil
}

// RemoveAddress implements [account.RegisteredTx].
func (tx *Tx) RemoveAddress(ctx context.Context, subscriberID, address string, now time.Time) (bool, error) {
	_, err := tx.exec(ctx, `INSERT INTO removed_address (subscriber_id, address, removed_at, confirmed_at)
		SELECT subscriber_id, address, CAST($3 AS BIGINT), confirmed_at FROM notification_address WHERE subscriber_id = $1 AND address = $2
		ON CONFLICT (subscriber_id, address) DO UPDATE SET removed_at = excluded.removed_at, confirmed_at = excluded.confirmed_at`,
		subscriberID, address, millis(now))
	if err != nil {
		return false, fmt.Errorf("store: remove notification address: %w", err)
	}
	n, err := tx.exec(ctx, `DELETE FROM notification_address WHERE subscriber_id = $1 AND address = $2`, subscriberID, address)
	if err != nil {
		return false, fmt.Errorf("store: remove notification address: %w", err)
	}
	return n == 1, nil
}

// RemovedAddress implements [account.RegisteredTx].
func (tx *Tx) RemovedAddress(ctx context.Context, subscriberID string, after time.Time) (bool, error) {
	var n int
	err := tx.queryRow(ctx, `SELECT COUNT(*) FROM removed_address WHERE subscriber_id = $1 AND removed_at > $2`, subscriberID, millis(after)).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("store: removed addresses: %w", err)
	}
	return n > 0, nil
}

// RemovedAddresses implements [helpdesk.UndoTx].
func (tx *Tx) RemovedAddresses(ctx context.Context, subscriberID string, after time.Time) (all []string, err error) {
	err = tx.query(ctx, func(r row) error {
		var address string
		err := r.Scan(&address)
		all = append(all, address)
		return err
	}, `SELECT address FROM removed_address WHERE subscriber_id = $1 AND removed_at > $2 AND confirmed_at <= $2 ORDER BY removed_at, address`, subscriberID, millis(after))
	if err != nil {
		return nil, fmt.Errorf("store: removed addresses: %w", err)
	}
	return all, nil
}

// RestoreAddress implements [helpdesk.RestoreTx].
func (tx *Tx) RestoreAddress(ctx context.Context, subscriberID, address string, now time.Time) error {
	if _, err := tx.exec(ctx, `DELETE FROM removed_address WHERE subscriber_id = $1 AND address = $2`, subscriberID, address); err != nil {
		return fmt.Errorf("store: restore address: %w", err)
	}
	return tx.CreateNotificationAddress(ctx, subscriberID, address, now)
}

// ClaimAddress implements [account.RegisteredTx].
func (tx *Tx) ClaimAddress(ctx context.Context, address, subscriberID string, now time.Time) (others []directory.Subscriber, err error) {
	_, err = tx.exec(ctx, `INSERT INTO claimed_address (address, claimed_at) VALUES ($1, $2)
		ON CONFLICT (address) DO UPDATE SET claimed_at = excluded.claimed_at`, address, millis(now))
	if err == nil {
		err = tx.query(ctx, func(r row) error {
			s, err := tx.scanSubscriber(r)
			others = append(others, s)
			return err
		}, `SELECT `+subscriberColumns+` FROM notification_address n JOIN subscriber s ON s.id = n.subscriber_id
			WHERE n.address = $1 AND n.subscriber_id <> $2 AND s.status <> 'deleted'`, address, subscriberID)
	}
	if err != nil {
		return nil, fmt.Errorf("store: claim address: %w", err)
	}
	return others, nil
}

// PendingAddress implements [account.AddressReader].
func (tx *Tx) PendingAddress(ctx context.Context, subscriberID, sessionID string) (account.PendingAddress, error) {
	a := account.PendingAddress{SubscriberID: subscriberID, SessionID: sessionID}
	var sent, expires int64
	err := tx.queryRow(ctx, `SELECT address, digest, sent_at, expires_at FROM pending_address WHERE subscriber_id = $1 AND session_id = $2`,
		subscriberID, sessionID).Scan(&a.Address, &a.Digest, &sent, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return account.PendingAddress{}, account.ErrNoPending
	}
	if err != nil {
		return account.PendingAddress{}, fmt.Errorf("store: pending address: %w", err)
	}
	a.SentAt, a.ExpiresAt = fromMillis(sent), fromMillis(expires)
	return a, nil
}

// ReplacePendingAddress implements [account.PendingTx].
func (tx *Tx) ReplacePendingAddress(ctx context.Context, a account.PendingAddress) error {
	_, err := tx.exec(ctx,
		`INSERT INTO pending_address (subscriber_id, session_id, address, digest, tries, sent_at, expires_at) VALUES ($1, $2, $3, $4, 0, $5, $6)
		 ON CONFLICT (subscriber_id) DO UPDATE SET session_id = excluded.session_id, address = excluded.address, digest = excluded.digest,
			tries = 0, sent_at = excluded.sent_at, expires_at = excluded.expires_at`,
		a.SubscriberID, a.SessionID, a.Address, a.Digest, millis(a.SentAt), millis(a.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: replace pending address: %w", err)
	}
	return nil
}

// CountNumberTry implements [account.PendingTx].
func (tx *Tx) CountNumberTry(ctx context.Context, subscriberID, sessionID string, most int64, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE pending_address SET tries = tries + 1
		WHERE subscriber_id = $1 AND session_id = $2 AND tries < $3 AND expires_at > $4`, subscriberID, sessionID, most, millis(now))
	if err != nil {
		return false, fmt.Errorf("store: count entry of a confirmation number: %w", err)
	}
	return n == 1, nil
}

// SpendPendingAddress implements [account.PendingTx].
func (tx *Tx) SpendPendingAddress(ctx context.Context, a account.PendingAddress) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM pending_address WHERE subscriber_id = $1 AND session_id = $2 AND digest = $3`, a.SubscriberID, a.SessionID, a.Digest)
	if err != nil {
		return false, fmt.Errorf("store: spend pending address: %w", err)
	}
	return n == 1, nil
}

// CreateNotMe implements [account.RegisteredTx].
func (tx *Tx) CreateNotMe(ctx context.Context, n account.NotMe) error {
	_, err := tx.exec(ctx, `INSERT INTO not_me_token (subscriber_id, digest, kind, happened_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		n.SubscriberID, n.Digest, n.Kind, millis(n.HappenedAt), millis(n.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: create right to report: %w", err)
	}
	return nil
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/account"
	"warifu/internal/notice"
)

var _ account.BannerReader = (*Tx)(nil)

// KeepChange implements [notice.Tx].
func (tx *Tx) KeepChange(ctx context.Context, c notice.Change) error {
	_, err := tx.exec(ctx, `INSERT INTO notice_banner (subscriber_id, id, kind, at, seen_at) VALUES ($1, $2, $3, $4, 0)`,
		c.SubscriberID, c.ID, c.Kind, millis(c.At))
	if err != nil {
		return fmt.Errorf("store: keep change: %w", err)
	}
	return nil
}

// Banners implements [account.BannerReader]: one query, since every page of
// somebody who is signed in asks it.
func (tx *Tx) Banners(ctx context.Context, subscriberID string, before time.Time) (b account.Unseen, err error) {
	err = tx.query(ctx, func(r row) error {
		var kind, name string
		var at int64
		err := r.Scan(&kind, &name, &at)
		if kind == "" {
			b.Bounced = append(b.Bounced, name)
		} else {
			b.Changes = append(b.Changes, notice.Change{SubscriberID: subscriberID, ID: name, Kind: notice.Kind(kind), At: fromMillis(at)})
		}
		return err
	}, `SELECT kind, id, at FROM notice_banner WHERE subscriber_id = $1 AND seen_at = 0 AND at < $2
		UNION ALL SELECT '', address, bounced_at FROM notification_address WHERE subscriber_id = $1 AND bounced_at > 0
		ORDER BY at DESC LIMIT 50`, subscriberID, millis(before))
	if err != nil {
		return account.Unseen{}, fmt.Errorf("store: banners: %w", err)
	}
	return b, nil
}

// Change implements [account.ChangeReader].
func (tx *Tx) Change(ctx context.Context, subscriberID, id string) (notice.Change, error) {
	c := notice.Change{SubscriberID: subscriberID, ID: id}
	var at int64
	err := tx.queryRow(ctx, `SELECT kind, at FROM notice_banner WHERE subscriber_id = $1 AND id = $2`, subscriberID, id).Scan(&c.Kind, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return notice.Change{}, account.ErrNoChange
	}
	if err != nil {
		return notice.Change{}, fmt.Errorf("store: change: %w", err)
	}
	c.At = fromMillis(at)
	return c, nil
}

// SeeChange implements [account.ChangeTx].
func (tx *Tx) SeeChange(ctx context.Context, subscriberID, id string, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE notice_banner SET seen_at = $3 WHERE subscriber_id = $1 AND id = $2 AND seen_at = 0`, subscriberID, id, millis(now))
	if err != nil {
		return false, fmt.Errorf("store: see change: %w", err)
	}
	return n == 1, nil
}

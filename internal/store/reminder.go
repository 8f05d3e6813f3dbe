package store

import (
	"context"
	"fmt"
	"time"

	"warifu/internal/directory"
	"warifu/internal/reminder"
)

var (
	_ reminder.Tx     = (*Tx)(nil)
	_ reminder.Reader = (*Tx)(nil)
)

// WithoutFactor implements [reminder.Reader].
func (tx *Tx) WithoutFactor(ctx context.Context, after string, most int) (all []reminder.Candidate, err error) {
	err = tx.query(ctx, func(r row) error {
		var last int64
		who, err := tx.scanSubscriber(r, &last)
		all = append(all, reminder.Candidate{Subscriber: who, Last: fromMillis(last)})
		return err
	}, `SELECT `+subscriberColumns+`, COALESCE(m.sent_at, 0) FROM subscriber s
		LEFT JOIN reminder m ON m.subscriber_id = s.id AND m.kind = $1
		WHERE s.id > $2 AND s.status = 'active' AND NOT s.had_factor ORDER BY s.id LIMIT $3`, reminder.Factor, after, most)
	if err != nil {
		return nil, fmt.Errorf("store: without a factor: %w", err)
	}
	return all, nil
}

// WithoutAddress implements [reminder.Reader].
func (tx *Tx) WithoutAddress(ctx context.Context, since time.Time, most int) ([]directory.Subscriber, error) {
	return tx.toRemind(ctx, `s.had_factor AND s.created_at <= $2
		AND NOT EXISTS (SELECT 1 FROM notification_address n WHERE n.subscriber_id = s.id)`, reminder.Address, since, most)
}

// WithOldAddress implements [reminder.Reader].
func (tx *Tx) WithOldAddress(ctx context.Context, since time.Time, most int) ([]directory.Subscriber, error) {
	return tx.toRemind(ctx, `EXISTS (SELECT 1 FROM notification_address n WHERE n.subscriber_id = s.id AND n.confirmed_at <= $2)`, reminder.Check, since, most)
}

// toRemind returns active persons of a condition who were not reminded since.
func (tx *Tx) toRemind(ctx context.Context, condition string, kind reminder.Kind, since time.Time, most int) (all []directory.Subscriber, err error) {
	err = tx.query(ctx, func(r row) error {
		who, err := tx.scanSubscriber(r)
		all = append(all, who)
		return err
	}, `SELECT `+subscriberColumns+` FROM subscriber s WHERE s.status = 'active' AND `+condition+`
		AND NOT EXISTS (SELECT 1 FROM reminder m WHERE m.subscriber_id = s.id AND m.kind = $1 AND m.sent_at > $2)
		ORDER BY s.id LIMIT $3`, kind, millis(since), most)
	if err != nil {
		return nil, fmt.Errorf("store: to remind: %w", err)
	}
	return all, nil
}

// MarkReminded implements [reminder.Tx].
func (tx *Tx) MarkReminded(ctx context.Context, subscriberID string, kind reminder.Kind, since, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO reminder (subscriber_id, kind, sent_at) VALUES ($1, $2, $3)
		ON CONFLICT (subscriber_id, kind) DO UPDATE SET sent_at = $3 WHERE reminder.sent_at < $4`, subscriberID, kind, millis(now), millis(since))
	if err != nil {
		return false, fmt.Errorf("store: reminded: %w", err)
	}
	return n == 1, nil
}

package store

import (
	"context"
	"fmt"
	"time"

	"warifu/internal/signin"
)

// stoppedFlow says that a flow ended after wrong codes, past the right password.
const stoppedFlow = `state = 'factor_required' AND rejections > 0 AND NOT step_up`

// StoppedSigninFlows implements [signin.StoppedTx].
func (tx *Tx) StoppedSigninFlows(ctx context.Context, now time.Time) (all []signin.Stopped, err error) {
	err = tx.query(ctx, func(r row) error {
		var s signin.Stopped
		var from, to int64
		err := r.Scan(&s.SubscriberID, &s.Flows, &from, &to)
		s.From, s.To = fromMillis(from), fromMillis(to)
		all = append(all, s)
		return err
	}, `SELECT subscriber_id, COUNT(*), MIN(expires_at), MAX(expires_at) FROM signin_flow
	     WHERE expires_at < $1 AND `+stoppedFlow+` GROUP BY subscriber_id ORDER BY subscriber_id LIMIT 100`, millis(now))
	if err != nil {
		return nil, fmt.Errorf("store: stopped sign-in flows: %w", err)
	}
	return all, nil
}

// TakeStopped implements [signin.StoppedTx]. The time until the next notice is
// kept as a wait of the person's.
func (tx *Tx) TakeStopped(ctx context.Context, s signin.Stopped, every time.Duration, now time.Time) (bool, error) {
	n, err := tx.exec(ctx,
		`INSERT INTO throttle (account, counter, failures, wait_until, updated_at) VALUES ($1, 'stopped_told', 0, $2, $3)
		 ON CONFLICT (account, counter) DO UPDATE SET wait_until = $2, updated_at = $3 WHERE throttle.wait_until <= $3`,
		s.SubscriberID, millis(now.Add(every)), millis(now))
	if err == nil && n == 1 {
		_, err = tx.exec(ctx, `DELETE FROM signin_flow WHERE subscriber_id = $1 AND expires_at <= $2 AND `+stoppedFlow, s.SubscriberID, millis(s.To))
	}
	if err != nil {
		return false, fmt.Errorf("store: take stopped flows: %w", err)
	}
	return n == 1, nil
}

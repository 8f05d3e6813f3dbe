package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/throttle"
)

// reserveAttempt counts an attempt and says until when the next one has to
// wait, in one statement, so that parallel attempts are counted one by one.
// Below its limit a count never waits longer than the cap: the shift is bounded.
const reserveAttempt = `INSERT INTO throttle (account, counter, failures, wait_until, updated_at) VALUES ($1, $2, 1, 0, $3)
	ON CONFLICT (account, counter) DO UPDATE SET failures = throttle.failures + 1, updated_at = $3,
		wait_until = CASE
			WHEN $4 = 0 OR throttle.failures + 1 < $4 THEN 0
			WHEN throttle.failures + 1 - $4 > 20 THEN $3 + $6
			WHEN (CAST($5 AS BIGINT) << CAST(throttle.failures + 1 - $4 AS INTEGER)) > $6 THEN $3 + $6
			ELSE $3 + (CAST($5 AS BIGINT) << CAST(throttle.failures + 1 - $4 AS INTEGER)) END
	WHERE throttle.wait_until <= $3 AND ($7 = 0 OR throttle.failures < $7)
	RETURNING failures`

// ReserveAttempt implements [throttle.Tx].
func (tx *Tx) ReserveAttempt(ctx context.Context, account string, c throttle.Counter, s throttle.Schedule, now time.Time) (throttle.Reservation, error) {
	var r throttle.Reservation
	err := tx.queryRow(ctx, reserveAttempt, account, c, millis(now), s.Free, s.Base.Milliseconds(), s.Cap.Milliseconds(), s.Limit).Scan(&r.Failures)
	if errors.Is(err, sql.ErrNoRows) {
		return tx.refusedAttempt(ctx, account, c, s)
	}
	if err != nil {
		return r, fmt.Errorf("store: reserve attempt: %w", err)
	}
	r.Allowed = true
	return r, nil
}

func (tx *Tx) refusedAttempt(ctx context.Context, account string, c throttle.Counter, s throttle.Schedule) (r throttle.Reservation, err error) {
	var wait int64
	err = tx.queryRow(ctx, `SELECT failures, wait_until FROM throttle WHERE account = $1 AND counter = $2`, account, c).Scan(&r.Failures, &wait)
	if err != nil {
		return r, fmt.Errorf("store: refused attempt: %w", err)
	}
	if s.Limit == 0 || r.Failures < s.Limit {
		r.WaitUntil = fromMillis(wait)
	}
	return r, nil
}

// CountRefusal implements [throttle.Tx].
func (tx *Tx) CountRefusal(ctx context.Context, account string, now time.Time) (n int64, err error) {
	err = tx.queryRow(ctx,
		`INSERT INTO throttle (account, counter, failures, wait_until, updated_at) VALUES ($1, $2, 1, 0, $3)
		 ON CONFLICT (account, counter) DO UPDATE SET failures = throttle.failures + 1, updated_at = $3 RETURNING failures`,
		account, throttle.Refused, millis(now)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("store: count refusal: %w", err)
	}
	return n, nil
}

// ReserveKnown implements [throttle.Tx].
func (tx *Tx) ReserveKnown(ctx context.Context, subscriberID string, browser []byte, budget int64, now time.Time) (bool, error) {
	n, err := tx.exec(ctx,
		`UPDATE known_browser SET failures = failures + 1
		  WHERE subscriber_id = $1 AND digest = $2 AND failures < $3 AND expires_at > $4`,
		subscriberID, browser, budget, millis(now))
	if err != nil {
		return false, fmt.Errorf("store: reserve known browser: %w", err)
	}
	return n == 1, nil
}

// ResetAttempts implements [signin.Tx].
func (tx *Tx) ResetAttempts(ctx context.Context, account string, counters ...throttle.Counter) error {
	var all [6]throttle.Counter // as many as there are; an empty one is none
	copy(all[:], counters)
	_, err := tx.exec(ctx, `DELETE FROM throttle WHERE account = $1 AND counter IN ($2, $3, $4, $5, $6, $7)`,
		account, all[0], all[1], all[2], all[3], all[4], all[5])
	if err != nil {
		return fmt.Errorf("store: reset attempts: %w", err)
	}
	return nil
}

// The failures of a network are counters of the network as account; the window
// is the name of the counter.

// AddressFailures implements [throttle.Tx].
func (tx *Tx) AddressFailures(ctx context.Context, network string, window time.Time) (n int64, err error) {
	err = tx.queryRow(ctx, `SELECT failures FROM throttle WHERE account = $1 AND counter = $2`,
		"network:"+network, window.UTC().Format(time.RFC3339)).Scan(&n)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("store: address failures: %w", err)
	}
	return n, nil
}

// CountAddressFailure implements [signin.Tx].
func (tx *Tx) CountAddressFailure(ctx context.Context, network string, window time.Time) error {
	_, err := tx.exec(ctx,
		`INSERT INTO throttle (account, counter, failures, wait_until, updated_at) VALUES ($1, $2, 1, 0, $3)
		 ON CONFLICT (account, counter) DO UPDATE SET failures = throttle.failures + 1`,
		"network:"+network, window.UTC().Format(time.RFC3339), millis(window))
	if err != nil {
		return fmt.Errorf("store: count address failure: %w", err)
	}
	return nil
}

package store

import (
	"context"
	"fmt"
	"time"

	"warifu/internal/alarm"
)

var _ alarm.Tx = (*Tx)(nil)

// AddFailures implements [alarm.Tx].
func (tx *Tx) AddFailures(ctx context.Context, minute time.Time, n int64) error {
	_, err := tx.exec(ctx, `INSERT INTO code_failure (minute, failures) VALUES ($1, $2)
		ON CONFLICT (minute) DO UPDATE SET failures = code_failure.failures + $2`, millis(minute), n)
	if err != nil {
		return fmt.Errorf("store: add failures: %w", err)
	}
	return nil
}

// Failures implements [alarm.Tx].
func (tx *Tx) Failures(ctx context.Context, from, to time.Time) (n int64, err error) {
	err = tx.queryRow(ctx, `SELECT CAST(COALESCE(SUM(failures), 0) AS BIGINT) FROM code_failure WHERE minute >= $1 AND minute < $2`,
		millis(from), millis(to)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("store: failures: %w", err)
	}
	return n, nil
}

// CountedSince implements [alarm.Tx].
func (tx *Tx) CountedSince(ctx context.Context) (time.Time, error) {
	var at int64
	if err := tx.queryRow(ctx, `SELECT COALESCE(MIN(minute), 0) FROM code_failure`).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("store: counted since: %w", err)
	}
	return fromMillis(at), nil
}

// RemoveFailures implements [alarm.Tx].
func (tx *Tx) RemoveFailures(ctx context.Context, before time.Time) error {
	if _, err := tx.exec(ctx, `DELETE FROM code_failure WHERE minute < $1`, millis(before)); err != nil {
		return fmt.Errorf("store: remove failures: %w", err)
	}
	return nil
}

// RaiseAlarm implements [alarm.RaiseTx].
func (tx *Tx) RaiseAlarm(ctx context.Context, rule string, every time.Duration, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO alarm (rule, raised_at) VALUES ($1, $2)
		ON CONFLICT (rule) DO UPDATE SET raised_at = $2 WHERE alarm.raised_at <= $3`, rule, millis(now), millis(now.Add(-every)))
	if err != nil {
		return false, fmt.Errorf("store: raise alarm: %w", err)
	}
	return n == 1, nil
}

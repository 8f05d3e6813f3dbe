package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/authenticator/totp"
	"warifu/internal/clock"
)

var _ clock.AcceptTx = (*Tx)(nil)

// ClockSeen implements [clock.Tx].
func (tx *Tx) ClockSeen(ctx context.Context) (s clock.Seen, err error) {
	var at int64
	err = tx.queryRow(ctx, `SELECT seen_at, accepted FROM clock WHERE id = 1`).Scan(&at, &s.Accepted)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return s, fmt.Errorf("store: clock: %w", err)
	}
	s.At = fromMillis(at)
	return s, nil
}

// RaiseClock implements [clock.Tx].
func (tx *Tx) RaiseClock(ctx context.Context, at time.Time) error {
	_, err := tx.exec(ctx, `INSERT INTO clock (id, seen_at, accepted) VALUES (1, $1, 0)
		ON CONFLICT (id) DO UPDATE SET seen_at = $1 WHERE clock.seen_at < $1`, millis(at))
	if err != nil {
		return fmt.Errorf("store: raise clock: %w", err)
	}
	return nil
}

// AcceptClock implements [clock.AcceptTx].
func (tx *Tx) AcceptClock(ctx context.Context, at time.Time) error {
	_, err := tx.exec(ctx, `UPDATE clock SET seen_at = $1, accepted = accepted + 1 WHERE id = 1`, millis(at))
	if err == nil {
		_, err = tx.exec(ctx, `UPDATE totp_authenticator SET last_step = $1 WHERE last_step < $1`, totp.Step(at))
	}
	if err != nil {
		return fmt.Errorf("store: accept clock: %w", err)
	}
	return nil
}

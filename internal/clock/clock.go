// Package clock notices when the wall clock of a node has been set back. What
// depends on time alone, such as a TOTP, must stop then: codes that were used
// would be right once more (OPS-4).
//
// The newest time that any node has seen is kept in the database, so that a
// restart does not forget it.
package clock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"warifu/internal/audit"
)

// Tolerance is how far a clock may be behind what has been seen.
const Tolerance = 2 * time.Second

// Every is how often what has been seen is noted.
const Every = 10 * time.Second

// Seen is the newest time that any node has seen.
type Seen struct {
	At       time.Time
	Accepted int64 // grows when an administrator takes an earlier time as true
}

// Tx is what the watch needs of a transaction.
type Tx interface {
	// ClockSeen returns what has been seen; the zero value if nothing has.
	ClockSeen(ctx context.Context) (Seen, error)
	// RaiseClock notes a time, unless a later one has been seen.
	RaiseClock(ctx context.Context, at time.Time) error
}

// BehindError means that the clock is behind what has been seen.
type BehindError struct{ By time.Duration }

func (e *BehindError) Error() string {
	return fmt.Sprintf("clock: %s behind what has been seen; mend it, or see warifu clock accept", e.By)
}

// Unavailable makes the pages answer 503.
func (e *BehindError) Unavailable() bool { return true }

// Watch compares the clock of a node with what has been seen.
type Watch struct {
	InTx func(ctx context.Context, fn func(Tx) error) error
	Now  func() time.Time
	Log  *slog.Logger

	mu   sync.Mutex
	seen Seen
}

// Check returns a [BehindError] while the clock is behind.
func (w *Watch) Check() error {
	now := w.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if behind := w.seen.At.Sub(now); behind > Tolerance { //guard:OPS-4
		return &BehindError{By: behind}
	}
	if now.After(w.seen.At) {
		w.seen.At = now
	}
	return nil
}

// Note learns what other nodes have seen, and tells them. It is a job, and runs
// once before a node serves.
func (w *Watch) Note(ctx context.Context) error {
	now := w.Now()
	var stored Seen
	err := w.InTx(ctx, func(tx Tx) (err error) {
		if stored, err = tx.ClockSeen(ctx); err != nil {
			return err
		}
		return tx.RaiseClock(ctx, now)
	})
	if err != nil {
		return err
	}
	w.learn(stored)
	if err := w.Check(); err != nil {
		w.Log.Error("TOTP is stopped: the clock was set back", "alarm", "clock", "err", err)
	}
	return nil
}

func (w *Watch) learn(stored Seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if stored.Accepted != w.seen.Accepted || stored.At.After(w.seen.At) {
		w.seen = stored
	}
}

// AcceptTx is what taking the present time as true needs of a transaction.
type AcceptTx interface {
	Tx
	// AcceptClock stores an earlier time as the newest, and uses up every time
	// step of a TOTP up to it.
	AcceptClock(ctx context.Context, at time.Time) error
	AppendAudit(ctx context.Context, e audit.Event) error
}

// ErrNotBehind means that there is nothing to accept.
var ErrNotBehind = errors.New("clock: not behind what has been seen")

// Accept takes the present time as true, after a clock that had jumped ahead
// was mended.
func Accept(ctx context.Context, tx AcceptTx, now time.Time, actor string) error {
	seen, err := tx.ClockSeen(ctx)
	if err != nil {
		return err
	}
	if !seen.At.After(now) {
		return ErrNotBehind
	}
	err = tx.AppendAudit(ctx, audit.Event{At: now, Name: audit.ClockAccepted, Actor: actor,
		Detail: map[string]string{"seen": seen.At.UTC().Format(time.RFC3339)}})
	if err != nil {
		return err
	}
	return tx.AcceptClock(ctx, now)
}

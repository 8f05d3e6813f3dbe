package helpdesk

import (
	"context"
	"sync/atomic"
	"time"

	"warifu/internal/events"
	"warifu/internal/flow"
)

// WaitReader is what a waiting page reads.
type WaitReader interface {
	CaseOfFlow(ctx context.Context, key flow.Key) (Case, error)
	// OpenVersions returns the version of every case that has not ended, by number,
	// and how many of them wait for the help desk.
	OpenVersions(ctx context.Context) (versions map[int64]int64, waiting int64, err error)
}

// WaitTx notes that a caller's page is there.
type WaitTx interface {
	TouchCase(ctx context.Context, no int64, now time.Time) error
	Announce(ctx context.Context, topic string) error
}

// Watch follows cases for the pages that wait. The row is the truth: a wake-up
// only says when to read it, and a poll of all cases makes up for wake-ups that
// got lost.
type Watch struct {
	InTx func(ctx context.Context, fn func(WaitTx) error) error
	View func(ctx context.Context, fn func(WaitReader) error) error
	Hub  *events.Hub
	Now  func() time.Time

	versions map[int64]int64 // of the last poll
	waiting  atomic.Int64    // cases, at the last poll
}

const (
	// PollEvery is how often the cases are looked at, whether something was announced or not.
	PollEvery = 5 * time.Second
	touchable = time.Minute     // a page that is there is noted this often
	present   = 2 * time.Minute // for which a page counts as there
)

// Look is a case as its caller's page sees it.
type Look struct {
	Case  Case
	State State // see [Case.Seen]
	Open  int64 // cases that wait for the help desk, exact to some seconds
	Woken bool  // it was dormant until now
}

// Look returns the case of a flow, and notes that its page is there.
func (w *Watch) Look(ctx context.Context, key flow.Key) (l Look, err error) {
	now := w.Now()
	err = w.View(ctx, func(tx WaitReader) error {
		l.Case, err = tx.CaseOfFlow(ctx, key)
		return err
	})
	if err != nil {
		return Look{}, err
	}
	l.State, l.Open = l.Case.Seen(now), w.waiting.Load()
	if l.State.Open() { // it may be newer than the last poll
		l.Open = max(l.Open, 1)
	}
	if l.State.Ended() || now.Sub(l.Case.SeenAt) < touchable {
		return l, nil
	}
	l.Woken = l.Case.Dormant(now)
	return l, w.InTx(ctx, func(tx WaitTx) error {
		if err := tx.TouchCase(ctx, l.Case.No, now); err != nil || !l.Woken {
			return err
		}
		return tx.Announce(ctx, BoardTopic)
	})
}

// Follow calls tell with what the case of a flow looks like: at once, at every
// change, and at every heartbeat. It returns when the case has ended, when tell
// fails, and with ctx.
func (w *Watch) Follow(ctx context.Context, key flow.Key, beat time.Duration, tell func(l Look, changed bool) error) error {
	first, err := w.Look(ctx, key)
	if err != nil {
		return err
	}
	wake, end := w.Hub.Subscribe(first.Case.Topic())
	defer end()
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	var last Look
	for {
		now, err := w.Look(ctx, key) // also once more after the subscription: nothing is missed
		if err != nil {
			return err
		}
		if err := tell(now, now.State != last.State || now.Open != last.Open); err != nil || now.State.Ended() {
			return err
		}
		last = now
		select {
		case <-wake:
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Poll wakes the pages of the cases that have changed since the last time, in
// case nothing was announced: by a command, or while the database's
// notifications were lost.
func (w *Watch) Poll(ctx context.Context) error {
	var now map[int64]int64
	var waiting int64
	err := w.View(ctx, func(tx WaitReader) (err error) {
		now, waiting, err = tx.OpenVersions(ctx)
		return err
	})
	if err != nil {
		return err
	}
	w.waiting.Store(waiting)
	changed := false
	for no, version := range now {
		if w.versions[no] != version {
			changed = true
			w.Hub.Wake(Case{No: no}.Topic())
		}
	}
	for no := range w.versions {
		if _, open := now[no]; !open { // it has ended
			changed = true
			w.Hub.Wake(Case{No: no}.Topic())
		}
	}
	if changed {
		w.Hub.Wake(BoardTopic)
	}
	w.versions = now
	return nil
}

package mail

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"warifu/internal/secret"
)

// Tx is what the dispatcher needs of a transaction.
type Tx interface {
	// ClaimMail locks the mail that has been due longest, counts the try and
	// returns the row; found is false if none is due, or another dispatcher was
	// faster with all of them.
	ClaimMail(ctx context.Context, now, lockedUntil time.Time) (row OutboxRow, found bool, err error)
	// FinishMail makes the state of a queued mail final and erases its content.
	// A mail is abandoned only by who still holds its lock.
	FinishMail(ctx context.Context, row OutboxRow, state State, at time.Time) error
	// RetryMail unlocks a mail until its next try, if row still holds its lock.
	RetryMail(ctx context.Context, row OutboxRow, nextTryAt time.Time) error
	// MarkBounced remembers that mail does not reach a subscriber's notification
	// address, if it is one (MAIL-10).
	MarkBounced(ctx context.Context, subscriberID, address string, at time.Time) error
	// ClearBounced forgets it: mail has reached the address again.
	ClearBounced(ctx context.Context, subscriberID, address string) error
	// PruneMail deletes up to limit rows that were final before a time, and
	// returns how many there were.
	PruneMail(ctx context.Context, before time.Time, limit int) (int64, error)
}

// Backlog is what waits in the outbox, for metrics and alarms.
type Backlog struct {
	Queued int64
	Oldest time.Time // when the oldest was queued; zero if none waits
}

// Reader is what metrics need of a transaction that only reads.
type Reader interface {
	MailBacklog(ctx context.Context) (Backlog, error)
}

// Sender sends one message, or says why not. An error that is [ErrRefused]
// means that no other try can succeed. Its text has no address.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// ErrRefused means that the recipient's server does not know the address.
var ErrRefused = errors.New("mail: recipient refused")

// ErrBounced means that the recipient's mailbox takes no mail, and that another try
// is worth it all the same: somebody may mend a full one. Of an address that does not
// exist, see [ErrRefused]. A relay that refuses for reasons of its own is neither.
var ErrBounced = errors.New("mail: refused for good")

var errExpired = errors.New("mail: expired before it could be sent")

const (
	workers      = 4 // mails that are sent at the same time, so that a slow one holds up no other
	lockFor      = 5 * time.Minute
	sendFor      = 2 * time.Minute // well below lockFor: two dispatchers must not send the same mail
	lookEvery    = 5 * time.Second // wake-ups get lost, and commands are other processes
	pruneEvery   = time.Hour
	keepFor      = 30 * 24 * time.Hour // final rows
	pruneAtOnce  = 1000
	settleWithin = 10 * time.Second
)

// pauses come after the first try, the second, and so on; the last one repeats
// until the mail expires.
var pauses = [...]time.Duration{
	10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
	20 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
}

func pauseAfter(try int) time.Duration {
	return pauses[min(max(try, 1), len(pauses))-1]
}

// Dispatcher sends what is in the outbox. It is a background service; any
// number of nodes may each have one. A mail is sent at least once: twice, with
// the same Message-ID, only if a node dies between the two.
type Dispatcher struct {
	InTx   func(context.Context, func(Tx) error) error
	Box    *secret.Box
	Sender Sender
	Now    func() time.Time
	Log    *slog.Logger

	// Settled, if set, is told the state of a mail after each try; it is still
	// queued if there will be another. For metrics and tests.
	Settled func(id string, state State)

	mu   sync.Mutex
	stop context.CancelFunc // while it runs
	done sync.WaitGroup
	once sync.Once
	wake chan struct{}
}

// Start begins to send in the background, until [Dispatcher.Stop] or the end
// of ctx. While it runs, starting has no effect.
func (d *Dispatcher) Start(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stop != nil {
		return nil
	}
	ctx, d.stop = context.WithCancel(ctx)
	d.Wake()
	for range workers {
		d.done.Go(func() { d.work(ctx) })
	}
	d.done.Go(func() { d.prune(ctx) })
	return nil
}

// Stop ends the work and waits for the mails that are being sent. Stopping
// twice or before the start is harmless.
func (d *Dispatcher) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stop == nil {
		return
	}
	d.stop()
	d.done.Wait()
	d.stop = nil
}

// Wake makes the dispatcher look at once. It never waits, and may be called at
// any time.
func (d *Dispatcher) Wake() {
	select {
	case d.wakes() <- struct{}{}:
	default: // one is on its way
	}
}

func (d *Dispatcher) wakes() chan struct{} {
	d.once.Do(func() { d.wake = make(chan struct{}, 1) })
	return d.wake
}

// work sends until the queue is empty, and again after each wake-up.
func (d *Dispatcher) work(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		for ctx.Err() == nil && d.sendOne(ctx) {
		}
		select {
		case <-ctx.Done():
			return
		case <-d.wakes():
		case <-look.C:
		}
	}
}

// sendOne tries one mail that is due, and reports whether there was one. What
// it has begun it ends, although the dispatcher is stopped meanwhile.
func (d *Dispatcher) sendOne(ctx context.Context) (found bool) {
	var row OutboxRow
	err := d.InTx(ctx, func(tx Tx) (err error) {
		now := d.Now()
		row, found, err = tx.ClaimMail(ctx, now, now.Add(lockFor))
		return err
	})
	if err != nil && ctx.Err() == nil {
		d.Log.Error("mail: cannot read the outbox", "err", err)
	}
	if err != nil || !found {
		return false
	}
	d.Wake() // there may be more, for another worker
	d.try(context.WithoutCancel(ctx), row)
	return true
}

func (d *Dispatcher) try(ctx context.Context, row OutboxRow) {
	message, err := row.open(d.Box)
	switch {
	case err != nil:
	case !d.Now().Before(row.ExpiresAt): // nobody needs it any more
		err = errExpired
	default:
		err = d.send(ctx, message)
	}
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	state, settled := d.settle(ctx, row, message, err)
	if settled != nil { // the mail stays locked for a while, and is tried again
		d.Log.Error("mail: cannot write the outbox", "mail", row.ID, "err", settled)
		return
	}
	if err != nil {
		d.Log.Warn("mail: not sent", "mail", row.ID, "try", row.Tries, "state", string(state), "err", err)
	}
	if d.Settled != nil {
		d.Settled(row.ID, state)
	}
}

func (d *Dispatcher) send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendFor)
	defer cancel()
	return d.Sender.Send(ctx, m)
}

// settle stores how a try ended.
func (d *Dispatcher) settle(ctx context.Context, row OutboxRow, m Message, failure error) (state State, err error) {
	now := d.Now()
	next := now.Add(pauseAfter(row.Tries))
	refused := errors.Is(failure, ErrRefused)
	switch {
	case failure == nil:
		state = Sent
	case refused || !next.Before(row.ExpiresAt):
		state = Abandoned
	default:
		state = Queued
	}
	return state, d.InTx(ctx, func(tx Tx) error {
		if err := reached(ctx, tx, row.SubscriberID, m.To, failure, now); err != nil {
			return err
		}
		if state == Queued {
			return tx.RetryMail(ctx, row, next)
		}
		return tx.FinishMail(ctx, row, state, now)
	})
}

// reached remembers whether mail reaches an address of a person (MAIL-10). Other
// trouble says nothing of that.
func reached(ctx context.Context, tx Tx, subscriberID, address string, failure error, now time.Time) error {
	switch {
	case subscriberID == "":
		return nil
	case failure == nil:
		return tx.ClearBounced(ctx, subscriberID, address)
	case errors.Is(failure, ErrRefused), errors.Is(failure, ErrBounced):
		return tx.MarkBounced(ctx, subscriberID, address, now)
	}
	return nil
}

// prune deletes the rows of mails that are long over.
func (d *Dispatcher) prune(ctx context.Context) {
	next := time.NewTicker(pruneEvery)
	defer next.Stop()
	for {
		for ctx.Err() == nil && d.pruneSome(ctx) == pruneAtOnce {
		}
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
	}
}

func (d *Dispatcher) pruneSome(ctx context.Context) (n int64) {
	err := d.InTx(ctx, func(tx Tx) (err error) {
		n, err = tx.PruneMail(ctx, d.Now().Add(-keepFor), pruneAtOnce)
		return err
	})
	if err != nil && ctx.Err() == nil {
		d.Log.Error("mail: cannot prune the outbox", "err", err)
	}
	return n
}

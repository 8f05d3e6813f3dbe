package mail_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/mail"
	"warifu/internal/secret"
	"warifu/internal/store"
)

// clock is a clock that stands still until it is set forward.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// recorder is a sender that keeps what it sends, or fails.
type recorder struct {
	mu   sync.Mutex
	fail error
	sent []mail.Message
}

func (r *recorder) Send(_ context.Context, m mail.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return r.fail
	}
	r.sent = append(r.sent, m)
	return nil
}

func (r *recorder) failWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

type settled struct {
	id    string
	state mail.State
}

// office is a database, an outbox, and a dispatcher that has not been started.
type office struct {
	db         *store.DB
	clock      *clock
	outbox     *mail.Outbox
	sender     *recorder
	dispatcher *mail.Dispatcher
	settled    chan settled
	log        *strings.Builder
}

func newOffice(t *testing.T) *office {
	t.Helper()
	db, err := store.Open("sqlite:" + filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	box, err := secret.NewBox(1, map[int][]byte{1: make([]byte, secret.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	composer, err := mail.NewComposer(mail.Site{AppShort: "みやこ大学認証"}, mail.Site{AppShort: "Miyako Login"}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{db: db, clock: &clock{at: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}, sender: &recorder{},
		settled: make(chan settled, 100), log: &strings.Builder{}}
	o.outbox = &mail.Outbox{Composer: composer, Box: box, Now: o.clock.now}
	o.dispatcher = &mail.Dispatcher{
		InTx: store.In[mail.Tx](db), Box: box, Sender: o.sender, Now: o.clock.now,
		Log:     slog.New(slog.NewTextHandler(o.log, nil)),
		Settled: func(id string, state mail.State) { o.settled <- settled{id, state} },
	}
	t.Cleanup(o.dispatcher.Stop)
	return o
}

var letter = mail.Notice{
	Subject: mail.Phrase{Text: mail.Same("subject")}, What: mail.Phrase{Text: mail.Same("what")}, SPSID: "sps00001",
}

func (o *office) queue(t *testing.T, to mail.Envelope) {
	t.Helper()
	err := store.In[mail.Queue](o.db)(t.Context(), func(tx mail.Queue) error {
		return o.outbox.Queue(t.Context(), tx, to, letter)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (o *office) start(t *testing.T) {
	t.Helper()
	if err := o.dispatcher.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// want waits for the end of a try.
func (o *office) want(t *testing.T, state mail.State) {
	t.Helper()
	select {
	case got := <-o.settled:
		if got.state != state {
			t.Fatalf("%+v, want %s", got, state)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("no mail settled, want %s", state)
	}
}

// later sets the clock forward and wakes the dispatcher.
func (o *office) later(d time.Duration) {
	o.clock.forward(d)
	o.dispatcher.Wake()
}

// TestFreshMailGoesOutAtOnce wakes the dispatcher after the commit (NOT-2).
func TestFreshMailGoesOutAtOnce(t *testing.T) {
	o := newOffice(t)
	o.start(t)
	o.queue(t, mail.Envelope{SubscriberID: "s1", To: "a@b.example", Lang: mail.English})
	o.dispatcher.Wake()
	o.want(t, mail.Sent)
	got := o.sender.sent[0]
	if got.To != "a@b.example" || got.Lang != "en" || got.Subject != "[Miyako Login] subject" || got.ID == "" || !got.Date.Equal(o.clock.now()) {
		t.Errorf("%+v", got)
	}
}

// TestWaitingMailGoesOutAtTheStart sends what was queued while nobody was there.
func TestWaitingMailGoesOutAtTheStart(t *testing.T) {
	o := newOffice(t)
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("%02d@b.example", i))
		o.queue(t, mail.Envelope{To: want[i]})
	}
	o.start(t)
	for range want {
		o.want(t, mail.Sent)
	}
	o.dispatcher.Stop()
	var got []string
	for _, m := range o.sender.sent {
		got = append(got, m.To)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("sent to %v, want each once", got)
	}
}

// TestRetries fails for 24 hours: the pauses grow, and then the mail is
// abandoned, with nothing of it in the log (NOT-2, A39).
func TestRetries(t *testing.T) {
	o := newOffice(t)
	o.sender.failWith(errors.New("the relay is down"))
	o.queue(t, mail.Envelope{SubscriberID: "s1", To: "hanako@b.example"})
	begin := o.clock.now()
	o.start(t)
	for _, pause := range []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute,
		10 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour} {
		o.want(t, mail.Queued)
		o.later(pause)
	}
	for range 10 {
		o.want(t, mail.Queued)
		o.later(2 * time.Hour)
	}
	o.want(t, mail.Abandoned)
	if d := o.clock.now().Sub(begin); d < 22*time.Hour || 24*time.Hour < d {
		t.Errorf("the last try was after %s", d)
	}
	o.dispatcher.Stop()
	if log := o.log.String(); strings.Contains(log, "hanako") || strings.Count(log, "mail: not sent") != 20 {
		t.Errorf("log: %s", log)
	}
}

// TestRecovery sends after all.
func TestRecovery(t *testing.T) {
	o := newOffice(t)
	o.sender.failWith(errors.New("the relay is down"))
	o.queue(t, mail.Envelope{To: "a@b.example"})
	o.start(t)
	o.want(t, mail.Queued)
	o.sender.failWith(nil)
	o.later(10 * time.Second)
	o.want(t, mail.Sent)
}

// TestRefusedIsAbandoned does not knock at a door that does not exist.
func TestRefusedIsAbandoned(t *testing.T) {
	o := newOffice(t)
	o.sender.failWith(fmt.Errorf("%w: 550 5.1.1", mail.ErrRefused))
	o.queue(t, mail.Envelope{SubscriberID: "s1", To: "a@b.example"})
	o.start(t)
	o.want(t, mail.Abandoned)
}

// TestBouncedIsTriedAgain marks an address that refuses for good, and forgets it
// once a mail arrives; other trouble changes nothing. MAIL-10.
func TestBouncedIsTriedAgain(t *testing.T) {
	o := newOffice(t)
	marks := &marks{}
	o.dispatcher.InTx = func(ctx context.Context, fn func(mail.Tx) error) error {
		return store.In[mail.Tx](o.db)(ctx, func(tx mail.Tx) error { return fn(&marking{tx, marks}) })
	}
	o.sender.failWith(errors.New("the relay is down"))
	o.queue(t, mail.Envelope{SubscriberID: "s1", To: "a@b.example"})
	o.start(t)
	o.want(t, mail.Queued)
	marks.want(t)
	o.sender.failWith(fmt.Errorf("%w: 552 5.2.2", mail.ErrBounced))
	o.later(10 * time.Second)
	o.want(t, mail.Queued)
	marks.want(t, "bounced s1 a@b.example")
	o.sender.failWith(nil)
	o.later(time.Minute)
	o.want(t, mail.Sent)
	marks.want(t, "bounced s1 a@b.example", "cleared s1 a@b.example")
	o.queue(t, mail.Envelope{To: "desk@b.example"}) // a mail to staff
	o.later(5 * time.Second)
	o.want(t, mail.Sent)
	marks.want(t, "bounced s1 a@b.example", "cleared s1 a@b.example")
}

// marks are what was said of addresses.
type marks struct {
	mu  sync.Mutex
	all []string
}

func (m *marks) add(what ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, strings.Join(what, " "))
}

func (m *marks) want(t *testing.T, all ...string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Equal(m.all, all) {
		t.Errorf("%q, want %q", m.all, all)
	}
}

// marking is a transaction that tells what was said of addresses.
type marking struct {
	mail.Tx
	*marks
}

func (tx *marking) MarkBounced(ctx context.Context, subscriberID, address string, at time.Time) error {
	tx.add("bounced", subscriberID, address)
	return tx.Tx.MarkBounced(ctx, subscriberID, address, at)
}

func (tx *marking) ClearBounced(ctx context.Context, subscriberID, address string) error {
	tx.add("cleared", subscriberID, address)
	return tx.Tx.ClearBounced(ctx, subscriberID, address)
}

// TestExpiredIsNotSent keeps an old one-time password to itself.
func TestExpiredIsNotSent(t *testing.T) {
	o := newOffice(t)
	o.queue(t, mail.Envelope{To: "a@b.example", ExpiresAt: o.clock.now().Add(10 * time.Minute)})
	o.clock.forward(10 * time.Minute)
	o.start(t)
	o.want(t, mail.Abandoned)
	if len(o.sender.sent) > 0 {
		t.Error("sent")
	}
}

// TestWrongKeyKeepsTheMail: a key that is missing today may be there tomorrow (OPS-3).
func TestWrongKeyKeepsTheMail(t *testing.T) {
	o := newOffice(t)
	o.queue(t, mail.Envelope{To: "a@b.example"})
	right := o.dispatcher.Box
	other, err := secret.NewBox(2, map[int][]byte{2: make([]byte, secret.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	o.dispatcher.Box = other
	o.start(t)
	o.want(t, mail.Queued)
	o.dispatcher.Stop()
	o.dispatcher.Box = right
	o.clock.forward(10 * time.Second)
	o.start(t)
	o.want(t, mail.Sent)
}

// TestStartAndStop repeats both, in any order.
func TestStartAndStop(t *testing.T) {
	o := newOffice(t)
	o.dispatcher.Stop()
	o.dispatcher.Wake()
	for range 2 {
		o.start(t)
		o.start(t)
		o.dispatcher.Stop()
		o.dispatcher.Stop()
	}
	o.queue(t, mail.Envelope{To: "a@b.example"})
	o.start(t)
	o.want(t, mail.Sent)
}

// TestStopWaitsForTheMailInHand stops while one is being sent.
func TestStopWaitsForTheMailInHand(t *testing.T) {
	o := newOffice(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	o.dispatcher.Sender = senderFunc(func(ctx context.Context, _ mail.Message) error {
		close(begun)
		<-finish
		return ctx.Err()
	})
	o.queue(t, mail.Envelope{To: "a@b.example"})
	o.start(t)
	<-begun
	stopped := make(chan struct{})
	go func() {
		o.dispatcher.Stop()
		close(stopped)
	}()
	close(finish)
	<-stopped
	o.want(t, mail.Sent)
}

type senderFunc func(context.Context, mail.Message) error

func (f senderFunc) Send(ctx context.Context, m mail.Message) error { return f(ctx, m) }

// TestTwoDispatchers share one outbox: nothing is sent twice.
func TestTwoDispatchers(t *testing.T) {
	o := newOffice(t)
	other := &mail.Dispatcher{InTx: o.dispatcher.InTx, Box: o.dispatcher.Box, Sender: o.sender, Now: o.clock.now,
		Log: o.dispatcher.Log, Settled: o.dispatcher.Settled}
	t.Cleanup(other.Stop)
	const n = 50
	for range n {
		o.queue(t, mail.Envelope{To: "a@b.example"})
	}
	o.start(t)
	if err := other.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	for range n {
		got := <-o.settled
		seen[got.id]++
	}
	if len(seen) != n || len(o.sender.sent) != n {
		t.Errorf("%d mails, sent %d times, want %d", len(seen), len(o.sender.sent), n)
	}
}

// TestNothingIsQueuedForABadAddress refuses before anything is written (ADR-1).
func TestNothingIsQueuedForABadAddress(t *testing.T) {
	o := newOffice(t)
	for _, to := range []string{"", "a", "a@b.example\r\nX: y", "a@b.example, c@d.example"} {
		err := o.outbox.Queue(t.Context(), nil, mail.Envelope{To: to}, letter)
		if err == nil || to != "" && strings.Contains(err.Error(), to+" ") {
			t.Errorf("%q: %v", to, err)
		}
	}
}

// TestOutboxHoldsNoPlainText looks into the row for the address and the words (A39).
func TestOutboxHoldsNoPlainText(t *testing.T) {
	o := newOffice(t)
	var q spy
	err := o.outbox.Queue(t.Context(), &q, mail.Envelope{SubscriberID: "s1", To: "hanako@b.example"}, letter)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"hanako", "what", "subject"} {
		if strings.Contains(string(q.row.Sealed), word) {
			t.Errorf("%q stands in the row", word)
		}
	}
	moved := q.row
	moved.SubscriberID = "s2" // a row given the content of another
	err = store.In[mail.Queue](o.db)(t.Context(), func(tx mail.Queue) error { return tx.EnqueueMail(t.Context(), moved) })
	if err != nil {
		t.Fatal(err)
	}
	o.start(t)
	o.want(t, mail.Queued)
	if len(o.sender.sent) > 0 {
		t.Error("sent")
	}
}

type spy struct{ row mail.OutboxRow }

func (s *spy) EnqueueMail(_ context.Context, row mail.OutboxRow) error { s.row = row; return nil }

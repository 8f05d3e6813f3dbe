package helpdesk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/flow"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/throttle"
	"warifu/internal/web"
)

// CaseTx reads and changes cases.
type CaseTx interface {
	// CaseOfFlow returns the case that a claimant's flow has opened, or [ErrNoCase].
	CaseOfFlow(ctx context.Context, key flow.Key) (Case, error)
	// CasesOf returns the cases of a person opened since a time, the newest first.
	CasesOf(ctx context.Context, subscriberID string, since time.Time) ([]Case, error)
	// CreateCase stores a case under the next number, which it returns, and reports
	// whether it did: not if another case has the comparison number.
	CreateCase(ctx context.Context, c Case) (no int64, created bool, err error)
	// UpdateCase returns [flow.ErrConflict] unless c has the stored version.
	UpdateCase(ctx context.Context, c Case) error
	// Announce wakes who waits for a topic once the transaction is durable, on all nodes.
	Announce(ctx context.Context, topic string) error
	AppendAudit(ctx context.Context, e audit.Event) error
}

// CountTx counts in windows of time.
type CountTx interface {
	// CountEntry counts under a name, in windows that begin with the first; it
	// returns the count, and when the name was stopped.
	CountEntry(ctx context.Context, name string, window time.Duration, now time.Time) (n int64, stoppedAt time.Time, err error)
}

// CallerTx is what the flow of a claimant needs of its transaction to have a case.
type CallerTx interface {
	CaseTx
	CountTx
	notice.Tx
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
	// HoldSubscriber keeps other transactions from opening or approving a case of
	// this person until this one has ended.
	HoldSubscriber(ctx context.Context, id string) error
	// OpenCases returns how many cases have not ended.
	OpenCases(ctx context.Context) (int64, error)
	// LongestDormant returns the case that was unseen for the longest, if since before a time, or [ErrNoCase].
	LongestDormant(ctx context.Context, before time.Time) (Case, error)
}

// Reception takes the callers' side of cases, in the transactions of their own
// flows.
type Reception struct {
	Notices *notice.Service
	Words   notice.Words
	Mail    DeskMail
	Random  io.Reader
	Now     func() time.Time
}

// DeskMail tells the help desk's mailbox of cases; nobody if it has none. The
// mail names no person (HD-19).
type DeskMail struct {
	Outbox  *mail.Outbox
	To      string   // one address, or empty
	Console mail.URL // of the help desk
}

// Opening is what a caller asks for.
type Opening struct {
	Kind   Kind
	Cause  Cause
	Flow   flow.Key // of the claimant, whose browser waits
	Client web.Client
}

// Answer is what came of asking for a case.
type Answer string

// The answers.
const (
	Opened     Answer = "opened"
	TooMany    Answer = "too many cases"             // three in an hour (HD-20)
	TurnedAway Answer = "refused before"             // this browser, for this person, within a day (HD-20)
	Full       Answer = "no comparison numbers left" // 5000 living cases, none of them dormant (HD-1)
)

const (
	perHour   = 3
	told      = 3 // cases of one person and day that are told one by one
	mostCases = 5000
	numberLen = 4
	numberTry = 100 // with half of the numbers taken, one is found
)

// Open opens a case for a person. An older one of the same browser ends (HD-20).
func (d *Reception) Open(ctx context.Context, tx CallerTx, who directory.Subscriber, o Opening) (c Case, answer Answer, err error) {
	now := d.Now()
	if err := tx.HoldSubscriber(ctx, who.ID); err != nil {
		return Case{}, "", err
	}
	recent, err := tx.CasesOf(ctx, who.ID, now.Add(-redial-lifetime))
	if err != nil {
		return Case{}, "", err
	}
	lastHour := 0
	for _, old := range recent {
		if now.Sub(old.OpenedAt) < time.Hour {
			lastHour++
		}
		if old.State == Refused && old.Why != Mistake && bytes.Equal(old.Flow.Browser, o.Flow.Browser) && now.Sub(old.EndedAt) < redial { //guard:HD-20
			return Case{}, TurnedAway, d.turnedAway(ctx, tx, who, o, TurnedAway)
		}
	}
	if lastHour >= perHour { //guard:HD-20
		return Case{}, TooMany, d.turnedAway(ctx, tx, who, o, TooMany)
	}
	for _, old := range recent {
		if old.Alive(now) && bytes.Equal(old.Flow.Browser, o.Flow.Browser) {
			if err := d.End(ctx, tx, old, Replaced); err != nil {
				return Case{}, "", err
			}
		}
	}
	if room, err := d.makeRoom(ctx, tx); err != nil || !room {
		return Case{}, Full, err
	}
	c = Case{SubscriberID: who.ID, Kind: o.Kind, Cause: o.Cause, State: Waiting, Flow: o.Flow, OpenedAt: now, SeenAt: now, ExpiresAt: now.Add(lifetime),
		Caller: Caller{Device: o.Client.Name(), Address: o.Client.Address.String(), Campus: o.Client.Campus}}
	if c, err = d.store(ctx, tx, c); err != nil || c.No == 0 {
		return Case{}, Full, err
	}
	return c, Opened, d.announceNew(ctx, tx, who, c, o.Client)
}

// turnedAway records what was not opened: of a flood only each doubling, so that
// it shows and cannot fill the trail.
func (d *Reception) turnedAway(ctx context.Context, tx CallerTx, who directory.Subscriber, o Opening, a Answer) error {
	n, _, err := tx.CountEntry(ctx, "away:"+who.ID, 24*time.Hour, d.Now())
	if err != nil || !throttle.Telling(n) { //guard:HD-20
		return err
	}
	return tx.AppendAudit(ctx, audit.Event{At: d.Now(), Name: audit.DeskCase, Actor: who.ID, Subscriber: who.ID, Outcome: string(a),
		Address: o.Client.Address.String(), AgentHash: audit.HashAgent(o.Client.Agent), Detail: map[string]string{"kind": string(o.Kind)}})
}

// makeRoom reports whether there is room for one more comparison number. Where
// there is none, the case that was unseen for the longest ends.
func (d *Reception) makeRoom(ctx context.Context, tx CallerTx) (bool, error) {
	n, err := tx.OpenCases(ctx)
	if err != nil || n < mostCases { //guard:HD-1
		return err == nil, err
	}
	old, err := tx.LongestDormant(ctx, d.Now().Add(-dormantAfter))
	if errors.Is(err, ErrNoCase) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, d.End(ctx, tx, old, Lapse)
}

// store gives a case a comparison number that no other living case has.
func (d *Reception) store(ctx context.Context, tx CallerTx, c Case) (Case, error) {
	for range numberTry {
		var err error
		if c.Number, err = secret.Number(d.Random, numberLen); err != nil {
			return Case{}, err
		}
		no, created, err := tx.CreateCase(ctx, c)
		if err != nil {
			return Case{}, err
		}
		if created {
			c.No = no
			return c, nil
		}
	}
	return Case{}, nil
}

func (d *Reception) announceNew(ctx context.Context, tx CallerTx, who directory.Subscriber, c Case, from web.Client) error {
	device, place := notice.Device(from, d.Words), notice.Place(from, d.Words)
	telling, err := telling(ctx, tx, c)
	if err != nil {
		return err
	}
	if telling {
		err := d.Notices.Tell(ctx, tx, notice.Notice{Kind: notice.CaseOpened, Subscriber: who, At: c.OpenedAt, Browser: device, Place: place, Values: d.values(c)})
		if err != nil {
			return err
		}
	}
	if d.Mail.To != "" {
		letter := mail.DeskCase{Kind: d.kind(c), At: c.OpenedAt, Browser: device, Place: place, URL: d.Mail.Console}
		if err := d.Mail.Outbox.Queue(ctx, tx, mail.Envelope{To: d.Mail.To}, letter); err != nil {
			return err
		}
	}
	if err := tx.Announce(ctx, BoardTopic); err != nil {
		return err
	}
	return tx.AppendAudit(ctx, c.event(who.ID, "opened", d.Now()))
}

// telling reports whether the person is told by mail that a case was opened, and
// that it ended without the help desk: of the first three of a day, and then at
// each doubling. Who knows the password could fill the mailboxes otherwise. What
// an agent decides is told always.
func telling(ctx context.Context, tx CaseTx, c Case) (bool, error) {
	recent, err := tx.CasesOf(ctx, c.SubscriberID, c.OpenedAt.Add(-24*time.Hour))
	n := int64(0)
	for _, o := range recent {
		if o.No <= c.No {
			n++
		}
	}
	return n <= told || throttle.Telling(n), err
}

func (d *Reception) kind(c Case) mail.Text { return d.Words(kindNames[c.Kind]) }

// KindName returns the key of a kind in the catalogue.
func KindName(k Kind) string { return kindNames[k] }

// kindNames are the keys of the kinds in the catalogue.
var kindNames = map[Kind]string{SignIn: "kind.signin", Initialise: "kind.initialise", First: "kind.first", Report: "kind.report"}

func (d *Reception) values(c Case) mail.Values {
	return mail.Values{"kind": d.kind(c), "no": mail.Same(strconv.FormatInt(c.No, 10))}
}

// Topics of what changes.
const BoardTopic = "desk"

// Topic is where a case's changes are announced.
func (c Case) Topic() string { return "case:" + strconv.FormatInt(c.No, 10) }

// move takes a case one step on, records it, and tells everyone who waits for it.
func (d *Reception) move(ctx context.Context, tx CaseTx, c *Case, o Outcome, e audit.Event) (err error) {
	now := d.Now()
	if c.Lapsed(now) && o != Lapse { //guard:HD-18
		return flow.OutOfOrder(c.State, o)
	}
	if c.State, err = transitions.Next(c.State, o); err != nil {
		return err
	}
	if c.State.Ended() {
		c.EndedAt, c.Number = now, ""
	}
	for _, do := range []func() error{
		func() error { return tx.UpdateCase(ctx, *c) },
		func() error { return tx.AppendAudit(ctx, e) },
		func() error { return tx.Announce(ctx, c.Topic()) },
		func() error { return tx.Announce(ctx, BoardTopic) },
	} {
		if err := do(); err != nil {
			return err
		}
	}
	c.Version++
	return nil
}

// End ends a case from the caller's side, or because its time is over.
func (d *Reception) End(ctx context.Context, tx CallerTx, c Case, o Outcome) error {
	actor := c.SubscriberID
	if o == Lapse {
		actor = ""
	}
	if err := d.move(ctx, tx, &c, o, c.event(actor, o, d.Now())); err != nil {
		return err
	}
	reason, is := map[Outcome]mail.Text{Cancellation: notice.ClosedCancelled, Lapse: notice.ClosedExpired}[o]
	if !is { // the person has just done something that is told anyway
		return nil
	}
	telling, err := telling(ctx, tx, c)
	if err != nil || !telling {
		return err
	}
	return d.tellClosed(ctx, tx, c, reason)
}

// personTx is what telling the person of a case needs.
type personTx interface {
	notice.Tx
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
}

func (d *Reception) tellClosed(ctx context.Context, tx personTx, c Case, reason mail.Text) error {
	who, err := tx.Subscriber(ctx, c.SubscriberID)
	if err != nil {
		return err
	}
	values := d.values(c)
	values["reason"] = reason
	return d.Notices.Tell(ctx, tx, notice.Notice{Kind: notice.CaseClosed, Subscriber: who, At: d.Now(), Values: values})
}

// Cancel ends the case of a flow at the caller's wish. One that has ended already
// stays as it is.
func (d *Reception) Cancel(ctx context.Context, tx CallerTx, key flow.Key) error {
	c, err := tx.CaseOfFlow(ctx, key)
	if err != nil {
		return err
	}
	if !c.Alive(d.Now()) {
		return nil
	}
	return d.End(ctx, tx, c, Cancellation)
}

// Take spends the approved case of a flow. Its error is a
// [flow.OutOfOrderError] unless the case is approved and its time is not over.
func (d *Reception) Take(ctx context.Context, tx CaseTx, key flow.Key) (Case, error) {
	c, err := tx.CaseOfFlow(ctx, key)
	if err != nil {
		return Case{}, err
	}
	return c, d.move(ctx, tx, &c, Redemption, c.event(c.SubscriberID, Redemption, d.Now()))
}

// Waits returns the living case that a browser has for a person, or [ErrNoCase]:
// whoever comes back in the same browser goes on waiting.
func (d *Reception) Waits(ctx context.Context, tx CaseTx, subscriberID string, browser []byte) (Case, error) {
	now := d.Now()
	recent, err := tx.CasesOf(ctx, subscriberID, now.Add(-lifetime))
	if err != nil {
		return Case{}, err
	}
	for _, c := range recent {
		if c.Alive(now) && c.Kind != Report && bytes.Equal(c.Flow.Browser, browser) {
			return c, nil
		}
	}
	return Case{}, ErrNoCase
}

// EndOpen ends the cases of a person who has done something after which they must
// not come to anything: signed in with a second factor, changed the password,
// reported a change. Reports stay: they are not about coming in.
func (d *Reception) EndOpen(ctx context.Context, tx CallerTx, subscriberID string, o Outcome) error {
	now := d.Now()
	recent, err := tx.CasesOf(ctx, subscriberID, now.Add(-lifetime))
	if err != nil {
		return err
	}
	for _, c := range recent {
		if c.Alive(now) && c.Kind != Report {
			if err := d.End(ctx, tx, c, o); err != nil {
				return err
			}
		}
	}
	return nil
}

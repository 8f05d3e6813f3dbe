package helpdesk

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"warifu/internal/alarm"
	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/directory/local"
	"warifu/internal/flow"
	"warifu/internal/mailotp"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/web"
)

var (
	// ErrSelf means that the case is the agent's own.
	ErrSelf = errors.New("helpdesk: the agent's own case")
	// ErrSame means that the second approval is to come from another agent.
	ErrSame = errors.New("helpdesk: the same agent twice")
	// ErrLimit means that an administrator has to approve, too.
	ErrLimit = errors.New("helpdesk: only an administrator may give the second approval")
	// ErrRank means that only an administrator may act on another one.
	ErrRank = errors.New("helpdesk: an agent cannot act on an administrator")
	// ErrOffDuty means that the desk is closed, and the agent is not on the duty list.
	ErrOffDuty = errors.New("helpdesk: outside of the opening hours")
)

// A TakenError means that another agent is at work on a case.
type TakenError struct {
	No    int64
	Agent directory.Subscriber
	At    time.Time
}

func (e *TakenError) Error() string { return "helpdesk: another agent is working on the case" }

// A BlockedError says why a case cannot be approved yet.
type BlockedError struct{ Blocks []Block }

func (e *BlockedError) Error() string {
	return "helpdesk: cannot be approved: " + string(e.Blocks[0])
}

// Block is one thing that stands in the way of an approval.
type Block string

// The blocks.
const (
	NoIdentity  Block = "identity"
	Frozen      Block = "frozen"
	IsDormant   Block = "dormant"
	IsSuspended Block = "suspended"
	NoReason    Block = "reason"
	LongReason  Block = "long reason"
)

// How long the reason of a decision must be at least (HD-4), and at most, in
// characters.
const (
	MinReason = 10
	maxReason = 500
)

// reasoned returns a [BlockedError] unless a reason is long enough, and not too long.
func reasoned(reason string) error {
	switch n := utf8.RuneCountInString(strings.TrimSpace(reason)); {
	case n < MinReason: //guard:HD-4
		return &BlockedError{Blocks: []Block{NoReason}}
	case n > maxReason:
		return &BlockedError{Blocks: []Block{LongReason}}
	}
	return nil
}

// Agent is a person of the help desk at work.
type Agent struct {
	web.Client
	Subscriber directory.Subscriber
}

// DeskTx is what the agents' side needs of a transaction.
type DeskTx interface {
	CallerTx
	DeskReader
	EntryTx
	FreezeTx
	alarm.RaiseTx
	RestoreTx
	// ReplaceOTP stores an OTP in place of any other of its subscriber.
	ReplaceOTP(ctx context.Context, o mailotp.OTP) error
}

// FreezeTx lifts what a report has stopped.
type FreezeTx interface {
	Unfreeze(ctx context.Context, subscriberID string) error
}

// DeskReader is what the agents' side reads.
type DeskReader interface {
	UndoTx
	MeansReader
	Case(ctx context.Context, no int64) (Case, error)
	CasesOf(ctx context.Context, subscriberID string, since time.Time) ([]Case, error)
	// LivingCases returns the cases that have not ended, the oldest first.
	LivingCases(ctx context.Context) ([]Case, error)
	// CountApprovals counts those of an agent since a time.
	CountApprovals(ctx context.Context, agentID string, since time.Time) (int64, error)
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
	SubscriberBySPSID(ctx context.Context, spsID string) (directory.Subscriber, string, error)
	// AuditOf returns the events about a subscriber since a time, the newest first.
	AuditOf(ctx context.Context, subscriberID string, since time.Time, most int) ([]audit.Row, error)
}

// Desk is the agents' side of cases. InTx and View may run their function more
// than once.
type Desk struct {
	*Reception
	InTx    func(ctx context.Context, fn func(DeskTx) error) error
	View    func(ctx context.Context, fn func(DeskReader) error) error
	Policy  Policy
	OTPs    mailotp.Policy
	Codes   *secret.MAC // digests of OTPs
	Entries *secret.MAC // names of typed SPS-IDs in counts
	Domains []string    // of the institution, for folding SPS-IDs
	Open    func(time.Time) (open bool, next time.Time)
	Alarm   *alarm.Watch
	Random  io.Reader
}

// first returns who has asked for a second agent, and reports whether that
// approval still counts: for a quarter of an hour, and of somebody who is an agent.
func (d *Desk) first(ctx context.Context, tx DeskReader, c Case) (who directory.Subscriber, stands bool, err error) {
	if c.First.AgentID == "" {
		return who, false, nil
	}
	who, err = tx.Subscriber(ctx, c.First.AgentID)
	return who, d.Now().Sub(c.First.At) < secondWithin && who.IsAgent() && who.Status == directory.Active, err
}

// sameAgent reports whether two accounts are one agent's. The telephone may be the
// help desk's.
func sameAgent(a, b directory.Subscriber) bool {
	return a.ID == b.ID || a.Mailbox != "" && strings.EqualFold(a.Mailbox, b.Mailbox)
}

// samePerson reports whether two accounts are one person's (A28).
func samePerson(a, b directory.Subscriber) bool {
	return sameAgent(a, b) || a.Telephone != "" && a.Telephone == b.Telephone
}

// by is the agent as the trail names him.
func (a Agent) by() local.By {
	return local.By{SubscriberID: a.Subscriber.ID, Address: a.Address.String(), AgentHash: audit.HashAgent(a.Agent)}
}

func (a Agent) event(name audit.Name, target, outcome string, now time.Time) audit.Event {
	return audit.Event{At: now, Name: name, Actor: a.Subscriber.ID, Target: target, Outcome: outcome,
		Address: a.Address.String(), AgentHash: audit.HashAgent(a.Agent)}
}

// Note keeps what the agent has marked and written so far. In the hands of the
// second agent the record stays as it is.
func (d *Desk) Note(ctx context.Context, a Agent, no int64, w Work) error {
	return d.InTx(ctx, func(tx DeskTx) error {
		c, err := d.mine(ctx, tx, a, no)
		if err != nil {
			return err
		}
		return d.note(ctx, tx, a, c, w)
	})
}

func (d *Desk) note(ctx context.Context, tx DeskTx, a Agent, c Case, w Work) error {
	if c.State != Working {
		return flow.OutOfOrder(c.State, Noted)
	}
	if utf8.RuneCountInString(w.Reason) > maxReason {
		return &BlockedError{Blocks: []Block{LongReason}}
	}
	for item := range w.Checks {
		if !slices.Contains(d.Policy.Items, item) {
			return ErrNoCase
		}
	}
	w.AgentID, w.TouchedAt = a.Subscriber.ID, d.Now()
	w.PasswordToo = w.PasswordToo && c.Kind == Initialise
	w.PhoneShown = w.PhoneShown || c.Work.PhoneShown
	if w.PhoneShown && !c.Work.PhoneShown {
		if err := tx.AppendAudit(ctx, c.acted(a, "telephone number shown", d.Now())); err != nil {
			return err
		}
	}
	c.Work = w
	return d.move(ctx, tx, &c, Noted, c.acted(a, Noted, d.Now()))
}

// mine returns a case that this agent has opened and is at work on. Others do
// not exist for him.
func (d *Desk) mine(ctx context.Context, tx DeskReader, a Agent, no int64) (Case, error) {
	c, err := tx.Case(ctx, no)
	if err != nil {
		return Case{}, err
	}
	if c.Work.AgentID != a.Subscriber.ID { //guard:A32
		return Case{}, ErrNoCase
	}
	return c, nil
}

// Confirmed is a case as it stood before the agent who has confirmed an act.
type Confirmed struct {
	No      int64
	Version int64
}

// confirmed returns the case of a confirmation, which is good once: a form that is
// sent twice, or that another case or record stood behind, is an [flow.ErrConflict].
func (d *Desk) confirmed(ctx context.Context, tx DeskReader, a Agent, f Confirmed) (Case, error) {
	c, err := d.mine(ctx, tx, a, f.No)
	if err == nil && c.Version != f.Version { //guard:SES-5
		err = flow.ErrConflict
	}
	return c, err
}

// blocks returns what stands in the way of the approval of a case.
func (d *Desk) blocks(ctx context.Context, tx DeskReader, who directory.Subscriber, c Case) (blocks []Block, err error) {
	now := d.Now()
	if !c.Work.Checks.Confirms(d.Policy.Need) { //guard:HD-4
		blocks = append(blocks, NoIdentity)
	}
	others, err := d.rivals(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	if len(others) > 0 { //guard:HD-20
		blocks = append(blocks, Frozen)
	}
	if c.Dormant(now) { //guard:HD-11
		blocks = append(blocks, IsDormant)
	}
	if who.Status != directory.Active { //guard:HD-18
		blocks = append(blocks, IsSuspended)
	}
	if reasoned(c.Work.Reason) != nil { //guard:HD-4
		blocks = append(blocks, NoReason)
	}
	return blocks, nil
}

// rivals returns the other living cases of the person, which freeze this one.
func (d *Desk) rivals(ctx context.Context, tx DeskReader, c Case) (others []Case, err error) {
	now := d.Now()
	recent, err := tx.CasesOf(ctx, c.SubscriberID, now.Add(-lifetime))
	for _, o := range recent {
		if o.No != c.No && o.Alive(now) && o.State.Open() && !o.Dormant(now) && o.Kind != Report && c.Kind != Report {
			others = append(others, o)
		}
	}
	return others, err
}

// Demand is how many agents a case needs.
type Demand struct {
	Second        bool
	Administrator bool // the second one must be
}

const month = 30 * 24 * time.Hour

// demand says whether a case needs a second agent (HD-6, HD-7, HD-12, HD-13).
func (d *Desk) demand(ctx context.Context, tx DeskReader, first string, who directory.Subscriber, c Case, flags Flags) (n Demand, err error) {
	now := d.Now()
	n.Second = who.IsPrivileged() || flags.strong() && c.Kind != Report //guard:HD-6
	if c.Work.PasswordToo {                                             //guard:HD-12
		n.Second = true
	}
	if d.Policy.TwoAgents && c.Kind == Initialise { //guard:HD-7
		n.Second = true
	}
	today, err := tx.CountApprovals(ctx, first, now.Add(-24*time.Hour))
	if err != nil {
		return n, err
	}
	if today >= d.Policy.StopAt { //guard:HD-13
		n.Second, n.Administrator = true, true
	}
	if flags.Approvals >= d.Policy.PerMonth { //guard:HD-13
		n.Second, n.Administrator = true, true
	}
	return n, nil
}

// Verdict is how an approval ended.
type Verdict struct {
	Case    Case
	Outcome Outcome
	OTP     string // of a sign-in: the digits, once
}

// Approve approves a case, or asks for a second agent where one is needed. The
// state of everything is looked at once more, in the same transaction.
func (d *Desk) Approve(ctx context.Context, a Agent, f Confirmed) (v Verdict, err error) {
	err = d.InTx(ctx, func(tx DeskTx) error {
		v, err = d.approve(ctx, tx, a, f)
		return err
	})
	return v, err
}

// ApproveUndo is [Desk.Approve] for a report: what has become of the notification
// addresses is turned back.
func (d *Desk) ApproveUndo(ctx context.Context, a Agent, f Confirmed) (v Verdict, err error) {
	err = d.InTx(ctx, func(tx DeskTx) error {
		c, err := d.confirmed(ctx, tx, a, f)
		if err != nil {
			return err
		}
		who, err := tx.Subscriber(ctx, c.SubscriberID)
		if err != nil {
			return err
		}
		if v, err = d.approve(ctx, tx, a, f); err != nil || v.Case.State != Used {
			return err
		}
		return d.turnBack(ctx, tx, who, c) // as it was before the stop was lifted
	})
	return v, err
}

func (d *Desk) approve(ctx context.Context, tx DeskTx, a Agent, f Confirmed) (v Verdict, err error) {
	c, err := d.confirmed(ctx, tx, a, f)
	if err != nil {
		return v, err
	}
	if c.Lapsed(d.Now()) { //guard:HD-18
		return v, flow.OutOfOrder(c.State, Approval)
	}
	if err := tx.HoldSubscriber(ctx, c.SubscriberID); err != nil {
		return v, err
	}
	who, err := tx.Subscriber(ctx, c.SubscriberID)
	if err != nil {
		return v, err
	}
	if samePerson(a.Subscriber, who) { //guard:HD-6
		return v, ErrSelf
	}
	open, _ := d.Open(d.Now())
	if !open && d.Policy.OutsideHours == "duty" && !slices.Contains(d.Policy.Duty, a.Subscriber.SPSID) { //guard:HD-15
		return v, ErrOffDuty
	}
	if v.Outcome, err = d.verdict(ctx, tx, a, who, &c); err != nil {
		return v, err
	}
	blocks, err := d.blocks(ctx, tx, who, c)
	if err != nil {
		return v, err
	}
	if len(blocks) > 0 {
		return v, &BlockedError{Blocks: blocks}
	}
	if v.Outcome == SecondAsked {
		c.First = Decision{AgentID: a.Subscriber.ID, At: d.Now()}
		err = d.move(ctx, tx, &c, SecondAsked, c.judged(a, SecondAsked, d.Now()))
		v.Case = c
		return v, err
	}
	return d.grant(ctx, tx, a, who, c, v.Outcome, !open)
}

// verdict says what the approval of this agent comes to.
func (d *Desk) verdict(ctx context.Context, tx DeskTx, a Agent, who directory.Subscriber, c *Case) (Outcome, error) {
	if c.State == Approved && c.Kind != SignIn { //guard:HD-9
		return "", flow.OutOfOrder(c.State, Approval)
	}
	flags, err := d.flags(ctx, tx, who, *c)
	if err != nil {
		return "", err
	}
	first, stands, err := d.first(ctx, tx, *c)
	if err != nil {
		return "", err
	}
	if c.State != Second {
		first = a.Subscriber
	}
	n, err := d.demand(ctx, tx, first.ID, who, *c, flags)
	switch {
	case err != nil:
		return "", err
	case c.State != Second && n.Second: //guard:HD-6
		return SecondAsked, nil
	case c.State == Approved:
		return Again, nil
	case c.State != Second:
		return Approval, nil
	case sameAgent(first, a.Subscriber): //guard:HD-6
		return "", ErrSame
	case n.Administrator && a.Subscriber.Role != directory.RoleAdministrator: //guard:HD-13
		return "", ErrLimit
	case !stands: //guard:HD-6
		return "", flow.OutOfOrder(c.State, Approval)
	}
	return Approval, nil
}

// grant approves. Of a sign-in the OTP is made, which works in the caller's flow
// alone (HD-8).
func (d *Desk) grant(ctx context.Context, tx DeskTx, a Agent, who directory.Subscriber, c Case, o Outcome, closed bool) (v Verdict, err error) {
	now := d.Now()
	c.Decided, c.Marks.OutsideHours = Decision{AgentID: a.Subscriber.ID, At: now}, closed
	if c.Marks.CheckCall, err = d.chosen(); err != nil {
		return v, err
	}
	switch c.Kind {
	case SignIn:
		if v.OTP, err = d.makeOTP(ctx, tx, c); err != nil {
			return v, err
		}
		c.ShownAt = now
	case Initialise, First:
		c.ExpiresAt = now.Add(TakeWithin)
	case Report:
		if err := tx.Unfreeze(ctx, c.SubscriberID); err != nil {
			return v, err
		}
	}
	if err := d.move(ctx, tx, &c, o, c.judged(a, o, now)); err != nil {
		return Verdict{}, err
	}
	if c.Kind == Report { // nothing is left to be taken
		if err := d.move(ctx, tx, &c, Redemption, c.acted(a, Redemption, now)); err != nil {
			return Verdict{}, err
		}
	}
	v.Case, v.Outcome = c, o
	if err := d.alarms(ctx, tx, a, c); err != nil {
		return Verdict{}, err
	}
	err = d.Notices.Tell(ctx, tx, notice.Notice{Kind: notice.CaseApproved, Subscriber: who, At: now, Values: d.values(c)})
	return v, err
}

func (d *Desk) makeOTP(ctx context.Context, tx DeskTx, c Case) (string, error) {
	otp, digits, err := d.OTPs.Make(d.Random, d.Codes, mailotp.OTP{SubscriberID: c.SubscriberID, FlowID: c.Flow.ID}, d.Now())
	if err != nil {
		return "", err
	}
	return digits, tx.ReplaceOTP(ctx, otp)
}

// Refuse ends a case that the agent is at work on.
func (d *Desk) Refuse(ctx context.Context, a Agent, f Confirmed, why Why) error {
	return d.InTx(ctx, func(tx DeskTx) error {
		c, err := d.confirmed(ctx, tx, a, f)
		if err != nil {
			return err
		}
		return d.refuse(ctx, tx, a, c, why)
	})
}

// RefuseOther ends another living case of the same person: the caller is the one
// who has read out the number of this one.
func (d *Desk) RefuseOther(ctx context.Context, a Agent, f Confirmed, other int64) error {
	return d.InTx(ctx, func(tx DeskTx) error {
		c, err := d.confirmed(ctx, tx, a, f)
		if err != nil {
			return err
		}
		if !c.State.Open() { //guard:HD-20
			return flow.OutOfOrder(c.State, Refusal)
		}
		rivals, err := d.rivals(ctx, tx, c)
		if err != nil {
			return err
		}
		for _, r := range rivals {
			if r.No == other {
				r.Work.Checks, r.Work.Reason = nil, c.Work.Reason
				return d.refuse(ctx, tx, a, r, Suspicious)
			}
		}
		return ErrNoCase
	})
}

func (d *Desk) refuse(ctx context.Context, tx DeskTx, a Agent, c Case, why Why) error {
	if !slices.Contains(whys, why) {
		return ErrNoCase
	}
	if err := reasoned(c.Work.Reason); err != nil { //guard:HD-4
		return err
	}
	who, err := tx.Subscriber(ctx, c.SubscriberID)
	if err != nil {
		return err
	}
	if samePerson(a.Subscriber, who) { //guard:HD-6
		return ErrSelf
	}
	c.Decided, c.Why = Decision{AgentID: a.Subscriber.ID, At: d.Now()}, why
	if err := d.move(ctx, tx, &c, Refusal, c.judged(a, Refusal, d.Now())); err != nil {
		return err
	}
	reason := notice.ClosedIdentity
	if why == Mistake || why == HungUp {
		reason = notice.ClosedOtherwise
	}
	return d.tellClosed(ctx, tx, c, reason)
}

// Lapse notes the ends of the cases whose time is over, a few at a time.
func (d *Desk) Lapse(ctx context.Context) error {
	var over []Case
	now := d.Now()
	err := d.View(ctx, func(tx DeskReader) error {
		over = nil
		all, err := tx.LivingCases(ctx)
		for _, c := range all {
			if c.Lapsed(now) {
				over = append(over, c)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range over {
		err := d.InTx(ctx, func(tx DeskTx) error { return d.End(ctx, tx, c, Lapse) })
		if err != nil && !errors.Is(err, flow.ErrConflict) {
			return err
		}
	}
	return nil
}

// number shows a case's number.
func number(no int64) string { return strconv.FormatInt(no, 10) }

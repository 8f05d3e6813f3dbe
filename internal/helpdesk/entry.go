package helpdesk

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"warifu/internal/alarm"
	"warifu/internal/audit"
	"warifu/internal/directory"
)

// EntryTx counts wrong entries.
type EntryTx interface {
	CountTx
	// ForgiveEntry takes back what CountEntry has counted last.
	ForgiveEntry(ctx context.Context, name string) error
	StopEntries(ctx context.Context, name string, now time.Time) error
}

// Entry is what came of an agent's typing SPS-ID and number.
type Entry struct {
	No      int64 // of the case; zero if none matches
	Left    int64 // wrong entries until the agent is stopped
	Stopped bool

	target int64  // wrong entries for this SPS-ID, of all agents
	of     string // id of whom the SPS-ID is; empty if it is nobody's
}

const (
	entryWindow  = 10 * time.Minute // of an agent (HD-2)
	targetWindow = time.Hour        // of an SPS-ID over all agents (HD-2)
	targetAlarm  = 5
)

// Enter opens the case that SPS-ID and number name together. Which of them was
// wrong is not told. The entry is counted before, in a transaction of its own.
func (d *Desk) Enter(ctx context.Context, a Agent, spsID, number string, takeOver bool) (e Entry, err error) {
	id := directory.FoldID(spsID, d.Domains)
	target := "id:" + hex.EncodeToString(d.Entries.Sum("desk entry", []byte(id)))
	err = d.InTx(ctx, func(tx DeskTx) error {
		e, err = d.reserveEntry(ctx, tx, a, target)
		return err
	})
	if err != nil || e.Stopped {
		return e, err
	}
	reserved := e
	var denied error // the entry is right, but not for this agent now
	err = d.InTx(ctx, func(tx DeskTx) error {
		e, denied = d.enter(ctx, tx, a, id, number, takeOver)
		switch outcome, right := denials(denied); {
		case denied != nil && !right:
			return denied
		case right:
			if err := tx.AppendAudit(ctx, a.event(audit.DeskEntry, strconv.FormatInt(e.No, 10), outcome, d.Now())); err != nil {
				return err
			}
		case e.No == 0:
			e.Left = reserved.Left
			e.target = reserved.target
			return d.noMatch(ctx, tx, a, &e)
		}
		return errors.Join(tx.ForgiveEntry(ctx, "agent:"+a.Subscriber.ID), tx.ForgiveEntry(ctx, target))
	})
	return e, cmp.Or(err, denied)
}

// denials says how an entry is recorded that was right, and was not let through.
func denials(err error) (outcome string, right bool) {
	_, taken := errors.AsType[*TakenError](err)
	switch {
	case taken:
		return "another agent is at work", true
	case errors.Is(err, ErrSelf):
		return "own case", true
	case errors.Is(err, ErrSame):
		return "same agent", true
	}
	return "", false
}

func (d *Desk) reserveEntry(ctx context.Context, tx DeskTx, a Agent, target string) (Entry, error) {
	now, name := d.Now(), "agent:"+a.Subscriber.ID
	wrong, stopped, err := tx.CountEntry(ctx, name, entryWindow, now)
	if err != nil {
		return Entry{}, err
	}
	if !stopped.IsZero() { //guard:HD-2
		return Entry{Stopped: true}, nil
	}
	if wrong > d.Policy.WrongEntries { //guard:HD-2
		return Entry{Stopped: true}, nil // as many are being verified now as may be wrong
	}
	perTarget, _, err := tx.CountEntry(ctx, target, targetWindow, now)
	return Entry{Left: d.Policy.WrongEntries - wrong, target: perTarget}, err
}

// noMatch records a wrong entry, and for whom it was, never what was typed; with the
// last one the agent is stopped.
func (d *Desk) noMatch(ctx context.Context, tx DeskTx, a Agent, e *Entry) error {
	now := d.Now()
	if e.target == targetAlarm { //guard:HD-2
		if err := d.Alarm.Raise(ctx, tx, alarm.Finding{Rule: alarm.DeskTarget, Of: e.of, N: targetAlarm, Limit: targetAlarm}); err != nil {
			return err
		}
	}
	wrong := a.event(audit.DeskEntry, "", "no match", now)
	wrong.Subscriber = e.of
	if err := tx.AppendAudit(ctx, wrong); err != nil || e.Left > 0 { //guard:HD-2
		return err
	}
	e.Stopped = true
	if err := tx.StopEntries(ctx, "agent:"+a.Subscriber.ID, now); err != nil {
		return err
	}
	if err := d.Alarm.Raise(ctx, tx, alarm.Finding{Rule: alarm.DeskEntries, Of: a.Subscriber.ID, N: d.Policy.WrongEntries, Limit: d.Policy.WrongEntries}); err != nil {
		return err
	}
	return tx.AppendAudit(ctx, a.event(audit.DeskStop, a.Subscriber.ID, "", now))
}

// enter finds the one open case that both name, and puts the agent to work on it.
func (d *Desk) enter(ctx context.Context, tx DeskTx, a Agent, id, number string, takeOver bool) (Entry, error) {
	who, _, err := tx.SubscriberBySPSID(ctx, id)
	if errors.Is(err, directory.ErrNotFound) {
		return Entry{}, nil
	}
	if err != nil {
		return Entry{}, err
	}
	now := d.Now()
	recent, err := tx.CasesOf(ctx, who.ID, now.Add(-lifetime))
	if err != nil {
		return Entry{}, err
	}
	for _, c := range recent {
		if !c.Alive(now) || !c.State.Open() || number == "" || c.Number != number { //guard:HD-2
			continue
		}
		return Entry{No: c.No}, d.begin(ctx, tx, a, who, c, takeOver)
	}
	return Entry{of: who.ID}, nil
}

// begin puts an agent to work on a case that is open.
func (d *Desk) begin(ctx context.Context, tx DeskTx, a Agent, who directory.Subscriber, c Case, takeOver bool) error {
	now := d.Now()
	if samePerson(a.Subscriber, who) { //guard:HD-6
		return ErrSelf
	}
	first, stands, err := d.first(ctx, tx, c)
	if err != nil {
		return err
	}
	if c.State == Second && !stands {
		if err := d.move(ctx, tx, &c, SecondLapse, c.event("", SecondLapse, now)); err != nil {
			return err
		}
	}
	o := Entered
	switch {
	case c.State == Second && sameAgent(first, a.Subscriber): //guard:HD-6
		return ErrSame
	case c.State == Working && c.Work.AgentID != a.Subscriber.ID && now.Sub(c.Work.TouchedAt) < freeAfter:
		if !takeOver {
			other, err := tx.Subscriber(ctx, c.Work.AgentID)
			if err != nil {
				return err
			}
			return &TakenError{No: c.No, Agent: other, At: c.Work.TouchedAt}
		}
		o = TakenOver
	}
	if c.Work.AgentID != a.Subscriber.ID && c.State != Second { // what another agent was told is not this one's knowledge
		c.Work = Work{}
	}
	c.Work.AgentID, c.Work.TouchedAt = a.Subscriber.ID, now
	return d.move(ctx, tx, &c, o, c.acted(a, o, now))
}

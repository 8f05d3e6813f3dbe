package helpdesk

import (
	"context"
	"slices"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
)

// Sheet is what an agent sees of a case: never the comparison number, and no
// secret (HD-1, HD-3).
type Sheet struct {
	Case   Case
	Person directory.Subscriber
	Means  Means // that the person has left
	Flags  Flags
	Demand Demand
	Rivals []Case
	Blocks []Block
	Undo   Undo                 // of a report: what can be turned back
	First  directory.Subscriber // who has asked for a second agent; empty if nobody
	SetUp  bool                 // the caller has finished what the case was for
}

// Sheet returns that of a case that this agent is at work on, or was last.
func (d *Desk) Sheet(ctx context.Context, a Agent, no int64) (s Sheet, err error) {
	err = d.View(ctx, func(tx DeskReader) error {
		s, err = d.sheet(ctx, tx, a, no)
		return err
	})
	return s, err
}

func (d *Desk) sheet(ctx context.Context, tx DeskReader, a Agent, no int64) (s Sheet, err error) {
	if s.Case, err = d.mine(ctx, tx, a, no); err != nil {
		return s, err
	}
	c := s.Case
	if s.Person, err = tx.Subscriber(ctx, c.SubscriberID); err != nil {
		return s, err
	}
	if s.Means, err = meansOf(ctx, tx, c.SubscriberID); err != nil {
		return s, err
	}
	if s.Flags, err = d.flags(ctx, tx, s.Person, c); err != nil {
		return s, err
	}
	first := a.Subscriber.ID
	if c.First.AgentID != "" {
		first = c.First.AgentID
		if s.First, err = tx.Subscriber(ctx, first); err != nil {
			return s, err
		}
	}
	if s.Demand, err = d.demand(ctx, tx, first, s.Person, c, s.Flags); err != nil {
		return s, err
	}
	if s.Rivals, err = d.rivals(ctx, tx, c); err != nil {
		return s, err
	}
	if s.Undo, err = d.undo(ctx, tx, s.Person, c); err != nil {
		return s, err
	}
	if s.SetUp, err = setUp(ctx, tx, c); err != nil {
		return s, err
	}
	s.Blocks, err = d.blocks(ctx, tx, s.Person, c)
	return s, err
}

// setUp reports whether the caller has bound an Authenticator with the right that
// a case gave.
func setUp(ctx context.Context, tx DeskReader, c Case) (bool, error) {
	if c.State != Used || c.Kind != Initialise && c.Kind != First {
		return false, nil
	}
	all, err := tx.TOTPAuthenticators(ctx, c.SubscriberID)
	return slices.ContainsFunc(all, func(one totp.Authenticator) bool {
		return one.State == totp.Active && one.BoundBy == authenticator.ByHelpDesk && !one.CreatedAt.Before(c.EndedAt)
	}), err
}

// Progress returns a case that this agent is at work on, or was last, and whether
// its caller has finished the set-up.
func (d *Desk) Progress(ctx context.Context, a Agent, no int64) (c Case, done bool, err error) {
	err = d.View(ctx, func(tx DeskReader) error {
		if c, err = d.mine(ctx, tx, a, no); err != nil {
			return err
		}
		done, err = setUp(ctx, tx, c)
		return err
	})
	return c, done, err
}

// Row is one line of the board, without a person (HD-19).
type Row struct {
	Case    Case // without subscriber and number
	Mine    bool
	Present bool // the caller's page was heard of in the last minute
}

// Board returns the open cases, the oldest first. Those of the agent are marked;
// only these lead on to a case.
func (d *Desk) Board(ctx context.Context, a Agent) (rows []Row, err error) {
	now := d.Now()
	err = d.View(ctx, func(tx DeskReader) error {
		rows = nil
		all, err := tx.LivingCases(ctx)
		for _, c := range all {
			mine := c.Work.AgentID == a.Subscriber.ID
			if !c.Alive(now) || !c.State.Open() && !mine {
				continue
			}
			c.SubscriberID, c.Number = "", "" //guard:A65
			rows = append(rows, Row{Case: c, Mine: mine, Present: now.Sub(c.SeenAt) < present})
		}
		return err
	})
	return rows, err
}

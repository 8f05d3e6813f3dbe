package recovery

import (
	"context"
	"crypto/rand"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/password"
	"warifu/internal/directory"
	"warifu/internal/flow"
	"warifu/internal/helpdesk"
	"warifu/internal/notice"
	"warifu/internal/ticket"
)

// goOnWaiting leads whoever has closed the page that waits for the help desk
// back to it.
func (s *Service) goOnWaiting(ctx context.Context, tx Tx, answer password.Answer, c Claimant, waiting helpdesk.Case) (v Verdict, err error) {
	if err := s.Passwords.Settle(ctx, tx, answer); err != nil {
		return Verdict{}, err
	}
	v.Outcome = PasswordAccepted
	if v.Flow, err = s.load(ctx, tx, waiting.Flow); err != nil {
		return Verdict{}, err
	}
	return v, s.record(ctx, tx, v, c)
}

// AskDesk opens a case at the help desk, whose agent can have the TOTP
// initialized in this browser.
func (s *Service) AskDesk(ctx context.Context, key flow.Key, c Claimant) (Verdict, error) {
	return s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		if _, err := transitions.Next(f.State, DeskAsked); err != nil { // nothing is opened
			return Verdict{}, err
		}
		who, err := tx.Subscriber(ctx, f.SubscriberID)
		if err != nil {
			return Verdict{}, err
		}
		kind := helpdesk.Initialise
		if !who.HadFactor {
			kind = helpdesk.First
		}
		return s.askDesk(ctx, tx, f, c, who, kind)
	})
}

func (s *Service) askDesk(ctx context.Context, tx Tx, f *Flow, c Claimant, who directory.Subscriber, kind helpdesk.Kind) (Verdict, error) {
	if who.Status != directory.Active { //guard:SES-9
		return Verdict{Outcome: SuspendedAccount}, nil
	}
	back, err := s.waysBack(ctx, tx, *f)
	if err != nil {
		return Verdict{}, err
	}
	opened, answer, err := s.Desk.Open(ctx, tx, who, helpdesk.Opening{Kind: kind, Cause: back.cause(kind), Flow: f.Key, Client: c.Client})
	if err != nil {
		return Verdict{}, err
	}
	if answer != helpdesk.Opened {
		return Verdict{Outcome: DeskNotAsked, Desk: answer, quiet: true}, nil
	}
	f.ExpiresAt = opened.PageUntil()
	return Verdict{Outcome: DeskAsked}, nil
}

// cause is why the help desk is asked.
func (w WaysBack) cause(kind helpdesk.Kind) helpdesk.Cause {
	switch {
	case kind == helpdesk.First:
		return helpdesk.WindowOver
	case w.Privileged:
		return helpdesk.NeverMail
	case len(w.Addresses) > 0:
		return helpdesk.Unreadable
	}
	return helpdesk.NoAddress
}

// AskFirst opens a case for somebody who has never had an authenticator, and
// whose time for setting one up with the password alone is over. The browser
// holds the locked ticket that says so.
func (s *Service) AskFirst(ctx context.Context, c Claimant) (v Verdict, err error) {
	err = s.InTx(ctx, func(tx Tx) error {
		v = Verdict{}
		now := s.Now()
		t, err := tx.BrowserTicket(ctx, c.Browser, now)
		if err != nil {
			return err
		}
		who, err := tx.Subscriber(ctx, t.SubscriberID)
		if err != nil {
			return err
		}
		if !t.Locked || who.HadFactor { //guard:ENR-1
			return ticket.ErrNone
		}
		f := Flow{Key: flow.Key{ID: rand.Text(), Browser: c.Browser}, SubscriberID: who.ID, State: PasswordRequired, ExpiresAt: now.Add(lifetime)}
		if v, err = s.askDesk(ctx, tx, &f, c, who, helpdesk.First); err != nil {
			return err
		}
		if f.State, err = transitions.Next(f.State, v.Outcome); err != nil {
			return err
		}
		v.Flow = f
		if err := s.record(ctx, tx, v, c); err != nil || v.Outcome != DeskAsked {
			return err
		}
		return tx.CreateRecoveryFlow(ctx, f)
	})
	return v, err
}

// TakeCase spends the approved case of a flow: this browser gets the ticket, and
// of a person who had authenticators they are taken away (HD-9).
func (s *Service) TakeCase(ctx context.Context, key flow.Key, c Claimant) (Verdict, error) {
	return s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		if f.State != DeskWaiting { // the table refuses it, too; nothing is taken
			return Verdict{}, flow.OutOfOrder(f.State, CaseUsed)
		}
		waiting, err := tx.CaseOfFlow(ctx, f.Key)
		if err != nil {
			return Verdict{}, err
		}
		if waiting.State != helpdesk.Approved || waiting.Lapsed(s.Now()) { //guard:HD-10
			return Verdict{Outcome: CaseWaits, quiet: true}, nil
		}
		who, err := tx.Subscriber(ctx, f.SubscriberID)
		if err != nil {
			return Verdict{}, err
		}
		if who.Status != directory.Active { //guard:HD-18
			return Verdict{Outcome: SuspendedAccount}, s.Desk.Cancel(ctx, tx, f.Key) // nothing leads back to this page
		}
		if _, err := s.Desk.Take(ctx, tx, f.Key); err != nil { //guard:HD-18
			return Verdict{}, err
		}
		f.ExpiresAt = s.Now().Add(lifetime)
		v := Verdict{Outcome: CaseUsed, Password: waiting.Work.PasswordToo}
		return v, s.redeemCase(ctx, tx, who, c, waiting)
	})
}

func (s *Service) redeemCase(ctx context.Context, tx Tx, who directory.Subscriber, c Claimant, waiting helpdesk.Case) error {
	right := ticket.New(who.ID, c.Browser, authenticator.ByHelpDesk, s.Now())
	right.ExpiresAt = waiting.ExpiresAt // 15 minutes from the approval
	right.Password = waiting.Work.PasswordToo
	if waiting.Kind == helpdesk.First { // there is nothing to take away
		return tx.IssueTicket(ctx, right)
	}
	return s.takeAway(ctx, tx, who, c, right, notice.HowDesk(waiting.No))
}

// CancelDesk gives the case up.
func (s *Service) CancelDesk(ctx context.Context, key flow.Key, c Claimant) (Verdict, error) {
	return s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		if f.State != DeskWaiting { // the table refuses it, too; nothing is cancelled
			return Verdict{}, flow.OutOfOrder(f.State, DeskCancelled)
		}
		return Verdict{Outcome: DeskCancelled}, s.Desk.Cancel(ctx, tx, f.Key)
	})
}

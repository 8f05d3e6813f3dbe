package signin

import (
	"context"

	"warifu/internal/directory"
	"warifu/internal/flow"
	"warifu/internal/helpdesk"
)

// AskDesk opens a case at the help desk, whose agent can let the person in with
// an OTP. The page waits as long as the case lives.
func (s *Service) AskDesk(ctx context.Context, key flow.Key, c Claimant) (Verdict, error) {
	return s.ask(ctx, key, c, DeskAsked, func(tx Tx, f *Flow, who directory.Subscriber, back WaysBack) (Verdict, error) {
		opened, answer, err := s.Desk.Open(ctx, tx, who, helpdesk.Opening{Kind: helpdesk.SignIn, Cause: back.cause(), Flow: f.Key, Client: c.Client})
		if err != nil {
			return Verdict{}, err
		}
		if answer != helpdesk.Opened {
			return Verdict{Outcome: DeskNotAsked, Desk: answer, quiet: true}, nil
		}
		f.ExpiresAt = opened.PageUntil()
		return Verdict{Outcome: DeskAsked}, nil
	})
}

// cause is why the help desk is asked.
func (w WaysBack) cause() helpdesk.Cause {
	switch {
	case w.Privileged:
		return helpdesk.NeverMail
	case len(w.Addresses) > 0:
		return helpdesk.Unreadable
	}
	return helpdesk.NoAddress
}

// CancelDesk gives the case up.
func (s *Service) CancelDesk(ctx context.Context, key flow.Key, c Claimant) (Verdict, error) {
	return s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		if f.State != DeskRequired { // the table refuses it, too; nothing is cancelled
			return Verdict{}, flow.OutOfOrder(f.State, DeskCancelled)
		}
		f.ExpiresAt = s.Now().Add(lifetime)
		return Verdict{Outcome: DeskCancelled}, s.Desk.Cancel(ctx, tx, f.Key)
	})
}

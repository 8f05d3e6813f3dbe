package signin

import (
	"context"
	"crypto/rand"
	"errors"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/password"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/flow"
	"warifu/internal/helpdesk"
)

// PasswordForm is what a claimant typed on the first page.
type PasswordForm struct {
	SPSID    string // as typed
	Password string
	Request  string // of a service, as JSON; empty without a service
}

// SubmitPassword verifies SPS-ID and password. When they are right it creates
// the flow, past its first transition.
func (s *Service) SubmitPassword(ctx context.Context, c Claimant, form PasswordForm) (v Verdict, err error) {
	answer, err := s.Passwords.Ask(ctx, password.Attempt{SPSID: form.SPSID, Password: form.Password,
		Known: c.Known, Address: c.Address, Campus: c.Campus})
	if err != nil {
		return Verdict{}, err
	}
	err = s.InTx(ctx, func(tx Tx) error {
		v, err = s.judgePassword(ctx, tx, answer, c, form)
		return err
	})
	if err != nil {
		return Verdict{}, err
	}
	s.Counted(string(v.Outcome))
	return v, nil
}

func (s *Service) judgePassword(ctx context.Context, tx Tx, answer password.Answer, c Claimant, form PasswordForm) (v Verdict, err error) {
	f := Flow{SubscriberID: answer.Subscriber.ID, State: initial}
	if answer.Refused {
		v = Verdict{Outcome: Throttled, WaitUntil: answer.WaitUntil}
		if !answer.Telling {
			return v, nil
		}
		return v, tx.AppendAudit(ctx, s.event(v.Outcome, f, c))
	}
	if err := s.Passwords.Settle(ctx, tx, answer); err != nil {
		return Verdict{}, err
	}
	if !answer.Accepted {
		return Verdict{Outcome: PasswordRejected}, tx.AppendAudit(ctx, s.event(PasswordRejected, f, c))
	}
	request, err := decode(form.Request)
	if err != nil {
		return Verdict{}, err
	}
	if v.Outcome, err = s.afterPassword(ctx, tx, answer.Subscriber, request.Need.Kind == federation.Enrol); err != nil {
		return Verdict{}, err
	}
	if v.Outcome != SuspendedAccount {
		waiting, err := s.waits(ctx, tx, answer.Subscriber.ID, c.Browser)
		if err == nil {
			return s.goOnWaiting(ctx, tx, f, c, waiting)
		}
		if !errors.Is(err, helpdesk.ErrNoCase) {
			return Verdict{}, err
		}
	}
	var trusted []authenticator.Evidence
	if v.Outcome == PasswordAccepted {
		if trusted, err = s.trusted(ctx, tx, c, answer.Subscriber); err != nil {
			return Verdict{}, err
		}
		if trusted != nil {
			v.Outcome = BrowserTrusted
		}
	}
	if f.State, err = transitions.Next(f.State, v.Outcome); err != nil {
		return Verdict{}, err
	}
	if v.Outcome == SuspendedAccount {
		return v, tx.AppendAudit(ctx, s.event(v.Outcome, f, c))
	}
	now := s.Now()
	f.Key, f.Request, f.ExpiresAt = flow.Key{ID: rand.Text(), Browser: c.Browser}, form.Request, now.Add(lifetime)
	f.Evidence = append([]authenticator.Evidence{{Kind: authenticator.Password, At: now}}, trusted...)
	switch f.State {
	case SignedIn:
		err = s.openSession(ctx, tx, &f, c, answer.Subscriber, &v)
	case EnrolmentRequired:
		err = s.allowEnrolment(ctx, tx, f, answer.Subscriber)
	}
	if err != nil {
		return Verdict{}, err
	}
	v.Flow = f
	if err := tx.AppendAudit(ctx, s.event(v.Outcome, f, c)); err != nil {
		return Verdict{}, err
	}
	return v, tx.CreateSigninFlow(ctx, f)
}

// waits returns the case that this browser waits for, or [helpdesk.ErrNoCase]:
// also where the waiting page's own flow has ended, as with a suspension.
func (s *Service) waits(ctx context.Context, tx Tx, subscriberID string, browser []byte) (helpdesk.Case, error) {
	waiting, err := s.Desk.Waits(ctx, tx, subscriberID, browser)
	if err != nil || waiting.Kind != helpdesk.SignIn {
		return waiting, err
	}
	f, err := s.load(ctx, tx, waiting.Flow)
	if errors.Is(err, flow.ErrNotFound) || err == nil && f.State != DeskRequired {
		return helpdesk.Case{}, helpdesk.ErrNoCase
	}
	return waiting, err
}

// goOnWaiting leads whoever has closed the page that waits for the help desk
// back to it, in the same browser and with the right password. No flow is made:
// the page's own goes on.
func (s *Service) goOnWaiting(ctx context.Context, tx Tx, f Flow, c Claimant, waiting helpdesk.Case) (v Verdict, err error) {
	v.Outcome = RecoveryFound
	if waiting.Kind == helpdesk.SignIn {
		v.Outcome = DeskFound
	}
	f.Key = waiting.Flow
	if f.State, err = transitions.Next(f.State, v.Outcome); err != nil {
		return Verdict{}, err
	}
	v.Flow = f
	return v, tx.AppendAudit(ctx, s.event(v.Outcome, f, c))
}

// afterPassword says how the right password of a person ends the first step. On the
// way to a service that wants a second factor, the password alone will not do.
func (s *Service) afterPassword(ctx context.Context, tx Tx, who directory.Subscriber, wanted bool) (Outcome, error) {
	if who.Status != directory.Active { //guard:SES-9
		return SuspendedAccount, nil
	}
	m, err := means(ctx, tx, who.ID)
	if err != nil {
		return "", err
	}
	switch {
	case m.any():
		return PasswordAccepted, nil
	case who.HadFactor: //guard:A63
		return FactorTaken, nil
	case wanted || s.Policy.NeedsFactor(who.Groups, s.Now()): //guard:ENR-2
		return FactorMissing, nil
	}
	return PasswordSuffices, nil
}

// allowEnrolment gives the browser the right to set up the first second factor.
func (s *Service) allowEnrolment(ctx context.Context, tx Tx, f Flow, who directory.Subscriber) error {
	t := s.Tickets.First(who, f.Browser, s.Now())
	t.Request = f.Request
	return tx.IssueTicket(ctx, t)
}

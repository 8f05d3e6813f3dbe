package signin

import (
	"context"
	"fmt"

	"warifu/internal/authenticator"
	"warifu/internal/directory"
	"warifu/internal/flow"
	"warifu/internal/helpdesk"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/throttle"
)

// attempt is one second factor, given by one claimant.
type attempt struct {
	who      directory.Subscriber
	flow     *Flow
	claimant Claimant
	code     string // as its parser returns it; of typed ones only
	reserved throttle.FactorReservation
}

// typed is what a step with a typed second factor is about.
type typed struct {
	kind     authenticator.Kind
	accepted Outcome // of a right one
	code     string
}

// submitTyped runs a step with a typed second factor: the attempt is counted,
// and unless there were too many, verify says what came of it.
func (s *Service) submitTyped(ctx context.Context, key flow.Key, c Claimant, t typed, verify func(context.Context, Tx, attempt) (Verdict, error)) (Verdict, error) {
	reserved, err := s.reserveFactor(ctx, key, c)
	if err != nil {
		return Verdict{}, err
	}
	return s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		who, v, err := s.admit(ctx, tx, f, t.kind, t.accepted)
		if err != nil || v.Outcome != "" {
			return v, err
		}
		if o, refused := refusals[reserved.Refusal]; refused { //guard:THR-5
			return Verdict{Outcome: o, WaitUntil: reserved.WaitUntil, quiet: !throttle.Telling(reserved.Refusals)}, nil
		}
		return verify(ctx, tx, attempt{who: who, flow: f, claimant: c, code: t.code, reserved: reserved})
	})
}

var refusals = map[throttle.Refusal]Outcome{
	throttle.MustWait:  Throttled,
	throttle.KnownOnly: KnownBrowsersOnly,
	throttle.Paused:    TOTPPaused,
}

// reserveFactor counts an attempt before it is verified, in a transaction of its
// own (THR-1).
func (s *Service) reserveFactor(ctx context.Context, key flow.Key, c Claimant) (r throttle.FactorReservation, err error) {
	err = s.InTx(ctx, func(tx Tx) error {
		f, err := s.load(ctx, tx, key)
		if err != nil || !f.State.takesFactor() {
			return err // the step refuses the wrong state
		}
		r, err = s.Throttle.ReserveFactorFrom(ctx, tx, f.SubscriberID, c.Known, s.Now())
		return err
	})
	return r, err
}

// admit returns the person whose second factor of a kind may be verified now. A
// verdict with an outcome means that the step has ended with it.
func (s *Service) admit(ctx context.Context, tx Tx, f *Flow, kind authenticator.Kind, accepted Outcome) (who directory.Subscriber, v Verdict, err error) {
	if !f.State.takesFactor() { // the table refuses it, too; nothing is verified
		return who, v, flow.OutOfOrder(f.State, accepted)
	}
	if !f.takes(kind) { //guard:SES-8
		return who, v, flow.OutOfOrder(f.State, accepted)
	}
	if who, err = tx.Subscriber(ctx, f.SubscriberID); err != nil {
		return who, v, err
	}
	if who.Status != directory.Active { //guard:SES-9
		v.Outcome = SuspendedAccount
	}
	return who, v, nil
}

// refuse notes a wrong code. The person is told what only somebody with the
// right password can cause.
func (s *Service) refuse(ctx context.Context, tx Tx, a attempt) error {
	a.flow.Rejections++
	switch {
	case a.reserved.All == s.Throttle.FactorAll: //guard:THR-5
		if err := tx.SuspendTOTP(ctx, a.who.ID); err != nil {
			return err
		}
		return s.tell(ctx, tx, a, notice.TOTPPaused, nil)
	case a.reserved.Unknown == s.Throttle.FactorUnknown:
		return s.tell(ctx, tx, a, notice.CodeKnownOnly, nil)
	}
	return nil
}

// comeIn opens the session after a right second factor. From now on the browser
// is known (THR-4).
func (s *Service) comeIn(ctx context.Context, tx Tx, a attempt, o Outcome, proof authenticator.Evidence) (Verdict, error) {
	now, v := s.Now(), Verdict{Outcome: o}
	a.flow.Evidence = append(a.flow.Evidence, proof)
	if err := tx.EndRecoveryLinks(ctx, a.who.ID); err != nil { //guard:RST-9
		return Verdict{}, err
	}
	if err := s.Desk.EndOpen(ctx, tx, a.who.ID, helpdesk.Needless); err != nil {
		return Verdict{}, err
	}
	if err := s.openSession(ctx, tx, a.flow, a.claimant, a.who, &v); err != nil {
		return Verdict{}, err
	}
	if a.claimant.Trust && !a.flow.StepUp {
		if err := s.trust(ctx, tx, a.claimant, a.who, &v); err != nil {
			return Verdict{}, err
		}
	}
	expires := now.Add(s.Policy.KnownBrowser)
	known, err := tx.RenewKnownBrowser(ctx, a.who.ID, throttle.Browser(a.claimant.Known), expires, now)
	if err != nil || known {
		return v, err
	}
	if v.Known, err = secret.Token(s.Random); err != nil {
		return Verdict{}, fmt.Errorf("signin: %w", err)
	}
	if err := tx.CreateKnownBrowser(ctx, a.who.ID, secret.Digest(v.Known), expires); err != nil {
		return Verdict{}, err
	}
	return v, s.tell(ctx, tx, a, notice.NewDevice, mail.Values{"method": s.Words(methods[proof.Kind].name)})
}

func (s *Service) tell(ctx context.Context, tx Tx, a attempt, kind notice.Kind, values mail.Values) error {
	return s.Notices.Tell(ctx, tx, notice.Notice{Kind: kind, Subscriber: a.who, At: s.Now(),
		Browser: notice.Device(a.claimant.Client, s.Words), Place: notice.Place(a.claimant.Client, s.Words), Values: values})
}

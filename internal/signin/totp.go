package signin

import (
	"context"
	"fmt"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/throttle"
)

// TOTPForm is what a claimant gave on the page of the Authenticator's number.
type TOTPForm struct {
	Code  string // from [totp.Parse]
	Trust bool   // the browser is not to be asked again for some days
}

// SubmitTOTP verifies the six digits of the Authenticator.
func (s *Service) SubmitTOTP(ctx context.Context, key Key, c Claimant, form TOTPForm) (Verdict, error) {
	if err := s.Clock(); err != nil { //guard:OPS-4
		return Verdict{}, err
	}
	reserved, err := s.reserveTOTP(ctx, key, c)
	if err != nil {
		return Verdict{}, err
	}
	return s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		if !f.State.takesFactor() { // the table refuses it, too; nothing is verified
			return Verdict{}, outOfOrder(*f, TOTPAccepted)
		}
		if !f.takes(authenticator.TOTP) { //guard:SES-8
			return Verdict{}, outOfOrder(*f, TOTPAccepted)
		}
		who, err := tx.Subscriber(ctx, f.SubscriberID)
		if err != nil {
			return Verdict{}, err
		}
		if who.Status != directory.Active { //guard:SES-9
			return Verdict{Outcome: SuspendedAccount}, nil
		}
		if o, refused := refusals[reserved.Refusal]; refused { //guard:THR-5
			return Verdict{Outcome: o, WaitUntil: reserved.WaitUntil, quiet: !throttle.Telling(reserved.Refusals)}, nil
		}
		return s.verifyTOTP(ctx, tx, totpAttempt{who: who, flow: f, claimant: c, form: form, reserved: reserved})
	})
}

var refusals = map[throttle.Refusal]Outcome{
	throttle.MustWait:  Throttled,
	throttle.KnownOnly: KnownBrowsersOnly,
	throttle.Paused:    TOTPPaused,
}

// reserveTOTP counts an attempt before it is verified, in a transaction of its
// own (THR-1).
func (s *Service) reserveTOTP(ctx context.Context, key Key, c Claimant) (r throttle.FactorReservation, err error) {
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

// totpAttempt is one code, typed by one claimant.
type totpAttempt struct {
	who      directory.Subscriber
	flow     *Flow
	claimant Claimant
	form     TOTPForm
	reserved throttle.FactorReservation
}

// verifyTOTP tries the code, and says what came of it.
func (s *Service) verifyTOTP(ctx context.Context, tx Tx, a totpAttempt) (Verdict, error) {
	u, err := s.TOTP.Use(ctx, tx, a.who.ID, a.form.Code, s.Now())
	switch {
	case err != nil:
		return Verdict{}, err
	case u.Accepted:
		return s.acceptTOTP(ctx, tx, a, u.By, u.Step)
	case !u.Active:
		return Verdict{Outcome: TOTPPaused, Old: u.Old}, nil
	}
	v := Verdict{Outcome: TOTPRejected, Old: u.Old, Drift: u.Drift, Left: s.Throttle.FactorLeft(a.reserved)}
	if u.Reused {
		v.Outcome, v.Next = TOTPReused, totp.UntilNext(s.Now())
	}
	return v, s.refuseTOTP(ctx, tx, a, v.Outcome)
}

// refuseTOTP tells the person what only somebody with the right password can cause.
func (s *Service) refuseTOTP(ctx context.Context, tx Tx, a totpAttempt, o Outcome) error {
	a.flow.Rejections++
	switch {
	case o == TOTPReused:
		return s.tell(ctx, tx, a, notice.CodeReused)
	case a.reserved.All == s.Throttle.FactorAll: //guard:THR-5
		if err := tx.SuspendTOTP(ctx, a.who.ID); err != nil {
			return err
		}
		return s.tell(ctx, tx, a, notice.TOTPPaused)
	case a.reserved.Unknown == s.Throttle.FactorUnknown:
		return s.tell(ctx, tx, a, notice.CodeKnownOnly)
	}
	return nil
}

// acceptTOTP signs the person in.
func (s *Service) acceptTOTP(ctx context.Context, tx Tx, a totpAttempt, one totp.Authenticator, step int64) (Verdict, error) {
	now, f := s.Now(), a.flow
	f.Evidence = append(f.Evidence, authenticator.Evidence{Kind: authenticator.TOTP, ID: one.ID, At: now, Step: step, By: one.BoundBy})
	v := Verdict{Outcome: TOTPAccepted}
	if err := tx.ResetAttempts(ctx, a.who.ID, throttle.Code, throttle.CodeKnown, throttle.FactorUnknown, throttle.Factor, throttle.Refused); err != nil {
		return Verdict{}, err
	}
	if err := tx.EndRecoveryLinks(ctx, a.who.ID); err != nil { //guard:RST-9
		return Verdict{}, err
	}
	if err := s.openSession(ctx, tx, f, a.claimant, &v); err != nil {
		return Verdict{}, err
	}
	if a.form.Trust {
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
	return v, s.tell(ctx, tx, a, notice.NewDevice)
}

func (s *Service) tell(ctx context.Context, tx Tx, a totpAttempt, kind notice.Kind) error {
	return s.Notices.Tell(ctx, tx, notice.Notice{Kind: kind, Subscriber: a.who, At: s.Now(),
		Browser: notice.Device(a.claimant.Client, s.Words), Place: notice.Place(a.claimant.Client, s.Words),
		Values: mail.Values{"method": s.Words("method.totp")}})
}

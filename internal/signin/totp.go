package signin

import (
	"context"
	"fmt"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/throttle"
)

// SubmitTOTP verifies the six digits of the Authenticator.
func (s *Service) SubmitTOTP(ctx context.Context, key Key, c Claimant, code string) (Verdict, error) {
	if err := s.Clock(); err != nil { //guard:OPS-4
		return Verdict{}, err
	}
	reserved, known, err := s.reserveTOTP(ctx, key, c)
	if err != nil {
		return Verdict{}, err
	}
	return s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		if !f.State.takesFactor() || !f.takes(authenticator.TOTP) { // the table refuses the state, too; nothing is verified
			return Verdict{}, outOfOrder(*f, TOTPAccepted) //guard:SES-8
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
		return s.verifyTOTP(ctx, tx, totpAttempt{who: who, flow: f, claimant: c, code: code, reserved: reserved, known: known})
	})
}

var refusals = map[throttle.Refusal]Outcome{
	throttle.MustWait:  Throttled,
	throttle.KnownOnly: KnownBrowsersOnly,
	throttle.Paused:    TOTPPaused,
}

// reserveTOTP counts an attempt before it is verified, in a transaction of its
// own (THR-1).
func (s *Service) reserveTOTP(ctx context.Context, key Key, c Claimant) (r throttle.FactorReservation, known bool, err error) {
	err = s.InTx(ctx, func(tx Tx) error {
		f, err := s.load(ctx, tx, key)
		if err != nil || !f.State.takesFactor() {
			return err // the step refuses the wrong state
		}
		known = false
		if browser := throttle.Browser(c.Known); browser != nil {
			if known, err = tx.ReserveKnown(ctx, f.SubscriberID, browser, s.Throttle.KnownBudget, s.Now()); err != nil {
				return err
			}
		}
		r, err = s.Throttle.ReserveFactor(ctx, tx, f.SubscriberID, known, s.Now())
		return err
	})
	return r, known, err
}

// totpAttempt is one code, typed by one claimant.
type totpAttempt struct {
	who      directory.Subscriber
	flow     *Flow
	claimant Claimant
	code     string
	reserved throttle.FactorReservation
	known    bool
}

// verifyTOTP tries the code on every authenticator of the person: they share
// one field and one budget.
func (s *Service) verifyTOTP(ctx context.Context, tx Tx, a totpAttempt) (Verdict, error) {
	bound, err := tx.TOTPAuthenticators(ctx, a.who.ID)
	if err != nil {
		return Verdict{}, err
	}
	reused, old, active := false, false, false
	var drift time.Duration
	for _, one := range bound {
		step, matched, err := s.TOTP.Match(one, a.code, s.Now())
		switch {
		case err != nil:
			return Verdict{}, err
		case one.State == totp.Active && matched:
			spent, err := tx.UseTOTPStep(ctx, a.who.ID, one.ID, step, s.Now())
			if err != nil {
				return Verdict{}, err
			}
			if spent { //guard:TOTP-4
				return s.acceptTOTP(ctx, tx, a, one, step)
			}
			reused = true
		case one.State == totp.Suspended && matched:
			old = true
		}
		active = active || one.State == totp.Active
		if one.State == totp.Active && !matched {
			if off, found, err := s.TOTP.Drift(one, a.code, s.Now()); err != nil {
				return Verdict{}, err
			} else if found {
				drift = time.Duration(off) * totp.Period
			}
		}
	}
	if !active {
		return Verdict{Outcome: TOTPPaused, Old: old}, nil
	}
	v := Verdict{Outcome: TOTPRejected, Old: old, Drift: drift, Left: s.Throttle.FactorLeft(a.reserved)}
	if reused {
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

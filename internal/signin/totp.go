package signin

import (
	"context"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/totp"
	"warifu/internal/flow"
	"warifu/internal/notice"
	"warifu/internal/throttle"
)

// SubmitTOTP verifies the six digits of the Authenticator.
func (s *Service) SubmitTOTP(ctx context.Context, key flow.Key, c Claimant, code string) (Verdict, error) {
	if err := s.Clock(); err != nil { //guard:OPS-4
		return Verdict{}, err
	}
	return s.submitTyped(ctx, key, c, typed{authenticator.TOTP, TOTPAccepted, code}, s.verifyTOTP)
}

// verifyTOTP tries the code, and says what came of it.
func (s *Service) verifyTOTP(ctx context.Context, tx Tx, a attempt) (Verdict, error) {
	u, err := s.TOTP.Use(ctx, tx, a.who.ID, a.code, s.Now())
	switch {
	case err != nil:
		return Verdict{}, err
	case u.Accepted:
		return s.acceptTOTP(ctx, tx, a, u.By, u.Step)
	case !u.Active:
		return Verdict{Outcome: TOTPPaused, Old: u.Old}, nil
	case u.Reused:
		a.flow.Rejections++
		return Verdict{Outcome: TOTPReused, Next: totp.UntilNext(s.Now()), Left: s.Throttle.FactorLeft(a.reserved)}, s.tell(ctx, tx, a, notice.CodeReused, nil)
	}
	return Verdict{Outcome: TOTPRejected, Old: u.Old, Drift: u.Drift, Left: s.Throttle.FactorLeft(a.reserved)}, s.refuse(ctx, tx, a)
}

// acceptTOTP signs the person in.
func (s *Service) acceptTOTP(ctx context.Context, tx Tx, a attempt, one totp.Authenticator, step int64) (Verdict, error) {
	if err := tx.ResetAttempts(ctx, a.who.ID, throttle.Code, throttle.CodeKnown, throttle.FactorUnknown, throttle.Factor, throttle.Refused); err != nil {
		return Verdict{}, err
	}
	proof := authenticator.Evidence{Kind: authenticator.TOTP, ID: one.ID, At: s.Now(), Step: step, By: one.BoundBy}
	return s.comeIn(ctx, tx, a, TOTPAccepted, proof)
}

package signin

import (
	"context"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/recoverycode"
	"warifu/internal/flow"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/throttle"
)

// SubmitRecoveryCode verifies one of the codes that the person printed or saved;
// [recoverycode.Parse] has returned it.
func (s *Service) SubmitRecoveryCode(ctx context.Context, key flow.Key, c Claimant, code string) (Verdict, error) {
	return s.submitTyped(ctx, key, c, typed{authenticator.RecoveryCode, RecoveryCodeAccepted, code}, s.verifyRecoveryCode)
}

func (s *Service) verifyRecoveryCode(ctx context.Context, tx Tx, a attempt) (Verdict, error) {
	used, err := recoverycode.Use(ctx, tx, s.Codes, a.who.ID, a.code, s.Now())
	if err != nil {
		return Verdict{}, err
	}
	if !used { //guard:REC-1
		return Verdict{Outcome: RecoveryCodeRejected, Left: s.Throttle.FactorLeft(a.reserved)}, s.refuse(ctx, tx, a)
	}
	return s.acceptRecoveryCode(ctx, tx, a)
}

// acceptRecoveryCode signs the person in. That ends the waits; what it takes to
// end the count of failures, a code from a sheet of paper is not (THR-5). It is a
// recovery, so that no address can be planted with it at once (ADR-8).
func (s *Service) acceptRecoveryCode(ctx context.Context, tx Tx, a attempt) (Verdict, error) {
	now := s.Now()
	if err := tx.ResetAttempts(ctx, a.who.ID, throttle.Code, throttle.CodeKnown, throttle.Refused); err != nil {
		return Verdict{}, err
	}
	if err := tx.SetRecovered(ctx, a.who.ID, now); err != nil { //guard:ADR-8
		return Verdict{}, err
	}
	if err := tx.EndTrustedBrowsers(ctx, a.who.ID); err != nil { //guard:SES-13
		return Verdict{}, err
	}
	left, _, err := tx.RecoveryCodesLeft(ctx, a.who.ID)
	if err != nil {
		return Verdict{}, err
	}
	if err := s.tell(ctx, tx, a, notice.CodeUsed, mail.Values{"n": left}); err != nil {
		return Verdict{}, err
	}
	return s.comeIn(ctx, tx, a, RecoveryCodeAccepted, authenticator.Evidence{Kind: authenticator.RecoveryCode, At: now, By: authenticator.BySecondFactor})
}

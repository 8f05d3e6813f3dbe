package enrolment

import (
	"context"

	"warifu/internal/flow"
	"warifu/internal/throttle"
	"warifu/internal/web"
)

// SubmitActivationCode verifies the code that an administrator has handed out.
// The attempt is counted before, in a transaction of its own (THR-1): all typed
// codes of a person share one counter (THR-5).
func (s *Service) SubmitActivationCode(ctx context.Context, key flow.Key, c web.Client, code string) (Verdict, error) {
	var reserved throttle.Reservation
	var refusals int64
	err := s.InTx(ctx, func(tx Tx) error {
		f, err := s.load(ctx, tx, key)
		if err != nil || f.State != ActivationRequired {
			return err // the step refuses the wrong state
		}
		reserved, refusals, err = s.Throttle.ReserveCode(ctx, tx, f.SubscriberID, s.Now())
		return err
	})
	if err != nil {
		return Verdict{}, err
	}
	v, err := s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		if f.State != ActivationRequired { // the table refuses it, too; nothing is verified
			return Verdict{}, flow.OutOfOrder(f.State, CodeAccepted)
		}
		if !reserved.Allowed { //guard:THR-5
			return Verdict{Outcome: Throttled, WaitUntil: reserved.WaitUntil, quiet: !throttle.Telling(refusals)}, nil
		}
		digest := s.Codes.Sum("activation", []byte(f.SubscriberID), []byte(code))
		used, err := tx.UseActivationCode(ctx, f.SubscriberID, digest, s.Now())
		if err != nil {
			return Verdict{}, err
		}
		if !used { //guard:ENR-1
			return Verdict{Outcome: CodeRejected}, nil
		}
		return s.activate(ctx, tx, f)
	})
	if err == nil && v.Outcome == CodeRejected {
		s.Failed()
	}
	return v, err
}

func (s *Service) activate(ctx context.Context, tx Tx, f *Flow) (Verdict, error) {
	unlocked, err := tx.UnlockTicket(ctx, f.TicketID)
	if err != nil {
		return Verdict{}, err
	}
	if !unlocked {
		return Verdict{}, flow.ErrConflict
	}
	if err := tx.ResetAttempts(ctx, f.SubscriberID, throttle.Code, throttle.Refused); err != nil {
		return Verdict{}, err
	}
	return Verdict{Outcome: CodeAccepted}, s.makeSecret(ctx, tx, f)
}

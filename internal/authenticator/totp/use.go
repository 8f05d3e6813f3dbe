package totp

import (
	"context"
	"time"
)

// UseTx is what using a code up needs of a transaction.
type UseTx interface {
	// TOTPAuthenticators returns all of a subscriber, whatever their state.
	TOTPAuthenticators(ctx context.Context, subscriberID string) ([]Authenticator, error)
	// UseTOTPStep spends a time step of an active authenticator, unless it or a
	// later one has been spent, and reports whether it did (TOTP-4).
	UseTOTPStep(ctx context.Context, subscriberID, id string, step int64, now time.Time) (bool, error)
}

// Use is what became of a code.
type Use struct {
	Accepted bool
	By       Authenticator // that it is of, if it was accepted
	Step     int64         // that is used up
	Active   bool          // the person has an authenticator that is in use
	Reused   bool          // the code is right, and was used before
	Old      bool          // the code is of an authenticator that was taken away
	Drift    time.Duration // how wrong the clock of the authenticator seems; zero if unknown
}

// Use tries a code on every authenticator of a person, and uses it up: they
// share one field and one budget. The attempt must have been counted before.
// The errors are those of [Verifier.Match].
func (v *Verifier) Use(ctx context.Context, tx UseTx, subscriberID, code string, now time.Time) (u Use, err error) {
	bound, err := tx.TOTPAuthenticators(ctx, subscriberID)
	if err != nil {
		return Use{}, err
	}
	for _, one := range bound {
		step, matched, err := v.Match(one, code, now)
		switch {
		case err != nil:
			return Use{}, err
		case one.State == Active && matched:
			spent, err := tx.UseTOTPStep(ctx, subscriberID, one.ID, step, now)
			if err != nil {
				return Use{}, err
			}
			if spent { //guard:TOTP-4
				return Use{Accepted: true, Active: true, By: one, Step: step}, nil
			}
			u.Reused, u.Active = true, true
		case one.State == Active:
			u.Active = true
			off, found, err := v.Drift(one, code, now)
			if err != nil {
				return Use{}, err
			}
			if found {
				u.Drift = time.Duration(off) * Period
			}
		case one.State == Suspended && matched:
			u.Old = true
		}
	}
	return u, nil
}

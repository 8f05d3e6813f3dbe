package signin

import (
	"context"
	"slices"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
)

// Means are the second factors that a person has.
type Means struct {
	TOTP          int // authenticators that are in use
	Suspended     int // authenticators that too many failures took away
	Passkeys      int
	RecoveryCodes int // unused ones
}

// kinds returns what can be given, in the order in which every page offers it.
func (m Means) kinds() (kinds []authenticator.Kind) {
	if m.Passkeys > 0 {
		kinds = append(kinds, authenticator.Passkey)
	}
	if m.TOTP > 0 {
		kinds = append(kinds, authenticator.TOTP)
	}
	if m.RecoveryCodes > 0 {
		kinds = append(kinds, authenticator.RecoveryCode)
	}
	return kinds
}

// any reports whether the person has a second factor, were it one that was
// stopped after failures: that is told where it is asked for.
func (m Means) any() bool { return m.Suspended > 0 || len(m.kinds()) > 0 }

// Means returns the person of a flow, with the second factors.
func (s *Service) Means(ctx context.Context, f Flow) (who directory.Subscriber, m Means, err error) {
	err = s.View(ctx, func(tx Reader) error {
		if who, err = tx.Subscriber(ctx, f.SubscriberID); err != nil {
			return err
		}
		m, err = means(ctx, tx, f.SubscriberID)
		return err
	})
	return who, m, err
}

func means(ctx context.Context, tx Reader, subscriberID string) (m Means, err error) {
	bound, err := tx.TOTPAuthenticators(ctx, subscriberID)
	if err != nil {
		return m, err
	}
	for _, a := range bound {
		switch a.State {
		case totp.Active:
			m.TOTP++
		case totp.Suspended:
			if !a.Initialised {
				m.Suspended++
			}
		}
	}
	passkeys, err := tx.Passkeys(ctx, subscriberID)
	if err != nil {
		return m, err
	}
	m.Passkeys = len(passkeys)
	m.RecoveryCodes, _, err = tx.RecoveryCodesLeft(ctx, subscriberID)
	return m, err
}

// offers returns the kinds that the person has and the flow takes.
func (f Flow) offers(m Means) []authenticator.Kind {
	return slices.DeleteFunc(m.kinds(), func(k authenticator.Kind) bool { return !f.takes(k) })
}

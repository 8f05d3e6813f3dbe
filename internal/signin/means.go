package signin

import (
	"context"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
)

// Means are the second factors that a person has.
type Means struct {
	TOTP      int // authenticators that are in use
	Suspended int // authenticators that too many failures took away
}

// kinds returns what can be given, in the order in which every page offers it.
func (m Means) kinds() (kinds []authenticator.Kind) {
	if m.TOTP > 0 {
		kinds = append(kinds, authenticator.TOTP)
	}
	return kinds
}

// Means returns the person of a flow, with the second factors that the flow takes.
func (s *Service) Means(ctx context.Context, f Flow) (who directory.Subscriber, m Means, err error) {
	err = s.View(ctx, func(tx Reader) error {
		if who, err = tx.Subscriber(ctx, f.SubscriberID); err != nil {
			return err
		}
		bound, err := tx.TOTPAuthenticators(ctx, f.SubscriberID)
		m = count(bound)
		return err
	})
	return who, m, err
}

func count(bound []totp.Authenticator) (m Means) {
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
	return m
}

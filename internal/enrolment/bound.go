package enrolment

import (
	"context"
	"fmt"

	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
	"warifu/internal/flow"
)

// Bound returns the authenticator that a flow has bound, and its person.
func (s *Service) Bound(ctx context.Context, f Flow) (a totp.Authenticator, who directory.Subscriber, err error) {
	err = s.View(ctx, func(tx Reader) error {
		if who, err = tx.Subscriber(ctx, f.SubscriberID); err != nil {
			return err
		}
		a, _, err = s.bound(ctx, tx, f)
		return err
	})
	return a, who, err
}

// Ways are ways back in, or in, that a person has besides the Authenticator.
type Ways struct {
	Address, RecoveryCodes, Passkey bool
}

// Ways returns those of the person of a flow.
func (s *Service) Ways(ctx context.Context, f Flow) (have Ways, err error) {
	err = s.View(ctx, func(tx Reader) error {
		keys, err := tx.Passkeys(ctx, f.SubscriberID)
		if err != nil {
			return err
		}
		addresses, err := tx.Addresses(ctx, f.SubscriberID)
		if err != nil {
			return err
		}
		left, _, err := tx.RecoveryCodesLeft(ctx, f.SubscriberID)
		have = Ways{Address: len(addresses) > 0, RecoveryCodes: left > 0, Passkey: len(keys) > 0}
		return err
	})
	return have, err
}

func (s *Service) bound(ctx context.Context, tx Reader, f Flow) (totp.Authenticator, []totp.Authenticator, error) {
	all, err := tx.TOTPAuthenticators(ctx, f.SubscriberID)
	if err != nil {
		return totp.Authenticator{}, nil, err
	}
	for _, a := range all {
		if a.ID == f.TOTPID && a.State == totp.Active && f.State == Bound {
			return a, all, nil
		}
	}
	return totp.Authenticator{}, nil, fmt.Errorf("enrolment: the authenticator is there no more: %w", flow.ErrNotFound)
}

// Rename gives the authenticator that was just bound a name. What is wrong with
// the name is one of the errors of [totp.Name].
func (s *Service) Rename(ctx context.Context, f Flow, typed string) error {
	return s.InTx(ctx, func(tx Tx) error {
		a, all, err := s.bound(ctx, tx, f)
		if err != nil {
			return err
		}
		name, err := totp.Name(typed, a.ID, all)
		if err != nil {
			return err
		}
		return tx.RenameTOTP(ctx, f.SubscriberID, a.ID, name)
	})
}

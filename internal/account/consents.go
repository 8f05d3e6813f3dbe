package account

import (
	"context"
	"time"

	"warifu/internal/federation/consent"
)

// ConsentReader is what listing consents needs of a transaction.
type ConsentReader interface {
	// Consents returns what a subscriber has agreed to, the newest first.
	Consents(ctx context.Context, subscriberID string) ([]consent.Record, error)
}

// Consents lets people see what they have agreed to, and withdraw it. InTx and
// View may run their function more than once.
type Consents struct {
	InTx func(ctx context.Context, fn func(consent.Tx) error) error
	View func(ctx context.Context, fn func(ConsentReader) error) error
	Now  func() time.Time
}

// Of returns what a person has agreed to, the newest first.
func (c *Consents) Of(ctx context.Context, a Actor) (all []consent.Record, err error) {
	err = c.View(ctx, func(tx ConsentReader) error {
		all, err = tx.Consents(ctx, a.SubscriberID)
		return err
	})
	return all, err
}

// Withdraw ends an agreement, and the tokens that the service has. It is
// [ErrNotOwn] if the person has agreed to nothing there.
func (c *Consents) Withdraw(ctx context.Context, a Actor, service string) error {
	return c.InTx(ctx, func(tx consent.Tx) error {
		was, err := tx.DeleteConsent(ctx, a.SubscriberID, service)
		if err != nil {
			return err
		}
		if !was {
			return ErrNotOwn
		}
		if err := tx.DeleteGrantsAt(ctx, a.SubscriberID, service); err != nil { //guard:CON-2
			return err
		}
		event := a.event(consent.EventWithdrawn, "withdrawn by the person", c.Now())
		event.Target = service
		return tx.AppendAudit(ctx, event)
	})
}

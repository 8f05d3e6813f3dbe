package cli

import (
	"context"
	"errors"
	"time"

	"warifu/internal/app"
	"warifu/internal/mail"
	"warifu/internal/store"
)

type mailCommand struct {
	Bounce mailBounceCommand `cmd:"" help:"Read a report of the relay from standard input: whose address cannot be reached is told so at the next sign-in."`
}

type mailBounceCommand struct{ withConfig }

// bounceTx remembers what a relay reports.
type bounceTx interface {
	MarkAllBounced(ctx context.Context, address string, at time.Time) (persons int64, err error)
}

// Run is what a mail server pipes reports to. What is no report is passed over
// without a fault, or the mail server would report that in turn.
func (c mailBounceCommand) Run(env *Env) error {
	addresses, err := mail.Bounces(env.In)
	if errors.Is(err, mail.ErrNoReport) {
		return env.Printf("This is not a delivery status notification.\n")
	}
	if err != nil {
		return err
	}
	return c.do(env, func(a *app.App) error {
		for _, address := range addresses {
			var persons int64
			err := store.In[bounceTx](a.DB)(env.Context, func(tx bounceTx) (err error) {
				persons, err = tx.MarkAllBounced(env.Context, address, env.Now())
				return err
			})
			if err != nil {
				return err
			}
			if err := env.Printf("%s: the address of %d persons\n", mail.MaskAddress(address), persons); err != nil {
				return err
			}
		}
		return nil
	})
}

package cli

import (
	"warifu/internal/app"
	"warifu/internal/clock"
	"warifu/internal/store"
)

type clockCommand struct {
	Accept clockAcceptCommand `cmd:"" help:"Take the present time as true, after a clock that had jumped ahead was mended."`
}

type clockAcceptCommand struct {
	withConfig
}

// Run takes the present time as true.
func (c clockAcceptCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		err := store.In[clock.AcceptTx](a.DB)(env.Context, func(tx clock.AcceptTx) error {
			return clock.Accept(env.Context, tx, env.Now(), "command")
		})
		if err != nil {
			return err
		}
		return env.Printf("The present time counts from now on. Codes up to now are used up.\n")
	})
}

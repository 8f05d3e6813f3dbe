package cli

import (
	"log/slog"

	"warifu/internal/demo"
)

type demoCommand struct {
	Listen    string `default:"127.0.0.1:8080" help:"Address of the server; loopback only."`
	PortBase  int    `help:"First of the six ports; the others follow it."`
	Data      string `type:"path" help:"Folder that keeps the data; without it everything is removed at the end."`
	SeedUsers int    `help:"Number of further made-up people."`
}

// Run serves the demonstration until Ctrl-C.
func (c demoCommand) Run(env *Env) error {
	ctx, stop := untilSignal(env.Context)
	defer stop()
	log := slog.New(slog.NewTextHandler(env.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return demo.Run(ctx, demo.Options{Listen: c.Listen, PortBase: c.PortBase, Data: c.Data, SeedUsers: c.SeedUsers,
		Out: env.Out, Log: log, Now: env.Now})
}

package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"reflect"
	"runtime/debug"
	"syscall"

	"warifu/internal/app"
	"warifu/internal/config"
)

type serveCommand struct {
	withConfig
}

// gcPercent is less than Go's 100, which would let garbage grow to the size of
// the memory that is kept for password hashes, too.
const gcPercent = 40

// Run serves until a signal comes.
func (c serveCommand) Run(env *Env) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	a, err := c.open(env)
	if err != nil {
		return err
	}
	defer a.Close()
	ctx, stop := untilSignal(env.Context)
	defer stop()
	var config net.ListenConfig
	public, err := config.Listen(ctx, "tcp", a.Config.Listen)
	if err != nil {
		return err
	}
	operation, err := config.Listen(ctx, "tcp", a.Config.OperationListen)
	if err != nil {
		return fmt.Errorf("operation_listen: %w", err)
	}
	go c.reloadOnSignal(ctx, a)
	return a.Run(ctx, []net.Listener{public}, []net.Listener{operation})
}

// reloadOnSignal takes the services of the configuration over at each SIGHUP.
func (c serveCommand) reloadOnSignal(ctx context.Context, a *app.App) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	defer signal.Stop(signals)
	for {
		select {
		case <-signals:
			c.reload(ctx, a)
		case <-ctx.Done():
			return
		}
	}
}

// reload takes the services of the file over if the whole file is without a fault;
// else all stays as it is. Everything else counts after a restart.
func (c serveCommand) reload(ctx context.Context, a *app.App) {
	read, err := config.Load(c.Config, os.Environ())
	if err == nil {
		err = a.Services.Replace(ctx, read.Services)
	}
	if err != nil {
		a.Log.Error("the services of the configuration stay as they were", "err", err)
		return
	}
	a.Log.Info("the services of the configuration are taken over", "services", len(read.Services))
	read.Services = a.Config.Services
	if !reflect.DeepEqual(read, a.Config) {
		a.Log.Warn("more has changed in the configuration; it counts after a restart")
	}
}

// untilSignal returns a context that ends with the first signal to stop. The
// second one ends the program at once.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
			return
		}
		<-signals
		os.Exit(exitFailure)
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

type migrateCommand struct {
	withConfig
}

// Run brings the schema up to date.
func (c migrateCommand) Run(env *Env) error {
	a, err := c.open(env)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.DB.Migrate(env.Context); err != nil {
		return err
	}
	return env.Printf("The schema is up to date.\n")
}

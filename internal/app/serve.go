package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"warifu/internal/alarm"
	"warifu/internal/audit"
	"warifu/internal/background"
	"warifu/internal/clock"
	"warifu/internal/faq"
	"warifu/internal/federation/oidc"
	"warifu/internal/federation/saml"
	"warifu/internal/helpdesk"
	"warifu/internal/keyring"
	"warifu/internal/mail"
	"warifu/internal/ops"
	"warifu/internal/reminder"
	"warifu/internal/signin"
	"warifu/internal/store"
)

// Limits of a connection (WEB-3): a client that is slower is cut off.
const (
	headerTime  = 10 * time.Second
	readTime    = 30 * time.Second
	writeTime   = 60 * time.Second
	idleTime    = 2 * time.Minute
	maxHeader   = 16 << 10
	stopTime    = 20 * time.Second // for the requests that are going on
	sealTime    = 10 * time.Second // for the end of the audit trail
	expireEvery = time.Minute
	keysEvery   = 10 * time.Minute
)

// What no answer waits for is done in rounds; so much of it may wait.
const (
	laterPause = time.Second
	laterMost  = 1000
)

func (a *App) buildBackground() error {
	sender, err := mail.NewSMTP(a.Config.Mail)
	if err != nil {
		return err
	}
	dispatcher := &mail.Dispatcher{InTx: store.In[mail.Tx](a.DB), Box: a.Ring.Box(keyring.Outbox), Sender: sender, Now: a.now, Log: a.Log}
	a.DB.OnMail(dispatcher.Wake)
	a.background = []background.Service{
		a.later, // before the dispatcher, which sends what it leaves
		dispatcher,
		&oidc.Logouts{Issuer: a.Config.BaseURL, InTx: store.In[oidc.LogoutTx](a.DB), Services: a.Services, Signing: a.Signing, Log: a.Log, Now: a.now},
		&background.Job{Name: "audit sealing", Every: audit.SealEvery, Log: a.Log, Run: a.sealer().Seal},
		&background.Job{Name: "clock", Every: clock.Every, Log: a.Log, Run: a.Clock.Note},
		&background.Job{Name: "audit verification", Every: alarm.VerifyEvery, Log: a.Log, Run: a.Verification().Check},
		&background.Job{Name: "alarm", Every: alarm.Every, Log: a.Log, Run: a.Alarm.Check},
		&background.Job{Name: "expiry", Every: expireEvery, Log: a.Log, Run: a.expire},
		&background.Job{Name: "stopped sign-ins", Every: expireEvery, Log: a.Log, Run: func(ctx context.Context) error {
			return a.flow.TellStopped(ctx, store.In[signin.StoppedTx](a.DB))
		}},
		&background.Job{Name: "reminders", Every: reminder.Every, Log: a.Log, Run: a.Reminders.Run},
		&background.Job{Name: "cases", Every: helpdesk.PollEvery, Log: a.Log, Run: a.Cases.Poll},
		&background.Job{Name: "ends of cases", Every: expireEvery, Log: a.Log, Run: a.Desk.Lapse},
		&background.Job{Name: "files of the FAQ", Every: faq.LookEvery, Log: a.Log, Run: a.FAQ.Look},
		&background.Job{Name: "counts of the FAQ", Every: faq.FlushEvery, Log: a.Log, Run: a.Tally.Flush},
		&background.Job{Name: "listener", Every: time.Second, Log: a.Log, Run: a.DB.Listen},
		&background.Job{Name: "feeds", Every: saml.FeedsEvery, Log: a.Log, Run: a.Feeds.Refresh},
		&background.Job{Name: "entityIDs", Every: doubledEvery, Log: a.Log, Run: a.tellDoubled},
		&background.Job{Name: "signing keys", Every: keysEvery, Log: a.Log, Run: a.Signing.Maintain},
	}
	return nil
}

// expirer deletes what has ended.
type expirer interface {
	RemoveExpired(ctx context.Context, now time.Time, keep int64) error
}

func (a *App) expire(ctx context.Context) error {
	return store.In[expirer](a.DB)(ctx, func(tx expirer) error {
		return tx.RemoveExpired(ctx, a.now(), a.Config.Throttle.PasswordStop)
	})
}

// Handler serves the pages and the protocols.
func (a *App) Handler() http.Handler { return a.Site }

// Operation serves the second listener.
func (a *App) Operation() http.Handler {
	return ops.Handler(a.Metrics, []ops.Check{
		{Name: "database", Run: a.DB.Ping},
		{Name: "signing key", Run: func(ctx context.Context) error {
			_, err := a.Signing.Published(ctx)
			return err
		}},
	})
}

// Server returns an HTTP server with the limits of this application.
func Server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime,
		IdleTimeout: idleTime, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}

// Start makes the first keys and starts the background services.
func (a *App) Start(ctx context.Context) error {
	if err := a.DB.CheckSchema(ctx); err != nil {
		return err
	}
	if err := a.Clock.Note(ctx); err != nil {
		return err
	}
	faults, err := a.Services.Check(ctx)
	if err = errors.Join(append(faults, err)...); err != nil {
		return err
	}
	if err := a.Signing.Ensure(ctx, keyring.ES256, keyring.RS256, keyring.SAML); err != nil {
		return err
	}
	for _, service := range a.background {
		if err := service.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Stop stops the background services, and seals what they have recorded.
func (a *App) Stop() {
	for _, service := range a.background {
		service.Stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), sealTime)
	defer cancel()
	if err := a.sealer().Seal(ctx); err != nil {
		a.Log.Error("audit trail not sealed at the end", "err", err)
	}
}

func (a *App) sealer() *audit.Sealer {
	return &audit.Sealer{InTx: store.In[audit.SealTx](a.DB), Key: a.Ring.MAC(keyring.Audit), Now: a.now}
}

// Verification looks every day whether the audit trail is whole.
func (a *App) Verification() *alarm.Verification {
	return &alarm.Verification{Seal: a.sealer().Seal, Verify: a.Trail().Verify, InTx: store.In[alarm.RaiseTx](a.DB), Alarm: a.Alarm}
}

// Trail verifies the audit trail.
func (a *App) Trail() *audit.Verifier {
	return &audit.Verifier{View: store.View[audit.TrailReader](a.DB), Key: a.Ring.MAC(keyring.Audit), Now: a.now}
}

// Run serves on the listeners until ctx ends, then finishes the requests that
// are going on.
func (a *App) Run(ctx context.Context, public, operation []net.Listener) error {
	if err := a.Start(ctx); err != nil {
		return err
	}
	defer a.Stop()
	pages := Server(a.Handler(), a.Log)
	pages.RegisterOnShutdown(a.Site.EndStreams)
	return Serve(ctx, map[*http.Server][]net.Listener{
		pages:                        public,
		Server(a.Operation(), a.Log): operation,
	})
}

// Serve runs servers until ctx ends or one of them fails.
func Serve(ctx context.Context, servers map[*http.Server][]net.Listener) error {
	failed := make(chan error)
	serving, stop := context.WithCancel(ctx)
	defer stop()
	for server, listeners := range servers {
		for _, listener := range listeners {
			go func() {
				select {
				case failed <- server.Serve(listener):
				case <-serving.Done():
				}
			}()
		}
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serve: %w", err)
	}
	stop()
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	for server := range servers {
		err = errors.Join(err, server.Shutdown(stopping))
	}
	return err
}

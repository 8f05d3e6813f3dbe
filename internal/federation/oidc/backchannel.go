package oidc

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	openid "github.com/zitadel/oidc/v3/pkg/oidc"

	"warifu/internal/federation"
	"warifu/internal/keyring"
)

const (
	typeLogout      = "logout+jwt"
	logoutLifetime  = 2 * time.Minute
	logoutTimeout   = 5 * time.Second // of one call
	logoutGiveUp    = 24 * time.Hour
	logoutLock      = time.Minute
	logoutBatch     = 20
	logoutPoll      = 2 * time.Second
	logoutFirstWait = 5 * time.Second
	logoutLongest   = 30 * time.Minute
)

// Logout is a participation whose session has ended and whose service has not
// been told yet.
type Logout struct {
	federation.Participation
	FirstTry time.Time // zero before it
	Tries    int
}

// LogoutTx is what telling services needs of a transaction.
type LogoutTx interface {
	// ClaimLogouts returns participations that are due, locks them for others,
	// and counts the try.
	ClaimLogouts(ctx context.Context, now, lockedUntil time.Time, most int) ([]Logout, error)
	// DeferLogout says when to try again.
	DeferLogout(ctx context.Context, l Logout, next time.Time) error
	// DeleteParticipation forgets a participation.
	DeleteParticipation(ctx context.Context, subscriberID, sid string) error
}

// Logouts tells the services, in the background, which sessions have ended
// (OpenID Connect Back-Channel Logout 1.0). Any end of a session makes its
// participations due, by the database's own means.
type Logouts struct {
	Issuer   string
	InTx     func(ctx context.Context, fn func(LogoutTx) error) error
	Services *federation.Services
	Signing  *keyring.Signing
	Client   *http.Client // nil: [NewLogoutClient]
	Log      *slog.Logger
	Now      func() time.Time
	Told     func(Logout, error) // told of every try, for tests; may be nil

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// NewLogoutClient returns a client that follows no redirect and waits at most
// five seconds.
func NewLogoutClient() *http.Client {
	return &http.Client{Timeout: logoutTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// Start begins to tell services, until Stop.
func (l *Logouts) Start(ctx context.Context) error {
	if l.Client == nil {
		l.Client = NewLogoutClient()
	}
	ctx, l.cancel = context.WithCancel(ctx)
	l.done.Go(func() { l.run(ctx) })
	return nil
}

// Stop waits for the calls under way.
func (l *Logouts) Stop() {
	if l.cancel != nil {
		l.cancel()
	}
	l.done.Wait()
}

func (l *Logouts) run(ctx context.Context) {
	ticker := time.NewTicker(logoutPoll)
	defer ticker.Stop()
	for {
		if err := l.Deliver(ctx); err != nil && ctx.Err() == nil {
			l.Log.LogAttrs(ctx, slog.LevelError, "back-channel logout failed", slog.Any("err", err))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Deliver tells all services that are due, each once.
func (l *Logouts) Deliver(ctx context.Context) error {
	for {
		var due []Logout
		now := l.Now()
		err := l.InTx(ctx, func(tx LogoutTx) (err error) {
			due, err = tx.ClaimLogouts(ctx, now, now.Add(logoutLock), logoutBatch)
			return err
		})
		if err != nil || len(due) == 0 {
			return err
		}
		var calls sync.WaitGroup
		errs := make([]error, len(due))
		for i, one := range due {
			calls.Go(func() { errs[i] = l.deliver(ctx, one) })
		}
		calls.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
}

// errFinal means that another try would end alike.
var errFinal = errors.New("oidc: the service refuses the logout token")

// deliver tells one service. What the service answers is no error of ours.
func (l *Logouts) deliver(ctx context.Context, one Logout) error {
	service, err := l.Services.Find(ctx, one.Service)
	if errors.Is(err, federation.ErrNoService) || err == nil && service.BackchannelLogoutURI == "" {
		return l.forget(ctx, one)
	}
	if err != nil {
		return err
	}
	told := l.tell(ctx, service, one)
	if ctx.Err() != nil {
		return nil // stopping: the lock runs out, and it is tried again
	}
	if l.Told != nil {
		defer l.Told(one, told)
	}
	if told != nil {
		l.Log.LogAttrs(ctx, slog.LevelWarn, "service not told of a logout", slog.String("service", one.Service), slog.Any("err", told))
	}
	next := l.Now().Add(pause(one.Tries))
	if told == nil || errors.Is(told, errFinal) || !next.Before(one.FirstTry.Add(logoutGiveUp)) {
		return l.forget(ctx, one)
	}
	return l.InTx(ctx, func(tx LogoutTx) error { return tx.DeferLogout(ctx, one, next) })
}

func (l *Logouts) forget(ctx context.Context, one Logout) error {
	return l.InTx(ctx, func(tx LogoutTx) error { return tx.DeleteParticipation(ctx, one.SubscriberID, one.SID) })
}

// pause grows with every try.
func pause(tries int) time.Duration {
	wait := logoutFirstWait
	for range tries - 1 {
		if wait *= 2; wait >= logoutLongest {
			return logoutLongest
		}
	}
	return wait
}

// tell sends a fresh logout token.
func (l *Logouts) tell(ctx context.Context, service federation.Service, one Logout) error {
	token, err := l.token(ctx, service, one)
	if err != nil {
		return err
	}
	body := url.Values{"logout_token": {token}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, service.BackchannelLogoutURI, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := l.Client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK, http.StatusNoContent:
		return nil
	case http.StatusBadRequest:
		return errFinal
	}
	return fmt.Errorf("oidc: the service answers %d", response.StatusCode)
}

func (l *Logouts) token(ctx context.Context, service federation.Service, one Logout) (string, error) {
	now := l.Now()
	payload, err := json.Marshal(&openid.LogoutTokenClaims{
		Issuer: strings.TrimSuffix(l.Issuer, "/"), Subject: one.Subject, Audience: openid.Audience{one.Service}, SessionID: one.SID, JWTID: rand.Text(),
		IssuedAt: openid.FromTime(now), Expiration: openid.FromTime(now.Add(logoutLifetime)),
		Events: map[string]any{"http://schemas.openid.net/event/backchannel-logout": struct{}{}},
	})
	if err != nil {
		return "", err
	}
	return l.Signing.Sign(ctx, service.Alg(), typeLogout, payload)
}

package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"warifu/internal/app"
	"warifu/internal/audit"
	"warifu/internal/federation"
	"warifu/internal/secret"
	"warifu/internal/store"
)

type clientCommand struct {
	Add     clientAddCommand     `cmd:"" help:"Register a service that speaks OpenID Connect; its secret is printed once."`
	List    clientListCommand    `cmd:"" help:"List all services."`
	Show    clientShowCommand    `cmd:"" help:"Show a service."`
	Secret  clientSecretCommand  `cmd:"" help:"Make another secret; the present one ends."`
	Disable clientDisableCommand `cmd:"" help:"Switch a service off."`
	Enable  clientEnableCommand  `cmd:"" help:"Switch a service on again."`
}

// clientTx is what the commands need of a transaction.
type clientTx interface {
	federation.ServiceTx
	AppendAudit(ctx context.Context, e audit.Event) error
}

// change stores a service and records it. What the configuration file has can
// only be changed there.
func change(env *Env, a *app.App, s federation.Service, act string) error {
	if slices.ContainsFunc(a.Config.Services, func(c federation.Service) bool { return c.ID == s.ID }) {
		return fmt.Errorf("the configuration file has the service %q; change it there", s.ID)
	}
	if faults := s.Validate(!a.Site.Secure()); len(faults) > 0 {
		return errors.Join(faults...)
	}
	return store.In[clientTx](a.DB)(env.Context, func(tx clientTx) error {
		if err := tx.PutService(env.Context, s, env.Now()); err != nil {
			return err
		}
		return tx.AppendAudit(env.Context, audit.Event{At: env.Now(), Name: audit.ServiceChanged, Actor: "command", Target: s.ID, Outcome: act})
	})
}

// newSecret gives a service a secret, if it proves itself by one.
func newSecret(s *federation.Service) (plain string, err error) {
	if s.AuthMethod() != federation.AuthBasic && s.AuthMethod() != federation.AuthPost {
		return "", nil
	}
	if plain, err = secret.Token(rand.Reader); err != nil {
		return "", err
	}
	s.Secrets = []string{federation.SecretDigest(plain)}
	return plain, nil
}

type clientAddCommand struct {
	withConfig
	ID          string   `arg:"" help:"The client_id."`
	NameJa      string   `required:"" help:"Name in Japanese."`
	NameEn      string   `required:"" help:"Name in English."`
	RedirectURI []string `required:"" help:"Where answers go; may be repeated."`
	Address     string   `help:"Where people begin, for the list on the home page."`
	Type        string   `enum:"web,spa,native" default:"web" help:"web, spa or native."`
	Auth        string   `enum:"client_secret_basic,client_secret_post,none" default:"client_secret_basic" help:"How the service proves itself."`
	Require     string   `enum:"any,sfa,mfa" default:"any" help:"What every session must have: any, sfa or mfa."`
	Sector      string   `help:"Sector of pairwise subjects; default the host of the redirect URI."`
	Subject     string   `enum:"pairwise,public" default:"pairwise" help:"pairwise or public."`
	Algorithm   string   `enum:"ES256,RS256" default:"ES256" help:"Of ID tokens."`
	LogoutURI   string   `help:"For back-channel logout."`
	PostLogout  []string `help:"Where people go after a logout; may be repeated."`
	Release     []string `help:"Attributes that the service gets; may be repeated."`
	JSON        bool     `help:"Print JSON."`
}

// Run registers a service.
func (c clientAddCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		if _, err := stored(env, a, c.ID); err == nil {
			return fmt.Errorf("there is a service %q already", c.ID)
		} else if !errors.Is(err, federation.ErrNoService) {
			return err
		}
		s := federation.Service{
			ID: c.ID, Name: federation.Text{Japanese: c.NameJa, English: c.NameEn}, Protocol: federation.OIDC, Address: c.Address,
			Require: federation.Require(c.Require), Sector: c.Sector, Subject: federation.SubjectForm(c.Subject),
			Release: federation.Release{Optional: c.Release},
			RelyingParty: federation.RelyingParty{Type: c.Type, Auth: c.Auth, RedirectURIs: c.RedirectURI,
				PostLogoutRedirectURIs: c.PostLogout, BackchannelLogoutURI: c.LogoutURI, IDTokenAlg: c.Algorithm},
		}
		return changeSecret(env, a, s, "added", c.JSON)
	})
}

// changeSecret stores a service with a new secret, and prints it, once.
func changeSecret(env *Env, a *app.App, s federation.Service, act string, asJSON bool) error {
	plain, err := newSecret(&s)
	if err != nil {
		return err
	}
	if err := change(env, a, s, act); err != nil {
		return err
	}
	if asJSON {
		return env.JSON(map[string]string{"client_id": s.ID, "client_secret": plain})
	}
	if plain == "" {
		return env.Printf("client_id: %s\n", s.ID)
	}
	return env.Printf("client_id: %s\nclient_secret: %s (printed only now)\n", s.ID, plain)
}

// stored returns a service of the database.
func stored(env *Env, a *app.App, id string) (found federation.Service, err error) {
	err = store.View[federation.ServiceReader](a.DB)(env.Context, func(tx federation.ServiceReader) error {
		all, err := tx.Services(env.Context)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(s federation.Service) bool { return s.ID == id })
		if i < 0 {
			return federation.ErrNoService
		}
		found = all[i]
		return nil
	})
	return found, err
}

type clientListCommand struct {
	withConfig
	JSON bool `help:"Print JSON."`
}

// Run lists the services of the configuration file and of the database.
func (c clientListCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		all, err := a.Services.All(env.Context)
		if err != nil {
			return err
		}
		if c.JSON {
			return env.JSON(all)
		}
		for _, s := range all {
			state := "on"
			if s.Disabled {
				state = "off"
			}
			if err := env.Printf("%-20s %-5s %-4s %s\n", s.ID, s.Protocol, state, s.Name.English); err != nil {
				return err
			}
		}
		return nil
	})
}

// onClient is embedded by the commands about one service.
type onClient struct {
	withConfig
	ID string `arg:"" help:"The client_id."`
}

type clientShowCommand struct{ onClient }

// Run prints a service as JSON; of its secret there is only a digest.
func (c clientShowCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		all, err := a.Services.All(env.Context)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(s federation.Service) bool { return s.ID == c.ID })
		if i < 0 {
			return federation.ErrNoService
		}
		return env.JSON(all[i])
	})
}

type clientSecretCommand struct {
	onClient
	JSON bool `help:"Print JSON."`
}

// Run gives a service another secret.
func (c clientSecretCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		s, err := stored(env, a, c.ID)
		if err != nil {
			return err
		}
		return changeSecret(env, a, s, "secret", c.JSON)
	})
}

type clientDisableCommand struct{ onClient }

// Run switches a service off.
func (c clientDisableCommand) Run(env *Env) error { return c.turn(env, true, "disabled") }

type clientEnableCommand struct{ onClient }

// Run switches a service on.
func (c clientEnableCommand) Run(env *Env) error { return c.turn(env, false, "enabled") }

func (c onClient) turn(env *Env, off bool, act string) error {
	return c.do(env, func(a *app.App) error {
		s, err := stored(env, a, c.ID)
		if err != nil {
			return err
		}
		s.Disabled = off
		return change(env, a, s, act)
	})
}

package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"warifu/internal/app"
	"warifu/internal/audit"
	"warifu/internal/config"
	"warifu/internal/federation"
	"warifu/internal/federation/saml"
	"warifu/internal/secret"
	"warifu/internal/store"
)

type clientCommand struct {
	Add     clientAddCommand     `cmd:"" help:"Register a service; the secret of one that speaks OpenID Connect is printed once."`
	List    clientListCommand    `cmd:"" help:"List all services."`
	Show    clientShowCommand    `cmd:"" help:"Show a service."`
	Secret  clientSecretCommand  `cmd:"" help:"Make another secret; the present one ends."`
	Disable clientDisableCommand `cmd:"" help:"Switch a service off."`
	Enable  clientEnableCommand  `cmd:"" help:"Switch a service on again."`

	Test clientTestCommand `cmd:"" help:"Say what a service would be told of a person, and why."`

	Subject        clientSubjectCommand  `cmd:"" help:"The values by which services know people."`
	ImportMetadata clientMetadataCommand `cmd:"" name:"import-metadata" help:"Give a service that speaks SAML newer metadata."`
	Feed           clientFeedCommand     `cmd:"" help:"Metadata of others: those of a federation."`
}

// clientTx is what the commands need of a transaction.
type clientTx interface {
	federation.ServiceTx
	AppendAudit(ctx context.Context, e audit.Event) error
}

// act is what a command does with one service.
type act struct {
	id   string
	name string // for the audit trail
	// do changes the service, which is nil if the database has none with the id.
	// It may run again.
	do func(found *federation.Service) (federation.Service, error)
}

// perform looks up, changes, stores and records in one transaction, and one such
// transaction at a time, so that commands at the same time do not undo each other,
// nor give two services one entityID. What the configuration file has can only be
// changed there.
func perform(env *Env, a *app.App, c act) (changed federation.Service, err error) {
	if slices.ContainsFunc(a.Config.Services, hasID(c.id)) {
		return changed, fmt.Errorf("the configuration file has the service %q; change it there", c.id)
	}
	err = store.In[clientTx](a.DB)(env.Context, func(tx clientTx) error {
		all, err := tx.LockedServices(env.Context)
		if err != nil {
			return err
		}
		var found *federation.Service
		var before []error
		if i := slices.IndexFunc(all, hasID(c.id)); i >= 0 {
			found = &all[i]
			before = faultsOf(*found, a)
		}
		if changed, err = c.do(found); err != nil {
			return err
		}
		faults := append(brought(before, faultsOf(changed, a)), changed.CheckEntityID(slices.Concat(a.Config.Services, all)))
		if err := errors.Join(faults...); err != nil {
			return err
		}
		if err := tx.PutService(env.Context, changed, env.Now()); err != nil {
			return err
		}
		return tx.AppendAudit(env.Context, audit.Event{At: env.Now(), Name: audit.ServiceChanged, Actor: "command", Target: c.id, Outcome: c.name})
	})
	return changed, err
}

// faultsOf returns all faults of a service, those of its metadata included.
func faultsOf(s federation.Service, a *app.App) []error {
	faults := s.Validate(!a.Site.Secure())
	if err := a.Config.SAML.CheckService(s, !a.Site.Secure()); err != nil {
		faults = append(faults, err)
	}
	return faults
}

// brought returns the faults that a change brings. One that the record has had
// before, which an earlier version let pass, must keep nobody from switching it off.
func brought(before, after []error) []error {
	return slices.DeleteFunc(after, func(fault error) bool {
		return slices.ContainsFunc(before, func(known error) bool { return known.Error() == fault.Error() })
	})
}

func hasID(id string) func(federation.Service) bool {
	return func(s federation.Service) bool { return s.ID == id }
}

// newSecret gives a service a secret, if it proves itself by one.
func newSecret(s *federation.Service) (plain string, err error) {
	if s.Protocol != federation.OIDC || s.AuthMethod() != federation.AuthBasic && s.AuthMethod() != federation.AuthPost {
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
	ID          string   `arg:"" optional:"" help:"The client_id."`
	File        string   `required:"" type:"existingfile" xor:"ja,en,uri,address,type,auth,require,sector,subject,algorithm,logout,post,release" help:"YAML or JSON with all that the flags say and more, with the keys of a service in the configuration."`
	NameJa      string   `required:"" xor:"ja" help:"Name in Japanese."`
	NameEn      string   `required:"" xor:"en" help:"Name in English."`
	RedirectURI []string `required:"" xor:"uri" help:"Where answers go; may be repeated."`
	Metadata    string   `required:"" type:"existingfile" xor:"uri" help:"The metadata of a service that speaks SAML."`
	Address     string   `xor:"address" help:"Where people begin, for the list on the home page."`
	Type        string   `xor:"type" help:"web (unless given), spa or native."`
	Auth        string   `xor:"auth" help:"How the service proves itself: client_secret_basic (unless given), client_secret_post or none."`
	Require     string   `xor:"require" help:"What every session must have: any (unless given), sfa or mfa."`
	Sector      string   `xor:"sector" help:"Sector of pairwise subjects; default the host of the redirect URI."`
	Subject     string   `xor:"subject" help:"pairwise (unless given) or public."`
	Algorithm   string   `xor:"algorithm" help:"Of ID tokens: ES256 (unless given) or RS256."`
	LogoutURI   string   `xor:"logout" help:"For back-channel logout."`
	PostLogout  []string `xor:"post" help:"Where people go after a logout; may be repeated."`
	Release     []string `xor:"release" help:"Attributes that the service gets; may be repeated."`
	JSON        bool     `help:"Print JSON."`
}

// Validate refuses a service without an id, and one with two.
func (c clientAddCommand) Validate() error {
	if (c.ID == "") == (c.File == "") {
		return errors.New("either the client_id or --file must be given")
	}
	return nil
}

// Run registers a service. One whose file brings a secret keeps that.
func (c clientAddCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		s, err := c.service(a)
		if err != nil {
			return err
		}
		add := act{id: s.ID, name: "added", do: func(found *federation.Service) (federation.Service, error) {
			if found != nil {
				return s, fmt.Errorf("there is a service %q already", s.ID)
			}
			return s, nil
		}}
		if len(s.Secrets) == 0 {
			return performWithSecret(env, a, c.JSON, add)
		}
		if _, err := perform(env, a, add); err != nil {
			return err
		}
		return printClient(env, c.JSON, s.ID, "")
	})
}

// service returns what the flags or the file say.
func (c clientAddCommand) service(a *app.App) (federation.Service, error) {
	if c.File != "" {
		return config.ReadService(c.File, func(s federation.Service) []error {
			if len(s.Secrets) == 0 { // it will get one
				if _, err := newSecret(&s); err != nil {
					return []error{err}
				}
			}
			return faultsOf(s, a)
		})
	}
	if c.Metadata != "" {
		return c.provider(a)
	}
	return federation.Service{
		ID: c.ID, Name: federation.Text{Japanese: c.NameJa, English: c.NameEn}, Protocol: federation.OIDC, Address: c.Address,
		Require: federation.Require(c.Require), Sector: c.Sector, Subject: federation.SubjectForm(c.Subject),
		Release: federation.Release{Optional: c.Release},
		RelyingParty: federation.RelyingParty{Type: c.Type, Auth: c.Auth, RedirectURIs: c.RedirectURI,
			PostLogoutRedirectURIs: c.PostLogout, BackchannelLogoutURI: c.LogoutURI, IDTokenAlg: c.Algorithm},
	}, nil
}

// provider returns a service that speaks SAML, which its metadata name.
func (c clientAddCommand) provider(a *app.App) (federation.Service, error) {
	s := federation.Service{
		ID: c.ID, Name: federation.Text{Japanese: c.NameJa, English: c.NameEn}, Protocol: federation.SAML, Address: c.Address,
		Require: federation.Require(c.Require), Sector: c.Sector, Release: federation.Release{Optional: c.Release},
	}
	return s, readMetadata(&s, c.Metadata, a)
}

// readMetadata gives a service the metadata of a file. What has an entityID keeps
// it: under another one it would be another service, with other names of people.
func readMetadata(s *federation.Service, file string, a *app.App) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	entity, err := saml.ParseMetadata(text, !a.Site.Secure())
	if err != nil {
		return err
	}
	if s.EntityID == "" {
		s.EntityID = entity.ID
	}
	s.Metadata = string(text)
	return nil
}

// performWithSecret also gives the service a new secret, and prints it, once.
func performWithSecret(env *Env, a *app.App, asJSON bool, c act) error {
	var plain string
	do := c.do
	c.do = func(found *federation.Service) (s federation.Service, err error) {
		if s, err = do(found); err == nil {
			plain, err = newSecret(&s)
		}
		return s, err
	}
	s, err := perform(env, a, c)
	if err != nil {
		return err
	}
	return printClient(env, asJSON, s.ID, plain)
}

// printClient prints the id, and the secret if one was made.
func printClient(env *Env, asJSON bool, id, plain string) error {
	if asJSON {
		return env.JSON(map[string]string{"client_id": id, "client_secret": plain})
	}
	if plain == "" {
		return env.Printf("client_id: %s\n", id)
	}
	return env.Printf("client_id: %s\nclient_secret: %s (printed only now)\n", id, plain)
}

type clientListCommand struct {
	withConfig
	Feed string `help:"The feed whose services to list, instead of own records."`
	JSON bool   `help:"Print JSON."`
}

// all are the own records, or the services of a feed.
func (c clientListCommand) all(env *Env, a *app.App) ([]federation.Service, error) {
	if c.Feed == "" {
		return a.Services.All(env.Context)
	}
	feed, ok := a.Config.SAML.Feed(c.Feed)
	if !ok {
		return nil, fmt.Errorf("the configuration has no feed %q", c.Feed)
	}
	return a.Feeds.List(env.Context, feed)
}

// Run lists the services of the configuration file and of the database, or those of
// a feed.
func (c clientListCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		all, err := c.all(env, a)
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
			if err := env.Printf("%-20s %-5s %-4s %s\n", s.ID, s.Protocol, state, s.Name.In("en")); err != nil {
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

type clientShowCommand struct {
	withConfig
	ID   string `arg:"" help:"The client_id, or the entityID of a service that speaks SAML."`
	JSON bool   `help:"Print JSON, which it does anyway."`
}

// Run prints a service as JSON, which client add --file reads; of its secret there
// is only a digest. One of a feed, which cannot be added, is printed with what the
// feed says.
func (c clientShowCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		all, err := a.Services.All(env.Context)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(s federation.Service) bool { return s.ID == c.ID || s.EntityID == c.ID && c.ID != "" })
		if i >= 0 {
			return env.JSON(all[i])
		}
		s, err := a.Services.Find(env.Context, c.ID)
		if errors.Is(err, federation.ErrNoService) {
			s, err = a.Services.FindEntity(env.Context, c.ID)
		}
		if err != nil {
			return err
		}
		described := json.RawMessage(s.Metadata)
		s.Metadata = ""
		return env.JSON(struct {
			federation.Service
			Described json.RawMessage `json:"described"`
		}{s, described})
	})
}

type clientSecretCommand struct {
	onClient
	JSON bool `help:"Print JSON."`
}

// Run gives a service another secret.
func (c clientSecretCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		return performWithSecret(env, a, c.JSON, act{id: c.ID, name: "secret", do: existing(func(*federation.Service) {})})
	})
}

type clientMetadataCommand struct {
	onClient
	File string `arg:"" type:"existingfile" help:"The metadata, with the same entityID."`
}

var errNotSAML = errors.New("the service does not speak SAML")

// Run gives a service that speaks SAML newer metadata.
func (c clientMetadataCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		_, err := perform(env, a, act{id: c.ID, name: "metadata", do: func(found *federation.Service) (s federation.Service, err error) {
			if found == nil {
				return s, federation.ErrNoService
			}
			if found.Protocol != federation.SAML {
				return s, errNotSAML
			}
			err = readMetadata(found, c.File, a)
			return *found, err
		}})
		return err
	})
}

type clientDisableCommand struct{ onClient }

// Run switches a service off.
func (c clientDisableCommand) Run(env *Env) error { return c.turn(env, true, "disabled") }

type clientEnableCommand struct{ onClient }

// Run switches a service on.
func (c clientEnableCommand) Run(env *Env) error { return c.turn(env, false, "enabled") }

func (c onClient) turn(env *Env, off bool, name string) error {
	return c.do(env, func(a *app.App) error {
		_, err := perform(env, a, act{id: c.ID, name: name, do: existing(func(s *federation.Service) { s.Disabled = off })})
		return err
	})
}

// existing applies change to a service that must be there.
func existing(change func(*federation.Service)) func(*federation.Service) (federation.Service, error) {
	return func(found *federation.Service) (federation.Service, error) {
		if found == nil {
			return federation.Service{}, federation.ErrNoService
		}
		change(found)
		return *found, nil
	}
}

// Package demo is the demonstration: everything on one machine, with made-up
// people and nothing to set up. It listens on loopback only.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"warifu/internal/app"
	"warifu/internal/config"
	"warifu/internal/demo/mailcatcher"
	"warifu/internal/demo/oidcservice"
	"warifu/internal/demo/people"
	"warifu/internal/demo/samlservice"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/keyring"
	"warifu/internal/secret"
	"warifu/internal/store"
)

// Options are those of the command.
type Options struct {
	Listen    string // address of the server; its host must be loopback
	PortBase  int    // of all six ports; 0 for the usual ones
	Data      string // folder that is kept; empty for a temporary one
	SeedUsers int    // made-up people besides the printed accounts
	Out       io.Writer
	Log       *slog.Logger
	Now       func() time.Time
	// Ready is told the public address of the server when everything serves;
	// for tests. May be nil.
	Ready func(baseURL string)
}

// ports are where the parts listen.
type ports struct {
	host                                        string
	server, oidc, saml, smtp, mailPage, operate string
}

// Run serves until ctx ends.
func Run(ctx context.Context, o Options) (err error) {
	p, err := o.ports()
	if err != nil {
		return err
	}
	data := o.Data
	if data == "" {
		if data, err = os.MkdirTemp("", "warifu-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	return o.serve(ctx, p, data)
}

func (o Options) ports() (p ports, err error) {
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return p, fmt.Errorf("listen: %w", err)
	}
	if address := net.ParseIP(host); host != "localhost" && (address == nil || !address.IsLoopback()) { //guard:OPS-8
		return p, fmt.Errorf("the demonstration listens on loopback only, not on %s", host)
	}
	p = ports{host: host, server: port, oidc: "8081", saml: "8082", smtp: "8025", mailPage: "8026", operate: "8027"}
	if b := o.PortBase; b != 0 {
		number := func(n int) string { return fmt.Sprint(b + n) }
		p.server, p.oidc, p.saml = number(0), number(1), number(2)
		p.smtp, p.mailPage, p.operate = number(3), number(4), number(5)
	}
	return p, nil
}

// address is the public address of a part: passkeys need a name.
func address(port string) string { return "http://localhost:" + port }

// listen opens a port on both loopback addresses, since a browser may take
// either for localhost. The second is left out where a machine has none.
func (p ports) listen(ctx context.Context, port string) ([]net.Listener, error) {
	var config net.ListenConfig
	first, err := config.Listen(ctx, "tcp", net.JoinHostPort(p.host, port))
	if err != nil {
		return nil, err
	}
	other := "::1"
	if p.host == "::1" {
		other = "127.0.0.1"
	}
	second, err := config.Listen(ctx, "tcp", net.JoinHostPort(other, port))
	if err != nil {
		return []net.Listener{first}, nil // one is enough
	}
	return []net.Listener{first, second}, nil
}

func (o Options) serve(ctx context.Context, p ports, data string) error {
	listeners := make(map[string][]net.Listener)
	for _, port := range []string{p.server, p.oidc, p.saml, p.smtp, p.mailPage, p.operate} {
		opened, err := p.listen(ctx, port)
		if err != nil {
			return err
		}
		for _, l := range opened {
			defer l.Close()
		}
		listeners[port] = opened
	}
	clientSecret, err := secret.Token(rand.Reader)
	if err != nil {
		return err
	}
	keys, err := keyFile(filepath.Join(data, "keys"))
	if err != nil {
		return err
	}
	provider, err := samlservice.New(samlservice.Config{MetadataURL: address(p.server) + "/saml/metadata", BaseURL: address(p.saml),
		NameJa: libraryName.Japanese, NameEn: libraryName.English, Random: rand.Reader, Now: o.Now})
	if err != nil {
		return err
	}
	metadata, err := provider.Metadata()
	if err != nil {
		return err
	}
	a, err := app.New(ctx, p.config(data, keys, p.services(clientSecret, metadata)), app.Options{Log: o.Log, Now: o.Now})
	if err != nil {
		return err
	}
	defer a.Close()
	if err := o.prepare(ctx, a); err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	defer a.Stop()
	catcher := mailcatcher.New(o.Now)
	defer catcher.Close()
	for _, l := range listeners[p.smtp] {
		go func() { _ = catcher.Serve(l) }()
	}
	service := oidcservice.New(oidcservice.Config{Issuer: address(p.server), BaseURL: address(p.oidc), ClientID: clientID,
		ClientSecret: clientSecret, NameJa: serviceName.Japanese, NameEn: serviceName.English, Random: rand.Reader, Now: o.Now})
	if err := o.print(p); err != nil {
		return err
	}
	if o.Ready != nil {
		o.Ready(address(p.server))
	}
	return app.Serve(ctx, map[*http.Server][]net.Listener{
		app.Server(toName(address(p.server), a.Handler()), o.Log): listeners[p.server],
		app.Server(toName(address(p.oidc), service), o.Log):       listeners[p.oidc],
		app.Server(toName(address(p.saml), provider), o.Log):      listeners[p.saml],
		app.Server(catcher, o.Log):                                listeners[p.mailPage],
		app.Server(a.Operation(), o.Log):                          listeners[p.operate],
	})
}

// toName sends a GET of an address such as 127.0.0.1 on to the name localhost:
// the cookies and passkeys of a page belong to its name.
func toName(base string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		read := r.Method == http.MethodGet || r.Method == http.MethodHead
		if err == nil && read && net.ParseIP(host).IsLoopback() {
			http.Redirect(w, r, base+r.URL.RequestURI(), http.StatusFound) //nolint:gosec // G710: the address begins with base
			return
		}
		next.ServeHTTP(w, r)
	})
}

// keyFile returns the keys of the data folder, which are made the first time.
func keyFile(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if !errors.Is(err, os.ErrNotExist) {
		return text, err
	}
	if text, err = keyring.Generate(rand.Reader, nil); err != nil {
		return nil, err
	}
	return text, os.WriteFile(name, text, 0o600)
}

// finder tells whether the people are there already.
type finder interface {
	SubscriberBySPSID(ctx context.Context, spsID string) (directory.Subscriber, string, error)
}

// prepare makes the schema and, in a new database, the people.
func (o Options) prepare(ctx context.Context, a *app.App) error {
	if err := a.DB.Migrate(ctx); err != nil {
		return err
	}
	err := store.View[finder](a.DB)(ctx, func(tx finder) error {
		_, _, err := tx.SubscriberBySPSID(ctx, people.Accounts()[0].SPSID)
		return err
	})
	if !errors.Is(err, directory.ErrNotFound) {
		return err
	}
	hash, err := a.Hasher.Hash(ctx, people.Password)
	if err != nil {
		return err
	}
	maker := people.Maker{InTx: store.In[people.Tx](a.DB), TOTP: a.TOTP, Hash: hash, Now: o.Now()}
	defer debug.FreeOSMemory() // what the hash and the people took
	return maker.Make(ctx, o.SeedUsers)
}

const clientID = "demo-oidc"

// config is the configuration of みやこ大学.
func (p ports) config(data string, keys []byte, services []federation.Service) config.Config {
	c := config.Default()
	c.BaseURL = address(p.server)
	c.Database = "sqlite:" + filepath.Join(data, "warifu.db")
	c.Institution = institution(c.Institution)
	c.HelpDesk = helpDesk(c.HelpDesk)
	c.Mail.Host, c.Mail.Port, c.Mail.Encryption = "127.0.0.1", portNumber(p.smtp), "none"
	c.Mail.From = "みやこ大学認証 <no-reply@miyako.example>"
	c.Services = services
	c.Desk.AnyFactor = true
	c.Desk.AlarmAt, c.Desk.StopAt = 100*c.Desk.AlarmAt, 100*c.Desk.StopAt
	c.Demo = &config.Demo{MailPage: address(p.mailPage), Keys: keys}
	return c
}

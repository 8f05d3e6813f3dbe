package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"warifu/internal/app"
	"warifu/internal/audit"
	"warifu/internal/authenticator/totp"
	"warifu/internal/keyring"
	"warifu/internal/store"
)

type keyCommand struct {
	List   keyListCommand   `cmd:"" help:"List the keys and their states."`
	Rotate keyRotateCommand `cmd:"" help:"Rotate the signing key of an algorithm."`
	Import keyImportCommand `cmd:"" help:"Take over the SAML key of a former identity provider, with its certificate."`
	Init   keyInitCommand   `cmd:"" help:"Make the key file, or add the next version to it."`
	Use    keyUseCommand    `cmd:"" help:"Put the next version of the key file into use."`
	Reseal keyResealCommand `cmd:"" help:"Seal under the version in use what older ones have sealed, and say what still needs those."`
}

type keyListCommand struct {
	withConfig
	JSON bool `help:"Print JSON."`
}

// keyRow is one key, without anything secret.
type keyRow struct {
	Kind    string    `json:"kind"`
	ID      string    `json:"id"`
	State   string    `json:"state"`
	Created time.Time `json:"created,omitzero"`
}

// Run lists the signing keys and the versions of the key file.
func (c keyListCommand) Run(env *Env) error {
	a, err := c.open(env)
	if err != nil {
		return err
	}
	defer a.Close()
	signing, err := a.Signing.List(env.Context)
	if err != nil {
		return err
	}
	var rows []keyRow
	for _, k := range signing {
		rows = append(rows, keyRow{Kind: k.Algorithm, ID: k.KID, State: string(k.State), Created: k.CreatedAt})
	}
	for _, v := range a.Ring.Versions() {
		rows = append(rows, keyRow{Kind: "key file", ID: fmt.Sprint(v.Number), State: string(v.State)})
	}
	if c.JSON {
		return env.JSON(rows)
	}
	for _, r := range rows {
		if err := env.Printf("%-10s %-45s %s\n", r.Kind, r.ID, r.State); err != nil {
			return err
		}
	}
	return nil
}

type keyRotateCommand struct {
	withConfig
	Algorithm string `arg:"" enum:"ES256,RS256,SAML" default:"ES256" help:"ES256, RS256 or SAML."`
}

// Run puts the next signing key into use and publishes another next one.
func (c keyRotateCommand) Run(env *Env) error {
	a, err := c.open(env)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.Signing.Rotate(env.Context, c.Algorithm, "command"); err != nil {
		return err
	}
	return env.Printf("The %s key has been rotated.\n", c.Algorithm)
}

type keyImportCommand struct {
	withConfig
	Key         string `arg:"" type:"existingfile" help:"The private key, RSA in PEM, without a passphrase."`
	Certificate string `arg:"" type:"existingfile" help:"Its certificate, in PEM."`
}

// Run takes a key over.
func (c keyImportCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		key, err := os.ReadFile(c.Key)
		if err != nil {
			return err
		}
		certificate, err := os.ReadFile(c.Certificate)
		if err != nil {
			return err
		}
		state, err := a.Signing.Bring(env.Context, key, certificate, "command")
		if err != nil {
			return err
		}
		if state == keyring.Active {
			return env.Printf("The key signs SAML messages from now on. Delete %s.\n", c.Key)
		}
		return env.Printf("The key is published as the next one. Put it into use in a day or later, by: warifu key rotate SAML. Delete %s.\n", c.Key)
	})
}

type keyInitCommand struct {
	File string `arg:"" type:"path" help:"The key file; an existing one gets a further version, not yet in use."`
}

// Run makes a key file, or adds a version that all nodes must have before it is
// put into use.
func (c keyInitCommand) Run(env *Env) error {
	previous, err := os.ReadFile(c.File)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	text, err := keyring.Generate(rand.Reader, previous)
	if err != nil {
		return err
	}
	return replaceFile(c.File, text)
}

type keyUseCommand struct {
	File string `arg:"" type:"existingfile" help:"The key file."`
}

// Run puts the next version into use.
func (c keyUseCommand) Run(*Env) error {
	previous, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	text, err := keyring.Promote(previous)
	if err != nil {
		return err
	}
	return replaceFile(c.File, text)
}

type keyResealCommand struct {
	withConfig
	JSON bool `help:"Print JSON."`
}

// resealReport is what became of the stored secrets, and what needs a version
// that is not the current one.
type resealReport struct {
	Authenticators int           `json:"authenticators"`
	SigningKeys    int           `json:"signing_keys"`
	Older          []keyring.Use `json:"older"`
}

// Run seals again. It may be given up and begun anew at any time, and runs
// beside the servers.
func (c keyResealCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		report, err := reseal(env, a)
		return errors.Join(c.print(env, report), err)
	})
}

// reseal returns what was done even if the rest failed.
func reseal(env *Env, a *app.App) (r resealReport, err error) {
	signing, errSigning := a.Signing.Reseal(env.Context, "command")
	secrets, errSecrets := a.TOTP.ResealAll(env.Context, store.In[totp.ResealTx](a.DB))
	r.SigningKeys, r.Authenticators = signing, secrets
	recorded := store.In[auditTx](a.DB)(env.Context, func(tx auditTx) error {
		return tx.AppendAudit(env.Context, audit.Event{At: env.Now(), Name: audit.Resealed, Actor: "command",
			Detail: map[string]string{"authenticators": fmt.Sprint(secrets), "signing_keys": fmt.Sprint(signing)}})
	})
	current, others := versions(a.Ring)
	counted := store.View[keyring.UseReader](a.DB)(env.Context, func(tx keyring.UseReader) error {
		all, err := tx.KeyUse(env.Context, others)
		r.Older = slices.DeleteFunc(all, func(u keyring.Use) bool { return u.Version == current })
		return err
	})
	return r, errors.Join(errSigning, errSecrets, recorded, counted)
}

// auditTx records what a command has done.
type auditTx interface {
	AppendAudit(ctx context.Context, e audit.Event) error
}

// versions returns the current version of the key file, and the others.
func versions(ring *keyring.Ring) (current int, others []int) {
	for _, v := range ring.Versions() {
		if v.State == keyring.VersionCurrent {
			current = v.Number
		} else {
			others = append(others, v.Number)
		}
	}
	return current, others
}

func (c keyResealCommand) print(env *Env, r resealReport) error {
	if c.JSON {
		return env.JSON(r)
	}
	if err := env.Printf("Sealed again: %d of the secrets of Authenticators, %d of the signing keys.\n", r.Authenticators, r.SigningKeys); err != nil {
		return err
	}
	for _, u := range r.Older {
		if err := env.Printf("Version %d is still needed for %d of the %s.\n", u.Version, u.Rows, u.Of); err != nil {
			return err
		}
	}
	return nil
}

// replaceFile writes a secret file whole or not at all.
func replaceFile(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".warifu-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // no effect after the rename
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

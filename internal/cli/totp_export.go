package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"warifu/internal/exportfile"
)

type totpExportCommand struct {
	totpVaultFlags
	fileFlags
	To     string            `arg:"" name:"file" type:"path" help:"The file, which must not exist; - is standard output."`
	Format exportfile.Format `enum:"warifu,otpauth,authenticator-extension,aegis,aegis-plain,migration" default:"warifu" help:"warifu (encrypted, unless said otherwise), otpauth, authenticator-extension, aegis (encrypted), aegis-plain or migration (as Google Authenticator)."`
}

// Validate refuses two sources of a passphrase.
func (c totpExportCommand) Validate() error {
	return errors.Join(c.totpVaultFlags.Validate(), c.ofFile().Validate())
}

// Help says what becomes of the formats that hold less.
func (totpExportCommand) Help() string {
	return "What the format can't hold is listed before the file is written; an account that it can't hold at all is left out."
}

// Run writes the file. What it can't hold is told first.
func (c totpExportCommand) Run(env *Env) error {
	if c.To != "-" {
		if _, err := os.Lstat(c.To); err == nil {
			return fmt.Errorf("%s exists already", c.To)
		}
	}
	return c.change(env, func(contents *exportfile.Contents) (bool, error) {
		held, losses := c.Format.Losses(contents.Accounts)
		for _, l := range losses {
			fmt.Fprintln(env.Err, describe(l))
		}
		if len(held) == 0 {
			return false, errors.New("there is no account that could be written")
		}
		exported := *contents
		exported.ExportedAt = env.Now()
		file, err := c.encode(env, exported)
		if err != nil {
			return false, err
		}
		if err := c.save(env, file); err != nil {
			return false, err
		}
		if err := contents.NoteExport(env.Now()); err != nil {
			return false, err
		}
		return true, c.tell(env, contents.Accounts, held, losses)
	})
}

// describe says in a line what a file will lack.
func describe(l exportfile.Loss) string {
	if l.Whole {
		return "left out: " + l.Account.Name() + ": " + l.What
	}
	return "without " + l.What + ": " + l.Account.Name()
}

// encode asks for a passphrase if the format is encrypted, and warns if it isn't.
func (c totpExportCommand) encode(env *Env, contents exportfile.Contents) ([]byte, error) {
	if !c.Format.Encrypted() {
		fmt.Fprintln(env.Err, "The file is not encrypted: whoever reads it has the keys.")
		return c.Format.Write(rand.Reader, contents, "")
	}
	passphrase, err := c.ofFile().choose(env, "Choose a passphrase for the file: ")
	if errors.Is(err, errNoTerminal) {
		err = errors.New("the file needs a passphrase: --file-passphrase-file or --file-passphrase-fd says where it is read")
	}
	if err != nil {
		return nil, err
	}
	return c.Format.Write(rand.Reader, contents, passphrase)
}

// save writes a file that was not there, whole or not at all.
func (c totpExportCommand) save(env *Env, content []byte) error {
	if c.To == "-" {
		_, err := env.Out.Write(content)
		return err
	}
	file, err := os.OpenFile(c.To, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(c.To))
	}
	return nil
}

// totpExportReport is what was written.
type totpExportReport struct {
	Format  string           `json:"format"`
	Written int              `json:"written"`
	LeftOut int              `json:"left_out"`
	Losses  []totpExportLoss `json:"losses"`
}

type totpExportLoss struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	What  string `json:"what"`
	Whole bool   `json:"whole"`
}

// tell says how much was written; nothing where standard output is the file.
func (c totpExportCommand) tell(env *Env, all, held []exportfile.Account, losses []exportfile.Loss) error {
	if c.To == "-" {
		return nil
	}
	if !c.JSON {
		return env.Printf("%d of %d accounts were written to %s.\n", len(held), len(all), c.To)
	}
	report := totpExportReport{Format: string(c.Format), Written: len(held), LeftOut: len(all) - len(held), Losses: []totpExportLoss{}}
	for _, l := range losses {
		report.Losses = append(report.Losses, totpExportLoss{ID: l.Account.ID, Name: l.Account.Name(), What: l.What, Whole: l.Whole})
	}
	return env.JSON(report)
}

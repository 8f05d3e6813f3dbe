package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"warifu/internal/exportfile"
)

type totpAddCommand struct {
	totpVaultFlags
	onConflict
	File string `arg:"" optional:"" type:"path" help:"otpauth, otpauth-migration or steam lines; - is standard input. On a terminal, issuer, account and key are asked for if it is not given."`
}

// Validate refuses to read standard input for two things.
func (c totpAddCommand) Validate() error {
	if c.File == "-" && (c.PassphraseFile == "-" || c.PassphraseFD != nil && *c.PassphraseFD == 0) {
		return errors.New("standard input can't be both the lines and the passphrase")
	}
	return c.totpVaultFlags.Validate()
}

// Run adds what the lines say, or what is typed.
func (c totpAddCommand) Run(env *Env) error {
	s := source{name: "keyboard"}
	if c.File == "" {
		account, err := askAccount(env)
		if err != nil {
			return err
		}
		s.entries = []exportfile.Entry{{Account: account, At: 1}}
	} else {
		read, err := c.lines(env)
		if err != nil {
			return err
		}
		s.name, s.entries = filepath.Base(c.File), exportfile.Collect(read)
	}
	return c.onConflict.merge(env, c.totpVaultFlags, []source{s})
}

func (c totpAddCommand) lines(env *Env) (exportfile.Import, error) {
	in := env.In
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return exportfile.Import{}, err
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, exportfile.MaxSize+1))
	if err != nil {
		return exportfile.Import{}, err
	}
	return exportfile.ReadLines(text)
}

// askAccount asks for what most sites show beside their QR code: time-based, SHA-1,
// six digits, 30 seconds.
func askAccount(env *Env) (exportfile.Account, error) {
	issuer, err := env.ask("Issuer: ")
	if errors.Is(err, errNoTerminal) {
		err = errors.New("a file with otpauth lines must be named, or - for standard input")
	}
	if err != nil {
		return exportfile.Account{}, err
	}
	account, err := env.ask("Account: ")
	if err != nil {
		return exportfile.Account{}, err
	}
	key, err := env.askHidden("Key (Base32, not shown): ")
	if err != nil {
		return exportfile.Account{}, err
	}
	return exportfile.NewAccount(issuer, account, key)
}

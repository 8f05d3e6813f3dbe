package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"warifu/internal/exportfile"
)

// totpVaultFlags say where the accounts lie and how the file is opened.
type totpVaultFlags struct {
	Vault string `placeholder:"FILE" type:"path" help:"The file of the accounts; without it $XDG_DATA_HOME/warifu/authenticator.json."`
	passphraseFlags
	NoPassphrase bool `help:"The accounts are, or will be, under no passphrase: the file is not encrypted then."`
	JSON         bool `help:"Print JSON."`
}

// Validate refuses a passphrase that is there and not there.
func (f totpVaultFlags) Validate() error {
	if f.NoPassphrase && f.given() {
		return errors.New("--no-passphrase leaves no room for a passphrase")
	}
	return f.passphraseFlags.Validate()
}

// path returns the file of the accounts. A link is followed, so that it stays
// one when the file behind it is replaced.
func (f totpVaultFlags) path() (string, error) {
	path := f.Vault
	if path == "" {
		data := os.Getenv("XDG_DATA_HOME")
		if !filepath.IsAbs(data) { // the XDG Base Directory Specification wants others ignored
			home, err := os.UserHomeDir()
			if err != nil {
				return "", err
			}
			data = filepath.Join(home, ".local", "share")
		}
		path = filepath.Join(data, "warifu", "authenticator.json")
	}
	if behind, err := filepath.EvalSymlinks(path); err == nil {
		path = behind
	}
	return path, nil
}

// read returns the accounts.
func (f totpVaultFlags) read(env *Env) (exportfile.Contents, error) {
	path, err := f.path()
	if err != nil {
		return exportfile.Contents{}, err
	}
	file, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return exportfile.Contents{}, noAccounts(path)
	}
	if err != nil {
		return exportfile.Contents{}, err
	}
	_, contents, err := f.open(env, file)
	return contents, err
}

// open opens the file of the accounts.
func (f totpVaultFlags) open(env *Env, file []byte) (*exportfile.Vault, exportfile.Contents, error) {
	none := exportfile.Contents{}
	locked, err := exportfile.IsLocked(file)
	switch {
	case err != nil:
		return nil, none, fmt.Errorf("the file of the accounts: %w", err)
	case locked && f.NoPassphrase:
		return nil, none, errors.New("the accounts are under a passphrase; --no-passphrase does not open them")
	case !locked && f.given():
		return nil, none, errors.New("the accounts are under no passphrase: they are not encrypted, although one is given")
	case !locked:
		return exportfile.OpenVault(file, "")
	}
	passphrase, err := f.enter(env, "Passphrase of the accounts: ")
	if errors.Is(err, errNoTerminal) {
		err = errors.New("the accounts are under a passphrase: --passphrase-file or --passphrase-fd says where it is read")
	}
	if err != nil {
		return nil, none, err
	}
	return exportfile.OpenVault(file, passphrase)
}

// make makes an empty vault.
func (f totpVaultFlags) make(env *Env) (*exportfile.Vault, exportfile.Contents, error) {
	contents := exportfile.Contents{Device: "warifu totp"}
	var passphrase string
	if !f.NoPassphrase {
		var err error
		passphrase, err = f.choose(env, "Choose a passphrase for the accounts: ")
		if errors.Is(err, errNoTerminal) {
			err = errors.New("the accounts need a passphrase: --passphrase-file, --passphrase-fd, or --no-passphrase")
		}
		if err != nil {
			return nil, contents, err
		}
	}
	v, err := exportfile.NewVault(rand.Reader, passphrase)
	return v, contents, err
}

// change changes the accounts that are there. What act returns says whether there
// is something to store; see [totpVaultFlags.update].
func (f totpVaultFlags) change(env *Env, act func(*exportfile.Contents) (bool, error)) error {
	return f.update(env, func(path string) (*exportfile.Vault, exportfile.Contents, error) {
		return nil, exportfile.Contents{}, noAccounts(path)
	}, act)
}

// changeOrMake is change, and makes the file if it isn't there.
func (f totpVaultFlags) changeOrMake(env *Env, act func(*exportfile.Contents) (bool, error)) error {
	return f.update(env, func(string) (*exportfile.Vault, exportfile.Contents, error) { return f.make(env) }, act)
}

func noAccounts(path string) error {
	return fmt.Errorf("there are no accounts yet in %s; warifu totp add adds one", path)
}

// update changes the accounts under a lock, for which other commands wait. An
// error leaves the file as it is; after nil it has been written to the disk.
func (f totpVaultFlags) update(env *Env, missing func(path string) (*exportfile.Vault, exportfile.Contents, error), act func(*exportfile.Contents) (bool, error)) error {
	path, err := f.path()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	unlock, err := lockFile(path + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	var v *exportfile.Vault
	var contents exportfile.Contents
	file, err := os.ReadFile(path)
	switch {
	case err == nil:
		v, contents, err = f.open(env, file)
	case errors.Is(err, fs.ErrNotExist):
		v, contents, err = missing(path)
	}
	if err != nil {
		return err
	}
	changed, err := act(&contents)
	if err != nil || !changed {
		return err
	}
	contents.ExportedAt = env.Now()
	if file, err = v.Seal(rand.Reader, contents); err != nil {
		return err
	}
	if err := replaceFile(path, file); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

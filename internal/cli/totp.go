package cli

import (
	"crypto/sha1" //nolint:gosec // G505: what accounts of other systems use; HMAC does not need collision resistance
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"warifu/internal/authenticator/totp"
	"warifu/internal/exportfile"
)

type totpCommand struct {
	Code   totpCodeCommand   `cmd:"" help:"Show codes."`
	Add    totpAddCommand    `cmd:"" help:"Add accounts from otpauth lines, or one from the keyboard."`
	List   totpListCommand   `cmd:"" help:"List the accounts, without their keys."`
	Import totpImportCommand `cmd:"" help:"Merge the accounts of files of this and other Authenticators."`
	Export totpExportCommand `cmd:"" help:"Write the accounts to a file for this or another Authenticator."`
	Verify totpVerifyCommand `cmd:"" help:"Tell whether a code is that of an account, and how many steps it is off."`
}

// Help says where accounts lie and how passphrases get in.
func (totpCommand) Help() string {
	return "The accounts lie in one file, encrypted under a passphrase. Keys and passphrases are taken from the terminal, standard input " +
		"or a file, never from arguments or the environment."
}

// totpAccountRow is an account as it is shown: without its key.
type totpAccountRow struct {
	ID        string    `json:"id"`
	Issuer    string    `json:"issuer"`
	Account   string    `json:"account"`
	Type      string    `json:"type"`
	Algorithm string    `json:"algorithm"`
	Digits    int       `json:"digits"`
	Period    int       `json:"period,omitempty"`
	Counter   *int64    `json:"counter,omitempty"`
	Origins   []string  `json:"origins"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func newAccountRow(a exportfile.Account) totpAccountRow {
	row := totpAccountRow{ID: a.ID, Issuer: a.Issuer, Account: a.Account, Type: string(a.Type), Algorithm: string(a.Algorithm),
		Digits: a.Digits, Period: a.Period, Origins: a.Origins, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}
	if a.Type == exportfile.HOTP {
		row.Counter = &a.Counter
	}
	return row
}

type totpListCommand struct {
	totpVaultFlags
}

// Run lists the accounts.
func (c totpListCommand) Run(env *Env) error {
	contents, err := c.read(env)
	if err != nil {
		return err
	}
	rows := []totpAccountRow{}
	for _, a := range contents.Accounts {
		rows = append(rows, newAccountRow(a))
	}
	if c.JSON {
		return env.JSON(rows)
	}
	for _, a := range contents.Accounts {
		if err := env.Printf("%-5s %-6s %2d digits, %-12s %s\n", a.Type, a.Algorithm, a.Digits, moving(a), strings.Join(append([]string{a.Name()}, a.Origins...), "  ")); err != nil {
			return err
		}
	}
	return nil
}

// moving says what an account's codes change with.
func moving(a exportfile.Account) string {
	if a.Type == exportfile.HOTP {
		return fmt.Sprintf("counter %d", a.Counter)
	}
	return fmt.Sprintf("%d s", a.Period)
}

// hashes are the algorithms of accounts.
var hashes = map[exportfile.Algorithm]func() hash.Hash{exportfile.SHA1: sha1.New, exportfile.SHA256: sha256.New, exportfile.SHA512: sha512.New}

// codeOf returns the code of an account at a step, or at a counter.
func codeOf(a exportfile.Account, step int64) string {
	if a.Type == exportfile.Steam {
		return totp.Steam(hashes[a.Algorithm], a.Secret, uint64(step)) //nolint:gosec // G115: callers have none below 0
	}
	return totp.HOTP(hashes[a.Algorithm], a.Secret, uint64(step), a.Digits) //nolint:gosec // G115: as above
}

// stepAt returns the step that a time lies in, and when the next one begins. The
// time is not before 1970.
func stepAt(a exportfile.Account, at time.Time) (step int64, until time.Time) {
	step = at.Unix() / int64(a.Period)
	return step, time.Unix((step+1)*int64(a.Period), 0).UTC()
}

// errNoSuchAccount is for a name that means nobody.
var errNoSuchAccount = errors.New("no account has this name; warifu totp list shows all")

// findAccount returns the account that a name means: its id, its whole name, its
// issuer or its account, or a part of these that no other one has. Case, width
// and form of the characters don't matter.
func findAccount(all []exportfile.Account, name string) (exportfile.Account, error) {
	typed := foldName(name)
	exact := func(a exportfile.Account) bool {
		return typed == a.ID || typed == foldName(a.Name()) || typed == foldName(a.Issuer) || typed == foldName(a.Account)
	}
	part := func(a exportfile.Account) bool { return strings.Contains(foldName(a.Name()), typed) }
	for _, fits := range []func(exportfile.Account) bool{exact, part} {
		var found []string
		var one exportfile.Account
		for _, a := range all {
			if fits(a) {
				found, one = append(found, a.Name()), a
			}
		}
		switch {
		case len(found) == 1:
			return one, nil
		case len(found) > 1:
			return one, fmt.Errorf("several accounts have this name: %s", strings.Join(found, ", "))
		}
	}
	return exportfile.Account{}, errNoSuchAccount
}

func foldName(name string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(strings.TrimSpace(name))))
}

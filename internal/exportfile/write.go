package exportfile

import (
	"fmt"
	"io"
	"strings"
)

// Format is a way to write accounts.
type Format string

// The formats that are written.
const (
	FormatNative     Format = "warifu"
	FormatText       Format = "otpauth"
	FormatAuthext    Format = "authenticator-extension"
	FormatAegis      Format = "aegis"
	FormatAegisPlain Format = "aegis-plain"
	FormatMigration  Format = "migration"
)

// Encrypted reports whether the format needs a passphrase.
func (f Format) Encrypted() bool { return f == FormatNative || f == FormatAegis }

// Loss is what a format can't hold of an account.
type Loss struct {
	Account Account
	What    string // in words
	Whole   bool   // the account is left out
}

// Losses returns the accounts that the format can hold, and what it can't hold
// of them and of the others.
func (f Format) Losses(accounts []Account) (held []Account, losses []Loss) {
	for _, a := range accounts {
		reason := f.keepsOut(a)
		if reason != "" {
			losses = append(losses, Loss{Account: a, What: reason, Whole: true})
			continue
		}
		held = append(held, a)
		for _, what := range f.loses(a) {
			losses = append(losses, Loss{Account: a, What: what})
		}
	}
	return held, losses
}

// keepsOut says why the format can't hold the account at all.
func (f Format) keepsOut(a Account) string {
	switch {
	case f == FormatMigration && a.Type == Steam:
		return "its type is Steam"
	case f == FormatMigration && a.Digits != 6 && a.Digits != 8:
		return fmt.Sprintf("its codes have %d digits", a.Digits)
	case f == FormatMigration && a.Type == TOTP && a.Period != defaultPeriod:
		return fmt.Sprintf("its period is %d seconds", a.Period)
	case f == FormatAuthext && (a.Type != TOTP || a.Algorithm != SHA1):
		return "Authenticator-Extension 8.0.2 would read it wrongly from this format; it reads it rightly from otpauth"
	case f == FormatText && len(WriteURI(a)) > maxURI:
		return "its names are too long"
	}
	return ""
}

// loses says what of an account is not written.
func (f Format) loses(a Account) (what []string) {
	if f == FormatNative {
		return nil
	}
	if len(a.Origins) > 0 {
		what = append(what, "the sites that it is bound to")
	}
	if a.Note != "" && f != FormatAegis && f != FormatAegisPlain {
		what = append(what, "its note")
	}
	if f == FormatAuthext && strings.Contains(a.Issuer, "::") {
		what = append(what, `what follows "::" in its issuer`)
	}
	return what
}

// Write writes the accounts that the format can hold. The passphrase is that of
// the file, for a format that is encrypted.
func (f Format) Write(random io.Reader, c Contents, passphrase string) ([]byte, error) {
	held, _ := f.Losses(c.Accounts)
	switch f {
	case FormatNative:
		return WriteExport(random, c, passphrase)
	case FormatText:
		return WriteText(held), nil
	case FormatAuthext:
		return WriteAuthext(held)
	case FormatAegis:
		return WriteAegisEncrypted(random, held, passphrase)
	case FormatAegisPlain:
		return WriteAegis(held)
	case FormatMigration:
		return writeMigrationLines(random, held)
	}
	return nil, refusef(Unsupported, "there is no format %q", string(f))
}

// writeMigrationLines writes one URI in a line each, under a random number for
// the batch.
func writeMigrationLines(random io.Reader, accounts []Account) ([]byte, error) {
	b, err := draw(random, 4)
	if err != nil {
		return nil, err
	}
	id := int32(b[0]&0x7f)<<24 | int32(b[1])<<16 | int32(b[2])<<8 | int32(b[3])
	return []byte(strings.Join(WriteMigration(accounts, id), "\r\n") + "\r\n"), nil
}

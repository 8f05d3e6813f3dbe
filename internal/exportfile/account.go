package exportfile

import (
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Type is what an account's codes are made from.
type Type string

// The types.
const (
	TOTP  Type = "totp"  // time, RFC 6238
	HOTP  Type = "hotp"  // counter, RFC 4226
	Steam Type = "steam" // time, shown in Steam's alphabet
)

// Algorithm is the hash function of an account.
type Algorithm string

// The algorithms of RFC 6238 §1.2.
const (
	SHA1   Algorithm = "SHA1"
	SHA256 Algorithm = "SHA256"
	SHA512 Algorithm = "SHA512"
)

// MaxCounter is the greatest counter: what JavaScript counts to.
const MaxCounter = 1<<53 - 1

// The limits of an account.
const (
	minDigits = 5
	maxDigits = 10
	maxPeriod = 3600 // seconds
	maxLabel  = 200  // characters of issuer and of account
)

// Account is one entry of an Authenticator.
type Account struct {
	ID        string // UUID; empty if the file that it comes from has none of ours
	Type      Type
	Issuer    string
	Account   string
	Secret    Secret
	Algorithm Algorithm
	Digits    int      // 5 to 10; Steam shows five characters anyway
	Period    int      // seconds, 1 to 3600; of TOTP and Steam
	Counter   int64    // of the next code, 0 to 2^53-1; of HOTP
	Origins   []string // of the sites that it may be filled in at
	Note      string

	CreatedAt, UpdatedAt time.Time // zero if unknown

	Extra Members // what this version doesn't know
}

// NewAccount returns an account as most sites want it: TOTP with SHA-1, six digits
// and 30 s. The errors are [RefusedError]: [BadLabel], [BadSecret].
func NewAccount(issuer, account, key string) (Account, error) {
	a := Account{Type: TOTP, Algorithm: SHA1, Digits: defaultDigits, Period: defaultPeriod}
	if err := a.setLabels(issuer, account); err != nil {
		return a, err
	}
	var err error
	a.Secret, err = ParseSecret(key)
	return a, err
}

// Name returns what a person calls the account: "Issuer (account)", or the part
// that is not empty. It holds no control characters, whatever the file held.
func (a Account) Name() string {
	issuer, account := cleanLabel(a.Issuer), cleanLabel(a.Account)
	switch {
	case issuer == "" && account == "":
		return "(no name)"
	case issuer == "":
		return account
	case account == "":
		return issuer
	}
	return issuer + " (" + account + ")"
}

// String is [Account.Name], so that printing an account prints no secret.
func (a Account) String() string { return a.Name() }

// GoString is [Account.Name].
func (a Account) GoString() string { return a.Name() }

// validate returns a [RefusedError] for the first value out of its limits.
func (a Account) validate() error {
	switch {
	case a.Type != TOTP && a.Type != HOTP && a.Type != Steam:
		return refuse(BadType)
	case len(a.Secret) < 1 || maxSecret < len(a.Secret):
		return refuse(BadSecret)
	case a.Algorithm != SHA1 && a.Algorithm != SHA256 && a.Algorithm != SHA512:
		return refuse(BadAlgorithm)
	case a.Digits < minDigits || maxDigits < a.Digits:
		return refuse(BadDigits)
	case a.Type != HOTP && (a.Period < 1 || maxPeriod < a.Period):
		return refuse(BadPeriod)
	case a.Type == HOTP && (a.Counter < 0 || MaxCounter < a.Counter):
		return refuse(BadCounter)
	}
	return nil
}

// credential is what two accounts have in common that show the same codes.
type credential struct {
	typ       Type
	secret    string
	algorithm Algorithm
	digits    int
	period    int
}

func (a Account) credential() credential {
	return credential{typ: a.Type, secret: string(a.Secret), algorithm: a.Algorithm, digits: a.Digits, period: a.Period}
}

// title is what two accounts have in common that a person would take for the
// same.
type title struct {
	typ             Type
	issuer, account string
}

func (a Account) title() title {
	return title{typ: a.Type, issuer: fold(a.Issuer), account: fold(a.Account)}
}

// fold returns what two spellings have in common: width, case, and what Unicode
// says is the same (NFKC).
func fold(s string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
}

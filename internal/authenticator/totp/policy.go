package totp

import (
	"errors"
	"fmt"
	"strings"
)

// maxActive is the most that the odds of THR-7 were computed for.
const maxActive = 5

// Policy says how the authenticators of this installation are made. What a code
// is made of is fixed (TOTP-1): not every Authenticator knows anything else.
type Policy struct {
	// Issuer is the name under which an Authenticator lists the account, in ASCII
	// and without a colon; up to 64 characters. People would see two entries if
	// it were changed. Empty: the short name of the system in English.
	Issuer string `yaml:"issuer"`
	// MaxActive is how many authenticators a person may have, 1 to 5.
	MaxActive int `yaml:"max_active"`
}

// DefaultPolicy returns the policy of which a configuration file changes what
// it names. There is no default issuer.
func DefaultPolicy() Policy { return Policy{MaxActive: maxActive} }

// Validate returns everything that is wrong with the policy.
func (p Policy) Validate() []error {
	var faults []error
	notPrintable := func(r rune) bool { return r < ' ' || '~' < r }
	switch {
	case strings.TrimSpace(p.Issuer) == "":
		faults = append(faults, errors.New("issuer: missing"))
	case strings.ContainsFunc(p.Issuer, notPrintable) || strings.Contains(p.Issuer, ":"):
		faults = append(faults, fmt.Errorf("issuer: %q is not ASCII without a colon", p.Issuer))
	case len(p.Issuer) > 64:
		faults = append(faults, fmt.Errorf("issuer: %d characters are more than 64", len(p.Issuer)))
	}
	if p.MaxActive < 1 || maxActive < p.MaxActive { //guard:TOTP-7
		faults = append(faults, fmt.Errorf("max_active: %d is not in 1…%d", p.MaxActive, maxActive))
	}
	return faults
}

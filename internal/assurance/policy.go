package assurance

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"warifu/internal/authenticator"
)

// Policy says which values may be claimed.
type Policy struct {
	// MeetsSFA declares that passwords which were brought along meet REFEDS SFA:
	// 12 characters, or 8 from an alphabet of at least 72. Those set here do.
	MeetsSFA bool `yaml:"meets_sfa"`
	// PhishingResistant is the value of REFEDS MFA's profile for
	// phishing-resistant authentication, an address. Empty means that it is not
	// claimed.
	PhishingResistant string `yaml:"phishing_resistant"`
	// GakuNin says what may be claimed to the federation of that name.
	GakuNin GakuNin `yaml:"gakunin"`

	// BaseURL is the server's own address, the beginning of the fallback
	// session's acr. It is that of the whole configuration.
	BaseURL string `yaml:"-"`
}

// GakuNin says what may be claimed to GakuNin.
type GakuNin struct {
	// AAL2 declares that the federation's criteria for verifiers are met.
	AAL2 bool `yaml:"aal2"`
	// AAL2NotBoundBy leaves out authenticators that were bound in these ways:
	// window, activation_code, link, help_desk, recovery_code, second_factor.
	AAL2NotBoundBy []authenticator.BoundBy `yaml:"aal2_not_bound_by"`
	// AAL2RecoveryCode lets a password with a recovery code count, too.
	AAL2RecoveryCode bool `yaml:"aal2_recovery_code"`
}

// DefaultPolicy returns the policy of which a configuration file changes what
// it names. It claims no more than what is certain.
func DefaultPolicy() Policy { return Policy{} }

// Values returns the values that some session may claim, the weakest first, for
// the list of what is supported (OpenID Connect Discovery 1.0 §3).
func (p Policy) Values() []string {
	values := []string{p.fallback(), PasswordProtected, SFA, MFA}
	if p.GakuNin.AAL2 {
		values = append(values, AAL2)
	}
	if p.PhishingResistant != "" {
		values = append(values, p.PhishingResistant)
	}
	return values
}

// Validate returns everything that is wrong with the policy.
func (p Policy) Validate() []error {
	var faults []error
	if value := p.PhishingResistant; value != "" {
		u, err := url.Parse(value)
		switch {
		case err != nil || !u.IsAbs() || u.Host+u.Opaque == "":
			faults = append(faults, fmt.Errorf("phishing_resistant: %q is not an address", value))
		case slices.Contains([]string{PasswordProtected, SFA, MFA, AAL2}, value):
			faults = append(faults, fmt.Errorf("phishing_resistant: %q already means something weaker", value))
		}
	}
	known := []authenticator.BoundBy{
		authenticator.ByWindow, authenticator.ByActivationCode, authenticator.ByLink,
		authenticator.ByHelpDesk, authenticator.ByRecoveryCode, authenticator.BySecondFactor,
	}
	for _, by := range p.GakuNin.AAL2NotBoundBy {
		if !slices.Contains(known, by) {
			faults = append(faults, fmt.Errorf("gakunin.aal2_not_bound_by: %q is not one of %v", by, known))
		}
	}
	if p.GakuNin.AAL2RecoveryCode && !p.GakuNin.AAL2 {
		faults = append(faults, errors.New("gakunin.aal2_recovery_code: has no meaning without aal2"))
	}
	return faults
}

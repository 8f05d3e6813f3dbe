package signin

import (
	"errors"
	"slices"
	"time"
)

// Policy is what an institution decides about signing in.
type Policy struct {
	// RequireTOTPFrom is, for each group, the day from which its members need a
	// second factor. Who is in no group of the list needs one now (§3.8 of the
	// decisions). Of several days the earliest counts.
	RequireTOTPFrom map[string]time.Time `yaml:"require_totp_from"`
	// KnownBrowser is how long a browser stays known (THR-4).
	KnownBrowser time.Duration `yaml:"known_browser"`
	// TrustedBrowser is how long a person may choose not to be asked for the second
	// factor in a browser, 24h to 168h; 0, the default, offers no such choice
	// (SES-13).
	TrustedBrowser time.Duration `yaml:"trusted_browser"`
}

// DefaultPolicy is what holds where nothing is configured.
func DefaultPolicy() Policy { return Policy{KnownBrowser: 180 * 24 * time.Hour} }

// Validate returns all faults of the policy.
func (p Policy) Validate() (faults []error) {
	if p.KnownBrowser < time.Hour || p.KnownBrowser > 366*24*time.Hour {
		faults = append(faults, errKnownBrowser)
	}
	if p.TrustedBrowser != 0 && (p.TrustedBrowser < day || p.TrustedBrowser > 7*day) { //guard:SES-13
		faults = append(faults, errTrustedBrowser)
	}
	return faults
}

const day = 24 * time.Hour

// TrustedDays returns for how many days a browser is trusted, 0 if never.
func (p Policy) TrustedDays() int { return int(p.TrustedBrowser / day) }

var (
	errKnownBrowser   = errors.New("known_browser must be from 1h to 366 days")
	errTrustedBrowser = errors.New("trusted_browser must be 0, or from 24h to 168h")
)

// NeedsFactor reports whether a member of the groups needs a second factor.
func (p Policy) NeedsFactor(groups []string, now time.Time) bool {
	return !now.Before(p.NeededFrom(groups))
}

// NeededFrom is the day from which a member of the groups needs a second factor;
// zero if it is needed always.
func (p Policy) NeededFrom(groups []string) time.Time {
	var from []time.Time
	for _, group := range groups {
		if day, ok := p.RequireTOTPFrom[group]; ok {
			from = append(from, day)
		}
	}
	if len(from) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(from, time.Time.Compare)
}

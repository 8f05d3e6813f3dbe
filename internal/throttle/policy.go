package throttle

import (
	"errors"
	"time"
)

// Policy is how many guesses an institution bears.
type Policy struct {
	// PasswordFree is the number of the consecutive failure from an unknown
	// browser with which the waits begin (THR-3).
	PasswordFree int64 `yaml:"password_free"`
	// PasswordWait is the first wait; each further failure doubles it.
	PasswordWait time.Duration `yaml:"password_wait"`
	// PasswordCap is the longest wait after a wrong password.
	PasswordCap time.Duration `yaml:"password_cap"`
	// PasswordStop is the number of failures after which only known browsers
	// and passkeys are taken.
	PasswordStop int64 `yaml:"password_stop"`
	// KnownBudget is how many failures a known browser has before it counts as
	// unknown (THR-4).
	KnownBudget int64 `yaml:"known_budget"`
	// CodeFree is the number of the failure with which the waits for typed
	// codes begin (THR-5).
	CodeFree int64 `yaml:"code_free"`
	// CodeWait is the first wait after wrong codes; each further failure doubles it.
	CodeWait time.Duration `yaml:"code_wait"`
	// CodeCap is the longest wait after wrong codes.
	CodeCap time.Duration `yaml:"code_cap"`
	// FactorUnknown is the number of failures in a row, at TOTP and recovery
	// codes, after which unknown browsers are refused (THR-5).
	FactorUnknown int64 `yaml:"factor_unknown"`
	// FactorAll is the number of failures in all with which TOTP is suspended
	// until a recovery; NIST SP 800-63B-4 §3.2.2 bounds it by 100.
	FactorAll int64 `yaml:"factor_all"`
	// AddressFailures is how many failures one IPv4 address or IPv6 /64 has in
	// an AddressWindow (THR-6).
	AddressFailures int64 `yaml:"address_failures"`
	// AddressWindow is the time in which the failures of a network are counted.
	AddressWindow time.Duration `yaml:"address_window"`
	// CampusFactor multiplies AddressFailures for the institution's own networks.
	CampusFactor int64 `yaml:"campus_factor"`
	// MailPause is the time between two mails that one person asks for (THR-9).
	MailPause time.Duration `yaml:"mail_pause"`
	// MailBurst is how many mails a person may ask for in a MailWindow.
	MailBurst int64 `yaml:"mail_burst"`
	// MailWindow is the time of MailBurst.
	MailWindow time.Duration `yaml:"mail_window"`
	// MailNetwork is how many mails the people of one network may ask for in an
	// hour without having signed in.
	MailNetwork int64 `yaml:"mail_network"`
	// MailDay is how many mails a person may ask for in 24 hours.
	MailDay int64 `yaml:"mail_day"`
}

// DefaultPolicy is what holds where nothing is configured.
func DefaultPolicy() Policy {
	return Policy{
		PasswordFree: 5, PasswordWait: 30 * time.Second, PasswordCap: time.Hour, PasswordStop: 100, KnownBudget: 10,
		CodeFree: 5, CodeWait: 30 * time.Second, CodeCap: 15 * time.Minute, FactorUnknown: 30, FactorAll: 50,
		AddressFailures: 300, AddressWindow: 10 * time.Minute, CampusFactor: 20,
		MailPause: 30 * time.Second, MailBurst: 3, MailWindow: 10 * time.Minute, MailDay: 10, MailNetwork: 50,
	}
}

// minEntries is how many codes may be entered before any stop or suspension
// (THR-8), so that nobody is stopped by mistyping.
const minEntries = 10

// Validate returns all faults of the policy.
func (p Policy) Validate() (faults []error) {
	fault := func(wrong bool, text string) {
		if wrong {
			faults = append(faults, errors.New(text))
		}
	}
	fault(p.PasswordFree < 5 || p.PasswordFree > 10, "password_free must be from 5 to 10")
	fault(p.PasswordWait < 10*time.Second || p.PasswordWait > p.PasswordCap, "password_wait must be from 10s to password_cap")
	fault(p.PasswordCap > time.Hour, "password_cap must be at most 1h")
	fault(p.PasswordStop < minEntries || p.PasswordStop > 100, "password_stop must be from 10 to 100")
	fault(p.KnownBudget < 3 || p.KnownBudget > 20, "known_budget must be from 3 to 20")
	fault(p.CodeFree < 5 || p.CodeFree > 10, "code_free must be from 5 to 10")
	fault(p.CodeWait < 10*time.Second || p.CodeWait > p.CodeCap, "code_wait must be from 10s to code_cap")
	fault(p.CodeCap > time.Hour, "code_cap must be at most 1h")
	fault(p.FactorUnknown < minEntries || p.FactorUnknown > p.FactorAll, "factor_unknown must be from 10 to factor_all")
	fault(p.FactorAll > 100, "factor_all must be at most 100")
	fault(p.AddressFailures < minEntries, "address_failures must be at least 10")
	fault(p.AddressWindow < time.Minute || p.AddressWindow > 24*time.Hour, "address_window must be from 1m to 24h")
	fault(p.CampusFactor < 1, "campus_factor must be at least 1")
	fault(p.MailPause < 10*time.Second || p.MailPause > p.MailWindow, "mail_pause must be from 10s to mail_window")
	fault(p.MailBurst < 1 || p.MailBurst > p.MailDay, "mail_burst must be from 1 to mail_day")
	fault(p.MailWindow > time.Hour, "mail_window must be at most 1h")
	fault(p.MailNetwork < 10 || p.MailNetwork > 1000, "mail_network must be from 10 to 1000")
	fault(p.MailDay > 20, "mail_day must be at most 20")
	return faults
}

func (p Policy) password() Schedule {
	return Schedule{Free: p.PasswordFree, Base: p.PasswordWait, Cap: p.PasswordCap, Limit: p.PasswordStop}
}

func (p Policy) code() Schedule {
	return Schedule{Free: p.CodeFree, Base: p.CodeWait, Cap: p.CodeCap}
}

// Wait is how long the next attempt has to wait after n failures. The store
// computes the same in its statement.
func (s Schedule) Wait(n int64) time.Duration {
	if s.Free == 0 || n < s.Free {
		return 0
	}
	wait := s.Base
	for range n - s.Free {
		if wait *= 2; wait >= s.Cap {
			return s.Cap
		}
	}
	return min(wait, s.Cap)
}

// tellFrom is from how many attempts left on a person is told (THR-8).
const tellFrom = 3

// FactorLeft returns how many attempts at TOTP are left after one that was
// reserved, if so few that the person should know, and 0 otherwise.
func (p Policy) FactorLeft(f FactorReservation) int64 {
	left := p.FactorAll - f.All
	if f.Unknown > 0 {
		left = min(left, p.FactorUnknown-f.Unknown)
	}
	if left > tellFrom {
		return 0
	}
	return max(left, 0)
}

// Window returns the beginning of the counting window that now is in.
func (p Policy) Window(now time.Time) time.Time { return now.Truncate(p.AddressWindow) }

// ceremoniesEach is how many challenges of passkeys a network may ask for, for each
// failure that it has: every page of the sign-in asks for one, and none is a guess.
const ceremoniesEach = 10

// CeremonyAllowed reports whether a network that has asked for n challenges in the
// window may ask for one more.
func (p Policy) CeremonyAllowed(n int64, campus bool) bool {
	return p.AddressAllowed(n/ceremoniesEach, campus) //guard:THR-6
}

// AddressAllowed reports whether a network may still try.
func (p Policy) AddressAllowed(failures int64, campus bool) bool {
	limit := p.AddressFailures
	if campus {
		limit *= p.CampusFactor
	}
	return failures < limit //guard:THR-6
}

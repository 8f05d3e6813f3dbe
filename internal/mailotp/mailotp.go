// Package mailotp is the one-time password (OTP) of eight digits that lets a
// person in who cannot use the Authenticator. It goes by mail, or the help desk
// reads it out. It is a way back in, not an authenticator, and never counts as
// one (NIST SP 800-63B-4 §3.1.3.1, §4.2.1.2).
//
// What must stay true:
//
//   - A subscriber has one OTP at most: a new one kills the old (MAIL-2).
//   - It works in the sign-in flow that asked for it, and nowhere else (MAIL-3).
//   - An attempt is counted before it is verified; a right one spends it.
//   - Only an HMAC over flow and digits is stored (MAIL-4).
package mailotp

import (
	"errors"
	"io"
	"slices"
	"time"

	"warifu/internal/directory"
	"warifu/internal/secret"
)

// Digits is the length of an OTP. It differs from that of a TOTP, so that the
// two are not mixed up.
const Digits = 8

// ErrNone means that a flow has no OTP: none was sent, or a newer one elsewhere.
var ErrNone = errors.New("mailotp: none")

// Policy is what an institution decides about mailed OTPs.
type Policy struct {
	// Lifetime is how long an OTP works, 1m to 24h (MAIL-2).
	Lifetime time.Duration `yaml:"lifetime"`
	// Tries is how many wrong entries end an OTP, 3 to 5.
	Tries int64 `yaml:"tries"`
	// OffFor are groups whose members cannot come in by mail (MAIL-11).
	OffFor []string `yaml:"off_for"`
	// Refused are the domains of the institution, behind whose sign-on a mailbox is.
	Refused []string `yaml:"-"`
}

// DefaultPolicy is what holds where nothing is configured.
func DefaultPolicy() Policy { return Policy{Lifetime: 10 * time.Minute, Tries: 5} }

// Validate returns all faults of the policy.
func (p Policy) Validate() (faults []error) {
	if p.Lifetime < time.Minute || p.Lifetime > 24*time.Hour {
		faults = append(faults, errors.New("lifetime must be from 1m to 24h"))
	}
	if p.Tries < 3 || p.Tries > 5 {
		faults = append(faults, errors.New("tries must be from 3 to 5"))
	}
	return faults
}

// Allows reports whether a person may come back in by mail: with an OTP, or with
// a link (decisions §3.5, MAIL-11). It is the one place that decides it; a change
// that was reported as not the person's own stops it (ADR-5).
func (p Policy) Allows(who directory.Subscriber) bool {
	off := func(group string) bool { return slices.Contains(p.OffFor, group) }
	if who.Frozen() { //guard:ADR-5
		return false
	}
	return !who.IsPrivileged() && !slices.ContainsFunc(who.Groups, off) //guard:MAIL-11
}

// Reach returns those of a person's addresses that OTPs and links may be sent to.
// One that was registered before its domain was refused gets neither (ADR-3).
func (p Policy) Reach(registered []string) (all []string) {
	for _, address := range registered {
		if directory.Refuses(p.Refused, address) == "" { //guard:ADR-3
			all = append(all, address)
		}
	}
	return all
}

// OTP is one that was sent, or made for reading out.
type OTP struct {
	SubscriberID string
	FlowID       string // of the sign-in that asked for it
	Digest       []byte
	Address      string // that it was sent to; empty if it is read out
	Tries        int64  // entries so far
	SentAt       time.Time
	ExpiresAt    time.Time
}

// Make returns a new OTP for a flow, and its digits, which are kept nowhere.
func (p Policy) Make(random io.Reader, key *secret.MAC, o OTP, now time.Time) (OTP, string, error) {
	digits, err := secret.Number(random, Digits)
	if err != nil {
		return OTP{}, "", err
	}
	o.Digest, o.SentAt, o.ExpiresAt = digest(key, o.FlowID, digits), now, now.Add(p.Lifetime)
	return o, digits, nil
}

// Matches reports whether these are the digits of the OTP, in constant time.
func (o OTP) Matches(key *secret.MAC, digits string) bool {
	return key.Verify("mail otp", o.Digest, []byte(o.FlowID), []byte(digits)) //guard:MAIL-4
}

func digest(key *secret.MAC, flow, digits string) []byte {
	return key.Sum("mail otp", []byte(flow), []byte(digits))
}

// Show returns the digits in groups of four, as they are read.
func Show(digits string) string { return digits[:4] + " " + digits[4:] }

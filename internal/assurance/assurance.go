// Package assurance computes what a session may claim: one pure function from
// recorded evidence to acr, amr and AuthnContextClassRef (security.md part 3).
// Services, settings, the console, introspection and userinfo all ask it, so
// that none of them believes more than another.
//
// What must stay true:
//
//   - A claim rests on evidence of this session alone (SES-6).
//   - A mailed or read-out OTP and a trusted browser never count as a second
//     factor (SES-10, SES-13).
//   - Half a sign-in, without password and without a passkey that verified its
//     user, claims nothing (SES-7).
package assurance

import (
	"slices"
	"time"

	"warifu/internal/authenticator"
)

// The values of acr and AuthnContextClassRef that a session can claim. A fifth,
// for phishing-resistant authentication, is configured.
const (
	// PasswordProtected is SAML's class for a password over TLS
	// (saml-authn-context-2.0-os §3.4.3).
	PasswordProtected = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport" //nolint:gosec // G101: a name, and no password

	// SFA is good single-factor authentication (REFEDS SFA Profile 1.0).
	SFA = "https://refeds.org/profile/sfa"

	// MFA is multi-factor authentication (REFEDS MFA Profile).
	MFA = "https://refeds.org/profile/mfa"

	// AAL2 is the GakuNin federation's authenticator assurance level 2.
	AAL2 = "https://www.gakunin.jp/profile/AAL2"
)

// The authentication methods (RFC 8176 §2; pop also in OpenID Connect EAP ACR
// Values 1.0).
const (
	pwd  = "pwd"
	otp  = "otp"
	mfa  = "mfa"
	pop  = "pop"
	user = "user"
)

// Level is how strongly a person was recognised. A higher one is stronger.
type Level int

// The levels. The order is that of rule 2.
const (
	None              Level = iota // half a sign-in
	Password                       // one factor, or a way back in beside it
	MultiFactor                    // two factors
	PhishingResistant              // a passkey that verified its user
)

// Claim is what a session may say of itself.
type Claim struct {
	Level     Level
	ACR       string   // what is claimed if nothing is requested
	AMR       []string // of ACR
	Satisfies []string // all values that are true, the weakest first

	// AuthTime is when the last factor of the level was given: auth_time and
	// AuthnInstant.
	AuthTime time.Time

	// OldestFactor is when its first factor was given. A maximal age is held
	// against it, so that no old factor hides behind a new one.
	OldestFactor time.Time

	// Fallback says that the person came in with a mailed or read-out OTP and
	// has not given a second factor since (SES-10).
	Fallback bool

	// SecondFactorAt is when a second factor was last given: TOTP, passkey or
	// recovery code. It is zero if none was. It is for "at most 5 minutes old";
	// which methods an act accepts, it must see for itself (SES-8).
	SecondFactorAt time.Time

	rows []row // all rows of the table that hold, the strongest first
}

// Assurance returns what the evidence allows to claim. The order of the evidence
// does not matter; of several proofs of one kind the newest counts.
func Assurance(evidence []authenticator.Evidence, p Policy) Claim {
	rows := holding(evidence, p)
	if len(rows) == 0 {
		return Claim{}
	}
	best := rows[0]
	c := Claim{
		Level: best.level, ACR: best.acr, AMR: best.amr,
		AuthTime: best.last, OldestFactor: best.first, Fallback: best.fallback, rows: rows,
	}
	for _, value := range []string{PasswordProtected, SFA, MFA, AAL2, p.PhishingResistant} {
		if value != "" && slices.ContainsFunc(rows, func(r row) bool { return slices.Contains(r.satisfies, value) }) {
			c.Satisfies = append(c.Satisfies, value)
		}
	}
	for _, r := range rows {
		if r.secondFactor.After(c.SecondFactorAt) {
			c.SecondFactorAt = r.secondFactor
		}
	}
	return c
}

// Comparison is how a service wants its values compared
// (saml-core-2.0-os §3.3.2.2.1).
type Comparison string

// The comparisons that can be answered. The empty one is [Exact]. "better" and
// "maximum" are not satisfied by anything (rule 2).
const (
	Exact   Comparison = "exact"
	Minimum Comparison = "minimum"
)

// Satisfy returns the value to claim to a service that wants one of several: the
// first that is true, in the order of the request. With [Minimum] a stronger
// value does as well, and then the weakest such is claimed. Nothing wanted is
// satisfied by any claim, with the default value. If ok is false, acr is empty.
func (c Claim) Satisfy(wanted []string, comparison Comparison) (acr string, ok bool) {
	if len(wanted) == 0 {
		return c.ACR, c.Level > None
	}
	if comparison != Exact && comparison != Minimum && comparison != "" {
		return "", false
	}
	for _, value := range wanted {
		if slices.Contains(c.Satisfies, value) {
			return value, true
		}
		if comparison != Minimum {
			continue
		}
		for _, stronger := range c.Satisfies {
			if above(stronger, value) {
				return stronger, true
			}
		}
	}
	return "", false
}

// For returns the methods, and the times of the first and the last factor, that
// stand behind a value that the claim satisfies. They differ from those of the
// default value where evidence of several rows of the table was given. For any
// other value they are empty.
func (c Claim) For(acr string) (amr []string, first, last time.Time) {
	for _, r := range c.rows {
		if acr == r.acr || slices.Contains(r.satisfies, acr) {
			return r.amr, r.first, r.last
		}
	}
	return nil, time.Time{}, time.Time{}
}

// rank is the order of rule 2: P < S < M < R. R is the one that has no rank here.
var rank = map[string]int{PasswordProtected: 1, SFA: 2, MFA: 3}

// above reports whether a true value is stronger than a wanted one. AAL2 stands
// beside MFA: it is stronger than what MFA is stronger than, and nothing but
// itself satisfies it, because a federation's criteria are not those of others.
func above(value, wanted string) bool {
	low, known := rank[wanted]
	if !known { //guard:A15
		return false
	}
	switch high := rank[value]; {
	case value == AAL2:
		return low < rank[MFA]
	case high == 0: // the configured value for phishing resistance
		return true
	default:
		return high > low
	}
}

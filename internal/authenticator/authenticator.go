// Package authenticator holds the words that all authenticators share: what
// kind it is, and what allowed it to be bound to a subscriber
// (NIST SP 800-63B-4 §4.1). The verifiers are in its sub-packages.
package authenticator

import "time"

// Kind is a kind of proof that a claimant can give.
type Kind string

// The kinds. [OTP] is not an authenticator but an issued recovery code, by mail
// or read out by the help desk; [Trusted] is a browser that stands in for a
// second factor. Neither ever counts as multi-factor.
const (
	Password     Kind = "password"
	TOTP         Kind = "totp"
	Passkey      Kind = "passkey"
	RecoveryCode Kind = "recovery_code"
	OTP          Kind = "otp"
	Trusted      Kind = "trusted"
)

// BoundBy is what allowed an authenticator to be bound (ENR-3).
type BoundBy string

// The ways to bind.
const (
	ByWindow         BoundBy = "window"
	ByActivationCode BoundBy = "activation_code"
	ByLink           BoundBy = "link"
	ByHelpDesk       BoundBy = "help_desk"
	ByRecoveryCode   BoundBy = "recovery_code"
	BySecondFactor   BoundBy = "second_factor"
)

// Recovery reports whether it was a way back in for a person who had lost the
// authenticators.
func (b BoundBy) Recovery() bool { return b == ByLink || b == ByHelpDesk }

// Evidence is one proof that a claimant gave: what a session claims is computed
// from its evidence alone (SES-6).
type Evidence struct {
	Kind Kind      `json:"kind"`
	ID   string    `json:"id,omitempty"`   // of the authenticator, where there may be several
	At   time.Time `json:"at"`             // when it was verified
	Step int64     `json:"step,omitempty"` // time step of a TOTP
	UV   bool      `json:"uv,omitempty"`   // user verification of a passkey
	By   BoundBy   `json:"by,omitempty"`   // how the authenticator had been bound
}

package signin

import (
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/flow"
)

// State is where a claimant stands.
type State string

const (
	PasswordRequired  State = "password_required"
	FactorRequired    State = "factor_required"    // any second factor; the person chooses which
	OTPRequired       State = "otp_required"       // one was sent by mail; a second factor does as well
	DeskRequired      State = "desk_required"      // the help desk was asked; a second factor does as well
	RecoveryWaiting   State = "recovery_waiting"   // this browser waits for the help desk elsewhere
	EnrolmentRequired State = "enrolment_required" // the second factor has to be set up first
	RecoveryRequired  State = "recovery_required"  // there was one, and it was taken away
	SignedIn          State = "signed_in"
	Ended             State = "ended" // the account may not come in any more
)

// Outcome is how one step ended.
type Outcome string

const (
	PasswordAccepted     Outcome = "password accepted"
	BrowserTrusted       Outcome = "password accepted, browser trusted"
	PasswordSuffices     Outcome = "password accepted, no second factor required yet"
	FactorMissing        Outcome = "password accepted, second factor not set up"
	FactorTaken          Outcome = "password accepted, second factor initialized and not set up again"
	PasswordRejected     Outcome = "password rejected"
	SuspendedAccount     Outcome = "account suspended"
	FactorAsked          Outcome = "second factor asked for again" // of a person who is signed in
	TOTPAccepted         Outcome = "TOTP accepted"
	TOTPRejected         Outcome = "TOTP rejected"
	TOTPReused           Outcome = "TOTP used before"
	TOTPPaused           Outcome = "TOTP paused after too many failures"
	KnownBrowsersOnly    Outcome = "TOTP taken from known browsers only"
	RecoveryCodeAccepted Outcome = "recovery code accepted"
	RecoveryCodeRejected Outcome = "recovery code rejected"
	PasskeyAccepted      Outcome = "passkey accepted"
	PasskeyRejected      Outcome = "passkey rejected"
	PasskeyCloned        Outcome = "passkey refused: it may exist twice"
	OTPSent              Outcome = "OTP sent"
	OTPNotSent           Outcome = "OTP not sent: too many mails"
	OTPAccepted          Outcome = "OTP accepted"
	OTPRejected          Outcome = "OTP rejected"
	OTPExpired           Outcome = "OTP expired"
	OTPBurnt             Outcome = "OTP ended after too many wrong entries"
	DeskFound            Outcome = "password accepted, waiting for the help desk"
	RecoveryFound        Outcome = "password accepted, waiting for the help desk to initialize"
	DeskAsked            Outcome = "help desk asked"
	DeskNotAsked         Outcome = "help desk not asked"
	DeskCancelled        Outcome = "request to the help desk cancelled"
	Throttled            Outcome = "throttled" // asked to wait; nothing was verified
)

// WrongCode reports whether a typed code was verified and was wrong, or had been
// used: what the alarm counts (THR-7).
func (o Outcome) WrongCode() bool {
	switch o {
	case TOTPRejected, TOTPReused, RecoveryCodeRejected, OTPRejected, OTPBurnt:
		return true
	}
	return false
}

// initial is the state of a new flow.
const initial = PasswordRequired

// transitions is the whole flow. A pair that is not here is refused, so that
// no claimant can skip a step.
var transitions = flow.Table[State, Outcome]{
	PasswordRequired: {
		PasswordAccepted: FactorRequired,
		PasswordSuffices: SignedIn,
		BrowserTrusted:   SignedIn,
		FactorMissing:    EnrolmentRequired,
		FactorTaken:      RecoveryRequired,
		DeskFound:        DeskRequired,
		RecoveryFound:    RecoveryWaiting,
		PasswordRejected: PasswordRequired,
		SuspendedAccount: PasswordRequired,
		Throttled:        PasswordRequired,
		FactorAsked:      FactorRequired,
		PasskeyAccepted:  SignedIn, // alone
		PasskeyRejected:  PasswordRequired,
		PasskeyCloned:    PasswordRequired,
	},
	FactorRequired: {
		TOTPAccepted:         SignedIn,
		TOTPRejected:         FactorRequired,
		TOTPReused:           FactorRequired,
		TOTPPaused:           FactorRequired,
		KnownBrowsersOnly:    FactorRequired,
		RecoveryCodeAccepted: SignedIn,
		RecoveryCodeRejected: FactorRequired,
		PasskeyAccepted:      SignedIn,
		PasskeyRejected:      FactorRequired,
		PasskeyCloned:        FactorRequired,
		OTPSent:              OTPRequired,
		OTPNotSent:           FactorRequired,
		DeskAsked:            DeskRequired,
		DeskNotAsked:         FactorRequired,
		Throttled:            FactorRequired,
		SuspendedAccount:     Ended,
	},
	OTPRequired: {
		OTPAccepted:          SignedIn,
		OTPRejected:          OTPRequired,
		OTPExpired:           OTPRequired,
		OTPBurnt:             OTPRequired,
		OTPSent:              OTPRequired,
		OTPNotSent:           OTPRequired,
		DeskAsked:            DeskRequired,
		DeskNotAsked:         OTPRequired,
		TOTPAccepted:         SignedIn,
		TOTPRejected:         OTPRequired,
		TOTPReused:           OTPRequired,
		TOTPPaused:           OTPRequired,
		KnownBrowsersOnly:    OTPRequired,
		RecoveryCodeAccepted: SignedIn,
		RecoveryCodeRejected: OTPRequired,
		PasskeyAccepted:      SignedIn,
		PasskeyRejected:      OTPRequired,
		PasskeyCloned:        OTPRequired,
		Throttled:            OTPRequired,
		SuspendedAccount:     Ended,
	},
	DeskRequired: {
		OTPAccepted:          SignedIn,
		OTPRejected:          DeskRequired,
		OTPExpired:           DeskRequired,
		OTPBurnt:             DeskRequired,
		DeskAsked:            DeskRequired,
		DeskNotAsked:         DeskRequired,
		DeskCancelled:        FactorRequired,
		TOTPAccepted:         SignedIn,
		TOTPRejected:         DeskRequired,
		TOTPReused:           DeskRequired,
		TOTPPaused:           DeskRequired,
		KnownBrowsersOnly:    DeskRequired,
		RecoveryCodeAccepted: SignedIn,
		RecoveryCodeRejected: DeskRequired,
		PasskeyAccepted:      SignedIn,
		PasskeyRejected:      DeskRequired,
		PasskeyCloned:        DeskRequired,
		Throttled:            DeskRequired,
		SuspendedAccount:     Ended,
	},
}

// takesFactor reports whether a second factor is what is waited for, or would
// do as well.
func (s State) takesFactor() bool { return s == FactorRequired || s.takesOTP() }

// takesOTP reports whether the digits of an OTP are waited for.
func (s State) takesOTP() bool { return s == OTPRequired || s == DeskRequired }

// Flow is one claimant's attempt to sign in, in one tab of one browser, from
// the right password on.
type Flow struct {
	flow.Key
	SubscriberID string
	State        State
	StepUp       bool                     // the person is signed in, and proves once more who it is
	Kinds        []authenticator.Kind     // that a step-up takes; empty if it takes any
	Request      string                   // of a service, as JSON; empty without a service
	Evidence     []authenticator.Evidence // given in this flow
	Rejections   int64                    // codes refused in this flow
	Token        []byte                   // of the session, sealed: a form sent twice gets the same one
	Version      int64                    // grows by one with each step
	ExpiresAt    time.Time
}

// lifetime of a flow (SES-5).
const lifetime = 30 * time.Minute

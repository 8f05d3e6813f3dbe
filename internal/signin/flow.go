package signin

import (
	"fmt"
	"time"

	"warifu/internal/authenticator"
)

// State is where a claimant stands.
type State string

const (
	PasswordRequired  State = "password_required"
	TOTPRequired      State = "totp_required"
	EnrolmentRequired State = "enrolment_required" // the second factor has to be set up first
	SignedIn          State = "signed_in"
	Ended             State = "ended" // the account may not come in any more
)

// Outcome is how one step ended.
type Outcome string

const (
	PasswordAccepted  Outcome = "password accepted"
	PasswordSuffices  Outcome = "password accepted, no second factor required yet"
	FactorMissing     Outcome = "password accepted, second factor not set up"
	PasswordRejected  Outcome = "password rejected"
	SuspendedAccount  Outcome = "account suspended"
	TOTPAccepted      Outcome = "TOTP accepted"
	TOTPRejected      Outcome = "TOTP rejected"
	TOTPReused        Outcome = "TOTP used before"
	TOTPPaused        Outcome = "TOTP paused after too many failures"
	KnownBrowsersOnly Outcome = "TOTP taken from known browsers only"
	Throttled         Outcome = "throttled" // asked to wait; nothing was verified
)

// initial is the state of a new flow.
const initial = PasswordRequired

// transitions is the whole flow. A pair that is not here is refused, so that
// no claimant can skip a step.
var transitions = map[State]map[Outcome]State{
	PasswordRequired: {
		PasswordAccepted: TOTPRequired,
		PasswordSuffices: SignedIn,
		FactorMissing:    EnrolmentRequired,
		PasswordRejected: PasswordRequired,
		SuspendedAccount: PasswordRequired,
		Throttled:        PasswordRequired,
	},
	TOTPRequired: {
		TOTPAccepted:      SignedIn,
		TOTPRejected:      TOTPRequired,
		TOTPReused:        TOTPRequired,
		TOTPPaused:        TOTPRequired,
		KnownBrowsersOnly: TOTPRequired,
		Throttled:         TOTPRequired,
		SuspendedAccount:  Ended,
	},
}

// An OutOfOrderError reports an outcome that the flow does not have in its state.
type OutOfOrderError struct {
	State   State
	Outcome Outcome
}

func (e *OutOfOrderError) Error() string {
	return fmt.Sprintf("signin: %q cannot happen in state %q", e.Outcome, e.State)
}

// next returns the state that o leads to from s.
func (s State) next(o Outcome) (State, error) {
	to, ok := transitions[s][o]
	if !ok { //guard:SES-5
		return "", &OutOfOrderError{State: s, Outcome: o}
	}
	return to, nil
}

// Key is how a browser names one of its flows. Each of its tabs has a flow of
// its own.
type Key struct {
	ID      string // random; a form carries it
	Browser []byte // SHA-256 of the token in the browser's cookie
}

// Flow is one claimant's attempt to sign in, in one tab of one browser, from
// the right password on.
type Flow struct {
	Key
	SubscriberID string
	State        State
	Request      string                   // of a service, as JSON; empty without a service
	Evidence     []authenticator.Evidence // given in this flow
	Rejections   int64                    // codes refused in this flow
	Token        []byte                   // of the session, sealed: a form sent twice gets the same one
	Version      int64                    // grows by one with each step
	ExpiresAt    time.Time
}

// lifetime of a flow (SES-5).
const lifetime = 30 * time.Minute

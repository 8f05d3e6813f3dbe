package enrolment

import (
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/flow"
)

// State is where an enrolment stands.
type State string

const (
	ActivationRequired   State = "activation_required"   // the activation code comes first
	ScanRequired         State = "scan_required"         // the QR code is shown
	ConfirmationRequired State = "confirmation_required" // it was scanned, and a code has to prove it
	Bound                State = "bound"
	Ended                State = "ended" // the right to enrol has lapsed, or works elsewhere now
)

// Outcome is how one step ended.
type Outcome string

const (
	CodeAccepted Outcome = "activation code accepted"
	CodeRejected Outcome = "activation code rejected"
	Throttled    Outcome = "throttled" // asked to wait; nothing was verified
	Scanned      Outcome = "scanned"
	ScanAgain    Outcome = "QR code asked for again"
	Confirmed    Outcome = "first TOTP accepted"
	NotConfirmed Outcome = "first TOTP rejected"
	Lapsed       Outcome = "ticket lapsed"
	Displaced    Outcome = "ticket issued elsewhere"
)

// transitions is the whole flow. A pair that is not here is refused.
var transitions = flow.Table[State, Outcome]{
	ActivationRequired: {
		CodeAccepted: ScanRequired,
		CodeRejected: ActivationRequired,
		Throttled:    ActivationRequired,
		Lapsed:       Ended,
		Displaced:    Ended,
	},
	ScanRequired: {
		Scanned:   ConfirmationRequired,
		Lapsed:    Ended,
		Displaced: Ended,
	},
	ConfirmationRequired: {
		ScanAgain:    ScanRequired,
		Confirmed:    Bound,
		NotConfirmed: ConfirmationRequired,
		Lapsed:       Ended,
		Displaced:    Ended,
	},
}

// Flow is one enrolment in one browser. All tabs of it share the flow, because
// they share the ticket.
type Flow struct {
	flow.Key
	SubscriberID string
	State        State
	TicketID     string
	TOTPID       string // of the pending authenticator; empty before there is one
	BoundBy      authenticator.BoundBy
	Request      string // of a service that the person was on the way to, as JSON; or empty
	Rejections   int64  // wrong codes
	Version      int64  // grows by one with each step
	Until        time.Time
	ExpiresAt    time.Time // when the row goes: later, so that a page can say why it ended
}

// keepFor is how long an enrolment is remembered after its time.
const keepFor = time.Hour

package recovery

import (
	"time"

	"warifu/internal/flow"
)

// State is where a recovery stands.
type State string

const (
	PasswordRequired  State = "password_required"
	DecisionRequired  State = "decision_required" // the person is told what an initialization does
	LinkSent          State = "link_sent"         // the rest happens where the link is opened
	DeskWaiting       State = "desk_waiting"      // the help desk was asked; the rest happens here
	EnrolmentRequired State = "enrolment_required"
	Ended             State = "ended" // given up, or the account may not come in any more
)

// Outcome is how one step ended.
type Outcome string

const (
	PasswordAccepted Outcome = "password accepted"
	NothingBound     Outcome = "password accepted, nothing to initialize"
	PasswordRejected Outcome = "password rejected"
	SuspendedAccount Outcome = "account suspended"
	Throttled        Outcome = "throttled" // asked to wait; nothing was verified
	Sent             Outcome = "link sent"
	NotSent          Outcome = "link not sent: too many mails"
	DeskAsked        Outcome = "help desk asked"
	DeskNotAsked     Outcome = "help desk not asked"
	DeskCancelled    Outcome = "request to the help desk cancelled"
	CaseUsed         Outcome = "case used"
	CaseWaits        Outcome = "case not approved yet"
	CodeAccepted     Outcome = "activation code accepted"
	CodeRejected     Outcome = "activation code rejected"
)

// transitions is the whole flow. A pair that is not here is refused.
var transitions = flow.Table[State, Outcome]{
	PasswordRequired: {
		PasswordAccepted: DecisionRequired,
		NothingBound:     EnrolmentRequired,
		PasswordRejected: PasswordRequired,
		SuspendedAccount: PasswordRequired,
		Throttled:        PasswordRequired,
		DeskAsked:        DeskWaiting, // of a first set-up, with the ticket that it lacks
		DeskNotAsked:     PasswordRequired,
	},
	DecisionRequired: {
		DeskAsked:        DeskWaiting,
		DeskNotAsked:     DecisionRequired,
		Sent:             LinkSent,
		NotSent:          DecisionRequired,
		CodeAccepted:     EnrolmentRequired,
		CodeRejected:     DecisionRequired,
		Throttled:        DecisionRequired,
		SuspendedAccount: Ended,
	},
	LinkSent: {
		DeskAsked:        DeskWaiting,
		DeskNotAsked:     LinkSent,
		Sent:             LinkSent,
		NotSent:          LinkSent,
		SuspendedAccount: Ended,
	},
	DeskWaiting: {
		DeskAsked:        DeskWaiting, // once more, after a case has ended
		DeskNotAsked:     DeskWaiting,
		DeskCancelled:    Ended,
		CaseWaits:        DeskWaiting,
		CaseUsed:         EnrolmentRequired,
		SuspendedAccount: Ended,
	},
}

// Flow is one recovery in one browser, from the right password on.
type Flow struct {
	flow.Key
	SubscriberID string
	State        State
	Address      string    // that the link was sent to
	SentAt       time.Time // zero before
	Version      int64     // grows by one with each step
	ExpiresAt    time.Time
}

// lifetime of a flow (SES-5).
const lifetime = 30 * time.Minute

package helpdesk

import (
	"errors"
	"time"

	"warifu/internal/flow"
)

// ErrNoCase means that there is no such case, or not for who asks.
var ErrNoCase = errors.New("helpdesk: no such case")

// Kind is what a caller wants.
type Kind string

// The kinds.
const (
	SignIn     Kind = "signin"     // an OTP, for one sign-in
	Initialise Kind = "initialise" // the TOTP taken away and set up again
	First      Kind = "first"      // the first set-up, outside of its window
	Report     Kind = "report"     // a change that the person did not make
)

// Cause is what led a caller here.
type Cause string

// The causes.
const (
	NoAddress  Cause = "no_address"  // none is registered
	Unreadable Cause = "unreadable"  // the person cannot read mail there
	NeverMail  Cause = "never_mail"  // a privileged person, or one of a group without mail
	WindowOver Cause = "window_over" // the first set-up is late
	Alien      Cause = "alien"       // a change was somebody else's
)

// State is where a case stands.
type State string

const (
	Waiting   State = "waiting"
	Working   State = "working"
	Second    State = "second" // one agent has approved; another one must, too
	Approved  State = "approved"
	Used      State = "used" // the browser has taken what was approved
	Refused   State = "refused"
	Cancelled State = "cancelled"
	Expired   State = "expired"
)

// Outcome is how one step ended.
type Outcome string

const (
	Entered      Outcome = "opened by an agent"
	TakenOver    Outcome = "taken over by another agent"
	Noted        Outcome = "noted" // what the agent has marked and written so far
	SecondAsked  Outcome = "approved, second agent asked for"
	Approval     Outcome = "approved"
	Again        Outcome = "approved again" // a new OTP
	Refusal      Outcome = "refused"
	Cancellation Outcome = "cancelled"
	Replaced     Outcome = "replaced by a newer one of the same browser"
	Needless     Outcome = "not needed: signed in with a second factor"
	PasswordNew  Outcome = "ended: the password was changed"
	Alarmed      Outcome = "ended: a change was reported"
	Lapse        Outcome = "expired"
	SecondLapse  Outcome = "no second agent in time"
	Redemption   Outcome = "used"
)

// transitions is the whole flow. A pair that is not here is refused.
var transitions = flow.Table[State, Outcome]{
	Waiting: {
		Entered:      Working,
		Cancellation: Cancelled,
		Replaced:     Cancelled,
		Needless:     Cancelled,
		PasswordNew:  Cancelled,
		Alarmed:      Cancelled,
		Lapse:        Expired,
		Refusal:      Refused, // by the agent of the person's other case
	},
	Working: {
		Entered:      Working,
		TakenOver:    Working,
		Noted:        Working,
		SecondAsked:  Second,
		Approval:     Approved,
		Refusal:      Refused,
		Cancellation: Cancelled,
		Replaced:     Cancelled,
		Needless:     Cancelled,
		PasswordNew:  Cancelled,
		Alarmed:      Cancelled,
		Lapse:        Expired,
	},
	Second: {
		Entered:      Second,
		Approval:     Approved,
		Refusal:      Refused,
		Cancellation: Cancelled,
		Replaced:     Cancelled,
		Needless:     Cancelled,
		PasswordNew:  Cancelled,
		Alarmed:      Cancelled,
		SecondLapse:  Working,
		Lapse:        Expired,
	},
	Approved: {
		Redemption:   Used,
		Again:        Approved,
		SecondAsked:  Second, // for another OTP
		Cancellation: Cancelled,
		Replaced:     Cancelled,
		Needless:     Cancelled,
		PasswordNew:  Cancelled,
		Alarmed:      Cancelled,
		Lapse:        Expired,
	},
}

// Open reports whether a case waits for the help desk.
func (s State) Open() bool { return s == Waiting || s == Working || s == Second }

// Ended reports whether nothing can happen to a case any more.
func (s State) Ended() bool { return len(transitions[s]) == 0 }

// How long a case lives.
const (
	lifetime     = 24 * time.Hour   // from its opening (HD-11)
	dormantAfter = 30 * time.Minute // without a sign of its browser (HD-11)
	TakeWithin   = 15 * time.Minute // from the approval of an initialization (HD-9)
	secondWithin = 15 * time.Minute // for the second agent (HD-6)
	freeAfter    = 15 * time.Minute // without a touch, others may go on with it
	redial       = 24 * time.Hour   // in which a refused browser opens no other case for the person (HD-20)
)

// Caller is the browser that opened a case.
type Caller struct {
	Device  string // such as "Chrome・Windows"
	Address string // of the network
	Campus  bool
}

// Work is what an agent has noted so far.
type Work struct {
	AgentID     string
	TouchedAt   time.Time
	Checks      Checks
	Reason      string
	PasswordToo bool // the person is to choose a new password, too (HD-12)
	PhoneShown  bool // the whole telephone number, which is recorded
}

// Decision is who has decided, and when.
type Decision struct {
	AgentID string
	At      time.Time
}

// Case is one request to the help desk.
type Case struct {
	No           int64 // as people call it
	SubscriberID string
	Kind         Kind
	Cause        Cause
	State        State
	Number       string // the comparison number; empty once the case has ended
	Flow         flow.Key
	Caller       Caller
	Work         Work
	First        Decision // who asked for a second agent
	Decided      Decision // who approved or refused
	Why          Why      // of a refusal
	ShownAt      time.Time
	Marks        Marks
	OpenedAt     time.Time
	SeenAt       time.Time // when its browser was last heard of
	EndedAt      time.Time
	ExpiresAt    time.Time
	Version      int64 // grows by one with each step
}

// Marks are for the report.
type Marks struct {
	OutsideHours bool // approved while the desk was closed (HD-15)
	CheckCall    bool // chosen for a call afterwards (HD-16)
}

// PageUntil is how long the flow of the waiting page has to live: longer than the
// case, so that the page can say why it has ended.
func (c Case) PageUntil() time.Time { return c.ExpiresAt.Add(2 * time.Hour) }

// Dormant reports whether nothing has been heard of the case's browser for long.
func (c Case) Dormant(now time.Time) bool { return now.Sub(c.SeenAt) >= dormantAfter }

// Lapsed reports whether the time of a case is over, whether noted or not.
func (c Case) Lapsed(now time.Time) bool { return !c.State.Ended() && !now.Before(c.ExpiresAt) }

// Alive reports whether a case can still come to something.
func (c Case) Alive(now time.Time) bool { return !c.State.Ended() && !c.Lapsed(now) }

// Seen returns the state as the caller's page tells it (SSE-2).
func (c Case) Seen(now time.Time) State {
	switch {
	case c.Lapsed(now):
		return Expired
	case c.State == Second:
		return Working
	}
	return c.State
}

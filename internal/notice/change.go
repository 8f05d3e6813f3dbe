package notice

import (
	"crypto/rand"
	"time"
)

// Change is something that has changed, for its person to recognize at the next
// sign-in, or to report (NOT-2, ux P0). It is kept for the history (NOT-4).
type Change struct {
	SubscriberID string
	ID           string // random
	Kind         Kind
	At           time.Time
}

// events are how pages call what has changed: keys of the catalogue. A kind that
// is not here changes nothing that the person could undo, or is nobody's own act.
var events = map[Kind]string{ //nolint:gosec // G101: keys of texts
	TOTPAdded:      "event.totp_added",
	TOTPRemoved:    "event.totp_removed",
	Initialized:    "event.totp_initialized",
	TOTPPaused:     "event.totp_paused",
	PasskeyAdded:   "event.passkey_added",
	PasskeyRemoved: "event.passkey_removed",
	CodesMade:      "event.codes_made",
	CodeUsed:       "event.code_used",
	AddressAdded:   "event.address_added",
	AddressRemoved: "event.address_removed",
	Password:       "event.password_changed",
	Trusted:        "event.browser_trusted",
	Temporary:      "event.temporary_login",
}

// Event returns the key of what pages call this kind, and nothing if it is no
// change.
func (k Kind) Event() string { return events[k] }

// change returns what is kept of a notice for the next sign-in, if it is a change.
func (n Notice) change() (c Change, is bool) {
	return Change{SubscriberID: n.Subscriber.ID, ID: rand.Text(), Kind: n.Kind, At: n.At}, n.Kind.Event() != ""
}

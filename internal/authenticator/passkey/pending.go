package passkey

import "time"

// Pending is a ceremony between its two halves, as the database keeps it. It is
// good for one browser and one place, and is spent by the answer, whatever that
// says (WAN-1).
type Pending struct {
	ID        string // random; the form with the answer carries it
	Browser   []byte // SHA-256 of the token in the browser's cookie
	Place     string // id of the flow or session that asks; empty where nobody is named yet
	Ceremony  Ceremony
	Request   string // of a service, as JSON; empty without a service
	ExpiresAt time.Time
}

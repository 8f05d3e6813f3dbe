// Package audit names the security events and says what is kept of each.
//
// An event is appended in the transaction of the act that it reports: an act
// that cannot be recorded does not happen (AUD-2). Rows are never changed; a
// job seals them in chained blocks, so that any change, deletion or insertion
// shows (AUD-1).
package audit

import "time"

// Event is one line of the audit trail. It never holds a secret, a code or a
// token.
type Event struct {
	At         time.Time         `json:"at"`
	Name       Name              `json:"name"`
	Actor      string            `json:"actor,omitempty"`      // subscriber id, "command" or empty for a claimant
	Subscriber string            `json:"subscriber,omitempty"` // whom it is about
	Target     string            `json:"target,omitempty"`     // flow, session, case, client …
	Outcome    string            `json:"outcome,omitempty"`    // how it ended
	Reason     string            `json:"reason,omitempty"`     // why it was refused
	Address    string            `json:"address,omitempty"`    // network address of the browser
	AgentHash  string            `json:"agent_hash,omitempty"` // first 16 hex digits of SHA-256 of the user agent
	Request    string            `json:"request,omitempty"`    // request id, in the log too
	Detail     map[string]string `json:"detail,omitempty"`
}

// Name is what happened.
type Name string

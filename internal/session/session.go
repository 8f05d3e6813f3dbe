// Package session keeps what a browser may do after its subscriber has signed
// in. The browser holds a random token; the row belongs to the token's SHA-256
// (SES-1), lists the evidence that was given (SES-6), and ends after a fixed
// time, after some time without use (SES-3), or at will.
package session

import (
	"slices"
	"time"

	"warifu/internal/authenticator"
)

// Session is one browser in which one subscriber is signed in.
type Session struct {
	ID           string // public name of the row: in lists, in the audit trail, and the source of OIDC's sid
	SubscriberID string
	Evidence     []authenticator.Evidence // in the order in which it was given
	CreatedAt    time.Time
	SeenAt       time.Time // last use, exact to a minute
	ExpiresAt    time.Time // the end whatever happens
	IdleLimit    time.Duration
	Browser      string // for the list of sessions, such as "Chrome・Windows"
	Address      string // network address at the start
}

// ByPasskey reports whether a passkey was given in this session.
func (s Session) ByPasskey() bool {
	return slices.ContainsFunc(s.Evidence, func(e authenticator.Evidence) bool { return e.Kind == authenticator.Passkey })
}

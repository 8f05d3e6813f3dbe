// Package ticket keeps the right to enrol an authenticator, or to choose a new
// password: of one subscriber, in one browser, for a short time. Flows that prove
// somebody's identity issue it, and those that use the right spend it. It names what allowed it, which the new
// authenticator keeps (ENR-3).
//
// What must stay true:
//
//   - A ticket works in the browser that it was issued to and in no other (RST-5).
//   - A subscriber has one ticket at most, and so has a browser: a new one takes
//     the place of the others (TOTP-9).
//   - Its rights are named one by one: password and second factor are never both
//     recovered by mail (decisions §3.8).
//   - A locked ticket gives nothing but the right to enter an activation code.
//   - A ticket that has lapsed gives no right, and what it was issued for does
//     not come back: nobody enrols with the password alone (RST-7).
package ticket

import (
	"crypto/rand"
	"errors"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/directory"
)

// Lifetime is how long a ticket may be used (RST-5).
const Lifetime = 15 * time.Minute

// ErrNone means that the browser has no ticket, or that it has lapsed.
var ErrNone = errors.New("ticket: none")

// Ticket is the right of one browser to enrol an authenticator, or to choose a
// password, for one subscriber.
type Ticket struct {
	ID           string // random
	SubscriberID string
	Browser      []byte                // SHA-256 of the browser's token
	By           authenticator.BoundBy // what allowed it
	Enrol        bool                  // it gives the right to enrol
	Password     bool                  // it gives the right to choose a password, which comes first
	Locked       bool                  // an activation code has to be entered first
	Request      string                // of the service that the person was on the way to, as JSON; or empty
	ExpiresAt    time.Time
}

// New returns a ticket for an identity that was just proven.
func New(subscriberID string, browser []byte, by authenticator.BoundBy, now time.Time) Ticket {
	return Ticket{ID: rand.Text(), SubscriberID: subscriberID, Browser: browser, By: by, Enrol: true, ExpiresAt: now.Add(Lifetime)}
}

// ForPassword returns a ticket for choosing a password, and nothing else.
func ForPassword(subscriberID string, browser []byte, by authenticator.BoundBy, now time.Time) Ticket {
	t := New(subscriberID, browser, by, now)
	t.Enrol, t.Password = false, true
	return t
}

// Policy is what an institution decides about the first enrolment.
type Policy struct {
	// Window is how long after the account was made the first authenticator may
	// be enrolled with the password alone (ENR-1); 0 asks for an activation code always.
	Window time.Duration `yaml:"window"`
}

// DefaultPolicy is what holds where nothing is configured.
func DefaultPolicy() Policy { return Policy{Window: 30 * 24 * time.Hour} }

var errWindow = errors.New("window must be from 0 to 90 days")

// Validate returns all faults of the policy.
func (p Policy) Validate() (faults []error) {
	if p.Window < 0 || p.Window > 90*24*time.Hour {
		faults = append(faults, errWindow)
	}
	return faults
}

// WindowEnds returns when the first-time window of a person closes. It is zero
// if there is none: an authenticator that once was closed it for good, and a
// report that somebody else is at work closes it until the report is settled.
func (p Policy) WindowEnds(who directory.Subscriber) time.Time {
	if who.HadFactor || p.Window == 0 { //guard:ENR-1
		return time.Time{}
	}
	if who.Frozen() { //guard:ADR-5
		return time.Time{}
	}
	return who.CreatedAt.Add(p.Window)
}

// First returns the ticket of somebody who has never had an authenticator and
// has just shown the password. Outside of the window it is locked.
func (p Policy) First(who directory.Subscriber, browser []byte, now time.Time) Ticket {
	t := New(who.ID, browser, authenticator.ByWindow, now)
	if !now.Before(p.WindowEnds(who)) { //guard:ENR-1
		t.By, t.Locked = authenticator.ByActivationCode, true
	}
	return t
}

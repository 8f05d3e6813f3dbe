// Package throttle bounds how often the secrets of an account may be guessed,
// and keeps everybody else able to come in.
//
// An attempt is reserved, and thereby counted, in a transaction of its own
// before anything is verified (THR-1); a right one resets the count. A browser
// in which the person has signed in completely before is known and has a
// budget of its own (THR-4), so that nobody outside can lock a person out.
package throttle

import (
	"context"
	"math/bits"
	"net/netip"
	"time"

	"warifu/internal/secret"
)

// Counter names one count of an account.
type Counter string

// The counters.
const (
	Password      Counter = "password"       // from unknown browsers, in a row
	Code          Counter = "code"           // typed codes of all kinds, from unknown browsers
	CodeKnown     Counter = "code_known"     // the same from known browsers
	FactorUnknown Counter = "factor_unknown" // TOTP and recovery codes, from unknown browsers, in a row
	Factor        Counter = "factor"         // TOTP and recovery codes, in all
	Refused       Counter = "refused"        // attempts that came while the account or network had to wait
)

// Schedule says when a counter makes an account wait.
type Schedule struct {
	Free  int64         // number of the failure with which the waits begin; 0 if there are none
	Base  time.Duration // wait after that one; it doubles from there
	Cap   time.Duration // longest wait
	Limit int64         // no attempt at all from this count on; 0 for none
}

// Reservation is the answer to an attempt.
type Reservation struct {
	Allowed   bool
	Failures  int64     // counted by now, this attempt included
	WaitUntil time.Time // when not allowed: from when on; zero if only something else lifts it
}

// Tx is what the throttle needs of a transaction.
type Tx interface {
	// ReserveAttempt counts an attempt, unless the account has to wait.
	ReserveAttempt(ctx context.Context, account string, c Counter, s Schedule, now time.Time) (Reservation, error)
	// ReserveKnown counts an attempt from a known browser, and reports whether
	// the browser is known and has one left.
	ReserveKnown(ctx context.Context, subscriberID string, browser []byte, budget int64, now time.Time) (bool, error)
	// CountRefusal counts an attempt that had to wait, and returns how many there were.
	CountRefusal(ctx context.Context, account string, now time.Time) (int64, error)
	// AddressFailures returns the failures from a network in the window that begins at a time.
	AddressFailures(ctx context.Context, network string, window time.Time) (int64, error)
}

// ReservePassword counts an attempt at a password. known reports whether the
// browser's own budget bore it.
func (p Policy) ReservePassword(ctx context.Context, tx Tx, account, subscriberID string, browser []byte, now time.Time) (r Reservation, known bool, err error) {
	if subscriberID != "" && browser != nil {
		known, err = tx.ReserveKnown(ctx, subscriberID, browser, p.KnownBudget, now)
		if err != nil || known {
			return Reservation{Allowed: true}, known, err
		}
	}
	r, err = tx.ReserveAttempt(ctx, account, Password, p.password(), now)
	return r, false, err
}

// Refusal says why no code may be tried.
type Refusal string

// The refusals.
const (
	MustWait  Refusal = "wait"
	KnownOnly Refusal = "known browsers only"
	Paused    Refusal = "paused"
)

// FactorReservation is the answer to an attempt at a TOTP or a recovery code.
type FactorReservation struct {
	Refusal   Refusal   // empty if the attempt is allowed
	WaitUntil time.Time // of MustWait
	Refusals  int64     // of a refusal: how many there were in a row
	Unknown   int64     // failures in a row from unknown browsers, this attempt included; 0 from a known one
	All       int64     // failures in all, this attempt included
}

// ReserveFactor counts an attempt at a TOTP or a recovery code. A wait earned
// by unknown browsers does not hold up a known one (THR-5). Where one counter
// refuses, what the others have counted stays counted.
func (p Policy) ReserveFactor(ctx context.Context, tx Tx, subscriberID string, known bool, now time.Time) (f FactorReservation, err error) {
	waits := Code
	if known {
		waits = CodeKnown
	}
	for _, step := range []struct {
		counter  Counter
		schedule Schedule
		refusal  Refusal
		count    *int64
		skip     bool
	}{
		{waits, p.code(), MustWait, new(int64), false},
		{FactorUnknown, Schedule{Limit: p.FactorUnknown}, KnownOnly, &f.Unknown, known},
		{Factor, Schedule{Limit: p.FactorAll}, Paused, &f.All, false},
	} {
		if step.skip {
			continue
		}
		r, err := tx.ReserveAttempt(ctx, subscriberID, step.counter, step.schedule, now)
		if err != nil {
			return f, err
		}
		if !r.Allowed { //guard:THR-5
			f = FactorReservation{Refusal: step.refusal, WaitUntil: r.WaitUntil}
			f.Refusals, err = tx.CountRefusal(ctx, subscriberID, now)
			return f, err
		}
		*step.count = r.Failures
	}
	return f, nil
}

// ReserveFactorFrom is [Policy.ReserveFactor] for the browser with a token, which
// may be empty.
func (p Policy) ReserveFactorFrom(ctx context.Context, tx Tx, subscriberID, token string, now time.Time) (f FactorReservation, err error) {
	known := false
	if browser := Browser(token); browser != nil {
		if known, err = tx.ReserveKnown(ctx, subscriberID, browser, p.KnownBudget, now); err != nil {
			return f, err
		}
	}
	return p.ReserveFactor(ctx, tx, subscriberID, known, now)
}

// ReserveCode counts an attempt at a typed code that is no second factor: a
// mailed OTP or an activation code. They share the waits of all typed codes
// (THR-5). refusals is how many attempts in a row had to wait.
func (p Policy) ReserveCode(ctx context.Context, tx Tx, subscriberID string, now time.Time) (r Reservation, refusals int64, err error) {
	r, err = tx.ReserveAttempt(ctx, subscriberID, Code, p.code(), now)
	if err == nil && !r.Allowed { //guard:THR-5
		refusals, err = tx.CountRefusal(ctx, subscriberID, now)
	}
	return r, refusals, err
}

// Telling reports whether the n-th refusal in a row is recorded: each doubling
// of their number is, so that a flood shows and cannot fill the audit trail.
func Telling(n int64) bool { return bits.OnesCount64(uint64(n)) == 1 } //nolint:gosec // G115: the same 64 bits

// Browser returns how a known browser is stored, by the token in its cookie: nil
// without one.
func Browser(token string) []byte {
	if token == "" {
		return nil
	}
	return secret.Digest(token)
}

// Network returns the part of an address that is counted (THR-6): an IPv4
// address, or the /64 of an IPv6 address.
func Network(address netip.Addr) string {
	switch {
	case address.Is4():
		return netip.PrefixFrom(address, 32).String()
	case address.Is6():
		return netip.PrefixFrom(address, 64).Masked().String()
	default:
		return "unknown"
	}
}

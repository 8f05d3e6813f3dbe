package account

import (
	"context"
	"time"

	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
	"warifu/internal/ticket"
)

// StandingReader is what the home page needs of a transaction.
type StandingReader interface {
	AuthenticatorReader
	Addresses(ctx context.Context, subscriberID string) ([]directory.NotificationAddress, error)
	// RecoveryCodesLeft returns how many codes are unused, and when they were made.
	RecoveryCodesLeft(ctx context.Context, subscriberID string) (left int, madeAt time.Time, err error)
	// BrowserTicket returns the ticket that a browser holds, or [ticket.ErrNone].
	BrowserTicket(ctx context.Context, browser []byte, now time.Time) (ticket.Ticket, error)
}

// Standing is what a person has to sign in with, and to come back with.
type Standing struct {
	Active    int // Authenticators
	Suspended int // those that an initialization took away
	Passkeys  int
	Codes     int // unused recovery codes
	Addresses int // to which codes may be sent or soon may be
}

// Ways returns how many ways back in there are without the Authenticator.
func (s Standing) Ways() (n int) {
	for _, have := range []int{s.Addresses, s.Codes, s.Passkeys} {
		if have > 0 {
			n++
		}
	}
	return n
}

// standing returns what a person has. An address of a refused domain is of no use
// (ADR-3).
func standing(ctx context.Context, tx StandingReader, subscriberID string, refused []string) (s Standing, err error) {
	all, err := tx.TOTPAuthenticators(ctx, subscriberID)
	if err != nil {
		return s, err
	}
	for _, a := range all {
		switch a.State {
		case totp.Active:
			s.Active++
		case totp.Suspended:
			s.Suspended++
		}
	}
	keys, err := tx.Passkeys(ctx, subscriberID)
	if err != nil {
		return s, err
	}
	addresses, err := tx.Addresses(ctx, subscriberID)
	if err != nil {
		return s, err
	}
	s.Passkeys = len(keys)
	for _, a := range addresses {
		if directory.Refuses(refused, a.Address) == "" {
			s.Addresses++
		}
	}
	s.Codes, _, err = tx.RecoveryCodesLeft(ctx, subscriberID)
	return s, err
}

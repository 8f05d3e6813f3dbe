package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"warifu/internal/audit"
	"warifu/internal/authenticator"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/ticket"
)

var (
	// ErrNotOwn means that the person has no such thing, whoever else has it.
	ErrNotOwn = errors.New("account: the person has no such thing")
	// ErrLastMethod means that nothing would be left to sign in with.
	ErrLastMethod = errors.New("account: the only second factor")
	// ErrTooMany means that the person has as many Authenticators as may be.
	ErrTooMany = errors.New("account: too many authenticators")
)

// AuthenticatorReader is what listing the authenticators needs of a transaction.
type AuthenticatorReader interface {
	TOTPAuthenticators(ctx context.Context, subscriberID string) ([]totp.Authenticator, error)
	Passkeys(ctx context.Context, subscriberID string) ([]passkey.Credential, error)
}

// AuthenticatorTx is what changing them needs of a transaction.
type AuthenticatorTx interface {
	AuthenticatorReader
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
	RenameTOTP(ctx context.Context, subscriberID, id, name string) error
	// RemoveTOTP deletes an active authenticator, unless it is the last second
	// factor, and reports whether it did. Of two at once the second sees the first.
	RemoveTOTP(ctx context.Context, subscriberID, id string, now time.Time) (bool, error)
	IssueTicket(ctx context.Context, t ticket.Ticket) error
	AppendAudit(ctx context.Context, e audit.Event) error
	notice.Tx
}

// Authenticators lets people name, remove and add the TOTP authenticators that
// they have. InTx and View may run their function more than once.
type Authenticators struct {
	InTx    func(ctx context.Context, fn func(AuthenticatorTx) error) error
	View    func(ctx context.Context, fn func(AuthenticatorReader) error) error
	Notices *notice.Service
	Words   notice.Words
	Most    int // active ones of a person (TOTP-7)
	Now     func() time.Time
}

// Of returns the active authenticators of a person.
func (s *Authenticators) Of(ctx context.Context, a Actor) (all []totp.Authenticator, err error) {
	err = s.View(ctx, func(tx AuthenticatorReader) error {
		all, err = active(ctx, tx, a.SubscriberID)
		return err
	})
	return all, err
}

func active(ctx context.Context, tx AuthenticatorReader, subscriberID string) ([]totp.Authenticator, error) {
	all, err := tx.TOTPAuthenticators(ctx, subscriberID)
	return slices.DeleteFunc(all, func(t totp.Authenticator) bool { return t.State != totp.Active }), err
}

// own returns the active authenticator of the person that has an id, and all of them.
func own(ctx context.Context, tx AuthenticatorReader, a Actor, id string) (totp.Authenticator, []totp.Authenticator, error) {
	all, err := active(ctx, tx, a.SubscriberID)
	if err != nil {
		return totp.Authenticator{}, nil, err
	}
	n := slices.IndexFunc(all, func(t totp.Authenticator) bool { return t.ID == id })
	if n < 0 {
		return totp.Authenticator{}, nil, ErrNotOwn
	}
	return all[n], all, nil
}

// Find returns the active authenticator of the person that has an id, or
// [ErrNotOwn]; [ErrLastMethod] if it may not be removed.
func (s *Authenticators) Find(ctx context.Context, a Actor, id string) (found totp.Authenticator, err error) {
	err = s.View(ctx, func(tx AuthenticatorReader) error {
		var all []totp.Authenticator
		if found, all, err = own(ctx, tx, a, id); err != nil {
			return err
		}
		keys, err := tx.Passkeys(ctx, a.SubscriberID)
		if err == nil && len(all) == 1 && len(keys) == 0 { //guard:TOTP-12
			err = ErrLastMethod
		}
		return err
	})
	return found, err
}

// Rename gives an authenticator a name. What is wrong with the name is one of
// the errors of [totp.Name].
func (s *Authenticators) Rename(ctx context.Context, a Actor, id, typed string) error {
	return s.InTx(ctx, func(tx AuthenticatorTx) error {
		found, all, err := own(ctx, tx, a, id)
		if err != nil {
			return err
		}
		name, err := totp.Name(typed, found.ID, all)
		if err != nil {
			return err
		}
		if err := tx.AppendAudit(ctx, s.event(a, "renamed", id)); err != nil {
			return err
		}
		return tx.RenameTOTP(ctx, a.SubscriberID, id, name)
	})
}

func (s *Authenticators) event(a Actor, outcome, id string) audit.Event {
	e := a.event(audit.Authenticator, outcome, s.Now())
	e.Target = id
	return e
}

// Remove removes an authenticator; the last one only if a passkey stays (TOTP-12).
// Its codes stop working at once.
func (s *Authenticators) Remove(ctx context.Context, a Actor, id string) error {
	return s.InTx(ctx, func(tx AuthenticatorTx) error {
		found, _, err := own(ctx, tx, a, id)
		if err != nil {
			return err
		}
		who, err := tx.Subscriber(ctx, a.SubscriberID)
		if err != nil {
			return err
		}
		removed, err := tx.RemoveTOTP(ctx, a.SubscriberID, id, s.Now())
		if err != nil {
			return err
		}
		if !removed { //guard:TOTP-12
			return ErrLastMethod
		}
		if err := tx.AppendAudit(ctx, s.event(a, "removed", id)); err != nil {
			return err
		}
		return s.Notices.Tell(ctx, tx, a.notice(notice.TOTPRemoved, who, s.Words, mail.Values{"name": found.Name}, s.Now()))
	})
}

// Add gives this browser the right to enrol one more.
func (s *Authenticators) Add(ctx context.Context, a Actor, browser []byte) error {
	return s.InTx(ctx, func(tx AuthenticatorTx) error {
		all, err := active(ctx, tx, a.SubscriberID)
		if err != nil {
			return err
		}
		if len(all) >= s.Most { //guard:TOTP-7
			return ErrTooMany
		}
		if err := tx.AppendAudit(ctx, s.event(a, "another one asked for", "")); err != nil {
			return err
		}
		return tx.IssueTicket(ctx, ticket.New(a.SubscriberID, browser, authenticator.BySecondFactor, s.Now()))
	})
}

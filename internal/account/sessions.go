package account

import (
	"context"
	"slices"
	"time"

	"warifu/internal/audit"
	"warifu/internal/session"
)

// SessionReader is what listing sessions needs of a transaction.
type SessionReader interface {
	// SessionsOf returns the sessions of a subscriber, the one used last first.
	SessionsOf(ctx context.Context, subscriberID string) ([]session.Session, error)
	// TrustedBrowsers returns those that a subscriber trusts still, the newest first.
	TrustedBrowsers(ctx context.Context, subscriberID string, now time.Time) ([]session.TrustedBrowser, error)
}

// SessionTx is what ending them needs of a transaction.
type SessionTx interface {
	SessionReader
	EndSession(ctx context.Context, s session.Session) error
	// EndTrustedBrowser ends the trust in one browser, and reports whether there was any.
	EndTrustedBrowser(ctx context.Context, subscriberID, id string) (bool, error)
	AppendAudit(ctx context.Context, e audit.Event) error
}

// Devices lets people see where they are signed in, and end it (SES-11). InTx
// and View may run their function more than once.
type Devices struct {
	InTx func(ctx context.Context, fn func(SessionTx) error) error
	View func(ctx context.Context, fn func(SessionReader) error) error
	Now  func() time.Time
}

// Of returns the living sessions of a person, this one first, and the browsers
// that the person trusts.
func (s *Devices) Of(ctx context.Context, a Actor) (all []session.Session, trusted []session.TrustedBrowser, err error) {
	err = s.View(ctx, func(tx SessionReader) error {
		if all, err = s.living(ctx, tx, a); err != nil {
			return err
		}
		trusted, err = tx.TrustedBrowsers(ctx, a.SubscriberID, s.Now())
		return err
	})
	return all, trusted, err
}

// EndTrust ends the trust in one of the person's browsers, or in all of them if
// the id is empty. It is [ErrNotOwn] if there is none with this id.
func (s *Devices) EndTrust(ctx context.Context, a Actor, id string) error {
	return s.InTx(ctx, func(tx SessionTx) error {
		all, err := tx.TrustedBrowsers(ctx, a.SubscriberID, s.Now())
		if err != nil {
			return err
		}
		none := true
		for _, b := range all {
			if id != "" && b.ID != id {
				continue
			}
			none = false
			if _, err := tx.EndTrustedBrowser(ctx, a.SubscriberID, b.ID); err != nil {
				return err
			}
			event := a.event(audit.TrustEnded, "ended by the person", s.Now())
			event.Target = b.ID
			if err := tx.AppendAudit(ctx, event); err != nil {
				return err
			}
		}
		if none && id != "" {
			return ErrNotOwn
		}
		return nil
	})
}

func (s *Devices) living(ctx context.Context, tx SessionReader, a Actor) ([]session.Session, error) {
	all, err := tx.SessionsOf(ctx, a.SubscriberID)
	all = slices.DeleteFunc(all, func(e session.Session) bool { return !s.Now().Before(e.EndsAt()) })
	slices.SortStableFunc(all, func(x, y session.Session) int {
		switch {
		case x.ID == a.SessionID:
			return -1
		case y.ID == a.SessionID:
			return 1
		}
		return 0
	})
	return all, err
}

// End ends one of the other sessions of the person. It is [ErrNotOwn] if there
// is none with this id.
func (s *Devices) End(ctx context.Context, a Actor, id string) error {
	return s.end(ctx, a, func(e session.Session) bool { return e.ID == id }, ErrNotOwn)
}

// EndOthers ends all of the person's sessions but this one.
func (s *Devices) EndOthers(ctx context.Context, a Actor) error {
	return s.end(ctx, a, func(session.Session) bool { return true }, nil)
}

func (s *Devices) end(ctx context.Context, a Actor, which func(session.Session) bool, none error) error {
	return s.InTx(ctx, func(tx SessionTx) error {
		all, err := s.living(ctx, tx, a)
		if err != nil {
			return err
		}
		err = none
		for _, other := range all {
			if other.ID == a.SessionID || !which(other) {
				continue
			}
			event := a.event(audit.SessionEnded, "ended by the person", s.Now())
			event.Target = other.ID
			if err := tx.AppendAudit(ctx, event); err != nil {
				return err
			}
			if err := tx.EndSession(ctx, other); err != nil {
				return err
			}
			err = nil
		}
		return err
	})
}

package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"warifu/internal/assurance"
	"warifu/internal/audit"
	"warifu/internal/authenticator"
	"warifu/internal/directory"
	"warifu/internal/secret"
)

// ErrNone means that there is no such session, or that it has ended, or that
// its subscriber may not come in any more (SES-9).
var ErrNone = errors.New("session: none")

// Policy is how long a session may live.
type Policy struct {
	Lifetime         time.Duration `yaml:"lifetime"`          // the end whatever happens; at most 24 h (SES-3)
	Idle             time.Duration `yaml:"idle"`              // the end without use
	FallbackLifetime time.Duration `yaml:"fallback_lifetime"` // the same of a session that was opened with a mailed or read-out OTP
	FallbackIdle     time.Duration `yaml:"fallback_idle"`
	ConsoleLifetime  time.Duration `yaml:"console_lifetime"` // the same of people of the help desk and of administrators
	ConsoleIdle      time.Duration `yaml:"console_idle"`
	Most             int           `yaml:"most"` // sessions of one subscriber; the oldest ends (SES-11)
}

// DefaultPolicy is what holds where nothing is configured.
func DefaultPolicy() Policy {
	return Policy{Lifetime: 12 * time.Hour, Idle: time.Hour, FallbackLifetime: time.Hour, FallbackIdle: 15 * time.Minute,
		ConsoleLifetime: 8 * time.Hour, ConsoleIdle: 15 * time.Minute, Most: 20}
}

// Validate returns all faults of the policy.
func (p Policy) Validate() (faults []error) {
	if p.Lifetime < 5*time.Minute || p.Lifetime > 24*time.Hour {
		faults = append(faults, errors.New("lifetime must be from 5m to 24h"))
	}
	if p.Idle < time.Minute || p.Idle > p.Lifetime {
		faults = append(faults, errors.New("idle must be from 1m to lifetime"))
	}
	if p.FallbackLifetime < 5*time.Minute || p.FallbackLifetime > p.Lifetime {
		faults = append(faults, errors.New("fallback_lifetime must be from 5m to lifetime"))
	}
	if p.FallbackIdle < time.Minute || p.FallbackIdle > p.FallbackLifetime {
		faults = append(faults, errors.New("fallback_idle must be from 1m to fallback_lifetime"))
	}
	if p.ConsoleLifetime < 5*time.Minute || p.ConsoleLifetime > p.Lifetime {
		faults = append(faults, errors.New("console_lifetime must be from 5m to lifetime"))
	}
	if p.ConsoleIdle < time.Minute || p.ConsoleIdle > p.ConsoleLifetime {
		faults = append(faults, errors.New("console_idle must be from 1m to console_lifetime"))
	}
	if p.Most < 1 || p.Most > 100 {
		faults = append(faults, errors.New("most must be from 1 to 100"))
	}
	return faults
}

// seenEvery is how exact SeenAt is: a use that comes sooner writes nothing.
const seenEvery = time.Minute

// Reader is what finding a session needs.
type Reader interface {
	// Session returns the session whose token has this digest, and its
	// subscriber, or [ErrNone].
	Session(ctx context.Context, digest []byte) (Session, directory.Subscriber, error)
}

// Tx is what changing sessions needs.
type Tx interface {
	Reader
	// CreateSession stores a session and ends the oldest ones over most.
	CreateSession(ctx context.Context, s Session, digest []byte, most int) error
	// RaiseSession gives a session another token and evidence.
	RaiseSession(ctx context.Context, s Session, digest []byte) error
	// TouchSession notes a use.
	TouchSession(ctx context.Context, s Session) error
	// EndSession ends a session, and tells the services that took part in it.
	EndSession(ctx context.Context, s Session) error
	// AppendAudit records a security event.
	AppendAudit(ctx context.Context, e audit.Event) error
}

// Service finds and ends sessions.
type Service struct {
	InTx   func(ctx context.Context, fn func(Tx) error) error
	View   func(ctx context.Context, fn func(Reader) error) error
	Policy Policy
	Random io.Reader
	Now    func() time.Time
}

// Find returns the living session of a token, and [ErrNone] otherwise.
func (s *Service) Find(ctx context.Context, token string) (Session, error) {
	found, _, err := s.Who(ctx, token)
	return found, err
}

// Who returns the living session of a token and its subscriber, and [ErrNone]
// otherwise. The use is noted, once a minute.
func (s *Service) Who(ctx context.Context, token string) (found Session, who directory.Subscriber, err error) {
	found, who, err = s.Peek(ctx, token)
	if err != nil {
		return Session{}, directory.Subscriber{}, err
	}
	now := s.Now()
	if now.Sub(found.SeenAt) >= seenEvery {
		found.SeenAt = now
		err = s.InTx(ctx, func(tx Tx) error { return tx.TouchSession(ctx, found) })
	}
	return found, who, err
}

// Peek is [Service.Who] for what a page asks by itself: that is no use.
func (s *Service) Peek(ctx context.Context, token string) (found Session, who directory.Subscriber, err error) {
	if token == "" {
		return Session{}, directory.Subscriber{}, ErrNone
	}
	err = s.View(ctx, func(tx Reader) error {
		found, who, err = Alive(ctx, tx, token, s.Now())
		return err
	})
	return found, who, err
}

// Alive returns the living session of a token, in a transaction of the caller.
func Alive(ctx context.Context, tx Reader, token string, now time.Time) (Session, directory.Subscriber, error) {
	if token == "" {
		return Session{}, directory.Subscriber{}, ErrNone
	}
	found, who, err := tx.Session(ctx, secret.Digest(token))
	if err != nil {
		return Session{}, directory.Subscriber{}, err
	}
	if who.Status != directory.Active || !now.Before(found.EndsAt()) { //guard:SES-9
		return Session{}, directory.Subscriber{}, ErrNone
	}
	return found, who, nil
}

// EndsAt is when the session ends if it is not used any more (SES-3).
func (s Session) EndsAt() time.Time {
	if idle := s.SeenAt.Add(s.IdleLimit); idle.Before(s.ExpiresAt) {
		return idle
	}
	return s.ExpiresAt
}

// Start is what a session begins with, or goes on with.
type Start struct {
	SubscriberID string
	Evidence     []authenticator.Evidence
	Staff        bool // the session may lead to the console
	Raise        bool // the evidence is added to that of the present session, which there must be
	Browser      string
	Address      string
}

// Open opens a session and returns its token. If the browser has a living
// session of the same subscriber, that one goes on with the new evidence and
// another token (SES-2); one of somebody else ends. A session that is to be
// raised and is not there any more is an [ErrNone].
func (p Policy) Open(ctx context.Context, tx Tx, random io.Reader, present string, start Start, now time.Time) (Session, string, error) {
	token, err := secret.Token(random)
	if err != nil {
		return Session{}, "", fmt.Errorf("session: %w", err)
	}
	old, _, err := Alive(ctx, tx, present, now)
	if err != nil && !errors.Is(err, ErrNone) {
		return Session{}, "", err
	}
	mine := err == nil && old.SubscriberID == start.SubscriberID
	switch {
	case start.Raise && !mine: //guard:SES-2
		return Session{}, "", ErrNone
	case mine:
		if start.Raise {
			start.Evidence = append(slices.Clone(old.Evidence), start.Evidence...)
		}
		old.SeenAt = now
		old.Address = start.Address
		old.ExpiresAt, old.IdleLimit = p.limits(start, now)
		old.Evidence = newest(start.Evidence)
		return old, token, tx.RaiseSession(ctx, old, secret.Digest(token))
	case err == nil:
		if err := tx.EndSession(ctx, old); err != nil {
			return Session{}, "", err
		}
	}
	opened := Session{ID: rand.Text(), SubscriberID: start.SubscriberID, Evidence: start.Evidence,
		CreatedAt: now, SeenAt: now, Browser: start.Browser, Address: start.Address}
	opened.ExpiresAt, opened.IdleLimit = p.limits(start, now)
	return opened, token, tx.CreateSession(ctx, opened, secret.Digest(token), p.Most)
}

// newest returns of each authenticator the newest proof: a session does not
// grow with every step-up.
func newest(evidence []authenticator.Evidence) (kept []authenticator.Evidence) {
	for i, e := range evidence {
		if !slices.ContainsFunc(evidence[i+1:], func(later authenticator.Evidence) bool { return later.Kind == e.Kind && later.ID == e.ID }) {
			kept = append(kept, e)
		}
	}
	return kept
}

// limits says when a session ends whatever happens, counted from its oldest
// proof, and how long it may be unused.
func (p Policy) limits(start Start, now time.Time) (end time.Time, idle time.Duration) {
	oldest := now
	for _, e := range start.Evidence {
		if e.At.Before(oldest) {
			oldest = e.At
		}
	}
	if assurance.Assurance(start.Evidence, assurance.Policy{}).Fallback { //guard:SES-10
		return oldest.Add(p.FallbackLifetime), p.FallbackIdle
	}
	if start.Staff { //guard:SES-3
		return oldest.Add(p.ConsoleLifetime), p.ConsoleIdle
	}
	return oldest.Add(p.Lifetime), p.Idle
}

// End ends the session of a token, if there is one.
func (s *Service) End(ctx context.Context, token string) error {
	return s.InTx(ctx, func(tx Tx) error {
		found, _, err := Alive(ctx, tx, token, s.Now())
		if errors.Is(err, ErrNone) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := tx.AppendAudit(ctx, audit.Event{At: s.Now(), Name: audit.SignOut, Actor: found.SubscriberID,
			Subscriber: found.SubscriberID, Target: found.ID}); err != nil {
			return err
		}
		return tx.EndSession(ctx, found)
	})
}

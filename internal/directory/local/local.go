// Package local keeps the people in the database of the server itself: it
// imports them, and does what an administrator does with one of them. Every
// act is recorded, and told to the person where that person should know.
package local

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/throttle"
)

// Reader is what looking at people needs.
type Reader interface {
	// SubscriberAnyStatus returns a subscriber with a folded SPS-ID and the hash
	// of the password, also one who was deleted, or [directory.ErrNotFound].
	SubscriberAnyStatus(ctx context.Context, spsID string) (directory.Subscriber, string, error)
}

// Tx is what changing people needs.
type Tx interface {
	Reader
	notice.Tx
	CreateSubscriber(ctx context.Context, s directory.Subscriber) error
	UpdateSubscriber(ctx context.Context, s directory.Subscriber) error
	SetPassword(ctx context.Context, subscriberID, hash string, now time.Time) error
	// EndSessions ends all sessions of a subscriber.
	EndSessions(ctx context.Context, subscriberID string) error
	// DeleteGrantsOf revokes what services hold of a subscriber, also refresh
	// tokens that have outlived their session.
	DeleteGrantsOf(ctx context.Context, subscriberID string) error
	// Unfreeze lets settings and recovery by mail go on.
	Unfreeze(ctx context.Context, subscriberID string) error
	// LiftEntries lets an agent of the help desk open cases again, and reports
	// whether he could not.
	LiftEntries(ctx context.Context, agentID string) (bool, error)
	ResetAttempts(ctx context.Context, account string, counters ...throttle.Counter) error
	// ReplaceActivationCode stores the digest of a code in place of any other.
	ReplaceActivationCode(ctx context.Context, subscriberID string, digest []byte, expiresAt time.Time) error
	AppendAudit(ctx context.Context, e audit.Event) error
}

// Service is the local directory.
type Service struct {
	InTx    func(ctx context.Context, fn func(Tx) error) error
	View    func(ctx context.Context, fn func(Reader) error) error
	Notices *notice.Service
	Codes   *secret.MAC // digests of activation codes
	Domains []string    // of the institution's own mail; see [directory.FoldID]
	Random  io.Reader
	Now     func() time.Time

	by By
}

// By is the person of the staff who acts, and from where.
type By struct {
	SubscriberID string // empty for a command
	Address      string
	AgentHash    string // see [audit.HashAgent]
}

// As returns the directory in the hands of a person of the staff, whom the trail
// names with the acts.
func (s *Service) As(by By) *Service {
	mine := *s
	mine.by = by
	return &mine
}

// event is what is recorded of an act on a person.
func (s *Service) event(name audit.Name, subscriberID, reason string) audit.Event {
	return audit.Event{At: s.Now(), Name: name, Actor: cmp.Or(s.by.SubscriberID, "command"), Address: s.by.Address, AgentHash: s.by.AgentHash,
		Subscriber: subscriberID, Reason: reason}
}

// Show returns a person.
func (s *Service) Show(ctx context.Context, spsID string) (who directory.Subscriber, err error) {
	err = s.View(ctx, func(tx Reader) error {
		who, _, err = tx.SubscriberAnyStatus(ctx, directory.FoldID(spsID, s.Domains))
		return err
	})
	return who, err
}

// act does something with one person, and records it.
func (s *Service) act(ctx context.Context, spsID string, name audit.Name, reason string, do func(Tx, *directory.Subscriber) error) error {
	return s.InTx(ctx, func(tx Tx) error {
		who, _, err := tx.SubscriberAnyStatus(ctx, directory.FoldID(spsID, s.Domains))
		if err != nil {
			return err
		}
		if who.Status == directory.Deleted {
			return directory.ErrNotFound
		}
		if err := do(tx, &who); err != nil {
			return err
		}
		e := s.event(name, who.ID, reason)
		e.Detail = map[string]string{"status": string(who.Status), "role": string(who.Role)}
		return tx.AppendAudit(ctx, e)
	})
}

// Suspend keeps a person out: all sessions end at once (SES-9).
func (s *Service) Suspend(ctx context.Context, spsID, reason string) error {
	return s.act(ctx, spsID, audit.Suspend, reason, func(tx Tx, who *directory.Subscriber) error {
		return s.suspend(ctx, tx, who)
	})
}

func (s *Service) suspend(ctx context.Context, tx Tx, who *directory.Subscriber) error {
	if err := s.setStatus(ctx, tx, who, directory.Suspended, notice.Suspended); err != nil {
		return err
	}
	if err := tx.EndSessions(ctx, who.ID); err != nil {
		return err
	}
	return tx.DeleteGrantsOf(ctx, who.ID)
}

// Resume lets a person in again.
func (s *Service) Resume(ctx context.Context, spsID, reason string) error {
	return s.act(ctx, spsID, audit.Resume, reason, func(tx Tx, who *directory.Subscriber) error {
		return s.setStatus(ctx, tx, who, directory.Active, notice.Resumed)
	})
}

// setStatus tells nobody of what is so already.
func (s *Service) setStatus(ctx context.Context, tx Tx, who *directory.Subscriber, status directory.Status, kind notice.Kind) error {
	if who.Status == status {
		return nil
	}
	who.Status, who.UpdatedAt = status, s.Now()
	if err := tx.UpdateSubscriber(ctx, *who); err != nil {
		return err
	}
	return s.Notices.Tell(ctx, tx, notice.Notice{Kind: kind, Subscriber: *who, At: s.Now()})
}

// ErrReason means that an act has to be given a reason.
var ErrReason = errors.New("local: a report has stopped settings and recovery by mail: a reason is needed to lift that")

// Unlock clears every wait that wrong passwords and codes have earned (THR-3),
// and lets settings and recovery by mail go on after a report (ADR-5). For that a
// reason is needed, and the trail has an event of its own.
func (s *Service) Unlock(ctx context.Context, spsID, reason string) error {
	return s.act(ctx, spsID, audit.Unlock, reason, func(tx Tx, who *directory.Subscriber) error {
		if err := s.unfreeze(ctx, tx, who, reason); err != nil {
			return err
		}
		if err := s.lift(ctx, tx, who.ID, reason); err != nil {
			return err
		}
		return tx.ResetAttempts(ctx, who.ID, throttle.Password, throttle.Code, throttle.CodeKnown, throttle.FactorUnknown, throttle.Factor, throttle.Refused)
	})
}

// lift lets a stopped agent go on (HD-2).
func (s *Service) lift(ctx context.Context, tx Tx, agentID, reason string) error {
	stopped, err := tx.LiftEntries(ctx, agentID)
	if err != nil || !stopped {
		return err
	}
	return tx.AppendAudit(ctx, s.event(audit.DeskLift, agentID, reason))
}

// Lift lets a stopped agent, named by the id of the subscriber, open cases again,
// and nothing else.
func (s *Service) Lift(ctx context.Context, agentID, reason string) error {
	return s.InTx(ctx, func(tx Tx) error { return s.lift(ctx, tx, agentID, reason) })
}

// ClearWaits clears the waits that wrong passwords and codes have earned. A TOTP
// that was suspended stays so, and what a report has stopped stays stopped: an
// agent may do this after an identity check (THR-3).
func (s *Service) ClearWaits(ctx context.Context, spsID, reason string) error {
	return s.act(ctx, spsID, audit.Unlock, reason, func(tx Tx, who *directory.Subscriber) error {
		return tx.ResetAttempts(ctx, who.ID, throttle.Password, throttle.Code, throttle.CodeKnown, throttle.FactorUnknown, throttle.Refused)
	})
}

// EndSessions ends all sessions of a person, and revokes what services hold.
func (s *Service) EndSessions(ctx context.Context, spsID, reason string) error {
	return s.act(ctx, spsID, audit.SessionEnded, reason, func(tx Tx, who *directory.Subscriber) error {
		if err := tx.EndSessions(ctx, who.ID); err != nil {
			return err
		}
		return tx.DeleteGrantsOf(ctx, who.ID)
	})
}

func (s *Service) unfreeze(ctx context.Context, tx Tx, who *directory.Subscriber, reason string) error {
	if !who.Frozen() {
		return nil
	}
	if strings.TrimSpace(reason) == "" { //guard:ADR-5
		return ErrReason
	}
	if err := tx.Unfreeze(ctx, who.ID); err != nil {
		return err
	}
	since := who.FrozenAt.UTC().Format(time.RFC3339)
	who.FrozenAt = time.Time{}
	e := s.event(audit.Unfreeze, who.ID, reason)
	e.Detail = map[string]string{"frozen_at": since}
	return tx.AppendAudit(ctx, e)
}

// SetRole gives a person a role. A role with rights ends the sessions that were
// opened without it.
func (s *Service) SetRole(ctx context.Context, spsID string, role directory.Role, reason string) error {
	return s.act(ctx, spsID, audit.RoleChanged, reason, func(tx Tx, who *directory.Subscriber) error {
		if who.Role == role {
			return nil
		}
		who.Role, who.UpdatedAt = role, s.Now()
		if err := tx.UpdateSubscriber(ctx, *who); err != nil {
			return err
		}
		return tx.EndSessions(ctx, who.ID)
	})
}

// SetPrivileged marks a person as one whom no mail lets back in, and one agent alone
// neither, or takes the mark away. What was sent to come back in by is dead.
func (s *Service) SetPrivileged(ctx context.Context, spsID string, on bool, reason string) error {
	return s.act(ctx, spsID, audit.PrivilegeChanged, reason, func(tx Tx, who *directory.Subscriber) error {
		who.Privileged, who.UpdatedAt = on, s.Now()
		return tx.UpdateSubscriber(ctx, *who)
	})
}

// codeLifetime is how long an activation code may be used (ENR-1).
const codeLifetime = 30 * 24 * time.Hour

// ActivationCode makes a code with which a person sets up password and second
// factor. It replaces an earlier one, works once, and only its digest is stored.
func (s *Service) ActivationCode(ctx context.Context, spsID, reason string) (code string, expiresAt time.Time, err error) {
	if code, err = secret.NewCode(s.Random); err != nil {
		return "", time.Time{}, err
	}
	expiresAt = s.Now().Add(codeLifetime)
	err = s.act(ctx, spsID, audit.ActivationCode, reason, func(tx Tx, who *directory.Subscriber) error {
		return tx.ReplaceActivationCode(ctx, who.ID, s.Codes.Sum("activation", []byte(who.ID), []byte(code)), expiresAt)
	})
	if err != nil {
		return "", time.Time{}, err
	}
	return secret.ShowCode(code), expiresAt, nil
}

// Package local keeps the people in the database of the server itself: it
// imports them, and does what an administrator does with one of them. Every
// act is recorded, and told to the person where that person should know.
package local

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
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
}

// actor is who acts when a command is typed in a shell.
const actor = "command"

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
		return tx.AppendAudit(ctx, audit.Event{At: s.Now(), Name: name, Actor: actor, Subscriber: who.ID, Reason: reason,
			Detail: map[string]string{"status": string(who.Status), "role": string(who.Role)}})
	})
}

// Suspend keeps a person out: all sessions end at once (SES-9).
func (s *Service) Suspend(ctx context.Context, spsID, reason string) error {
	return s.act(ctx, spsID, audit.Suspend, reason, func(tx Tx, who *directory.Subscriber) error {
		if err := s.setStatus(ctx, tx, who, directory.Suspended, notice.Suspended); err != nil {
			return err
		}
		return tx.EndSessions(ctx, who.ID)
	})
}

// Resume lets a person in again.
func (s *Service) Resume(ctx context.Context, spsID, reason string) error {
	return s.act(ctx, spsID, audit.Resume, reason, func(tx Tx, who *directory.Subscriber) error {
		return s.setStatus(ctx, tx, who, directory.Active, notice.Resumed)
	})
}

func (s *Service) setStatus(ctx context.Context, tx Tx, who *directory.Subscriber, status directory.Status, kind notice.Kind) error {
	who.Status, who.UpdatedAt = status, s.Now()
	if err := tx.UpdateSubscriber(ctx, *who); err != nil {
		return err
	}
	return s.Notices.Tell(ctx, tx, notice.Notice{Kind: kind, Subscriber: *who, At: s.Now()})
}

// Unlock clears every wait that wrong passwords and codes have earned (THR-3).
func (s *Service) Unlock(ctx context.Context, spsID, reason string) error {
	return s.act(ctx, spsID, audit.Unlock, reason, func(tx Tx, who *directory.Subscriber) error {
		return tx.ResetAttempts(ctx, who.ID, throttle.Password, throttle.Code, throttle.CodeKnown, throttle.FactorUnknown, throttle.Factor)
	})
}

// SetRole gives a person a role. A role with rights ends the sessions that were
// opened without it.
func (s *Service) SetRole(ctx context.Context, spsID string, role directory.Role, reason string) error {
	return s.act(ctx, spsID, audit.RoleChanged, reason, func(tx Tx, who *directory.Subscriber) error {
		who.Role, who.UpdatedAt = role, s.Now()
		if err := tx.UpdateSubscriber(ctx, *who); err != nil {
			return err
		}
		return tx.EndSessions(ctx, who.ID)
	})
}

// The activation code (ENR-1): 80 bits in the alphabet of Crockford's base32.
const (
	codeBytes    = 10
	codeLifetime = 30 * 24 * time.Hour
)

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// ActivationCode makes a code with which a person sets up password and second
// factor. It replaces an earlier one, works once, and only its digest is stored.
func (s *Service) ActivationCode(ctx context.Context, spsID, reason string) (code string, expiresAt time.Time, err error) {
	plain := make([]byte, codeBytes)
	if _, err := io.ReadFull(s.Random, plain); err != nil {
		return "", time.Time{}, fmt.Errorf("local: activation code: %w", err)
	}
	code, expiresAt = crockford.EncodeToString(plain), s.Now().Add(codeLifetime)
	err = s.act(ctx, spsID, audit.ActivationCode, reason, func(tx Tx, who *directory.Subscriber) error {
		return tx.ReplaceActivationCode(ctx, who.ID, s.Codes.Sum("activation", []byte(who.ID), []byte(code)), expiresAt)
	})
	return fmt.Sprintf("%s-%s-%s-%s", code[:4], code[4:8], code[8:12], code[12:]), expiresAt, err
}

// Report is what an import has done, or would do.
type Report struct {
	Added     int                   `json:"added"`
	Changed   int                   `json:"changed"`
	Unchanged int                   `json:"unchanged"`
	Suspended int                   `json:"suspended"` // of the changed ones
	Faults    []directory.LineFault `json:"faults"`
}

// errDryRun takes back what a trial has done.
var errDryRun = errors.New("local: trial")

// Import adds and changes people, all of them or none. A dry run does the same
// and takes it back.
func (s *Service) Import(ctx context.Context, lines []directory.ImportLine, dryRun bool) (r Report, err error) {
	err = s.InTx(ctx, func(tx Tx) error {
		r = Report{}
		for _, line := range lines {
			if err := s.importOne(ctx, tx, line, &r); err != nil {
				return fmt.Errorf("line %d: %w", line.Line, err)
			}
		}
		if dryRun || len(r.Faults) > 0 {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return r, err
}

func (s *Service) importOne(ctx context.Context, tx Tx, line directory.ImportLine, r *Report) error {
	now := s.Now()
	known, hash, err := tx.SubscriberAnyStatus(ctx, line.SPSID)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		r.Added++
		person := line.Subscriber
		person.ID, person.PublicID, person.CreatedAt, person.UpdatedAt = rand.Text(), rand.Text(), now, now
		if err := tx.CreateSubscriber(ctx, person); err != nil {
			return err
		}
		return s.importPassword(ctx, tx, person, "", line.PasswordHash, audit.SubscriberAdded)
	case err != nil:
		return err
	case known.Status == directory.Deleted: // identifiers are never given to another person
		r.Faults = append(r.Faults, directory.LineFault{Line: line.Line, Column: "sps_id", Text: "belonged to a person who was deleted"})
		return nil
	}
	changed := merge(known, line.Subscriber)
	newHash := line.PasswordHash
	if same(changed, known) && (newHash == "" || hash != "") {
		r.Unchanged++
		return nil
	}
	r.Changed++
	changed.UpdatedAt = now
	if err := tx.UpdateSubscriber(ctx, changed); err != nil {
		return err
	}
	if changed.Status == directory.Suspended && known.Status != directory.Suspended {
		r.Suspended++
		if err := tx.EndSessions(ctx, known.ID); err != nil {
			return err
		}
	}
	return s.importPassword(ctx, tx, changed, hash, newHash, audit.SubscriberEdited)
}

// importPassword stores a hash that was brought along, unless the person has a
// password already, and records the import.
func (s *Service) importPassword(ctx context.Context, tx Tx, who directory.Subscriber, present, brought string, name audit.Name) error {
	if brought != "" && present == "" {
		if err := tx.SetPassword(ctx, who.ID, brought, s.Now()); err != nil {
			return err
		}
	}
	return tx.AppendAudit(ctx, audit.Event{At: s.Now(), Name: name, Actor: actor, Subscriber: who.ID,
		Detail: map[string]string{"status": string(who.Status)}})
}

// merge puts what a file may say of a person over what is known.
func merge(known, line directory.Subscriber) directory.Subscriber {
	line.ID, line.PublicID, line.SPSID = known.ID, known.PublicID, known.SPSID
	line.Role, line.Privileged = known.Role, known.Privileged
	line.CreatedAt, line.UpdatedAt = known.CreatedAt, known.UpdatedAt
	if line.Language == "" {
		line.Language = known.Language
	}
	return line
}

func same(a, b directory.Subscriber) bool {
	a.Groups, b.Groups = append([]string{}, a.Groups...), append([]string{}, b.Groups...)
	return fmt.Sprintf("%#v", a) == fmt.Sprintf("%#v", b)
}

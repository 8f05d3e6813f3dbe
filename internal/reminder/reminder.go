// Package reminder writes mails that no act of a person has called for: that a second
// factor will be needed, that there is no notification address yet, and whether an
// address is still read (ADR-10).
//
// What must stay true: a reminder goes once for its occasion, however many nodes
// there are and whatever became of them; one that fails holds up no others; and a
// run sends no more than [most], so that a large institution's mails go out over a
// day.
package reminder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"warifu/internal/directory"
	"warifu/internal/mail"
)

// Every is how often a round is made.
const Every = 10 * time.Minute

const (
	most = 200 // mails of a round, of each kind
	page = 500 // persons that are looked at together
	day  = 24 * time.Hour
)

// Kind is what is reminded of.
type Kind string

// The kinds.
const (
	Factor  Kind = "factor"  // a second factor will be needed
	Address Kind = "address" // there is no notification address
	Check   Kind = "check"   // is the address still read?
)

// before are how many days ahead people are told that a second factor will be needed.
var before = []int{30, 14, 7, 3, 1}

// Policy is what an institution decides about reminders.
type Policy struct {
	// Address is how often people without a notification address are asked to
	// register one; 0 never.
	Address time.Duration `yaml:"address"`
	// Check is how often the owner of a notification address is asked whether it is
	// still read; 0 never.
	Check time.Duration `yaml:"check"`
}

// DefaultPolicy is what holds where nothing is configured.
func DefaultPolicy() Policy { return Policy{Address: 90 * day, Check: 365 * day} }

// Validate returns all faults of the policy.
func (p Policy) Validate() (faults []error) {
	for name, every := range map[string]time.Duration{"address": p.Address, "check": p.Check} {
		if every != 0 && every < 30*day {
			faults = append(faults, errors.New(name+" must be 0, or 720h or more"))
		}
	}
	return faults
}

// Candidate is a person who may have to be reminded, and when he was last.
type Candidate struct {
	directory.Subscriber
	Last time.Time // zero: never
}

// Reader finds whom to remind. Each returns active persons in the order of their ids.
type Reader interface {
	// WithoutFactor returns persons behind an id who never had a second factor.
	WithoutFactor(ctx context.Context, after string, most int) ([]Candidate, error)
	// WithoutAddress returns persons with a second factor and no notification
	// address who were made, and last reminded, before a time.
	WithoutAddress(ctx context.Context, since time.Time, most int) ([]directory.Subscriber, error)
	// WithOldAddress returns persons with an address that was confirmed, and who
	// were last asked, before a time.
	WithOldAddress(ctx context.Context, since time.Time, most int) ([]directory.Subscriber, error)
}

// Tx is what one reminder needs of its transaction.
type Tx interface {
	mail.Queue
	// Addresses returns the person's notification addresses.
	Addresses(ctx context.Context, subscriberID string) ([]directory.NotificationAddress, error)
	// MarkReminded notes that a person is reminded now, unless he was since a time;
	// it reports whether it did.
	MarkReminded(ctx context.Context, subscriberID string, kind Kind, since, now time.Time) (bool, error)
}

// Service reminds. InTx and View may run their function more than once.
type Service struct {
	InTx       func(ctx context.Context, fn func(Tx) error) error
	View       func(ctx context.Context, fn func(Reader) error) error
	Outbox     *mail.Outbox
	Policy     Policy
	NeededFrom func(groups []string) time.Time // the day from which a second factor is needed of who has none; zero: always
	Now        func() time.Time
}

// Run makes one round. It is a job.
func (s *Service) Run(ctx context.Context) error {
	return errors.Join(s.remindFactor(ctx), s.remindAddress(ctx), s.remindCheck(ctx))
}

// occasion returns when the present occasion to tell of a day began, and how many
// days are left; false if none has begun, or the day has come.
func occasion(from, now time.Time) (began time.Time, left int, ok bool) {
	for _, days := range before {
		if at := from.Add(-time.Duration(days) * day); !now.Before(at) {
			began, ok = at, true
		}
	}
	left = int((from.Sub(now) + day - 1) / day)
	return began, left, ok && now.Before(from)
}

func (s *Service) remindFactor(ctx context.Context) error {
	var faults error
	sent, after := 0, ""
	for {
		var found []Candidate
		err := s.View(ctx, func(tx Reader) (err error) {
			found, err = tx.WithoutFactor(ctx, after, page)
			return err
		})
		if err != nil || len(found) == 0 {
			return errors.Join(faults, err)
		}
		after = found[len(found)-1].ID
		for _, who := range found {
			from := s.NeededFrom(who.Groups)
			began, left, ok := occasion(from, s.Now())
			if !ok || !who.Last.Before(began) {
				continue
			}
			letter := mail.RemindFactor{Name: name(who.Subscriber), From: from, Days: left}
			faults = errors.Join(faults, s.send(ctx, who.Subscriber, Factor, began, letter, s.everywhere))
			if sent++; sent == most || ctx.Err() != nil {
				return faults
			}
		}
	}
}

func (s *Service) remindAddress(ctx context.Context) error {
	return s.remind(ctx, Address, s.Policy.Address, Reader.WithoutAddress, func(who directory.Subscriber) mail.Letter {
		return mail.RemindAddress{Name: name(who)}
	}, s.mailbox)
}

func (s *Service) remindCheck(ctx context.Context) error {
	since := s.Now().Add(-s.Policy.Check)
	return s.remind(ctx, Check, s.Policy.Check, Reader.WithOldAddress, func(who directory.Subscriber) mail.Letter {
		return mail.RemindCheck{SPSID: mail.Word(who.SPSID)}
	}, func(ctx context.Context, tx Tx, who directory.Subscriber) (to []string, err error) {
		all, err := tx.Addresses(ctx, who.ID)
		for _, a := range all {
			if !a.ConfirmedAt.After(since) {
				to = append(to, a.Address)
			}
		}
		return to, err
	})
}

// remind does one round of what comes again and again.
func (s *Service) remind(ctx context.Context, kind Kind, every time.Duration, find func(Reader, context.Context, time.Time, int) ([]directory.Subscriber, error),
	letter func(directory.Subscriber) mail.Letter, to func(context.Context, Tx, directory.Subscriber) ([]string, error)) error {
	if every == 0 {
		return nil
	}
	since := s.Now().Add(-every)
	var found []directory.Subscriber
	err := s.View(ctx, func(tx Reader) (err error) {
		found, err = find(tx, ctx, since, most)
		return err
	})
	if err != nil {
		return fmt.Errorf("reminder: %s: %w", kind, err)
	}
	var faults error
	for _, who := range found {
		faults = errors.Join(faults, s.send(ctx, who, kind, since, letter(who), to))
	}
	return faults
}

// send queues a letter to each address, if nobody has reminded the person since.
func (s *Service) send(ctx context.Context, who directory.Subscriber, kind Kind, since time.Time, letter mail.Letter,
	to func(context.Context, Tx, directory.Subscriber) ([]string, error)) error {
	err := s.InTx(ctx, func(tx Tx) error {
		mine, err := tx.MarkReminded(ctx, who.ID, kind, since, s.Now())
		if err != nil || !mine {
			return err
		}
		addresses, err := to(ctx, tx, who)
		if err != nil {
			return err
		}
		for _, address := range addresses {
			if err := s.Outbox.Queue(ctx, tx, mail.Envelope{SubscriberID: who.ID, To: address, Lang: who.Language}, letter); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reminder: %s: %w", kind, err)
	}
	return nil
}

func name(who directory.Subscriber) mail.Text {
	return mail.Text{Japanese: who.Name(true), English: who.Name(false)}
}

// mailbox is the university mailbox, if mail can be sent there.
func (s *Service) mailbox(_ context.Context, _ Tx, who directory.Subscriber) ([]string, error) {
	if mail.CheckAddress(who.Mailbox) != nil {
		return nil, nil
	}
	return []string{who.Mailbox}, nil
}

// everywhere is the university mailbox, and the notification addresses.
func (s *Service) everywhere(ctx context.Context, tx Tx, who directory.Subscriber) ([]string, error) {
	all, err := s.mailbox(ctx, tx, who)
	if err != nil {
		return nil, err
	}
	known, err := tx.Addresses(ctx, who.ID)
	for _, a := range known {
		if !slices.Contains(all, a.Address) {
			all = append(all, a.Address)
		}
	}
	return all, err
}

package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"warifu/internal/alarm"
	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/throttle"
)

const (
	numberDigits   = 8                // of a confirmation number
	numberLifetime = 15 * time.Minute // ADR-4
	numberTries    = 5
	codesAfter     = 24 * time.Hour     // from when codes go to an address that is not the first (ADR-8)
	reportFor      = 72 * time.Hour     // ADR-5
	shareMost      = 2                  // accounts that one address may serve (ADR-7)
	alarmFor       = 7 * 24 * time.Hour // after a recovery a change of address is told to the administrators (AUD-6)
)

// AddressOutcome is how something that a person did about the notification
// addresses ended.
type AddressOutcome string

// The outcomes.
const (
	AddressSent       AddressOutcome = "confirmation sent"
	AddressHeld       AddressOutcome = "held after a recovery"
	AddressRefused    AddressOutcome = "refused domain"
	AddressRegistered AddressOutcome = "registered already"
	AddressFull       AddressOutcome = "as many as may be"
	AddressShared     AddressOutcome = "serves other accounts"
	AddressLimited    AddressOutcome = "too many mails"
	NumberRejected    AddressOutcome = "confirmation number rejected"
	NumberExpired     AddressOutcome = "confirmation number expired"
	NumberUnsent      AddressOutcome = "no confirmation number was sent"
	AddressAdded      AddressOutcome = "added"
	AddressReplaced   AddressOutcome = "replaced"
	AddressRemoved    AddressOutcome = "removed"
	AddressUnknown    AddressOutcome = "not registered"
)

// recorded are the outcomes that the audit trail has: not the slips.
var recorded = []AddressOutcome{AddressSent, AddressHeld, AddressShared, NumberRejected, AddressAdded, AddressReplaced, AddressRemoved}

// AddressVerdict is an outcome, and what the person may know of it.
type AddressVerdict struct {
	Outcome AddressOutcome
	From    time.Time // after AddressHeld and AddressLimited: when it can be done
	Domain  string    // after AddressRefused
}

// PendingAddress is an address that waits for its confirmation number.
type PendingAddress struct {
	SubscriberID string
	SessionID    string // that asked: the number works in no other (ADR-4)
	Address      string
	Digest       []byte // HMAC over session and number
	SentAt       time.Time
	ExpiresAt    time.Time
}

// ErrNoPending means that a session has asked for no address, or that another
// one has asked since.
var ErrNoPending = errors.New("account: no pending address")

// NotMe is the right to report a change, which was mailed to an address that
// the change took away.
type NotMe struct {
	SubscriberID string
	Digest       []byte // SHA-256 of the token
	Kind         notice.Kind
	HappenedAt   time.Time
	ExpiresAt    time.Time
}

// AddressReader is what showing the addresses needs of a transaction.
type AddressReader interface {
	// Addresses returns the addresses of a subscriber, the oldest first.
	Addresses(ctx context.Context, subscriberID string) ([]directory.NotificationAddress, error)
	// PendingAddress returns the address that a session has asked for, also one
	// whose number has expired, or [ErrNoPending].
	PendingAddress(ctx context.Context, subscriberID, sessionID string) (PendingAddress, error)
}

// PendingTx changes pending addresses.
type PendingTx interface {
	// ReplacePendingAddress stores an address in place of any other one of its subscriber.
	ReplacePendingAddress(ctx context.Context, a PendingAddress) error
	// CountNumberTry counts an entry, and reports whether it may be verified.
	CountNumberTry(ctx context.Context, subscriberID, sessionID string, most int64, now time.Time) (bool, error)
	// SpendPendingAddress takes a pending address, and reports whether it did.
	SpendPendingAddress(ctx context.Context, a PendingAddress) (bool, error)
}

// RegisteredTx changes the addresses of people.
type RegisteredTx interface {
	// ClaimAddress returns the other subscribers that an address serves, and keeps
	// them from changing until the transaction ends.
	ClaimAddress(ctx context.Context, address, subscriberID string, now time.Time) ([]directory.Subscriber, error)
	AddAddress(ctx context.Context, subscriberID string, a directory.NotificationAddress) error
	// RemoveAddress remembers that the address was there, and reports whether it was.
	RemoveAddress(ctx context.Context, subscriberID, address string, now time.Time) (bool, error)
	// RemovedAddress reports whether an address was removed after a time.
	RemovedAddress(ctx context.Context, subscriberID string, after time.Time) (bool, error)
	CreateNotMe(ctx context.Context, n NotMe) error
	// EndRecoveryLinks ends the links that the person was mailed (RST-9).
	EndRecoveryLinks(ctx context.Context, subscriberID string) error
}

// AddressTx is what changing the addresses needs of a transaction.
type AddressTx interface {
	AddressReader
	PendingTx
	RegisteredTx
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
	AppendAudit(ctx context.Context, e audit.Event) error
	throttle.MailTx
	notice.Tx
	alarm.RaiseTx
}

// Addresses lets people say where mail reaches them without the Authenticator.
// InTx and View may run their function more than once.
type Addresses struct {
	InTx     func(ctx context.Context, fn func(AddressTx) error) error
	View     func(ctx context.Context, fn func(AddressReader) error) error
	Throttle throttle.Policy
	Outbox   *mail.Outbox
	Notices  *notice.Service
	Alarm    *alarm.Watch
	Words    notice.Words
	Numbers  *secret.MAC               // digests of confirmation numbers
	Refused  []string                  // domains
	AtOnce   bool                      // codes may be sent to every address at once: in the demonstration alone
	Report   func(token string) string // address of the page that reports a change
	Random   io.Reader
	Now      func() time.Time
}

// Of returns the addresses of a person, and what waits for confirmation in this
// session: no address if nothing does.
func (s *Addresses) Of(ctx context.Context, a Actor) (all []directory.NotificationAddress, pending PendingAddress, err error) {
	err = s.View(ctx, func(tx AddressReader) error {
		if all, err = tx.Addresses(ctx, a.SubscriberID); err != nil {
			return err
		}
		pending, err = tx.PendingAddress(ctx, a.SubscriberID, a.SessionID)
		if errors.Is(err, ErrNoPending) || err == nil && !s.Now().Before(pending.ExpiresAt) {
			pending, err = PendingAddress{}, nil
		}
		return err
	})
	return all, pending, err
}

// act does something in one transaction, and records how it ended.
func (s *Addresses) act(ctx context.Context, a Actor, do func(AddressTx, directory.Subscriber) (AddressVerdict, error)) (v AddressVerdict, err error) {
	err = s.InTx(ctx, func(tx AddressTx) error {
		who, err := tx.Subscriber(ctx, a.SubscriberID)
		if err != nil {
			return err
		}
		v = AddressVerdict{Outcome: AddressHeld, From: who.HoldUntil()}
		if !s.Now().Before(v.From) { //guard:ADR-8
			if v, err = do(tx, who); err != nil {
				return err
			}
		}
		if !slices.Contains(recorded, v.Outcome) {
			return nil
		}
		return tx.AppendAudit(ctx, a.event(audit.Address, string(v.Outcome), s.Now()))
	})
	if err != nil {
		return AddressVerdict{}, err
	}
	return v, nil
}

// Ask sends a confirmation number to an address that [directory.ParseAddress]
// returned.
func (s *Addresses) Ask(ctx context.Context, a Actor, address string) (AddressVerdict, error) {
	return s.act(ctx, a, func(tx AddressTx, who directory.Subscriber) (AddressVerdict, error) {
		if domain := directory.Refuses(s.Refused, address); domain != "" { //guard:ADR-3
			return AddressVerdict{Outcome: AddressRefused, Domain: domain}, nil
		}
		if outcome, _, err := s.free(ctx, tx, who, address); err != nil || outcome != "" {
			return AddressVerdict{Outcome: outcome}, err
		}
		allowed, next, err := s.Throttle.ReserveMail(ctx, tx, who.ID, s.Now())
		if err != nil {
			return AddressVerdict{}, err
		}
		if !allowed { //guard:THR-9
			return AddressVerdict{Outcome: AddressLimited, From: next}, nil
		}
		return AddressVerdict{Outcome: AddressSent}, s.send(ctx, tx, who, a.SessionID, address)
	})
}

// free returns why an address cannot be registered, or no outcome; and the
// addresses that the person has.
func (s *Addresses) free(ctx context.Context, tx AddressTx, who directory.Subscriber, address string) (AddressOutcome, []directory.NotificationAddress, error) {
	others, err := tx.ClaimAddress(ctx, address, who.ID, s.Now())
	if err != nil {
		return "", nil, err
	}
	all, err := tx.Addresses(ctx, who.ID)
	switch {
	case err != nil:
		return "", nil, err
	case slices.ContainsFunc(all, func(n directory.NotificationAddress) bool { return n.Address == address }):
		return AddressRegistered, all, nil
	case len(all) >= directory.MaxAddresses: //guard:ADR-6
		return AddressFull, all, nil
	case len(others) >= shareMost: //guard:ADR-7
		return AddressShared, all, nil
	case who.IsPrivileged() && slices.ContainsFunc(others, directory.Subscriber.IsPrivileged): //guard:ADR-7
		return AddressShared, all, nil
	}
	return "", all, nil
}

func (s *Addresses) send(ctx context.Context, tx AddressTx, who directory.Subscriber, sessionID, address string) error {
	number, err := secret.Number(s.Random, numberDigits)
	if err != nil {
		return err
	}
	pending := PendingAddress{SubscriberID: who.ID, SessionID: sessionID, Address: address, Digest: s.digest(sessionID, number),
		SentAt: s.Now(), ExpiresAt: s.Now().Add(numberLifetime)}
	if err := tx.ReplacePendingAddress(ctx, pending); err != nil {
		return err
	}
	to := mail.Envelope{SubscriberID: who.ID, To: address, Lang: who.Language, ExpiresAt: pending.ExpiresAt}
	return s.Outbox.Queue(ctx, tx, to, mail.Confirm{Number: mail.Word(number[:4] + " " + number[4:]), Until: pending.ExpiresAt})
}

const numberContext = "confirmation number"

func (s *Addresses) digest(sessionID, number string) []byte {
	return s.Numbers.Sum(numberContext, []byte(sessionID), []byte(number))
}

// ParseNumber returns the confirmation number that was typed. Anything else is a
// slip, and no attempt.
func ParseNumber(typed string) (number string, ok bool) {
	number, ok = secret.ParseDigits(typed)
	return number, ok && len(number) == numberDigits
}

// Confirm registers the address that waits in this session, if the number is
// right: in place of the one that is there, or beside it (「更新」, 「追加」).
func (s *Addresses) Confirm(ctx context.Context, a Actor, number string, beside bool) (AddressVerdict, error) {
	pending, outcome, err := s.reserve(ctx, a)
	if err != nil || outcome != "" {
		return AddressVerdict{Outcome: outcome}, err
	}
	return s.act(ctx, a, func(tx AddressTx, who directory.Subscriber) (AddressVerdict, error) {
		if !s.Numbers.Verify(numberContext, pending.Digest, []byte(a.SessionID), []byte(number)) { //guard:ADR-4
			return AddressVerdict{Outcome: NumberRejected}, nil
		}
		outcome, present, err := s.free(ctx, tx, who, pending.Address)
		if err != nil || outcome != "" {
			return AddressVerdict{Outcome: outcome}, err
		}
		spent, err := tx.SpendPendingAddress(ctx, pending)
		if err != nil {
			return AddressVerdict{}, err
		}
		if !spent { //guard:ADR-4
			return AddressVerdict{Outcome: NumberUnsent}, nil
		}
		v := AddressVerdict{Outcome: AddressAdded}
		var gone []string
		if len(present) > 0 && !beside {
			v.Outcome, gone = AddressReplaced, []string{present[0].Address}
		}
		return v, s.register(ctx, tx, who, a, change{pending.Address, gone, len(present) > 0})
	})
}

// reserve counts an entry of the number, in a transaction of its own (THR-1).
func (s *Addresses) reserve(ctx context.Context, a Actor) (pending PendingAddress, outcome AddressOutcome, err error) {
	err = s.InTx(ctx, func(tx AddressTx) error {
		outcome = ""
		pending, err = tx.PendingAddress(ctx, a.SubscriberID, a.SessionID)
		if errors.Is(err, ErrNoPending) {
			outcome = NumberUnsent
			return nil
		}
		if err != nil {
			return err
		}
		counted, err := tx.CountNumberTry(ctx, a.SubscriberID, a.SessionID, numberTries, s.Now())
		if err == nil && !counted { //guard:ADR-4
			outcome = NumberExpired
		}
		return err
	})
	return pending, outcome, err
}

// change is what happens to the addresses of a person.
type change struct {
	added  string   // empty if one is only removed
	gone   []string // removed
	beside bool     // the added one is not the first
}

// register makes a change, and tells everybody of it.
func (s *Addresses) register(ctx context.Context, tx AddressTx, who directory.Subscriber, a Actor, c change) error {
	now := s.Now()
	codesFrom, err := s.codesFrom(ctx, tx, who, c)
	if err != nil {
		return err
	}
	if (c.beside || len(c.gone) > 0) && now.Sub(who.RecoveredAt) < alarmFor { //guard:AUD-6
		if _, err := s.Alarm.RaiseRarely(ctx, tx, alarm.Finding{Rule: alarm.NewAddress, Of: who.ID, N: 1}, 24*time.Hour); err != nil {
			return err
		}
	}
	shown := s.Words("common.none")
	if c.added != "" {
		shown = mail.Same(mail.MaskAddress(c.added))
	}
	for _, address := range c.gone {
		if _, err := tx.RemoveAddress(ctx, who.ID, address, now); err != nil {
			return err
		}
		if err := s.tellOld(ctx, tx, who, a, address, shown); err != nil {
			return err
		}
	}
	if err := tx.EndRecoveryLinks(ctx, who.ID); err != nil { //guard:RST-9
		return err
	}
	told := a.notice(notice.AddressRemoved, who, s.Words, nil, now)
	told.Also = c.gone
	if c.added != "" {
		if err := tx.AddAddress(ctx, who.ID, directory.NotificationAddress{Address: c.added, ConfirmedAt: now, CodesFrom: codesFrom}); err != nil {
			return err
		}
		told.Kind, told.Values = notice.AddressAdded, mail.Values{"new_masked": shown}
	} else {
		told.Values = mail.Values{"masked": mail.MaskAddress(c.gone[0])}
	}
	return s.Notices.Tell(ctx, tx, told)
}

// codesFrom returns from when codes may go to an added address. Where there was
// another one, whoever has planted it has to wait (ADR-8).
func (s *Addresses) codesFrom(ctx context.Context, tx AddressTx, who directory.Subscriber, c change) (time.Time, error) {
	now := s.Now()
	follows, err := tx.RemovedAddress(ctx, who.ID, now.Add(-codesAfter))
	if err != nil {
		return time.Time{}, err
	}
	if (c.beside || follows) && !s.AtOnce { //guard:ADR-8
		return now.Add(codesAfter), nil
	}
	return now, nil
}

// tellOld tells an address that it is none any more, and gives it the right to
// object.
func (s *Addresses) tellOld(ctx context.Context, tx AddressTx, who directory.Subscriber, a Actor, address string, shown mail.Text) error {
	token, err := secret.Token(s.Random)
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	now := s.Now()
	right := NotMe{SubscriberID: who.ID, Digest: secret.Digest(token), Kind: notice.AddressRemoved, HappenedAt: now, ExpiresAt: now.Add(reportFor)}
	if err := tx.CreateNotMe(ctx, right); err != nil {
		return err
	}
	to := mail.Envelope{SubscriberID: who.ID, To: address, Lang: who.Language}
	return s.Outbox.Queue(ctx, tx, to, mail.AddressOld{At: now, SPSID: mail.Word(who.SPSID), New: shown, Device: notice.Device(a.Client, s.Words),
		Place: notice.Place(a.Client, s.Words), Until: right.ExpiresAt, URL: mail.URL(s.Report(token))})
}

// Remove removes an address of the person.
func (s *Addresses) Remove(ctx context.Context, a Actor, address string) (AddressVerdict, error) {
	return s.act(ctx, a, func(tx AddressTx, who directory.Subscriber) (AddressVerdict, error) {
		all, err := tx.Addresses(ctx, who.ID)
		if err != nil {
			return AddressVerdict{}, err
		}
		if !slices.ContainsFunc(all, func(n directory.NotificationAddress) bool { return n.Address == address }) {
			return AddressVerdict{Outcome: AddressUnknown}, nil
		}
		return AddressVerdict{Outcome: AddressRemoved}, s.register(ctx, tx, who, a, change{gone: []string{address}})
	})
}

package password

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"time"

	"warifu/internal/directory"
	"warifu/internal/secret"
	"warifu/internal/throttle"
)

// GuardTx is what a [Guard] needs of a transaction.
type GuardTx interface {
	throttle.Tx
	// SubscriberBySPSID returns the subscriber and the hash of the password,
	// which is empty if none is set, or [directory.ErrNotFound].
	SubscriberBySPSID(ctx context.Context, spsID string) (directory.Subscriber, string, error)
	// RehashPassword replaces a hash by a better one of the same password.
	RehashPassword(ctx context.Context, subscriberID, old, better string) error
	ResetAttempts(ctx context.Context, account string, counters ...throttle.Counter) error
	CountAddressFailure(ctx context.Context, network string, window time.Time) error
}

// Guard tells whether somebody knows the password of an SPS-ID, and bounds how
// often that may be asked. Every flow that begins with a password asks it:
// [Guard.Ask] first, and then [Guard.Settle] in the transaction of the flow's
// own verdict.
type Guard struct {
	InTx     func(ctx context.Context, fn func(GuardTx) error) error
	Hasher   *Hasher
	Accounts *secret.MAC // names the counters of IDs that do not exist
	Throttle throttle.Policy
	Domains  []string // of the institution's own mail, cut off a typed ID
	Now      func() time.Time
}

// Attempt is an SPS-ID and a password, as somebody typed them.
type Attempt struct {
	SPSID, Password string
	Known           string // token by which the browser is known, or empty
	Address         netip.Addr
	Campus          bool
}

// Answer is what an attempt came to. Every way that leads to a refusal does the
// same work, so that nobody learns from time or text which IDs exist (PW-6).
type Answer struct {
	Subscriber directory.Subscriber // without an id if there is none
	Accepted   bool
	Refused    bool      // too many attempts before this one; nothing was verified
	WaitUntil  time.Time // of a refusal; zero if waiting does not help
	Telling    bool      // of a refusal: it is to be recorded; most of a flood are not

	counter      string // name of the account's counters
	hash, better string
	network      string
}

// Ask counts the attempt, in a transaction of its own that nothing gives back
// (THR-1), and verifies it unless there were too many.
func (g *Guard) Ask(ctx context.Context, a Attempt) (Answer, error) {
	answer, err := g.reserve(ctx, a)
	if err != nil || answer.Refused {
		return answer, err
	}
	typed := a.Password
	if len(typed) > MaxBytes { // no password is that long, and it must cost the same
		typed = ""
	}
	accepted, rehash, err := g.Hasher.Verify(ctx, answer.hash, typed)
	if err != nil {
		return Answer{}, err
	}
	answer.Accepted = accepted
	if accepted && rehash {
		answer.better, err = g.Hasher.Hash(ctx, typed)
	}
	return answer, err
}

func (g *Guard) reserve(ctx context.Context, a Attempt) (answer Answer, err error) {
	now, id := g.Now(), directory.FoldID(a.SPSID, g.Domains)
	err = g.InTx(ctx, func(tx GuardTx) error {
		answer = Answer{
			counter: "unknown:" + hex.EncodeToString(g.Accounts.Sum("sps-id", []byte(id))),
			network: throttle.Network(a.Address),
		}
		failures, err := tx.AddressFailures(ctx, answer.network, g.Throttle.Window(now))
		if err != nil {
			return err
		}
		if !g.Throttle.AddressAllowed(failures, a.Campus) { //guard:THR-6
			answer.WaitUntil = g.Throttle.Window(now).Add(g.Throttle.AddressWindow)
			return g.refuse(ctx, tx, &answer, answer.network)
		}
		subscriber, hash, err := tx.SubscriberBySPSID(ctx, id)
		switch {
		case errors.Is(err, directory.ErrNotFound):
		case err != nil:
			return err
		default:
			answer.Subscriber, answer.hash, answer.counter = subscriber, hash, subscriber.ID
		}
		r, _, err := g.Throttle.ReservePassword(ctx, tx, answer.counter, subscriber.ID, throttle.Browser(a.Known), now)
		if err != nil {
			return err
		}
		if !r.Allowed { //guard:THR-3
			answer.WaitUntil = r.WaitUntil
			return g.refuse(ctx, tx, &answer, answer.counter)
		}
		return nil
	})
	return answer, err
}

// refuse counts the refusals of whoever is refused.
func (g *Guard) refuse(ctx context.Context, tx GuardTx, answer *Answer, whose string) error {
	n, err := tx.CountRefusal(ctx, whose, g.Now())
	answer.Refused, answer.Telling = true, throttle.Telling(n)
	return err
}

// Settle notes in the transaction of the verdict that the answer was right or
// wrong.
func (g *Guard) Settle(ctx context.Context, tx GuardTx, answer Answer) error {
	if !answer.Accepted {
		return tx.CountAddressFailure(ctx, answer.network, g.Throttle.Window(g.Now()))
	}
	if err := tx.ResetAttempts(ctx, answer.counter, throttle.Password, throttle.Refused); err != nil {
		return err
	}
	if answer.better == "" {
		return nil
	}
	return tx.RehashPassword(ctx, answer.Subscriber.ID, answer.hash, answer.better)
}

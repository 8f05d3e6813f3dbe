package account

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"warifu/internal/audit"
	"warifu/internal/authenticator"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/directory"
	"warifu/internal/mail"
	"warifu/internal/notice"
)

var (
	// ErrNotMade means that what a device answered makes no passkey.
	ErrNotMade = errors.New("account: no passkey was made")
	// ErrLastPasskey is the [ErrLastMethod] of those who must have a passkey.
	ErrLastPasskey = fmt.Errorf("account: of an agent or administrator: %w", ErrLastMethod)
)

// PasskeyReader is what listing the passkeys needs of a transaction.
type PasskeyReader interface {
	AuthenticatorReader
}

// PasskeyTx is what changing them needs of a transaction.
type PasskeyTx interface {
	PasskeyReader
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
	CreateCeremony(ctx context.Context, p passkey.Pending) error
	// SpendCeremony returns [passkey.ErrCeremony] if this session has not been asked.
	SpendCeremony(ctx context.Context, id, place string, browser []byte, now time.Time) (passkey.Pending, error)
	// CreatePasskey returns [passkey.ErrExists] if anybody has its id (WAN-2).
	CreatePasskey(ctx context.Context, c passkey.Credential) error
	RenamePasskey(ctx context.Context, subscriberID string, id []byte, name string) (bool, error)
	// RemovePasskey removes a passkey, unless it is the last second factor, and
	// reports whether it did. An Authenticator is one only if it may stand in. Of two
	// at once the second sees the first.
	RemovePasskey(ctx context.Context, subscriberID string, id []byte, totpStands bool, now time.Time) (bool, error)
	AppendAudit(ctx context.Context, e audit.Event) error
	notice.Tx
}

// Passkeys lets people make, name and remove their passkeys. InTx and View may
// run their function more than once.
type Passkeys struct {
	InTx  func(ctx context.Context, fn func(PasskeyTx) error) error
	View  func(ctx context.Context, fn func(PasskeyReader) error) error
	Party *passkey.Party
	// AnyFactor lets agents and administrators be without a passkey: in the
	// demonstration (WAN-5).
	AnyFactor bool
	Notices   *notice.Service
	Words     notice.Words
	Now       func() time.Time
}

// Of returns the passkeys of a person.
func (s *Passkeys) Of(ctx context.Context, a Actor) (all []passkey.Credential, err error) {
	err = s.View(ctx, func(tx PasskeyReader) error {
		all, err = tx.Passkeys(ctx, a.SubscriberID)
		return err
	})
	return all, err
}

// place is where the ceremonies of a session belong: no other one can answer.
func (a Actor) place() string { return "session:" + a.SessionID }

// Begin returns the options for navigator.credentials.create(), and the id of the
// ceremony. The caller has seen to a second factor that is fresh (WAN-4).
func (s *Passkeys) Begin(ctx context.Context, a Actor, browser []byte, who passkey.Person) (id string, options []byte, err error) {
	id = rand.Text()
	err = s.InTx(ctx, func(tx PasskeyTx) error {
		present, err := tx.Passkeys(ctx, a.SubscriberID)
		if err != nil {
			return err
		}
		var ceremony passkey.Ceremony
		if options, ceremony, err = s.Party.BeginRegistration(who, present, s.Now()); err != nil {
			return err
		}
		return tx.CreateCeremony(ctx, passkey.Pending{ID: id, Browser: browser, Place: a.place(), Ceremony: ceremony, ExpiresAt: s.Now().Add(passkey.Lifetime)})
	})
	return id, options, err
}

// Finish stores the passkey that a device has made, under a name that tells what
// it is. Whatever the answer, the ceremony is spent; an [ErrNotMade] says that it
// made nothing.
func (s *Passkeys) Finish(ctx context.Context, a Actor, browser []byte, id string, response []byte) error {
	made := false
	err := s.InTx(ctx, func(tx PasskeyTx) (err error) {
		made, err = s.finish(ctx, tx, a, browser, id, response)
		return err
	})
	if err == nil && !made {
		err = ErrNotMade
	}
	return err
}

func (s *Passkeys) finish(ctx context.Context, tx PasskeyTx, a Actor, browser []byte, id string, response []byte) (made bool, err error) {
	kept, err := tx.SpendCeremony(ctx, id, a.place(), browser, s.Now())
	if errors.Is(err, passkey.ErrCeremony) { //guard:WAN-1
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c, err := s.Party.FinishRegistration(kept.Ceremony, a.SubscriberID, response, s.Now())
	if err != nil { //guard:WAN-4
		return false, tx.AppendAudit(ctx, a.event(audit.Passkey, "rejected", s.Now()))
	}
	present, err := tx.Passkeys(ctx, a.SubscriberID)
	if err != nil {
		return false, err
	}
	c.Name, c.BoundBy = s.propose(a, c, present), authenticator.BySecondFactor
	err = tx.CreatePasskey(ctx, c)
	if errors.Is(err, passkey.ErrExists) { //guard:WAN-2
		return false, tx.AppendAudit(ctx, a.event(audit.Passkey, "registered already", s.Now()))
	}
	if err != nil {
		return false, err
	}
	return true, s.changed(ctx, tx, a, "added", c, notice.PasskeyAdded)
}

// propose returns a name that no other passkey of the person has.
func (s *Passkeys) propose(a Actor, c passkey.Credential, present []passkey.Credential) string {
	base := passkey.ProposeName(c.AAGUID, a.Name())
	if base == "" {
		base = s.Words("method.passkey").Japanese
	}
	name := base
	for n, others := 2, otherNames(nil, present); slices.Contains(others, name); n++ {
		name = base + " " + strconv.Itoa(n)
	}
	return name
}

// otherNames are the names of all passkeys but the one with an id.
func otherNames(id []byte, all []passkey.Credential) (names []string) {
	for _, c := range all {
		if !bytes.Equal(c.ID, id) {
			names = append(names, c.Name)
		}
	}
	return names
}

// changed records a change, and tells the person.
func (s *Passkeys) changed(ctx context.Context, tx PasskeyTx, a Actor, outcome string, c passkey.Credential, kind notice.Kind) error {
	who, err := tx.Subscriber(ctx, a.SubscriberID)
	if err != nil {
		return err
	}
	e := a.event(audit.Passkey, outcome, s.Now())
	e.Target = passkey.EncodeID(c.ID)
	if err := tx.AppendAudit(ctx, e); err != nil {
		return err
	}
	return s.Notices.Tell(ctx, tx, a.notice(kind, who, s.Words, mail.Values{"name": c.Name}, s.Now()))
}

// Owed reports whether a person must have a passkey and has none (WAN-5).
func (s *Passkeys) Owed(ctx context.Context, who directory.Subscriber) (owed bool, err error) {
	if !s.needs(who) {
		return false, nil
	}
	err = s.View(ctx, func(tx PasskeyReader) error {
		all, err := tx.Passkeys(ctx, who.ID)
		owed = len(all) == 0
		return err
	})
	return owed, err
}

// needs reports whether a person must have a passkey.
func (s *Passkeys) needs(who directory.Subscriber) bool {
	return !s.AnyFactor && (who.Role == directory.RoleAgent || who.Role == directory.RoleAdministrator)
}

// Find returns the passkey of the person that has an id, or [ErrNotOwn];
// [ErrLastMethod] if it may not be removed.
func (s *Passkeys) Find(ctx context.Context, a Actor, who directory.Subscriber, id string) (found passkey.Credential, err error) {
	err = s.View(ctx, func(tx PasskeyReader) error {
		var all []passkey.Credential
		if found, all, err = ownPasskey(ctx, tx, a, id); err != nil {
			return err
		}
		if len(all) == 1 && s.needs(who) { //guard:WAN-5
			return ErrLastPasskey
		}
		codes, err := active(ctx, tx, a.SubscriberID)
		if err == nil && len(all) == 1 && len(codes) == 0 { //guard:TOTP-12
			err = ErrLastMethod
		}
		return err
	})
	return found, err
}

// ownPasskey returns the passkey of the person that has an id, and all of them.
func ownPasskey(ctx context.Context, tx PasskeyReader, a Actor, id string) (passkey.Credential, []passkey.Credential, error) {
	all, err := tx.Passkeys(ctx, a.SubscriberID)
	if err != nil {
		return passkey.Credential{}, nil, err
	}
	n := slices.IndexFunc(all, func(c passkey.Credential) bool { return passkey.EncodeID(c.ID) == id })
	if n < 0 {
		return passkey.Credential{}, nil, ErrNotOwn
	}
	return all[n], all, nil
}

// Rename gives a passkey a name. What is wrong with it is one of the errors of
// [authenticator.CheckName].
func (s *Passkeys) Rename(ctx context.Context, a Actor, id, typed string) error {
	return s.InTx(ctx, func(tx PasskeyTx) error {
		found, all, err := ownPasskey(ctx, tx, a, id)
		if err != nil {
			return err
		}
		name, err := authenticator.CheckName(typed, otherNames(found.ID, all))
		if err != nil {
			return err
		}
		e := a.event(audit.Passkey, "renamed", s.Now())
		e.Target = id
		if err := tx.AppendAudit(ctx, e); err != nil {
			return err
		}
		_, err = tx.RenamePasskey(ctx, a.SubscriberID, found.ID, name)
		return err
	})
}

// Remove removes a passkey; the last one only if an Authenticator stays (TOTP-12),
// and of those who must have one never (WAN-5). It stops working at once.
func (s *Passkeys) Remove(ctx context.Context, a Actor, id string) error {
	return s.InTx(ctx, func(tx PasskeyTx) error {
		found, _, err := ownPasskey(ctx, tx, a, id)
		if err != nil {
			return err
		}
		who, err := tx.Subscriber(ctx, a.SubscriberID)
		if err != nil {
			return err
		}
		removed, err := tx.RemovePasskey(ctx, a.SubscriberID, found.ID, !s.needs(who), s.Now())
		if err != nil {
			return err
		}
		if !removed && s.needs(who) {
			return ErrLastPasskey
		}
		if !removed { //guard:TOTP-12
			return ErrLastMethod
		}
		return s.changed(ctx, tx, a, "removed", found, notice.PasskeyRemoved)
	})
}

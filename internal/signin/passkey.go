package signin

import (
	"context"
	"crypto/rand"
	"errors"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/directory"
	"warifu/internal/flow"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/throttle"
)

// PasskeyTx keeps what browsers are asked, and knows passkeys.
type PasskeyTx interface {
	CreateCeremony(ctx context.Context, p passkey.Pending) error
	passkey.UseTx
}

// Asked is what the browser is to ask the person's device.
type Asked struct {
	ID      string // of the ceremony; the answer names it
	Options []byte // JSON for navigator.credentials.get()
}

// BeginPasskey asks for a passkey where nobody is named yet. The request is that
// of a service, as JSON, or empty. A network that asks too often gets a
// [throttle.ErrCeremonies].
func (s *Service) BeginPasskey(ctx context.Context, c Claimant, request string) (Asked, error) {
	options, ceremony, err := s.Passkeys.BeginAlone(s.Now())
	if err != nil {
		return Asked{}, err
	}
	p := s.pending(c.Browser, "", ceremony)
	p.Request = request
	err = s.InTx(ctx, func(tx Tx) error {
		if err := s.Throttle.ReserveCeremony(ctx, tx, c.Address, c.Campus, s.Now()); err != nil {
			return err
		}
		return tx.CreateCeremony(ctx, p)
	})
	return Asked{ID: p.ID, Options: options}, err
}

func (s *Service) pending(browser []byte, place string, ceremony passkey.Ceremony) passkey.Pending {
	return passkey.Pending{ID: rand.Text(), Browser: browser, Place: place, Ceremony: ceremony, ExpiresAt: s.Now().Add(passkey.Lifetime)}
}

// BeginPasskeyBeside asks for one of the person's passkeys, beside the password
// that was right.
func (s *Service) BeginPasskeyBeside(ctx context.Context, key flow.Key) (asked Asked, err error) {
	err = s.InTx(ctx, func(tx Tx) error {
		f, err := s.load(ctx, tx, key)
		if err != nil {
			return err
		}
		if !f.State.takesFactor() || !f.takes(authenticator.Passkey) { //guard:WAN-3
			return flow.OutOfOrder(f.State, PasskeyAccepted)
		}
		present, err := tx.Passkeys(ctx, f.SubscriberID)
		if err != nil {
			return err
		}
		options, ceremony, err := s.Passkeys.BeginBeside(f.SubscriberID, present, s.Now())
		if errors.Is(err, passkey.ErrOwner) { // the last one was removed meanwhile
			return flow.OutOfOrder(f.State, PasskeyAccepted)
		}
		if err != nil {
			return err
		}
		p := s.pending(key.Browser, f.ID, ceremony)
		asked = Asked{ID: p.ID, Options: options}
		return tx.CreateCeremony(ctx, p)
	})
	return asked, err
}

// SubmitPasskey verifies the answer to [Service.BeginPasskey]. When it is right,
// the person is signed in, by a flow with the id of the ceremony.
func (s *Service) SubmitPasskey(ctx context.Context, c Claimant, id string, response []byte) (v Verdict, err error) {
	err = s.InTx(ctx, func(tx Tx) error {
		f := Flow{Key: flow.Key{ID: id, Browser: c.Browser}, State: initial, ExpiresAt: s.Now().Add(lifetime)}
		if v, err = s.judgePasskey(ctx, tx, &f, c, response); err != nil {
			return err
		}
		if f.State, err = transitions.Next(f.State, v.Outcome); err != nil {
			return err
		}
		v.Flow = f
		if v.quiet {
			return nil
		}
		if err := tx.AppendAudit(ctx, s.event(v.Outcome, f, c)); err != nil || f.State != SignedIn {
			return err
		}
		return tx.CreateSigninFlow(ctx, f)
	})
	if err != nil {
		return Verdict{}, err
	}
	s.Counted(string(v.Outcome))
	return v, nil
}

// judgePasskey says how a passkey alone ends the first step. Nobody can guess
// one; that wrong answers count against the network keeps the audit trail small.
func (s *Service) judgePasskey(ctx context.Context, tx Tx, f *Flow, c Claimant, response []byte) (Verdict, error) {
	now, network := s.Now(), throttle.Network(c.Address)
	failures, err := tx.AddressFailures(ctx, network, s.Throttle.Window(now))
	if err != nil {
		return Verdict{}, err
	}
	if !s.Throttle.AddressAllowed(failures, c.Campus) { //guard:THR-6
		return Verdict{Outcome: Throttled, WaitUntil: s.Throttle.Window(now).Add(s.Throttle.AddressWindow), quiet: true}, nil
	}
	used, err := s.Passkeys.Use(ctx, tx, passkey.Answer{Ceremony: f.ID, Browser: f.Browser, Response: response}, now)
	if err != nil {
		return Verdict{}, err
	}
	f.SubscriberID, f.Request = used.Stored.SubscriberID, used.Request
	switch {
	case used.Cloned:
		return Verdict{Outcome: PasskeyCloned}, s.tellCloned(ctx, tx, c, used.Stored)
	case !used.Accepted: //guard:WAN-1
		return Verdict{Outcome: PasskeyRejected}, tx.CountAddressFailure(ctx, network, s.Throttle.Window(now))
	}
	who, err := tx.Subscriber(ctx, f.SubscriberID)
	if err != nil {
		return Verdict{}, err
	}
	if who.Status != directory.Active { //guard:SES-9
		return Verdict{Outcome: SuspendedAccount}, nil
	}
	return s.acceptPasskey(ctx, tx, attempt{who: who, flow: f, claimant: c}, used.Proof)
}

// SubmitPasskeyBeside verifies the answer to [Service.BeginPasskeyBeside].
func (s *Service) SubmitPasskeyBeside(ctx context.Context, key flow.Key, c Claimant, id string, response []byte) (Verdict, error) {
	return s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		who, v, err := s.admit(ctx, tx, f, authenticator.Passkey, PasskeyAccepted)
		if err != nil || v.Outcome != "" {
			return v, err
		}
		used, err := s.Passkeys.Use(ctx, tx, passkey.Answer{Ceremony: id, Place: f.ID, Browser: f.Browser, Response: response}, s.Now())
		switch {
		case err != nil:
			return Verdict{}, err
		case used.Cloned:
			return Verdict{Outcome: PasskeyCloned}, s.tellCloned(ctx, tx, c, used.Stored)
		case !used.Accepted: //guard:WAN-1
			return Verdict{Outcome: PasskeyRejected}, nil
		}
		return s.acceptPasskey(ctx, tx, attempt{who: who, flow: f, claimant: c}, used.Proof)
	})
}

// acceptPasskey signs the person in. A passkey ends every count: nobody else can
// give it (THR-3, THR-5).
func (s *Service) acceptPasskey(ctx context.Context, tx Tx, a attempt, proof passkey.Assertion) (Verdict, error) {
	err := tx.ResetAttempts(ctx, a.who.ID, throttle.Password, throttle.Code, throttle.CodeKnown, throttle.FactorUnknown, throttle.Factor, throttle.Refused)
	if err != nil {
		return Verdict{}, err
	}
	return s.comeIn(ctx, tx, a, PasskeyAccepted, proof.Evidence())
}

// tellCloned tells the owner of a passkey that somebody may have a copy (WAN-2).
func (s *Service) tellCloned(ctx context.Context, tx Tx, c Claimant, stored passkey.Credential) error {
	who, err := tx.Subscriber(ctx, stored.SubscriberID)
	if err != nil {
		return err
	}
	return s.tell(ctx, tx, attempt{who: who, claimant: c}, notice.PasskeyRefused, mail.Values{"name": stored.Name})
}

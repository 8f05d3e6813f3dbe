package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

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
	// SpendCeremony takes the ceremony that a browser was asked at a place, once, or
	// returns [passkey.ErrCeremony].
	SpendCeremony(ctx context.Context, id, place string, browser []byte, now time.Time) (passkey.Pending, error)
	// PasskeyByCredential returns [passkey.ErrNotFound] if nobody has such a one.
	PasskeyByCredential(ctx context.Context, id []byte) (passkey.Credential, error)
	// UsePasskey stores what an assertion has changed, and reports whether it did:
	// not if the passkey is gone, or another request has used its count (WAN-2).
	UsePasskey(ctx context.Context, c passkey.Credential) (bool, error)
}

// Asked is what the browser is to ask the person's device.
type Asked struct {
	ID      string // of the ceremony; the answer names it
	Options []byte // JSON for navigator.credentials.get()
}

// ErrCeremonies means that a network asks for more passkeys than people could use.
var ErrCeremonies = errors.New("signin: too many challenges of passkeys")

// BeginPasskey asks for a passkey where nobody is named yet. The request is that
// of a service, as JSON, or empty. A network that asks too often gets an
// [ErrCeremonies]: each challenge is a row.
func (s *Service) BeginPasskey(ctx context.Context, c Claimant, request string) (Asked, error) {
	options, ceremony, err := s.Passkeys.BeginAlone(s.Now())
	if err != nil {
		return Asked{}, err
	}
	p := s.pending(c.Browser, "", ceremony)
	p.Request = request
	network, window := "passkey:"+throttle.Network(c.Address), s.Throttle.Window(s.Now())
	err = s.InTx(ctx, func(tx Tx) error {
		asked, err := tx.AddressFailures(ctx, network, window)
		if err != nil {
			return err
		}
		if !s.Throttle.CeremonyAllowed(asked, c.Campus) { //guard:THR-6
			return ErrCeremonies
		}
		if err := tx.CountAddressFailure(ctx, network, window); err != nil {
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
	answer, err := s.verifyPasskey(ctx, tx, f.Key, "", response)
	if err != nil {
		return Verdict{}, err
	}
	f.SubscriberID, f.Request = answer.stored.SubscriberID, answer.request
	switch {
	case answer.outcome == PasskeyCloned:
		return Verdict{Outcome: PasskeyCloned}, s.tellCloned(ctx, tx, c, answer.stored)
	case answer.outcome != PasskeyAccepted:
		return Verdict{Outcome: answer.outcome}, tx.CountAddressFailure(ctx, network, s.Throttle.Window(now))
	}
	who, err := tx.Subscriber(ctx, f.SubscriberID)
	if err != nil {
		return Verdict{}, err
	}
	if who.Status != directory.Active { //guard:SES-9
		return Verdict{Outcome: SuspendedAccount}, nil
	}
	return s.acceptPasskey(ctx, tx, attempt{who: who, flow: f, claimant: c}, answer)
}

// SubmitPasskeyBeside verifies the answer to [Service.BeginPasskeyBeside].
func (s *Service) SubmitPasskeyBeside(ctx context.Context, key flow.Key, c Claimant, id string, response []byte) (Verdict, error) {
	return s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		who, v, err := s.admit(ctx, tx, f, authenticator.Passkey, PasskeyAccepted)
		if err != nil || v.Outcome != "" {
			return v, err
		}
		answer, err := s.verifyPasskey(ctx, tx, flow.Key{ID: id, Browser: f.Browser}, f.ID, response)
		switch {
		case err != nil:
			return Verdict{}, err
		case answer.outcome == PasskeyCloned:
			return Verdict{Outcome: PasskeyCloned}, s.tellCloned(ctx, tx, c, answer.stored)
		case answer.outcome != PasskeyAccepted:
			return Verdict{Outcome: answer.outcome}, nil
		}
		return s.acceptPasskey(ctx, tx, attempt{who: who, flow: f, claimant: c}, answer)
	})
}

// passkeyAnswer is what the answer of a device came to.
type passkeyAnswer struct {
	outcome Outcome
	stored  passkey.Credential // that it named; without an id if nobody has it
	proof   passkey.Assertion  // of PasskeyAccepted
	request string             // that the ceremony was begun with
}

// verifyPasskey spends the ceremony, whatever the answer says, and verifies it.
func (s *Service) verifyPasskey(ctx context.Context, tx Tx, ceremony flow.Key, place string, response []byte) (a passkeyAnswer, err error) {
	a.outcome = PasskeyRejected
	kept, err := tx.SpendCeremony(ctx, ceremony.ID, place, ceremony.Browser, s.Now())
	if errors.Is(err, passkey.ErrCeremony) { //guard:WAN-1
		return a, nil
	}
	if err != nil {
		return a, err
	}
	a.request = kept.Request
	id, err := passkey.CredentialID(response)
	if err != nil { // it cannot be read
		return a, nil //nolint:nilerr // a refusal is an outcome
	}
	a.stored, err = tx.PasskeyByCredential(ctx, id)
	if errors.Is(err, passkey.ErrNotFound) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	a.proof, err = s.Passkeys.FinishAssertion(kept.Ceremony, a.stored, response, s.Now())
	if errors.Is(err, passkey.ErrCloned) { //guard:WAN-2
		a.outcome = PasskeyCloned
		return a, nil
	}
	if err != nil { //guard:WAN-1
		return a, nil //nolint:nilerr // a refusal is an outcome
	}
	used, err := tx.UsePasskey(ctx, a.proof.Credential)
	if err != nil || !used { //guard:WAN-2
		return a, err
	}
	a.outcome = PasskeyAccepted
	return a, nil
}

// acceptPasskey signs the person in. A passkey ends every count: nobody else can
// give it (THR-3, THR-5).
func (s *Service) acceptPasskey(ctx context.Context, tx Tx, a attempt, answer passkeyAnswer) (Verdict, error) {
	err := tx.ResetAttempts(ctx, a.who.ID, throttle.Password, throttle.Code, throttle.CodeKnown, throttle.FactorUnknown, throttle.Factor, throttle.Refused)
	if err != nil {
		return Verdict{}, err
	}
	return s.comeIn(ctx, tx, a, PasskeyAccepted, answer.proof.Evidence())
}

// tellCloned tells the owner of a passkey that somebody may have a copy (WAN-2).
func (s *Service) tellCloned(ctx context.Context, tx Tx, c Claimant, stored passkey.Credential) error {
	who, err := tx.Subscriber(ctx, stored.SubscriberID)
	if err != nil {
		return err
	}
	return s.tell(ctx, tx, attempt{who: who, claimant: c}, notice.PasskeyRefused, mail.Values{"name": stored.Name})
}

package signin

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/password"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
	"warifu/internal/secret"
	"warifu/internal/throttle"
)

var errKnownBrowser = errors.New("known_browser must be from 1h to 366 days")

// PasswordForm is what a claimant typed on the first page.
type PasswordForm struct {
	SPSID    string // as typed
	Password string
	Request  string // of a service, as JSON; empty without a service
}

// account is whom a typed ID names. Every way that leads to a refusal does the
// same work, so that nobody learns from time or text which IDs exist (PW-6).
type account struct {
	subscriber directory.Subscriber // without an id if there is none
	hash       string
	counter    string // name of its counters
	known      bool   // the browser's own budget bears the attempt
}

// SubmitPassword verifies SPS-ID and password. When they are right it creates
// the flow, past its first transition.
func (s *Service) SubmitPassword(ctx context.Context, c Claimant, form PasswordForm) (Verdict, error) {
	a, v, err := s.reservePassword(ctx, c, form)
	if err != nil {
		return Verdict{}, err
	}
	if v.Outcome == Throttled {
		s.Counted(string(v.Outcome))
		return v, nil
	}
	accepted, better, err := s.verifyPassword(ctx, a, form.Password)
	if err != nil {
		return Verdict{}, err
	}
	err = s.InTx(ctx, func(tx Tx) error {
		if !accepted {
			v, err = s.refusePassword(ctx, tx, a, c)
			return err
		}
		v, err = s.acceptPassword(ctx, tx, a, c, form, better)
		return err
	})
	if err != nil {
		return Verdict{}, err
	}
	s.Counted(string(v.Outcome))
	return v, nil
}

// reservePassword counts an attempt before it is verified, in a transaction of
// its own: no refusal, no error and no crash gives it back (THR-1).
func (s *Service) reservePassword(ctx context.Context, c Claimant, form PasswordForm) (a account, v Verdict, err error) {
	now, id := s.Now(), directory.FoldID(form.SPSID, s.Domains)
	err = s.InTx(ctx, func(tx Tx) error {
		a, v = account{counter: "unknown:" + hex.EncodeToString(s.Accounts.Sum("sps-id", []byte(id)))}, Verdict{}
		failures, err := tx.AddressFailures(ctx, throttle.Network(c.Address), s.Throttle.Window(now))
		if err != nil {
			return err
		}
		if !s.Throttle.AddressAllowed(failures, c.Campus) { //guard:THR-6
			v = Verdict{Outcome: Throttled, WaitUntil: s.Throttle.Window(now).Add(s.Throttle.AddressWindow)}
			return tx.AppendAudit(ctx, s.event(Throttled, Flow{}, c))
		}
		subscriber, hash, err := tx.SubscriberBySPSID(ctx, id)
		switch {
		case errors.Is(err, directory.ErrNotFound):
		case err != nil:
			return err
		default:
			a.subscriber, a.hash, a.counter = subscriber, hash, subscriber.ID
		}
		r, known, err := s.Throttle.ReservePassword(ctx, tx, a.counter, a.subscriber.ID, digest(c.Known), now)
		if err != nil {
			return err
		}
		a.known = known
		if !r.Allowed { //guard:THR-3
			v = Verdict{Outcome: Throttled, WaitUntil: r.WaitUntil}
			return tx.AppendAudit(ctx, s.event(Throttled, Flow{SubscriberID: a.subscriber.ID}, c))
		}
		return nil
	})
	return a, v, err
}

func digest(token string) []byte {
	if token == "" {
		return nil
	}
	return secret.Digest(token)
}

// verifyPassword reports whether the password is that of the account, and
// returns a better hash of it if the present one is of an older kind.
func (s *Service) verifyPassword(ctx context.Context, a account, typed string) (accepted bool, better string, err error) {
	if len(typed) > password.MaxBytes { // no password is that long, and it must cost the same
		typed = ""
	}
	accepted, rehash, err := s.Hasher.Verify(ctx, a.hash, typed)
	if err != nil || !accepted || !rehash {
		return accepted, "", err
	}
	better, err = s.Hasher.Hash(ctx, typed)
	return accepted, better, err
}

func (s *Service) refusePassword(ctx context.Context, tx Tx, a account, c Claimant) (Verdict, error) {
	if err := tx.CountAddressFailure(ctx, throttle.Network(c.Address), s.Throttle.Window(s.Now())); err != nil {
		return Verdict{}, err
	}
	return Verdict{Outcome: PasswordRejected}, tx.AppendAudit(ctx, s.event(PasswordRejected, Flow{SubscriberID: a.subscriber.ID}, c))
}

func (s *Service) acceptPassword(ctx context.Context, tx Tx, a account, c Claimant, form PasswordForm, better string) (Verdict, error) {
	if err := tx.ResetAttempts(ctx, a.counter, throttle.Password); err != nil {
		return Verdict{}, err
	}
	if better != "" {
		if err := tx.RehashPassword(ctx, a.subscriber.ID, a.hash, better); err != nil {
			return Verdict{}, err
		}
	}
	now := s.Now()
	f := Flow{
		Key: Key{ID: rand.Text(), Browser: c.Browser}, SubscriberID: a.subscriber.ID, State: initial, Request: form.Request,
		Evidence: []authenticator.Evidence{{Kind: authenticator.Password, At: now}}, ExpiresAt: now.Add(lifetime),
	}
	v := Verdict{}
	var err error
	if v.Outcome, err = s.afterPassword(ctx, tx, a.subscriber); err != nil {
		return Verdict{}, err
	}
	if f.State, err = f.State.next(v.Outcome); err != nil {
		return Verdict{}, err
	}
	if v.Outcome == SuspendedAccount {
		return v, tx.AppendAudit(ctx, s.event(v.Outcome, Flow{SubscriberID: a.subscriber.ID}, c))
	}
	if f.State == SignedIn {
		if err := s.openSession(ctx, tx, &f, c, &v); err != nil {
			return Verdict{}, err
		}
	}
	v.Flow = f
	if err := tx.AppendAudit(ctx, s.event(v.Outcome, f, c)); err != nil {
		return Verdict{}, err
	}
	return v, tx.CreateSigninFlow(ctx, f)
}

// afterPassword says how the right password of a person ends the first step.
func (s *Service) afterPassword(ctx context.Context, tx Tx, who directory.Subscriber) (Outcome, error) {
	if who.Status != directory.Active { //guard:SES-9
		return SuspendedAccount, nil
	}
	bound, err := tx.TOTPAuthenticators(ctx, who.ID)
	if err != nil {
		return "", err
	}
	for _, a := range bound {
		if a.State != totp.Pending {
			return PasswordAccepted, nil // a suspended one, too: it says so where it is asked for
		}
	}
	if s.Policy.NeedsFactor(who.Groups, s.Now()) { //guard:ENR-2
		return FactorMissing, nil
	}
	return PasswordSuffices, nil
}

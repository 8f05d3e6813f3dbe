package recovery

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
	"warifu/internal/flow"
	"warifu/internal/notice"
	"warifu/internal/throttle"
	"warifu/internal/ticket"
)

// InitialiseByCode initializes the TOTP of the person of a flow with an
// activation code, which an administrator has handed out: the way back of those
// who are never let back in by mail (decisions §3.5).
func (s *Service) InitialiseByCode(ctx context.Context, key flow.Key, c Claimant, code string) (v Verdict, err error) {
	var r throttle.Reservation
	var refusals int64
	err = s.InTx(ctx, func(tx Tx) error { // counted before, in a transaction of its own (THR-1)
		f, err := s.load(ctx, tx, key)
		if err != nil || f.State != DecisionRequired {
			return err // the step refuses the wrong state
		}
		r, refusals, err = s.Throttle.ReserveCode(ctx, tx, f.SubscriberID, s.Now())
		return err
	})
	if err != nil {
		return Verdict{}, err
	}
	v, err = s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		if f.State != DecisionRequired { // the table refuses it, too; nothing is verified
			return Verdict{}, flow.OutOfOrder(f.State, CodeAccepted)
		}
		who, err := tx.Subscriber(ctx, f.SubscriberID)
		if err != nil {
			return Verdict{}, err
		}
		if who.Status != directory.Active { //guard:SES-9
			return Verdict{Outcome: SuspendedAccount}, nil
		}
		if !r.Allowed { //guard:THR-5
			return Verdict{Outcome: Throttled, WaitUntil: r.WaitUntil, quiet: !throttle.Telling(refusals)}, nil
		}
		used, err := tx.UseActivationCode(ctx, who.ID, s.activationDigest(who.ID, code), s.Now())
		if err != nil {
			return Verdict{}, err
		}
		if !used { //guard:ENR-1
			return Verdict{Outcome: CodeRejected}, nil
		}
		return Verdict{Outcome: CodeAccepted}, s.takeAway(ctx, tx, who, c, ticket.New(who.ID, c.Browser, authenticator.ByActivationCode, s.Now()), notice.HowCode)
	})
	if err == nil && v.Outcome == CodeRejected {
		s.Failed()
	}
	return v, err
}

func (s *Service) activationDigest(subscriberID, code string) []byte {
	return s.Codes.Sum("activation", []byte(subscriberID), []byte(code))
}

// RedeemCode gives the browser of a person with an activation code a ticket for
// a first or a new password; also one to enrol, if the person has no
// authenticator in use. An unknown SPS-ID and a wrong code look the same.
func (s *Service) RedeemCode(ctx context.Context, c Claimant, spsID, code string) (accepted bool, wait time.Time, err error) {
	who, r, refusals, err := s.reserveRedemption(ctx, c, spsID)
	if err != nil {
		return false, time.Time{}, err
	}
	err = s.InTx(ctx, func(tx Tx) error {
		accepted, wait = false, r.WaitUntil
		outcome := "throttled"
		if r.Allowed { //guard:THR-5
			if accepted, err = s.redeem(ctx, tx, c, who, code); err != nil {
				return err
			}
			outcome = "activation code rejected"
		}
		if accepted {
			outcome = "activation code accepted"
		}
		if !r.Allowed && !throttle.Telling(refusals) {
			return nil
		}
		return s.recordPassword(ctx, tx, outcome, who.ID, c)
	})
	if err == nil && r.Allowed && !accepted {
		s.Failed()
	}
	return accepted, wait, err
}

// reserveRedemption finds whom a typed SPS-ID names, and counts the attempt
// before anything is verified (THR-1, THR-2, THR-6).
func (s *Service) reserveRedemption(ctx context.Context, c Claimant, spsID string) (who directory.Subscriber, r throttle.Reservation, refusals int64, err error) {
	now, network := s.Now(), throttle.Network(c.Address)
	err = s.InTx(ctx, func(tx Tx) error {
		failures, err := tx.AddressFailures(ctx, network, s.Throttle.Window(now))
		if err != nil {
			return err
		}
		if !s.Throttle.AddressAllowed(failures, c.Campus) { //guard:THR-6
			r = throttle.Reservation{WaitUntil: s.Throttle.Window(now).Add(s.Throttle.AddressWindow)}
			refusals, err = tx.CountRefusal(ctx, network, now)
			return err
		}
		id := directory.FoldID(spsID, s.Passwords.Domains)
		counter := "unknown:" + hex.EncodeToString(s.Passwords.Accounts.Sum("sps-id", []byte(id)))
		who, _, err = tx.SubscriberBySPSID(ctx, id)
		switch {
		case errors.Is(err, directory.ErrNotFound):
			who = directory.Subscriber{}
		case err != nil:
			return err
		default:
			counter = who.ID
		}
		r, refusals, err = s.Throttle.ReserveCode(ctx, tx, counter, now)
		return err
	})
	return who, r, refusals, err
}

func (s *Service) redeem(ctx context.Context, tx Tx, c Claimant, who directory.Subscriber, code string) (bool, error) {
	used := false
	if who.ID != "" && who.Status == directory.Active { //guard:SES-9
		var err error
		if used, err = tx.UseActivationCode(ctx, who.ID, s.activationDigest(who.ID, code), s.Now()); err != nil {
			return false, err
		}
	}
	if !used { //guard:ENR-1
		return false, tx.CountAddressFailure(ctx, throttle.Network(c.Address), s.Throttle.Window(s.Now()))
	}
	if err := tx.ResetAttempts(ctx, who.ID, throttle.Code, throttle.Refused); err != nil {
		return false, err
	}
	t := ticket.ForPassword(who.ID, c.Browser, authenticator.ByActivationCode, s.Now())
	bound, err := tx.TOTPAuthenticators(ctx, who.ID)
	if err != nil {
		return false, err
	}
	t.Enrol = true
	for _, a := range bound {
		t.Enrol = t.Enrol && a.State != totp.Active
	}
	return true, tx.IssueTicket(ctx, t)
}

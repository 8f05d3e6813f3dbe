package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"warifu/internal/audit"
	"warifu/internal/authenticator"
	"warifu/internal/authenticator/password"
	"warifu/internal/authenticator/recoverycode"
	"warifu/internal/directory"
	"warifu/internal/helpdesk"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/throttle"
	"warifu/internal/ticket"
)

// NewPassword is the purpose of a link at which, with a second factor, a new
// password can be chosen (decisions §3.8).
const NewPassword Purpose = "password"

// Forgot sends a link to the person with an SPS-ID, if there is one who may come
// back by mail. Whoever asks learns nothing of that: what is wrong is not told, and
// whatever depends on the person is done later, so that the answer takes the same
// time for everybody (WEB-7).
func (s *Service) Forgot(ctx context.Context, c Claimant, spsID string) error {
	now, network, allowed := s.Now(), "mail:"+throttle.Network(c.Address), false
	err := s.InTx(ctx, func(tx Tx) error {
		asked, err := tx.AddressFailures(ctx, network, now.Truncate(time.Hour))
		if allowed = err == nil && asked < s.Throttle.MailNetwork; !allowed { //guard:THR-9
			return err
		}
		return tx.CountAddressFailure(ctx, network, now.Truncate(time.Hour))
	})
	if err != nil || !allowed {
		return err
	}
	return s.Later(ctx, func(ctx context.Context) error {
		return s.InTx(ctx, func(tx Tx) error { return s.tryForgot(ctx, tx, c, spsID) })
	})
}

func (s *Service) tryForgot(ctx context.Context, tx Tx, c Claimant, spsID string) error {
	now := s.Now()
	who, _, err := tx.SubscriberBySPSID(ctx, directory.FoldID(spsID, s.Passwords.Domains))
	if errors.Is(err, directory.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if who.Status != directory.Active || !s.Mail.Allows(who) { //guard:MAIL-11
		return nil
	}
	registered, err := tx.CodeAddresses(ctx, who.ID, now)
	addresses := s.Mail.Reach(registered)
	if err != nil || len(addresses) == 0 {
		return err
	}
	allowed, _, err := s.Throttle.ReserveMail(ctx, tx, who.ID, now)
	if err != nil || !allowed { //guard:THR-9
		return err
	}
	return s.sendForgot(ctx, tx, c, who, addresses[0])
}

func (s *Service) sendForgot(ctx context.Context, tx Tx, c Claimant, who directory.Subscriber, address string) error {
	token, err := secret.Token(s.Random)
	if err != nil {
		return err
	}
	link := Link{SubscriberID: who.ID, Purpose: NewPassword, Digest: secret.Digest(token), Browser: c.Browser, ExpiresAt: s.Now().Add(linkLifetime)}
	if err := tx.ReplaceRecoveryLink(ctx, link); err != nil {
		return err
	}
	if err := s.recordPassword(ctx, tx, "link sent", who.ID, c); err != nil {
		return err
	}
	return s.Outbox.Queue(ctx, tx, mail.Envelope{SubscriberID: who.ID, To: address, Lang: who.Language, ExpiresAt: link.ExpiresAt},
		mail.Forgot{URL: mail.URL(s.ForgotAddress(token)), Until: link.ExpiresAt, Device: notice.Device(c.Client, s.Words), Place: notice.Place(c.Client, s.Words)})
}

// recordPassword records one step towards a new password.
func (s *Service) recordPassword(ctx context.Context, tx Tx, outcome, subscriberID string, c Claimant) error {
	return tx.AppendAudit(ctx, audit.Event{At: s.Now(), Name: audit.PasswordForgotten, Outcome: outcome, Actor: subscriberID, Subscriber: subscriberID,
		Address: c.Address.String(), AgentHash: audit.HashAgent(c.Agent),
		Detail: map[string]string{audit.DetailDevice: c.Name()}})
}

// Proof is what somebody shows who has forgotten the password: the link, and a
// second factor of the person whose link it is.
type Proof struct {
	Token, SPSID string
	TOTP         string // six digits
	RecoveryCode string // or one of these
	Ceremony     string // or the answer of a device to [Service.AskPasskey], which names the person itself
	Response     []byte
}

// ProofOutcome is what came of a proof.
type ProofOutcome string

// The outcomes.
const (
	ProofAccepted  ProofOutcome = "second factor accepted"
	ProofRejected  ProofOutcome = "second factor rejected"
	ProofThrottled ProofOutcome = "throttled"
)

// Prove verifies a proof, and gives the browser a ticket for a new password. A
// link that is dead, an SPS-ID that is not its person's, and a wrong code look
// the same; only an attempt at a living link counts against anybody.
func (s *Service) Prove(ctx context.Context, c Claimant, p Proof) (o ProofOutcome, wait time.Time, err error) {
	if err := s.Clock(); err != nil { //guard:OPS-4
		return "", time.Time{}, err
	}
	link, who, reserved, err := s.reserveProof(ctx, c, p)
	if errors.Is(err, ErrNoLink) {
		return ProofRejected, time.Time{}, nil
	}
	if err != nil {
		return "", time.Time{}, err
	}
	err = s.InTx(ctx, func(tx Tx) error {
		o, wait = ProofThrottled, reserved.WaitUntil
		if reserved.Refusal == "" { //guard:THR-5
			o, err = s.judgeProof(ctx, tx, proofAttempt{c, p, link, who, reserved})
		}
		if err != nil {
			return err
		}
		if o == ProofThrottled && !throttle.Telling(reserved.Refusals) {
			return nil
		}
		return s.recordPassword(ctx, tx, string(o), who.ID, c)
	})
	if errors.Is(err, ErrNoLink) { // another request was faster
		return ProofRejected, time.Time{}, nil
	}
	if err == nil && o == ProofRejected {
		s.Failed()
	}
	return o, wait, err
}

// reserveProof finds whose link it is, and counts the attempt before anything is
// verified, in a transaction of its own (THR-1).
func (s *Service) reserveProof(ctx context.Context, c Claimant, p Proof) (link Link, who directory.Subscriber, r throttle.FactorReservation, err error) {
	err = s.InTx(ctx, func(tx Tx) error {
		if link, err = tx.RecoveryLink(ctx, NewPassword, secret.Digest(p.Token), s.Now()); err != nil {
			return err
		}
		if who, err = tx.Subscriber(ctx, link.SubscriberID); err != nil {
			return err
		}
		if who.SPSID != directory.FoldID(p.SPSID, s.Passwords.Domains) || who.Status != directory.Active || !s.Mail.Allows(who) { //guard:RST-4
			return ErrNoLink
		}
		r, err = s.Throttle.ReserveFactorFrom(ctx, tx, who.ID, c.Known, s.Now())
		return err
	})
	return link, who, r, err
}

// proofAttempt is one proof, given by one claimant.
type proofAttempt struct {
	claimant Claimant
	proof    Proof
	link     Link
	who      directory.Subscriber
	reserved throttle.FactorReservation
}

func (s *Service) judgeProof(ctx context.Context, tx Tx, a proofAttempt) (ProofOutcome, error) {
	now := s.Now()
	proven, err := s.secondFactor(ctx, tx, a)
	if err != nil {
		return "", err
	}
	if !proven {
		return ProofRejected, s.refuseProof(ctx, tx, a)
	}
	spent, err := tx.SpendRecoveryLink(ctx, a.link, now)
	if err != nil {
		return "", err
	}
	if !spent { //guard:RST-1
		return "", ErrNoLink // undoes the use of the code, too
	}
	return ProofAccepted, tx.IssueTicket(ctx, ticket.ForPassword(a.who.ID, a.claimant.Browser, authenticator.ByLink, now))
}

// refuseProof notes a wrong code. At the limits of THR-5 the person is told, and
// TOTP suspended, as at the sign-in.
func (s *Service) refuseProof(ctx context.Context, tx Tx, a proofAttempt) error {
	if err := tx.CountLinkFailure(ctx, a.link, maxFailures); err != nil {
		return err
	}
	switch {
	case a.reserved.All == s.Throttle.FactorAll: //guard:THR-5
		if err := tx.SuspendTOTP(ctx, a.who.ID); err != nil {
			return err
		}
		return s.tell(ctx, tx, a.who, a.claimant.Client, notice.TOTPPaused, nil)
	case a.reserved.Unknown == s.Throttle.FactorUnknown:
		return s.tell(ctx, tx, a.who, a.claimant.Client, notice.CodeKnownOnly, nil)
	}
	return nil
}

// secondFactor verifies a TOTP or a recovery code; never a mailed OTP, since the
// link came by mail, too.
func (s *Service) secondFactor(ctx context.Context, tx Tx, a proofAttempt) (bool, error) {
	if a.proof.RecoveryCode != "" {
		used, err := recoverycode.Use(ctx, tx, s.Codes, a.who.ID, a.proof.RecoveryCode, s.Now())
		if err != nil || !used { //guard:REC-1
			return false, err
		}
		return true, s.usedCode(ctx, tx, a)
	}
	u, err := s.TOTP.Use(ctx, tx, a.who.ID, a.proof.TOTP, s.Now())
	if err != nil || !u.Accepted { //guard:TOTP-4
		return false, err
	}
	return true, tx.ResetAttempts(ctx, a.who.ID, throttle.Code, throttle.CodeKnown, throttle.FactorUnknown, throttle.Factor, throttle.Refused)
}

// usedCode notes the use of a recovery code: it ends the waits and not the count
// of failures (THR-5), it is a recovery (ADR-8), and the person is told.
func (s *Service) usedCode(ctx context.Context, tx Tx, a proofAttempt) error {
	if err := tx.ResetAttempts(ctx, a.who.ID, throttle.Code, throttle.CodeKnown, throttle.Refused); err != nil {
		return err
	}
	if err := tx.SetRecovered(ctx, a.who.ID, s.Now()); err != nil { //guard:ADR-8
		return err
	}
	left, _, err := tx.RecoveryCodesLeft(ctx, a.who.ID)
	if err != nil {
		return err
	}
	return s.tell(ctx, tx, a.who, a.claimant.Client, notice.CodeUsed, mail.Values{"n": left})
}

// A PasswordFaultError means that a new password is not good enough, and says why.
type PasswordFaultError struct {
	Fault password.Fault
	Min   int // characters
}

func (e *PasswordFaultError) Error() string {
	return fmt.Sprintf("recovery: new password: %s", e.Fault)
}

// PasswordTicket returns the ticket with which a browser may choose a password,
// and whose, or [ticket.ErrNone].
func (s *Service) PasswordTicket(ctx context.Context, browser []byte) (t ticket.Ticket, who directory.Subscriber, err error) {
	err = s.View(ctx, func(tx Reader) error {
		if t, err = tx.BrowserTicket(ctx, browser, s.Now()); err != nil {
			return err
		}
		if !t.Password { //guard:RST-10
			return ticket.ErrNone
		}
		who, err = tx.Subscriber(ctx, t.SubscriberID)
		return err
	})
	return t, who, err
}

// ChoosePassword sets the password of the person whose ticket the browser holds.
// All other ways in end with it (PW-5). Enrol reports whether an authenticator is
// to be set up next. A password that is not good enough is a [PasswordFaultError].
func (s *Service) ChoosePassword(ctx context.Context, c Claimant, typed string) (enrol bool, err error) {
	t, who, err := s.PasswordTicket(ctx, c.Browser)
	if err != nil {
		return false, err
	}
	if fault := s.Rules.Check(who, typed); fault != "" { //guard:PW-3
		return false, &PasswordFaultError{fault, s.Rules.MinLength(who)}
	}
	hash, err := s.Passwords.Hasher.Hash(ctx, typed)
	if err != nil {
		return false, err
	}
	err = s.InTx(ctx, func(tx Tx) error {
		spent, err := tx.SpendPasswordRight(ctx, t.ID, c.Browser, s.Now())
		if err != nil {
			return err
		}
		if !spent { //guard:RST-1
			return ticket.ErrNone
		}
		if who, err = tx.Subscriber(ctx, t.SubscriberID); err != nil {
			return err
		}
		if who.Status != directory.Active { //guard:SES-9
			return ticket.ErrNone
		}
		if err := s.recordPassword(ctx, tx, "password chosen", who.ID, c); err != nil {
			return err
		}
		if err := password.Set(ctx, tx, who, hash, s.Now()); err != nil {
			return err
		}
		if err := s.Desk.EndOpen(ctx, tx, who.ID, helpdesk.PasswordNew); err != nil {
			return err
		}
		if t.Enrol { // all tickets have ended, and this one is still needed
			t.Password = false
			if err := tx.IssueTicket(ctx, t); err != nil {
				return err
			}
		}
		return s.tell(ctx, tx, who, c.Client, notice.Password, nil)
	})
	if err != nil {
		return false, err
	}
	return t.Enrol, nil
}

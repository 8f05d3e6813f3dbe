package signin

import (
	"context"
	"errors"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/directory"
	"warifu/internal/flow"
	"warifu/internal/mail"
	"warifu/internal/mailotp"
	"warifu/internal/notice"
	"warifu/internal/throttle"
)

// WaysBack are how a person may come in who cannot give a second factor.
type WaysBack struct {
	Addresses  []string // that an OTP can be sent to; the whole addresses
	Privileged bool     // never by mail (decisions §3.5)
}

// WaysBack returns those of the person of a flow.
func (s *Service) WaysBack(ctx context.Context, f Flow) (who directory.Subscriber, back WaysBack, err error) {
	err = s.View(ctx, func(tx Reader) error {
		if who, err = tx.Subscriber(ctx, f.SubscriberID); err != nil {
			return err
		}
		back, err = s.waysBack(ctx, tx, who)
		return err
	})
	return who, back, err
}

func (s *Service) waysBack(ctx context.Context, tx Reader, who directory.Subscriber) (back WaysBack, err error) {
	back.Privileged = who.IsPrivileged()
	if !s.OTPs.Allows(who) {
		return back, nil
	}
	registered, err := tx.CodeAddresses(ctx, who.ID, s.Now())
	back.Addresses = s.OTPs.Reach(registered)
	return back, err
}

// ask is the step of a person who cannot give a second factor, and asks for a way
// back in.
func (s *Service) ask(ctx context.Context, key flow.Key, c Claimant, o Outcome, do func(Tx, *Flow, directory.Subscriber, WaysBack) (Verdict, error)) (Verdict, error) {
	return s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		if !f.State.takesFactor() { // the table refuses it, too; nothing is sent
			return Verdict{}, flow.OutOfOrder(f.State, o)
		}
		if f.StepUp { //guard:SES-10
			return Verdict{}, flow.OutOfOrder(f.State, o)
		}
		who, err := tx.Subscriber(ctx, f.SubscriberID)
		if err != nil {
			return Verdict{}, err
		}
		if who.Status != directory.Active { //guard:SES-9
			return Verdict{Outcome: SuspendedAccount}, nil
		}
		back, err := s.waysBack(ctx, tx, who)
		if err != nil {
			return Verdict{}, err
		}
		return do(tx, f, who, back)
	})
}

// SendOTP sends an OTP to one of the person's addresses: the n-th of
// [WaysBack.Addresses]; the form names no address (MAIL-5). It takes the place
// of an earlier one.
func (s *Service) SendOTP(ctx context.Context, key flow.Key, c Claimant, n int, service mail.Text) (Verdict, error) {
	return s.ask(ctx, key, c, OTPSent, func(tx Tx, f *Flow, who directory.Subscriber, back WaysBack) (Verdict, error) {
		if n < 0 || n >= len(back.Addresses) {
			return Verdict{}, flow.ErrConflict // the addresses have changed since the page was made
		}
		allowed, next, err := s.Throttle.ReserveMail(ctx, tx, who.ID, s.Now())
		if err != nil {
			return Verdict{}, err
		}
		if !allowed { //guard:THR-9
			return Verdict{Outcome: OTPNotSent, SendFrom: next, quiet: true}, nil
		}
		return Verdict{Outcome: OTPSent}, s.send(ctx, tx, f, c, who, back.Addresses[n], service)
	})
}

func (s *Service) send(ctx context.Context, tx Tx, f *Flow, c Claimant, who directory.Subscriber, address string, service mail.Text) error {
	otp, digits, err := s.OTPs.Make(s.Random, s.Codes, mailotp.OTP{SubscriberID: who.ID, FlowID: f.ID, Address: address}, s.Now())
	if err != nil {
		return err
	}
	if err := tx.ReplaceOTP(ctx, otp); err != nil {
		return err
	}
	if f.ExpiresAt.Before(otp.ExpiresAt) { // the page lives as long as its OTP (MAIL-9)
		f.ExpiresAt = otp.ExpiresAt
	}
	return s.Outbox.Queue(ctx, tx, mail.Envelope{SubscriberID: who.ID, To: address, Lang: who.Language, ExpiresAt: otp.ExpiresAt},
		mail.OTP{OTP: mail.Word(mailotp.Show(digits)), Until: otp.ExpiresAt, Service: service, Device: notice.Device(c.Client, s.Words)})
}

// OTP returns the one that was sent for a flow, or [mailotp.ErrNone].
func (s *Service) OTP(ctx context.Context, f Flow) (otp mailotp.OTP, err error) {
	err = s.View(ctx, func(tx Reader) error {
		otp, err = tx.OTP(ctx, f.SubscriberID, f.ID)
		return err
	})
	return otp, err
}

// SubmitOTP verifies the eight digits of the mail.
func (s *Service) SubmitOTP(ctx context.Context, key flow.Key, c Claimant, digits string) (Verdict, error) {
	reserved, err := s.reserveOTP(ctx, key)
	if err != nil {
		return Verdict{}, err
	}
	return s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		if !f.State.takesOTP() { // the table refuses it, too; nothing is verified
			return Verdict{}, flow.OutOfOrder(f.State, OTPAccepted)
		}
		who, err := tx.Subscriber(ctx, f.SubscriberID)
		if err != nil {
			return Verdict{}, err
		}
		if who.Status != directory.Active { //guard:SES-9
			return Verdict{Outcome: SuspendedAccount}, nil
		}
		if !reserved.Allowed { //guard:THR-5
			return Verdict{Outcome: Throttled, WaitUntil: reserved.WaitUntil, quiet: !throttle.Telling(reserved.refusals)}, nil
		}
		if f.State == OTPRequired && !s.OTPs.Allows(who) { //guard:MAIL-11
			return Verdict{Outcome: OTPExpired}, nil
		}
		return s.verifyOTP(ctx, tx, f, c, who, digits, reserved.left)
	})
}

// otpReservation is the answer to an attempt at an OTP.
type otpReservation struct {
	throttle.Reservation
	refusals int64
	left     bool // the OTP itself bore the attempt
}

// reserveOTP counts an attempt before it is verified, in a transaction of its
// own (THR-1): against the person, and against the OTP.
func (s *Service) reserveOTP(ctx context.Context, key flow.Key) (r otpReservation, err error) {
	err = s.InTx(ctx, func(tx Tx) error {
		f, err := s.load(ctx, tx, key)
		if err != nil || !f.State.takesOTP() {
			return err // the step refuses the wrong state
		}
		r.Reservation, r.refusals, err = s.Throttle.ReserveCode(ctx, tx, f.SubscriberID, s.Now())
		if err != nil || !r.Allowed {
			return err
		}
		r.left, err = tx.CountOTPTry(ctx, f.SubscriberID, f.ID, s.OTPs.Tries)
		return err
	})
	return r, err
}

func (s *Service) verifyOTP(ctx context.Context, tx Tx, f *Flow, c Claimant, who directory.Subscriber, digits string, left bool) (Verdict, error) {
	now := s.Now()
	otp, err := tx.OTP(ctx, who.ID, f.ID)
	switch {
	case errors.Is(err, mailotp.ErrNone): // a newer one was sent elsewhere (MAIL-3)
		f.Rejections++
		return Verdict{Outcome: OTPRejected}, nil
	case err != nil:
		return Verdict{}, err
	case !left: //guard:MAIL-2
		return s.burnt(otp), nil
	case !now.Before(otp.ExpiresAt): //guard:A11
		return Verdict{Outcome: OTPExpired}, nil
	}
	if !otp.Matches(s.Codes, digits) {
		f.Rejections++
		if otp.Tries >= s.OTPs.Tries {
			return s.burnt(otp), nil
		}
		return Verdict{Outcome: OTPRejected, Left: s.OTPs.Tries - otp.Tries}, nil
	}
	spent, err := tx.SpendOTP(ctx, otp, now)
	if err != nil {
		return Verdict{}, err
	}
	if !spent { //guard:A12
		return Verdict{Outcome: OTPRejected}, nil
	}
	if f.State == DeskRequired {
		if _, err := s.Desk.Take(ctx, tx, f.Key); err != nil { //guard:HD-18
			return Verdict{}, err
		}
	}
	return s.acceptOTP(ctx, tx, f, c, who)
}

// burnt says when a new OTP can be asked for.
func (s *Service) burnt(otp mailotp.OTP) Verdict {
	return Verdict{Outcome: OTPBurnt, SendFrom: otp.SentAt.Add(s.Throttle.MailPause)}
}

// acceptOTP opens a fallback session. TOTP and its counters stay as they are
// (MAIL-8), and the person is told.
func (s *Service) acceptOTP(ctx context.Context, tx Tx, f *Flow, c Claimant, who directory.Subscriber) (Verdict, error) {
	now := s.Now()
	f.Evidence = append(f.Evidence, authenticator.Evidence{Kind: authenticator.OTP, ID: f.ID, At: now})
	method := s.Words("method.otp_mail")
	if f.State == DeskRequired {
		method = s.Words("method.otp_desk")
	}
	v := Verdict{Outcome: OTPAccepted}
	if err := tx.ResetAttempts(ctx, who.ID, throttle.Code, throttle.Refused); err != nil {
		return Verdict{}, err
	}
	if err := tx.SetRecovered(ctx, who.ID, now); err != nil { //guard:ADR-8
		return Verdict{}, err
	}
	if err := tx.EndTrustedBrowsers(ctx, who.ID); err != nil { //guard:SES-13
		return Verdict{}, err
	}
	if err := s.openSession(ctx, tx, f, c, who, &v); err != nil {
		return Verdict{}, err
	}
	return v, s.Notices.Tell(ctx, tx, notice.Notice{Kind: notice.Temporary, Subscriber: who, At: now,
		Browser: notice.Device(c.Client, s.Words), Place: notice.Place(c.Client, s.Words),
		Values: mail.Values{"method": method}})
}

// secondsTo returns how many there are until a time; none if it is past.
func (s *Service) secondsTo(t time.Time) int { return int(max(t.Sub(s.Now()), 0).Seconds()) }

// resendIn returns how long a person has to wait before another mail.
func (s *Service) resendIn(otp mailotp.OTP) time.Duration {
	return max(otp.SentAt.Add(s.Throttle.MailPause).Sub(s.Now()), 0)
}

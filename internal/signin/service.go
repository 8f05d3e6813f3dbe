package signin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"warifu/internal/audit"
	"warifu/internal/authenticator"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/authenticator/password"
	"warifu/internal/authenticator/recoverycode"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/flow"
	"warifu/internal/helpdesk"
	"warifu/internal/mail"
	"warifu/internal/mailotp"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/session"
	"warifu/internal/throttle"
	"warifu/internal/ticket"
	"warifu/internal/web"
)

// Reader is what the sign-in flow needs of a transaction that only reads.
type Reader interface {
	// SigninFlow returns [flow.ErrNotFound] unless the flow has the key's id and browser.
	SigninFlow(ctx context.Context, key flow.Key) (Flow, error)
	// Subscriber returns [directory.ErrNotFound] if there is none.
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
	// TOTPAuthenticators returns all of a subscriber, whatever their state.
	TOTPAuthenticators(ctx context.Context, subscriberID string) ([]totp.Authenticator, error)
	// Passkeys returns those of a subscriber.
	Passkeys(ctx context.Context, subscriberID string) ([]passkey.Credential, error)
	// RecoveryCodesLeft returns how many are unused, and when the set was made.
	RecoveryCodesLeft(ctx context.Context, subscriberID string) (int, time.Time, error)
	// CodeAddresses returns the addresses that codes may be sent to.
	CodeAddresses(ctx context.Context, subscriberID string, now time.Time) ([]string, error)
	// OTP returns the one that was sent for a flow, or [mailotp.ErrNone].
	OTP(ctx context.Context, subscriberID, flowID string) (mailotp.OTP, error)
}

// Flows changes flows.
type Flows interface {
	Reader
	CreateSigninFlow(ctx context.Context, f Flow) error
	// UpdateSigninFlow returns [flow.ErrConflict] unless f has the stored version.
	UpdateSigninFlow(ctx context.Context, f Flow) error
}

// OTPs keeps the one-time passwords that were sent.
type OTPs interface {
	// ReplaceOTP stores an OTP in place of any other of its subscriber.
	ReplaceOTP(ctx context.Context, o mailotp.OTP) error
	// CountOTPTry counts an entry, and reports whether there was one left.
	CountOTPTry(ctx context.Context, subscriberID, flowID string, most int64) (bool, error)
	// SpendOTP takes an OTP that has not expired, and reports whether it did.
	SpendOTP(ctx context.Context, o mailotp.OTP, now time.Time) (bool, error)
	// SetRecovered notes that a person came back in without the authenticators.
	SetRecovered(ctx context.Context, subscriberID string, now time.Time) error
}

// Browsers keeps the browsers in which a subscriber has signed in (THR-4).
type Browsers interface {
	// RenewKnownBrowser notes a complete sign-in, which gives the browser its
	// whole budget again, and reports whether the browser was known.
	RenewKnownBrowser(ctx context.Context, subscriberID string, browser []byte, expiresAt, now time.Time) (bool, error)
	CreateKnownBrowser(ctx context.Context, subscriberID string, browser []byte, expiresAt time.Time) error
}

// Tx is what the sign-in flow needs of a transaction.
type Tx interface {
	Flows
	Browsers
	OTPs
	Trust
	PasskeyTx
	password.GuardTx
	throttle.MailTx
	session.Tx
	helpdesk.CallerTx
	// EndRecoveryLinks ends the mailed links of a person who needs none (RST-9).
	EndRecoveryLinks(ctx context.Context, subscriberID string) error
	// IssueTicket stores a ticket in place of every other one of its subscriber
	// and of its browser.
	IssueTicket(ctx context.Context, t ticket.Ticket) error
	// UseTOTPStep spends a time step of an active authenticator, unless it or a
	// later one has been spent, and reports whether it did (TOTP-4).
	UseTOTPStep(ctx context.Context, subscriberID, id string, step int64, now time.Time) (bool, error)
	recoverycode.UseTx
	// SuspendTOTP suspends all active authenticators of a subscriber.
	SuspendTOTP(ctx context.Context, subscriberID string) error
	// AppendAudit records a security event.
	AppendAudit(ctx context.Context, e audit.Event) error
}

// Service is the sign-in flow. InTx and View may run their function more than once.
type Service struct {
	InTx      func(ctx context.Context, fn func(Tx) error) error
	View      func(ctx context.Context, fn func(Reader) error) error
	Passwords *password.Guard
	TOTP      *totp.Verifier
	Passkeys  *passkey.Party
	Tokens    *secret.Box // seals the session's token in the flow
	OTPs      mailotp.Policy
	Codes     *secret.MAC // digests of OTPs and recovery codes
	Desk      *helpdesk.Reception
	Outbox    *mail.Outbox
	App       mail.Text // name of this system
	Notices   *notice.Service
	Words     notice.Words
	Clock     func() error         // tells that the wall clock was set back
	Counted   func(outcome string) // told of every step that was committed
	Throttle  throttle.Policy
	Sessions  session.Policy
	Tickets   ticket.Policy
	Policy    Policy
	Random    io.Reader
	Now       func() time.Time
}

// Claimant is the browser of somebody who wants to sign in.
type Claimant struct {
	web.Client
	Browser []byte // digest of its token
	Known   string // token by which it is known, or empty
	Trusted string // token by which it is trusted, or empty
	Trust   bool   // it asks to be trusted from a second factor on
	Session string // token of its present session, or empty
}

// Verdict is how a step ended, and what the claimant may know of it.
type Verdict struct {
	Flow      Flow // without an id as long as the password is not right
	Outcome   Outcome
	WaitUntil time.Time       // after Throttled; zero if waiting does not help
	Left      int64           // attempts left; only few are worth telling
	Next      time.Duration   // after TOTPReused: until the next number
	Drift     time.Duration   // after TOTPRejected: how wrong the claimant's clock seems; zero if unknown
	Old       bool            // after TOTPRejected: the number is from a suspended authenticator
	Desk      helpdesk.Answer // after DeskNotAsked: why
	SendFrom  time.Time       // after OTPNotSent and OTPBurnt: when a mail may be asked for again
	Token     string          // of the session, once signed in
	Known     string          // token by which the browser is known from now on; empty if it stays
	Trusted   string          // token by which it is trusted from now on; empty if it is not

	quiet bool // not recorded
}

// Flow returns the flow of key.
func (s *Service) Flow(ctx context.Context, key flow.Key) (f Flow, err error) {
	err = s.View(ctx, func(tx Reader) error {
		f, err = s.load(ctx, tx, key)
		return err
	})
	return f, err
}

// load returns the flow of key if it is alive.
func (s *Service) load(ctx context.Context, tx Reader, key flow.Key) (Flow, error) {
	f, err := tx.SigninFlow(ctx, key)
	if err == nil && !s.Now().Before(f.ExpiresAt) { //guard:SES-5
		err = flow.ErrNotFound
	}
	return f, err
}

// step runs one step of the flow in one transaction. Of two requests at once
// the loser gets [flow.ErrConflict] and not its verdict, so that parallel guesses
// teach nothing.
func (s *Service) step(ctx context.Context, key flow.Key, c Claimant, do func(Tx, *Flow) (Verdict, error)) (v Verdict, err error) {
	err = s.InTx(ctx, func(tx Tx) error {
		f, err := s.load(ctx, tx, key)
		if err != nil {
			return err
		}
		if v, err = do(tx, &f); err != nil {
			return err
		}
		if f.State, err = transitions.Next(f.State, v.Outcome); err != nil {
			return err
		}
		if !v.quiet { // of a flood of refusals only some are recorded
			event := s.event(v.Outcome, f, c)
			if v.Drift != 0 {
				event.Detail[audit.DetailDrift] = v.Drift.String()
			}
			if err = tx.AppendAudit(ctx, event); err != nil {
				return err
			}
		}
		v.Flow = f
		return tx.UpdateSigninFlow(ctx, f)
	})
	if err != nil {
		return Verdict{}, err
	}
	s.Counted(string(v.Outcome))
	return v, nil
}

func (s *Service) event(o Outcome, f Flow, c Claimant) audit.Event {
	return audit.Event{At: s.Now(), Name: audit.SignIn, Outcome: string(o), Subscriber: f.SubscriberID, Actor: f.SubscriberID,
		Target: f.ID, Address: c.Address.String(), AgentHash: audit.HashAgent(c.Agent), Detail: detail(f, c)}
}

// detail is what the person's own history tells of an event besides.
func detail(f Flow, c Claimant) map[string]string {
	d := map[string]string{audit.DetailDevice: c.Name()}
	if request, err := decode(f.Request); err == nil && request.Service != "" {
		d[audit.DetailService] = request.Service
	}
	return d
}

// decode returns the request of a flow; none if it is empty.
func decode(text string) (request federation.Request, err error) {
	if text == "" {
		return request, nil
	}
	err = json.Unmarshal([]byte(text), &request)
	return request, err
}

// openSession opens the session of a flow that has ended well. The token stays
// sealed in the flow, so that a form that is sent twice gets the same one.
func (s *Service) openSession(ctx context.Context, tx Tx, f *Flow, c Claimant, who directory.Subscriber, v *Verdict) error {
	_, token, err := s.Sessions.Open(ctx, tx, s.Random, c.Session, session.Start{SubscriberID: f.SubscriberID, Evidence: f.Evidence,
		Raise: f.StepUp, Staff: who.IsStaff(), Browser: c.Name(), Address: c.Address.String()}, s.Now())
	if errors.Is(err, session.ErrNone) { // of a step-up: it has ended meanwhile
		return fmt.Errorf("%w: %w", flow.ErrNotFound, err)
	}
	if err != nil {
		return err
	}
	v.Token = token
	f.Token = s.Tokens.Seal(tokenPlace(*f), []byte(token))
	return nil
}

func tokenPlace(f Flow) secret.Place {
	return secret.Place{Table: "signin_flow", Column: "token", Row: f.ID}
}

// resendFor is how long after the last proof a form that is sent twice still
// gets the session: long enough for a double click on a slow line, and no longer,
// since the flow outlives a browser that is closed on a shared computer.
const resendFor = 30 * time.Second

// StepUp begins a flow in which a person who is signed in gives one more proof
// of one of the kinds; of any kind if there are none. There being no such
// session is an [flow.ErrNotFound].
func (s *Service) StepUp(ctx context.Context, c Claimant, request string, kinds []authenticator.Kind) (f Flow, err error) {
	err = s.InTx(ctx, func(tx Tx) error {
		present, who, err := session.Alive(ctx, tx, c.Session, s.Now())
		if errors.Is(err, session.ErrNone) {
			return fmt.Errorf("%w: %w", flow.ErrNotFound, err)
		}
		if err != nil {
			return err
		}
		f = Flow{Key: flow.Key{ID: rand.Text(), Browser: c.Browser}, SubscriberID: who.ID, StepUp: true, Kinds: kinds,
			Request: request, ExpiresAt: s.Now().Add(lifetime)}
		if f.State, err = transitions.Next(initial, FactorAsked); err != nil {
			return err
		}
		event := s.event(FactorAsked, f, c)
		event.Reason = present.ID
		if err := tx.AppendAudit(ctx, event); err != nil {
			return err
		}
		return tx.CreateSigninFlow(ctx, f)
	})
	return f, err
}

// takes reports whether a proof of a kind is good for the flow.
func (f Flow) takes(kind authenticator.Kind) bool {
	return len(f.Kinds) == 0 || slices.Contains(f.Kinds, kind)
}

// SessionToken returns the token of the session that the flow has just opened,
// for a form that the same browser sends twice, and the empty string otherwise.
func (s *Service) SessionToken(f Flow) string {
	if f.State != SignedIn || len(f.Evidence) == 0 {
		return ""
	}
	if s.Now().Sub(f.Evidence[len(f.Evidence)-1].At) >= resendFor { //guard:SES-1
		return ""
	}
	token, err := s.Tokens.Open(tokenPlace(f), f.Token)
	if err != nil {
		return "" // the person signs in once more
	}
	return string(token)
}

// Reach returns the proofs that a person could give besides a password, each
// without a time: what a step-up may ask for.
func (s *Service) Reach(ctx context.Context, subscriberID string) (reach []authenticator.Evidence, err error) {
	err = s.View(ctx, func(tx Reader) error {
		bound, err := tx.TOTPAuthenticators(ctx, subscriberID)
		if err != nil {
			return err
		}
		reach = nil
		for _, a := range bound {
			if a.State == totp.Active {
				reach = append(reach, authenticator.Evidence{Kind: authenticator.TOTP, ID: a.ID, By: a.BoundBy})
			}
		}
		passkeys, err := tx.Passkeys(ctx, subscriberID)
		if err != nil {
			return err
		}
		for _, c := range passkeys {
			reach = append(reach, authenticator.Evidence{Kind: authenticator.Passkey, ID: passkey.EncodeID(c.ID), UV: c.UserVerified, By: c.BoundBy})
		}
		left, _, err := tx.RecoveryCodesLeft(ctx, subscriberID)
		if left > 0 {
			reach = append(reach, authenticator.Evidence{Kind: authenticator.RecoveryCode, By: authenticator.BySecondFactor})
		}
		return err
	})
	return reach, err
}

package recovery

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"warifu/internal/audit"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/authenticator/password"
	"warifu/internal/authenticator/recoverycode"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
	"warifu/internal/flow"
	"warifu/internal/helpdesk"
	"warifu/internal/mail"
	"warifu/internal/mailotp"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/throttle"
	"warifu/internal/ticket"
	"warifu/internal/web"
)

// Reader is what recovery needs of a transaction that only reads.
type Reader interface {
	// RecoveryFlow returns [flow.ErrNotFound] unless the flow has the key's id and browser.
	RecoveryFlow(ctx context.Context, key flow.Key) (Flow, error)
	// RecoveryLink returns the link with a digest, if it is for the purpose and
	// has not expired, and [ErrNoLink] otherwise.
	RecoveryLink(ctx context.Context, purpose Purpose, digest []byte, now time.Time) (Link, error)
	BrowserTicket(ctx context.Context, browser []byte, now time.Time) (ticket.Ticket, error)
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
	// CodeAddresses returns the addresses that links may be sent to.
	CodeAddresses(ctx context.Context, subscriberID string, now time.Time) ([]string, error)
}

// Flows changes flows and links.
type Flows interface {
	CreateRecoveryFlow(ctx context.Context, f Flow) error
	// UpdateRecoveryFlow returns [flow.ErrConflict] unless f has the stored version.
	UpdateRecoveryFlow(ctx context.Context, f Flow) error
	// ReplaceRecoveryLink stores a link in place of any other of its subscriber
	// and purpose.
	ReplaceRecoveryLink(ctx context.Context, l Link) error
	// CountLinkFailure counts a wrong password, and ends the link with the last one.
	CountLinkFailure(ctx context.Context, l Link, most int64) error
	// SpendRecoveryLink takes a link that has not expired, and reports whether it did.
	SpendRecoveryLink(ctx context.Context, l Link, now time.Time) (bool, error)
}

// Account changes what a person has.
type Account interface {
	// InitialiseTOTP suspends all authenticators of a subscriber until another is bound.
	InitialiseTOTP(ctx context.Context, subscriberID string) error
	SetRecovered(ctx context.Context, subscriberID string, now time.Time) error
	IssueTicket(ctx context.Context, t ticket.Ticket) error
}

// Tx is what recovery needs of a transaction.
type Tx interface {
	Reader
	Flows
	Account
	password.GuardTx
	password.SetTx
	totp.UseTx
	// UseActivationCode takes the code with this digest, once, and reports whether
	// it was there and had not lapsed.
	UseActivationCode(ctx context.Context, subscriberID string, digest []byte, now time.Time) (bool, error)
	recoverycode.UseTx
	CreateCeremony(ctx context.Context, p passkey.Pending) error
	passkey.UseTx
	RecoveryCodesLeft(ctx context.Context, subscriberID string) (left int, madeAt time.Time, err error)
	// SuspendTOTP suspends all active authenticators of a subscriber.
	SuspendTOTP(ctx context.Context, subscriberID string) error
	// SpendPasswordRight takes the right to choose a password from a ticket, and
	// reports whether it did.
	SpendPasswordRight(ctx context.Context, id string, browser []byte, now time.Time) (bool, error)
	throttle.MailTx
	notice.Tx
	helpdesk.CallerTx
	AppendAudit(ctx context.Context, e audit.Event) error
}

// Service is the recovery flow. InTx and View may run their function more than once.
type Service struct {
	InTx      func(ctx context.Context, fn func(Tx) error) error
	View      func(ctx context.Context, fn func(Reader) error) error
	Passwords *password.Guard
	Mail      mailotp.Policy // who may come back by mail
	Tickets   ticket.Policy
	Throttle  throttle.Policy
	Outbox    *mail.Outbox
	Notices   *notice.Service
	Words     notice.Words
	TOTP      *totp.Verifier
	Passkeys  *passkey.Party
	Codes     *secret.MAC // digests of recovery and activation codes
	Desk      *helpdesk.Reception
	Rules     *password.Rules
	Clock     func() error // tells that the wall clock was set back
	Failed    func()       // told of every wrong code (THR-7)
	// Later does what must not hold up an answer.
	Later func(ctx context.Context, work func(context.Context) error) error
	// Address and ForgotAddress are the pages of links, from the configured base
	// URL (RST-2).
	Address, ForgotAddress func(token string) string
	Random                 io.Reader
	Now                    func() time.Time
}

// Claimant is the browser of somebody who wants to recover.
type Claimant struct {
	web.Client
	Browser []byte // digest of its token
	Known   string // token by which it is known, or empty
}

// Verdict is how a step ended.
type Verdict struct {
	Flow      Flow
	Outcome   Outcome
	WaitUntil time.Time       // after Throttled; zero if waiting does not help
	SendFrom  time.Time       // after NotSent
	Desk      helpdesk.Answer // after DeskNotAsked: why
	Password  bool            // after CaseUsed: a new password comes first

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

func (s *Service) load(ctx context.Context, tx Reader, key flow.Key) (Flow, error) {
	f, err := tx.RecoveryFlow(ctx, key)
	if err == nil && !s.Now().Before(f.ExpiresAt) { //guard:SES-5
		err = flow.ErrNotFound
	}
	return f, err
}

// SubmitPassword verifies SPS-ID and password. When they are right it creates
// the flow, past its first transition. Who has never had an authenticator, and
// may set one up, gets a ticket.
func (s *Service) SubmitPassword(ctx context.Context, c Claimant, spsID, typed string) (v Verdict, err error) {
	answer, err := s.Passwords.Ask(ctx, password.Attempt{SPSID: spsID, Password: typed, Known: c.Known, Address: c.Address, Campus: c.Campus})
	if err != nil {
		return Verdict{}, err
	}
	err = s.InTx(ctx, func(tx Tx) error {
		v, err = s.judgePassword(ctx, tx, answer, c)
		return err
	})
	return v, err
}

func (s *Service) judgePassword(ctx context.Context, tx Tx, answer password.Answer, c Claimant) (v Verdict, err error) {
	who, now := answer.Subscriber, s.Now()
	v.Flow = Flow{SubscriberID: who.ID}
	switch {
	case answer.Refused:
		v.Outcome, v.WaitUntil, v.quiet = Throttled, answer.WaitUntil, !answer.Telling
	case !answer.Accepted:
		v.Outcome = PasswordRejected
	case who.Status != directory.Active: //guard:SES-9
		v.Outcome = SuspendedAccount
	case who.HadFactor: //guard:A63
		v.Outcome = PasswordAccepted
	default:
		v.Outcome = NothingBound
	}
	if v.Outcome == PasswordAccepted || v.Outcome == NothingBound {
		waiting, err := s.Desk.Waits(ctx, tx, who.ID, c.Browser)
		if err == nil && waiting.Kind != helpdesk.SignIn { // back to the page that waits already
			return s.goOnWaiting(ctx, tx, answer, c, waiting)
		}
		if err != nil && !errors.Is(err, helpdesk.ErrNoCase) {
			return Verdict{}, err
		}
	}
	if v.Flow.State, err = transitions.Next(PasswordRequired, v.Outcome); err != nil {
		return Verdict{}, err
	}
	if !answer.Refused {
		if err := s.Passwords.Settle(ctx, tx, answer); err != nil {
			return Verdict{}, err
		}
	}
	if v.Flow.State != PasswordRequired {
		v.Flow.Key, v.Flow.ExpiresAt = flow.Key{ID: rand.Text(), Browser: c.Browser}, now.Add(lifetime)
		if err := tx.CreateRecoveryFlow(ctx, v.Flow); err != nil {
			return Verdict{}, err
		}
	}
	if v.Outcome == NothingBound {
		if err := tx.IssueTicket(ctx, s.Tickets.First(who, c.Browser, now)); err != nil {
			return Verdict{}, err
		}
	}
	return v, s.record(ctx, tx, v, c)
}

func (s *Service) record(ctx context.Context, tx Tx, v Verdict, c Claimant) error {
	if v.quiet { // of a flood of refusals only some are recorded
		return nil
	}
	return tx.AppendAudit(ctx, audit.Event{At: s.Now(), Name: audit.Recovery, Outcome: string(v.Outcome), Actor: v.Flow.SubscriberID,
		Subscriber: v.Flow.SubscriberID, Target: v.Flow.ID, Address: c.Address.String(), AgentHash: audit.HashAgent(c.Agent),
		Detail: map[string]string{audit.DetailDevice: c.Name()}})
}

// WaysBack are how the person of a flow can have the TOTP initialized.
type WaysBack struct {
	SPSID      string
	Language   string
	Addresses  []string // that a link can be sent to; the whole addresses
	Privileged bool     // never by mail (decisions §3.5)
}

// WaysBack returns those of the person of a flow.
func (s *Service) WaysBack(ctx context.Context, f Flow) (back WaysBack, err error) {
	err = s.View(ctx, func(tx Reader) error {
		back, err = s.waysBack(ctx, tx, f)
		return err
	})
	return back, err
}

func (s *Service) waysBack(ctx context.Context, tx Reader, f Flow) (WaysBack, error) {
	who, err := tx.Subscriber(ctx, f.SubscriberID)
	if err != nil {
		return WaysBack{}, err
	}
	back := WaysBack{SPSID: who.SPSID, Language: who.Language, Privileged: who.IsPrivileged()}
	if !s.Mail.Allows(who) {
		return back, nil
	}
	registered, err := tx.CodeAddresses(ctx, who.ID, s.Now())
	back.Addresses = s.Mail.Reach(registered)
	return back, err
}

// Send sends a link to the n-th of [WaysBack.Addresses]; the form names no
// address (MAIL-5). It takes the place of an earlier one.
func (s *Service) Send(ctx context.Context, key flow.Key, c Claimant, n int) (Verdict, error) {
	return s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) { return s.trySend(ctx, tx, f, c, n) })
}

// step runs one step of the flow in one transaction. Of two requests at once
// the loser gets [flow.ErrConflict] and not its verdict.
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
		v.Flow = f
		if err := s.record(ctx, tx, v, c); err != nil {
			return err
		}
		return tx.UpdateRecoveryFlow(ctx, f)
	})
	return v, err
}

func (s *Service) trySend(ctx context.Context, tx Tx, f *Flow, c Claimant, n int) (Verdict, error) {
	who, err := tx.Subscriber(ctx, f.SubscriberID)
	if err != nil {
		return Verdict{}, err
	}
	if who.Status != directory.Active { //guard:SES-9
		return Verdict{Outcome: SuspendedAccount}, nil
	}
	back, err := s.waysBack(ctx, tx, *f)
	if err != nil {
		return Verdict{}, err
	}
	if n < 0 || n >= len(back.Addresses) {
		return Verdict{}, flow.ErrConflict // the addresses have changed since the page was made
	}
	allowed, next, err := s.Throttle.ReserveMail(ctx, tx, who.ID, s.Now())
	if err != nil {
		return Verdict{}, err
	}
	if !allowed { //guard:THR-9
		return Verdict{Outcome: NotSent, SendFrom: next, quiet: true}, nil
	}
	return Verdict{Outcome: Sent}, s.send(ctx, tx, f, c, who, back.Addresses[n])
}

func (s *Service) send(ctx context.Context, tx Tx, f *Flow, c Claimant, who directory.Subscriber, address string) error {
	token, err := secret.Token(s.Random)
	if err != nil {
		return err
	}
	now := s.Now()
	f.Address, f.SentAt, f.ExpiresAt = address, now, now.Add(linkLifetime)
	link := Link{SubscriberID: who.ID, Purpose: Initialise, Digest: secret.Digest(token), Browser: c.Browser, ExpiresAt: f.ExpiresAt}
	if err := tx.ReplaceRecoveryLink(ctx, link); err != nil {
		return err
	}
	err = s.Outbox.Queue(ctx, tx, mail.Envelope{SubscriberID: who.ID, To: address, Lang: who.Language, ExpiresAt: link.ExpiresAt},
		mail.Link{URL: mail.URL(s.Address(token)), Until: link.ExpiresAt, Device: notice.Device(c.Client, s.Words), Place: notice.Place(c.Client, s.Words)})
	if err != nil {
		return err
	}
	return s.tell(ctx, tx, who, c.Client, notice.InitAsked, nil)
}

func (s *Service) tell(ctx context.Context, tx notice.Tx, who directory.Subscriber, c web.Client, kind notice.Kind, values mail.Values) error {
	return s.Notices.Tell(ctx, tx, notice.Notice{Kind: kind, Subscriber: who, At: s.Now(),
		Browser: notice.Device(c, s.Words), Place: notice.Place(c, s.Words), Values: values})
}

// Ticket returns the ticket that a browser holds, or [ticket.ErrNone].
func (s *Service) Ticket(ctx context.Context, browser []byte) (t ticket.Ticket, err error) {
	err = s.View(ctx, func(tx Reader) error {
		t, err = tx.BrowserTicket(ctx, browser, s.Now())
		return err
	})
	return t, err
}

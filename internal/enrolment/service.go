package enrolment

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"warifu/internal/audit"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
	"warifu/internal/flow"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/throttle"
	"warifu/internal/ticket"
	"warifu/internal/web"
)

var (
	// ErrPasswordFirst means that the ticket wants a new password before anything else.
	ErrPasswordFirst = errors.New("enrolment: a new password comes first")
	// ErrTooMany means that the person has as many Authenticators as may be.
	ErrTooMany = errors.New("enrolment: too many authenticators")
)

// Reader is what enrolment needs of a transaction that only reads.
type Reader interface {
	// EnrolmentFlow returns [flow.ErrNotFound] unless the flow has the key's id and browser.
	EnrolmentFlow(ctx context.Context, key flow.Key) (Flow, error)
	// BrowserTicket returns the ticket that a browser holds, or [ticket.ErrNone].
	BrowserTicket(ctx context.Context, browser []byte, now time.Time) (ticket.Ticket, error)
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
	TOTPAuthenticators(ctx context.Context, subscriberID string) ([]totp.Authenticator, error)
	Passkeys(ctx context.Context, subscriberID string) ([]passkey.Credential, error)
	Addresses(ctx context.Context, subscriberID string) ([]directory.NotificationAddress, error)
	// RecoveryCodesLeft returns how many are unused, and when the set was made.
	RecoveryCodesLeft(ctx context.Context, subscriberID string) (int, time.Time, error)
}

// Flows changes flows.
type Flows interface {
	// TicketEnrolment returns the flow of a ticket, or [flow.ErrNotFound].
	TicketEnrolment(ctx context.Context, t ticket.Ticket) (Flow, error)
	// CreateEnrolmentFlow returns [flow.ErrConflict] if its ticket has one already.
	CreateEnrolmentFlow(ctx context.Context, f Flow) error
	// UpdateEnrolmentFlow returns [flow.ErrConflict] unless f has the stored version.
	UpdateEnrolmentFlow(ctx context.Context, f Flow) error
}

// Authenticators changes the authenticators of a subscriber.
type Authenticators interface {
	CreateTOTP(ctx context.Context, a totp.Authenticator) error
	DiscardPendingTOTP(ctx context.Context, subscriberID string) error
	DiscardSuspendedTOTP(ctx context.Context, subscriberID string) error
	// ActivateTOTP makes a pending authenticator active, with its last step used
	// up, and reports whether it did.
	ActivateTOTP(ctx context.Context, a totp.Authenticator) (bool, error)
	RenameTOTP(ctx context.Context, subscriberID, id, name string) error
}

// Tx is what enrolment needs of a transaction.
type Tx interface {
	Reader
	Flows
	Authenticators
	notice.Tx
	throttle.Tx
	ResetAttempts(ctx context.Context, account string, counters ...throttle.Counter) error
	UnlockTicket(ctx context.Context, id string) (bool, error)
	// SpendTicket takes a ticket that has not lapsed, and reports whether it did.
	SpendTicket(ctx context.Context, id string, browser []byte, now time.Time) (bool, error)
	// UseActivationCode takes the code with this digest, once, and reports whether
	// it was there and had not lapsed.
	UseActivationCode(ctx context.Context, subscriberID string, digest []byte, now time.Time) (bool, error)
	AppendAudit(ctx context.Context, e audit.Event) error
}

// Service is the enrolment flow. InTx and View may run their function more than once.
type Service struct {
	InTx     func(ctx context.Context, fn func(Tx) error) error
	View     func(ctx context.Context, fn func(Reader) error) error
	TOTP     *totp.Verifier
	Policy   totp.Policy
	Codes    *secret.MAC // digests of activation codes
	Throttle throttle.Policy
	Notices  *notice.Service
	Words    notice.Words
	Clock    func() error // tells that the wall clock was set back
	Failed   func()       // told of every wrong activation code (THR-7)
	Random   io.Reader
	Now      func() time.Time
}

// Verdict is how a step ended.
type Verdict struct {
	Flow      Flow
	Outcome   Outcome
	WaitUntil time.Time     // after Throttled
	Drift     time.Duration // after NotConfirmed: how wrong the person's clock seems; zero if unknown

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
	f, err := tx.EnrolmentFlow(ctx, key)
	if err == nil && !s.Now().Before(f.ExpiresAt) {
		err = flow.ErrNotFound
	}
	return f, err
}

// Begin returns the enrolment of the ticket that the browser holds, and begins
// it if it has not begun. Without a ticket it is a [ticket.ErrNone].
func (s *Service) Begin(ctx context.Context, browser []byte) (Flow, error) {
	f, err := s.begin(ctx, browser)
	if errors.Is(err, flow.ErrConflict) { // another tab has begun it just now: its flow is the one
		f, err = s.begin(ctx, browser)
	}
	return f, err
}

func (s *Service) begin(ctx context.Context, browser []byte) (f Flow, err error) {
	err = s.InTx(ctx, func(tx Tx) error {
		t, err := tx.BrowserTicket(ctx, browser, s.Now())
		if err != nil {
			return err
		}
		switch {
		case t.Password: //guard:HD-12
			return ErrPasswordFirst
		case !t.Enrol: //guard:RST-10
			return ticket.ErrNone
		}
		if f, err = tx.TicketEnrolment(ctx, t); !errors.Is(err, flow.ErrNotFound) {
			return err
		}
		f = Flow{Key: flow.Key{ID: rand.Text(), Browser: browser}, SubscriberID: t.SubscriberID, State: ActivationRequired, TicketID: t.ID,
			BoundBy: t.By, Request: t.Request, Until: t.ExpiresAt, ExpiresAt: t.ExpiresAt.Add(keepFor)}
		if !t.Locked { //guard:ENR-1
			f.State = ScanRequired
			if err := s.makeSecret(ctx, tx, &f); err != nil {
				return err
			}
		}
		return tx.CreateEnrolmentFlow(ctx, f)
	})
	return f, err
}

// makeSecret makes the authenticator that is to be enrolled (TOTP-1, TOTP-9).
func (s *Service) makeSecret(ctx context.Context, tx Tx, f *Flow) error {
	bound, err := tx.TOTPAuthenticators(ctx, f.SubscriberID)
	if err != nil {
		return err
	}
	active := 0
	for _, a := range bound {
		if a.State == totp.Active {
			active++
		}
	}
	if active >= s.Policy.MaxActive { //guard:TOTP-7
		return ErrTooMany
	}
	if err := tx.DiscardPendingTOTP(ctx, f.SubscriberID); err != nil {
		return err
	}
	key, err := totp.NewSecret(s.Random)
	if err != nil {
		return err
	}
	f.TOTPID = rand.Text()
	return tx.CreateTOTP(ctx, totp.Authenticator{ID: f.TOTPID, SubscriberID: f.SubscriberID, State: totp.Pending, BoundBy: f.BoundBy,
		Secret: s.TOTP.Seal(f.SubscriberID, f.TOTPID, key), CreatedAt: s.Now()})
}

// step runs one step of the flow in one transaction. The right to enrol is
// looked at first: whatever was typed, a ticket that is gone ends the flow.
func (s *Service) step(ctx context.Context, key flow.Key, c web.Client, do func(Tx, *Flow) (Verdict, error)) (v Verdict, err error) {
	err = s.InTx(ctx, func(tx Tx) error {
		f, err := s.load(ctx, tx, key)
		if err != nil {
			return err
		}
		if v, err = s.right(ctx, tx, f); err == nil && v.Outcome == "" {
			v, err = do(tx, &f)
		}
		if err != nil {
			return err
		}
		if f.State, err = transitions.Next(f.State, v.Outcome); err != nil {
			return err
		}
		if !v.quiet {
			if err = tx.AppendAudit(ctx, s.event(v.Outcome, f, c)); err != nil {
				return err
			}
		}
		v.Flow = f
		return tx.UpdateEnrolmentFlow(ctx, f)
	})
	if err != nil {
		return Verdict{}, err
	}
	return v, nil
}

// right returns why the flow has lost its right to go on, or no outcome.
func (s *Service) right(ctx context.Context, tx Tx, f Flow) (Verdict, error) {
	t, err := tx.BrowserTicket(ctx, f.Browser, s.Now())
	switch {
	case err == nil && t.ID == f.TicketID:
		return Verdict{}, nil
	case err != nil && !errors.Is(err, ticket.ErrNone):
		return Verdict{}, err
	case s.Now().Before(f.Until): //guard:TOTP-9
		return Verdict{Outcome: Displaced}, nil
	}
	return Verdict{Outcome: Lapsed}, nil //guard:RST-7
}

func (s *Service) event(o Outcome, f Flow, c web.Client) audit.Event {
	return audit.Event{At: s.Now(), Name: audit.Enrolment, Outcome: string(o), Subscriber: f.SubscriberID, Actor: f.SubscriberID,
		Target: f.ID, Reason: string(f.BoundBy), Address: c.Address.String(), AgentHash: audit.HashAgent(c.Agent),
		Detail: map[string]string{audit.DetailDevice: c.Name()}}
}

// Scan goes on to the code (「登録」).
func (s *Service) Scan(ctx context.Context, key flow.Key, c web.Client) (Verdict, error) {
	return s.step(ctx, key, c, func(Tx, *Flow) (Verdict, error) { return Verdict{Outcome: Scanned}, nil })
}

// ShowAgain goes back to the QR code.
func (s *Service) ShowAgain(ctx context.Context, key flow.Key, c web.Client) (Verdict, error) {
	return s.step(ctx, key, c, func(Tx, *Flow) (Verdict, error) { return Verdict{Outcome: ScanAgain}, nil })
}

// Confirm verifies the first code of the new authenticator, and binds it.
func (s *Service) Confirm(ctx context.Context, key flow.Key, c web.Client, code string) (Verdict, error) {
	if err := s.Clock(); err != nil { //guard:OPS-4
		return Verdict{}, err
	}
	return s.step(ctx, key, c, func(tx Tx, f *Flow) (Verdict, error) {
		if f.State != ConfirmationRequired { // the table refuses it, too; nothing is verified
			return Verdict{}, flow.OutOfOrder(f.State, Confirmed)
		}
		who, err := tx.Subscriber(ctx, f.SubscriberID)
		if err != nil {
			return Verdict{}, err
		}
		if who.Status != directory.Active { //guard:SES-9
			return Verdict{Outcome: Lapsed}, nil
		}
		pending, all, err := s.pending(ctx, tx, *f)
		if err != nil {
			return Verdict{}, err
		}
		step, matched, err := s.TOTP.Match(pending, code, s.Now())
		if err != nil {
			return Verdict{}, err
		}
		if !matched {
			f.Rejections++
			return s.notConfirmed(pending, code)
		}
		pending.LastStep, pending.Name, pending.BoundBy = step, freeName(all), f.BoundBy
		return s.bind(ctx, tx, *f, who, pending, c)
	})
}

func (s *Service) notConfirmed(pending totp.Authenticator, code string) (Verdict, error) {
	off, found, err := s.TOTP.Drift(pending, code, s.Now())
	if err != nil || !found {
		return Verdict{Outcome: NotConfirmed}, err
	}
	return Verdict{Outcome: NotConfirmed, Drift: time.Duration(off) * totp.Period}, nil
}

// bind makes the authenticator active. What a recovery took away goes with it,
// in the same transaction (RST-6).
func (s *Service) bind(ctx context.Context, tx Tx, f Flow, who directory.Subscriber, a totp.Authenticator, c web.Client) (Verdict, error) {
	spent, err := tx.SpendTicket(ctx, f.TicketID, f.Browser, s.Now())
	if err != nil {
		return Verdict{}, err
	}
	if !spent { //guard:RST-6
		return Verdict{Outcome: Displaced}, nil
	}
	activated, err := tx.ActivateTOTP(ctx, a)
	if err != nil {
		return Verdict{}, err
	}
	if !activated { //guard:TOTP-8
		return Verdict{}, fmt.Errorf("enrolment: authenticator %s is not pending: %w", a.ID, flow.ErrConflict)
	}
	if err := tx.DiscardSuspendedTOTP(ctx, f.SubscriberID); err != nil {
		return Verdict{}, err
	}
	if err := tx.ResetAttempts(ctx, who.ID, throttle.Code, throttle.CodeKnown, throttle.FactorUnknown, throttle.Factor, throttle.Refused); err != nil {
		return Verdict{}, err
	}
	return Verdict{Outcome: Confirmed}, s.Notices.Tell(ctx, tx, notice.Notice{Kind: notice.TOTPAdded, Subscriber: who, At: s.Now(),
		Browser: notice.Device(c, s.Words), Place: notice.Place(c, s.Words), Values: mail.Values{"name": a.Name}})
}

// pending returns the authenticator that is being enrolled, and all of the person.
func (s *Service) pending(ctx context.Context, tx Reader, f Flow) (totp.Authenticator, []totp.Authenticator, error) {
	all, err := tx.TOTPAuthenticators(ctx, f.SubscriberID)
	if err != nil {
		return totp.Authenticator{}, nil, err
	}
	for _, a := range all {
		if a.ID == f.TOTPID && a.State == totp.Pending {
			return a, all, nil
		}
	}
	return totp.Authenticator{}, nil, fmt.Errorf("enrolment: nothing is pending: %w", flow.ErrConflict)
}

// freeName is how a new authenticator is called until the person names it.
func freeName(all []totp.Authenticator) string {
	taken := make(map[string]bool)
	for _, a := range all {
		if a.State == totp.Active {
			taken[a.Name] = true
		}
	}
	for n := 1; ; n++ {
		name := "Authenticator"
		if n > 1 {
			name = fmt.Sprintf("Authenticator %d", n)
		}
		if !taken[name] {
			return name
		}
	}
}

// Card is what is shown of the authenticator that is being enrolled. It is made
// for the page alone, and kept nowhere (TOTP-11).
type Card struct {
	Account string
	URI     string
	Key     string // in Base32
	QR      totp.QR
	Person  directory.Subscriber
}

// Card returns the card of a flow in which the QR code may be shown.
func (s *Service) Card(ctx context.Context, f Flow) (card Card, err error) {
	err = s.View(ctx, func(tx Reader) error {
		t, err := tx.BrowserTicket(ctx, f.Browser, s.Now())
		if err != nil {
			return err
		}
		if t.ID != f.TicketID || f.State != ScanRequired { //guard:A21
			return flow.ErrConflict
		}
		who, err := tx.Subscriber(ctx, f.SubscriberID)
		if err != nil {
			return err
		}
		a, _, err := s.pending(ctx, tx, f)
		if err != nil {
			return err
		}
		key, err := s.TOTP.PendingSecret(a)
		if err != nil {
			return err
		}
		card = Card{Account: who.SPSID, URI: totp.URI(s.Policy.Issuer, who.SPSID, key), Key: totp.Key(key), Person: who}
		card.QR, err = totp.NewQR(card.URI)
		return err
	})
	return card, err
}

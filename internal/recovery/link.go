package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"warifu/internal/audit"
	"warifu/internal/authenticator"
	"warifu/internal/authenticator/password"
	"warifu/internal/directory"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/throttle"
	"warifu/internal/ticket"
	"warifu/internal/web"
)

// Purpose is what a link is for. None works at another address (RST-10).
type Purpose string

// Initialise takes away the Authenticators.
const Initialise Purpose = "initialise"

// linkLifetime is how long a link works (RST-1).
const linkLifetime = 30 * time.Minute

// maxFailures is how many wrong passwords end a link (RST-4).
const maxFailures = 5

// ErrNoLink means that there is no such link: it was never made, is spent, was
// replaced, or has expired.
var ErrNoLink = errors.New("recovery: no such link")

// Link is a mailed link. Only the digest of its token is stored.
type Link struct {
	SubscriberID string
	Purpose      Purpose
	Digest       []byte
	Browser      []byte // that asked for it; it gets nothing from that but its own ID filled in
	ExpiresAt    time.Time
}

// LinkOutcome is what came of a link and a password.
type LinkOutcome string

// The outcomes.
const (
	Initialised   LinkOutcome = "initialized"
	LinkDead      LinkOutcome = "link dead"
	LinkThrottled LinkOutcome = "throttled"
	LinkRejected  LinkOutcome = "password rejected"
	OtherPerson   LinkOutcome = "of another person"
	LinkSuspended LinkOutcome = "account suspended"
)

// LinkVerdict is what came of a link, and what the person may know of it.
type LinkVerdict struct {
	Outcome   LinkOutcome
	WaitUntil time.Time // after LinkThrottled
}

// Opened is a link in a browser, with what was typed there.
type Opened struct {
	Token           string
	SPSID, Password string
	Known           string // token by which the browser is known, or empty
	Browser         []byte
	Client          web.Client
}

// Confirm initializes the TOTP of the person whose link and password these are,
// and gives the browser a ticket.
func (s *Service) Confirm(ctx context.Context, o Opened) (v LinkVerdict, err error) {
	answer, err := s.Passwords.Ask(ctx, password.Attempt{SPSID: o.SPSID, Password: o.Password, Known: o.Known,
		Address: o.Client.Address, Campus: o.Client.Campus})
	if err != nil {
		return LinkVerdict{}, err
	}
	err = s.InTx(ctx, func(tx Tx) error {
		v, err = s.judgeLink(ctx, tx, answer, o)
		return err
	})
	return v, err
}

func (s *Service) judgeLink(ctx context.Context, tx Tx, answer password.Answer, o Opened) (v LinkVerdict, err error) {
	if answer.Refused {
		v = LinkVerdict{Outcome: LinkThrottled, WaitUntil: answer.WaitUntil}
		if !answer.Telling {
			return v, nil
		}
		return v, s.recordLink(ctx, tx, v.Outcome, answer.Subscriber.ID, o)
	}
	if err := s.Passwords.Settle(ctx, tx, answer); err != nil {
		return LinkVerdict{}, err
	}
	link, err := tx.RecoveryLink(ctx, Initialise, secret.Digest(o.Token), s.Now())
	if err != nil && !errors.Is(err, ErrNoLink) {
		return LinkVerdict{}, err
	}
	alive, who := err == nil, answer.Subscriber
	switch {
	case !answer.Accepted:
		v.Outcome, err = LinkRejected, nil
		if alive && link.SubscriberID == who.ID {
			err = tx.CountLinkFailure(ctx, link, maxFailures) //guard:A17
		}
	case who.Status != directory.Active: //guard:SES-9
		v.Outcome, err = LinkSuspended, nil
	case !alive || !s.Mail.Allows(who): //guard:RST-1
		v.Outcome, err = LinkDead, nil
	case link.SubscriberID != who.ID: //guard:RST-4
		v.Outcome = OtherPerson
		err = s.tellOwner(ctx, tx, link, o)
	default:
		v.Outcome, err = s.initialise(ctx, tx, link, who, o)
	}
	if err != nil {
		return LinkVerdict{}, err
	}
	return v, s.recordLink(ctx, tx, v.Outcome, who.ID, o)
}

func (s *Service) recordLink(ctx context.Context, tx Tx, outcome LinkOutcome, subscriberID string, o Opened) error {
	return tx.AppendAudit(ctx, audit.Event{At: s.Now(), Name: audit.RecoveryLink, Outcome: string(outcome), Actor: subscriberID, Subscriber: subscriberID,
		Target: fmt.Sprintf("%x", secret.Digest(o.Token)[:4]), Address: o.Client.Address.String(), AgentHash: audit.HashAgent(o.Client.Agent),
		Detail: map[string]string{audit.DetailDevice: o.Client.Name()}})
}

// tellOwner tells whose link it is that somebody else tried it.
func (s *Service) tellOwner(ctx context.Context, tx Tx, link Link, o Opened) error {
	owner, err := tx.Subscriber(ctx, link.SubscriberID)
	if err != nil {
		return err
	}
	return s.tell(ctx, tx, owner, o.Client, notice.InitWrongID, nil)
}

// initialise spends the link.
func (s *Service) initialise(ctx context.Context, tx Tx, link Link, who directory.Subscriber, o Opened) (LinkOutcome, error) {
	spent, err := tx.SpendRecoveryLink(ctx, link, s.Now())
	if err != nil {
		return "", err
	}
	if !spent { //guard:RST-1
		return LinkDead, nil
	}
	right := ticket.New(who.ID, o.Browser, authenticator.ByLink, s.Now())
	return Initialised, s.takeAway(ctx, tx, who, Claimant{Client: o.Client, Browser: o.Browser}, right, notice.HowLink)
}

// takeAway ends all sessions and refresh tokens of a person, suspends the
// authenticators, and lets this browser enrol (RST-5).
func (s *Service) takeAway(ctx context.Context, tx Tx, who directory.Subscriber, c Claimant, right ticket.Ticket, how mail.Text) error {
	now := s.Now()
	for _, do := range []func() error{
		func() error { return tx.EndSessions(ctx, who.ID) },
		func() error { return tx.DeleteGrantsOf(ctx, who.ID) },
		func() error { return tx.EndWaysBack(ctx, who.ID) },
		func() error { return tx.InitialiseTOTP(ctx, who.ID) },
		func() error { return tx.SetRecovered(ctx, who.ID, now) },
		func() error {
			return tx.ResetAttempts(ctx, who.ID, throttle.Code, throttle.CodeKnown, throttle.FactorUnknown, throttle.Factor, throttle.Refused)
		},
		func() error { return tx.IssueTicket(ctx, right) },
		func() error {
			return s.tell(ctx, tx, who, c.Client, notice.Initialized, mail.Values{"how": how})
		},
	} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// Asked returns the SPS-ID of the person whose link it is, if this is the
// browser that asked for it, and nothing otherwise.
func (s *Service) Asked(ctx context.Context, token string, browser []byte) (spsID string, err error) {
	err = s.View(ctx, func(tx Reader) error {
		spsID = ""
		link, err := tx.RecoveryLink(ctx, Initialise, secret.Digest(token), s.Now())
		if errors.Is(err, ErrNoLink) || err == nil && (browser == nil || string(link.Browser) != string(browser)) {
			return nil
		}
		if err != nil {
			return err
		}
		who, err := tx.Subscriber(ctx, link.SubscriberID)
		spsID = who.SPSID
		return err
	})
	return spsID, err
}

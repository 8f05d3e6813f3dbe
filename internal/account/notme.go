package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"warifu/internal/audit"
	"warifu/internal/authenticator/password"
	"warifu/internal/directory"
	"warifu/internal/flow"
	"warifu/internal/helpdesk"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/web"
)

// ErrNoNotMe means that there is no such right to report a change: it was never
// given, is spent, or has expired.
var ErrNoNotMe = errors.New("account: no such right to report")

// ReportOutcome is how an attempt to report a change ended.
type ReportOutcome string

// The outcomes.
const (
	Reported        ReportOutcome = "reported"
	ReportDead      ReportOutcome = "no right to report"
	ReportThrottled ReportOutcome = "throttled"
	ReportRejected  ReportOutcome = "password rejected"
	ReportOther     ReportOutcome = "of another person"
	ReportSuspended ReportOutcome = "account suspended"
)

// ReportVerdict is what came of a report, and what the person may know of it.
type ReportVerdict struct {
	Outcome   ReportOutcome
	WaitUntil time.Time // after ReportThrottled
	Flow      string    // after Reported: by which this browser's page follows its case; empty if there is none
}

// Report is what somebody typed who reports a change.
type Report struct {
	SPSID, Password string
	Known           string // token by which the browser is known, or empty
	Browser         []byte
	Client          web.Client
}

// NotMeTx reads and spends rights to report.
type NotMeTx interface {
	// NotMe returns the right with a digest, or [ErrNoNotMe].
	NotMe(ctx context.Context, digest []byte, now time.Time) (NotMe, error)
	// SpendNotMe takes a right that has not expired, and all others of its
	// subscriber with it, and reports whether it did.
	SpendNotMe(ctx context.Context, n NotMe, now time.Time) (bool, error)
}

// FreezeTx stops what may be somebody else's work.
type FreezeTx interface {
	// Freeze stops the settings and the recovery by mail of a subscriber.
	Freeze(ctx context.Context, subscriberID string, now time.Time) error
	EndSessions(ctx context.Context, subscriberID string) error
	// DeleteGrantsOf revokes what services hold of a subscriber, refresh tokens included.
	DeleteGrantsOf(ctx context.Context, subscriberID string) error
	// EndWaysBack ends the links, OTPs and tickets of a subscriber.
	EndWaysBack(ctx context.Context, subscriberID string) error
}

// ReportTx is what a report needs of a transaction.
type ReportTx interface {
	NotMeTx
	ChangeTx
	FreezeTx
	password.GuardTx
	helpdesk.CallerTx
}

// Reports takes the word of a person that a change was somebody else's (ADR-5).
// Whoever says so has to know the password of the account. Then, in one
// transaction, settings and recovery by mail stop, all sessions and refresh
// tokens end, and so do all mailed links, OTPs and tickets. Only the help desk or
// an administrator lifts it. InTx and View may run their function more than once.
type Reports struct {
	InTx      func(ctx context.Context, fn func(ReportTx) error) error
	View      func(ctx context.Context, fn func(ChangeReader) error) error
	Passwords *password.Guard
	Notices   *notice.Service
	Words     notice.Words
	Desk      *helpdesk.Reception
	Now       func() time.Time
}

// ByToken takes the report of somebody who was mailed the right to it. Until the
// password is right, a right that is dead looks like one that is not.
func (s *Reports) ByToken(ctx context.Context, token string, r Report) (ReportVerdict, error) {
	digest := secret.Digest(token)
	target := fmt.Sprintf("%x", digest[:4])
	return s.take(ctx, r, target, func(tx ReportTx, who directory.Subscriber) (ReportOutcome, error) {
		right, err := tx.NotMe(ctx, digest, s.Now())
		switch {
		case errors.Is(err, ErrNoNotMe): //guard:ADR-5
			return ReportDead, nil
		case err != nil:
			return "", err
		case right.SubscriberID != who.ID: //guard:ADR-5
			return ReportOther, nil
		}
		spent, err := tx.SpendNotMe(ctx, right, s.Now())
		if err == nil && !spent { //guard:ADR-5
			return ReportDead, nil
		}
		return Reported, err
	})
}

// take verifies the password, and has allowed say whether its owner may report.
func (s *Reports) take(ctx context.Context, r Report, target string, allowed func(ReportTx, directory.Subscriber) (ReportOutcome, error)) (v ReportVerdict, err error) {
	answer, err := s.Passwords.Ask(ctx, password.Attempt{SPSID: r.SPSID, Password: r.Password, Known: r.Known,
		Address: r.Client.Address, Campus: r.Client.Campus})
	if err != nil {
		return ReportVerdict{}, err
	}
	err = s.InTx(ctx, func(tx ReportTx) error {
		if v, err = s.judge(ctx, tx, answer, r, allowed); err != nil {
			return err
		}
		if answer.Refused && !answer.Telling {
			return nil
		}
		who := answer.Subscriber.ID
		return tx.AppendAudit(ctx, audit.Event{At: s.Now(), Name: audit.ChangeReported, Outcome: string(v.Outcome), Actor: who, Subscriber: who,
			Target: target, Address: r.Client.Address.String(), AgentHash: audit.HashAgent(r.Client.Agent)})
	})
	return v, err
}

func (s *Reports) judge(ctx context.Context, tx ReportTx, answer password.Answer, r Report, allowed func(ReportTx, directory.Subscriber) (ReportOutcome, error)) (v ReportVerdict, err error) {
	if answer.Refused {
		return ReportVerdict{Outcome: ReportThrottled, WaitUntil: answer.WaitUntil}, nil
	}
	if err := s.Passwords.Settle(ctx, tx, answer); err != nil {
		return ReportVerdict{}, err
	}
	who := answer.Subscriber
	switch {
	case !answer.Accepted: //guard:ADR-5
		v.Outcome = ReportRejected
	case who.Status != directory.Active: //guard:SES-9
		v.Outcome = ReportSuspended
	default:
		if v.Outcome, err = allowed(tx, who); err == nil && v.Outcome == Reported {
			v.Flow, err = s.freeze(ctx, tx, who, r)
		}
	}
	return v, err
}

// freeze ends whatever may be in somebody else's hands, and opens a case. Of a
// second report, while the first is not settled, nobody is told again.
func (s *Reports) freeze(ctx context.Context, tx ReportTx, who directory.Subscriber, r Report) (flowID string, err error) {
	for _, do := range []func() error{
		func() error { return tx.Freeze(ctx, who.ID, s.Now()) },
		func() error { return tx.EndSessions(ctx, who.ID) },
		func() error { return tx.DeleteGrantsOf(ctx, who.ID) },
		func() error { return tx.EndWaysBack(ctx, who.ID) },
		func() error { return s.Desk.EndOpen(ctx, tx, who.ID, helpdesk.Alarmed) },
	} {
		if err := do(); err != nil {
			return "", err
		}
	}
	if !who.Frozen() {
		err := s.Notices.Tell(ctx, tx, notice.Notice{Kind: notice.Reported, Subscriber: who, At: s.Now(),
			Browser: notice.Device(r.Client, s.Words), Place: notice.Place(r.Client, s.Words)})
		if err != nil {
			return "", err
		}
	}
	key := flow.Key{ID: rand.Text(), Browser: r.Browser}
	_, answer, err := s.Desk.Open(ctx, tx, who, helpdesk.Opening{Kind: helpdesk.Report, Cause: helpdesk.Alien, Flow: key, Client: r.Client})
	if err != nil || answer != helpdesk.Opened { // the report stands all the same
		return "", err
	}
	return key.ID, nil
}

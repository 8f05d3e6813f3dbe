package helpdesk

import (
	"context"
	"time"

	"warifu/internal/audit"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
	"warifu/internal/directory/local"
	"warifu/internal/history"
	"warifu/internal/mail"
	"warifu/internal/notice"
)

// Standing is what an agent may know of a person without a case: states in
// words, never a secret, an address or a number (HD-17).
type Standing struct {
	Means
	Person   directory.Subscriber
	Wait     time.Time // until when the account has to wait; zero if it has not
	Mails    []MailState
	Timeline []history.Entry
}

// Means are what a person has left to come in with, and to be reached by.
type Means struct {
	Active    int // Authenticators
	Suspended int // those that an initialization took away
	Passkeys  int
	Codes     int // for recovery, unused
	Addresses int
	Bounced   bool // mail does not arrive at one of them
}

// MeansReader reads what a person has left.
type MeansReader interface {
	TOTPAuthenticators(ctx context.Context, subscriberID string) ([]totp.Authenticator, error)
	Passkeys(ctx context.Context, subscriberID string) ([]passkey.Credential, error)
	RecoveryCodesLeft(ctx context.Context, subscriberID string) (int, time.Time, error)
	Addresses(ctx context.Context, subscriberID string) ([]directory.NotificationAddress, error)
}

func meansOf(ctx context.Context, tx MeansReader, id string) (m Means, err error) {
	all, err := tx.TOTPAuthenticators(ctx, id)
	if err != nil {
		return m, err
	}
	for _, one := range all {
		switch one.State {
		case totp.Active:
			m.Active++
		case totp.Suspended:
			m.Suspended++
		}
	}
	keys, err := tx.Passkeys(ctx, id)
	if err != nil {
		return m, err
	}
	addresses, err := tx.Addresses(ctx, id)
	if err != nil {
		return m, err
	}
	for _, one := range addresses {
		m.Bounced = m.Bounced || !one.BouncedAt.IsZero()
	}
	m.Passkeys, m.Addresses = len(keys), len(addresses)
	m.Codes, _, err = tx.RecoveryCodesLeft(ctx, id)
	return m, err
}

// MailState is what became of one mail.
type MailState struct {
	At    time.Time
	State string // queued, sent or abandoned
}

// LookUpTx is what a look-up needs of a transaction.
type LookUpTx interface {
	history.Reader
	notice.Tx
	MeansReader
	SubscriberBySPSID(ctx context.Context, spsID string) (directory.Subscriber, string, error)
	// WaitOf returns until when an account has to wait; zero if it has not.
	WaitOf(ctx context.Context, subscriberID string, now time.Time) (time.Time, error)
	// LastMails returns the newest mails to a subscriber.
	LastMails(ctx context.Context, subscriberID string, most int) ([]MailState, error)
	AppendAudit(ctx context.Context, e audit.Event) error
}

// LookUp looks at a person without a case, and protects. Whatever gives a right
// needs a case or an administrator (decisions §3.5). InTx may run its function
// more than once.
type LookUp struct {
	InTx      func(ctx context.Context, fn func(LookUpTx) error) error
	Directory *local.Service
	Notices   *notice.Service
	Domains   []string
	Need      int // strong items that must match before a wait is cleared
	Now       func() time.Time
}

const (
	lastMails = 5
	timeline  = 20
)

// Of returns the standing of a person, who is told of the look-up. Its error is a
// [directory.ErrNotFound] if there is none, and a [BlockedError] without a proper reason.
func (l *LookUp) Of(ctx context.Context, a Agent, spsID, reason string) (s Standing, err error) {
	if err := reasoned(reason); err != nil { //guard:HD-17
		return Standing{}, err
	}
	err = l.InTx(ctx, func(tx LookUpTx) error {
		s, err = l.of(ctx, tx, spsID)
		if err != nil {
			return err
		}
		now := l.Now()
		event := a.event(audit.DeskLookUp, "", "", now)
		event.Subscriber, event.Reason = s.Person.ID, reason
		if err := tx.AppendAudit(ctx, event); err != nil {
			return err
		}
		return l.Notices.Tell(ctx, tx, notice.Notice{Kind: notice.LookedUp, Subscriber: s.Person, At: now, Values: mail.Values{"reason": reason}})
	})
	return s, err
}

func (l *LookUp) of(ctx context.Context, tx LookUpTx, spsID string) (s Standing, err error) {
	now := l.Now()
	if s.Person, _, err = tx.SubscriberBySPSID(ctx, directory.FoldID(spsID, l.Domains)); err != nil {
		return s, err
	}
	id := s.Person.ID
	if s.Means, err = meansOf(ctx, tx, id); err != nil {
		return s, err
	}
	if s.Wait, err = tx.WaitOf(ctx, id, now); err != nil {
		return s, err
	}
	if s.Mails, err = tx.LastMails(ctx, id, lastMails); err != nil {
		return s, err
	}
	s.Timeline, err = history.Of(ctx, tx, id, now)
	s.Timeline = s.Timeline[:min(len(s.Timeline), timeline)]
	return s, err
}

// Act is what an agent may do without a case.
type Act string

// The acts.
const (
	EndSessions Act = "sessions"
	Suspend     Act = "suspend"
	ClearWait   Act = "wait" // after an identity check
)

// Protect does one of the acts.
func (l *LookUp) Protect(ctx context.Context, a Agent, spsID, reason string, act Act, checks Checks) error {
	if err := reasoned(reason); err != nil { //guard:HD-17
		return err
	}
	who, err := l.Directory.Show(ctx, spsID)
	switch {
	case err != nil:
		return err
	case samePerson(a.Subscriber, who): //guard:HD-6
		return ErrSelf
	case who.Role == directory.RoleAdministrator && a.Subscriber.Role != directory.RoleAdministrator: //guard:A32
		return ErrRank
	}
	people := l.Directory.As(a.by())
	switch act {
	case EndSessions:
		return people.EndSessions(ctx, spsID, reason)
	case Suspend:
		return people.Suspend(ctx, spsID, reason)
	case ClearWait:
		if !checks.Confirms(l.Need) { //guard:HD-4
			return &BlockedError{Blocks: []Block{NoIdentity}}
		}
		return people.ClearWaits(ctx, spsID, reason+" ("+checks.String()+")") // the trail says upon what
	}
	return ErrNoCase
}

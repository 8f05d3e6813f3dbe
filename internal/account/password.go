package account

import (
	"context"
	"time"

	"warifu/internal/audit"
	"warifu/internal/authenticator/password"
	"warifu/internal/directory"
	"warifu/internal/helpdesk"
	"warifu/internal/notice"
)

// PasswordOutcome is how a change of the password ended.
type PasswordOutcome string

// The outcomes. Faults of the new password are not among them: nothing was
// verified then.
const (
	PasswordChanged  PasswordOutcome = "changed"
	PasswordRejected PasswordOutcome = "present password rejected"
	PasswordPaused   PasswordOutcome = "too many wrong passwords"
)

// PasswordChange is what a person typed.
type PasswordChange struct {
	Present, Chosen string
	Known           string // token by which the browser is known, or empty
}

// PasswordVerdict is an outcome, and what the person may know of it.
type PasswordVerdict struct {
	Outcome   PasswordOutcome
	Fault     password.Fault // of the new one; nothing was verified
	WaitUntil time.Time      // after PasswordPaused; zero if waiting does not help
}

// PasswordTx is what changing a password needs of a transaction.
type PasswordTx interface {
	SessionTx
	password.GuardTx
	helpdesk.CallerTx
	SetPassword(ctx context.Context, subscriberID, hash string, now time.Time) error
	// DeleteGrantsOf revokes what services hold of a subscriber.
	DeleteGrantsOf(ctx context.Context, subscriberID string) error
	// EndWaysBack ends the links, OTPs, the ticket and the trusted browsers of a
	// subscriber.
	EndWaysBack(ctx context.Context, subscriberID string) error
	// EndHalfSignIns ends the sign-ins and recoveries that the old password has begun.
	EndHalfSignIns(ctx context.Context, subscriberID string) error
}

// Passwords changes passwords.
type Passwords struct {
	InTx    func(ctx context.Context, fn func(PasswordTx) error) error
	Guard   *password.Guard
	Rules   *password.Rules
	Notices *notice.Service
	Words   notice.Words
	Desk    *helpdesk.Reception
	Now     func() time.Time
}

// Change changes the password of a person who knows the present one, and ends
// whatever else the old one has opened (PW-5).
func (s *Passwords) Change(ctx context.Context, a Actor, who directory.Subscriber, c PasswordChange) (PasswordVerdict, error) {
	if fault := s.Rules.Check(who, c.Chosen); fault != "" {
		return PasswordVerdict{Fault: fault}, nil
	}
	answer, err := s.Guard.Ask(ctx, password.Attempt{SPSID: who.SPSID, Password: c.Present, Known: c.Known, Address: a.Address, Campus: a.Campus})
	if err != nil {
		return PasswordVerdict{}, err
	}
	if answer.Refused {
		return s.paused(ctx, a, answer)
	}
	v, hash := PasswordVerdict{Outcome: PasswordRejected}, ""
	if answer.Accepted { //guard:PW-5
		v.Outcome = PasswordChanged
		if hash, err = s.Guard.Hasher.Hash(ctx, c.Chosen); err != nil {
			return PasswordVerdict{}, err
		}
	}
	err = s.InTx(ctx, func(tx PasswordTx) error {
		if err := s.Guard.Settle(ctx, tx, answer); err != nil {
			return err
		}
		if err := tx.AppendAudit(ctx, a.event(audit.PasswordChanged, string(v.Outcome), s.Now())); err != nil {
			return err
		}
		if v.Outcome != PasswordChanged {
			return nil
		}
		return s.set(ctx, tx, a, who, hash)
	})
	if err != nil {
		return PasswordVerdict{}, err
	}
	return v, nil
}

// paused records a refusal, where that tells something.
func (s *Passwords) paused(ctx context.Context, a Actor, answer password.Answer) (PasswordVerdict, error) {
	v := PasswordVerdict{Outcome: PasswordPaused, WaitUntil: answer.WaitUntil}
	if !answer.Telling {
		return v, nil
	}
	return v, s.InTx(ctx, func(tx PasswordTx) error {
		return tx.AppendAudit(ctx, a.event(audit.PasswordChanged, string(v.Outcome), s.Now()))
	})
}

func (s *Passwords) set(ctx context.Context, tx PasswordTx, a Actor, who directory.Subscriber, hash string) error {
	if err := tx.SetPassword(ctx, who.ID, hash, s.Now()); err != nil {
		return err
	}
	all, err := tx.SessionsOf(ctx, who.ID)
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.ID == a.SessionID {
			continue
		}
		if err := tx.EndSession(ctx, other); err != nil { //guard:PW-5
			return err
		}
	}
	for _, end := range []func(context.Context, string) error{tx.DeleteGrantsOf, tx.EndWaysBack, tx.EndHalfSignIns} {
		if err := end(ctx, who.ID); err != nil {
			return err
		}
	}
	if err := s.Desk.EndOpen(ctx, tx, who.ID, helpdesk.PasswordNew); err != nil {
		return err
	}
	return s.Notices.Tell(ctx, tx, a.notice(notice.Password, who, s.Words, nil, s.Now()))
}

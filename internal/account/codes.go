package account

import (
	"context"
	"io"
	"time"

	"warifu/internal/audit"
	"warifu/internal/authenticator/recoverycode"
	"warifu/internal/directory"
	"warifu/internal/notice"
	"warifu/internal/secret"
)

// CodeReader is what counting recovery codes needs of a transaction.
type CodeReader interface {
	// RecoveryCodesLeft returns how many are unused, and when the set was made:
	// zero if there is none.
	RecoveryCodesLeft(ctx context.Context, subscriberID string) (int, time.Time, error)
}

// CodeTx is what making them needs of a transaction.
type CodeTx interface {
	CodeReader
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
	// ReplaceRecoveryCodes stores a set in place of any other (REC-1).
	ReplaceRecoveryCodes(ctx context.Context, subscriberID string, digests [][]byte, now time.Time) error
	AppendAudit(ctx context.Context, e audit.Event) error
	notice.Tx
}

// RecoveryCodes lets people make the codes that stand in for a lost second factor.
// InTx and View may run their function more than once.
type RecoveryCodes struct {
	InTx    func(ctx context.Context, fn func(CodeTx) error) error
	View    func(ctx context.Context, fn func(CodeReader) error) error
	Codes   *secret.MAC
	Notices *notice.Service
	Words   notice.Words
	Random  io.Reader
	Now     func() time.Time
}

// Left returns how many codes a person has, and when they were made: zero if
// there never was a set.
func (s *RecoveryCodes) Left(ctx context.Context, subscriberID string) (left int, made time.Time, err error) {
	err = s.View(ctx, func(tx CodeReader) error {
		left, made, err = tx.RecoveryCodesLeft(ctx, subscriberID)
		return err
	})
	return left, made, err
}

// Make makes a new set, which ends the old one, and returns it: nobody can show
// it again. The caller has seen to a second factor that is fresh.
func (s *RecoveryCodes) Make(ctx context.Context, a Actor) ([]string, error) {
	codes, err := recoverycode.NewSet(s.Random)
	if err != nil {
		return nil, err
	}
	var digests [][]byte
	for _, code := range codes {
		digests = append(digests, recoverycode.Digest(s.Codes, a.SubscriberID, code))
	}
	err = s.InTx(ctx, func(tx CodeTx) error {
		who, err := tx.Subscriber(ctx, a.SubscriberID)
		if err != nil {
			return err
		}
		if err := tx.ReplaceRecoveryCodes(ctx, a.SubscriberID, digests, s.Now()); err != nil {
			return err
		}
		if err := tx.AppendAudit(ctx, a.event(audit.RecoveryCodes, "made", s.Now())); err != nil {
			return err
		}
		return s.Notices.Tell(ctx, tx, a.notice(notice.CodesMade, who, s.Words, nil, s.Now()))
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

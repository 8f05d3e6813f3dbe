package signin

import (
	"context"
	"fmt"
	"time"

	"warifu/internal/directory"
	"warifu/internal/mail"
	"warifu/internal/notice"
)

// stoppedEvery is how often at most a person is told of sign-ins that stopped.
const stoppedEvery = time.Hour

// Stopped are sign-ins of one person that went past the password and not past
// the second factor: flows that ended after wrong codes.
type Stopped struct {
	SubscriberID string
	Flows        int64
	From, To     time.Time // when the first and the last of them ended
}

// StoppedTx is what telling people of stopped sign-ins needs of a transaction.
type StoppedTx interface {
	notice.Tx
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
	// StoppedSigninFlows returns those that nobody was told of, of some people.
	StoppedSigninFlows(ctx context.Context, now time.Time) ([]Stopped, error)
	// TakeStopped deletes the stopped flows of a person, and reports whether it
	// did: not if there was a notice less than a time ago.
	TakeStopped(ctx context.Context, s Stopped, every time.Duration, now time.Time) (bool, error)
}

// TellStopped tells people that somebody, who knew the password, did not come
// past the second factor (NOT-1): they alone can say whether it was them.
func (s *Service) TellStopped(ctx context.Context, inTx func(context.Context, func(StoppedTx) error) error) error {
	return inTx(ctx, func(tx StoppedTx) error {
		now := s.Now()
		all, err := tx.StoppedSigninFlows(ctx, now)
		if err != nil {
			return err
		}
		for _, one := range all {
			taken, err := tx.TakeStopped(ctx, one, stoppedEvery, now)
			if err != nil {
				return err
			}
			if !taken {
				continue
			}
			who, err := tx.Subscriber(ctx, one.SubscriberID)
			if err != nil {
				return err
			}
			if err := s.Notices.Tell(ctx, tx, stoppedNotice(who, one, now)); err != nil {
				return fmt.Errorf("signin: stopped sign-ins: %w", err)
			}
		}
		return nil
	})
}

func stoppedNotice(who directory.Subscriber, one Stopped, now time.Time) notice.Notice {
	return notice.Notice{Kind: notice.Stopped, Subscriber: who, At: now,
		Values: mail.Values{"n": one.Flows, "from": one.From.Add(-lifetime), "to": one.To}}
}

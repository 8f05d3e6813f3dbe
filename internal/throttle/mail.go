package throttle

import (
	"context"
	"time"
)

// MailTx is what bounding the mails that a person asks for needs of a transaction.
type MailTx interface {
	// MailRequests returns when the person asked for mails since a time, the
	// oldest first.
	MailRequests(ctx context.Context, subscriberID string, since time.Time) ([]time.Time, error)
	// NoteMailRequest notes a request, and forgets those before a time. It reports
	// whether it did: not if another one was noted after the newest that is known.
	NoteMailRequest(ctx context.Context, subscriberID string, at, newest, forget time.Time) (bool, error)
}

// day is the longest time in which mails are counted.
const day = 24 * time.Hour

// ReserveMail counts a mail that a person asks for, unless there were too many
// (THR-9). Otherwise next is when one may be asked for again.
func (p Policy) ReserveMail(ctx context.Context, tx MailTx, subscriberID string, now time.Time) (allowed bool, next time.Time, err error) {
	newest := now.Add(-day)
	before, err := tx.MailRequests(ctx, subscriberID, newest)
	if err != nil {
		return false, time.Time{}, err
	}
	if next = p.nextMail(before); now.Before(next) { //guard:THR-9
		return false, next, nil
	}
	if len(before) > 0 {
		newest = before[len(before)-1]
	}
	noted, err := tx.NoteMailRequest(ctx, subscriberID, now, newest, now.Add(-day))
	return noted, now.Add(p.MailPause), err
}

// nextMail returns when the next mail may be asked for after those at the given
// times, the oldest first: zero if at any time.
func (p Policy) nextMail(before []time.Time) (next time.Time) {
	for _, limit := range []struct {
		most   int64
		within time.Duration
	}{{1, p.MailPause}, {p.MailBurst, p.MailWindow}, {p.MailDay, day}} {
		if n := int64(len(before)) - limit.most; n >= 0 {
			if free := before[n].Add(limit.within); free.After(next) {
				next = free
			}
		}
	}
	return next
}

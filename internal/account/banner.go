package account

import (
	"context"
	"errors"
	"time"

	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/notice"
)

// Unseen is what a person should see on every page: the newest first.
type Unseen struct {
	Changes []notice.Change // neither recognized nor reported
	Bounced []string        // notification addresses that mail does not reach (MAIL-10)
}

// BannerReader is what the frame of a page needs of a transaction.
type BannerReader interface {
	// Banners returns what happened before a time. It is one query.
	Banners(ctx context.Context, subscriberID string, before time.Time) (Unseen, error)
}

// ErrNoChange means that the person has no such change.
var ErrNoChange = errors.New("account: no such change")

// ChangeReader is what showing a change needs of a transaction.
type ChangeReader interface {
	// Change returns a change of a subscriber, or [ErrNoChange].
	Change(ctx context.Context, subscriberID, id string) (notice.Change, error)
}

// ChangeTx is what recognizing a change needs of a transaction.
type ChangeTx interface {
	ChangeReader
	// SeeChange takes a change out of the banners, and reports whether it was there.
	SeeChange(ctx context.Context, subscriberID, id string, now time.Time) (bool, error)
	AppendAudit(ctx context.Context, e audit.Event) error
}

// Change returns a change of a person, or [ErrNoChange].
func (s *Reports) Change(ctx context.Context, a Actor, id string) (c notice.Change, err error) {
	err = s.View(ctx, func(tx ChangeReader) error {
		c, err = tx.Change(ctx, a.SubscriberID, id)
		return err
	})
	return c, err
}

// Recognize takes the word of a person that a change was his own.
func (s *Reports) Recognize(ctx context.Context, a Actor, id string) error {
	return s.InTx(ctx, func(tx ReportTx) error {
		c, err := tx.Change(ctx, a.SubscriberID, id)
		if err != nil {
			return err
		}
		seen, err := tx.SeeChange(ctx, a.SubscriberID, id, s.Now())
		if err != nil || !seen { // by another tab
			return err
		}
		return tx.AppendAudit(ctx, a.event(audit.ChangeRecognized, string(c.Kind), s.Now()))
	})
}

// Unrecognized takes the report of somebody who is signed in: of one of his
// changes, and with his own password.
func (s *Reports) Unrecognized(ctx context.Context, a Actor, id string, r Report) (ReportVerdict, error) {
	return s.take(ctx, r, id, func(tx ReportTx, who directory.Subscriber) (ReportOutcome, error) {
		if who.ID != a.SubscriberID { //guard:ADR-5
			return ReportOther, nil
		}
		if _, err := tx.Change(ctx, who.ID, id); err != nil {
			return "", err
		}
		_, err := tx.SeeChange(ctx, who.ID, id, s.Now())
		return Reported, err
	})
}

// UnrecognizedEntry takes the report of somebody who is signed in, of an entry that
// [history.Service.Entry] has returned, and with his own password.
func (s *Reports) UnrecognizedEntry(ctx context.Context, a Actor, id string, r Report) (ReportVerdict, error) {
	return s.take(ctx, r, id, func(_ ReportTx, who directory.Subscriber) (ReportOutcome, error) {
		if who.ID != a.SubscriberID { //guard:ADR-5
			return ReportOther, nil
		}
		return Reported, nil
	})
}

package store

import (
	"context"
	"fmt"
	"time"

	"warifu/internal/mail"
)

// EnqueueMail implements [mail.Queue].
func (tx *Tx) EnqueueMail(ctx context.Context, row mail.OutboxRow) error {
	_, err := tx.exec(ctx,
		`INSERT INTO mail_outbox (subscriber_id, id, created_at, next_try_at, expires_at, locked_until, tries, state, ended_at, sealed)
		 VALUES ($1, $2, $3, $4, $5, 0, 0, 'queued', 0, $6)`,
		row.SubscriberID, row.ID, millis(row.CreatedAt), millis(row.NextTryAt), millis(row.ExpiresAt), row.Sealed)
	if err != nil {
		return fmt.Errorf("store: enqueue mail: %w", err)
	}
	if tx.db.onMail != nil {
		tx.after = append(tx.after, tx.db.onMail)
	}
	return nil
}

// claimCandidates is how many due mails a dispatcher looks at before it takes
// one, since other nodes take the same ones at the same time.
const claimCandidates = 16

// ClaimMail implements [mail.Tx].
func (tx *Tx) ClaimMail(ctx context.Context, now, lockedUntil time.Time) (row mail.OutboxRow, found bool, err error) {
	due, err := tx.dueMail(ctx, now)
	if err != nil {
		return row, false, fmt.Errorf("store: claim mail: %w", err)
	}
	for _, row := range due {
		n, err := tx.exec(ctx,
			`UPDATE mail_outbox SET locked_until = $3, tries = tries + 1
			  WHERE subscriber_id = $1 AND id = $2 AND state = 'queued' AND next_try_at <= $4 AND locked_until <= $4`,
			row.SubscriberID, row.ID, millis(lockedUntil), millis(now))
		if err != nil {
			return mail.OutboxRow{}, false, fmt.Errorf("store: claim mail: %w", err)
		}
		if n == 1 {
			row.Tries++
			row.LockedUntil = fromMillis(millis(lockedUntil))
			return row, true, nil
		}
	}
	return mail.OutboxRow{}, false, nil
}

func (tx *Tx) dueMail(ctx context.Context, now time.Time) (due []mail.OutboxRow, err error) {
	scan := func(r row) error {
		row := mail.OutboxRow{State: mail.Queued}
		var created, next, expires int64
		if err := r.Scan(&row.SubscriberID, &row.ID, &created, &next, &expires, &row.Tries, &row.Sealed); err != nil {
			return err
		}
		row.CreatedAt, row.NextTryAt, row.ExpiresAt = fromMillis(created), fromMillis(next), fromMillis(expires)
		due = append(due, row)
		return nil
	}
	err = tx.query(ctx, scan,
		`SELECT subscriber_id, id, created_at, next_try_at, expires_at, tries, sealed
		   FROM mail_outbox
		  WHERE state = 'queued' AND next_try_at <= $1 AND locked_until <= $1
		  ORDER BY next_try_at LIMIT $2`, millis(now), claimCandidates)
	return due, err
}

// FinishMail implements [mail.Tx]. That a mail was sent is true whoever holds
// its lock by now.
func (tx *Tx) FinishMail(ctx context.Context, row mail.OutboxRow, state mail.State, at time.Time) error {
	_, err := tx.exec(ctx,
		`UPDATE mail_outbox SET state = $3, ended_at = $4, sealed = NULL
		  WHERE subscriber_id = $1 AND id = $2 AND state = 'queued' AND ($3 = 'sent' OR locked_until = $5)`,
		row.SubscriberID, row.ID, string(state), millis(at), millis(row.LockedUntil))
	if err != nil {
		return fmt.Errorf("store: finish mail: %w", err)
	}
	return nil
}

// RetryMail implements [mail.Tx].
func (tx *Tx) RetryMail(ctx context.Context, row mail.OutboxRow, nextTryAt time.Time) error {
	_, err := tx.exec(ctx,
		`UPDATE mail_outbox SET next_try_at = $3, locked_until = 0
		  WHERE subscriber_id = $1 AND id = $2 AND state = 'queued' AND locked_until = $4`,
		row.SubscriberID, row.ID, millis(nextTryAt), millis(row.LockedUntil))
	if err != nil {
		return fmt.Errorf("store: retry mail: %w", err)
	}
	return nil
}

// MarkBounced implements [mail.Tx].
func (tx *Tx) MarkBounced(ctx context.Context, subscriberID, address string, at time.Time) error {
	_, err := tx.exec(ctx, `UPDATE notification_address SET bounced_at = $3 WHERE subscriber_id = $1 AND address = $2`,
		subscriberID, address, millis(at))
	if err != nil {
		return fmt.Errorf("store: mark bounced: %w", err)
	}
	return nil
}

// MarkAllBounced notes that mail does not reach an address, whosoever it is, and
// returns of how many persons it is.
func (tx *Tx) MarkAllBounced(ctx context.Context, address string, at time.Time) (persons int64, err error) {
	n, err := tx.exec(ctx, `UPDATE notification_address SET bounced_at = $2 WHERE address = $1`, address, millis(at))
	if err != nil {
		return 0, fmt.Errorf("store: mark bounced: %w", err)
	}
	return n, nil
}

// ClearBounced implements [mail.Tx].
func (tx *Tx) ClearBounced(ctx context.Context, subscriberID, address string) error {
	_, err := tx.exec(ctx, `UPDATE notification_address SET bounced_at = 0 WHERE subscriber_id = $1 AND address = $2 AND bounced_at > 0`,
		subscriberID, address)
	if err != nil {
		return fmt.Errorf("store: clear bounced: %w", err)
	}
	return nil
}

// PruneMail implements [mail.Tx].
func (tx *Tx) PruneMail(ctx context.Context, before time.Time, limit int) (int64, error) {
	n, err := tx.exec(ctx,
		`DELETE FROM mail_outbox WHERE (subscriber_id, id) IN (
		     SELECT subscriber_id, id FROM mail_outbox WHERE state <> 'queued' AND ended_at < $1 LIMIT $2)`,
		millis(before), limit)
	if err != nil {
		return 0, fmt.Errorf("store: prune mail: %w", err)
	}
	return n, nil
}

// MailBacklog implements [mail.Reader].
func (tx *Tx) MailBacklog(ctx context.Context) (mail.Backlog, error) {
	var b mail.Backlog
	var oldest int64
	err := tx.queryRow(ctx,
		`SELECT COUNT(*), COALESCE(MIN(created_at), 0) FROM mail_outbox WHERE state = 'queued'`).Scan(&b.Queued, &oldest)
	if err != nil {
		return mail.Backlog{}, fmt.Errorf("store: mail backlog: %w", err)
	}
	b.Oldest = fromMillis(oldest)
	return b, nil
}

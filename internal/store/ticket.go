package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/ticket"
)

// IssueTicket implements [signin.Tx] and [recovery.Tx]. An authenticator that
// was being enrolled with another ticket is given up (TOTP-9).
func (tx *Tx) IssueTicket(ctx context.Context, t ticket.Ticket) error {
	_, err := tx.exec(ctx, `DELETE FROM ticket WHERE browser = $1`, t.Browser)
	if err == nil {
		_, err = tx.exec(ctx,
			`INSERT INTO ticket (subscriber_id, id, browser, bound_by, enrol, password, locked, request, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			 ON CONFLICT (subscriber_id) DO UPDATE SET id = excluded.id, browser = excluded.browser, bound_by = excluded.bound_by,
				enrol = excluded.enrol, password = excluded.password, locked = excluded.locked, request = excluded.request, expires_at = excluded.expires_at`,
			t.SubscriberID, t.ID, t.Browser, t.By, t.Enrol, t.Password, t.Locked, t.Request, millis(t.ExpiresAt))
	}
	if err == nil {
		err = tx.DiscardPendingTOTP(ctx, t.SubscriberID)
	}
	if err != nil {
		return fmt.Errorf("store: issue ticket: %w", err)
	}
	return nil
}

// BrowserTicket returns the ticket that a browser holds and that has not
// lapsed, or [ticket.ErrNone].
func (tx *Tx) BrowserTicket(ctx context.Context, browser []byte, now time.Time) (ticket.Ticket, error) {
	t := ticket.Ticket{Browser: browser}
	var expires int64
	err := tx.queryRow(ctx, `SELECT subscriber_id, id, bound_by, enrol, password, locked, request, expires_at FROM ticket WHERE browser = $1 AND expires_at > $2`,
		bytesOf(browser), millis(now)).Scan(&t.SubscriberID, &t.ID, &t.By, &t.Enrol, &t.Password, &t.Locked, &t.Request, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return ticket.Ticket{}, ticket.ErrNone
	}
	if err != nil {
		return ticket.Ticket{}, fmt.Errorf("store: ticket of a browser: %w", err)
	}
	t.ExpiresAt = fromMillis(expires)
	return t, nil
}

// UnlockTicket takes the lock from a ticket once the activation code was right.
func (tx *Tx) UnlockTicket(ctx context.Context, id string) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE ticket SET locked = FALSE WHERE id = $1 AND locked`, id)
	if err != nil {
		return false, fmt.Errorf("store: unlock ticket: %w", err)
	}
	return n == 1, nil
}

// SpendTicket takes a ticket that gives the right to enrol and has not lapsed, and
// reports whether it did.
func (tx *Tx) SpendTicket(ctx context.Context, id string, browser []byte, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM ticket WHERE id = $1 AND browser = $2 AND enrol AND NOT password AND NOT locked AND expires_at > $3`, id, bytesOf(browser), millis(now))
	if err != nil {
		return false, fmt.Errorf("store: spend ticket: %w", err)
	}
	return n == 1, nil
}

// SpendPasswordRight takes the right to choose a password from a ticket, and
// the whole ticket if it gives no other. It reports whether it did.
func (tx *Tx) SpendPasswordRight(ctx context.Context, id string, browser []byte, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE ticket SET password = FALSE WHERE id = $1 AND browser = $2 AND password AND NOT locked AND expires_at > $3`,
		id, bytesOf(browser), millis(now))
	if err == nil && n == 1 {
		_, err = tx.exec(ctx, `DELETE FROM ticket WHERE id = $1 AND NOT enrol`, id)
	}
	if err != nil {
		return false, fmt.Errorf("store: spend password right: %w", err)
	}
	return n == 1, nil
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/enrolment"
	"warifu/internal/flow"
	"warifu/internal/ticket"
)

var _ enrolment.Tx = (*Tx)(nil)

const enrolmentColumns = `id, browser, subscriber_id, state, ticket_id, totp_id, bound_by, request, rejections, version, until, expires_at`

func scanEnrolment(r row) (enrolment.Flow, error) {
	var f enrolment.Flow
	var until, expires int64
	err := r.Scan(&f.ID, &f.Browser, &f.SubscriberID, &f.State, &f.TicketID, &f.TOTPID, &f.BoundBy, &f.Request,
		&f.Rejections, &f.Version, &until, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return enrolment.Flow{}, flow.ErrNotFound
	}
	if err != nil {
		return enrolment.Flow{}, fmt.Errorf("store: enrolment flow: %w", err)
	}
	f.Until, f.ExpiresAt = fromMillis(until), fromMillis(expires)
	return f, nil
}

// EnrolmentFlow implements [enrolment.Reader].
func (tx *Tx) EnrolmentFlow(ctx context.Context, key flow.Key) (enrolment.Flow, error) {
	return scanEnrolment(tx.queryRow(ctx, `SELECT `+enrolmentColumns+` FROM enrolment_flow WHERE id = $1 AND browser = $2`,
		key.ID, bytesOf(key.Browser)))
}

// TicketEnrolment implements [enrolment.Flows].
func (tx *Tx) TicketEnrolment(ctx context.Context, t ticket.Ticket) (enrolment.Flow, error) {
	return scanEnrolment(tx.queryRow(ctx, `SELECT `+enrolmentColumns+` FROM enrolment_flow WHERE ticket_id = $1 AND browser = $2`,
		t.ID, bytesOf(t.Browser)))
}

// CreateEnrolmentFlow implements [enrolment.Flows].
func (tx *Tx) CreateEnrolmentFlow(ctx context.Context, f enrolment.Flow) error {
	n, err := tx.exec(ctx,
		`INSERT INTO enrolment_flow (`+enrolmentColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
		f.ID, f.Browser, f.SubscriberID, f.State, f.TicketID, f.TOTPID, f.BoundBy, f.Request, f.Rejections, f.Version,
		millis(f.Until), millis(f.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: create enrolment flow: %w", err)
	}
	if n == 0 {
		return flow.ErrConflict
	}
	return nil
}

// UpdateEnrolmentFlow implements [enrolment.Flows].
func (tx *Tx) UpdateEnrolmentFlow(ctx context.Context, f enrolment.Flow) error {
	n, err := tx.exec(ctx,
		`UPDATE enrolment_flow SET state = $3, totp_id = $4, rejections = $5, version = version + 1 WHERE id = $1 AND version = $2`,
		f.ID, f.Version, f.State, f.TOTPID, f.Rejections)
	if err != nil {
		return fmt.Errorf("store: update enrolment flow: %w", err)
	}
	if n == 0 { //guard:SES-5
		return flow.ErrConflict
	}
	return nil
}

// UseActivationCode implements [enrolment.Tx].
func (tx *Tx) UseActivationCode(ctx context.Context, subscriberID string, digest []byte, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM activation_code WHERE subscriber_id = $1 AND digest = $2 AND expires_at > $3`, subscriberID, digest, millis(now))
	if err != nil {
		return false, fmt.Errorf("store: use activation code: %w", err)
	}
	return n == 1, nil
}

package store

import (
	"context"
	"fmt"
	"time"

	"warifu/internal/session"
)

// keepCounts is how long a count of failures is kept after the last one. By
// then every wait is long over, so that nothing is gained by letting it lapse;
// counts that only something else may lift are kept (THR-10).
const keepCounts = 24 * time.Hour

// keepRemoved is how long it is remembered that an address was removed: as long
// as the help desk may turn it back after a report; ADR-8 asks for less.
const keepRemoved = 7 * 24 * time.Hour

// keepChanges is how long the history shows changes (NOT-4), and what readers of
// the FAQ have said.
const keepChanges = 90 * 24 * time.Hour

// RemoveExpired deletes what has ended and means nothing any more. No step
// relies upon it.
func (tx *Tx) RemoveExpired(ctx context.Context, now time.Time, keep int64) error {
	for _, statement := range []string{
		`DELETE FROM signin_flow WHERE expires_at < $1 AND NOT (` + stoppedFlow + `)`, // the others go once their people were told
		`DELETE FROM enrolment_flow WHERE expires_at < $1`,
		`DELETE FROM trusted_browser WHERE expires_at < $1`,
		`DELETE FROM ticket WHERE expires_at < $1`,
		`DELETE FROM mail_otp WHERE expires_at < $1`,
		`DELETE FROM recovery_flow WHERE expires_at < $1`,
		`DELETE FROM recovery_link WHERE expires_at < $1`,
		`DELETE FROM passkey_ceremony WHERE expires_at < $1`,
		`DELETE FROM known_browser WHERE expires_at < $1`,
		`DELETE FROM pending_address WHERE expires_at < $1`,
		`DELETE FROM not_me_token WHERE expires_at < $1`,
	} {
		if _, err := tx.exec(ctx, statement, millis(now)); err != nil {
			return fmt.Errorf("store: remove expired: %w", err)
		}
	}
	for _, statement := range []string{
		`DELETE FROM notice_banner WHERE at < $1`,
		`DELETE FROM faq_answer WHERE day < $1`,
		`DELETE FROM faq_miss WHERE last_at < $1`,
	} {
		if _, err := tx.exec(ctx, statement, millis(now.Add(-keepChanges))); err != nil {
			return fmt.Errorf("store: remove expired: %w", err)
		}
	}
	_, err := tx.exec(ctx, `DELETE FROM throttle WHERE updated_at < $1 AND (failures < $2 OR counter <> 'password')
		AND counter NOT IN ('factor', 'factor_unknown')`, millis(now.Add(-keepCounts)), keep)
	if err != nil {
		return fmt.Errorf("store: remove expired: %w", err)
	}
	for _, statement := range []string{
		`DELETE FROM alarm WHERE raised_at < $1`,
		`DELETE FROM desk_entry WHERE stopped_at = 0 AND since < $1`,
		`DELETE FROM removed_address WHERE removed_at < $1`,
		`DELETE FROM claimed_address WHERE claimed_at < $1`, // it is needed for the time of one transaction
	} {
		if _, err := tx.exec(ctx, statement, millis(now.Add(-keepRemoved))); err != nil {
			return fmt.Errorf("store: remove expired: %w", err)
		}
	}
	if err := tx.DetachGrants(ctx, now); err != nil { // refresh tokens outlive an expired session
		return err
	}
	if err := tx.endExpiredSessions(ctx, now); err != nil {
		return err
	}
	return tx.DeleteExpiredGrants(ctx, now)
}

func (tx *Tx) endExpiredSessions(ctx context.Context, now time.Time) error {
	var over []session.Session
	err := tx.query(ctx, func(r row) error {
		var s session.Session
		err := r.Scan(&s.SubscriberID, &s.ID)
		over = append(over, s)
		return err
	}, `SELECT subscriber_id, id FROM session WHERE expires_at < $1 LIMIT 1000`, millis(now))
	if err != nil {
		return fmt.Errorf("store: expired sessions: %w", err)
	}
	for _, s := range over {
		if err := tx.EndSession(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

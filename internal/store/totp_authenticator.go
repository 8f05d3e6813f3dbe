package store

import (
	"context"
	"fmt"
	"time"

	"warifu/internal/authenticator/totp"
)

// TOTPAuthenticators implements [signin.Reader]: all of a subscriber, in the
// order in which they were made.
func (tx *Tx) TOTPAuthenticators(ctx context.Context, subscriberID string) (all []totp.Authenticator, err error) {
	err = tx.query(ctx, func(r row) error {
		a := totp.Authenticator{SubscriberID: subscriberID}
		var created, used int64
		if err := r.Scan(&a.ID, &a.Name, &a.Secret, &a.State, &a.Initialised, &a.LastStep, &a.BoundBy, &created, &used); err != nil {
			return err
		}
		a.CreatedAt, a.LastUsedAt = fromMillis(created), fromMillis(used)
		all = append(all, a)
		return nil
	}, `SELECT id, name, secret, state, initialised, last_step, bound_by, created_at, last_used_at
	      FROM totp_authenticator WHERE subscriber_id = $1 ORDER BY created_at, id`, subscriberID)
	if err != nil {
		return nil, fmt.Errorf("store: TOTP authenticators: %w", err)
	}
	return all, nil
}

// CreateTOTP stores an authenticator. From an active one on the first-time
// window of its subscriber is closed for good (ENR-1).
func (tx *Tx) CreateTOTP(ctx context.Context, a totp.Authenticator) error {
	_, err := tx.exec(ctx,
		`INSERT INTO totp_authenticator (subscriber_id, id, name, secret, state, last_step, bound_by, created_at, last_used_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		a.SubscriberID, a.ID, a.Name, a.Secret, a.State, a.LastStep, a.BoundBy, millis(a.CreatedAt), millis(a.LastUsedAt))
	if err == nil && a.State == totp.Active {
		_, err = tx.exec(ctx, `UPDATE subscriber SET had_factor = TRUE WHERE id = $1`, a.SubscriberID)
	}
	if err != nil {
		return fmt.Errorf("store: create TOTP authenticator: %w", err)
	}
	return nil
}

// UseTOTPStep implements [signin.Tx].
func (tx *Tx) UseTOTPStep(ctx context.Context, subscriberID, id string, step int64, now time.Time) (bool, error) {
	n, err := tx.exec(ctx,
		`UPDATE totp_authenticator SET last_step = $3, last_used_at = $4
		  WHERE subscriber_id = $1 AND id = $2 AND last_step < $3 AND state = 'active'`,
		subscriberID, id, step, millis(now))
	if err != nil {
		return false, fmt.Errorf("store: use TOTP step: %w", err)
	}
	return n == 1, nil
}

// SuspendTOTP implements [signin.Tx].
func (tx *Tx) SuspendTOTP(ctx context.Context, subscriberID string) error {
	_, err := tx.exec(ctx,
		`UPDATE totp_authenticator SET state = 'suspended' WHERE subscriber_id = $1 AND state = 'active'`, subscriberID)
	if err != nil {
		return fmt.Errorf("store: suspend TOTP: %w", err)
	}
	return nil
}

// InitialiseTOTP implements [recovery.Account].
func (tx *Tx) InitialiseTOTP(ctx context.Context, subscriberID string) error {
	_, err := tx.exec(ctx,
		`UPDATE totp_authenticator SET state = 'suspended', initialised = TRUE WHERE subscriber_id = $1 AND state <> 'pending'`, subscriberID)
	if err != nil {
		return fmt.Errorf("store: initialise TOTP: %w", err)
	}
	return nil
}

// DiscardPendingTOTP deletes the authenticator that a subscriber was enrolling.
func (tx *Tx) DiscardPendingTOTP(ctx context.Context, subscriberID string) error {
	_, err := tx.exec(ctx, `DELETE FROM totp_authenticator WHERE subscriber_id = $1 AND state = 'pending'`, subscriberID)
	if err != nil {
		return fmt.Errorf("store: discard pending TOTP: %w", err)
	}
	return nil
}

// DiscardSuspendedTOTP deletes the authenticators that a recovery took away (RST-6).
func (tx *Tx) DiscardSuspendedTOTP(ctx context.Context, subscriberID string) error {
	_, err := tx.exec(ctx, `DELETE FROM totp_authenticator WHERE subscriber_id = $1 AND state = 'suspended'`, subscriberID)
	if err != nil {
		return fmt.Errorf("store: discard suspended TOTP: %w", err)
	}
	return nil
}

// ActivateTOTP makes a pending authenticator active, with the step of the code
// that proved it used up (TOTP-8), and closes the first-time window for good
// (ENR-1). It reports whether it did.
func (tx *Tx) ActivateTOTP(ctx context.Context, a totp.Authenticator) (bool, error) {
	n, err := tx.exec(ctx,
		`UPDATE totp_authenticator SET state = 'active', last_step = $3, name = $4, bound_by = $5, last_used_at = 0
		  WHERE subscriber_id = $1 AND id = $2 AND state = 'pending'`, a.SubscriberID, a.ID, a.LastStep, a.Name, a.BoundBy)
	if err == nil && n == 1 {
		_, err = tx.exec(ctx, `UPDATE subscriber SET had_factor = TRUE WHERE id = $1`, a.SubscriberID)
	}
	if err != nil {
		return false, fmt.Errorf("store: activate TOTP: %w", err)
	}
	return n == 1, nil
}

// RenameTOTP gives an authenticator another name.
func (tx *Tx) RenameTOTP(ctx context.Context, subscriberID, id, name string) error {
	_, err := tx.exec(ctx, `UPDATE totp_authenticator SET name = $3 WHERE subscriber_id = $1 AND id = $2`, subscriberID, id, name)
	if err != nil {
		return fmt.Errorf("store: rename TOTP: %w", err)
	}
	return nil
}

// RemoveTOTP implements [account.AuthenticatorTx]. Writing the subscriber first
// lets only one transaction at a time count what is left.
func (tx *Tx) RemoveTOTP(ctx context.Context, subscriberID, id string, now time.Time) (bool, error) {
	_, err := tx.exec(ctx, `UPDATE subscriber SET updated_at = $2 WHERE id = $1`, subscriberID, millis(now))
	if err != nil {
		return false, fmt.Errorf("store: remove TOTP authenticator: %w", err)
	}
	n, err := tx.exec(ctx,
		`DELETE FROM totp_authenticator WHERE subscriber_id = $1 AND id = $2 AND state = 'active' AND (
			EXISTS (SELECT 1 FROM totp_authenticator o WHERE o.subscriber_id = $1 AND o.id <> $2 AND o.state = 'active')
			OR EXISTS (SELECT 1 FROM passkey p WHERE p.subscriber_id = $1))`, subscriberID, id)
	if err != nil {
		return false, fmt.Errorf("store: remove TOTP authenticator: %w", err)
	}
	return n == 1, nil
}

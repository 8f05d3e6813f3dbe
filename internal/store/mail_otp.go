package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/mailotp"
)

// ReplaceOTP implements [signin.OTPs].
func (tx *Tx) ReplaceOTP(ctx context.Context, o mailotp.OTP) error {
	_, err := tx.exec(ctx,
		`INSERT INTO mail_otp (subscriber_id, flow_id, digest, address, tries, sent_at, expires_at) VALUES ($1, $2, $3, $4, 0, $5, $6)
		 ON CONFLICT (subscriber_id) DO UPDATE SET flow_id = excluded.flow_id, digest = excluded.digest, address = excluded.address,
			tries = 0, sent_at = excluded.sent_at, expires_at = excluded.expires_at`,
		o.SubscriberID, o.FlowID, o.Digest, o.Address, millis(o.SentAt), millis(o.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: replace OTP: %w", err)
	}
	return nil
}

// OTP implements [signin.Reader].
func (tx *Tx) OTP(ctx context.Context, subscriberID, flowID string) (mailotp.OTP, error) {
	o := mailotp.OTP{SubscriberID: subscriberID, FlowID: flowID}
	var sent, expires int64
	err := tx.queryRow(ctx, `SELECT digest, address, tries, sent_at, expires_at FROM mail_otp WHERE subscriber_id = $1 AND flow_id = $2`,
		subscriberID, flowID).Scan(&o.Digest, &o.Address, &o.Tries, &sent, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return mailotp.OTP{}, mailotp.ErrNone
	}
	if err != nil {
		return mailotp.OTP{}, fmt.Errorf("store: OTP: %w", err)
	}
	o.SentAt, o.ExpiresAt = fromMillis(sent), fromMillis(expires)
	return o, nil
}

// CountOTPTry implements [signin.OTPs].
func (tx *Tx) CountOTPTry(ctx context.Context, subscriberID, flowID string, most int64) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE mail_otp SET tries = tries + 1 WHERE subscriber_id = $1 AND flow_id = $2 AND tries < $3`, subscriberID, flowID, most)
	if err != nil {
		return false, fmt.Errorf("store: count OTP try: %w", err)
	}
	return n == 1, nil
}

// SpendOTP implements [signin.OTPs].
func (tx *Tx) SpendOTP(ctx context.Context, o mailotp.OTP, now time.Time) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM mail_otp WHERE subscriber_id = $1 AND flow_id = $2 AND digest = $3 AND expires_at > $4`,
		o.SubscriberID, o.FlowID, o.Digest, millis(now))
	if err != nil {
		return false, fmt.Errorf("store: spend OTP: %w", err)
	}
	return n == 1, nil
}

// SetRecovered notes that a person came back in without the authenticators.
func (tx *Tx) SetRecovered(ctx context.Context, subscriberID string, now time.Time) error {
	_, err := tx.exec(ctx, `UPDATE subscriber SET recovered_at = $2 WHERE id = $1`, subscriberID, millis(now))
	if err != nil {
		return fmt.Errorf("store: set recovered: %w", err)
	}
	return nil
}

// CodeAddresses returns the addresses of a person that codes and links may be
// sent to: not those that replaced, joined or followed another one a short time
// ago (ADR-8).
func (tx *Tx) CodeAddresses(ctx context.Context, subscriberID string, now time.Time) (all []string, err error) {
	registered, err := tx.Addresses(ctx, subscriberID)
	for _, a := range registered {
		if !now.Before(a.CodesFrom) { //guard:ADR-8
			all = append(all, a.Address)
		}
	}
	return all, err
}

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"warifu/internal/flow"
	"warifu/internal/signin"
)

var _ signin.Tx = (*Tx)(nil)

// CreateSigninFlow stores a new flow.
func (tx *Tx) CreateSigninFlow(ctx context.Context, f signin.Flow) error {
	evidence, err := json.Marshal(f.Evidence)
	if err != nil {
		return fmt.Errorf("store: create sign-in flow: %w", err)
	}
	kinds, err := json.Marshal(f.Kinds)
	if err != nil {
		return fmt.Errorf("store: create sign-in flow: %w", err)
	}
	_, err = tx.exec(ctx,
		`INSERT INTO signin_flow (id, browser, subscriber_id, state, step_up, kinds, request, evidence, token, rejections, version, expires_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		f.ID, f.Browser, f.SubscriberID, f.State, f.StepUp, string(kinds), f.Request, string(evidence), bytesOf(f.Token), f.Rejections, f.Version, millis(f.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: create sign-in flow: %w", err)
	}
	return nil
}

// SigninFlow implements [signin.Tx].
func (tx *Tx) SigninFlow(ctx context.Context, key flow.Key) (signin.Flow, error) {
	f := signin.Flow{Key: key}
	var evidence, kinds string
	var expires int64
	err := tx.queryRow(ctx,
		`SELECT subscriber_id, state, step_up, kinds, request, evidence, token, rejections, version, expires_at
		   FROM signin_flow WHERE id = $1 AND browser = $2`, key.ID, bytesOf(key.Browser)).
		Scan(&f.SubscriberID, &f.State, &f.StepUp, &kinds, &f.Request, &evidence, &f.Token, &f.Rejections, &f.Version, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return signin.Flow{}, flow.ErrNotFound
	}
	if err == nil {
		err = json.Unmarshal([]byte(evidence), &f.Evidence)
	}
	if err == nil {
		err = json.Unmarshal([]byte(kinds), &f.Kinds)
	}
	if err != nil {
		return signin.Flow{}, fmt.Errorf("store: sign-in flow: %w", err)
	}
	f.ExpiresAt = fromMillis(expires)
	return f, nil
}

// UpdateSigninFlow implements [signin.Tx].
func (tx *Tx) UpdateSigninFlow(ctx context.Context, f signin.Flow) error {
	evidence, err := json.Marshal(f.Evidence)
	if err != nil {
		return fmt.Errorf("store: update sign-in flow: %w", err)
	}
	n, err := tx.exec(ctx,
		`UPDATE signin_flow SET state = $3, evidence = $4, token = $5, rejections = $6, expires_at = $7, version = version + 1
		  WHERE id = $1 AND version = $2`,
		f.ID, f.Version, f.State, string(evidence), bytesOf(f.Token), f.Rejections, millis(f.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: update sign-in flow: %w", err)
	}
	if n == 0 { //guard:SES-5
		return flow.ErrConflict
	}
	return nil
}

// bytesOf keeps nil out of columns that are not null.
func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// EndHalfSignIns implements [account.PasswordTx]. A step-up of a person who is
// signed in goes on, and so does whoever has got so far as to enrol.
func (tx *Tx) EndHalfSignIns(ctx context.Context, subscriberID string) error {
	for _, statement := range []string{
		`DELETE FROM signin_flow WHERE subscriber_id = $1 AND state <> 'signed_in' AND NOT step_up`,
		`DELETE FROM recovery_flow WHERE subscriber_id = $1 AND state <> 'enrolment_required'`,
	} {
		if _, err := tx.exec(ctx, statement, subscriberID); err != nil {
			return fmt.Errorf("store: end half sign-ins: %w", err)
		}
	}
	return nil
}

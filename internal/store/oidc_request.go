package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/federation/oidc"
)

// SpendAssertion implements [oidc.Tx].
func (tx *Tx) SpendAssertion(ctx context.Context, service string, digest []byte, expiresAt time.Time) (fresh bool, err error) {
	n, err := tx.exec(ctx,
		`INSERT INTO client_assertion (service_id, digest, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		service, digest, millis(expiresAt))
	if err != nil {
		return false, fmt.Errorf("store: spend client assertion: %w", err)
	}
	return n == 1, nil
}

// PushRequest implements [oidc.Tx].
func (tx *Tx) PushRequest(ctx context.Context, p oidc.PushedRequest) error {
	_, err := tx.exec(ctx, `INSERT INTO pushed_request (service_id, digest, query, expires_at) VALUES ($1, $2, $3, $4)`,
		p.Service, p.Digest, p.Query, millis(p.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: push request: %w", err)
	}
	return nil
}

// TakeRequest implements [oidc.Tx].
func (tx *Tx) TakeRequest(ctx context.Context, service string, digest []byte, now time.Time) (oidc.PushedRequest, error) {
	p := oidc.PushedRequest{Service: service, Digest: digest}
	var expires int64
	err := tx.queryRow(ctx,
		`DELETE FROM pushed_request WHERE service_id = $1 AND digest = $2 AND expires_at > $3 RETURNING query, expires_at`,
		service, digest, millis(now)).Scan(&p.Query, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return oidc.PushedRequest{}, oidc.ErrNoRequest
	}
	if err != nil {
		return oidc.PushedRequest{}, fmt.Errorf("store: take request: %w", err)
	}
	p.ExpiresAt = fromMillis(expires)
	return p, nil
}

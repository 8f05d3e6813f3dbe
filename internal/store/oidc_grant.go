package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"warifu/internal/federation"
	"warifu/internal/federation/oidc"
)

var (
	_ oidc.Tx     = (*Tx)(nil)
	_ oidc.Reader = (*Tx)(nil)
)

// Grant implements [oidc.Reader].
func (tx *Tx) Grant(ctx context.Context, subscriberID, id string) (oidc.Grant, error) {
	g := oidc.Grant{SubscriberID: subscriberID, ID: id}
	var session sql.NullString
	var scopes, claims, withheld, amr string
	var auth, codeExpires, redeemed, created, expires int64
	err := tx.queryRow(ctx,
		`SELECT session_id, service_id, subject, sid, scopes, claims, withheld, acr, amr, auth_time, code_digest, redirect_uri, challenge, nonce,
			code_expires_at, redeemed_at, refresh_digest, created_at, expires_at
		   FROM oidc_grant WHERE subscriber_id = $1 AND id = $2`, subscriberID, id).
		Scan(&session, &g.Service, &g.Subject, &g.SID, &scopes, &claims, &withheld, &g.ACR, &amr, &auth, &g.Code.Digest, &g.Code.RedirectURI,
			&g.Code.Challenge, &g.Code.Nonce, &codeExpires, &redeemed, &g.Refresh, &created, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return oidc.Grant{}, oidc.ErrNoGrant
	}
	if err != nil {
		return oidc.Grant{}, fmt.Errorf("store: grant: %w", err)
	}
	if err := json.Unmarshal([]byte(claims), &g.Claims); err != nil {
		return oidc.Grant{}, fmt.Errorf("store: claims of a grant: %w", err)
	}
	g.SessionID, g.Scopes, g.Withheld, g.AMR = session.String, strings.Fields(scopes), strings.Fields(withheld), strings.Fields(amr)
	g.AuthTime, g.CreatedAt, g.ExpiresAt = fromMillis(auth), fromMillis(created), fromMillis(expires)
	g.Code.ExpiresAt, g.Code.RedeemedAt = fromMillis(codeExpires), fromMillis(redeemed)
	return g, nil
}

// CreateGrant implements [oidc.Grants].
func (tx *Tx) CreateGrant(ctx context.Context, g oidc.Grant) error {
	if err := tx.requireSession(ctx, g.SubscriberID, g.SessionID); err != nil {
		return err
	}
	claims, err := json.Marshal(g.Claims)
	if err != nil {
		return fmt.Errorf("store: create grant: %w", err)
	}
	_, err = tx.exec(ctx,
		`INSERT INTO oidc_grant (subscriber_id, id, session_id, service_id, subject, sid, scopes, claims, withheld, acr, amr, auth_time,
			code_digest, redirect_uri, challenge, nonce, code_expires_at, redeemed_at, refresh_digest, created_at, expires_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0, $18, $19, $20)`,
		g.SubscriberID, g.ID, g.SessionID, g.Service, g.Subject, g.SID, strings.Join(g.Scopes, " "), string(claims), strings.Join(g.Withheld, " "), g.ACR, strings.Join(g.AMR, " "),
		millis(g.AuthTime), g.Code.Digest, g.Code.RedirectURI, g.Code.Challenge, g.Code.Nonce, millis(g.Code.ExpiresAt),
		[]byte{}, millis(g.CreatedAt), millis(g.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: create grant: %w", err)
	}
	return nil
}

// requireSession returns [federation.ErrSessionEnded] unless there is the session.
func (tx *Tx) requireSession(ctx context.Context, subscriberID, id string) error {
	var one int
	err := tx.queryRow(ctx, `SELECT 1 FROM session WHERE subscriber_id = $1 AND id = $2`, subscriberID, id).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return federation.ErrSessionEnded
	}
	if err != nil {
		return fmt.Errorf("store: session of a grant: %w", err)
	}
	return nil
}

// RedeemGrant implements [oidc.Grants].
func (tx *Tx) RedeemGrant(ctx context.Context, g oidc.Grant) (redeemed bool, err error) {
	n, err := tx.exec(ctx,
		`UPDATE oidc_grant SET redeemed_at = $4, refresh_digest = $5, expires_at = $6
		  WHERE subscriber_id = $1 AND id = $2 AND code_digest = $3 AND redeemed_at = 0 AND code_expires_at > $4`,
		g.SubscriberID, g.ID, g.Code.Digest, millis(g.Code.RedeemedAt), notNull(g.Refresh), millis(g.ExpiresAt))
	if err != nil {
		return false, fmt.Errorf("store: redeem grant: %w", err)
	}
	return n == 1, nil
}

// RotateGrant implements [oidc.Grants].
func (tx *Tx) RotateGrant(ctx context.Context, g oidc.Grant, old []byte) (rotated bool, err error) {
	n, err := tx.exec(ctx,
		`UPDATE oidc_grant SET refresh_digest = $4 WHERE subscriber_id = $1 AND id = $2 AND refresh_digest = $3`,
		g.SubscriberID, g.ID, old, g.Refresh)
	if err != nil {
		return false, fmt.Errorf("store: rotate grant: %w", err)
	}
	return n == 1, nil
}

// DeleteGrant implements [oidc.Grants].
func (tx *Tx) DeleteGrant(ctx context.Context, subscriberID, id string) error {
	if _, err := tx.exec(ctx, `DELETE FROM oidc_grant WHERE subscriber_id = $1 AND id = $2`, subscriberID, id); err != nil {
		return fmt.Errorf("store: delete grant: %w", err)
	}
	return nil
}

// DeleteGrantsOf revokes all grants of a subscriber, also those whose session
// has run out: after a recovery no refresh token works any more (RST-5).
func (tx *Tx) DeleteGrantsOf(ctx context.Context, subscriberID string) error {
	if _, err := tx.exec(ctx, `DELETE FROM oidc_grant WHERE subscriber_id = $1`, subscriberID); err != nil {
		return fmt.Errorf("store: delete grants: %w", err)
	}
	return nil
}

// DetachGrants lets the grants with a refresh token outlive the sessions that
// have run out. It is called before these are deleted, in the same transaction:
// the end of a session deletes what it still has.
func (tx *Tx) DetachGrants(ctx context.Context, now time.Time) error {
	_, err := tx.exec(ctx,
		`UPDATE oidc_grant SET session_id = NULL
		  WHERE expires_at > $1 AND refresh_digest <> $2 AND session_id IS NOT NULL AND EXISTS (
			SELECT 1 FROM session e WHERE e.subscriber_id = oidc_grant.subscriber_id AND e.id = oidc_grant.session_id
			   AND (e.expires_at <= $1 OR e.seen_at + e.idle_limit <= $1))`, millis(now), []byte{})
	if err != nil {
		return fmt.Errorf("store: detach grants: %w", err)
	}
	return nil
}

// DeleteExpiredGrants forgets what nobody can use any more: grants, ids of
// client assertions, and pushed requests. They have all expired for a while.
func (tx *Tx) DeleteExpiredGrants(ctx context.Context, now time.Time) error {
	for _, statement := range []string{
		`DELETE FROM oidc_grant WHERE expires_at <= $1`,
		`DELETE FROM client_assertion WHERE expires_at <= $1`,
		`DELETE FROM pushed_request WHERE expires_at <= $1`,
	} {
		if _, err := tx.exec(ctx, statement, millis(now)); err != nil {
			return fmt.Errorf("store: delete expired grants: %w", err)
		}
	}
	return nil
}

// notNull is for columns that have no NULL.
func notNull(digest []byte) []byte {
	if digest == nil {
		return []byte{}
	}
	return digest
}

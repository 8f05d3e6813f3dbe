package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/authenticator/passkey"
)

// CreateCeremony stores what a browser was asked.
func (tx *Tx) CreateCeremony(ctx context.Context, p passkey.Pending) error {
	_, err := tx.exec(ctx,
		`INSERT INTO passkey_ceremony (id, browser, place, ceremony, request, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		p.ID, bytesOf(p.Browser), p.Place, string(p.Ceremony), p.Request, millis(p.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: create ceremony: %w", err)
	}
	return nil
}

// SpendCeremony takes the ceremony that a browser was asked at a place, once, or
// returns [passkey.ErrCeremony].
func (tx *Tx) SpendCeremony(ctx context.Context, id, place string, browser []byte, now time.Time) (passkey.Pending, error) {
	p := passkey.Pending{ID: id, Place: place, Browser: browser}
	var expires int64
	err := tx.queryRow(ctx,
		`DELETE FROM passkey_ceremony WHERE id = $1 AND place = $2 AND browser = $3 AND expires_at > $4
		 RETURNING ceremony, request, expires_at`, id, place, bytesOf(browser), millis(now)).Scan(&p.Ceremony, &p.Request, &expires)
	if errors.Is(err, sql.ErrNoRows) { //guard:WAN-1
		return passkey.Pending{}, passkey.ErrCeremony
	}
	if err != nil {
		return passkey.Pending{}, fmt.Errorf("store: spend ceremony: %w", err)
	}
	p.ExpiresAt = fromMillis(expires)
	return p, nil
}

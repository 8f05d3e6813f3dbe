package store

import (
	"context"
	"fmt"
	"time"

	"warifu/internal/audit"
	"warifu/internal/keyring"
)

var _ keyring.SigningTx = (*Tx)(nil)

// SigningKeys implements [keyring.SigningReader].
func (tx *Tx) SigningKeys(ctx context.Context) (all []keyring.SigningKey, err error) {
	err = tx.query(ctx, func(r row) error {
		var k keyring.SigningKey
		var created, activated, retired int64
		if err := r.Scan(&k.KID, &k.Algorithm, &k.State, &k.Private, &k.Certificate, &created, &activated, &retired); err != nil {
			return err
		}
		k.CreatedAt, k.ActivatedAt, k.RetiredAt = fromMillis(created), fromMillis(activated), fromMillis(retired)
		all = append(all, k)
		return nil
	}, `SELECT kid, algorithm, state, private, certificate, created_at, activated_at, retired_at FROM signing_key ORDER BY created_at DESC, kid`)
	if err != nil {
		return nil, fmt.Errorf("store: signing keys: %w", err)
	}
	return all, nil
}

// CreateSigningKey implements [keyring.SigningTx].
func (tx *Tx) CreateSigningKey(ctx context.Context, k keyring.SigningKey) (created bool, err error) {
	n, err := tx.exec(ctx,
		`INSERT INTO signing_key (kid, algorithm, state, private, certificate, created_at, activated_at, retired_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		k.KID, k.Algorithm, k.State, k.Private, k.Certificate, millis(k.CreatedAt), millis(k.ActivatedAt), millis(k.RetiredAt))
	if err != nil {
		return false, fmt.Errorf("store: create signing key: %w", err)
	}
	return n == 1, nil
}

// AdvanceSigningKey implements [keyring.SigningTx].
func (tx *Tx) AdvanceSigningKey(ctx context.Context, kid string, from, to keyring.SigningState, at time.Time) (advanced bool, err error) {
	statement := `UPDATE signing_key SET state = $3, activated_at = $4 WHERE kid = $1 AND state = $2`
	if to == keyring.Retired {
		statement = `UPDATE signing_key SET state = $3, retired_at = $4 WHERE kid = $1 AND state = $2`
	}
	n, err := tx.exec(ctx, statement, kid, from, to, millis(at))
	if err != nil {
		return false, fmt.Errorf("store: advance signing key: %w", err)
	}
	return n == 1, nil
}

// DeleteSigningKey implements [keyring.SigningTx].
func (tx *Tx) DeleteSigningKey(ctx context.Context, kid string) error {
	if _, err := tx.exec(ctx, `DELETE FROM signing_key WHERE kid = $1`, kid); err != nil {
		return fmt.Errorf("store: delete signing key: %w", err)
	}
	return nil
}

// RecordSigningKey implements [keyring.SigningTx].
func (tx *Tx) RecordSigningKey(ctx context.Context, event, kid, actor string, at time.Time) error {
	return tx.AppendAudit(ctx, audit.Event{At: at, Name: "signing_key", Outcome: event, Actor: actor, Target: kid})
}

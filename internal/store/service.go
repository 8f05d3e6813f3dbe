package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"warifu/internal/federation"
)

var _ federation.ServiceTx = (*Tx)(nil)

// Services implements [federation.ServiceReader].
func (tx *Tx) Services(ctx context.Context) (all []federation.Service, err error) {
	err = tx.query(ctx, func(r row) error {
		var definition string
		if err := r.Scan(&definition); err != nil {
			return err
		}
		var s federation.Service
		if err := json.Unmarshal([]byte(definition), &s); err != nil {
			return err
		}
		all = append(all, s)
		return nil
	}, `SELECT definition FROM service ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("store: services: %w", err)
	}
	return all, nil
}

// LockedServices implements [federation.ServiceTx]: who comes second waits for the
// row until the first one has ended, and only then reads.
func (tx *Tx) LockedServices(ctx context.Context) ([]federation.Service, error) {
	_, err := tx.exec(ctx, `INSERT INTO service_change (id, n) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = service_change.n + 1`)
	if err != nil {
		return nil, fmt.Errorf("store: lock services: %w", err)
	}
	return tx.Services(ctx)
}

// PutService implements [federation.ServiceTx].
func (tx *Tx) PutService(ctx context.Context, s federation.Service, now time.Time) error {
	definition, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("store: put service: %w", err)
	}
	_, err = tx.exec(ctx,
		`INSERT INTO service (id, protocol, definition, updated_at) VALUES ($1, $2, $3, $4)
		 ON CONFLICT (id) DO UPDATE SET protocol = excluded.protocol, definition = excluded.definition, updated_at = excluded.updated_at`,
		s.ID, s.Protocol, string(definition), millis(now))
	if err != nil {
		return fmt.Errorf("store: put service: %w", err)
	}
	return nil
}

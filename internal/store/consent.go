package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"warifu/internal/federation/consent"
)

var (
	_ consent.Tx     = (*Tx)(nil)
	_ consent.Reader = (*Tx)(nil)
)

// Consent implements [consent.Reader].
func (tx *Tx) Consent(ctx context.Context, subscriberID, service string) (consent.Record, error) {
	r := consent.Record{SubscriberID: subscriberID, Service: service}
	var withheld string
	var since int64
	err := tx.queryRow(ctx, `SELECT digest, withheld, since FROM consent WHERE subscriber_id = $1 AND service_id = $2`, subscriberID, service).
		Scan(&r.Digest, &withheld, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return consent.Record{}, consent.ErrNone
	}
	if err != nil {
		return consent.Record{}, fmt.Errorf("store: consent: %w", err)
	}
	r.Withheld, r.Since = strings.Fields(withheld), fromMillis(since)
	return r, nil
}

// Consents returns what a subscriber has agreed to, the newest first.
func (tx *Tx) Consents(ctx context.Context, subscriberID string) (all []consent.Record, err error) {
	err = tx.query(ctx, func(r row) error {
		c := consent.Record{SubscriberID: subscriberID}
		var withheld string
		var since int64
		if err := r.Scan(&c.Service, &c.Digest, &withheld, &since); err != nil {
			return err
		}
		c.Withheld, c.Since = strings.Fields(withheld), fromMillis(since)
		all = append(all, c)
		return nil
	}, `SELECT service_id, digest, withheld, since FROM consent WHERE subscriber_id = $1 ORDER BY since DESC, service_id`, subscriberID)
	if err != nil {
		return nil, fmt.Errorf("store: consents: %w", err)
	}
	return all, nil
}

// PutConsent implements [consent.Tx].
func (tx *Tx) PutConsent(ctx context.Context, r consent.Record) error {
	_, err := tx.exec(ctx,
		`INSERT INTO consent (subscriber_id, service_id, digest, withheld, since) VALUES ($1, $2, $3, $4, $5)
		 ON CONFLICT (subscriber_id, service_id) DO UPDATE SET digest = excluded.digest, withheld = excluded.withheld, since = excluded.since`,
		r.SubscriberID, r.Service, r.Digest, strings.Join(r.Withheld, " "), millis(r.Since))
	if err != nil {
		return fmt.Errorf("store: put consent: %w", err)
	}
	return nil
}

// DeleteConsent implements [consent.Tx].
func (tx *Tx) DeleteConsent(ctx context.Context, subscriberID, service string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM consent WHERE subscriber_id = $1 AND service_id = $2`, subscriberID, service)
	if err != nil {
		return false, fmt.Errorf("store: delete consent: %w", err)
	}
	return n == 1, nil
}

// DeleteGrantsAt revokes all grants of a subscriber at one service.
func (tx *Tx) DeleteGrantsAt(ctx context.Context, subscriberID, service string) error {
	if _, err := tx.exec(ctx, `DELETE FROM oidc_grant WHERE subscriber_id = $1 AND service_id = $2`, subscriberID, service); err != nil {
		return fmt.Errorf("store: delete grants of a service: %w", err)
	}
	return nil
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/federation"
)

// PairwiseSubject returns the value of a subscriber in a sector, empty if there
// is none yet.
func (tx *Tx) PairwiseSubject(ctx context.Context, sector, subscriberID string) (value string, err error) {
	err = tx.queryRow(ctx, `SELECT value FROM pairwise_subject WHERE subscriber_id = $1 AND sector = $2`, subscriberID, sector).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("store: pairwise subject: %w", err)
	}
	return value, nil
}

// CreatePairwiseSubject stores the value of a subscriber in a sector, unless he
// has one, and returns the one that he has. A value that is somebody else's is
// an error: it never names two people.
func (tx *Tx) CreatePairwiseSubject(ctx context.Context, sector, subscriberID, value string, now time.Time) (string, error) {
	_, err := tx.exec(ctx,
		`INSERT INTO pairwise_subject (subscriber_id, sector, value, created_at) VALUES ($1, $2, $3, $4)
		 ON CONFLICT (subscriber_id, sector) DO NOTHING`, subscriberID, sector, value, millis(now))
	if err != nil {
		return "", fmt.Errorf("store: create pairwise subject: %w", err)
	}
	return tx.PairwiseSubject(ctx, sector, subscriberID)
}

// PairwiseOwners returns whom sectors know by a value.
func (tx *Tx) PairwiseOwners(ctx context.Context, value string) (all []federation.SubjectOwner, err error) {
	err = tx.query(ctx, func(r row) error {
		var p federation.SubjectOwner
		err := r.Scan(&p.Sector, &p.SubscriberID)
		all = append(all, p)
		return err
	}, `SELECT sector, subscriber_id FROM pairwise_subject WHERE value = $1 ORDER BY sector`, value)
	if err != nil {
		return nil, fmt.Errorf("store: owners of a pairwise subject: %w", err)
	}
	return all, nil
}

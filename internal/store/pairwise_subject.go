package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
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

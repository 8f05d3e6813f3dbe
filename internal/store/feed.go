package store

import (
	"context"
	"fmt"
	"time"

	"warifu/internal/federation/saml"
)

var _ saml.FeedTx = (*Tx)(nil)

const feedColumns = `id, generation, claimed, locked_until, next_at, services, left_out, signer, valid_until, since, checked_at,
	source, etag, last_modified, failures, fault, shrunk, accepted`

// FeedStates implements [saml.FeedReader].
func (tx *Tx) FeedStates(ctx context.Context) (all []saml.FeedState, err error) {
	err = tx.query(ctx, func(r row) error {
		var s saml.FeedState
		var locked, next, valid, since, checked int64
		err := r.Scan(&s.ID, &s.Generation, &s.Claimed, &locked, &next, &s.Services, &s.LeftOut, &s.Signer, &valid, &since, &checked,
			&s.Source, &s.ETag, &s.LastModified, &s.Failures, &s.Fault, &s.Shrunk, &s.Accepted)
		s.LockedUntil, s.NextAt, s.ValidUntil, s.Since, s.CheckedAt = fromMillis(locked), fromMillis(next), fromMillis(valid), fromMillis(since), fromMillis(checked)
		all = append(all, s)
		return err
	}, `SELECT `+feedColumns+` FROM feed ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("store: feeds: %w", err)
	}
	return all, nil
}

// ClaimFeed implements [saml.FeedTx].
func (tx *Tx) ClaimFeed(ctx context.Context, id string, now, until time.Time) (saml.FeedState, bool, error) {
	_, err := tx.exec(ctx, `INSERT INTO feed (`+feedColumns+`) VALUES ($1, 0, 0, 0, 0, 0, 0, '', 0, 0, 0, '', '', '', 0, '', 0, 0)
		ON CONFLICT (id) DO NOTHING`, id)
	if err != nil {
		return saml.FeedState{}, false, fmt.Errorf("store: claim feed: %w", err)
	}
	n, err := tx.exec(ctx, `UPDATE feed SET claimed = claimed + 1, locked_until = $3 WHERE id = $1 AND next_at <= $2 AND locked_until <= $2`,
		id, millis(now), millis(until))
	if err != nil {
		return saml.FeedState{}, false, fmt.Errorf("store: claim feed: %w", err)
	}
	all, err := tx.FeedStates(ctx)
	for _, s := range all {
		if s.ID == id {
			return s, n == 1, nil
		}
	}
	return saml.FeedState{}, false, err
}

// PutFeed implements [saml.FeedTx].
func (tx *Tx) PutFeed(ctx context.Context, s saml.FeedState) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE feed SET generation = $3, locked_until = 0, next_at = $4, services = $5, left_out = $6, signer = $7,
			valid_until = $8, since = $9, checked_at = $10, source = $11, etag = $12, last_modified = $13, failures = $14, fault = $15,
			shrunk = $16, accepted = CASE WHEN generation = $3 THEN accepted ELSE 0 END
		WHERE id = $1 AND claimed = $2 AND locked_until > 0`,
		s.ID, s.Claimed, s.Generation, millis(s.NextAt), s.Services, s.LeftOut, s.Signer, millis(s.ValidUntil), millis(s.Since),
		millis(s.CheckedAt), s.Source, s.ETag, s.LastModified, s.Failures, s.Fault, s.Shrunk)
	if err != nil {
		return false, fmt.Errorf("store: put feed: %w", err)
	}
	return n == 1, nil
}

// HurryFeed implements [saml.FeedTx].
func (tx *Tx) HurryFeed(ctx context.Context, id string, accepted int64) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE feed SET next_at = 0, accepted = $2 WHERE id = $1`, id, accepted)
	if err != nil {
		return false, fmt.Errorf("store: hurry feed: %w", err)
	}
	return n == 1, nil
}

const storedColumns = `feed, generation, entity_id, record, signer, valid_until, fresh_until`

func (tx *Tx) stored(ctx context.Context, statement string, args ...any) (all []saml.Stored, err error) {
	err = tx.query(ctx, func(r row) error {
		var s saml.Stored
		var record string
		var valid, fresh int64
		err := r.Scan(&s.Feed, &s.Generation, &s.EntityID, &record, &s.Signer, &valid, &fresh)
		s.Record, s.ValidUntil, s.FreshUntil = []byte(record), fromMillis(valid), fromMillis(fresh)
		all = append(all, s)
		return err
	}, `SELECT `+storedColumns+` FROM feed_service `+statement, args...)
	if err != nil {
		return nil, fmt.Errorf("store: services of feeds: %w", err)
	}
	return all, nil
}

// FeedEntity implements [saml.FeedReader].
func (tx *Tx) FeedEntity(ctx context.Context, entityID string) ([]saml.Stored, error) {
	return tx.stored(ctx, `WHERE entity_id = $1`, entityID)
}

// FeedService implements [saml.FeedReader].
func (tx *Tx) FeedService(ctx context.Context, id string) ([]saml.Stored, error) {
	return tx.stored(ctx, `WHERE service_id = $1`, id)
}

// FeedServices implements [saml.FeedReader].
func (tx *Tx) FeedServices(ctx context.Context, feed string, generation int64) ([]saml.Stored, error) {
	return tx.stored(ctx, `WHERE feed = $1 AND generation = $2 ORDER BY entity_id`, feed, generation)
}

// AddFeedServices implements [saml.FeedTx].
func (tx *Tx) AddFeedServices(ctx context.Context, all []saml.Stored) error {
	for _, s := range all {
		_, err := tx.exec(ctx, `INSERT INTO feed_service (`+storedColumns+`, service_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			s.Feed, s.Generation, s.EntityID, string(s.Record), s.Signer, millis(s.ValidUntil), millis(s.FreshUntil), saml.RecordID(s.EntityID))
		if err != nil {
			return fmt.Errorf("store: add services of a feed: %w", err)
		}
	}
	return nil
}

// PutAnswer implements [saml.FeedTx].
func (tx *Tx) PutAnswer(ctx context.Context, s saml.Stored, most int64, now time.Time) error {
	_, err := tx.exec(ctx, `DELETE FROM feed_service WHERE feed = $1 AND generation = $2 AND valid_until <= $3`, s.Feed, s.Generation, millis(now))
	if err != nil {
		return fmt.Errorf("store: put answer: %w", err)
	}
	_, err = tx.exec(ctx, `INSERT INTO feed_service (`+storedColumns+`, service_id)
		SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS BIGINT), CAST($7 AS BIGINT), CAST($8 AS TEXT)
		WHERE (SELECT COUNT(*) FROM feed_service WHERE feed = $1 AND generation = $2) < $9
		ON CONFLICT (feed, generation, entity_id) DO UPDATE SET record = $4, signer = $5, valid_until = $6, fresh_until = $7`,
		s.Feed, s.Generation, s.EntityID, string(s.Record), s.Signer, millis(s.ValidUntil), millis(s.FreshUntil), saml.RecordID(s.EntityID), most)
	if err != nil {
		return fmt.Errorf("store: put answer: %w", err)
	}
	return nil
}

// removedAtOnce are the services that one transaction deletes: others write, too.
const removedAtOnce = 500

// RemoveFeedServices implements [saml.FeedTx].
func (tx *Tx) RemoveFeedServices(ctx context.Context, feed string, from, to int64) (more bool, err error) {
	n, err := tx.exec(ctx, `DELETE FROM feed_service WHERE feed = $1 AND generation >= $2 AND generation <= $3 AND entity_id IN
		(SELECT entity_id FROM feed_service WHERE feed = $1 AND generation >= $2 AND generation <= $3 LIMIT $4)`, feed, from, to, int64(removedAtOnce))
	if err != nil {
		return false, fmt.Errorf("store: remove services of a feed: %w", err)
	}
	return n > 0, nil
}

// ForgetFeed implements [saml.FeedTx].
func (tx *Tx) ForgetFeed(ctx context.Context, id string) error {
	if _, err := tx.exec(ctx, `DELETE FROM feed WHERE id = $1`, id); err != nil {
		return fmt.Errorf("store: forget feed: %w", err)
	}
	return nil
}

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"warifu/internal/directory"
	"warifu/internal/session"
)

var _ session.Tx = (*Tx)(nil)

// Session implements [session.Reader].
func (tx *Tx) Session(ctx context.Context, digest []byte) (session.Session, directory.Subscriber, error) {
	var s session.Session
	var evidence string
	var created, seen, idle, expires int64
	who, err := tx.scanSubscriber(tx.queryRow(ctx,
		`SELECT `+subscriberColumns+`, e.id, e.evidence, e.browser, e.address, e.created_at, e.seen_at, e.idle_limit, e.expires_at
		   FROM session e JOIN subscriber s ON s.id = e.subscriber_id WHERE e.digest = $1`, digest),
		&s.ID, &evidence, &s.Browser, &s.Address, &created, &seen, &idle, &expires)
	if errors.Is(err, directory.ErrNotFound) {
		return s, who, session.ErrNone
	}
	if err != nil {
		return s, who, err
	}
	s.SubscriberID = who.ID
	s.CreatedAt, s.SeenAt, s.ExpiresAt = fromMillis(created), fromMillis(seen), fromMillis(expires)
	s.IdleLimit = time.Duration(idle) * time.Millisecond
	if err := json.Unmarshal([]byte(evidence), &s.Evidence); err != nil {
		return s, who, fmt.Errorf("store: evidence of a session: %w", err)
	}
	return s, who, nil
}

// CreateSession implements [session.Tx].
func (tx *Tx) CreateSession(ctx context.Context, s session.Session, digest []byte, most int) error {
	evidence, err := json.Marshal(s.Evidence)
	if err != nil {
		return fmt.Errorf("store: create session: %w", err)
	}
	_, err = tx.exec(ctx,
		`INSERT INTO session (subscriber_id, id, digest, evidence, browser, address, created_at, seen_at, idle_limit, expires_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		s.SubscriberID, s.ID, digest, string(evidence), s.Browser, s.Address,
		millis(s.CreatedAt), millis(s.SeenAt), s.IdleLimit.Milliseconds(), millis(s.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: create session: %w", err)
	}
	return tx.endSessionsOver(ctx, s.SubscriberID, most)
}

// endSessionsOver ends the oldest sessions of a subscriber until most are left (SES-11).
func (tx *Tx) endSessionsOver(ctx context.Context, subscriberID string, most int) error {
	var over []session.Session
	err := tx.query(ctx, func(r row) error {
		s := session.Session{SubscriberID: subscriberID}
		err := r.Scan(&s.ID)
		over = append(over, s)
		return err
	}, `SELECT id FROM session WHERE subscriber_id = $1 ORDER BY created_at DESC, id LIMIT 1000 OFFSET $2`, subscriberID, most)
	if err != nil {
		return fmt.Errorf("store: sessions over the limit: %w", err)
	}
	for _, s := range over {
		if err := tx.EndSession(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// RaiseSession implements [session.Tx].
func (tx *Tx) RaiseSession(ctx context.Context, s session.Session, digest []byte) error {
	evidence, err := json.Marshal(s.Evidence)
	if err != nil {
		return fmt.Errorf("store: raise session: %w", err)
	}
	n, err := tx.exec(ctx,
		`UPDATE session SET digest = $3, evidence = $4, seen_at = $5, expires_at = $6, idle_limit = $7, address = $8 WHERE subscriber_id = $1 AND id = $2`,
		s.SubscriberID, s.ID, digest, string(evidence), millis(s.SeenAt), millis(s.ExpiresAt), s.IdleLimit.Milliseconds(), s.Address)
	if err != nil {
		return fmt.Errorf("store: raise session: %w", err)
	}
	if n == 0 {
		return session.ErrNone // it has ended in the meantime
	}
	return nil
}

// TouchSession implements [session.Tx].
func (tx *Tx) TouchSession(ctx context.Context, s session.Session) error {
	_, err := tx.exec(ctx, `UPDATE session SET seen_at = $3 WHERE subscriber_id = $1 AND id = $2 AND seen_at < $3`,
		s.SubscriberID, s.ID, millis(s.SeenAt))
	if err != nil {
		return fmt.Errorf("store: touch session: %w", err)
	}
	return nil
}

// EndSession implements [session.Tx].
func (tx *Tx) EndSession(ctx context.Context, s session.Session) error {
	_, err := tx.exec(ctx, `DELETE FROM session WHERE subscriber_id = $1 AND id = $2`, s.SubscriberID, s.ID)
	if err != nil {
		return fmt.Errorf("store: end session: %w", err)
	}
	return nil
}

// SessionsOf implements [account.SessionReader].
func (tx *Tx) SessionsOf(ctx context.Context, subscriberID string) (all []session.Session, err error) {
	err = tx.query(ctx, func(r row) error {
		s := session.Session{SubscriberID: subscriberID}
		var evidence string
		var created, seen, idle, expires int64
		if err := r.Scan(&s.ID, &evidence, &s.Browser, &s.Address, &created, &seen, &idle, &expires); err != nil {
			return err
		}
		s.CreatedAt, s.SeenAt, s.ExpiresAt = fromMillis(created), fromMillis(seen), fromMillis(expires)
		s.IdleLimit = time.Duration(idle) * time.Millisecond
		all = append(all, s)
		return json.Unmarshal([]byte(evidence), &all[len(all)-1].Evidence)
	}, `SELECT id, evidence, browser, address, created_at, seen_at, idle_limit, expires_at FROM session
	     WHERE subscriber_id = $1 ORDER BY seen_at DESC, id`, subscriberID)
	if err != nil {
		return nil, fmt.Errorf("store: sessions of a subscriber: %w", err)
	}
	return all, nil
}

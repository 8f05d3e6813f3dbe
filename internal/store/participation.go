package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/federation"
	"warifu/internal/federation/oidc"
	"warifu/internal/federation/saml"
)

var (
	_ oidc.LogoutTx = (*Tx)(nil)
	_ saml.Tx       = (*Tx)(nil)
)

// Participation implements [oidc.Reader].
func (tx *Tx) Participation(ctx context.Context, subscriberID, sessionID, service string) (federation.Participation, error) {
	p := federation.Participation{SubscriberID: subscriberID, SessionID: sessionID, Service: service}
	var since int64
	err := tx.queryRow(ctx,
		`SELECT sid, subject, since FROM participation
		  WHERE session_subscriber = $1 AND session_id = $2 AND service_id = $3`, subscriberID, sessionID, service).
		Scan(&p.SID, &p.Subject, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return federation.Participation{}, federation.ErrNoParticipation
	}
	if err != nil {
		return federation.Participation{}, fmt.Errorf("store: participation: %w", err)
	}
	p.Since = fromMillis(since)
	return p, nil
}

// Participations implements [saml.Reader].
func (tx *Tx) Participations(ctx context.Context, subscriberID, sessionID string) (all []federation.Participation, err error) {
	err = tx.query(ctx, func(r row) error {
		p := federation.Participation{SubscriberID: subscriberID, SessionID: sessionID}
		var since int64
		if err := r.Scan(&p.SID, &p.Service, &p.Subject, &since); err != nil {
			return err
		}
		p.Since = fromMillis(since)
		all = append(all, p)
		return nil
	}, `SELECT sid, service_id, subject, since FROM participation
		 WHERE session_subscriber = $1 AND session_id = $2 ORDER BY since, sid`, subscriberID, sessionID)
	if err != nil {
		return nil, fmt.Errorf("store: participations: %w", err)
	}
	return all, nil
}

// Participate implements [oidc.Tx].
func (tx *Tx) Participate(ctx context.Context, p federation.Participation) (federation.Participation, error) {
	found, err := tx.Participation(ctx, p.SubscriberID, p.SessionID, p.Service)
	if !errors.Is(err, federation.ErrNoParticipation) {
		return found, err
	}
	if err := tx.requireSession(ctx, p.SubscriberID, p.SessionID); err != nil {
		return federation.Participation{}, err
	}
	n, err := tx.exec(ctx,
		`INSERT INTO participation (subscriber_id, sid, session_subscriber, session_id, service_id, subject, since)
		 VALUES ($1, $2, $1, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		p.SubscriberID, p.SID, p.SessionID, p.Service, p.Subject, millis(p.Since))
	if err != nil {
		return federation.Participation{}, fmt.Errorf("store: participate: %w", err)
	}
	if n == 1 {
		return p, nil
	}
	return tx.Participation(ctx, p.SubscriberID, p.SessionID, p.Service) // another request was faster
}

// ClaimLogouts implements [oidc.LogoutTx].
func (tx *Tx) ClaimLogouts(ctx context.Context, now, lockedUntil time.Time, most int) ([]oidc.Logout, error) {
	due, err := tx.dueLogouts(ctx, now, most)
	if err != nil {
		return nil, fmt.Errorf("store: claim logouts: %w", err)
	}
	var claimed []oidc.Logout
	for _, l := range due {
		if l.FirstTry.IsZero() {
			l.FirstTry = fromMillis(millis(now))
		}
		n, err := tx.exec(ctx,
			`UPDATE participation SET next_try_at = $4, first_try_at = $5, tries = tries + 1
			  WHERE subscriber_id = $1 AND sid = $2 AND session_id IS NULL AND next_try_at <= $3`,
			l.SubscriberID, l.SID, millis(now), millis(lockedUntil), millis(l.FirstTry))
		if err != nil {
			return nil, fmt.Errorf("store: claim logouts: %w", err)
		}
		if n == 1 {
			l.Tries++
			claimed = append(claimed, l)
		}
	}
	return claimed, nil
}

func (tx *Tx) dueLogouts(ctx context.Context, now time.Time, most int) (due []oidc.Logout, err error) {
	err = tx.query(ctx, func(r row) error {
		var l oidc.Logout
		var since, first int64
		if err := r.Scan(&l.SubscriberID, &l.SID, &l.Service, &l.Subject, &since, &first, &l.Tries); err != nil {
			return err
		}
		l.Since, l.FirstTry = fromMillis(since), fromMillis(first)
		due = append(due, l)
		return nil
	}, `SELECT subscriber_id, sid, service_id, subject, since, first_try_at, tries FROM participation
		 WHERE session_id IS NULL AND next_try_at <= $1 ORDER BY next_try_at LIMIT $2`, millis(now), most)
	return due, err
}

// DeferLogout implements [oidc.LogoutTx].
func (tx *Tx) DeferLogout(ctx context.Context, l oidc.Logout, next time.Time) error {
	_, err := tx.exec(ctx, `UPDATE participation SET next_try_at = $3 WHERE subscriber_id = $1 AND sid = $2`,
		l.SubscriberID, l.SID, millis(next))
	if err != nil {
		return fmt.Errorf("store: defer logout: %w", err)
	}
	return nil
}

// DeleteParticipation implements [oidc.LogoutTx].
func (tx *Tx) DeleteParticipation(ctx context.Context, subscriberID, sid string) error {
	if _, err := tx.exec(ctx, `DELETE FROM participation WHERE subscriber_id = $1 AND sid = $2`, subscriberID, sid); err != nil {
		return fmt.Errorf("store: delete participation: %w", err)
	}
	return nil
}

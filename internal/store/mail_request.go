package store

import (
	"context"
	"fmt"
	"time"
)

// MailRequests implements [throttle.MailTx].
func (tx *Tx) MailRequests(ctx context.Context, subscriberID string, since time.Time) (all []time.Time, err error) {
	err = tx.query(ctx, func(r row) error {
		var at int64
		err := r.Scan(&at)
		all = append(all, fromMillis(at))
		return err
	}, `SELECT at FROM mail_request WHERE subscriber_id = $1 AND at > $2 ORDER BY n`, subscriberID, millis(since))
	if err != nil {
		return nil, fmt.Errorf("store: mail requests: %w", err)
	}
	return all, nil
}

// NoteMailRequest implements [throttle.MailTx]. Of two requests at once one is
// noted: they count to the same number, or the second one sees the first.
func (tx *Tx) NoteMailRequest(ctx context.Context, subscriberID string, at, newest, forget time.Time) (bool, error) {
	n, err := tx.exec(ctx,
		`INSERT INTO mail_request (subscriber_id, n, at)
		 SELECT CAST($1 AS TEXT), COALESCE(MAX(n), 0) + 1, CAST($2 AS BIGINT) FROM mail_request WHERE subscriber_id = $1
		 HAVING COALESCE(MAX(at), 0) <= $3
		 ON CONFLICT DO NOTHING`, subscriberID, millis(at), millis(newest))
	if err == nil && n == 1 {
		_, err = tx.exec(ctx, `DELETE FROM mail_request WHERE subscriber_id = $1 AND at < $2`, subscriberID, millis(forget))
	}
	if err != nil {
		return false, fmt.Errorf("store: note mail request: %w", err)
	}
	return n == 1, nil
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/account"
)

var _ account.ReportTx = (*Tx)(nil)

// NotMe implements [account.NotMeTx].
func (tx *Tx) NotMe(ctx context.Context, digest []byte, now time.Time) (account.NotMe, error) {
	n := account.NotMe{Digest: digest}
	var happened, expires int64
	err := tx.queryRow(ctx, `SELECT subscriber_id, kind, happened_at, expires_at FROM not_me_token WHERE digest = $1 AND expires_at > $2`,
		digest, millis(now)).Scan(&n.SubscriberID, &n.Kind, &happened, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return account.NotMe{}, account.ErrNoNotMe
	}
	if err != nil {
		return account.NotMe{}, fmt.Errorf("store: right to report: %w", err)
	}
	n.HappenedAt, n.ExpiresAt = fromMillis(happened), fromMillis(expires)
	return n, nil
}

// SpendNotMe implements [account.NotMeTx].
func (tx *Tx) SpendNotMe(ctx context.Context, n account.NotMe, now time.Time) (bool, error) {
	taken, err := tx.exec(ctx, `DELETE FROM not_me_token WHERE digest = $1 AND subscriber_id = $2 AND expires_at > $3`,
		n.Digest, n.SubscriberID, millis(now))
	if err == nil && taken == 1 {
		_, err = tx.exec(ctx, `DELETE FROM not_me_token WHERE subscriber_id = $1`, n.SubscriberID)
	}
	if err != nil {
		return false, fmt.Errorf("store: spend right to report: %w", err)
	}
	return taken == 1, nil
}

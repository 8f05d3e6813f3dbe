package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"warifu/internal/audit"
	"warifu/internal/secret"
)

// errNoAuditKey keeps an act from happening that nobody could prove later.
var errNoAuditKey = errors.New("store: no key for the audit trail")

// SetAuditKey gives the key under which each audit event is authenticated.
func (db *DB) SetAuditKey(key *secret.MAC) { db.auditKey = key }

// AppendAudit records a security event, authenticated by itself (AUD-1).
func (tx *Tx) AppendAudit(ctx context.Context, e audit.Event) error {
	if tx.db.auditKey == nil { //guard:AUD-2
		return errNoAuditKey
	}
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("store: append audit event: %w", err)
	}
	id := rand.Text()
	_, err = tx.exec(ctx,
		`INSERT INTO audit_event (id, at, name, subscriber, body, mac) VALUES ($1, $2, $3, $4, $5, $6)`,
		id, millis(e.At), e.Name, e.Subscriber, string(body), audit.RowMAC(tx.db.auditKey, id, body))
	if err != nil {
		return fmt.Errorf("store: append audit event: %w", err)
	}
	return nil
}

// AuditOf implements [account.HistoryReader].
func (tx *Tx) AuditOf(ctx context.Context, subscriberID string, since time.Time, most int) ([]audit.Row, error) {
	return tx.auditRows(ctx, `SELECT e.id, e.at, e.name, e.subscriber, e.body, e.mac FROM audit_event e
		WHERE e.subscriber = $1 AND e.at >= $2 ORDER BY e.at DESC, e.id DESC LIMIT $3`, subscriberID, millis(since), most)
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"warifu/internal/audit"
)

var (
	_ audit.SealTx      = (*Tx)(nil)
	_ audit.TrailReader = (*Tx)(nil)
	_ audit.ExportTx    = (*Tx)(nil)
)

// LastBlock implements [audit.SealTx].
func (tx *Tx) LastBlock(ctx context.Context) (audit.Block, error) {
	return scanBlock(tx.queryRow(ctx, `SELECT no, sealed_at, events, digest, mac FROM audit_block ORDER BY no DESC LIMIT 1`))
}

// Block implements [audit.TrailReader].
func (tx *Tx) Block(ctx context.Context, no int64) (audit.Block, error) {
	return scanBlock(tx.queryRow(ctx, `SELECT no, sealed_at, events, digest, mac FROM audit_block WHERE no = $1`, no))
}

func scanBlock(r row) (b audit.Block, err error) {
	var sealed int64
	err = r.Scan(&b.No, &sealed, &b.Events, &b.Digest, &b.MAC)
	if errors.Is(err, sql.ErrNoRows) {
		return audit.Block{}, audit.ErrNoBlock
	}
	if err != nil {
		return audit.Block{}, fmt.Errorf("store: audit block: %w", err)
	}
	b.SealedAt = fromMillis(sealed)
	return b, nil
}

// CreateBlock implements [audit.SealTx].
func (tx *Tx) CreateBlock(ctx context.Context, b audit.Block, rows []audit.Row) (bool, error) {
	n, err := tx.exec(ctx,
		`INSERT INTO audit_block (no, sealed_at, events, digest, mac) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (no) DO NOTHING`,
		b.No, millis(b.SealedAt), b.Events, b.Digest, b.MAC)
	if err != nil {
		return false, fmt.Errorf("store: create audit block: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	for _, r := range rows {
		if _, err := tx.exec(ctx, `INSERT INTO audit_seal (event_id, block) VALUES ($1, $2)`, r.ID, b.No); err != nil {
			return false, fmt.Errorf("store: seal audit event: %w", err)
		}
	}
	return true, nil
}

// NewestSealed implements [audit.SealTx].
func (tx *Tx) NewestSealed(ctx context.Context, block int64) (time.Time, error) {
	var at sql.NullInt64
	err := tx.queryRow(ctx, `SELECT MAX(e.at) FROM audit_seal s JOIN audit_event e ON e.id = s.event_id WHERE s.block = $1`, block).Scan(&at)
	if err != nil {
		return time.Time{}, fmt.Errorf("store: newest sealed audit event: %w", err)
	}
	return fromMillis(at.Int64), nil
}

// OldestUnsealed implements [audit.SealTx].
func (tx *Tx) OldestUnsealed(ctx context.Context, since time.Time, most int) ([]audit.Row, error) {
	return tx.auditRows(ctx, `SELECT e.id, e.at, e.name, e.subscriber, e.body, e.mac FROM audit_event e
		WHERE e.at >= $1 AND NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.event_id = e.id)
		ORDER BY e.at, e.id LIMIT $2`, millis(since), most)
}

// UnsealedAudit implements [audit.TrailReader].
func (tx *Tx) UnsealedAudit(ctx context.Context, after string, most int) ([]audit.Row, error) {
	return tx.auditRows(ctx, `SELECT e.id, e.at, e.name, e.subscriber, e.body, e.mac FROM audit_event e
		WHERE e.id > $1 AND NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.event_id = e.id)
		ORDER BY e.id LIMIT $2`, after, most)
}

// SealedAudit implements [audit.TrailReader].
func (tx *Tx) SealedAudit(ctx context.Context, block int64) ([]audit.Row, error) {
	return tx.auditRows(ctx, `SELECT s.event_id, e.at, e.name, e.subscriber, e.body, e.mac
		FROM audit_seal s LEFT JOIN audit_event e ON e.id = s.event_id WHERE s.block = $1 ORDER BY s.event_id`, block)
}

// StraySeals implements [audit.TrailReader].
func (tx *Tx) StraySeals(ctx context.Context, no int64, most int) (stray []audit.StraySeal, err error) {
	err = tx.query(ctx, func(r row) error {
		var s audit.StraySeal
		if err := r.Scan(&s.Block, &s.Event, &s.Rows); err != nil {
			return err
		}
		stray = append(stray, s)
		return nil
	}, `SELECT s.block, MIN(s.event_id), COUNT(*) FROM audit_seal s
		WHERE s.block < 1 OR (s.block > $1 AND NOT EXISTS (SELECT 1 FROM audit_block b WHERE b.no = s.block))
		GROUP BY s.block ORDER BY s.block LIMIT $2`, no, most)
	if err != nil {
		return nil, fmt.Errorf("store: stray audit seals: %w", err)
	}
	return stray, nil
}

// AuditAfter implements [audit.ExportTx].
func (tx *Tx) AuditAfter(ctx context.Context, f audit.Filter, at time.Time, id string, most int) ([]audit.Row, error) {
	to := int64(1) << 62
	if !f.To.IsZero() {
		to = millis(f.To)
	}
	return tx.auditRows(ctx, `SELECT e.id, e.at, e.name, e.subscriber, e.body, e.mac FROM audit_event e
		WHERE e.at >= $1 AND (e.at > $1 OR e.id > $2) AND e.at < $3 AND ($4 = '' OR e.subscriber = $4) AND ($5 = '' OR e.name = $5)
		ORDER BY e.at, e.id LIMIT $6`, millis(at), id, to, f.Subscriber, string(f.Name), most)
}

func (tx *Tx) auditRows(ctx context.Context, statement string, args ...any) (rows []audit.Row, err error) {
	err = tx.query(ctx, func(r row) error {
		var id string
		var at sql.NullInt64
		var name, subscriber, body sql.NullString
		var mac []byte
		if err := r.Scan(&id, &at, &name, &subscriber, &body, &mac); err != nil {
			return err
		}
		rows = append(rows, audit.Row{ID: id, At: fromMillis(at.Int64), Name: audit.Name(name.String), Subscriber: subscriber.String,
			Body: []byte(body.String), MAC: mac, Missing: !body.Valid})
		return nil
	}, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("store: audit events: %w", err)
	}
	return rows, nil
}

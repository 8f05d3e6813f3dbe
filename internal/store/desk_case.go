package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"warifu/internal/flow"
	"warifu/internal/helpdesk"
)

var _ helpdesk.DeskTx = (*Tx)(nil)

const caseColumns = `no, subscriber_id, kind, cause, state, number, flow_id, browser, device, address, campus,
	agent_id, agent_at, checks, reason, password_too, phone_shown, first_id, first_at, decided_id, decided_at, refusal,
	shown_at, outside_hours, check_call, opened_at, seen_at, ended_at, expires_at, version`

func scanCase(r row) (helpdesk.Case, error) {
	var c helpdesk.Case
	var checks string
	var touched, first, decided, shown, opened, seen, ended, expires int64
	err := r.Scan(&c.No, &c.SubscriberID, &c.Kind, &c.Cause, &c.State, &c.Number, &c.Flow.ID, &c.Flow.Browser,
		&c.Caller.Device, &c.Caller.Address, &c.Caller.Campus, &c.Work.AgentID, &touched, &checks, &c.Work.Reason, &c.Work.PasswordToo, &c.Work.PhoneShown,
		&c.First.AgentID, &first, &c.Decided.AgentID, &decided, &c.Why, &shown, &c.Marks.OutsideHours, &c.Marks.CheckCall,
		&opened, &seen, &ended, &expires, &c.Version)
	if errors.Is(err, sql.ErrNoRows) {
		return helpdesk.Case{}, helpdesk.ErrNoCase
	}
	if err != nil {
		return helpdesk.Case{}, fmt.Errorf("store: case: %w", err)
	}
	if err := json.Unmarshal([]byte(checks), &c.Work.Checks); err != nil {
		return helpdesk.Case{}, fmt.Errorf("store: checks of a case: %w", err)
	}
	c.Work.TouchedAt, c.First.At, c.Decided.At, c.ShownAt = fromMillis(touched), fromMillis(first), fromMillis(decided), fromMillis(shown)
	c.OpenedAt, c.SeenAt, c.EndedAt, c.ExpiresAt = fromMillis(opened), fromMillis(seen), fromMillis(ended), fromMillis(expires)
	return c, nil
}

func (tx *Tx) cases(ctx context.Context, statement string, args ...any) (all []helpdesk.Case, err error) {
	err = tx.query(ctx, func(r row) error {
		c, err := scanCase(r)
		all = append(all, c)
		return err
	}, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("store: cases: %w", err)
	}
	return all, nil
}

// Case implements [helpdesk.DeskReader].
func (tx *Tx) Case(ctx context.Context, no int64) (helpdesk.Case, error) {
	return scanCase(tx.queryRow(ctx, `SELECT `+caseColumns+` FROM desk_case WHERE no = $1`, no))
}

// CaseOfFlow implements [helpdesk.CaseTx]. Of several the newest counts: the others
// have ended.
func (tx *Tx) CaseOfFlow(ctx context.Context, key flow.Key) (helpdesk.Case, error) {
	return scanCase(tx.queryRow(ctx, `SELECT `+caseColumns+` FROM desk_case WHERE flow_id = $1 AND browser = $2 ORDER BY no DESC LIMIT 1`, key.ID, bytesOf(key.Browser)))
}

// CasesOf implements [helpdesk.CaseTx].
func (tx *Tx) CasesOf(ctx context.Context, subscriberID string, since time.Time) ([]helpdesk.Case, error) {
	return tx.cases(ctx, `SELECT `+caseColumns+` FROM desk_case WHERE subscriber_id = $1 AND opened_at >= $2 ORDER BY opened_at DESC`,
		subscriberID, millis(since))
}

// LivingCases implements [helpdesk.DeskReader].
func (tx *Tx) LivingCases(ctx context.Context) ([]helpdesk.Case, error) {
	return tx.cases(ctx, `SELECT `+caseColumns+` FROM desk_case WHERE ended_at = 0 ORDER BY opened_at`)
}

// CasesBetween implements [helpdesk.ReportReader].
func (tx *Tx) CasesBetween(ctx context.Context, from, to time.Time) ([]helpdesk.Case, error) {
	return tx.cases(ctx, `SELECT `+caseColumns+` FROM desk_case WHERE opened_at >= $1 AND opened_at < $2 ORDER BY opened_at`, millis(from), millis(to))
}

// LongestDormant implements [helpdesk.CallerTx].
func (tx *Tx) LongestDormant(ctx context.Context, before time.Time) (helpdesk.Case, error) {
	return scanCase(tx.queryRow(ctx, `SELECT `+caseColumns+` FROM desk_case WHERE ended_at = 0 AND seen_at < $1 ORDER BY seen_at LIMIT 1`, millis(before)))
}

// OpenCases implements [helpdesk.CallerTx].
func (tx *Tx) OpenCases(ctx context.Context) (n int64, err error) {
	if err = tx.queryRow(ctx, `SELECT COUNT(*) FROM desk_case WHERE ended_at = 0`).Scan(&n); err != nil {
		return 0, fmt.Errorf("store: open cases: %w", err)
	}
	return n, nil
}

// OpenVersions implements [helpdesk.WaitReader].
func (tx *Tx) OpenVersions(ctx context.Context) (versions map[int64]int64, waiting int64, err error) {
	versions = make(map[int64]int64)
	err = tx.query(ctx, func(r row) error {
		var no, version int64
		var state helpdesk.State
		err := r.Scan(&no, &version, &state)
		versions[no] = version
		if state.Open() {
			waiting++
		}
		return err
	}, `SELECT no, version, state FROM desk_case WHERE ended_at = 0`)
	if err != nil {
		return nil, 0, fmt.Errorf("store: versions of cases: %w", err)
	}
	return versions, waiting, nil
}

// CountApprovals implements [helpdesk.DeskReader].
func (tx *Tx) CountApprovals(ctx context.Context, agentID string, since time.Time) (n int64, err error) {
	err = tx.queryRow(ctx, `SELECT COUNT(*) FROM desk_case WHERE decided_id = $1 AND decided_id <> '' AND decided_at >= $2 AND refusal = ''`,
		agentID, millis(since)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("store: count approvals: %w", err)
	}
	return n, nil
}

// CreateCase implements [helpdesk.CaseTx].
func (tx *Tx) CreateCase(ctx context.Context, c helpdesk.Case) (no int64, created bool, err error) {
	checks, err := json.Marshal(c.Work.Checks)
	if err != nil {
		return 0, false, err
	}
	err = tx.queryRow(ctx, `INSERT INTO desk_case (`+caseColumns+`)
		VALUES ((SELECT COALESCE(MAX(no), 1000) + 1 FROM desk_case), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', 0, $11, '', FALSE, FALSE, '', 0, '', 0, '',
			0, FALSE, FALSE, $12, $13, 0, $14, 0)
		ON CONFLICT DO NOTHING RETURNING no`,
		c.SubscriberID, c.Kind, c.Cause, c.State, c.Number, c.Flow.ID, c.Flow.Browser, c.Caller.Device, c.Caller.Address, c.Caller.Campus,
		string(checks), millis(c.OpenedAt), millis(c.SeenAt), millis(c.ExpiresAt)).Scan(&no)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("store: create case: %w", err)
	}
	return no, true, nil
}

// UpdateCase implements [helpdesk.CaseTx]. When the browser was heard of is kept
// by [Tx.TouchCase] alone.
func (tx *Tx) UpdateCase(ctx context.Context, c helpdesk.Case) error {
	checks, err := json.Marshal(c.Work.Checks)
	if err != nil {
		return err
	}
	n, err := tx.exec(ctx, `UPDATE desk_case SET state = $3, number = $4, agent_id = $5, agent_at = $6, checks = $7, reason = $8, password_too = $9, phone_shown = $10,
			first_id = $11, first_at = $12, decided_id = $13, decided_at = $14, refusal = $15, shown_at = $16, outside_hours = $17, check_call = $18,
			ended_at = $19, expires_at = $20, version = version + 1 WHERE no = $1 AND version = $2`,
		c.No, c.Version, c.State, c.Number, c.Work.AgentID, millis(c.Work.TouchedAt), string(checks), c.Work.Reason, c.Work.PasswordToo, c.Work.PhoneShown,
		c.First.AgentID, millis(c.First.At), c.Decided.AgentID, millis(c.Decided.At), c.Why, millis(c.ShownAt), c.Marks.OutsideHours, c.Marks.CheckCall,
		millis(c.EndedAt), millis(c.ExpiresAt))
	if err != nil {
		return fmt.Errorf("store: update case: %w", err)
	}
	if n == 0 { //guard:HD-18
		return flow.ErrConflict
	}
	return nil
}

// TouchCase implements [helpdesk.WaitTx].
func (tx *Tx) TouchCase(ctx context.Context, no int64, now time.Time) error {
	if _, err := tx.exec(ctx, `UPDATE desk_case SET seen_at = $2 WHERE no = $1 AND ended_at = 0`, no, millis(now)); err != nil {
		return fmt.Errorf("store: touch case: %w", err)
	}
	return nil
}

// HoldSubscriber implements [helpdesk.CallerTx]: the row is locked where the
// engine has several writers.
func (tx *Tx) HoldSubscriber(ctx context.Context, id string) error {
	if _, err := tx.exec(ctx, `UPDATE subscriber SET updated_at = updated_at WHERE id = $1`, id); err != nil {
		return fmt.Errorf("store: hold subscriber: %w", err)
	}
	return nil
}

// CountEntry implements [helpdesk.CountTx].
func (tx *Tx) CountEntry(ctx context.Context, name string, window time.Duration, now time.Time) (wrong int64, stoppedAt time.Time, err error) {
	var stopped int64
	err = tx.queryRow(ctx,
		`INSERT INTO desk_entry (name, wrong, since, stopped_at) VALUES ($1, 1, $2, 0)
		 ON CONFLICT (name) DO UPDATE SET wrong = CASE WHEN desk_entry.since <= $3 THEN 1 ELSE desk_entry.wrong + 1 END,
			since = CASE WHEN desk_entry.since <= $3 THEN $2 ELSE desk_entry.since END
		 RETURNING wrong, stopped_at`, name, millis(now), millis(now.Add(-window))).Scan(&wrong, &stopped)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("store: count entry: %w", err)
	}
	return wrong, fromMillis(stopped), nil
}

// ForgiveEntry implements [helpdesk.EntryTx].
func (tx *Tx) ForgiveEntry(ctx context.Context, name string) error {
	if _, err := tx.exec(ctx, `UPDATE desk_entry SET wrong = wrong - 1 WHERE name = $1 AND wrong > 0`, name); err != nil {
		return fmt.Errorf("store: forgive entry: %w", err)
	}
	return nil
}

// StopEntries implements [helpdesk.EntryTx].
func (tx *Tx) StopEntries(ctx context.Context, name string, now time.Time) error {
	if _, err := tx.exec(ctx, `UPDATE desk_entry SET stopped_at = $2 WHERE name = $1`, name, millis(now)); err != nil {
		return fmt.Errorf("store: stop entries: %w", err)
	}
	return nil
}

// LiftEntries lets an agent go on, and reports whether he was stopped.
func (tx *Tx) LiftEntries(ctx context.Context, agentID string) (bool, error) {
	n, err := tx.exec(ctx, `DELETE FROM desk_entry WHERE name = $1 AND stopped_at > 0`, "agent:"+agentID)
	if err != nil {
		return false, fmt.Errorf("store: lift entries: %w", err)
	}
	return n == 1, nil
}

// StoppedAgents returns the ids of the agents who cannot open cases, with since when.
func (tx *Tx) StoppedAgents(ctx context.Context) (map[string]time.Time, error) {
	all := make(map[string]time.Time)
	err := tx.query(ctx, func(r row) error {
		var name string
		var at int64
		err := r.Scan(&name, &at)
		all[name[len("agent:"):]] = fromMillis(at)
		return err
	}, `SELECT name, stopped_at FROM desk_entry WHERE stopped_at > 0`)
	if err != nil {
		return nil, fmt.Errorf("store: stopped agents: %w", err)
	}
	return all, nil
}

// WaitOf implements [helpdesk.LookUpTx].
func (tx *Tx) WaitOf(ctx context.Context, subscriberID string, now time.Time) (time.Time, error) {
	var until int64
	err := tx.queryRow(ctx, `SELECT COALESCE(MAX(wait_until), 0) FROM throttle WHERE account = $1 AND wait_until > $2`, subscriberID, millis(now)).Scan(&until)
	if err != nil {
		return time.Time{}, fmt.Errorf("store: wait of an account: %w", err)
	}
	return fromMillis(until), nil
}

// LastMails implements [helpdesk.LookUpTx].
func (tx *Tx) LastMails(ctx context.Context, subscriberID string, most int) (all []helpdesk.MailState, err error) {
	err = tx.query(ctx, func(r row) error {
		var m helpdesk.MailState
		var at int64
		err := r.Scan(&at, &m.State)
		m.At = fromMillis(at)
		all = append(all, m)
		return err
	}, `SELECT created_at, state FROM mail_outbox WHERE subscriber_id = $1 ORDER BY created_at DESC LIMIT $2`, subscriberID, most)
	if err != nil {
		return nil, fmt.Errorf("store: last mails: %w", err)
	}
	return all, nil
}

// RecoveredPeople implements [helpdesk.ReportReader].
func (tx *Tx) RecoveredPeople(ctx context.Context, from, to time.Time) (n int, err error) {
	err = tx.queryRow(ctx, `SELECT COUNT(*) FROM subscriber WHERE recovered_at > 0 AND recovered_at >= $1 AND recovered_at < $2`, millis(from), millis(to)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("store: recovered people: %w", err)
	}
	return n, nil
}

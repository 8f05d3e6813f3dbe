// Package alarm watches for what shows at no single account: wrong codes, all
// over the system (THR-7). Whoever has many passwords and tries few codes with
// each is stopped by no counter of a person.
//
// It counts and tells, and stops nobody: an alarm that closed the sign-in would
// be one that anybody could ring.
package alarm

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"warifu/internal/audit"
	"warifu/internal/mail"
)

// Every is how often a node adds what it has counted, and looks at all of it.
const Every = 30 * time.Second

const (
	span   = 5 * time.Minute // that is looked at
	most   = 150             // wrong codes in a span, 0.5 a second
	times  = 5               // as many as usual
	least  = 30              // below that, nothing is unusual
	week   = 7 * 24 * time.Hour
	around = 30 * time.Minute // before and after the same time of another day
	keep   = week + 24*time.Hour
	atMost = time.Hour // between two mails
)

// Rule is something that people are told of.
type Rule struct {
	Name string    // of the audit trail, the log, and the database
	Text mail.Text // of the letter, with the time in which it counts
}

// Finding is what an alarm is raised for.
type Finding struct {
	Rule     Rule
	Of       string // id of whom it is about; empty if it is about nobody
	What     string // name of the part of the system that it is about; empty if that is the whole
	N, Limit int64  // how many, and how many may be
}

// The rules.
var (
	WrongCodes    = Rule{"wrong codes", mail.Text{Japanese: "数字・コードの誤り（5分間）", English: "Wrong numbers and codes in 5 min"}}
	DeskEntries   = Rule{"wrong entries of one agent", mail.Text{Japanese: "1人の担当者の照合番号の誤り（10分間）", English: "Wrong entries of one agent in 10 min"}}
	DeskTarget    = Rule{"wrong entries for one person", mail.Text{Japanese: "1人の利用者への照合番号の誤り（1時間）", English: "Wrong entries for one person in 1 h"}}
	DeskApprovals = Rule{"approvals of one agent", mail.Text{Japanese: "1人の担当者の承認（24時間）", English: "Approvals of one agent in 24 h"}}
	DeskAgain     = Rule{"same agent and person again", mail.Text{Japanese: "同じ担当者による同じ利用者の承認（30日間）", English: "Approvals of one person by the same agent in 30 days"}}
	DeskClosed    = Rule{"approvals outside of the hours", mail.Text{Japanese: "受付時間外の承認", English: "Approvals outside of the opening hours"}}
	NewAddress    = Rule{"recovery, then another address", mail.Text{Japanese: "復旧後のアドレス変更（7日間）", English: "Address changed within 7 days of a recovery"}}
	BrokenTrail   = Rule{"broken trail", mail.Text{Japanese: "監査記録の不整合", English: "Faults of the audit trail"}}
)

// What an alarm is about. A mail names nobody; the audit trail does.
var (
	scopeText = mail.Text{Japanese: "システム全体", English: "the whole system"}
	oneText   = mail.Text{Japanese: "1つのアカウント（監査ログに記載）", English: "one account, named in the audit log"}
)

// RaiseTx is what telling of an alarm needs of a transaction.
type RaiseTx interface {
	// RaiseAlarm notes that a rule has raised an alarm, and reports whether it did:
	// not if some node has raised it less than a time ago.
	RaiseAlarm(ctx context.Context, rule string, every time.Duration, now time.Time) (bool, error)
	AppendAudit(ctx context.Context, e audit.Event) error
	mail.Queue
}

// Tx is what the watch needs of a transaction.
type Tx interface {
	// AddFailures adds to those of the minute that begins at a time.
	AddFailures(ctx context.Context, minute time.Time, n int64) error
	// Failures returns those of the minutes that begin from one time on, and before another.
	Failures(ctx context.Context, from, to time.Time) (int64, error)
	// CountedSince returns the oldest minute that is there.
	CountedSince(ctx context.Context) (time.Time, error)
	// RemoveFailures deletes the minutes before a time.
	RemoveFailures(ctx context.Context, before time.Time) error
	RaiseTx
}

// Watch counts the wrong codes of one node, and looks at those of all nodes.
type Watch struct {
	InTx   func(ctx context.Context, fn func(Tx) error) error
	Outbox *mail.Outbox
	To     []string // addresses of administrators
	Trail  mail.URL // where they look
	Log    *slog.Logger
	Now    func() time.Time

	counted atomic.Int64 // not added yet
	last    atomic.Int64
	ringing atomic.Bool
}

// Failed counts one wrong code.
func (w *Watch) Failed() { w.counted.Add(1) }

// Last returns the wrong codes of the last five minutes, of all nodes.
func (w *Watch) Last() float64 { return float64(w.last.Load()) }

// Ringing returns 1 while there are too many, and 0 otherwise.
func (w *Watch) Ringing() float64 {
	if w.ringing.Load() {
		return 1
	}
	return 0
}

// sight is what a node sees of all nodes.
type sight struct {
	failures, limit int64
	raised          bool // by this node, now
}

func (s sight) tooMany() bool { return s.failures > s.limit }

// Check adds what was counted, and raises the alarm where there is too much. It
// is a job.
func (w *Watch) Check(ctx context.Context) error {
	n := w.counted.Swap(0)
	var s sight
	err := w.InTx(ctx, func(tx Tx) (err error) {
		s, err = w.look(ctx, tx, n)
		return err
	})
	if err != nil {
		w.counted.Add(n) // for the next time
		return err
	}
	w.last.Store(s.failures)
	w.ringing.Store(s.tooMany())
	if s.raised {
		w.Log.Error("too many wrong codes, all over the system", "alarm", WrongCodes.Name, "failures", s.failures, "limit", s.limit)
	}
	return nil
}

func (w *Watch) look(ctx context.Context, tx Tx, n int64) (s sight, err error) {
	minute := w.Now().Truncate(time.Minute)
	if err := tx.AddFailures(ctx, minute, n); err != nil {
		return s, err
	}
	if err := tx.RemoveFailures(ctx, minute.Add(-keep)); err != nil {
		return s, err
	}
	end := minute.Add(time.Minute)
	if s.failures, err = tx.Failures(ctx, end.Add(-span), end); err != nil {
		return s, err
	}
	if s.limit, err = w.limit(ctx, tx, minute); err != nil || !s.tooMany() {
		return s, err
	}
	s.raised, err = w.RaiseRarely(ctx, tx, Finding{Rule: WrongCodes, N: s.failures, Limit: s.limit}, atMost)
	return s, err
}

// limit is how many wrong codes are too many now: those of the rule, or five
// times as many as are usual at this time of the day, whichever is less. What is
// usual is known once a week has been counted.
func (w *Watch) limit(ctx context.Context, tx Tx, minute time.Time) (int64, error) {
	since, err := tx.CountedSince(ctx)
	if err != nil || since.After(minute.Add(-week)) {
		return most, err
	}
	var sum int64
	for day := 24 * time.Hour; day <= week; day += 24 * time.Hour {
		n, err := tx.Failures(ctx, minute.Add(-day-around), minute.Add(-day+around))
		if err != nil {
			return 0, err
		}
		sum += n
	}
	const spans = int64(week / (24 * time.Hour) * (2 * around / span))
	return min(most, max(least, times*sum/spans)), nil
}

// RaiseRarely is [Watch.Raise], but not of the same thing less than a time after
// it was raised, on whichever node. It reports whether it was raised.
func (w *Watch) RaiseRarely(ctx context.Context, tx RaiseTx, f Finding, every time.Duration) (bool, error) {
	raised, err := tx.RaiseAlarm(ctx, strings.TrimSuffix(f.Rule.Name+": "+f.Of+f.What, ": "), every, w.Now())
	if err != nil || !raised {
		return false, err
	}
	return true, w.Raise(ctx, tx, f)
}

// Raise records an alarm, and mails it to the administrators.
func (w *Watch) Raise(ctx context.Context, tx RaiseTx, f Finding) error {
	now := w.Now()
	scope, detail := scopeText, map[string]string{"failures": fmt.Sprint(f.N), "limit": fmt.Sprint(f.Limit)}
	switch {
	case f.Of != "":
		scope = oneText
	case f.What != "":
		scope, detail["of"] = mail.Text{Japanese: f.What, English: f.What}, f.What
	}
	err := tx.AppendAudit(ctx, audit.Event{At: now, Name: audit.AlarmRaised, Target: f.Rule.Name, Subscriber: f.Of, Detail: detail})
	if err != nil {
		return err
	}
	for _, address := range w.To {
		letter := mail.Alarm{At: now, Rule: f.Rule.Text, N: int(f.N), Limit: int(f.Limit), Scope: scope, URL: w.Trail}
		if err := w.Outbox.Queue(ctx, tx, mail.Envelope{To: address}, letter); err != nil {
			return err
		}
	}
	return nil
}

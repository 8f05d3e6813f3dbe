// Package history says in plain words what the audit trail knows of a person:
// to the person, and to the help desk.
package history

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"warifu/internal/audit"
)

// For is how long the history goes back (NOT-4).
const For = 90 * 24 * time.Hour

const most = 2000 // events that are read

// Reader is what the history needs of a transaction.
type Reader interface {
	// AuditOf returns the events about a subscriber since a time, the newest first.
	AuditOf(ctx context.Context, subscriberID string, since time.Time, most int) ([]audit.Row, error)
}

// Result is how an entry of the history ended.
type Result string

// The results.
const (
	SignedIn Result = "signed in"
	Failed   Result = "failed"  // before the second step
	Stopped  Result = "stopped" // at the second step: somebody knew the password
	Changed  Result = "changed" // no sign-in, but something else
)

// Entry is a sign-in of a person, or a change, in the words of no language.
type Entry struct {
	ID      string // of its first event, which stays the same
	At      time.Time
	Result  Result
	Method  string        // a key of the catalogue; empty if unknown
	Why     string        // a key of the catalogue: why a sign-in failed
	What    string        // a key of the catalogue: what was changed
	Service string        // id; empty if none is known
	Device  string        // such as "Chrome・Windows"; empty if unknown
	Address string        // of the network
	Drift   time.Duration // with history.why_drift: how wrong the person's clock was

	again bool // a proof was asked for of a person who was signed in
}

// Service tells people what has happened to their accounts.
type Service struct {
	View func(ctx context.Context, fn func(Reader) error) error
	Now  func() time.Time
}

// Reportable reports whether the person may say of the entry that it was somebody
// else: not of what anybody can do who knows the SPS-ID, nor of an administrator's
// act.
func (e Entry) Reportable() bool {
	return e.Result == SignedIn || e.Result == Stopped || e.Result == Changed && e.What != "event.suspended" && e.What != "event.resumed"
}

// Words says how the entry ended, with a function that fills texts of the catalogue.
func (e Entry) Words(text func(key string, args ...any) string) string {
	switch e.Result {
	case SignedIn:
		return text("history.ok")
	case Failed:
		return text("history.fail")
	case Stopped:
		return text("history.stopped")
	default:
		return text("history.changed", "what", text(e.What))
	}
}

// DriftMinutes is Drift in whole minutes, at least one.
func (e Entry) DriftMinutes() int { return max(1, int(e.Drift.Abs().Round(time.Minute).Minutes())) }

// ErrNoEntry means that the history of the person has no such entry.
var ErrNoEntry = errors.New("history: no such entry of the history")

// Entry returns an entry of a person that may be reported, or [ErrNoEntry].
func (s *Service) Entry(ctx context.Context, subscriberID, id string) (Entry, error) {
	all, err := s.Of(ctx, subscriberID)
	if err != nil {
		return Entry{}, err
	}
	for _, e := range all {
		if e.ID == id && e.Reportable() { //guard:A19
			return e, nil
		}
	}
	return Entry{}, ErrNoEntry
}

// Of returns the entries of a person in the last 90 days, the newest first. The
// events of one sign-in are one entry.
func (s *Service) Of(ctx context.Context, subscriberID string) (all []Entry, err error) {
	err = s.View(ctx, func(tx Reader) error {
		all, err = Of(ctx, tx, subscriberID, s.Now())
		return err
	})
	return all, err
}

// Of is [Service.Of] in a transaction of the caller.
func Of(ctx context.Context, tx Reader, subscriberID string, now time.Time) ([]Entry, error) {
	rows, err := tx.AuditOf(ctx, subscriberID, now.Add(-For), most)
	if err != nil {
		return nil, err
	}
	return entries(rows)
}

// entries makes the entries of events that come newest first.
func entries(rows []audit.Row) (all []Entry, err error) {
	signIns := make(map[string]int) // index of the entry of a flow
	for _, row := range rows {
		var e audit.Event
		if err := json.Unmarshal(row.Body, &e); err != nil {
			return nil, fmt.Errorf("history: audit event %s: %w", row.ID, err)
		}
		if e.Name != audit.SignIn {
			if what := changed(e); what != "" {
				all = append(all, entry(e, Entry{ID: row.ID, Result: Changed, What: what}))
			}
			continue
		}
		step, ok := steps[e.Outcome]
		if !ok {
			continue
		}
		at, seen := signIns[e.Target]
		if e.Target == "" || !seen {
			at, signIns[e.Target] = len(all), len(all)
			all = append(all, entry(e, step))
		}
		all[at].ID = row.ID // the rows become older
		all[at].join(e, step)
	}
	return slices.DeleteFunc(all, func(e Entry) bool { return e.again && e.Result != Stopped }), nil
}

// entry fills what every event has.
func entry(e audit.Event, of Entry) Entry {
	of.At, of.Device, of.Service = e.At, e.Detail[audit.DetailDevice], e.Detail[audit.DetailService]
	of.Address = cmp.Or(e.Detail[audit.DetailCaller], e.Address) // an agent's is nobody else's business
	return of
}

// join adds another event of the same sign-in: an earlier one, or one of the same
// moment. That it succeeded outweighs the rest; otherwise what came last counts,
// and before that what was wrong.
func (all *Entry) join(e audit.Event, step Entry) {
	all.again = all.again || e.Outcome == askedAgain
	if all.Service == "" {
		all.Service = e.Detail[audit.DetailService]
	}
	unfinished := all.Result == "" || all.Why == "history.why_ended" && step.Why != ""
	if step.Result == SignedIn && all.Result != SignedIn || unfinished && step.Result != "" {
		all.Result, all.Method, all.Why = step.Result, step.Method, step.Why
		if drift, err := time.ParseDuration(e.Detail[audit.DetailDrift]); err == nil && step.Why == "history.why_number" {
			all.Why, all.Drift = "history.why_drift", drift
		}
	}
}

const askedAgain = "second factor asked for again"

// steps say what an event of the sign-in flow means if nothing came after it.
var steps = map[string]Entry{
	"password accepted":                                                 {Result: Stopped, Method: "method.password", Why: "history.why_ended"},
	"password accepted, browser trusted":                                {Result: SignedIn, Method: "method.trusted"},
	"password accepted, no second factor required yet":                  {Result: SignedIn, Method: "method.password"},
	"password accepted, second factor not set up":                       {Result: Stopped, Method: "method.password", Why: "history.why_ended"},
	"password accepted, second factor initialized and not set up again": {Result: Stopped, Method: "method.password", Why: "history.why_ended"},
	"password rejected":                                                 {Result: Failed, Method: "method.password", Why: "history.why_password"},
	"account suspended":                                                 {Result: Failed, Why: "history.why_suspended"},
	askedAgain:                                                          {},
	"TOTP accepted":                                                     {Result: SignedIn, Method: "method.totp"},
	"TOTP rejected":                                                     {Result: Stopped, Method: "method.totp", Why: "history.why_number"},
	"TOTP used before":                                                  {Result: Stopped, Method: "method.totp", Why: "history.why_used"},
	"TOTP paused after too many failures":                               {Result: Stopped, Method: "method.totp", Why: "history.why_paused"},
	"TOTP taken from known browsers only":                               {Result: Stopped, Method: "method.totp", Why: "history.why_paused"},
	"recovery code accepted":                                            {Result: SignedIn, Method: "method.recovery"},
	"recovery code rejected":                                            {Result: Stopped, Method: "method.recovery", Why: "history.why_number"},
	"passkey accepted":                                                  {Result: SignedIn, Method: "method.passkey"},
	"passkey rejected":                                                  {Result: Failed, Method: "method.passkey", Why: "history.why_number"},
	"passkey refused: it may exist twice":                               {Result: Failed, Method: "method.passkey", Why: "history.why_number"},
	"help desk asked":                                                   {Result: Stopped, Method: "method.otp_desk", Why: "history.why_ended"},
	"OTP sent":                                                          {Result: Stopped, Method: "method.otp_mail", Why: "history.why_ended"},
	"OTP not sent: too many mails":                                      {Result: Stopped, Method: "method.otp_mail", Why: "history.why_paused"},
	"OTP accepted":                                                      {Result: SignedIn, Method: "method.otp_mail"},
	"OTP rejected":                                                      {Result: Stopped, Method: "method.otp_mail", Why: "history.why_number"},
	"OTP expired":                                                       {Result: Stopped, Method: "method.otp_mail", Why: "history.why_expired"},
	"OTP ended after too many wrong entries":                            {Result: Stopped, Method: "method.otp_mail", Why: "history.why_paused"},
	"throttled":                                                         {Result: Failed, Why: "history.why_paused"},
}

// changes are what else a person is shown, by name and outcome of the event; an
// event without an outcome has an empty one.
var changes = map[audit.Name]map[string]string{
	audit.Enrolment:         {"first TOTP accepted": "event.totp_added"},
	audit.Authenticator:     {"removed": "event.totp_removed"},
	audit.Recovery:          {"link sent": "event.init_asked", "activation code accepted": "event.totp_initialized", "case used": "event.totp_initialized"},
	audit.RecoveryLink:      {"initialized": "event.totp_initialized"},
	audit.Address:           {"added": "event.address_added", "replaced": "event.address_added", "removed": "event.address_removed"},
	audit.Passkey:           {"added": "event.passkey_added", "removed": "event.passkey_removed"},
	audit.RecoveryCodes:     {"made": "event.codes_made"},
	audit.PasswordForgotten: {"password chosen": "event.password_changed"},
	audit.PasswordChanged:   {"changed": "event.password_changed"},
	audit.DeskCase:          {"opened": "event.case_opened", "approved": "event.case_approved", "approved again": "event.case_approved", "refused": "event.case_refused"},
	audit.DeskLookUp:        {"": "event.looked_up"},
	audit.Suspend:           {"": "event.suspended"},
	audit.Resume:            {"": "event.resumed"},
}

func changed(e audit.Event) string { return changes[e.Name][e.Outcome] }

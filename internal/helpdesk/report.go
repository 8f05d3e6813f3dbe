package helpdesk

import (
	"cmp"
	"context"
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"warifu/internal/directory"
)

// ReportReader is what the report needs of a transaction.
type ReportReader interface {
	// CasesBetween returns the cases opened from one time on, and before another.
	CasesBetween(ctx context.Context, from, to time.Time) ([]Case, error)
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
	// RecoveredPeople counts those who last came back in without the authenticators
	// in a time, however they did.
	RecoveredPeople(ctx context.Context, from, to time.Time) (int, error)
	// StoppedAgents returns the ids of the agents who cannot open cases, with since when.
	StoppedAgents(ctx context.Context) (map[string]time.Time, error)
}

// Count is one bar of a plot.
type Count struct {
	Name string // a key of the catalogue, an hour, or the name of a department
	N    int
}

// Weekly is the report of the help desk (HD-16).
type Weekly struct {
	From, To                           time.Time
	Opened, Approved, Refused, Dropped int
	OutsideHours                       int
	Again                              int           // people with more than one case
	Alone, Recovered                   int           // people who came back in without the help desk, and all who did
	Median, P90                        time.Duration // from the opening to the decision
	ByHour, ByKind, ByCause            []Count
	Checks                             []CheckCall
	Cases                              []Case
	Depts                              map[string]directory.Department // by subscriber
}

// CheckCall is an approval that was chosen for a call afterwards.
type CheckCall struct {
	Case   Case
	Person directory.Subscriber
}

// Reports makes the reports.
type Reports struct {
	View func(ctx context.Context, fn func(ReportReader) error) error
	Zone *time.Location
}

// Of returns the report of a time.
func (s *Reports) Of(ctx context.Context, from, to time.Time) (w Weekly, err error) {
	err = s.View(ctx, func(tx ReportReader) error {
		w, err = s.of(ctx, tx, from, to)
		return err
	})
	return w, err
}

func (s *Reports) of(ctx context.Context, tx ReportReader, from, to time.Time) (Weekly, error) {
	w := Weekly{From: from, To: to, Depts: make(map[string]directory.Department)}
	all, err := tx.CasesBetween(ctx, from, to)
	if err != nil {
		return w, err
	}
	w.Cases, w.Opened = all, len(all)
	times := make(map[string]int) // cases of a person
	for _, c := range all {
		times[c.SubscriberID]++
		if _, known := w.Depts[c.SubscriberID]; !known || c.Marks.CheckCall {
			who, err := tx.Subscriber(ctx, c.SubscriberID)
			if err != nil {
				return w, err
			}
			w.Depts[c.SubscriberID] = who.Department
			if c.Marks.CheckCall {
				w.Checks = append(w.Checks, CheckCall{Case: c, Person: who})
			}
		}
	}
	for _, n := range times {
		if n > 1 {
			w.Again++
		}
	}
	if w.Recovered, err = tx.RecoveredPeople(ctx, from, to); err != nil {
		return w, err
	}
	s.count(&w)
	return w, nil
}

// count fills in what is counted of the cases.
func (s *Reports) count(w *Weekly) {
	hours, kinds, causes := map[string]int{}, map[string]int{}, map[string]int{}
	var waited []time.Duration
	helped := make(map[string]bool)
	for _, c := range w.Cases {
		hours[strconv.Itoa(c.OpenedAt.In(s.Zone).Hour())]++
		kinds[kindNames[c.Kind]]++
		causes[causeNames[c.Cause]]++
		switch {
		case c.State == Refused:
			w.Refused++
		case c.Decided.AgentID != "":
			w.Approved++
		case c.State.Ended():
			w.Dropped++
		}
		if c.State == Used && (c.Kind == SignIn || c.Kind == Initialise) {
			helped[c.SubscriberID] = true
		}
		if c.Marks.OutsideHours {
			w.OutsideHours++
		}
		if !c.Decided.At.IsZero() {
			waited = append(waited, c.Decided.At.Sub(c.OpenedAt))
		}
	}
	w.Alone = max(w.Recovered-len(helped), 0)
	slices.Sort(waited)
	if n := len(waited); n > 0 {
		w.Median, w.P90 = waited[n/2], waited[min(n-1, n*9/10)]
	}
	for hour := range 24 {
		name := strconv.Itoa(hour)
		w.ByHour = append(w.ByHour, Count{Name: name, N: hours[name]})
	}
	w.ByKind, w.ByCause = largest(kinds), largest(causes)
}

// causeNames are the keys of the causes in the catalogue.
var causeNames = map[Cause]string{NoAddress: "cause.no_address", Unreadable: "cause.unreadable", NeverMail: "cause.never_mail", WindowOver: "cause.window_over", Alien: "cause.alien"}

// ByDept counts the cases by the department of their persons, in a language.
func (w Weekly) ByDept(japanese bool) []Count {
	depts := make(map[string]int)
	for _, c := range w.Cases {
		depts[cmp.Or(w.Depts[c.SubscriberID].Name(japanese), "–")]++
	}
	return largest(depts)
}

// largest returns the counts, the largest first.
func largest(counts map[string]int) (all []Count) {
	for name, n := range counts {
		all = append(all, Count{Name: name, N: n})
	}
	slices.SortFunc(all, func(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name)) })
	return all
}

// Stopped returns the agents who cannot open cases, with since when.
func (s *Reports) Stopped(ctx context.Context) (all []Stop, err error) {
	err = s.View(ctx, func(tx ReportReader) error {
		all = nil
		stopped, err := tx.StoppedAgents(ctx)
		if err != nil {
			return err
		}
		for id, at := range stopped {
			who, err := tx.Subscriber(ctx, id)
			if err != nil {
				return err
			}
			all = append(all, Stop{Agent: who, At: at})
		}
		slices.SortFunc(all, func(a, b Stop) int { return cmp.Compare(a.Agent.SPSID, b.Agent.SPSID) })
		return nil
	})
	return all, err
}

// Stop is an agent who cannot open cases.
type Stop struct {
	Agent directory.Subscriber
	At    time.Time
}

// WriteCSV writes one line for each case, without persons. No field can be taken
// for a formula by a spreadsheet (HD-17, A57).
func (w Weekly) WriteCSV(to io.Writer, zone *time.Location) error {
	out := csv.NewWriter(to)
	out.UseCRLF = true
	lines := [][]string{{"no", "kind", "cause", "state", "department", "browser", "campus", "opened", "decided", "ended", "minutes", "outside_hours"}}
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(zone).Format(time.RFC3339)
	}
	for _, c := range w.Cases {
		minutes := ""
		if !c.Decided.At.IsZero() {
			minutes = strconv.Itoa(int(c.Decided.At.Sub(c.OpenedAt).Minutes()))
		}
		dept := w.Depts[c.SubscriberID]
		lines = append(lines, []string{number(c.No), string(c.Kind), string(c.Cause), string(c.State), dept.Name(true), c.Caller.Device,
			strconv.FormatBool(c.Caller.Campus), stamp(c.OpenedAt), stamp(c.Decided.At), stamp(c.EndedAt), minutes, strconv.FormatBool(c.Marks.OutsideHours)})
	}
	for _, line := range lines {
		for i, field := range line {
			line[i] = Plain(field)
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Plain returns a field that no spreadsheet takes for a formula.
func Plain(field string) string {
	if strings.ContainsAny(field[:min(1, len(field))], "=+-@\t\r\n") { //guard:HD-17
		return "'" + field
	}
	return field
}

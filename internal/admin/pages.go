// Package admin serves the pages of those who run the system. An auditor sees
// them and changes nothing.
package admin

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/directory/local"
	"warifu/internal/helpdesk"
	"warifu/internal/i18n"
	"warifu/internal/session"
	"warifu/internal/web"
)

// Pages serves the pages.
type Pages struct {
	Site      *web.Site
	Gate      *session.Gate
	Reports   *helpdesk.Reports
	Directory *local.Service
	FAQ       Readers
	AnyFactor bool // without a passkey: in the demonstration
	Now       func() time.Time
}

// Mount registers the pages.
func (p *Pages) Mount() {
	p.Site.Handle("GET /admin", p.showDesk)
	p.Site.Handle("GET /admin/desk.csv", p.deskCSV)
	p.Site.Handle("GET /admin/faq", p.showFAQ)
	p.Site.Handle("GET /admin/lift", p.askLift)
	p.Site.Handle("POST /admin/lift", p.lift)
}

var errOwn = &web.Problem{Status: http.StatusForbidden, Stop: "stop.denied", Next: "/admin", Label: "stop.continue", Err: errors.New("admin: an administrator who was stopped is let go on by another one")}

var errRole = &web.Problem{Status: http.StatusForbidden, Stop: "stop.denied", Err: errors.New("admin: not an administrator")}

// enter returns who is at a page, or sends the browser to where what is missing
// can be mended. Who changes something has to be an administrator.
func (p *Pages) enter(w http.ResponseWriter, r *http.Request, demand session.Demand, path string) (*session.Visit, error) {
	v, err := p.Gate.EnterFor(w, r, demand, path, "")
	if v == nil {
		return nil, err
	}
	role := v.Subscriber.Role
	if role != directory.RoleAdministrator && (demand == session.Fresh || role != directory.RoleAuditor) { //guard:A32
		return nil, errRole
	}
	if !p.AnyFactor && !v.Session.ByPasskey() { //guard:WAN-5
		return nil, session.ErrPasskey
	}
	return v, nil
}

const deskStep = "admin/desk" // the name of the page, too

const reportDays = 7

// DeskPage is the page "admin/desk": the report of the help desk.
type DeskPage struct {
	Done     string
	Days     int
	From, To string
	Report   helpdesk.Weekly
	Median   int // minutes
	P90      int
	Hours    Plot
	Kinds    Plot
	Causes   Plot
	Depts    Plot
	Stopped  []StopRow
	Checks   []string
	MayLift  bool
}

// Plot is a simple plot, and the table beside it.
type Plot struct {
	Title string
	Rows  []PlotRow
}

// PlotRow is one bar.
type PlotRow struct {
	Name  string
	N     int
	Width int // of the bar, in hundredths of the widest
}

// StopRow is one agent who cannot open cases.
type StopRow struct {
	ID, Text string
}

func plot(title string, counts []helpdesk.Count, name func(string) string) Plot {
	widest := 1
	for _, c := range counts {
		widest = max(widest, c.N)
	}
	drawn := Plot{Title: title}
	for _, c := range counts {
		drawn.Rows = append(drawn.Rows, PlotRow{Name: name(c.Name), N: c.N, Width: c.N * 100 / widest})
	}
	return drawn
}

// report returns the report of the last week, for whoever may see it.
func (p *Pages) report(w http.ResponseWriter, r *http.Request) (*session.Visit, helpdesk.Weekly, error) {
	v, err := p.enter(w, r, session.Factor, "/admin")
	if v == nil {
		return nil, helpdesk.Weekly{}, err
	}
	to := p.Now().Truncate(time.Minute).Add(time.Minute) // what has just happened included
	report, err := p.Reports.Of(r.Context(), to.Add(-reportDays*24*time.Hour), to)
	return v, report, err
}

func (p *Pages) showDesk(w http.ResponseWriter, r *http.Request) error {
	v, report, err := p.report(w, r)
	if v == nil || err != nil {
		return err
	}
	stopped, err := p.Reports.Stopped(r.Context())
	if err != nil {
		return err
	}
	text := func(key string, args ...any) string { return p.Site.Text(r, key, args...) }
	words := func(key string) string { return p.Site.Text(r, key) }
	japanese := p.Site.Lang(r) == i18n.Japanese
	page := DeskPage{Days: reportDays, From: p.Site.Day(r, report.From), To: p.Site.Day(r, report.To), Report: report,
		Median: int(report.Median.Minutes()), P90: int(report.P90.Minutes()), MayLift: v.Subscriber.Role == directory.RoleAdministrator,
		Hours:  plot(text("admin.by_hour"), report.ByHour, func(hour string) string { return text("admin.hour", "hour", hour) }),
		Kinds:  plot(text("admin.by_kind"), report.ByKind, words),
		Causes: plot(text("admin.by_cause"), report.ByCause, words),
		Depts:  plot(text("admin.by_dept"), report.ByDept(japanese), func(name string) string { return name }),
	}
	if web.Query(r, "lifted") == "true" {
		page.Done = text("admin.lifted")
	}
	for _, s := range stopped {
		page.Stopped = append(page.Stopped, StopRow{ID: s.Agent.ID, Text: text("admin.stopped_row", "agent", s.Agent.Name(japanese), "time", p.Site.Clock(r, s.At))})
	}
	for _, c := range report.Checks {
		page.Checks = append(page.Checks, text("admin.check_row", "no", c.Case.No, "kind", words(helpdesk.KindName(c.Case.Kind)), "name", c.Person.Name(japanese), "phone", c.Person.Telephone))
	}
	return p.Site.Render(w, r, http.StatusOK, deskStep, page)
}

func (p *Pages) deskCSV(w http.ResponseWriter, r *http.Request) error {
	v, report, err := p.report(w, r)
	if v == nil || err != nil {
		return err
	}
	return p.Site.CSV(w, "warifu-desk-"+report.To.Format(time.DateOnly)+".csv", func(out http.ResponseWriter) error { return report.WriteCSV(out, p.Reports.Zone) })
}

const liftStep = "admin/lift" // the name of the page, too

// LiftPage is the page "admin/lift".
type LiftPage struct {
	web.Hidden
	ID    string
	Agent string
}

func (p *Pages) askLift(w http.ResponseWriter, r *http.Request) error {
	v, err := p.enter(w, r, session.Fresh, r.URL.RequestURI())
	if v == nil {
		return err
	}
	stopped, err := p.Reports.Stopped(r.Context())
	if err != nil {
		return err
	}
	n := slices.IndexFunc(stopped, func(s helpdesk.Stop) bool { return s.Agent.ID == web.Query(r, "agent") })
	if n < 0 { // another administrator was faster
		return p.Site.Redirect(w, r, "/admin")
	}
	page := LiftPage{ID: stopped[n].Agent.ID, Agent: stopped[n].Agent.Name(p.Site.Lang(r) == i18n.Japanese)}
	if page.Hidden, err = p.Site.Hidden(w, r, liftStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, liftStep, page)
}

// lift lets a stopped agent open cases again (HD-2): another one than who lifts.
func (p *Pages) lift(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, liftStep, "agent")
	if err != nil {
		return err
	}
	v, err := p.enter(w, r, session.Fresh, "/admin")
	if v == nil {
		return err
	}
	if form["agent"] == v.Subscriber.ID { //guard:HD-6
		return errOwn
	}
	from := p.Site.Client(r)
	by := local.By{SubscriberID: v.Subscriber.ID, Address: from.Address.String(), AgentHash: audit.HashAgent(from.Agent)}
	if err := p.Directory.As(by).Lift(r.Context(), form["agent"], "lifted at the console"); err != nil {
		return err
	}
	return p.Site.Redirect(w, r, "/admin?lifted=true")
}

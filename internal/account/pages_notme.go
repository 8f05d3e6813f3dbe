package account

import (
	"errors"
	"net/http"
	"net/url"

	"warifu/internal/flow"
	"warifu/internal/helpdesk"
	"warifu/internal/web"
)

const notMeStep = "account/notme" // the name of the page, too

// ReportPages serves the pages on which a person says that a change was
// somebody else's.
type ReportPages struct {
	*Pages
	Reports *Reports
	Wait    *helpdesk.WaitPages
}

// Mount registers the pages.
func (p *ReportPages) Mount() {
	p.Site.Handle("POST /account/seen", p.recognize)
	p.Site.Handle("GET /not-me", p.showChange)
	p.Site.Handle("POST /not-me", p.reportChange)
	p.Site.Handle("GET /not-me/{token}", p.showMailed)
	p.Site.Handle("POST /not-me/{token}", p.reportMailed)
	p.Site.Handle("GET /not-me/done", p.showReported)
}

// NotMePage is the page "account/notme". Of a mailed right it looks the same
// whether the right is alive or not.
type NotMePage struct {
	web.Hidden
	web.Login
	Path       string // that the form is sent to
	ID         string // of the change; empty if the right was mailed
	What, Time string // the change in words; empty likewise
}

// showMailed changes nothing, however often it is asked.
func (p *ReportPages) showMailed(w http.ResponseWriter, r *http.Request) error {
	return p.render(w, r, http.StatusOK, NotMePage{Path: r.URL.EscapedPath()})
}

func (p *ReportPages) reportMailed(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, notMeStep, "username", "password")
	if err != nil {
		return err
	}
	page := NotMePage{Path: r.URL.EscapedPath()}
	return p.report(w, r, page, form, func(typed Report) (ReportVerdict, error) {
		return p.Reports.ByToken(r.Context(), r.PathValue("token"), typed)
	})
}

// report reads who reports, and answers with what came of it.
func (p *ReportPages) report(w http.ResponseWriter, r *http.Request, page NotMePage, form map[string]string, take func(Report) (ReportVerdict, error)) error {
	var complete bool
	if page.Login, complete = p.Site.ReadLogin(r, form); !complete {
		return p.render(w, r, http.StatusUnprocessableEntity, page)
	}
	v, err := take(Report{SPSID: form["username"], Password: form["password"], Known: p.Site.Known(r), Browser: web.Browser(r), Client: p.Site.Client(r)})
	if err != nil {
		return err
	}
	switch v.Outcome {
	case Reported:
		p.Site.SetSession(w, "")
		if v.Flow == "" {
			return p.Site.Redirect(w, r, "/not-me/done")
		}
		return p.Site.Redirect(w, r, "/not-me/done?flow="+url.QueryEscape(v.Flow))
	case ReportDead:
		return errReport
	case ReportSuspended:
		return errReportSuspended
	case ReportThrottled:
		if v.WaitUntil.IsZero() {
			return errReportStopped
		}
		page.Error = p.Site.WaitText(r, v.WaitUntil)
	default: // a wrong password and another person's look the same
		page.Error = p.Site.Text(r, "err.link_login")
	}
	return p.render(w, r, http.StatusUnprocessableEntity, page)
}

var (
	errReport          = &web.Problem{Status: http.StatusConflict, Stop: "stop.report", Err: ErrNoNotMe}
	errReportSuspended = web.Suspended(errors.New("account: report of a suspended person"))
	errReportStopped   = web.Stopped(errors.New("account: report after too many wrong passwords"))
)

func (p *ReportPages) render(w http.ResponseWriter, r *http.Request, status int, page NotMePage) (err error) {
	if page.Hidden, err = p.Site.Hidden(w, r, notMeStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, notMeStep, page)
}

// ReportedPage is the page "account/reported".
type ReportedPage struct {
	Desk web.Desk
	Wait *helpdesk.WaitPart // of the case; nil if there is none
}

func (p *ReportPages) showReported(w http.ResponseWriter, r *http.Request) error {
	page := ReportedPage{Desk: p.Site.DeskState(r)}
	if id := web.Query(r, "flow"); id != "" {
		part, _, err := p.Wait.Part(r, flow.Key{ID: id, Browser: web.Browser(r)})
		if err != nil {
			return helpdesk.Problem(err)
		}
		page.Wait = &part
	}
	return p.Site.Render(w, r, http.StatusOK, "account/reported", page)
}

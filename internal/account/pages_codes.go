package account

import (
	"net/http"
	"strings"
	"time"

	"warifu/internal/authenticator/recoverycode"
	"warifu/internal/session"
	"warifu/internal/web"
)

const (
	codesStep     = "account/codes"     // the name of the page, too
	codesMadeStep = "account/codesmade" // the name of the page, too
	codesPath     = "/account/recovery-codes"
)

// lowCodes is from how many codes left on a person is told to make new ones.
const lowCodes = 3

// mountCodes registers the pages of the recovery codes.
func (p *Pages) mountCodes() {
	p.Site.Handle("GET /account/recovery-codes", p.showCodes)
	p.Site.Handle("POST /account/recovery-codes", p.makeCodes)
	p.Site.Handle("POST /account/recovery-codes/file", p.downloadCodes)
	p.Site.Handle("POST /account/recovery-codes/done", p.finishCodes)
	p.Site.Handle("POST /account/recovery-codes/shown", p.showAgain)
	back := func(w http.ResponseWriter, r *http.Request) error { return p.Site.Redirect(w, r, codesPath) }
	p.Site.Handle("GET /account/recovery-codes/done", back) // loaded again: the codes are gone
	p.Site.Handle("GET /account/recovery-codes/shown", back)
}

// CodesPage is the page "account/codes".
type CodesPage struct {
	web.Hidden
	Done        string
	Made        string // the day; empty if there is no set
	Left, Total int
	Low         bool
}

// CodesMadePage is the page "account/codesmade": the only one that ever shows the
// codes.
type CodesMadePage struct {
	web.Hidden
	Codes []string // as a person reads them
	All   string   // the same in one field
	Date  string
	Error string
}

func (p *Pages) showCodes(w http.ResponseWriter, r *http.Request) error {
	v, err := p.Gate.Enter(w, r, session.Factor, "")
	if v == nil {
		return err
	}
	left, made, err := p.Codes.Left(r.Context(), v.Subscriber.ID)
	if err != nil {
		return err
	}
	page := CodesPage{Done: p.done(r), Left: left, Total: recoverycode.Count}
	if !made.IsZero() {
		page.Made, page.Low = p.Site.Day(r, made), left <= lowCodes
	}
	if page.Hidden, err = p.Site.Hidden(w, r, codesStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, codesStep, page)
}

// makeCodes answers with the codes themselves: no page that could be loaded again
// has them.
func (p *Pages) makeCodes(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.Site.Form(w, r, codesStep); err != nil {
		return err
	}
	v, err := p.Gate.EnterFor(w, r, session.Fresh, codesPath, "") //guard:REC-1
	if v == nil {
		return err
	}
	codes, err := p.Codes.Make(r.Context(), NewActor(v, p.Site.Client(r)))
	if err != nil {
		return err
	}
	return p.renderCodes(w, r, http.StatusOK, codes, "")
}

func (p *Pages) renderCodes(w http.ResponseWriter, r *http.Request, status int, codes []string, fault string) (err error) {
	page := CodesMadePage{Date: p.Site.Day(r, p.Site.Now()), Error: fault}
	for _, code := range codes {
		page.Codes = append(page.Codes, recoverycode.Show(code))
	}
	page.All = strings.Join(page.Codes, " ")
	if page.Hidden, err = p.Site.Hidden(w, r, codesMadeStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, codesMadeStep, page)
}

// showAgain shows the codes that the page itself sends back in the other language: a
// link would lose them, and the server keeps none.
func (p *Pages) showAgain(w http.ResponseWriter, r *http.Request) error {
	codes, err := p.sentBack(w, r)
	if codes == nil {
		return err
	}
	return p.renderCodes(w, r, http.StatusOK, codes, "")
}

// sentBack returns the codes that the page itself sends back. If the browser was
// led elsewhere there are none.
func (p *Pages) sentBack(w http.ResponseWriter, r *http.Request) ([]string, error) {
	form, err := p.Site.Form(w, r, codesMadeStep, "codes")
	if err != nil {
		return nil, err
	}
	v, err := p.Gate.EnterFor(w, r, session.Factor, codesPath, "")
	if v == nil {
		return nil, err
	}
	codes, ok := shown(form["codes"])
	if !ok {
		return nil, errForeign
	}
	return codes, nil
}

// shown returns the codes that a form sends back, since the server has them no
// more.
func shown(field string) (codes []string, ok bool) {
	for one := range strings.FieldsSeq(field) {
		code, ok := recoverycode.Parse(one)
		if !ok {
			return nil, false
		}
		codes = append(codes, code)
	}
	return codes, len(codes) == recoverycode.Count
}

// downloadCodes answers with a text file of the codes. It says neither whose they
// are nor where they are typed in.
func (p *Pages) downloadCodes(w http.ResponseWriter, r *http.Request) error {
	codes, err := p.sentBack(w, r)
	if codes == nil {
		return err
	}
	return p.Site.File(w, "recovery-codes.txt", p.codesFile(r, codes, p.Site.Now()))
}

func (p *Pages) codesFile(r *http.Request, codes []string, now time.Time) string {
	brand := p.Site.Brand.Text[p.Site.Lang(r)]
	telephone := brand.Telephone
	if brand.Extension {
		telephone = p.Site.Text(r, "common.phone_value")
	}
	lines := []string{brand.Institution, p.Site.Text(r, "codes.title"), p.Site.Text(r, "codes.made", "date", p.Site.Day(r, now)), ""}
	for _, code := range codes {
		lines = append(lines, recoverycode.Show(code))
	}
	lines = append(lines, "", p.Site.Text(r, "codes.share"), p.Site.Text(r, "common.helpdesk")+" "+telephone, "")
	return strings.Join(lines, "\r\n")
}

// finishCodes lets nobody go who has not said that the codes are kept.
func (p *Pages) finishCodes(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, codesMadeStep, "codes", "saved")
	if err != nil {
		return err
	}
	v, err := p.Gate.EnterFor(w, r, session.Factor, codesPath, "")
	if v == nil {
		return err
	}
	codes, ok := shown(form["codes"])
	if !ok {
		return errForeign
	}
	if form["saved"] == "" {
		return p.renderCodes(w, r, http.StatusUnprocessableEntity, codes, p.Site.Text(r, "err.codes_unsaved"))
	}
	return p.Site.Redirect(w, r, codesPath+"?done=codes")
}

// codesWarning tells a person on the home page that a code was used just now, or
// that few are left; it is empty where there is nothing to tell.
func (p *Pages) codesWarning(r *http.Request, subscriberID string) (string, error) {
	left, made, err := p.Codes.Left(r.Context(), subscriberID)
	switch {
	case err != nil || made.IsZero():
		return "", err
	case left <= lowCodes:
		return p.Site.Text(r, "warn.codes_low", "n", left), nil
	case web.Query(r, "code") == "used":
		return p.Site.Text(r, "warn.code_used", "n", left), nil
	}
	return "", nil
}

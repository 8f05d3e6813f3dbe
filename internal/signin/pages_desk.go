package signin

import (
	"errors"
	"net/http"

	"warifu/internal/helpdesk"
	"warifu/internal/mailotp"
	"warifu/internal/web"
)

const deskStep = "signin/desk" // the name of the page, too

// DeskPage is the page "signin/desk": the one that stays open during the call.
type DeskPage struct {
	web.Hidden
	Wait       helpdesk.WaitPart
	CancelForm helpdesk.WaitForm
	AgainForm  helpdesk.WaitForm
	Digits     int
	ReadyPart  string // address of the part that tells until when the OTP works
	Ready      string // until when the present one works, in words
	Seconds    int    // until then
	Error      string
	Left       int64 // entries left, if so few that it matters; else 0
}

// askDesk opens a case.
func (p *Pages) askDesk(w http.ResponseWriter, r *http.Request, f Flow) error {
	v, err := p.Service.AskDesk(r.Context(), f.Key, p.claimant(r))
	if err != nil {
		return problem(err)
	}
	if v.Outcome == DeskNotAsked {
		return helpdesk.NotOpened(v.Desk, at("/login/totp", f))
	}
	return p.proceed(w, r, v.Flow)
}

func (p *Pages) renderDesk(w http.ResponseWriter, r *http.Request, status int, f Flow, typed OTPPage) (err error) {
	page := DeskPage{Digits: mailotp.Digits, Error: typed.Error, Left: typed.Left, ReadyPart: at(readyPath, f)}
	var now helpdesk.Look
	if page.Wait, now, err = p.Wait.Part(r, f.Key); err != nil {
		return helpdesk.Problem(err)
	}
	page.Ready, page.Seconds = p.ready(r, now)
	page.CancelForm = helpdesk.WaitForm{Wait: page.Wait, Action: "/login/otp/cancel"}
	page.AgainForm = helpdesk.WaitForm{Wait: page.Wait, Action: "/login/cannot"}
	if _, err := p.serviceOf(r, f); err != nil {
		return err
	}
	if page.Hidden, err = p.Site.Hidden(w, r, otpStep, f.ID); err != nil {
		return err
	}
	if page.CancelForm.Hidden, err = p.Site.Hidden(w, r, deskStep, f.ID); err != nil {
		return err
	}
	if page.AgainForm.Hidden, err = p.Site.Hidden(w, r, cannotStep, f.ID); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, deskStep, page)
}

const readyPath = "/login/otp/ready"

// ready tells until when the OTP of a case that is approved works, in words, and
// how many seconds that is.
func (p *Pages) ready(r *http.Request, l helpdesk.Look) (until string, seconds int) {
	ends := l.Case.Decided.At.Add(p.Service.OTPs.Lifetime)
	return p.Site.Clock(r, ends), p.Service.secondsTo(ends)
}

// readyPart tells it to a page that has learned of the approval: a browser knows
// neither when that was nor the time of the institution.
func (p *Pages) readyPart(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	_, now, err := p.Wait.Part(r, f.Key)
	if err != nil {
		return helpdesk.Problem(err)
	}
	if now.State != helpdesk.Approved || f.State != DeskRequired {
		return p.Site.Nothing(w)
	}
	page := DeskPage{Digits: mailotp.Digits}
	page.Ready, page.Seconds = p.ready(r, now)
	return p.Site.RenderPart(w, r, deskStep, "ready", page)
}

// cancelDesk gives the case up, and leads back to the code's page.
func (p *Pages) cancelDesk(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, deskStep)
	if err != nil {
		return err
	}
	v, err := p.Service.CancelDesk(r.Context(), key(r, form["flow"]), p.claimant(r))
	if errors.Is(err, helpdesk.ErrNoCase) {
		return helpdesk.Problem(err)
	}
	if err != nil {
		return problem(err)
	}
	return p.proceed(w, r, v.Flow)
}

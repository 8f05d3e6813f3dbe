package recovery

import (
	"errors"
	"net/http"

	"warifu/internal/flow"
	"warifu/internal/helpdesk"
	"warifu/internal/ticket"
	"warifu/internal/web"
)

const waitStep = "recovery/wait" // the name of the page, too

// WaitPage is the page "recovery/wait": the one that stays open during the call,
// and becomes the page of the QR code.
type WaitPage struct {
	web.Hidden
	Wait       helpdesk.WaitPart
	CancelForm helpdesk.WaitForm
	AgainForm  helpdesk.WaitForm
}

func (p *Pages) askDesk(w http.ResponseWriter, r *http.Request, f Flow) error {
	v, err := p.Service.AskDesk(r.Context(), f.Key, p.claimant(r))
	if err != nil {
		return problem(err)
	}
	return p.asked(w, r, v, at(f, paths[f.State]))
}

// asked leads on after the help desk was asked; back is where to if it was not.
func (p *Pages) asked(w http.ResponseWriter, r *http.Request, v Verdict, back string) error {
	switch v.Outcome {
	case SuspendedAccount:
		return errSuspended
	case DeskNotAsked:
		return helpdesk.NotOpened(v.Desk, back)
	}
	return p.proceed(w, r, v.Flow)
}

func (p *Pages) renderWait(w http.ResponseWriter, r *http.Request, f Flow) (err error) {
	var page WaitPage
	if page.Wait, _, err = p.Wait.Part(r, f.Key); err != nil {
		return helpdesk.Problem(err)
	}
	if page.Hidden, err = p.Site.Hidden(w, r, waitStep, f.ID); err != nil {
		return err
	}
	page.CancelForm = helpdesk.WaitForm{Wait: page.Wait, Action: "/reset/cancel", Hidden: page.Hidden}
	page.AgainForm = helpdesk.WaitForm{Wait: page.Wait, Action: "/reset/wait"}
	if page.AgainForm.Hidden, err = p.Site.Hidden(w, r, resetStep, f.ID); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, waitStep, page)
}

// takeCase is what the page asks by itself once the case is approved, and what
// its button asks at any time.
func (p *Pages) takeCase(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, waitStep)
	if err != nil {
		return err
	}
	v, err := p.Service.TakeCase(r.Context(), key(r, form["flow"]), p.claimant(r))
	if flow.Overtaken(err) { // another tab of this browser was faster
		f, found := p.Service.Flow(r.Context(), key(r, form["flow"]))
		if found == nil && f.State != DeskWaiting {
			return p.asked(w, r, Verdict{Flow: f}, "")
		}
	}
	if err != nil {
		return caseProblem(err)
	}
	if v.Outcome == CaseUsed {
		p.Site.SetSession(w, "") // all of them have ended
		if v.Password {
			p.Site.SetTicket(w, ticket.Lifetime)
			return p.Site.Redirect(w, r, "/reset/password")
		}
	}
	return p.asked(w, r, v, "")
}

func caseProblem(err error) error {
	if errors.Is(err, helpdesk.ErrNoCase) {
		return helpdesk.Problem(err)
	}
	return problem(err)
}

func (p *Pages) cancelDesk(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, waitStep)
	if err != nil {
		return err
	}
	if _, err := p.Service.CancelDesk(r.Context(), key(r, form["flow"]), p.claimant(r)); err != nil {
		return caseProblem(err)
	}
	return p.Site.Redirect(w, r, "/mfa?cancelled=1")
}

const firstStep = "recovery/first" // the name of the page, too

// FirstPage is the page "recovery/first": a first set-up by way of the help desk.
type FirstPage struct {
	web.Hidden
	Desk web.Desk
}

func (p *Pages) showFirst(w http.ResponseWriter, r *http.Request) error {
	t, err := p.Service.Ticket(r.Context(), web.Browser(r))
	if errors.Is(err, ticket.ErrNone) || err == nil && !t.Locked {
		return p.Site.Redirect(w, r, "/mfa")
	}
	if err != nil {
		return err
	}
	page := FirstPage{Desk: p.Site.DeskState(r)}
	if page.Hidden, err = p.Site.Hidden(w, r, firstStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, firstStep, page)
}

func (p *Pages) askFirst(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.Site.Form(w, r, firstStep); err != nil {
		return err
	}
	v, err := p.Service.AskFirst(r.Context(), p.claimant(r))
	if errors.Is(err, ticket.ErrNone) {
		return p.Site.Redirect(w, r, "/mfa")
	}
	if err != nil {
		return problem(err)
	}
	return p.asked(w, r, v, "/enrol/activation")
}

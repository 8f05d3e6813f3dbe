package signin

import (
	"net/http"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/recoverycode"
	"warifu/internal/flow"
	"warifu/internal/secret"
	"warifu/internal/web"
)

const recoveryCodeStep = "signin/recoverycode" // the name of the page, too

// RecoveryCodePage is the page "signin/recoverycode".
type RecoveryCodePage struct {
	web.Hidden
	FactorPage
	Length  int
	Example string
	Error   string // in the language of the page
	Left    int64  // attempts left, if so few that it matters; else 0
}

// FactorPage is what the pages of the second factors have in common.
type FactorPage struct {
	Service  string
	SPSID    string
	StepUp   bool   // of a person who is signed in
	Approval bool   // by an agent, who approves then
	Cannot   string // address of "Click here if you cannot login"; empty where a temporary login would not do
	Choose   string // address of the other methods
	Return   string // address that leads back to the service without this proof; empty in a first sign-in
}

func (p *Pages) showRecoveryCode(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	if !f.State.takesFactor() || !f.takes(authenticator.RecoveryCode) {
		return p.proceed(w, r, f)
	}
	return p.renderRecoveryCode(w, r, http.StatusOK, f, RecoveryCodePage{})
}

func (p *Pages) submitRecoveryCode(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, recoveryCodeStep, "code")
	if err != nil {
		return err
	}
	f, err := p.Service.Flow(r.Context(), key(r, form["flow"]))
	if err != nil {
		return problem(err)
	}
	if !f.State.takesFactor() { // sent twice, or from a page that lies behind
		return p.again(w, r, f)
	}
	code, ok := recoverycode.Parse(form["code"])
	if !ok { // a slip, not an attempt
		slip := p.Site.Text(r, "err.recovery_bad")
		if form["code"] == "" {
			slip = p.Site.Text(r, "err.recovery_empty")
		}
		return p.renderRecoveryCode(w, r, http.StatusUnprocessableEntity, f, RecoveryCodePage{Error: slip})
	}
	v, err := p.Service.SubmitRecoveryCode(r.Context(), f.Key, p.claimant(r), code)
	if flow.Overtaken(err) {
		return p.overtaken(w, r, f.Key, err)
	}
	if err != nil {
		return problem(err)
	}
	switch v.Outcome {
	case TOTPPaused, KnownBrowsersOnly:
		return stopped(v.Outcome)
	case Throttled:
		return p.renderRecoveryCode(w, r, http.StatusUnprocessableEntity, v.Flow, RecoveryCodePage{Error: p.Site.WaitText(r, v.WaitUntil)})
	case RecoveryCodeRejected:
		return p.renderRecoveryCode(w, r, http.StatusUnprocessableEntity, v.Flow, RecoveryCodePage{Error: p.Site.Text(r, "err.recovery_bad"), Left: v.Left})
	default:
		return p.finish(w, r, v)
	}
}

func (p *Pages) renderRecoveryCode(w http.ResponseWriter, r *http.Request, status int, f Flow, page RecoveryCodePage) (err error) {
	if page.FactorPage, _, err = p.factorPage(r, f); err != nil {
		return err
	}
	page.Length, page.Example = recoverycode.Length, secret.ExampleCode
	if page.Hidden, err = p.Site.Hidden(w, r, recoveryCodeStep, f.ID); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, recoveryCodeStep, page)
}

// factorPage returns what all pages of second factors show, and what else the
// person has.
func (p *Pages) factorPage(r *http.Request, f Flow) (page FactorPage, m Means, err error) {
	who, m, err := p.Service.Means(r.Context(), f)
	if err != nil {
		return page, m, err
	}
	p.Site.Prefer(r, who.Language)
	page = FactorPage{SPSID: who.SPSID, StepUp: f.StepUp, Choose: at("/login/choose", f)}
	if page.Approval, err = f.approval(); err != nil {
		return page, m, err
	}
	if page.Cannot, err = p.cannot(r, f); err != nil {
		return page, m, err
	}
	page.Service, err = p.serviceOf(r, f)
	page.Return = f.back(page.Service)
	return page, m, err
}

// stopped is the page of a person who may not try any more.
func stopped(o Outcome) error {
	stop := "stop.paused"
	if o == KnownBrowsersOnly {
		stop = "stop.known_only"
	}
	return &web.Problem{Status: http.StatusConflict, Stop: stop, Err: errPaused}
}

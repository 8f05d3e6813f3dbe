package enrolment

import (
	"context"
	"net/http"
	"time"

	"warifu/internal/authenticator/totp"
	"warifu/internal/flow"
	"warifu/internal/secret"
	"warifu/internal/web"
)

// stepFunc is a step that needs nothing but a press.
type stepFunc func(ctx context.Context, key flow.Key, c web.Client) (Verdict, error)

const verifyStep = "enrolment/verify" // the name of the page, too

// VerifyPage is the page "enrolment/verify".
type VerifyPage struct {
	web.Hidden
	Error      string
	Digits     int
	ServerTime int64 // Unix milliseconds, for the Authenticator
}

func (p *Pages) showVerify(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(w, r, ConfirmationRequired)
	if err != nil || f.ID == "" {
		return err
	}
	return p.renderVerify(w, r, http.StatusOK, f.ID, VerifyPage{})
}

func (p *Pages) submitVerify(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, verifyStep, "totp")
	if err != nil {
		return err
	}
	code, ok := totp.Parse(form["totp"])
	if !ok { // a slip, not an attempt
		text := p.Site.Text(r, "err.otp_format", "n", totp.Digits)
		if form["totp"] == "" {
			text = p.Site.Text(r, "err.otp_empty")
		}
		return p.renderVerify(w, r, http.StatusUnprocessableEntity, form["flow"], VerifyPage{Error: text})
	}
	v, err := p.Service.Confirm(r.Context(), flow.Key{ID: form["flow"], Browser: web.Browser(r)}, p.Site.Client(r), code)
	if err != nil || v.Outcome != NotConfirmed {
		return p.answer(w, r, form["flow"], v, err)
	}
	return p.renderVerify(w, r, http.StatusUnprocessableEntity, form["flow"], VerifyPage{Error: p.notConfirmed(r, v)})
}

func (p *Pages) notConfirmed(r *http.Request, v Verdict) string {
	switch {
	case v.Drift != 0:
		return p.Site.Text(r, "err.totp_drift", "min", max(1, int(v.Drift.Abs().Round(time.Minute).Minutes())))
	case v.Flow.Rejections > 1:
		return p.Site.Text(r, "err.totp_clock")
	default:
		return p.Site.Text(r, "err.totp_bad")
	}
}

func (p *Pages) renderVerify(w http.ResponseWriter, r *http.Request, status int, flow string, page VerifyPage) (err error) {
	page.Digits, page.ServerTime = totp.Digits, p.Service.Now().UnixMilli()
	if page.Hidden, err = p.Site.Hidden(w, r, verifyStep, flow); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, verifyStep, page)
}

const activationStep = "enrolment/activation" // the name of the page, too

// ActivationPage is the page "enrolment/activation".
type ActivationPage struct {
	web.Hidden
	Late    bool // the window has closed; otherwise a code is needed always
	Error   string
	Length  int
	Example string
}

func (p *Pages) showActivation(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(w, r, ActivationRequired)
	if err != nil || f.ID == "" {
		return err
	}
	return p.renderActivation(w, r, http.StatusOK, f.ID, "")
}

func (p *Pages) submitActivation(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, activationStep, "code")
	if err != nil {
		return err
	}
	code, ok := secret.ParseCode(form["code"])
	if !ok { // a slip, not an attempt
		text := p.Site.Text(r, "err.activation_bad")
		if form["code"] == "" {
			text = p.Site.Text(r, "err.activation_empty")
		}
		return p.renderActivation(w, r, http.StatusUnprocessableEntity, form["flow"], text)
	}
	v, err := p.Service.SubmitActivationCode(r.Context(), flow.Key{ID: form["flow"], Browser: web.Browser(r)}, p.Site.Client(r), code)
	switch {
	case err == nil && v.Outcome == CodeRejected:
		return p.renderActivation(w, r, http.StatusUnprocessableEntity, form["flow"], p.Site.Text(r, "err.activation_bad"))
	case err == nil && v.Outcome == Throttled:
		return p.renderActivation(w, r, http.StatusUnprocessableEntity, form["flow"], p.Site.WaitText(r, v.WaitUntil))
	}
	return p.answer(w, r, form["flow"], v, err)
}

func (p *Pages) renderActivation(w http.ResponseWriter, r *http.Request, status int, flow, fault string) (err error) {
	page := ActivationPage{Late: p.Window, Error: fault, Length: secret.CodeLength, Example: secret.ExampleCode}
	if page.Hidden, err = p.Site.Hidden(w, r, activationStep, flow); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, activationStep, page)
}

package signin

import (
	"errors"
	"net/http"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/totp"
	"warifu/internal/flow"
	"warifu/internal/web"
)

const totpStep = "signin/totp" // the name of the page, too

// TOTPPage is the page "signin/totp".
type TOTPPage struct {
	web.Hidden
	FactorPage
	Digits     int
	Many       bool   // several authenticators
	ServerTime int64  // Unix milliseconds, for the Authenticator
	Error      string // in the language of the page
	TrustDays  int    // for how many days the browser may be trusted; 0 if not
	Left       int64  // attempts left, if so few that it matters; else 0
}

func (p *Pages) showTOTP(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	if !f.State.takesFactor() {
		return p.proceed(w, r, f)
	}
	return p.renderTOTP(w, r, http.StatusOK, f, TOTPPage{})
}

func (p *Pages) submitTOTP(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, totpStep, "totp", "trust")
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
	code, ok := totp.Parse(form["totp"])
	if !ok { // a slip, not an attempt
		return p.renderTOTP(w, r, http.StatusUnprocessableEntity, f, TOTPPage{Error: p.slip(r, form["totp"])})
	}
	c := p.claimant(r)
	c.Trust = form["trust"] != ""
	v, err := p.Service.SubmitTOTP(r.Context(), f.Key, c, code)
	if flow.Overtaken(err) {
		return p.overtaken(w, r, f.Key, err)
	}
	if err != nil {
		return problem(err)
	}
	return p.answerTOTP(w, r, v)
}

// overtaken answers a request that another one of the same form has overtaken:
// if that one has led on, this one leads to the same place.
func (p *Pages) overtaken(w http.ResponseWriter, r *http.Request, key flow.Key, err error) error {
	f, again := p.Service.Flow(r.Context(), key)
	if again != nil || f.State.takesFactor() {
		return problem(err)
	}
	return p.again(w, r, f)
}

func (p *Pages) answerTOTP(w http.ResponseWriter, r *http.Request, v Verdict) error {
	switch v.Outcome {
	case TOTPPaused, KnownBrowsersOnly:
		return stopped(v.Outcome)
	case TOTPRejected, TOTPReused, Throttled:
		return p.renderTOTP(w, r, http.StatusUnprocessableEntity, v.Flow, TOTPPage{Error: p.totpError(r, v), Left: v.Left})
	default:
		return p.finish(w, r, v)
	}
}

var errPaused = errors.New("signin: too many wrong codes")

func (p *Pages) slip(r *http.Request, typed string) string {
	if typed == "" {
		return p.Site.Text(r, "err.otp_empty")
	}
	return p.Site.Text(r, "err.otp_format", "n", totp.Digits)
}

// totpError says what was wrong with a code, as far as it helps its owner.
func (p *Pages) totpError(r *http.Request, v Verdict) string {
	switch {
	case v.Outcome == Throttled:
		return p.Site.WaitText(r, v.WaitUntil)
	case v.Outcome == TOTPReused:
		return p.Site.Text(r, "err.totp_used", "sec", int(v.Next.Round(time.Second).Seconds()))
	case v.Old:
		return p.Site.Text(r, "err.totp_old")
	case v.Drift != 0:
		return p.Site.Text(r, "err.totp_drift", "min", max(1, int(v.Drift.Abs().Round(time.Minute).Minutes())))
	case v.Flow.Rejections > 1:
		return p.Site.Text(r, "err.totp_clock")
	default:
		return p.Site.Text(r, "err.totp_bad")
	}
}

func (p *Pages) renderTOTP(w http.ResponseWriter, r *http.Request, status int, f Flow, page TOTPPage) (err error) {
	var m Means
	if page.FactorPage, m, err = p.factorPage(r, f); err != nil {
		return err
	}
	absent := m.TOTP == 0 && (m.Passkeys > 0 || m.Suspended == 0) || !f.takes(authenticator.TOTP)
	if other := f.elsewhere(m, authenticator.TOTP); absent && other != "" {
		return p.Site.Redirect(w, r, other)
	}
	if !f.StepUp {
		page.TrustDays = p.Service.Policy.TrustedDays()
	}
	page.Many, page.Digits, page.ServerTime = m.TOTP > 1, totp.Digits, p.Service.Now().UnixMilli()
	if page.Hidden, err = p.Site.Hidden(w, r, totpStep, f.ID); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, totpStep, page)
}

package account

import (
	"errors"
	"net/http"

	"warifu/internal/authenticator/password"
	"warifu/internal/session"
	"warifu/internal/web"
)

const passwordStep = "account/password" // the name of the page, too

// PasswordPage is the page "account/password".
type PasswordPage struct {
	web.Hidden
	Done         string
	SPSID        string // for the browser's own store of passwords
	Min          int
	PresentError string
	ChosenError  string
}

// enterPassword wants a second factor of whoever has one (PW-5).
func (p *Pages) enterPassword(w http.ResponseWriter, r *http.Request, d session.Demand) (*session.Visit, error) {
	v, err := p.Gate.Enter(w, r, session.Signed, "")
	if v == nil {
		return nil, err
	}
	if !v.Subscriber.HadFactor && v.Claim.SecondFactorAt.IsZero() && !v.Claim.Fallback { //guard:PW-5
		return v, nil
	}
	return p.Gate.Enter(w, r, d, "")
}

func (p *Pages) showPassword(w http.ResponseWriter, r *http.Request) error {
	v, err := p.enterPassword(w, r, session.Fresh)
	if v == nil {
		return err
	}
	return p.renderPassword(w, r, v, http.StatusOK, PasswordPage{Done: p.done(r)})
}

func (p *Pages) renderPassword(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, page PasswordPage) (err error) {
	page.SPSID, page.Min = v.Subscriber.SPSID, p.Passwords.Rules.MinLength(v.Subscriber)
	if page.Hidden, err = p.Site.Hidden(w, r, passwordStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, passwordStep, page)
}

func (p *Pages) changePassword(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, passwordStep, "present", "chosen")
	if err != nil {
		return err
	}
	v, err := p.enterPassword(w, r, session.Fresh)
	if v == nil {
		return err
	}
	page := p.passwordSlips(r, v, form)
	if page.PresentError != "" || page.ChosenError != "" {
		return p.renderPassword(w, r, v, http.StatusUnprocessableEntity, page)
	}
	verdict, err := p.Passwords.Change(r.Context(), NewActor(v, p.Site.Client(r)), v.Subscriber,
		PasswordChange{Present: form["present"], Chosen: form["chosen"], Known: p.Site.Known(r)})
	if errors.Is(err, password.ErrBusy) {
		return &web.Problem{Status: http.StatusServiceUnavailable, Stop: "stop.unavailable", Err: err}
	}
	switch {
	case err != nil:
		return err
	case verdict.Outcome == PasswordChanged:
		return p.Site.Redirect(w, r, "/account/password?done=password")
	case verdict.Outcome == PasswordPaused && verdict.WaitUntil.IsZero():
		return web.Stopped(errors.New("account: too many wrong passwords"))
	case verdict.Outcome == PasswordPaused:
		page.PresentError = p.Site.WaitText(r, verdict.WaitUntil)
	case verdict.Outcome == PasswordRejected:
		page.PresentError = p.Site.Text(r, "err.password_current")
	default:
		page.ChosenError = p.passwordFault(r, verdict.Fault, page.Min)
	}
	return p.renderPassword(w, r, v, http.StatusUnprocessableEntity, page)
}

// passwordSlips returns the page with what is wrong before anything is verified.
func (p *Pages) passwordSlips(r *http.Request, v *session.Visit, form map[string]string) (page PasswordPage) {
	page.Min = p.Passwords.Rules.MinLength(v.Subscriber)
	if form["present"] == "" {
		page.PresentError = p.Site.Text(r, "err.password_empty")
	}
	switch form["chosen"] {
	case "":
		page.ChosenError = p.Site.Text(r, "err.password_short", "min", page.Min)
	case form["present"]:
		page.ChosenError = p.Site.Text(r, "err.password_same")
	}
	return page
}

// passwordFault says what is wrong with a new password.
func (p *Pages) passwordFault(r *http.Request, fault password.Fault, least int) string {
	reason := "reason.password_simple"
	switch fault {
	case password.TooShort:
		return p.Site.Text(r, "err.password_short", "min", least)
	case password.TooLong:
		return p.Site.Text(r, "err.password_long", "max", password.MaxLength)
	case password.Breached:
		reason = "reason.password_breached"
	case password.Personal:
		reason = "reason.password_context"
	}
	return p.Site.Text(r, "err.password_common", "reason", p.Site.Text(r, reason))
}

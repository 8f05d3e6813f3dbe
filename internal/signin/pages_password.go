package signin

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/password"
	"warifu/internal/federation"
	"warifu/internal/session"
	"warifu/internal/web"
)

const passwordStep = "signin/password" // the name of the page, too

// PasswordPage is the page "signin/password".
type PasswordPage struct {
	web.Hidden
	web.Login
	Pending      string // the sealed request of a service
	Service      string // its name
	Notice       string // why the person has to sign in once more
	PasskeyToken string // of the form of a passkey alone
	Done         string // what has just succeeded
}

func (p *Pages) showPassword(w http.ResponseWriter, r *http.Request) error {
	sealed := web.Query(r, "p")
	request, answered, err := p.enter(w, r, sealed)
	if err != nil || answered {
		return err
	}
	page := PasswordPage{Pending: sealed, Login: web.Login{SPSID: request.LoginHint}}
	if web.Query(r, "ended") != "" {
		page.Notice = p.Site.Text(r, "warn.logged_out")
	}
	if web.Query(r, "new") != "" {
		page.Done = p.Site.Text(r, "ok.password")
	}
	return p.renderPassword(w, r, http.StatusOK, request, page)
}

// enter returns the request that a first page was opened with. A person who is
// signed in has nothing to do here but a step-up; then the answer is given already.
func (p *Pages) enter(w http.ResponseWriter, r *http.Request, sealed string) (request federation.Request, answered bool, err error) {
	if request, err = p.open(sealed); err != nil {
		return request, false, err
	}
	_, err = p.Sessions.Find(r.Context(), p.Site.Session(r))
	switch {
	case errors.Is(err, session.ErrNone):
		return request, false, nil
	case err != nil:
		return request, false, err
	case sealed == "":
		return request, true, p.Site.Redirect(w, r, paths[SignedIn])
	case request.Need.Kind == federation.StepUp:
		return request, true, p.stepUp(w, r, sealed, request)
	}
	return request, false, nil
}

// stepUp asks a person who is signed in for one more proof. Where no second
// factor would do, it has to be a whole sign-in.
func (p *Pages) stepUp(w http.ResponseWriter, r *http.Request, sealed string, request federation.Request) error {
	kinds := request.Need.Methods
	if !slices.ContainsFunc(kinds, func(k authenticator.Kind) bool { return methods[k].path != "" }) {
		return p.renderPassword(w, r, http.StatusOK, request, PasswordPage{Pending: sealed})
	}
	text, err := encode(sealed, request)
	if err != nil {
		return err
	}
	if err := p.Site.EnsureBrowser(w, r); err != nil {
		return err
	}
	f, err := p.Service.StepUp(r.Context(), p.claimant(r), text, kinds)
	if err != nil {
		return problem(err)
	}
	return p.proceed(w, r, f)
}

// open returns the request that a sealed text holds; none if it is empty.
func (p *Pages) open(sealed string) (federation.Request, error) {
	if sealed == "" {
		return federation.Request{}, nil
	}
	request, err := p.Pending.Open(sealed)
	if errors.Is(err, federation.ErrPending) {
		return request, &web.Problem{Status: http.StatusForbidden, Stop: "stop.flow", Next: "/login", Label: "stop.restart", Err: err}
	}
	return request, err
}

func (p *Pages) submitPassword(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, passwordStep, "p", "username", "password")
	if err != nil {
		return err
	}
	login, complete := p.Site.ReadLogin(r, form)
	page := PasswordPage{Pending: form["p"], Login: login}
	request, err := p.open(form["p"])
	if err != nil {
		return err
	}
	if !complete {
		return p.renderPassword(w, r, http.StatusUnprocessableEntity, request, page)
	}
	text, err := encode(form["p"], request)
	if err != nil {
		return err
	}
	v, err := p.Service.SubmitPassword(r.Context(), p.claimant(r), PasswordForm{SPSID: form["username"], Password: form["password"], Request: text})
	if errors.Is(err, password.ErrBusy) {
		return &web.Problem{Status: http.StatusServiceUnavailable, Stop: "stop.unavailable", Err: err}
	}
	if err != nil {
		return problem(err)
	}
	switch v.Outcome {
	case SuspendedAccount:
		return errSuspended
	case PasswordRejected:
		page.Error = p.Site.Text(r, "err.login_bad")
	case Throttled:
		if v.WaitUntil.IsZero() {
			return web.Stopped(errStopped)
		}
		page.Error = p.Site.WaitText(r, v.WaitUntil)
	default:
		return p.finish(w, r, v)
	}
	return p.renderPassword(w, r, http.StatusUnprocessableEntity, request, page)
}

var errStopped = errors.New("signin: too many failures from unknown browsers")

func encode(sealed string, request federation.Request) (string, error) {
	if sealed == "" {
		return "", nil
	}
	text, err := json.Marshal(request)
	return string(text), err
}

func (p *Pages) renderPassword(w http.ResponseWriter, r *http.Request, status int, request federation.Request, page PasswordPage) (err error) {
	p.Site.Prefer(r, request.Locales...)
	if page.Service, err = p.service(r, request); err != nil {
		return err
	}
	if page.Hidden, err = p.Site.Hidden(w, r, passwordStep, ""); err != nil {
		return err
	}
	alone, err := p.Site.Hidden(w, r, passkeyStep, "")
	if err != nil {
		return err
	}
	page.Passkey, page.PasskeyToken = true, alone.Token
	return p.Site.Render(w, r, status, passwordStep, page)
}

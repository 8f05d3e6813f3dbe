package signin

import (
	"errors"
	"net/http"

	"warifu/internal/authenticator"
	"warifu/internal/federation"
	"warifu/internal/flow"
	"warifu/internal/helpdesk"
	"warifu/internal/session"
	"warifu/internal/ticket"
	"warifu/internal/web"
)

// Pages serves the pages of the sign-in flow.
type Pages struct {
	Site     *web.Site
	Service  *Service
	Sessions *session.Service
	Services *federation.Services
	Pending  federation.Pending
	Wait     *helpdesk.WaitPages
	From     string // domain that mails come from
}

// Mount registers the pages.
func (p *Pages) Mount() {
	p.Site.Handle("GET /{$}", p.front)
	p.Site.Handle("GET /login", p.showPassword)
	p.Site.Handle("POST /login", p.submitPassword)
	p.Site.Handle("GET /login/passkey", p.showPasskey)
	p.Site.Handle("POST /login/passkey", p.submitPasskey)
	p.Site.Handle("POST /login/passkey/begin", p.beginPasskey)
	p.Site.Handle("GET /login/totp", p.showTOTP)
	p.Site.Handle("POST /login/totp", p.submitTOTP)
	p.Site.Handle("GET /login/recovery-code", p.showRecoveryCode)
	p.Site.Handle("POST /login/recovery-code", p.submitRecoveryCode)
	p.Site.Handle("GET /login/choose", p.showChoose)
	p.Site.Handle("GET /login/return", p.goBack)
	p.Site.Handle("GET /login/cannot", p.showCannot)
	p.Site.Handle("POST /login/cannot", p.submitCannot)
	p.Site.Handle("GET /login/otp", p.showOTP)
	p.Site.Handle("POST /login/otp", p.submitOTP)
	p.Site.Handle("POST /login/otp/again", p.resend)
	p.Site.Handle("GET "+readyPath, p.readyPart)
	p.Site.Handle("POST /login/otp/cancel", p.cancelDesk)
	p.Site.Handle("GET /login/ended", p.showEnded)
}

// front leads to the home page, and those who are not signed in from there to
// the sign-in page.
func (p *Pages) front(w http.ResponseWriter, r *http.Request) error {
	return p.Site.Redirect(w, r, "/home")
}

// paths says which page belongs to which state.
var paths = map[State]string{
	PasswordRequired:  "/login",
	FactorRequired:    "/login/totp",
	OTPRequired:       "/login/otp",
	DeskRequired:      "/login/otp",
	RecoveryWaiting:   "/reset/wait",
	EnrolmentRequired: "/enrol",
	RecoveryRequired:  "/login/ended",
	SignedIn:          "/home",
	Ended:             "/login/ended",
}

// proceed sends the browser to the page of the flow's state, or back to the
// service. It is the only place that decides where a claimant goes next.
func (p *Pages) proceed(w http.ResponseWriter, r *http.Request, f Flow) error {
	if f.State == EnrolmentRequired { // another flow goes on, with the ticket
		p.Site.SetTicket(w, ticket.Lifetime)
		return p.Site.Redirect(w, r, paths[f.State])
	}
	if f.State == FactorRequired {
		return p.Site.Redirect(w, r, at(f.page(p.last(r)), f))
	}
	if f.State != SignedIn {
		return p.Site.Redirect(w, r, at(paths[f.State], f))
	}
	if f.Request == "" {
		return p.Site.Redirect(w, r, f.home())
	}
	request, err := decode(f.Request)
	if err != nil {
		return err
	}
	return p.resume(w, r, request)
}

// resume sends the browser to where a request goes on.
func (p *Pages) resume(w http.ResponseWriter, r *http.Request, request federation.Request) error {
	sealed, err := p.Pending.Seal(request)
	if err != nil {
		return err
	}
	return p.Site.Redirect(w, r, request.Resume(sealed))
}

// last returns the kind of second factor that was used last in this browser. A
// recovery code never is: it is for when the others are lost.
func (p *Pages) last(r *http.Request) authenticator.Kind {
	return authenticator.Kind(p.Site.Method(r))
}

// page returns the page of the second factor that was used last, else that of the
// TOTP. Who does not have it is led on from there.
func (f Flow) page(last authenticator.Kind) string {
	if last == authenticator.Passkey && f.takes(last) {
		return methods[last].path
	}
	return paths[FactorRequired]
}

// home is where a person goes whom no service waits for. It is told there that a
// recovery code is gone.
func (f Flow) home() string {
	if n := len(f.Evidence); n > 0 && f.Evidence[n-1].Kind == authenticator.RecoveryCode {
		return paths[SignedIn] + "?code=used"
	}
	return paths[SignedIn]
}

// finish gives the browser what a step has won, and leads on.
func (p *Pages) finish(w http.ResponseWriter, r *http.Request, v Verdict) error {
	if v.Token != "" {
		p.Site.SetSession(w, v.Token)
	}
	if v.Trusted != "" {
		p.Site.SetTrusted(w, v.Trusted, p.Service.Policy.TrustedBrowser)
	}
	if v.Known != "" {
		p.Site.SetKnown(w, v.Known, p.Service.Policy.KnownBrowser)
	}
	if n := len(v.Flow.Evidence); v.Token != "" && n > 0 {
		if kind := v.Flow.Evidence[n-1].Kind; kind == authenticator.Passkey || kind == authenticator.TOTP {
			p.Site.SetMethod(w, r, string(kind))
		}
	}
	return p.proceed(w, r, v.Flow)
}

// again answers a form of a step that lies behind. If the answer to the first
// one was lost just now, the browser gets its session; one that it has, or that
// has ended since, is left as it is.
func (p *Pages) again(w http.ResponseWriter, r *http.Request, f Flow) error {
	for _, token := range []string{p.Site.Session(r), p.Service.SessionToken(f)} {
		_, err := p.Sessions.Find(r.Context(), token)
		if errors.Is(err, session.ErrNone) {
			continue
		}
		if err != nil {
			return err
		}
		if token != p.Site.Session(r) {
			p.Site.SetSession(w, token)
		}
		break
	}
	return p.proceed(w, r, f)
}

// flow returns the flow that the address of a page names, for this browser.
func (p *Pages) flow(r *http.Request) (Flow, error) {
	f, err := p.Service.Flow(r.Context(), key(r, web.Query(r, "flow")))
	return f, problem(err)
}

// key returns the key of the flow with this id in the browser that sent r. The
// id means nothing in another browser.
func key(r *http.Request, id string) flow.Key { return flow.Key{ID: id, Browser: web.Browser(r)} }

func (p *Pages) claimant(r *http.Request) Claimant {
	return Claimant{Client: p.Site.Client(r), Browser: web.Browser(r), Known: p.Site.Known(r), Trusted: p.Site.Trusted(r), Session: p.Site.Session(r)}
}

// serviceOf is [Pages.service] for the request that a flow has.
func (p *Pages) serviceOf(r *http.Request, f Flow) (string, error) {
	request, err := decode(f.Request)
	if err != nil {
		return "", err
	}
	return p.service(r, request)
}

// service lets the forms of a page lead on to the service of a request, and
// returns its name. Both are empty if no service asks.
func (p *Pages) service(r *http.Request, request federation.Request) (string, error) {
	if request.Service == "" {
		return "", nil
	}
	service, err := p.Services.Find(r.Context(), request.Service)
	if errors.Is(err, federation.ErrNoService) {
		return "", &web.Problem{Status: http.StatusBadRequest, Stop: "stop.sp_unknown", Err: err}
	}
	if err != nil {
		return "", err
	}
	p.Site.AllowForm(r, request.Origin())
	return service.Name.In(string(p.Site.Lang(r))), nil
}

// problem says what the claimant may know of err.
func problem(err error) error {
	switch {
	case errors.Is(err, flow.ErrNotFound):
		return &web.Problem{Status: http.StatusForbidden, Stop: "stop.flow", Next: "/login", Label: "stop.restart", Err: err}
	case flow.Overtaken(err):
		return &web.Problem{Status: http.StatusConflict, Stop: "stop.back", Err: err}
	default:
		return err
	}
}

// showEnded says why a flow cannot go on.
func (p *Pages) showEnded(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	switch {
	case err != nil:
		return err
	case f.State == Ended:
		return errSuspended
	case f.State == RecoveryRequired:
		return errRecovery
	}
	return p.proceed(w, r, f)
}

var errRecovery = &web.Problem{Status: http.StatusConflict, Stop: "stop.recovery", Next: "/reset", Label: "reset.title",
	Err: errors.New("signin: the second factor was initialized and not set up again")}

var errSuspended = web.Suspended(errors.New("signin: the account is suspended"))

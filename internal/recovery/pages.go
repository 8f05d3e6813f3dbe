package recovery

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"warifu/internal/authenticator/password"
	"warifu/internal/flow"
	"warifu/internal/helpdesk"
	"warifu/internal/mail"
	"warifu/internal/secret"
	"warifu/internal/ticket"
	"warifu/internal/web"
)

// Pages serves the pages of recovery, and the setting page that leads there.
type Pages struct {
	Site    *web.Site
	Service *Service
	Wait    *helpdesk.WaitPages
	From    string // domain that mails come from
}

// Mount registers the pages.
func (p *Pages) Mount() {
	p.Site.Handle("GET /mfa", p.showSettings)
	p.Site.Handle("GET /reset", p.showReset)
	p.Site.Handle("POST /reset", p.submitPassword)
	p.Site.Handle("GET /reset/wait", p.showWait)
	p.Site.Handle("POST /reset/wait", p.send)
	p.Site.Handle("POST /reset/take", p.takeCase)
	p.Site.Handle("POST /reset/cancel", p.cancelDesk)
	p.Site.Handle("GET /reset/first", p.showFirst)
	p.Site.Handle("POST /reset/first", p.askFirst)
	p.Site.Handle("GET /r/{token}", p.showLink)
	p.Site.Handle("POST /r/{token}", p.submitLink)
	p.Site.Handle("GET /reset/done", p.showDone)
	p.Site.Handle("POST /reset/code", p.submitResetCode)
	p.Site.Handle("GET /reset/password", p.showPassword)
	p.Site.Handle("POST /reset/password", p.submitNewPassword)
	p.Site.Handle("GET /forgot", p.showForgot)
	p.Site.Handle("POST /forgot", p.submitForgot)
	p.Site.Handle("GET /forgot/code", p.showCode)
	p.Site.Handle("POST /forgot/code", p.submitCode)
	p.Site.Handle("GET /forgot/{token}", p.showProof)
	p.Site.Handle("POST /forgot/{token}", p.submitProof)
	p.Site.Handle("POST /forgot/{token}/passkey", p.askPasskey)
}

// SettingsPage is the page "recovery/settings".
type SettingsPage struct {
	Done string // what has just been done, in the language of the page; mostly empty
}

func (p *Pages) showSettings(w http.ResponseWriter, r *http.Request) error {
	var page SettingsPage
	if web.Query(r, "cancelled") != "" {
		page.Done = p.Site.Text(r, "wait.status_cancelled")
	}
	return p.Site.Render(w, r, http.StatusOK, "recovery/settings", page)
}

// paths says which page belongs to which state.
var paths = map[State]string{
	PasswordRequired:  "/reset",
	DecisionRequired:  "/reset",
	LinkSent:          "/reset/wait",
	DeskWaiting:       "/reset/wait",
	EnrolmentRequired: "/enrol",
	Ended:             "/reset",
}

// proceed sends the browser to the page of the flow's state. It is the only
// place that decides where a recovery goes next.
func (p *Pages) proceed(w http.ResponseWriter, r *http.Request, f Flow) error {
	if f.State == EnrolmentRequired { // another flow goes on, with the ticket
		p.Site.SetTicket(w, ticket.Lifetime)
		return p.Site.Redirect(w, r, paths[f.State])
	}
	return p.Site.Redirect(w, r, at(f, paths[f.State]))
}

// at is the address of a page of a flow.
func at(f Flow, path string) string { return path + "?flow=" + url.QueryEscape(f.ID) }

// toDesk is what a form says, in place of the number of an address, if the help
// desk is to be asked.
const toDesk = "desk"

// flow returns the flow that the address of a page names, if it is in one of the states;
// otherwise it sends the browser to the right page, and the id is empty.
func (p *Pages) flow(w http.ResponseWriter, r *http.Request, states ...State) (Flow, error) {
	f, err := p.Service.Flow(r.Context(), key(r, web.Query(r, "flow")))
	switch {
	case err != nil:
		return Flow{}, problem(err)
	case f.State == Ended:
		return Flow{}, errSuspended
	case !slices.Contains(states, f.State):
		return Flow{}, p.proceed(w, r, f)
	}
	return f, nil
}

func key(r *http.Request, id string) flow.Key { return flow.Key{ID: id, Browser: web.Browser(r)} }

func (p *Pages) claimant(r *http.Request) Claimant {
	return Claimant{Client: p.Site.Client(r), Browser: web.Browser(r), Known: p.Site.Known(r)}
}

// problem says what the claimant may know of err.
func problem(err error) error {
	switch {
	case errors.Is(err, flow.ErrNotFound):
		return &web.Problem{Status: http.StatusForbidden, Stop: "stop.flow", Next: "/mfa", Label: "stop.restart", Err: err}
	case flow.Overtaken(err):
		return &web.Problem{Status: http.StatusConflict, Stop: "stop.back", Next: "/mfa", Label: "stop.continue", Err: err}
	case errors.Is(err, password.ErrBusy):
		return &web.Problem{Status: http.StatusServiceUnavailable, Stop: "stop.unavailable", Err: err}
	default:
		return err
	}
}

var (
	errSuspended = web.Suspended(errors.New("recovery: the account is suspended"))
	errStopped   = web.Stopped(errors.New("recovery: too many failures from unknown browsers"))
)

const loginStep = "recovery/login" // the name of the page, too

// LoginPage is the page "recovery/login": who wants to set up or initialize.
type LoginPage struct {
	web.Hidden
	web.Login
}

func (p *Pages) showReset(w http.ResponseWriter, r *http.Request) error {
	if web.Query(r, "flow") != "" {
		f, err := p.flow(w, r, DecisionRequired, LinkSent) // from the latter the way leads to the help desk
		if err != nil || f.ID == "" {
			return err
		}
		return p.renderDecision(w, r, http.StatusOK, f, decisionFault{})
	}
	if p.Site.HasTicket(r) {
		_, err := p.Service.Ticket(r.Context(), web.Browser(r))
		if err == nil { // the right to enrol is here: nothing needs to be initialized
			return p.Site.Redirect(w, r, paths[EnrolmentRequired])
		}
		if !errors.Is(err, ticket.ErrNone) {
			return err
		}
	}
	return p.renderLogin(w, r, http.StatusOK, web.Login{})
}

func (p *Pages) submitPassword(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, loginStep, "username", "password")
	if err != nil {
		return err
	}
	login, complete := p.Site.ReadLogin(r, form)
	if !complete {
		return p.renderLogin(w, r, http.StatusUnprocessableEntity, login)
	}
	v, err := p.Service.SubmitPassword(r.Context(), p.claimant(r), form["username"], form["password"])
	if err != nil {
		return problem(err)
	}
	switch v.Outcome {
	case SuspendedAccount:
		return errSuspended
	case PasswordRejected:
		login.Error = p.Site.Text(r, "err.login_bad")
	case Throttled:
		if v.WaitUntil.IsZero() {
			return errStopped
		}
		login.Error = p.Site.WaitText(r, v.WaitUntil)
	default:
		return p.proceed(w, r, v.Flow)
	}
	return p.renderLogin(w, r, http.StatusUnprocessableEntity, login)
}

func (p *Pages) renderLogin(w http.ResponseWriter, r *http.Request, status int, login web.Login) (err error) {
	page := LoginPage{Login: login}
	if page.Hidden, err = p.Site.Hidden(w, r, loginStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, loginStep, page)
}

const resetStep = "recovery/reset" // the name of the page, too

// ResetPage is the page "recovery/reset": what an initialization does.
type ResetPage struct {
	web.Hidden
	Desk       web.Desk
	SPSID      string
	Addresses  []string // masked
	Privileged bool
	ByDesk     bool   // the help desk is offered, not a mail
	Chosen     bool   // though a mail would do
	Other      string // address of this page with the help desk
	Hold       int    // hours in which no address can be changed
	Error      string
	Code       CodePage // for those who cannot do it by mail
}

// decisionFault is what was wrong with what was typed, in the language of the page.
type decisionFault struct{ address, code string }

func (p *Pages) renderDecision(w http.ResponseWriter, r *http.Request, status int, f Flow, fault decisionFault) error {
	back, err := p.Service.WaysBack(r.Context(), f)
	if err != nil {
		return err
	}
	p.Site.Prefer(r, back.Language)
	page := ResetPage{Desk: p.Site.DeskState(r), SPSID: back.SPSID, Privileged: back.Privileged, Hold: holdHours, Error: fault.address,
		Code: CodePage{Error: fault.code, Length: secret.CodeLength, Example: secret.ExampleCode}}
	page.Addresses = mail.MaskAddresses(back.Addresses)
	page.Other = at(f, "/reset") + "&to=" + toDesk
	page.Chosen = len(page.Addresses) > 0 && (web.Query(r, "to") == toDesk || f.State == LinkSent)
	page.ByDesk = page.Chosen || len(page.Addresses) == 0
	if page.Hidden, err = p.Site.Hidden(w, r, resetStep, f.ID); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, resetStep, page)
}

// holdHours is for how long a recovery fixes the addresses (ADR-8).
const holdHours = 24

// send sends the link, for the first time from the page of the decision, and
// again from the one that says where it was sent.
func (p *Pages) send(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, resetStep, "to")
	if err != nil {
		return err
	}
	f, err := p.Service.Flow(r.Context(), key(r, form["flow"]))
	if err != nil {
		return problem(err)
	}
	if form["to"] == toDesk {
		return p.askDesk(w, r, f)
	}
	n, err := strconv.Atoi(form["to"])
	if err != nil {
		return p.renderDecision(w, r, http.StatusUnprocessableEntity, f, decisionFault{address: p.Site.Text(r, "err.choice")})
	}
	v, err := p.Service.Send(r.Context(), f.Key, p.claimant(r), n)
	if err != nil {
		return problem(err)
	}
	switch v.Outcome {
	case SuspendedAccount:
		return errSuspended
	case NotSent:
		return p.Site.SendLimit(r, v.SendFrom, at(f, paths[f.State]), errSendLimit)
	}
	if f.State == LinkSent && v.Flow.State == LinkSent { // there was one before, which works no more
		return p.Site.Redirect(w, r, at(f, paths[LinkSent])+"&again=1")
	}
	return p.proceed(w, r, v.Flow)
}

// submitResetCode initializes by activation code.
func (p *Pages) submitResetCode(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, resetStep, "code")
	if err != nil {
		return err
	}
	f, err := p.Service.Flow(r.Context(), key(r, form["flow"]))
	if err != nil {
		return problem(err)
	}
	fault := "err.activation_empty"
	if form["code"] != "" {
		fault = "err.activation_bad"
	}
	code, ok := secret.ParseCode(form["code"])
	if !ok { // a slip, not an attempt
		return p.renderDecision(w, r, http.StatusUnprocessableEntity, f, decisionFault{code: p.Site.Text(r, fault)})
	}
	v, err := p.Service.InitialiseByCode(r.Context(), f.Key, p.claimant(r), code)
	switch {
	case err != nil:
		return problem(err)
	case v.Outcome == SuspendedAccount:
		return errSuspended
	case v.Outcome == CodeRejected:
		return p.renderDecision(w, r, http.StatusUnprocessableEntity, f, decisionFault{code: p.Site.Text(r, fault)})
	case v.Outcome == Throttled:
		return p.renderDecision(w, r, http.StatusUnprocessableEntity, f, decisionFault{code: p.Site.WaitText(r, v.WaitUntil)})
	}
	p.Site.SetSession(w, "")
	p.Site.SetTicket(w, ticket.Lifetime)
	return p.Site.Redirect(w, r, "/reset/done")
}

var errSendLimit = errors.New("recovery: too many mails")

// SentPage is the page "recovery/sent".
type SentPage struct {
	web.Hidden
	Masked string
	From   string // domain of the sender
	Until  string // in words
	Resent string // what to know of a mail that took the place of another
	To     int    // number of the address, for another mail
	ToDesk string // address of the page that leads to the help desk
	Wait   int    // seconds until another may be sent
}

func (p *Pages) showWait(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(w, r, LinkSent, DeskWaiting)
	if err != nil || f.ID == "" {
		return err
	}
	if f.State == DeskWaiting {
		return p.renderWait(w, r, f)
	}
	back, err := p.Service.WaysBack(r.Context(), f)
	if err != nil {
		return err
	}
	p.Site.Prefer(r, back.Language)
	page := SentPage{Masked: mail.MaskAddress(f.Address), From: p.From, Until: p.Site.Clock(r, f.SentAt.Add(linkLifetime)),
		ToDesk: at(f, "/reset") + "&to=" + toDesk}
	if web.Query(r, "again") != "" {
		page.Resent = p.Site.Text(r, "otp.resent", "time", p.Site.Clock(r, f.SentAt))
	}
	for n, address := range back.Addresses {
		if address == f.Address {
			page.To = n
		}
	}
	wait := f.SentAt.Add(p.Service.Throttle.MailPause).Sub(p.Service.Now())
	page.Wait = max(int(wait.Round(time.Second).Seconds()), 0)
	if page.Hidden, err = p.Site.Hidden(w, r, resetStep, f.ID); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, "recovery/sent", page)
}

package enrolment

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/flow"
	"warifu/internal/session"
	"warifu/internal/ticket"
	"warifu/internal/web"
)

// Pages serves the pages of enrolment.
type Pages struct {
	Site     *web.Site
	Service  *Service
	Sessions *session.Service
	Services *federation.Services
	Pending  federation.Pending
	Offer    Offer
	Window   bool // there is a time in which no activation code is needed
	// Forced reports whether a person may not come in any more without the TOTP.
	Forced func(directory.Subscriber) bool
}

// Mount registers the pages.
func (p *Pages) Mount() {
	p.Site.Handle("GET /authenticator", p.authenticator)
	p.Site.Handle("GET /authenticator/{file}", p.pack)
	p.Site.Handle("GET /enrol", p.show)
	p.Site.Handle("POST /enrol", p.scan)
	p.Site.Handle("GET /enrol/activation", p.showActivation)
	p.Site.Handle("POST /enrol/activation", p.submitActivation)
	p.Site.Handle("GET /enrol/verify", p.showVerify)
	p.Site.Handle("POST /enrol/verify", p.submitVerify)
	p.Site.Handle("POST /enrol/again", p.showAgain)
	p.Site.Handle("GET /enrol/done", p.showDone)
	p.Site.Handle("POST /enrol/done", p.rename)
}

// paths says which page belongs to which state.
var paths = map[State]string{
	ActivationRequired:   "/enrol/activation",
	ScanRequired:         "/enrol",
	ConfirmationRequired: "/enrol/verify",
	Bound:                "/enrol/done",
	Ended:                "/enrol",
}

// proceed sends the browser to the page of the flow's state. It is the only
// place that decides where an enrolment goes next.
func (p *Pages) proceed(w http.ResponseWriter, r *http.Request, f Flow) error {
	if f.State == Bound {
		p.Site.SetTicket(w, 0)
	}
	return p.Site.Redirect(w, r, paths[f.State]+"?flow="+url.QueryEscape(f.ID))
}

// flow returns the flow that the address of a page names, if it is in a state;
// otherwise it sends the browser to the right page, and the id is empty.
func (p *Pages) flow(w http.ResponseWriter, r *http.Request, state State) (Flow, error) {
	f, err := p.Service.Flow(r.Context(), flow.Key{ID: web.Query(r, "flow"), Browser: web.Browser(r)})
	switch {
	case err != nil:
		return Flow{}, p.problem(err)
	case f.State == Ended:
		return Flow{}, p.ended(f)
	case f.State != state:
		return Flow{}, p.proceed(w, r, f)
	}
	return f, nil
}

// ended says why a flow has lost its right to go on.
func (p *Pages) ended(f Flow) error {
	if p.Service.Now().Before(f.Until) {
		return errDisplaced
	}
	return errLapsed
}

var (
	errDisplaced = &web.Problem{Status: http.StatusConflict, Stop: "stop.enrol_other", Next: "/mfa", Label: "stop.restart",
		Err: errors.New("enrolment: begun elsewhere")}
	errLapsed = &web.Problem{Status: http.StatusConflict, Stop: "stop.ticket", Next: "/mfa", Label: "stop.restart",
		Err: errors.New("enrolment: the ticket has lapsed")}
)

// problem says what the person may know of err.
func (p *Pages) problem(err error) error {
	switch {
	case errors.Is(err, flow.ErrNotFound):
		return &web.Problem{Status: http.StatusForbidden, Stop: "stop.flow", Next: "/mfa", Label: "stop.restart", Err: err}
	case errors.Is(err, ErrTooMany):
		return &web.Problem{Status: http.StatusConflict, Stop: "stop.totp_max", Args: []any{"n", p.Service.Policy.MaxActive}, Err: err}
	case flow.Overtaken(err):
		return &web.Problem{Status: http.StatusConflict, Stop: "stop.back", Next: "/enrol", Label: "stop.continue", Err: err}
	default:
		return err
	}
}

const scanStep = "enrolment/scan" // the name of the page, too

// ScanPage is the page "enrolment/scan".
type ScanPage struct {
	web.Hidden
	Card
	Link       template.URL // the otpauth URI, which html/template does not know
	Groups     []string     // the key in groups of four
	Until      string       // in words
	Digits     int
	Period     int    // seconds
	ServerTime int64  // Unix milliseconds, for the Authenticator
	Reason     string // why there is a new key: first, added or initialised
	Confirmed  bool   // the help desk has confirmed who it is
	Forced     bool   // the institution wants the TOTP from now on, and this is the only way on
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request) error {
	if web.Query(r, "flow") == "" {
		return p.begin(w, r)
	}
	f, err := p.flow(w, r, ScanRequired)
	if err != nil || f.ID == "" {
		return err
	}
	card, err := p.Service.Card(r.Context(), f)
	if errors.Is(err, ticket.ErrNone) || errors.Is(err, flow.ErrConflict) {
		return p.ended(f)
	}
	if err != nil {
		return err
	}
	page := ScanPage{Card: card, Link: template.URL(card.URI), Groups: groups(card.Key), Until: p.Site.Clock(r, f.Until), Digits: totp.Digits,
		Period: int(totp.Period.Seconds()), ServerTime: p.Service.Now().UnixMilli(), Reason: reason(f), Confirmed: f.BoundBy == authenticator.ByHelpDesk,
		Forced: reason(f) == "first" && p.Forced(card.Person)}
	if page.Hidden, err = p.Site.Hidden(w, r, scanStep, f.ID); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, scanStep, page)
}

// reason is what the extension is told of a new key: whether it takes the place
// of an old one.
func reason(f Flow) string {
	switch {
	case f.BoundBy == authenticator.BySecondFactor:
		return "added"
	case f.BoundBy.Recovery():
		return "initialised"
	default:
		return "first"
	}
}

// begin goes on with the ticket that the browser holds. Without one the person
// begins at the setting page, which knows every way to get one.
func (p *Pages) begin(w http.ResponseWriter, r *http.Request) error {
	f, err := p.Service.Begin(r.Context(), web.Browser(r))
	if errors.Is(err, ticket.ErrNone) {
		p.Site.SetTicket(w, 0)
		return p.Site.Redirect(w, r, "/mfa")
	}
	if errors.Is(err, ErrPasswordFirst) {
		return p.Site.Redirect(w, r, "/reset/password")
	}
	if err != nil {
		return p.problem(err)
	}
	return p.proceed(w, r, f)
}

// groups cuts a key into groups of four, which are easier to type.
func groups(key string) (all []string) {
	for len(key) > 4 {
		all, key = append(all, key[:4]), key[4:]
	}
	return append(all, key)
}

func (p *Pages) scan(w http.ResponseWriter, r *http.Request) error {
	return p.press(w, r, scanStep, p.Service.Scan)
}

func (p *Pages) showAgain(w http.ResponseWriter, r *http.Request) error {
	return p.press(w, r, verifyStep, p.Service.ShowAgain)
}

// press answers a button that needs nothing but itself.
func (p *Pages) press(w http.ResponseWriter, r *http.Request, step string, do stepFunc) error {
	form, err := p.Site.Form(w, r, step)
	if err != nil {
		return err
	}
	v, err := do(r.Context(), flow.Key{ID: form["flow"], Browser: web.Browser(r)}, p.Site.Client(r))
	return p.answer(w, r, form["flow"], v, err)
}

// answer leads on after a step. A form that was sent twice leads to where the
// first one did.
func (p *Pages) answer(w http.ResponseWriter, r *http.Request, id string, v Verdict, err error) error {
	if flow.Overtaken(err) {
		f, again := p.Service.Flow(r.Context(), flow.Key{ID: id, Browser: web.Browser(r)})
		if again != nil {
			return p.problem(again)
		}
		return p.proceed(w, r, f)
	}
	if err != nil {
		return p.problem(err)
	}
	return p.proceed(w, r, v.Flow)
}

// DonePage is the page "enrolment/done".
type DonePage struct {
	web.Hidden
	Name      string
	Error     string
	Saved     bool
	SignedIn  bool
	Added     bool   // to others, by a person who is signed in
	Recovered bool   // by a recovery: the old entry in the Authenticator is of no more use
	Hold      string // until when no notification address may be registered; empty if it may
	Next      string // address to sign in at
	Return    string // name of the service that the person was on the way to
	Ways      Ways
}

const doneStep = "enrolment/done"

func (p *Pages) showDone(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(w, r, Bound)
	if err != nil || f.ID == "" {
		return err
	}
	return p.renderDone(w, r, http.StatusOK, f, DonePage{Saved: web.Query(r, "saved") != ""})
}

func (p *Pages) rename(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, doneStep, "name")
	if err != nil {
		return err
	}
	f, err := p.Service.Flow(r.Context(), flow.Key{ID: form["flow"], Browser: web.Browser(r)})
	if err != nil {
		return p.problem(err)
	}
	err = p.Service.Rename(r.Context(), f, form["name"])
	if text := p.Site.NameFault(r, err); text != "" {
		return p.renderDone(w, r, http.StatusUnprocessableEntity, f, DonePage{Name: form["name"], Error: text})
	}
	if err != nil {
		return p.problem(err)
	}
	return p.Site.Redirect(w, r, paths[Bound]+"?flow="+url.QueryEscape(f.ID)+"&saved=1")
}

func (p *Pages) renderDone(w http.ResponseWriter, r *http.Request, status int, f Flow, page DonePage) error {
	bound, who, err := p.Service.Bound(r.Context(), f)
	if err != nil {
		return p.problem(err)
	}
	if page.Error == "" {
		page.Name = bound.Name
	}
	page.Recovered = f.BoundBy.Recovery()
	if until := who.HoldUntil(); p.Service.Now().Before(until) {
		page.Hold = p.Site.Clock(r, until)
	}
	if _, err := p.Sessions.Find(r.Context(), p.Site.Session(r)); err == nil {
		page.SignedIn, page.Added = true, f.BoundBy == authenticator.BySecondFactor
	} else if !errors.Is(err, session.ErrNone) {
		return err
	}
	if page.Ways, err = p.Service.Ways(r.Context(), f); err != nil {
		return err
	}
	if page.Next, page.Return, err = p.next(r, f); err != nil {
		return err
	}
	if page.Hidden, err = p.Site.Hidden(w, r, doneStep, f.ID); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, doneStep, page)
}

// next returns where the person goes on from here, and the name of the service
// that is waiting.
func (p *Pages) next(r *http.Request, f Flow) (address, service string, err error) {
	if f.Request == "" {
		return "/login", "", nil
	}
	var request federation.Request
	if err := json.Unmarshal([]byte(f.Request), &request); err != nil {
		return "", "", err
	}
	sealed, err := p.Pending.Seal(request)
	if err != nil || request.Page != "" {
		return request.Resume(sealed), "", err
	}
	found, err := p.Services.Find(r.Context(), request.Service)
	if errors.Is(err, federation.ErrNoService) {
		return "/login", "", nil
	}
	return request.Resume(sealed), found.Name.In(string(p.Site.Lang(r))), err
}

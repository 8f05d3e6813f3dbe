package account

import (
	"context"
	"errors"
	"net/http"

	"warifu/internal/assurance"
	"warifu/internal/federation"
	"warifu/internal/i18n"
	"warifu/internal/session"
	"warifu/internal/ticket"
	"warifu/internal/web"
)

const homeStep = "account/home" // the name of the page, too

// HomePage is the page "account/home".
type HomePage struct {
	web.Hidden
	SPSID, Name string
	Warning     string // of recovery codes that were used, or are few; empty if there is none
	Ticket      bool   // nobody is signed in: there is only the right to enrol
	Methods     []MethodRow
	Ways        int    // back in without the Authenticator
	Offer       string // path of the first of them that is missing and may be had; empty if none is
	Services    []Service
}

// MethodRow is one way to prove oneself, and what there is of it.
type MethodRow struct {
	Kind  string
	Path  string
	State string // in the language of the page
}

// Service is a service that the person may use.
type Service struct {
	Name, Address string
	MFA           bool
}

func (p *Pages) showHome(w http.ResponseWriter, r *http.Request) error {
	v, err := p.visit(r)
	if err != nil {
		return err
	}
	if v == nil {
		return p.showTicketHome(w, r)
	}
	if !v.Claim.SecondFactorAt.IsZero() { // who came in without one has to set it up first
		owes, err := p.owes(r, v)
		if err != nil {
			return err
		}
		if owes != "" { //guard:WAN-5
			return p.Site.Redirect(w, r, owes)
		}
	}
	have, err := p.standing(r.Context(), v.Subscriber.ID)
	if err != nil {
		return err
	}
	page := HomePage{SPSID: v.Subscriber.SPSID, Name: v.Subscriber.Name(p.Site.Lang(r) == i18n.Japanese),
		Methods: p.methods(r, v, have), Ways: have.Ways(), Offer: p.offer(v, have)}
	if page.Warning, err = p.codesWarning(r, v.Subscriber.ID); err != nil {
		return err
	}
	if page.Services, err = p.services(r, v); err != nil {
		return err
	}
	return p.renderHome(w, r, page)
}

// visit returns who is signed in; nil if nobody is.
func (p *Pages) visit(r *http.Request) (*session.Visit, error) {
	found, who, err := p.Sessions.Who(r.Context(), p.Site.Session(r))
	if errors.Is(err, session.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p.Site.Prefer(r, who.Language)
	return &session.Visit{Session: found, Subscriber: who, Claim: assurance.Assurance(found.Evidence, p.Gate.Assurance)}, nil
}

// showTicketHome is the home page of a browser that may enrol and in which
// nobody is signed in: the path of the FAQ after an initialization.
func (p *Pages) showTicketHome(w http.ResponseWriter, r *http.Request) error {
	may, err := p.mayEnrol(r)
	if err != nil {
		return err
	}
	if !may {
		_, err := p.signedIn(w, r)
		return err
	}
	row := MethodRow{Kind: "totp", Path: "/mfa", State: p.Site.Text(r, "home.state_suspended")}
	return p.renderHome(w, r, HomePage{Ticket: true, Methods: []MethodRow{row}})
}

// mayEnrol reports whether the browser holds a ticket.
func (p *Pages) mayEnrol(r *http.Request) (may bool, err error) {
	if !p.Site.HasTicket(r) {
		return false, nil
	}
	err = p.View(r.Context(), func(tx StandingReader) error {
		_, err := tx.BrowserTicket(r.Context(), web.Browser(r), p.Site.Now())
		may = err == nil
		if errors.Is(err, ticket.ErrNone) {
			return nil
		}
		return err
	})
	return may, err
}

func (p *Pages) renderHome(w http.ResponseWriter, r *http.Request, page HomePage) (err error) {
	if page.Hidden, err = p.Site.Hidden(w, r, homeStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, homeStep, page)
}

func (p *Pages) standing(ctx context.Context, subscriberID string) (have Standing, err error) {
	err = p.View(ctx, func(tx StandingReader) error {
		have, err = standing(ctx, tx, subscriberID, p.Addresses.Refused)
		return err
	})
	return have, err
}

// methods are the rows of the methods whose pages there are.
func (p *Pages) methods(r *http.Request, v *session.Visit, have Standing) []MethodRow {
	row := MethodRow{Kind: "totp", Path: authenticatorsPath}
	switch {
	case have.Active > 0:
		row.State = p.Site.Text(r, "home.state_on", "n", have.Active)
	case have.Suspended > 0:
		row.State = p.Site.Text(r, "home.state_suspended")
	default:
		row.State = p.Site.Text(r, "home.state_off")
	}
	if have.Active == 0 || v.Claim.Fallback { // it has to be set up, from the password on
		row.Path = "/reset"
	}
	passkeys := MethodRow{Kind: "passkey", Path: passkeysPath, State: p.Site.Text(r, "home.state_off")}
	if have.Passkeys > 0 {
		passkeys.State = p.Site.Text(r, "home.state_on", "n", have.Passkeys)
	}
	codes := MethodRow{Kind: "recovery_code", Path: codesPath, State: p.Site.Text(r, "home.state_off")}
	if have.Codes > 0 {
		codes.State = p.Site.Text(r, "home.state_codes", "n", have.Codes)
	}
	if v.Claim.SecondFactorAt.IsZero() { // nothing can be added before the Authenticator is set up (SES-10)
		passkeys.Path, codes.Path = "/reset", "/reset"
	}
	return []MethodRow{row, passkeys, codes}
}

// offer returns where the person gets the first way back in that is missing.
func (p *Pages) offer(v *session.Visit, have Standing) string {
	switch {
	case v.Claim.SecondFactorAt.IsZero(): // settings are closed
		return ""
	case have.Addresses == 0 && p.mayRegister(v):
		return "/account/address"
	case have.Codes == 0:
		return codesPath
	case have.Passkeys == 0:
		return passkeysPath
	}
	return ""
}

// mayRegister reports whether the person can register a notification address now.
func (p *Pages) mayRegister(v *session.Visit) bool {
	return !v.Subscriber.Frozen() && !v.Claim.SecondFactorAt.IsZero() && !p.Site.Now().Before(v.Subscriber.HoldUntil())
}

func (p *Pages) services(r *http.Request, v *session.Visit) (shown []Service, err error) {
	all, err := p.Services.All(r.Context())
	for _, s := range all {
		if !s.Disabled && s.Address != "" && s.Admits(v.Subscriber) {
			shown = append(shown, Service{Name: s.Name.In(string(p.Site.Lang(r))), Address: s.Address, MFA: s.Require == federation.RequireMFA})
		}
	}
	return shown, err
}

// chooseMethod goes on to the page of the method that was chosen (「選択」).
func (p *Pages) chooseMethod(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, homeStep, "method")
	if err != nil {
		return err
	}
	v, err := p.visit(r)
	if err != nil {
		return err
	}
	if v == nil {
		may, err := p.mayEnrol(r)
		if err != nil {
			return err
		}
		if !may {
			_, err := p.signedIn(w, r)
			return err
		}
		return p.Site.Redirect(w, r, "/mfa")
	}
	have, err := p.standing(r.Context(), v.Subscriber.ID)
	if err != nil {
		return err
	}
	for _, row := range p.methods(r, v, have) {
		if row.Kind == form["method"] {
			return p.Site.Redirect(w, r, row.Path)
		}
	}
	return p.Site.Redirect(w, r, "/home")
}

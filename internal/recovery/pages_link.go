package recovery

import (
	"errors"
	"net/http"

	"warifu/internal/ticket"
	"warifu/internal/web"
)

const linkStep = "recovery/link" // the name of the page, too

// LinkPage is the page "recovery/link". It looks the same for any token.
type LinkPage struct {
	web.Hidden
	web.Login
	Path string // that the form is sent to
}

// showLink changes nothing, however often it is asked (RST-3).
func (p *Pages) showLink(w http.ResponseWriter, r *http.Request) error {
	id, err := p.Service.Asked(r.Context(), r.PathValue("token"), web.Browser(r))
	if err != nil {
		return err
	}
	return p.renderLink(w, r, http.StatusOK, web.Login{SPSID: id})
}

func (p *Pages) submitLink(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, linkStep, "username", "password")
	if err != nil {
		return err
	}
	login, complete := p.Site.ReadLogin(r, form)
	if !complete {
		return p.renderLink(w, r, http.StatusUnprocessableEntity, login)
	}
	c := p.claimant(r)
	v, err := p.Service.Confirm(r.Context(), Opened{Token: r.PathValue("token"), SPSID: form["username"], Password: form["password"],
		Known: c.Known, Browser: c.Browser, Client: c.Client})
	if err != nil {
		return problem(err)
	}
	switch v.Outcome {
	case Initialised:
		p.Site.SetSession(w, "")
		p.Site.SetTicket(w, ticket.Lifetime)
		return p.Site.Redirect(w, r, "/reset/done")
	case LinkDead:
		return errLink
	case LinkSuspended:
		return errSuspended
	case LinkThrottled:
		if v.WaitUntil.IsZero() {
			return errStopped
		}
		login.Error = p.Site.WaitText(r, v.WaitUntil)
	default: // a wrong password and another person's look the same
		login.Error = p.Site.Text(r, "err.link_login")
	}
	return p.renderLink(w, r, http.StatusUnprocessableEntity, login)
}

var errLink = &web.Problem{Status: http.StatusConflict, Stop: "stop.link", Next: "/mfa", Label: "stop.restart", Err: ErrNoLink}

func (p *Pages) renderLink(w http.ResponseWriter, r *http.Request, status int, login web.Login) (err error) {
	page := LinkPage{Login: login, Path: r.URL.EscapedPath()}
	if page.Hidden, err = p.Site.Hidden(w, r, linkStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, linkStep, page)
}

// DonePage is the page "recovery/done".
type DonePage struct {
	Until string // in words
}

func (p *Pages) showDone(w http.ResponseWriter, r *http.Request) error {
	t, err := p.Service.Ticket(r.Context(), web.Browser(r))
	if errors.Is(err, ticket.ErrNone) {
		return p.Site.Redirect(w, r, "/mfa")
	}
	if err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, "recovery/done", DonePage{Until: p.Site.Clock(r, t.ExpiresAt)})
}

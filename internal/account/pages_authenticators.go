package account

import (
	"errors"
	"net/http"

	"warifu/internal/authenticator/totp"
	"warifu/internal/session"
	"warifu/internal/ticket"
	"warifu/internal/web"
)

const (
	authenticatorsStep = "account/totp"   // the name of the page, too
	renameStep         = "account/rename" // the name of the page, too
	removeTOTPStep     = "account/authenticators/remove"
	authenticatorsPath = "/account/authenticators"
)

// AuthenticatorsPage is the page "account/totp".
type AuthenticatorsPage struct {
	web.Hidden
	Done string
	List []AuthenticatorRow
	Most int
	Full bool
}

// AuthenticatorRow is one Authenticator of the person.
type AuthenticatorRow struct {
	ID, Name string
	Created  string
	Used     string
}

func (p *Pages) showAuthenticators(w http.ResponseWriter, r *http.Request) error {
	v, err := p.Gate.Enter(w, r, session.Factor, "")
	if v == nil {
		return err
	}
	all, err := p.Authenticators.Of(r.Context(), NewActor(v, p.Site.Client(r)))
	if err != nil {
		return err
	}
	page := AuthenticatorsPage{Done: p.done(r), Most: p.Authenticators.Most, Full: len(all) >= p.Authenticators.Most}
	for _, a := range all {
		page.List = append(page.List, p.authenticatorRow(r, a))
	}
	if page.Hidden, err = p.Site.Hidden(w, r, authenticatorsStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, authenticatorsStep, page)
}

func (p *Pages) authenticatorRow(r *http.Request, a totp.Authenticator) AuthenticatorRow {
	row := AuthenticatorRow{ID: a.ID, Name: a.Name, Created: p.Site.Day(r, a.CreatedAt), Used: p.Site.Text(r, "common.none")}
	if !a.LastUsedAt.IsZero() {
		row.Used = p.Site.Clock(r, a.LastUsedAt)
	}
	return row
}

// addAuthenticator leads to enrolment, in this browser.
func (p *Pages) addAuthenticator(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.Site.Form(w, r, authenticatorsStep); err != nil {
		return err
	}
	v, err := p.Gate.Enter(w, r, session.Fresh, "")
	if v == nil {
		return err
	}
	err = p.Authenticators.Add(r.Context(), NewActor(v, p.Site.Client(r)), web.Browser(r))
	if errors.Is(err, ErrTooMany) {
		return &web.Problem{Status: http.StatusConflict, Stop: "stop.totp_max", Args: []any{"n", p.Authenticators.Most},
			Next: authenticatorsPath, Label: "nav.authenticators", Err: err}
	}
	if err != nil {
		return err
	}
	p.Site.SetTicket(w, ticket.Lifetime)
	return p.Site.Redirect(w, r, "/enrol")
}

// RenamePage is the page "account/rename".
type RenamePage struct {
	web.Hidden
	ID, Present string
	Name        string
	Error       string
	Action      string // where its form goes
	Back        string // where a person goes who has changed his mind
}

func (p *Pages) askRename(w http.ResponseWriter, r *http.Request) error {
	v, err := p.Gate.EnterFor(w, r, session.Factor, authenticatorsPath, "")
	if v == nil {
		return err
	}
	id := web.Query(r, "id")
	a, err := p.Authenticators.Find(r.Context(), NewActor(v, p.Site.Client(r)), id)
	if err != nil && !errors.Is(err, ErrLastMethod) { // that one may be renamed
		return p.problem(err)
	}
	return p.renderRename(w, r, http.StatusOK, RenamePage{ID: id, Present: a.Name, Name: a.Name})
}

func (p *Pages) renderRename(w http.ResponseWriter, r *http.Request, status int, page RenamePage) (err error) {
	page.Action, page.Back = authenticatorsPath+"/rename", authenticatorsPath
	if page.Hidden, err = p.Site.Hidden(w, r, renameStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, renameStep, page)
}

func (p *Pages) rename(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, renameStep, "id", "name")
	if err != nil {
		return err
	}
	v, err := p.Gate.EnterFor(w, r, session.Factor, authenticatorsPath, "")
	if v == nil {
		return err
	}
	actor := NewActor(v, p.Site.Client(r))
	err = p.Authenticators.Rename(r.Context(), actor, form["id"], form["name"])
	if text := p.Site.NameFault(r, err); text != "" {
		a, err := p.Authenticators.Find(r.Context(), actor, form["id"])
		if err != nil && !errors.Is(err, ErrLastMethod) {
			return p.problem(err)
		}
		return p.renderRename(w, r, http.StatusUnprocessableEntity, RenamePage{ID: form["id"], Present: a.Name, Name: form["name"], Error: text})
	}
	if err != nil {
		return p.problem(err)
	}
	return p.Site.Redirect(w, r, authenticatorsPath+"?done=renamed")
}

// problem says what a person may know of err.
func (p *Pages) problem(err error) error {
	switch {
	case errors.Is(err, ErrNotOwn):
		return &web.Problem{Status: http.StatusNotFound, Stop: "stop.not_found", Err: err}
	case errors.Is(err, ErrLastMethod):
		return &web.Problem{Status: http.StatusConflict, Stop: "stop.last_method", Next: authenticatorsPath, Label: "nav.authenticators", Err: err}
	}
	return err
}

func (p *Pages) askRemoveAuthenticator(w http.ResponseWriter, r *http.Request) error {
	v, id, err := p.enterWith(w, r, "id")
	if v == nil {
		return err
	}
	a, err := p.Authenticators.Find(r.Context(), NewActor(v, p.Site.Client(r)), id)
	if err != nil {
		return p.problem(err)
	}
	page := RemovePage{Title: p.Site.Text(r, "common.remove") + ": " + a.Name, Text: p.Site.Text(r, "auth.remove_ask", "name", a.Name),
		Action: authenticatorsPath + "/remove", ID: id, Back: authenticatorsPath}
	if page.Hidden, err = p.Site.Hidden(w, r, removeTOTPStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, "account/remove", page)
}

func (p *Pages) removeAuthenticator(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, removeTOTPStep, "id")
	if err != nil {
		return err
	}
	v, err := p.Gate.Enter(w, r, session.Fresh, form["id"])
	if v == nil {
		return err
	}
	if err := p.Authenticators.Remove(r.Context(), NewActor(v, p.Site.Client(r)), form["id"]); err != nil {
		return p.problem(err)
	}
	return p.Site.Redirect(w, r, authenticatorsPath+"?done=removed")
}

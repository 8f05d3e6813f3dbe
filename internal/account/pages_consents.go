package account

import (
	"cmp"
	"net/http"

	"warifu/internal/session"
	"warifu/internal/web"
)

const (
	consentsStep = "account/services" // the name of the page, too
	consentsPath = "/account/services"
)

// ServicesPage is the page "account/services".
type ServicesPage struct {
	web.Hidden
	Done string
	List []ServiceRow
}

// ServiceRow is a service that may be told of the person.
type ServiceRow struct {
	ID      string
	Service string // its name, in the language of the page
	Since   string
}

func (p *Pages) showConsents(w http.ResponseWriter, r *http.Request) error {
	v, err := p.Gate.Enter(w, r, session.Factor, "")
	if v == nil {
		return err
	}
	all, err := p.Consents.Of(r.Context(), NewActor(v, p.Site.Client(r)))
	if err != nil {
		return err
	}
	ids := make([]string, 0, len(all))
	for _, c := range all {
		ids = append(ids, c.Service)
	}
	names, err := p.serviceNames(r, ids)
	if err != nil {
		return err
	}
	page := ServicesPage{Done: p.done(r)}
	for _, c := range all {
		page.List = append(page.List, ServiceRow{ID: c.Service, Service: cmp.Or(names[c.Service], c.Service),
			Since: p.Site.Text(r, "services.since", "date", p.Site.Day(r, c.Since))})
	}
	if page.Hidden, err = p.Site.Hidden(w, r, consentsStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, consentsStep, page)
}

func (p *Pages) withdrawConsent(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, consentsStep, "id")
	if err != nil {
		return err
	}
	v, err := p.Gate.Enter(w, r, session.Factor, "")
	if v == nil {
		return err
	}
	if err := p.Consents.Withdraw(r.Context(), NewActor(v, p.Site.Client(r)), form["id"]); err != nil {
		return p.problem(err)
	}
	return p.Site.Redirect(w, r, consentsPath+"?done=consent_ended")
}

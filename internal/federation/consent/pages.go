package consent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"warifu/internal/assurance"
	"warifu/internal/audit"
	"warifu/internal/authenticator"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/session"
	"warifu/internal/web"
)

const (
	step = "consent/ask" // the name of the page, too

	sendPrefix = "send_" // of the fields, before the name of an attribute
)

// Pages asks. InTx may run its function more than once.
type Pages struct {
	Site     *web.Site
	Services *federation.Services
	Pending  federation.Pending
	Sessions federation.Sessions
	Reach    func(ctx context.Context, subscriberID string) ([]authenticator.Evidence, error) // what a person could prove himself with
	Tellers  map[federation.Protocol]Teller
	InTx     func(ctx context.Context, fn func(Tx) error) error
	Policy   assurance.Policy
	Now      func() time.Time
}

// Page is the page "consent/ask".
type Page struct {
	web.Hidden
	Action   string
	Service  string // its name, in the language of the page
	Owner    string
	Privacy  string // address of its privacy statement
	Required []Row
	Optional []Row
	Remember bool // the answer can be remembered
}

// Row is an attribute, in the language of the page.
type Row struct {
	Name   string // of its field
	Label  string
	Values []string
}

// Mount registers the page.
func (p *Pages) Mount() {
	p.Site.Handle("GET "+federation.ConsentPath, p.show)
	p.Site.Handle("POST "+federation.ConsentPath, p.answer)
}

// question is what is asked whom.
type question struct {
	request federation.Request
	service federation.Service
	present session.Session
	who     directory.Subscriber
	told    federation.Disclosures
}

// open returns the question of the address. Where the decision is another one than
// to ask, it is nil, and the browser goes back to the protocol, which does that: the
// page shows nothing that the session would not let the service know.
func (p *Pages) open(w http.ResponseWriter, r *http.Request) (*question, error) {
	sealed := web.Query(r, "p")
	request, err := p.Pending.Open(sealed)
	if errors.Is(err, federation.ErrPending) || err == nil && p.Tellers[request.Protocol] == nil {
		return nil, &web.Problem{Status: http.StatusForbidden, Stop: "stop.flow", Err: err}
	}
	if err != nil {
		return nil, err
	}
	q := &question{request: request}
	if q.service, err = p.Services.Find(r.Context(), request.Service); err != nil {
		if errors.Is(err, federation.ErrNoService) {
			err = &web.Problem{Status: http.StatusBadRequest, Stop: "stop.sp_unknown", Err: err}
		}
		return nil, err
	}
	q.present, q.who, err = p.Sessions.Who(r.Context(), p.Site.Session(r))
	if errors.Is(err, session.ErrNone) {
		return nil, p.Site.Redirect(w, r, request.Resume(sealed))
	}
	if err != nil {
		return nil, err
	}
	p.Site.Prefer(r, q.who.Language)
	asks, err := p.asks(r.Context(), q)
	if err != nil {
		return nil, err
	}
	if !asks { //guard:SES-10
		return nil, p.Site.Redirect(w, r, request.Resume(sealed))
	}
	q.told, err = p.Tellers[request.Protocol](r.Context(), request, q.service, q.who)
	return q, err
}

// asks reports whether the decision is to ask. Whom the service means by the request
// is for the protocol, which decides again before anything is told.
func (p *Pages) asks(ctx context.Context, q *question) (bool, error) {
	reach, err := p.Reach(ctx, q.who.ID)
	if err != nil {
		return false, err
	}
	person := &federation.Person{Subscriber: q.who, Evidence: q.present.Evidence, Reach: reach, Subject: q.request.Subject}
	d := federation.Decide(p.Policy, federation.Question{Request: q.request, Service: q.service, Person: person, Told: federation.Unasked, Now: p.Now()})
	return d.Kind == federation.Ask, nil
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request) error {
	q, err := p.open(w, r)
	if q == nil {
		return err
	}
	lang := string(p.Site.Lang(r))
	page := Page{Action: federation.AtConsent(web.Query(r, "p")), Service: q.service.Name.In(lang), Owner: q.service.Owner.In(lang),
		Privacy: q.service.PrivacyURL.In(lang), Remember: remembers(q.service)}
	for _, d := range q.told {
		row := Row{Name: sendPrefix + d.Attribute, Label: p.Site.Text(r, federation.Label(d.Attribute)), Values: d.Values}
		if d.Required {
			page.Required = append(page.Required, row)
		} else {
			page.Optional = append(page.Optional, row)
		}
	}
	if page.Hidden, err = p.Site.Hidden(w, r, step, ""); err != nil {
		return err
	}
	p.Site.AllowForm(r, q.request.Origin())
	return p.Site.Render(w, r, http.StatusOK, step, page)
}

// answer goes on with the request, with what the person has said sealed into it.
func (p *Pages) answer(w http.ResponseWriter, r *http.Request) error {
	q, err := p.open(w, r)
	if q == nil {
		return err
	}
	names := []string{"act", "remember"}
	for _, d := range q.told {
		names = append(names, sendPrefix+d.Attribute)
	}
	form, err := p.Site.Form(w, r, step, names...)
	if err != nil {
		return err
	}
	said := &federation.Consent{Session: q.present.ID, Refused: form["act"] != "allow", Digest: q.told.Digest()}
	for _, d := range q.told {
		if !d.Required && form[sendPrefix+d.Attribute] == "" {
			said.Withheld = append(said.Withheld, d.Attribute)
		}
	}
	if err := p.keep(r, q, said, form["remember"] != ""); err != nil {
		return err
	}
	q.request.Consent = said
	sealed, err := p.Pending.Seal(q.request)
	if err != nil {
		return err
	}
	return p.Site.Redirect(w, r, q.request.Resume(sealed))
}

// keep records what was said, and remembers it if the person wants that.
func (p *Pages) keep(r *http.Request, q *question, said *federation.Consent, remember bool) error {
	event := audit.Event{At: p.Now(), Name: EventGiven, Outcome: "once", Subscriber: q.who.ID, Actor: q.who.ID, Target: q.service.ID,
		Address: p.Site.Address(r).String(), Detail: map[string]string{"session": q.present.ID, "withheld": strings.Join(said.Withheld, " ")}}
	remember = remember && remembers(q.service) && !said.Refused
	switch {
	case said.Refused:
		event.Name, event.Outcome = EventRefused, "refused"
	case remember:
		event.Outcome = "remembered"
	}
	return p.InTx(r.Context(), func(tx Tx) (err error) {
		if remember {
			err = tx.PutConsent(r.Context(), Record{SubscriberID: q.who.ID, Service: q.service.ID, Digest: said.Digest, Withheld: said.Withheld, Since: p.Now()})
		} else {
			_, err = tx.DeleteConsent(r.Context(), q.who.ID, q.service.ID)
		}
		if err != nil {
			return err
		}
		if said.Refused || len(said.Withheld) > 0 { // what was given before tells more
			if err := tx.DeleteGrantsAt(r.Context(), q.who.ID, q.service.ID); err != nil { //guard:CON-2
				return err
			}
		}
		return tx.AppendAudit(r.Context(), event)
	})
}

var errMissing = errors.New("consent: the person has no value of a required attribute")

// Missing is the page that tells a person what a service would need to know and
// what nobody knows of him.
func Missing(site *web.Site, r *http.Request, service federation.Service, attributes []string) *web.Problem {
	var names []string
	for _, attribute := range attributes {
		if key := federation.Label(attribute); key != "" {
			attribute = site.Text(r, key)
		}
		names = append(names, attribute)
	}
	return &web.Problem{Status: http.StatusConflict, Stop: "stop.sp_missing", Err: fmt.Errorf("%w: %v", errMissing, attributes),
		Args: []any{"service", service.Name.In(string(site.Lang(r))), "names", strings.Join(names, ", ")}}
}

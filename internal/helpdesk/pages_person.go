package helpdesk

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"warifu/internal/directory"
	"warifu/internal/i18n"
	"warifu/internal/session"
	"warifu/internal/web"
)

const personStep = "desk/person" // the name of the page, too

// PersonPage is the page "desk/person".
type PersonPage struct {
	web.Hidden
	SPSID     string
	Reason    string
	ReasonMin int
	IDError   string
	Error     string
	Done      string
	Found     *PersonFound // nil before a look-up
}

// PersonFound is what is shown of a person, in the language of the page.
type PersonFound struct {
	MeansPart
	Name, SPSID string
	States      []string
	Mails       []string
	Timeline    []PersonEvent
	Waits       bool
	Strong      []ItemRow
	Need        int
}

// MeansPart tells what a person has left, in words: the template part "means".
type MeansPart struct {
	Methods []string
	Address string // whether there is one, never which
}

func (p *Pages) meansPart(r *http.Request, m Means) (part MeansPart) {
	for _, one := range []struct {
		key string
		n   int
	}{{"method.totp", m.Active}, {"method.passkey", m.Passkeys}, {"method.recovery", m.Codes}} {
		part.Methods = append(part.Methods, p.Site.Text(r, "person.count", "method", p.Site.Text(r, one.key), "n", one.n))
	}
	key := "person.address_yes"
	switch {
	case m.Addresses == 0:
		key = "person.address_no"
	case m.Bounced:
		key = "person.address_bounced"
	}
	part.Address = p.Site.Text(r, key)
	return part
}

// PersonEvent is one line of the timeline.
type PersonEvent struct{ Time, What, Why, Method, Device string }

func (p *Pages) showPerson(w http.ResponseWriter, r *http.Request) error {
	a, err := p.enter(w, r, session.Factor, "/desk/person")
	if a == nil {
		return err
	}
	id, reason, _ := strings.Cut(p.Draft(web.Query(r, "p"), r.URL.Path), draftEnd)
	return p.renderPerson(w, r, http.StatusOK, PersonPage{SPSID: id, Reason: reason})
}

func (p *Pages) renderPerson(w http.ResponseWriter, r *http.Request, status int, page PersonPage) (err error) {
	page.ReasonMin = MinReason
	if page.Hidden, err = p.Site.Hidden(w, r, personStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, personStep, page)
}

// draftEnd is between SPS-ID and reason in what must not be lost to a step-up.
const draftEnd = "\n"

// personDraft is what must not be lost of a form; a reason that is too long is no
// good anyway.
func personDraft(id, reason string) string {
	if len(id)+len(reason) > maxReason*utf8.UTFMax {
		return ""
	}
	return id + draftEnd + reason
}

// lookUp answers with the page itself: no address may name a person.
func (p *Pages) lookUp(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, personStep, "id", "reason")
	if err != nil {
		return err
	}
	a, err := p.enterWith(w, r, session.Factor, "/desk/person", personDraft(form["id"], form["reason"]))
	if a == nil {
		return err
	}
	return p.found(w, r, *a, PersonPage{SPSID: form["id"], Reason: strings.TrimSpace(form["reason"])})
}

func (p *Pages) found(w http.ResponseWriter, r *http.Request, a Agent, page PersonPage) error {
	s, err := p.People.Of(r.Context(), a, page.SPSID, page.Reason)
	blocked, isBlocked := errors.AsType[*BlockedError](err)
	switch {
	case isBlocked:
		page.Error = p.fault(r, blocked.Blocks)
	case errors.Is(err, directory.ErrNotFound):
		page.IDError = p.Site.Text(r, "person.none")
	case err != nil:
		return err
	default:
		page.Found = p.personFound(r, s)
		return p.renderPerson(w, r, http.StatusOK, page)
	}
	return p.renderPerson(w, r, http.StatusUnprocessableEntity, page)
}

func (p *Pages) personFound(r *http.Request, s Standing) *PersonFound {
	text := func(key string, args ...any) string {
		if key == "" {
			return ""
		}
		return p.Site.Text(r, key, args...)
	}
	f := &PersonFound{MeansPart: p.meansPart(r, s.Means), Name: s.Person.Name(p.Site.Lang(r) == i18n.Japanese), SPSID: s.Person.SPSID, Waits: !s.Wait.IsZero(), Need: p.People.Need}
	state := func(is bool, key string, args ...any) {
		if is {
			f.States = append(f.States, text(key, args...))
		}
	}
	f.States = append(f.States, text(statusNames[s.Person.Status]))
	state(f.Waits, "person.state_waiting", "time", p.Site.Clock(r, s.Wait))
	state(s.Suspended > 0 && s.Active == 0, "person.state_recovery")
	state(s.Person.Frozen(), "person.frozen")
	state(!s.Person.RecoveredAt.IsZero(), "person.recovered", "time", p.Site.Clock(r, s.Person.RecoveredAt))
	for _, m := range s.Mails {
		f.Mails = append(f.Mails, p.Site.Clock(r, m.At)+" "+text(mailStates[m.State]))
	}
	for _, e := range s.Timeline {
		f.Timeline = append(f.Timeline, PersonEvent{Time: p.Site.Clock(r, e.At), What: e.Words(text), Why: text(e.Why, "min", e.DriftMinutes()), Method: text(e.Method), Device: p.Site.DeviceName(r, e.Device)})
	}
	for _, item := range p.Desk.Policy.Items {
		if item.Strong() {
			f.Strong = append(f.Strong, ItemRow{Item: item, Text: text(itemNames[item], "masked", maskPhone(s.Person.Telephone))})
		}
	}
	return f
}

var mailStates = map[string]string{"queued": "person.mail_queued", "sent": "person.mail_sent", "abandoned": "person.mail_failed"}

// protect does what needs no case, with the agent's own second factor.
func (p *Pages) protect(w http.ResponseWriter, r *http.Request) error {
	names := []string{"id", "reason", "act"}
	for _, item := range strong {
		names = append(names, "check_"+string(item))
	}
	form, err := p.Site.Form(w, r, personStep, names...)
	if err != nil {
		return err
	}
	a, err := p.enterWith(w, r, session.Fresh, "/desk/person", personDraft(form["id"], form["reason"]))
	if a == nil {
		return err
	}
	checks := Checks{}
	for _, item := range strong {
		if m := Match(form["check_"+string(item)]); m == Matched || m == NotMatched {
			checks[item] = m
		}
	}
	page := PersonPage{SPSID: form["id"], Reason: strings.TrimSpace(form["reason"])}
	err = p.People.Protect(r.Context(), *a, page.SPSID, page.Reason, Act(form["act"]), checks)
	blocked, isBlocked := errors.AsType[*BlockedError](err)
	switch {
	case isBlocked:
		page.Error = p.fault(r, blocked.Blocks)
		return p.renderPerson(w, r, http.StatusUnprocessableEntity, page)
	case errors.Is(err, directory.ErrNotFound):
		page.IDError = p.Site.Text(r, "person.none")
		return p.renderPerson(w, r, http.StatusUnprocessableEntity, page)
	case err != nil:
		return p.problem(err)
	}
	page.Done = p.Site.Text(r, "person.done")
	return p.found(w, r, *a, page)
}

package helpdesk

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"

	"warifu/internal/flow"
	"warifu/internal/session"
	"warifu/internal/throttle"
	"warifu/internal/web"
)

// Pages serves the console of the help desk.
type Pages struct {
	Site   *web.Site
	Gate   *session.Gate
	Desk   *Desk
	Wait   *WaitPages
	People *LookUp
	Draft  func(sealed, path string) string // what was typed before a step-up
}

// Mount registers the pages.
func (p *Pages) Mount() {
	p.Site.Handle("GET /desk", p.showBoard)
	p.Site.Handle("POST /desk", p.openCase)
	p.Site.Handle("GET /desk/board", p.boardPart)
	p.Site.Handle("GET /desk/person", p.showPerson)
	p.Site.Handle("POST /desk/person", p.lookUp)
	p.Site.Handle("POST /desk/person/act", p.protect)
	p.Site.Handle("GET /desk/events", p.events)
	p.Site.Handle("GET /desk/cases/{no}", p.showCase)
	p.Site.Handle("POST /desk/cases/{no}", p.workOnCase)
	p.Site.Handle("GET /desk/cases/{no}/caller", p.callerPart)
	p.Site.Handle("POST /desk/cases/{no}/approve", p.approve)
	p.Site.Handle("POST /desk/cases/{no}/undo", p.approve)
	p.Site.Handle("POST /desk/cases/{no}/refuse", p.refuse)
	p.Site.Handle("POST /desk/cases/{no}/other", p.refuseOther)
}

var (
	errRole  = &web.Problem{Status: http.StatusForbidden, Stop: "stop.denied", Err: errors.New("helpdesk: not an agent")}
	errPlace = &web.Problem{Status: http.StatusForbidden, Stop: "stop.desk_place", Err: errors.New("helpdesk: not from this network")}
)

// enter returns the agent who is at a page, or sends the browser to where what is
// missing can be mended; then the agent is nil. back is the page to come back to.
func (p *Pages) enter(w http.ResponseWriter, r *http.Request, demand session.Demand, back string) (*Agent, error) {
	return p.enterWith(w, r, demand, back, "")
}

// enterWith is enter for a form of which a draft must not be lost.
func (p *Pages) enterWith(w http.ResponseWriter, r *http.Request, demand session.Demand, back, draft string) (*Agent, error) {
	v, err := p.Gate.EnterFor(w, r, demand, back, draft)
	if v == nil {
		return nil, err
	}
	a, err := p.admit(r, v)
	if err != nil {
		return nil, err
	}
	if demand == session.Fresh && networkOf(v.Session.Address) != throttle.Network(a.Address) { //guard:A29
		return nil, p.Gate.Again(w, r, back)
	}
	return a, nil
}

// watching returns the agent whose page asks for something by itself.
func (p *Pages) watching(r *http.Request) (*Agent, error) {
	v, err := p.Gate.Peek(r)
	if errors.Is(err, session.ErrNone) {
		return nil, errRole
	}
	if err != nil {
		return nil, err
	}
	return p.admit(r, v)
}

// admit returns the agent that a person is here and now.
func (p *Pages) admit(r *http.Request, v *session.Visit) (*Agent, error) {
	client := p.Site.Client(r)
	if networks := p.Desk.Policy.Networks; len(networks) > 0 && !slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(client.Address) }) { //guard:HD-5
		return nil, errPlace
	}
	if !v.Subscriber.IsAgent() { //guard:A32
		return nil, errRole
	}
	if !p.Desk.Policy.AnyFactor && !v.Session.ByPasskey() { //guard:HD-5
		return nil, session.ErrPasskey
	}
	return &Agent{Client: client, Subscriber: v.Subscriber}, nil
}

// problem says what an agent may know of err.
func (p *Pages) problem(err error) error {
	stop := func(status int, key string, args ...any) error {
		return &web.Problem{Status: status, Stop: key, Args: args, Next: "/desk", Label: "case.next", Err: err}
	}
	switch {
	case errors.Is(err, ErrNoCase), flow.Overtaken(err):
		return stop(http.StatusConflict, "stop.case_gone")
	case errors.Is(err, ErrSelf):
		return stop(http.StatusConflict, "stop.case_self")
	case errors.Is(err, ErrSame):
		return stop(http.StatusConflict, "stop.case_same")
	case errors.Is(err, ErrLimit):
		return stop(http.StatusConflict, "stop.case_limit")
	case errors.Is(err, ErrRank):
		return errRole
	case errors.Is(err, ErrOffDuty):
		return stop(http.StatusConflict, "stop.case_duty")
	}
	return err
}

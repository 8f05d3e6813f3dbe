package session

import (
	"errors"
	"net/http"
	"time"

	"warifu/internal/assurance"
	"warifu/internal/authenticator"
	"warifu/internal/directory"
	"warifu/internal/web"
)

// FreshFor is how old a second factor may be for an act that changes something
// (decisions §3.9, TOTP-12, ADR-2, PW-5).
const FreshFor = 5 * time.Minute

// Demand is what a page of ours wants of the person who opens it.
type Demand int

// The demands, each more than the one before.
const (
	Signed Demand = iota // signed in, however
	Factor               // with a second factor, at any time in this session
	Fresh                // with a second factor that is at most [FreshFor] old
)

// secondFactors are what a step-up for a page of ours may be done with
// (SES-8): never a mailed OTP, and never a trusted browser.
var secondFactors = []authenticator.Kind{authenticator.Passkey, authenticator.TOTP, authenticator.RecoveryCode}

// ErrPasskey is what a person of the staff is told who has signed in without one
// (WAN-5).
var ErrPasskey = &web.Problem{Status: http.StatusForbidden, Stop: "stop.desk_passkey", Next: "/account/passkeys", Label: "nav.passkeys",
	Err: errors.New("session: a person of the staff has signed in without a passkey")}

// Gate stands before the pages that only a person who is signed in may see.
type Gate struct {
	Site      *web.Site
	Sessions  *Service
	Assurance assurance.Policy
	// Login returns the address of the sign-in page that leads back to the page
	// with this path, and gives it the draft again. Without kinds any sign-in will
	// do, otherwise one more proof of one of the kinds is asked for.
	Login func(path, draft string, kinds []authenticator.Kind) (string, error)
	// Owes returns the path of the page at which a person has to do something before
	// any other page that demands a second factor; empty if nothing. It may be nil.
	Owes func(r *http.Request, v *Visit) (string, error)
}

// Visit is a person at a page of ours.
type Visit struct {
	Session    Session
	Subscriber directory.Subscriber
	Claim      assurance.Claim
}

var (
	errFallback = errors.New("session: a fallback session is not enough")
	errNoFactor = errors.New("session: no second factor was given")
	errFrozen   = &web.Problem{Status: http.StatusConflict, Stop: "stop.frozen", Err: errors.New("session: frozen by a report")}
)

// Enter returns who is at the page. If nobody is, or not strongly enough, it
// sends the browser to where that can be mended, and the visit is nil. A draft
// is what was typed and must not be lost.
func (g *Gate) Enter(w http.ResponseWriter, r *http.Request, d Demand, draft string) (*Visit, error) {
	return g.EnterFor(w, r, d, r.URL.Path, draft)
}

// EnterFor is [Gate.Enter] for a form whose own address shows no page: the browser
// comes back to the page with this path.
func (g *Gate) EnterFor(w http.ResponseWriter, r *http.Request, d Demand, path, draft string) (*Visit, error) {
	found, who, err := g.Sessions.Who(r.Context(), g.Site.Session(r))
	if errors.Is(err, ErrNone) {
		return nil, g.signIn(w, r, path, draft)
	}
	if err != nil {
		return nil, err
	}
	g.Site.Prefer(r, who.Language)
	v := g.visit(found, who)
	given := v.Claim.SecondFactorAt
	trusted := given.IsZero() && who.HadFactor && !v.Claim.Fallback // came in without the factor that there is
	switch {
	case d == Signed:
		return v, nil
	case who.Frozen(): //guard:ADR-5
		return nil, errFrozen
	case given.IsZero() && !trusted: //guard:SES-10
		return nil, g.weak(r, path, v)
	case trusted || d == Fresh && g.Sessions.Now().Sub(given) > FreshFor: //guard:SES-8
		return nil, g.again(w, r, path, draft)
	}
	if g.Owes == nil {
		return v, nil
	}
	owes, err := g.Owes(r, v)
	if err != nil {
		return nil, err
	}
	if owes != "" && owes != path { //guard:WAN-5
		return nil, g.Site.Redirect(w, r, owes)
	}
	return v, nil
}

func (g *Gate) visit(found Session, who directory.Subscriber) *Visit {
	return &Visit{Session: found, Subscriber: who, Claim: assurance.Assurance(found.Evidence, g.Assurance)}
}

// Peek returns who is at a page that asks for something by itself, which is no
// use of the session. It is an [ErrNone] unless a second factor was given.
func (g *Gate) Peek(r *http.Request) (*Visit, error) {
	found, who, err := g.Sessions.Peek(r.Context(), g.Site.Session(r))
	if err != nil {
		return nil, err
	}
	g.Site.Prefer(r, who.Language)
	v := g.visit(found, who)
	if v.Claim.SecondFactorAt.IsZero() { //guard:SES-10
		return nil, ErrNone
	}
	return v, nil
}

// Again has the person prove once more who it is, and come back to the page.
func (g *Gate) Again(w http.ResponseWriter, r *http.Request, path string) error {
	return g.again(w, r, path, "")
}

func (g *Gate) again(w http.ResponseWriter, r *http.Request, path, draft string) error {
	address, err := g.Login(path, draft, secondFactors)
	if err != nil {
		return err
	}
	return g.Site.Redirect(w, r, address)
}

// signIn sends the browser to sign in, and says so if a session has ended.
func (g *Gate) signIn(w http.ResponseWriter, r *http.Request, path, draft string) error {
	address, err := g.Login(path, draft, nil)
	if err != nil {
		return err
	}
	if g.Site.Session(r) != "" {
		g.Site.SetSession(w, "")
		address += "&ended=1"
	}
	return g.Site.Redirect(w, r, address)
}

// weak is what a person is told who came in without a second factor: what to
// do, with a way to it.
func (g *Gate) weak(r *http.Request, path string, v *Visit) error {
	if !v.Claim.Fallback {
		return &web.Problem{Status: http.StatusConflict, Stop: "stop.mfa", Next: "/reset", Label: "banner.totp_now", Err: errNoFactor,
			Args: []any{"service", g.Site.Text(r, "nav.account"), "methods", g.Site.Text(r, "method.totp")}}
	}
	address, err := g.Login(path, "", secondFactors)
	if err != nil {
		return err
	}
	return &web.Problem{Status: http.StatusConflict, Stop: "stop.fallback", Next: address, Label: "stop.login", Err: errFallback}
}

package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/federation/consent"
	"warifu/internal/session"
	"warifu/internal/web"
)

// The events of the audit trail.
const (
	EventSignIn  audit.Name = "oidc.sign_in" // a service was told who somebody is
	EventTokens  audit.Name = "oidc.tokens"  // a code was redeemed, or refused
	EventRefresh audit.Name = "oidc.refresh" // a refresh token was rotated, or refused
	EventRevoke  audit.Name = "oidc.revoke"  // a service gave its tokens back
)

// authorize is the authorization endpoint.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) error {
	params, err := readParameters(r)
	if err != nil {
		return badRequest(err, federation.Service{})
	}
	service, err := p.returnPoint(r.Context(), &params)
	if err != nil {
		return err
	}
	request, err := p.translate(r.Context(), params, service)
	if err != nil {
		return p.refuse(w, r, request, err)
	}
	if r.Method == http.MethodPost { // from another site it has no cookie: go on by a GET, which has
		sealed, err := p.Pending.Seal(request)
		if err != nil {
			return err
		}
		return p.Site.Redirect(w, r, request.Resume(sealed))
	}
	return p.proceed(w, r, request, service)
}

// resume goes on with a request after a sign-in or a step-up.
func (p *Provider) resume(w http.ResponseWriter, r *http.Request) error {
	request, err := p.Pending.Open(web.Query(r, "p"))
	if errors.Is(err, federation.ErrPending) || err == nil && request.Protocol != federation.OIDC {
		return &web.Problem{Status: http.StatusForbidden, Stop: "stop.flow", Err: err}
	}
	if err != nil {
		return err
	}
	service, err := p.client(r.Context(), request.Service)
	if err != nil {
		return err
	}
	if !isRegistered(service, request.ReturnTo) { // it may have been changed meanwhile
		return badRequest(errRedirectURI, service)
	}
	return p.proceed(w, r, request, service)
}

// proceed does what [federation.Decide] says. It is the only place that decides
// what becomes of a request.
func (p *Provider) proceed(w http.ResponseWriter, r *http.Request, request federation.Request, service federation.Service) error {
	present, person, err := p.person(r, request, service)
	if err != nil {
		return err
	}
	told, withheld, err := p.Consent.Of(r.Context(), request, service, present, person, p.Told)
	if err != nil {
		return err
	}
	d := federation.Decide(p.Assurance, federation.Question{Request: request, Service: service, Person: person, Told: told, Now: p.now()})
	switch d.Kind {
	case federation.Assert, federation.Ask:
		missing, err := p.Missing(r.Context(), person.Subscriber, service)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return p.refuseMissing(w, r, request, service, missing)
		}
		if d.Kind == federation.Ask {
			return p.askConsent(w, r, request)
		}
		code, err := p.issue(r, request, service, person.Subscriber, present, d, withheld)
		if errors.Is(err, federation.ErrSessionEnded) { // just now: nobody is signed in any more
			return p.ask(w, r, request, federation.Need{Kind: federation.SignIn})
		}
		if err != nil {
			return err
		}
		return p.reply(w, r, request, url.Values{"code": {code}})
	case federation.Fail:
		return p.refuse(w, r, request, refusals[d.Fault])
	default:
		return p.ask(w, r, request, d.Need)
	}
}

// ask sends the browser to sign in, or to give one more proof.
func (p *Provider) ask(w http.ResponseWriter, r *http.Request, request federation.Request, need federation.Need) error {
	if request.Passive {
		return p.refuse(w, r, request, refusals[federation.LoginRequired])
	}
	request.Need = need
	sealed, err := p.Pending.Seal(request)
	if err != nil {
		return err
	}
	return p.Site.Redirect(w, r, federation.Login(sealed))
}

// askConsent sends the browser to the page that asks what may be told.
func (p *Provider) askConsent(w http.ResponseWriter, r *http.Request, request federation.Request) error {
	sealed, err := p.Pending.Seal(request)
	if err != nil {
		return err
	}
	return p.Site.Redirect(w, r, federation.AtConsent(sealed))
}

// refusals are the errors of decisions, in the words of OIDC.
var refusals = map[federation.Fault]*Error{
	federation.LoginRequired:    fault(loginRequired, "the person would have to sign in"),
	federation.EnrolmentNeeded:  fault(interactionRequired, "the person would have to set up a second factor"),
	federation.UnknownSubject:   fault(loginRequired, "another person has signed in"),
	federation.Unreachable:      fault(unmetRequirements, "this account cannot reach the level"),
	federation.PersonNotAllowed: fault(accessDenied, "the service is not for this person"),
	federation.ConsentRequired:  fault(consentRequired, "the person would have to agree"),
	federation.ReleaseRefused:   fault(accessDenied, "the person does not want the service to be told"),
	federation.Cancelled:        fault(accessDenied, "the person has not given the proof that was asked for"),
}

// person returns who is signed in, or nil.
func (p *Provider) person(r *http.Request, request federation.Request, service federation.Service) (session.Session, *federation.Person, error) {
	ctx := r.Context()
	present, who, err := p.Sessions.Who(ctx, p.Site.Session(r))
	if errors.Is(err, session.ErrNone) {
		return session.Session{}, nil, nil
	}
	if err != nil {
		return session.Session{}, nil, err
	}
	person := &federation.Person{Subscriber: who, Evidence: present.Evidence}
	if person.Reach, err = p.Reach(ctx, who.ID); err != nil {
		return session.Session{}, nil, err
	}
	if request.Subject != "" {
		err = p.View(ctx, func(tx Reader) error {
			person.Subject, err = p.knownSubject(ctx, tx, service, who)
			return err
		})
	}
	return present, person, err
}

// issue makes the grant and returns its code.
func (p *Provider) issue(r *http.Request, request federation.Request, service federation.Service,
	who directory.Subscriber, present session.Session, d federation.Decision, withheld []string) (string, error) {
	ctx, now := r.Context(), p.now()
	g := newGrant(request, d, rand.Text(), now)
	g.SubscriberID, g.SessionID, g.Withheld = who.ID, present.ID, withheld
	code, digest, err := p.secretHandle(kindCode, g)
	if err != nil {
		return "", err
	}
	g.Code.Digest = digest
	err = p.InTx(ctx, func(tx Tx) error {
		if g.Subject, err = p.subject(ctx, tx, service, who, now); err != nil {
			return err
		}
		part, err := tx.Participate(ctx, federation.Participation{SubscriberID: who.ID, SessionID: present.ID,
			Service: service.ID, Subject: g.Subject, SID: g.ID, Since: now})
		if err != nil {
			return err
		}
		g.SID = part.SID
		if err := tx.CreateGrant(ctx, g); err != nil {
			return err
		}
		event := p.event(r, EventSignIn, d.ACR, g)
		event.Actor = who.ID
		return tx.AppendAudit(ctx, event)
	})
	return code, err
}

// subject returns the value that the service has of a person, and makes it if
// there is none.
func (p *Provider) subject(ctx context.Context, tx Tx, service federation.Service, who directory.Subscriber, now time.Time) (string, error) {
	known, err := p.knownSubject(ctx, tx, service, who)
	if err != nil || known != "" {
		return known, err
	}
	sector := service.SectorOf()
	return tx.CreatePairwiseSubject(ctx, sector, who.ID, federation.PairwiseValue(p.Subjects, sector, who.ID), now)
}

// knownSubject returns the value that the service has of a person, empty if it
// has never heard of him.
func (p *Provider) knownSubject(ctx context.Context, tx Reader, service federation.Service, who directory.Subscriber) (string, error) {
	if service.Subject == federation.Public {
		return who.PublicID, nil
	}
	return tx.PairwiseSubject(ctx, service.SectorOf(), who.ID)
}

// reply sends the browser back to the service with an answer.
func (p *Provider) reply(w http.ResponseWriter, r *http.Request, request federation.Request, values url.Values) error {
	if request.State != "" {
		values.Set("state", request.State)
	}
	values.Set("iss", p.issuer()) // RFC 9207
	return p.Site.Redirect(w, r, withQuery(request.ReturnTo, values))
}

// refuse sends the browser back with an error. What is not an [Error] is ours.
func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, request federation.Request, err error) error {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	values := url.Values{"error": {refusal.Code}}
	if refusal.Description != "" {
		values.Set("error_description", refusal.Description)
	}
	return p.reply(w, r, request, values)
}

// refuseMissing tells the person what the service would need to know; a request
// that may show nothing fails.
func (p *Provider) refuseMissing(w http.ResponseWriter, r *http.Request, request federation.Request, service federation.Service, missing []string) error {
	if request.Passive {
		return p.refuse(w, r, request, fault(accessDenied, "a required attribute has no value"))
	}
	return consent.Missing(p.Site, r, service, missing)
}

// withQuery adds parameters to an address that may have some.
func withQuery(address string, values url.Values) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + values.Encode()
}

var (
	errRedirectURI = errors.New("oidc: redirect_uri is not registered")
	errRepeated    = errors.New("oidc: client_id or redirect_uri is repeated")
)

// badRequest is an error that stays on our own pages: the client or its return
// point is not proven.
func badRequest(err error, service federation.Service) error {
	return federation.BadRequest(err, service)
}

// client returns the service with the id, if it speaks OIDC.
func (p *Provider) client(ctx context.Context, id string) (federation.Service, error) {
	service, err := p.Services.Find(ctx, id)
	if err == nil && service.Protocol != federation.OIDC {
		err = federation.ErrNoService
	}
	if errors.Is(err, federation.ErrNoService) {
		return service, &web.Problem{Status: http.StatusBadRequest, Stop: "stop.sp_unknown", Err: err}
	}
	return service, err
}

// returnPoint proves the client and its redirect_uri. Until it has, nothing is
// sent anywhere (OIDC-4). Parameters that were pushed take the place of those
// of the address.
func (p *Provider) returnPoint(ctx context.Context, params *parameters) (federation.Service, error) {
	service, err := p.client(ctx, params.values["client_id"])
	if err != nil {
		return service, err
	}
	if slices.Contains([]string{"client_id", "redirect_uri", "request_uri"}, params.repeated) {
		return service, badRequest(errRepeated, service)
	}
	if isPushed(params.values["request_uri"]) {
		if *params, err = p.take(ctx, service, params.values["request_uri"]); err != nil {
			return service, err
		}
	}
	if !isRegistered(service, params.values["redirect_uri"]) { //guard:A49
		return service, badRequest(errRedirectURI, service)
	}
	return service, nil
}

// isRegistered reports whether an address is byte for byte a registered one
// (OIDC-2). On loopback a native client may use any port (RFC 8252 §7.3).
func isRegistered(service federation.Service, address string) bool {
	if address == "" {
		return false
	}
	if slices.Contains(service.RedirectURIs, address) {
		return true
	}
	return service.Type == federation.TypeNative && slices.ContainsFunc(service.RedirectURIs, func(registered string) bool {
		return matchesLoopback(registered, address)
	})
}

// matchesLoopback compares without the port: the registered address has none.
func matchesLoopback(registered, address string) bool {
	for _, front := range []string{"http://127.0.0.1", "http://[::1]"} {
		path, ok := strings.CutPrefix(registered, front)
		rest, ok2 := strings.CutPrefix(address, front+":")
		if !ok || !ok2 || strings.HasPrefix(path, ":") {
			continue
		}
		port, found := strings.CutSuffix(rest, path)
		if found && isPort(port) {
			return true
		}
	}
	return false
}

func isPort(text string) bool {
	return len(text) > 0 && len(text) <= 5 && text[0] != '0' && strings.Trim(text, "0123456789") == "" &&
		(len(text) < 5 || text <= "65535")
}

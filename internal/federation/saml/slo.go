package saml

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"warifu/internal/federation"
	"warifu/internal/secret"
	"warifu/internal/session"
	"warifu/internal/web"
)

var logoutPlace = secret.Place{Table: "federation", Column: "saml_logout"}

// leaving is a proven LogoutRequest on its way through the browser.
type leaving struct {
	Service   string    `json:"service"`
	ID        string    `json:"id"`
	Subject   string    `json:"subject"`
	Sessions  []string  `json:"sessions,omitempty"`
	Silent    bool      `json:"silent,omitempty"`
	State     string    `json:"state,omitempty"` // RelayState
	ExpiresAt time.Time `json:"expires_at"`
}

// logoutRedirect takes a LogoutRequest by HTTP-Redirect, or goes on with one that
// came by HTTP-POST.
func (p *Provider) logoutRedirect(w http.ResponseWriter, r *http.Request) error {
	if sealed := web.Query(r, "p"); sealed != "" {
		l, err := p.openLogout(sealed)
		if err != nil {
			return err
		}
		return p.leave(w, r, l)
	}
	in, err := fromQuery(r.URL.RawQuery)
	if err != nil {
		return badRequest(err, federation.Service{})
	}
	l, err := p.acceptLogout(r.Context(), in)
	if err != nil {
		return err
	}
	return p.leave(w, r, l)
}

// logoutPost takes one by HTTP-POST. From another site it has no cookie: it goes
// on by a GET, which has.
func (p *Provider) logoutPost(w http.ResponseWriter, r *http.Request) error {
	in, err := readForm(r)
	if err != nil {
		return badRequest(err, federation.Service{})
	}
	l, err := p.acceptLogout(r.Context(), in)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return p.Site.Redirect(w, r, logoutPath+"?p="+url.QueryEscape(p.Pending.Box.SealText(logoutPlace, plain)))
}

func (p *Provider) openLogout(sealed string) (l leaving, err error) {
	plain, err := p.Pending.Box.OpenText(logoutPlace, sealed)
	if err == nil {
		err = json.Unmarshal(plain, &l)
	}
	if err == nil && !p.now().Before(l.ExpiresAt) {
		err = federation.ErrPending
	}
	if err != nil {
		return l, &web.Problem{Status: http.StatusForbidden, Stop: "stop.flow", Err: err}
	}
	return l, nil
}

// acceptLogout proves that the service itself has asked (SAML-8).
func (p *Provider) acceptLogout(ctx context.Context, in incoming) (leaving, error) {
	service, entity, err := p.service(ctx, in.issuer())
	if err != nil {
		return leaving{}, err
	}
	root, signed, err := in.verify(entity.Signing, true) //guard:SAML-8
	if err != nil {
		return leaving{}, badRequest(err, service)
	}
	asked, err := parseLogoutRequest(root, expectation{destination: p.Policy.BaseURL + logoutPath, signed: signed, now: p.now()})
	if err == nil && asked.Issuer != entity.ID {
		err = refuse("the signed issuer is another one")
	}
	if err != nil {
		return leaving{}, badRequest(err, service)
	}
	return leaving{Service: service.ID, ID: asked.ID, Subject: asked.Subject.Value, Sessions: asked.Sessions,
		Silent: asked.Silent, State: in.relayState, ExpiresAt: p.now().Add(federation.PendingLifetime)}, nil
}

// leave ends the session of this browser, if it is the one that the service
// means, and answers.
func (p *Provider) leave(w http.ResponseWriter, r *http.Request, l leaving) error {
	service, err := p.Services.Find(r.Context(), l.Service)
	if err != nil {
		return unknown(err)
	}
	present, _, err := p.Sessions.Who(r.Context(), p.Site.Session(r))
	if errors.Is(err, session.ErrNone) { // it has ended already
		return p.answerLogout(w, r, l, service, statusSuccess, federation.LoggedOut)
	}
	if err != nil {
		return err
	}
	own, others, err := p.parts(r.Context(), present, service, l)
	if err != nil {
		return err
	}
	if !own { //guard:SAML-8
		return p.answerLogout(w, r, l, service, statusUnknownPrincipal, federation.LoggedOut)
	}
	page, err := p.end(w, r, present, service)
	if err != nil {
		return err
	}
	if others {
		return p.answerLogout(w, r, l, service, statusPartialLogout, page)
	}
	return p.answerLogout(w, r, l, service, statusSuccess, page)
}

// parts reports whether the service has the part in the session that it says, by
// its name of the person and of the session, and whether other services that
// speak SAML have one, too: nobody tells those.
func (p *Provider) parts(ctx context.Context, present session.Session, service federation.Service, l leaving) (own, others bool, err error) {
	var all []federation.Participation
	var pairwise string
	err = p.View(ctx, func(tx Reader) error {
		if all, err = tx.Participations(ctx, present.SubscriberID, present.ID); err != nil {
			return err
		}
		pairwise, err = tx.PairwiseSubject(ctx, service.SectorOf(), present.SubscriberID)
		return err
	})
	if err != nil {
		return false, false, err
	}
	for _, part := range all {
		if part.Service == service.ID {
			named := l.Subject != "" && (l.Subject == part.Subject || l.Subject == pairwise)
			own = named && (len(l.Sessions) == 0 || slices.Contains(l.Sessions, part.SID))
			continue
		}
		other, err := p.Services.Find(ctx, part.Service)
		if err != nil && !errors.Is(err, federation.ErrNoService) {
			return false, false, err
		}
		others = others || err == nil && other.Protocol == federation.SAML
	}
	return own, others, nil
}

// end ends the session, and returns the page that says so.
func (p *Provider) end(w http.ResponseWriter, r *http.Request, present session.Session, service federation.Service) (page string, err error) {
	err = p.InTx(r.Context(), func(tx Tx) error {
		return tx.AppendAudit(r.Context(), p.event(r, EventLogout, "ended", present.SubscriberID, service, present.ID))
	})
	if err != nil {
		return "", err
	}
	return p.Farewell.Leave(w, r, service.ID)
}

// answerLogout sends the browser back with a signed LogoutResponse, or to a page of
// ours if none is owed or there is nowhere to send it.
func (p *Provider) answerLogout(w http.ResponseWriter, r *http.Request, l leaving, service federation.Service, outcome *status, page string) error {
	_, entity, err := p.service(r.Context(), service.EntityID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(entity.Logouts, func(o Logout) bool { return o.Binding == bindingRedirect })
	if l.Silent || i < 0 {
		return p.Site.Redirect(w, r, page)
	}
	id, err := newID(p.Random)
	if err != nil {
		return err
	}
	key, err := p.credential(r.Context())
	if err != nil {
		return err
	}
	to := entity.Logouts[i].Response
	a := answer{ID: id, Issuer: p.Policy.Name(), Destination: to, InResponseTo: l.ID, Now: p.now(), Status: outcome}
	query, err := a.redirect("LogoutResponse", l.State, key)
	if err != nil {
		return err
	}
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	return p.Site.Redirect(w, r, to+separator+query)
}

// redirect returns the query of an answer by HTTP-Redirect, signed.
func (a answer) redirect(name, relayState string, key Credential) (string, error) {
	text, err := serialize(a.element(name))
	if err != nil {
		return "", err
	}
	deflated, err := deflate(text)
	if err != nil {
		return "", err
	}
	query := "SAMLResponse=" + url.QueryEscape(base64.StdEncoding.EncodeToString(deflated))
	if relayState != "" {
		query += "&RelayState=" + url.QueryEscape(relayState)
	}
	query += "&SigAlg=" + url.QueryEscape(signatureMethod)
	signature, err := signOctets([]byte(query), key)
	if err != nil {
		return "", err
	}
	return query + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature)), nil
}

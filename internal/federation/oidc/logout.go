package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	openid "github.com/zitadel/oidc/v3/pkg/oidc"

	"warifu/internal/federation"
	"warifu/internal/secret"
	"warifu/internal/session"
	"warifu/internal/web"
)

const (
	logoutStep = "oidc/logout" // the name of the page, too
)

var errLogout = errors.New("oidc: post_logout_redirect_uri is not registered, or the client is not known")

// logout is the end-session endpoint (OpenID Connect RP-Initiated Logout 1.0).
// An ID token of this very session ends it; without one the person is asked, so
// that no other site can sign him out.
func (p *Provider) logout(w http.ResponseWriter, r *http.Request) error {
	params, err := readParameters(r)
	if err == nil && params.repeated != "" {
		err = errRepeated
	}
	if err != nil {
		return badRequest(err, federation.Service{})
	}
	hint, err := p.logoutHint(r.Context(), params)
	if err != nil {
		return err
	}
	back, err := p.afterLogout(r.Context(), params, hint)
	if err != nil {
		return err
	}
	if r.Method == http.MethodPost { // from another site it has no cookie: go on by a GET, which has
		return p.Site.Redirect(w, r, "/oidc/logout?"+query(params).Encode())
	}
	token := p.Site.Session(r)
	present, _, err := p.Sessions.Who(r.Context(), token)
	if errors.Is(err, session.ErrNone) {
		return p.Site.Redirect(w, r, back)
	}
	if err != nil {
		return err
	}
	own, err := p.isOf(r.Context(), present, hint)
	if err != nil {
		return err
	}
	if !own { //guard:OIDC-10
		return p.askLogout(w, r, back)
	}
	return p.endSession(w, r, hint.Audience[0], back)
}

// query returns the parameters of a logout as those of an address.
func query(params parameters) url.Values {
	values := make(url.Values)
	for name, value := range params.values {
		values.Set(name, value)
	}
	return values
}

// logoutHint returns what the ID token says, nil if there is none or if it is
// not ours: then the person is asked.
func (p *Provider) logoutHint(ctx context.Context, params parameters) (*openid.IDTokenClaims, error) {
	if !params.has("id_token_hint") {
		return nil, nil
	}
	hint, err := p.hint(ctx, params.values["id_token_hint"])
	if _, refused := errors.AsType[*Error](err); refused {
		return nil, nil
	}
	return hint, err
}

// afterLogout returns where the browser goes afterwards: to an address that is,
// byte for byte, one that the client has registered for this.
func (p *Provider) afterLogout(ctx context.Context, params parameters, hint *openid.IDTokenClaims) (string, error) {
	client := params.values["client_id"]
	if hint != nil && len(hint.Audience) == 1 {
		if client != "" && client != hint.Audience[0] { //guard:OIDC-10
			return "", badRequest(errLogout, federation.Service{})
		}
		client = hint.Audience[0]
	}
	address := params.values["post_logout_redirect_uri"]
	if address == "" {
		return federation.LoggedOut, nil
	}
	service, err := p.client(ctx, client)
	if err != nil {
		return "", err
	}
	if !slices.Contains(service.PostLogoutRedirectURIs, address) { //guard:OIDC-10
		return "", badRequest(errLogout, service)
	}
	if state := params.values["state"]; state != "" {
		address = withQuery(address, url.Values{"state": {state}})
	}
	return address, nil
}

// isOf reports whether an ID token was given in this session.
func (p *Provider) isOf(ctx context.Context, present session.Session, hint *openid.IDTokenClaims) (own bool, err error) {
	if hint == nil || hint.SessionID == "" || len(hint.Audience) != 1 {
		return false, nil
	}
	err = p.View(ctx, func(tx Reader) error {
		part, err := tx.Participation(ctx, present.SubscriberID, present.ID, hint.Audience[0])
		if errors.Is(err, federation.ErrNoParticipation) {
			own = false
			return nil
		}
		own = err == nil && part.SID == hint.SessionID
		return err
	})
	return own, err
}

// endSession ends the session, by the will of a client or of the person.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request, client, back string) error {
	page, err := p.Farewell.Leave(w, r, client)
	if err != nil {
		return err
	}
	if back == federation.LoggedOut {
		back = page
	}
	return p.Site.Redirect(w, r, back)
}

// LogoutPage is the page "oidc/logout".
type LogoutPage struct {
	web.Hidden
	Pending string // where to go afterwards, sealed
}

var logoutPlace = secret.Place{Table: "federation", Column: "logout"}

// afterwards is where the browser goes once the person has confirmed.
type afterwards struct {
	Address   string    `json:"address"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (p *Provider) askLogout(w http.ResponseWriter, r *http.Request, back string) error {
	plain, err := json.Marshal(afterwards{Address: back, ExpiresAt: p.now().Add(federation.PendingLifetime)})
	if err != nil {
		return err
	}
	page := LogoutPage{Pending: p.Pending.Box.SealText(logoutPlace, plain)}
	if page.Hidden, err = p.Site.Hidden(w, r, logoutStep, ""); err != nil {
		return err
	}
	if back != federation.LoggedOut {
		p.Site.AllowForm(r, federation.Origin(back))
	}
	return p.Site.Render(w, r, http.StatusOK, logoutStep, page)
}

func (p *Provider) confirmLogout(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, logoutStep, "p")
	if err != nil {
		return err
	}
	plain, err := p.Pending.Box.OpenText(logoutPlace, form["p"])
	var then afterwards
	if err == nil {
		err = json.Unmarshal(plain, &then)
	}
	if err != nil || !p.now().Before(then.ExpiresAt) {
		return &web.Problem{Status: http.StatusForbidden, Stop: "stop.flow", Err: errors.Join(errLogout, err)}
	}
	return p.endSession(w, r, "", then.Address)
}

package oidc

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"warifu/internal/federation"
	"warifu/internal/secret"
)

// The lifetimes (OIDC-3, OIDC-6, OIDC-7).
const (
	codeLifetime    = time.Minute
	accessLifetime  = 10 * time.Minute
	idTokenLifetime = 5 * time.Minute
	refreshLifetime = 30 * 24 * time.Hour // from the sign-in on, whatever is refreshed
)

// ErrNoGrant means that there is no such grant, or no more.
var ErrNoGrant = errors.New("oidc: no such grant")

// Grant is what one sign-in at one service gives: an authorization code, and
// what becomes of it. It ends with the session, but for one with a refresh
// token, which outlives the session's time (not its end by logout).
type Grant struct {
	SubscriberID string
	ID           string
	SessionID    string // empty once the session of a refresh token has run out
	Service      string
	Subject      string
	SID          string // of the participation
	Scopes       []string
	Claims       federation.Claims // named one by one
	Withheld     []string          // attributes that the person does not want to be told
	ACR          string
	AMR          []string
	AuthTime     time.Time
	Code         Code
	Refresh      []byte // digest of the newest refresh token; empty if there is none
	CreatedAt    time.Time
	ExpiresAt    time.Time
}

// Code is the authorization code of a grant.
type Code struct {
	Digest      []byte
	RedirectURI string
	Challenge   string // PKCE, S256
	Nonce       string
	ExpiresAt   time.Time
	RedeemedAt  time.Time // zero until then
}

// has reports whether the grant was given a scope.
func (g Grant) has(scope string) bool { return slices.Contains(g.Scopes, scope) }

// The kinds of tokens. Each is sealed under a name of its own, so that none
// passes for another (RST-10).
const (
	kindCode    = "code"
	kindAccess  = "access"
	kindRefresh = "refresh"
)

// handle is what a code or token says when it is opened: which grant it is of.
type handle struct {
	Subscriber string    `json:"s"`
	Grant      string    `json:"g"`
	Secret     string    `json:"k,omitempty"` // 256 random bits, so that no two are alike
	Scope      string    `json:"c,omitempty"` // of an access token
	IssuedAt   time.Time `json:"i,omitzero"`
	ExpiresAt  time.Time `json:"e,omitzero"`
}

func (h handle) scopes() []string { return strings.Fields(h.Scope) }

// sealHandle returns the token.
func (p *Provider) sealHandle(kind string, h handle) (string, error) {
	plain, err := json.Marshal(h) //nolint:gosec // G117: it is sealed at once
	if err != nil {
		return "", err
	}
	return p.Tokens.SealText(tokenPlace(kind), plain), nil
}

// openHandle returns what a token of the kind says, if we made it.
func (p *Provider) openHandle(kind, token string) (handle, bool) {
	plain, err := p.Tokens.OpenText(tokenPlace(kind), token)
	if err != nil {
		return handle{}, false
	}
	var h handle
	return h, json.Unmarshal(plain, &h) == nil
}

func tokenPlace(kind string) secret.Place { return secret.Place{Table: "oidc_grant", Column: kind} }

// secretHandle returns a token of the grant that nobody can guess even with the
// key, and the digest that the grant keeps of it.
func (p *Provider) secretHandle(kind string, g Grant) (token string, digest []byte, err error) {
	h := handle{Subscriber: g.SubscriberID, Grant: g.ID}
	if h.Secret, err = secret.Token(p.Random); err != nil {
		return "", nil, err
	}
	if token, err = p.sealHandle(kind, h); err != nil {
		return "", nil, err
	}
	return token, secret.Digest(token), nil
}

// accessToken returns a token for userinfo and for the service that is its audience.
func (p *Provider) accessToken(g Grant, scopes []string, now time.Time) (string, error) {
	return p.sealHandle(kindAccess, handle{Subscriber: g.SubscriberID, Grant: g.ID,
		Scope: strings.Join(scopes, " "), IssuedAt: now, ExpiresAt: now.Add(accessLifetime)})
}

// newGrant returns the grant of an assertion, without its code.
func newGrant(r federation.Request, d federation.Decision, id string, now time.Time) Grant {
	return Grant{ID: id, Service: r.Service, Scopes: r.Scopes, Claims: r.Claims, ACR: d.ACR, AMR: d.AMR, AuthTime: d.AuthTime,
		Code:      Code{RedirectURI: r.ReturnTo, Challenge: r.PKCE, Nonce: r.Nonce, ExpiresAt: now.Add(codeLifetime)},
		CreatedAt: now, ExpiresAt: now.Add(codeLifetime)}
}

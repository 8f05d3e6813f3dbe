package oidc

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"warifu/internal/assurance"
	"warifu/internal/audit"
	"warifu/internal/authenticator"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/federation/consent"
	"warifu/internal/keyring"
	"warifu/internal/secret"
	"warifu/internal/web"
)

// Policy is what an institution decides about what services are told.
type Policy struct {
	Scope        string `yaml:"scope"`        // right of the @ in eduperson_principal_name, such as miyako.example
	Organization string `yaml:"organization"` // schac_home_organization; default: the scope
}

// Validate returns all faults of the policy.
func (p Policy) Validate() (faults []error) {
	if strings.ContainsAny(p.Scope, "@ /") {
		faults = append(faults, errors.New("scope must be a domain"))
	}
	return faults
}

// Reader is what telling a service about a person needs.
type Reader interface {
	// Grant returns a grant, or [ErrNoGrant].
	Grant(ctx context.Context, subscriberID, id string) (Grant, error)
	// Subscriber returns [directory.ErrNotFound] if there is none.
	Subscriber(ctx context.Context, id string) (directory.Subscriber, error)
	// PairwiseSubject returns the value of a subscriber in a sector; empty if
	// there is none yet.
	PairwiseSubject(ctx context.Context, sector, subscriberID string) (string, error)
	// Participation returns the part of a service in a session, or
	// [federation.ErrNoParticipation].
	Participation(ctx context.Context, subscriberID, sessionID, service string) (federation.Participation, error)
}

// Grants changes grants.
type Grants interface {
	Reader
	// CreateGrant returns [federation.ErrSessionEnded] if the session has ended.
	CreateGrant(ctx context.Context, g Grant) error
	// RedeemGrant stores that the code is redeemed, with what the grant has
	// become, and reports false if it was redeemed before.
	RedeemGrant(ctx context.Context, g Grant) (redeemed bool, err error)
	// RotateGrant stores the digest of a new refresh token in place of an old
	// one, and reports false if the grant has another one.
	RotateGrant(ctx context.Context, g Grant, old []byte) (rotated bool, err error)
	// DeleteGrant revokes a grant; there may be none.
	DeleteGrant(ctx context.Context, subscriberID, id string) error
}

// Tx is what giving tokens needs of a transaction.
type Tx interface {
	Grants
	// Participate stores a participation, unless the session has one with the
	// service, and returns the one that it has. It returns [federation.ErrSessionEnded] if
	// the session has ended.
	Participate(ctx context.Context, p federation.Participation) (federation.Participation, error)
	// CreatePairwiseSubject stores the value of a subscriber in a sector, unless
	// he has one, and returns the one that he has.
	CreatePairwiseSubject(ctx context.Context, sector, subscriberID, value string, now time.Time) (string, error)
	// SpendAssertion notes the id of a client's assertion until it expires, and
	// reports false if it was spent before.
	SpendAssertion(ctx context.Context, service string, digest []byte, expiresAt time.Time) (fresh bool, err error)
	// PushRequest keeps a pushed request until it is taken or expires.
	PushRequest(ctx context.Context, p PushedRequest) error
	// TakeRequest returns a pushed request of the service and forgets it, or
	// returns [ErrNoRequest].
	TakeRequest(ctx context.Context, service string, digest []byte, now time.Time) (PushedRequest, error)
	// AppendAudit records a security event.
	AppendAudit(ctx context.Context, e audit.Event) error
}

// Provider serves the endpoints of the OpenID provider. InTx and View may run
// their function more than once.
type Provider struct {
	Site      *web.Site
	Services  *federation.Services
	Pending   federation.Pending
	Sessions  federation.Sessions
	Farewell  *federation.Farewell
	Reach     func(ctx context.Context, subscriberID string) ([]authenticator.Evidence, error) // what a person could prove himself with
	Signing   *keyring.Signing
	Tokens    *secret.Box // seals codes and tokens
	Consent   consent.Book
	Subjects  []byte // key of pairwise subject values
	InTx      func(ctx context.Context, fn func(Tx) error) error
	View      func(ctx context.Context, fn func(Reader) error) error
	Assurance assurance.Policy
	Policy    Policy
	Random    io.Reader
	Now       func() time.Time
}

// Mount registers the endpoints. Other sites and programs call them, and prove
// themselves otherwise than by a token in a form of ours.
func (p *Provider) Mount() {
	p.Site.Handle("GET /oidc/authorize", p.authorize)
	p.Site.HandleForeign("POST /oidc/authorize", p.authorize)
	p.Site.Handle("GET /oidc/continue", p.resume)
	p.Site.Handle("GET /oidc/logout", p.logout)
	p.Site.HandleForeign("POST /oidc/logout", p.logout)
	p.Site.Handle("POST /oidc/logout/confirm", p.confirmLogout)

	p.Site.Handle("GET "+discoveryPath, p.open(p.discovery))
	p.Site.Handle("GET /oidc/jwks", p.open(p.jwks))
	p.Site.HandleForeign("POST /oidc/token", p.shared(p.token))
	p.Site.HandleForeign("POST /oidc/revoke", p.shared(p.revoke))
	p.Site.Handle("GET /oidc/userinfo", p.shared(p.userinfo))
	p.Site.HandleForeign("POST /oidc/userinfo", p.shared(p.userinfo))
	for _, path := range []string{"token", "revoke", "userinfo"} {
		p.Site.Handle("OPTIONS /oidc/"+path, p.preflight)
	}
	p.Site.HandleForeign("POST /oidc/introspect", p.answer(p.introspect))
	p.Site.HandleForeign("POST /oidc/par", p.answer(p.push))
}

// issuer is the base address, without a path (RFC 8414 §2).
func (p *Provider) issuer() string { return strings.TrimSuffix(p.Site.BaseURL.String(), "/") }

// now is exact to what the store keeps.
func (p *Provider) now() time.Time { return p.Now().Truncate(time.Millisecond) }

// event returns what the audit trail keeps of an act for a grant.
func (p *Provider) event(r *http.Request, name audit.Name, outcome string, g Grant) audit.Event {
	return audit.Event{At: p.now(), Name: name, Outcome: outcome, Subscriber: g.SubscriberID, Target: g.Service,
		Address: p.Site.Address(r).String(), Detail: map[string]string{"grant": g.ID, "session": g.SessionID}}
}

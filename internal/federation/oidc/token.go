package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"time"

	openid "github.com/zitadel/oidc/v3/pkg/oidc"

	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/secret"
)

const tokenPath = "/oidc/token"

var verifier = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`) // RFC 7636 §4.1

// tokenResponse is the answer of the token endpoint (RFC 6749 §5.1).
type tokenResponse = openid.AccessTokenResponse

// token is the token endpoint.
func (p *Provider) token(_ http.ResponseWriter, r *http.Request) (any, error) {
	params, err := form(r)
	if err != nil {
		return nil, err
	}
	service, err := p.authenticate(r, params)
	if err != nil {
		return nil, err
	}
	switch params.values["grant_type"] {
	case string(openid.GrantTypeCode):
		return p.redeem(r, service, params)
	case string(openid.GrantTypeRefreshToken):
		return p.refresh(r, service, params)
	case "":
		return nil, fault(invalidRequest, "grant_type is missing")
	}
	return nil, fault(unsupportedGrant, "grant_type must be authorization_code or refresh_token")
}

// verdict is how an attempt to use a grant ended. A refusal is committed like a
// success: it has deleted the grant, and is in the audit trail.
type verdict struct {
	grant   Grant
	person  directory.Subscriber
	refresh string // the new refresh token
	refusal string // why not; empty if all is well
}

var errRefused = fault(invalidGrant, "the grant is not valid, or no more")

// redeem turns a code into tokens, once (OIDC-3).
func (p *Provider) redeem(r *http.Request, service federation.Service, params parameters) (any, error) {
	h, ok := p.openHandle(kindCode, params.values["code"])
	if !ok {
		return nil, errRefused
	}
	v, err := p.use(r, EventTokens, h, func(ctx context.Context, tx Tx, v *verdict) error {
		v.refusal = checkCode(v.grant, service, params)
		if v.refusal != "" {
			return nil
		}
		if err := p.check(ctx, tx, v, service); err != nil || v.refusal != "" {
			return err
		}
		now := p.now()
		v.grant.Code.Digest = secret.Digest(params.values["code"])
		v.grant.Code.RedeemedAt, v.grant.ExpiresAt = now, now.Add(accessLifetime)
		if err := p.addRefresh(v, v.grant.CreatedAt.Add(refreshLifetime)); err != nil {
			return err
		}
		redeemed, err := tx.RedeemGrant(ctx, v.grant)
		if err == nil && !redeemed {
			v.refusal = secondUse
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return p.tokens(r.Context(), v, service, v.grant.Scopes, v.grant.Code.Nonce)
}

// secondUse is the reason why a code or a refresh token is refused that was
// right once. That somebody has a copy cannot be told from one that came late.
const secondUse = "used before, or too late"

// checkCode returns why a code may not be redeemed in this way.
// Whether it is in time, and the first time, the store says when it redeems it.
func checkCode(g Grant, service federation.Service, params parameters) string {
	switch {
	case g.Service != service.ID: //guard:A50
		return "other client"
	case g.Code.RedirectURI != params.values["redirect_uri"]: //guard:A50
		return "other redirect_uri"
	case !verifies(g.Code.Challenge, params.values["code_verifier"]): //guard:A50
		return "wrong verifier"
	}
	return ""
}

// verifies holds a verifier to its challenge, S256 alone.
func verifies(challenge, text string) bool {
	return verifier.MatchString(text) &&
		subtle.ConstantTimeCompare([]byte(openid.NewSHACodeChallenge(text)), []byte(challenge)) == 1
}

// refresh rotates a refresh token, once (OIDC-6).
func (p *Provider) refresh(r *http.Request, service federation.Service, params parameters) (any, error) {
	h, ok := p.openHandle(kindRefresh, params.values["refresh_token"])
	if !ok {
		return nil, errRefused
	}
	scopes := params.list("scope")
	v, err := p.use(r, EventRefresh, h, func(ctx context.Context, tx Tx, v *verdict) error {
		old := secret.Digest(params.values["refresh_token"])
		if v.grant.Service != service.ID { //guard:OIDC-6
			v.refusal = "other client"
			return nil
		}
		if !covers(v.grant.Scopes, scopes) {
			return fault(invalidScope, "scope was not granted")
		}
		if err := p.check(ctx, tx, v, service); err != nil || v.refusal != "" {
			return err
		}
		if err := p.addRefresh(v, v.grant.ExpiresAt); err != nil {
			return err
		}
		rotated, err := tx.RotateGrant(ctx, v.grant, old)
		if err == nil && !rotated { //guard:OIDC-6
			v.refusal = secondUse
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(scopes) == 0 {
		scopes = v.grant.Scopes
	}
	return p.tokens(r.Context(), v, service, scopes, "")
}

// covers reports whether all wanted scopes were granted.
func covers(granted, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(scope string) bool { return !slices.Contains(granted, scope) })
}

// use runs one attempt on a grant in one transaction. A refusal revokes the
// grant: whoever has a code or a token that does not fit has it from elsewhere.
func (p *Provider) use(r *http.Request, name audit.Name, h handle, do func(context.Context, Tx, *verdict) error) (verdict, error) {
	ctx := r.Context()
	var v verdict
	err := p.InTx(ctx, func(tx Tx) (err error) {
		v = verdict{}
		if v.grant, err = p.living(ctx, tx, h); err != nil {
			return err
		}
		if err := do(ctx, tx, &v); err != nil {
			return err
		}
		outcome := "given"
		if v.refusal != "" {
			outcome = "refused"
			if err := tx.DeleteGrant(ctx, v.grant.SubscriberID, v.grant.ID); err != nil {
				return err
			}
		}
		event := p.event(r, name, outcome, v.grant)
		event.Reason = v.refusal
		return tx.AppendAudit(ctx, event)
	})
	if errors.Is(err, ErrNoGrant) || err == nil && v.refusal != "" {
		return v, errRefused
	}
	return v, err
}

// living returns the grant of a token, unless its time is over.
func (p *Provider) living(ctx context.Context, tx Reader, h handle) (Grant, error) {
	g, err := tx.Grant(ctx, h.Subscriber, h.Grant)
	if err == nil && !p.now().Before(g.ExpiresAt) && !g.Code.RedeemedAt.IsZero() {
		err = ErrNoGrant
	}
	return g, err
}

// check refuses a person who may not use the service any more.
func (p *Provider) check(ctx context.Context, tx Tx, v *verdict, service federation.Service) (err error) {
	var allowed bool
	if v.person, allowed, err = mayUse(ctx, tx, v.grant, service); err == nil && !allowed { //guard:SES-9
		v.refusal = "person not allowed"
	}
	return err
}

// addRefresh gives the grant a new refresh token, if it is to have one.
func (p *Provider) addRefresh(v *verdict, expiresAt time.Time) (err error) {
	if !v.grant.has(openid.ScopeOfflineAccess) { //guard:OIDC-6
		return nil
	}
	v.grant.ExpiresAt = expiresAt
	v.refresh, v.grant.Refresh, err = p.secretHandle(kindRefresh, v.grant)
	return err
}

// tokens returns the answer with all tokens of a grant that was used well.
func (p *Provider) tokens(ctx context.Context, v verdict, service federation.Service, scopes []string, nonce string) (any, error) {
	access, err := p.accessToken(v.grant, scopes, p.now())
	if err == nil && service.AccessToken == federation.AccessJWT {
		access, err = p.signedAccess(ctx, v.grant, service, scopes, access)
	}
	if err != nil {
		return nil, err
	}
	idToken, err := p.idToken(ctx, v, service, scopes, nonce, access)
	if err != nil {
		return nil, err
	}
	return tokenResponse{AccessToken: access, TokenType: openid.BearerToken, ExpiresIn: uint64(accessLifetime.Seconds()),
		IDToken: idToken, RefreshToken: v.refresh, Scope: scopes}, nil
}

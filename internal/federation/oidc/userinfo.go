package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	openid "github.com/zitadel/oidc/v3/pkg/oidc"

	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/keyring"
)

// userinfo tells a client the claims of its access token.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) (any, error) {
	var params parameters
	if r.Method == http.MethodPost && r.Header.Get("Content-Type") != "" {
		var err error
		if params, err = form(r); err != nil {
			return nil, err
		}
	}
	token := bearer(r, params)
	if token == "" { // RFC 6750 §3.1: who did not try gets no error code
		w.Header().Set("WWW-Authenticate", `Bearer realm="oidc"`)
		return nil, unauthorized(invalidRequest, "the access token is missing")
	}
	h, ok, err := p.openAccess(r.Context(), token)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, p.invalidToken(w)
	}
	var info map[string]any
	err = p.View(r.Context(), func(tx Reader) error {
		known, err := p.known(r.Context(), tx, h)
		if err == nil {
			info = p.claimsOf(known.grant, known.person, known.service, h.scopes(), known.grant.Claims.UserInfo)
			info["sub"] = known.grant.Subject
		}
		return err
	})
	if errors.Is(err, ErrNoGrant) {
		return nil, p.invalidToken(w)
	}
	return info, err
}

func (p *Provider) invalidToken(w http.ResponseWriter) error {
	w.Header().Set("WWW-Authenticate", `Bearer realm="oidc", error="invalid_token"`)
	return unauthorized(invalidToken, "the access token is not valid, or no more")
}

// openAccess returns what an access token says, if it is ours and has not
// expired. One that is a JWT has the sealed one as its id.
func (p *Provider) openAccess(ctx context.Context, token string) (handle, bool, error) {
	if strings.Count(token, ".") == 2 {
		payload, err := p.Signing.Verify(ctx, typeAccess, token)
		if errors.Is(err, keyring.ErrNotSigned) {
			return handle{}, false, nil
		}
		if err != nil {
			return handle{}, false, err
		}
		var claims openid.AccessTokenClaims
		if err := json.Unmarshal(payload, &claims); err != nil {
			return handle{}, false, nil
		}
		token = claims.JWTID
	}
	h, ok := p.openHandle(kindAccess, token)
	return h, ok && p.now().Before(h.ExpiresAt), nil //guard:OIDC-7
}

// known is what stands behind a living token.
type known struct {
	grant   Grant
	person  directory.Subscriber
	service federation.Service
}

// known returns what stands behind a token, or [ErrNoGrant] if it may not be
// used any more: the grant is gone with its session, the person is suspended,
// the service is switched off (SES-9).
func (p *Provider) known(ctx context.Context, tx Reader, h handle) (known, error) {
	g, err := p.living(ctx, tx, h)
	if err != nil {
		return known{}, err
	}
	service, err := p.Services.Find(ctx, g.Service)
	if errors.Is(err, federation.ErrNoService) {
		return known{}, ErrNoGrant
	}
	if err != nil {
		return known{}, err
	}
	who, allowed, err := mayUse(ctx, tx, g, service)
	if err == nil && !allowed { //guard:SES-9
		err = ErrNoGrant
	}
	return known{grant: g, person: who, service: service}, err
}

package oidc

import (
	"errors"
	"net/http"

	openid "github.com/zitadel/oidc/v3/pkg/oidc"

	"warifu/internal/federation"
)

// revoke takes a token back (RFC 7009). With any token of it the whole grant
// goes. Who asks for a token that is not his, or no token at all, gets the same
// answer and learns nothing.
func (p *Provider) revoke(_ http.ResponseWriter, r *http.Request) (any, error) {
	params, err := form(r)
	if err != nil {
		return nil, err
	}
	service, err := p.authenticate(r, params)
	if err != nil {
		return nil, err
	}
	if !params.has("token") {
		return nil, fault(invalidRequest, "token is missing")
	}
	h, ok := p.openHandle(kindRefresh, params.values["token"])
	ctx := r.Context()
	if !ok {
		h, ok, err = p.openAccess(ctx, params.values["token"])
	}
	if err != nil || !ok {
		return nil, err
	}
	return nil, p.InTx(ctx, func(tx Tx) error {
		g, err := tx.Grant(ctx, h.Subscriber, h.Grant)
		if errors.Is(err, ErrNoGrant) || err == nil && g.Service != service.ID { //guard:OIDC-6
			return nil
		}
		if err != nil {
			return err
		}
		if err := tx.DeleteGrant(ctx, g.SubscriberID, g.ID); err != nil {
			return err
		}
		return tx.AppendAudit(ctx, p.event(r, EventRevoke, "revoked", g))
	})
}

// introspect tells a service about an access token that is for it (RFC 7662).
func (p *Provider) introspect(_ http.ResponseWriter, r *http.Request) (any, error) {
	params, err := form(r)
	if err != nil {
		return nil, err
	}
	caller, err := p.authenticate(r, params)
	if err != nil {
		return nil, err
	}
	if caller.AuthMethod() == federation.AuthNone {
		return nil, unauthorized(invalidClient, "client authentication failed")
	}
	inactive := &openid.IntrospectionResponse{}
	h, ok, err := p.openAccess(r.Context(), params.values["token"])
	if err != nil || !ok || !caller.Introspect {
		return inactive, err
	}
	answer := inactive
	err = p.View(r.Context(), func(tx Reader) error {
		known, err := p.known(r.Context(), tx, h)
		if err == nil && known.service.AudienceOf() == caller.ID { //guard:OIDC-7
			answer = p.introspection(known, h)
		}
		return err
	})
	if errors.Is(err, ErrNoGrant) {
		return inactive, nil
	}
	return answer, err
}

func (p *Provider) introspection(k known, h handle) *openid.IntrospectionResponse {
	return &openid.IntrospectionResponse{
		Active: true, Scope: h.scopes(), ClientID: k.grant.Service, TokenType: openid.BearerToken,
		Expiration: openid.FromTime(h.ExpiresAt), IssuedAt: openid.FromTime(h.IssuedAt), AuthTime: openid.FromTime(k.grant.AuthTime),
		Subject: k.grant.Subject, Audience: openid.Audience{k.service.AudienceOf()}, Issuer: p.issuer(),
		AuthenticationMethodsReferences: k.grant.AMR,
		Claims:                          map[string]any{"acr": k.grant.ACR},
	}
}

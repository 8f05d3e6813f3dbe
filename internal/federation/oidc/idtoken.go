package oidc

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/go-jose/go-jose/v4"
	openid "github.com/zitadel/oidc/v3/pkg/oidc"

	"warifu/internal/federation"
	"warifu/internal/keyring"
)

// The types of the tokens that we sign, in the header "typ" (RFC 9068 §2.1).
const (
	typeJWT    = "JWT"
	typeAccess = "at+jwt"
)

// idToken returns the signed statement of who has signed in, when and how.
func (p *Provider) idToken(ctx context.Context, v verdict, service federation.Service, scopes []string, nonce, access string) (string, error) {
	g, now := v.grant, p.now()
	hash, err := openid.ClaimHash(access, jose.SignatureAlgorithm(service.Alg()))
	if err != nil {
		return "", err
	}
	claims := &openid.IDTokenClaims{
		TokenClaims: openid.TokenClaims{
			Issuer: p.issuer(), Subject: g.Subject, Audience: openid.Audience{g.Service}, AuthorizedParty: g.Service,
			IssuedAt: openid.FromTime(now), Expiration: openid.FromTime(now.Add(idTokenLifetime)), AuthTime: openid.FromTime(g.AuthTime),
			Nonce: nonce, AuthenticationContextClassReference: g.ACR, AuthenticationMethodsReferences: g.AMR,
		},
		AccessTokenHash: hash,
		SessionID:       g.SID,
	}
	given := scopes
	if !service.IDTokenClaims {
		given = nil
	}
	claims.Claims = p.claimsOf(g, v.person, service, given, g.Claims.IDToken)
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return p.Signing.Sign(ctx, service.Alg(), typeJWT, payload)
}

// hint returns what an ID token of ours says. It may have expired: it tells who
// somebody was, and proves nothing.
func (p *Provider) hint(ctx context.Context, token string) (*openid.IDTokenClaims, error) {
	payload, err := p.Signing.Verify(ctx, typeJWT, token)
	if errors.Is(err, keyring.ErrNotSigned) {
		return nil, fault(invalidRequest, "id_token_hint is not an ID token of ours")
	}
	if err != nil {
		return nil, err
	}
	claims := new(openid.IDTokenClaims)
	if err := json.Unmarshal(payload, claims); err != nil || claims.Issuer != p.issuer() || claims.Subject == "" { //guard:A51
		return nil, fault(invalidRequest, "id_token_hint is not an ID token of ours")
	}
	return claims, nil
}

// signedAccess returns an access token that its audience can read itself
// (RFC 9068). Its id is the sealed one, so that it ends like any other wherever
// we are asked.
func (p *Provider) signedAccess(ctx context.Context, g Grant, service federation.Service, scopes []string, sealed string) (string, error) {
	now := p.now()
	payload, err := json.Marshal(&openid.AccessTokenClaims{
		TokenClaims: openid.TokenClaims{
			Issuer: p.issuer(), Subject: g.Subject, Audience: openid.Audience{service.AudienceOf()}, ClientID: g.Service, JWTID: sealed,
			IssuedAt: openid.FromTime(now), Expiration: openid.FromTime(now.Add(accessLifetime)), AuthTime: openid.FromTime(g.AuthTime),
			AuthenticationContextClassReference: g.ACR, AuthenticationMethodsReferences: g.AMR,
		},
		Scopes: scopes,
	})
	if err != nil {
		return "", err
	}
	return p.Signing.Sign(ctx, service.Alg(), typeAccess, payload)
}

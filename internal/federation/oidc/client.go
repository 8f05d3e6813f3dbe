package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	openid "github.com/zitadel/oidc/v3/pkg/oidc"

	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/secret"
)

const (
	assertionType     = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertionLifetime = 5 * time.Minute // the longest that we accept (OIDC-8)
	clockSkew         = 30 * time.Second
	maxJTI            = 256 // bytes
)

// assertionAlgorithms are those by which a client may sign its assertion. An
// HMAC with our copy of its public key is not among them (A51).
var assertionAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256}

// authenticate returns the client that sent a request, if it has proven itself
// in the one way that is registered for it.
func (p *Provider) authenticate(r *http.Request, params parameters) (federation.Service, error) {
	proof, err := readProof(r, params)
	if err != nil {
		return federation.Service{}, err
	}
	service, err := p.Services.Find(r.Context(), proof.client)
	if err == nil && service.Protocol != federation.OIDC {
		err = federation.ErrNoService
	}
	if errors.Is(err, federation.ErrNoService) {
		return service, unauthorized(invalidClient, "client authentication failed")
	}
	if err != nil {
		return service, err
	}
	if proof.method != service.AuthMethod() { //guard:OIDC-8
		return service, unauthorized(invalidClient, "client authentication failed")
	}
	return service, p.verify(r, service, proof)
}

// proof is what a client brings.
type proof struct {
	method string
	client string
	text   string // secret or assertion
}

func readProof(r *http.Request, params parameters) (proof, error) {
	id, password, basic := r.BasicAuth()
	client := params.values["client_id"]
	ways := 0
	for _, given := range []bool{basic, params.has("client_secret"), params.has("client_assertion")} {
		if given {
			ways++
		}
	}
	if ways > 1 || !basic && r.Header.Get("Authorization") != "" {
		return proof{}, unauthorized(invalidClient, "client authentication by one method only")
	}
	switch {
	case basic:
		id, err1 := url.QueryUnescape(id) // RFC 6749 §2.3.1
		password, err2 := url.QueryUnescape(password)
		if err1 != nil || err2 != nil || client != "" && client != id {
			return proof{}, unauthorized(invalidClient, "client authentication failed")
		}
		return proof{method: federation.AuthBasic, client: id, text: password}, nil
	case params.has("client_secret"):
		return proof{method: federation.AuthPost, client: client, text: params.values["client_secret"]}, nil
	case params.has("client_assertion"):
		if params.values["client_assertion_type"] != assertionType {
			return proof{}, unauthorized(invalidClient, "client_assertion_type is unknown")
		}
		if client == "" {
			client = issuerOf(params.values["client_assertion"])
		}
		return proof{method: federation.AuthPrivateKey, client: client, text: params.values["client_assertion"]}, nil
	}
	return proof{method: federation.AuthNone, client: client}, nil
}

func (p *Provider) verify(r *http.Request, service federation.Service, proof proof) error {
	switch proof.method {
	case federation.AuthBasic, federation.AuthPost:
		if !hasSecret(service, proof.text) { //guard:OIDC-8
			return unauthorized(invalidClient, "client authentication failed")
		}
		return nil
	case federation.AuthPrivateKey:
		return p.verifyAssertion(r, service, proof.text)
	}
	return nil // a public client: the code belongs to whoever has the verifier
}

// hasSecret compares with all registered secrets, in constant time. A secret has
// 256 random bits, so that a slow hash would protect nothing more.
func hasSecret(service federation.Service, text string) bool {
	digest, found := secret.Digest(text), 0
	for _, registered := range service.Secrets {
		want, err := hex.DecodeString(registered)
		if err == nil {
			found |= subtle.ConstantTimeCompare(want, digest)
		}
	}
	return found == 1
}

// assertion is what a client signs (RFC 7523 §3).
type assertion struct {
	Issuer    string          `json:"iss"`
	Subject   string          `json:"sub"`
	Audience  openid.Audience `json:"aud"`
	ExpiresAt openid.Time     `json:"exp"`
	NotBefore openid.Time     `json:"nbf"`
	IssuedAt  openid.Time     `json:"iat"`
	ID        string          `json:"jti"`
}

// issuerOf returns who says to have signed, before that is verified.
func issuerOf(token string) string {
	var claims assertion
	if _, err := openid.ParseToken(token, &claims); err != nil {
		return ""
	}
	return claims.Issuer
}

func (p *Provider) verifyAssertion(r *http.Request, service federation.Service, token string) error {
	claims, err := verifySigned(service, token)
	if err != nil {
		return unauthorized(invalidClient, "client_assertion: %v", err)
	}
	ours := []string{p.issuer(), p.issuer() + tokenPath, p.issuer() + r.URL.Path}
	if err := claims.check(service.ID, ours, p.now()); err != nil {
		return unauthorized(invalidClient, "client_assertion: %v", err)
	}
	fresh := false
	err = p.InTx(r.Context(), func(tx Tx) (err error) {
		fresh, err = tx.SpendAssertion(r.Context(), service.ID, secret.Digest(claims.ID), claims.ExpiresAt.AsTime())
		return err
	})
	if err == nil && !fresh { //guard:OIDC-8
		err = unauthorized(invalidClient, "client_assertion: jti was used before")
	}
	return err
}

var (
	errSignature = errors.New("the signature is wrong")
	errClaims    = errors.New("iss, sub and jti must name the client and the assertion")
	errAudience  = errors.New("aud must be our issuer or token endpoint alone")
	errTime      = errors.New("exp must be at most 5 minutes ahead")
)

// verifySigned returns what the client has signed with one of its registered
// keys. What the header says of keys elsewhere is not read.
func verifySigned(service federation.Service, token string) (assertion, error) {
	parsed, err := jose.ParseSignedCompact(token, assertionAlgorithms)
	if err != nil { //guard:A51
		return assertion{}, errSignature
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(service.JWKS), &set); err != nil {
		return assertion{}, errSignature
	}
	kid, alg := openid.GetKeyIDAndAlg(parsed)
	key, err := openid.FindMatchingKey(kid, openid.KeyUseSignature, alg, set.Keys...)
	if err != nil {
		return assertion{}, errSignature
	}
	payload, err := parsed.Verify(key.Key)
	if err != nil {
		return assertion{}, errSignature
	}
	var claims assertion
	return claims, json.Unmarshal(payload, &claims)
}

func (a assertion) check(client string, audiences []string, now time.Time) error {
	if a.Issuer != client || a.Subject != client || a.ID == "" || len(a.ID) > maxJTI { //guard:A51
		return errClaims
	}
	if len(a.Audience) != 1 || !slices.Contains(audiences, a.Audience[0]) { //guard:A51
		return errAudience
	}
	expires := a.ExpiresAt.AsTime()
	if !now.Before(expires) || expires.After(now.Add(assertionLifetime+clockSkew)) { //guard:A51
		return errTime
	}
	if a.NotBefore.AsTime().After(now.Add(clockSkew)) || a.IssuedAt.AsTime().After(now.Add(clockSkew)) {
		return errTime
	}
	return nil
}

// bearer returns the access token of a request: in the header, or in the form
// of a POST, never in the address (RFC 6750 §2).
func bearer(r *http.Request, params parameters) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	if r.Method == http.MethodPost {
		return params.values["access_token"]
	}
	return ""
}

// mayUse reports whether the person of a grant may still use the service, and
// returns him. It is asked each time that anything is told (OIDC-6, SES-9).
func mayUse(ctx context.Context, tx Reader, g Grant, service federation.Service) (directory.Subscriber, bool, error) {
	who, err := tx.Subscriber(ctx, g.SubscriberID)
	if err != nil {
		return who, false, err
	}
	return who, who.Status == directory.Active && service.Admits(who), nil
}

package oidc

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"time"

	openid "github.com/zitadel/oidc/v3/pkg/oidc"

	"warifu/internal/federation"
)

// scopes are those that we know; others are ignored (OIDC Core 1.0 §3.1.2.1).
var scopes = []string{openid.ScopeOpenID, openid.ScopeProfile, openid.ScopeEmail, scopeEduperson, openid.ScopeOfflineAccess}

const (
	scopeEduperson = "eduperson"
	maxLoginHint   = 128 // bytes
)

var challenge = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`) // SHA-256 as base64url

// translate returns what the request of a proven client asks. With an [Error]
// it returns as much of the request as the answer needs.
func (p *Provider) translate(ctx context.Context, params parameters, service federation.Service) (federation.Request, error) {
	request := federation.Request{
		Protocol: federation.OIDC, Service: service.ID, ReturnTo: params.values["redirect_uri"], State: params.values["state"],
		Nonce: params.values["nonce"], PKCE: params.values["code_challenge"], LoginHint: params.values["login_hint"],
		Locales: params.list("ui_locales"), IssuedAt: p.now(),
	}
	if params.repeated == "state" { // none of them can be given back
		request.State = ""
	}
	if params.repeated != "" { //guard:OIDC-11
		return request, fault(invalidRequest, "parameter %q is repeated", params.repeated)
	}
	if err := checkFixed(params, service); err != nil {
		return request, err
	}
	if !challenge.MatchString(request.PKCE) || params.values["code_challenge_method"] != string(openid.CodeChallengeMethodS256) { //guard:OIDC-1
		return request, fault(invalidRequest, "PKCE is required: code_challenge with code_challenge_method S256")
	}
	if len(request.LoginHint) > maxLoginHint {
		request.LoginHint = ""
	}
	for _, scope := range scopes {
		if slices.Contains(params.list("scope"), scope) {
			request.Scopes = append(request.Scopes, scope)
		}
	}
	if !slices.Contains(request.Scopes, openid.ScopeOpenID) {
		return request, fault(invalidScope, "scope openid is required")
	}
	for _, add := range []func(*federation.Request, parameters, federation.Service) error{addPrompt, addMaxAge, addLevels} {
		if err := add(&request, params, service); err != nil {
			return request, err
		}
	}
	return request, p.addHint(ctx, &request, params)
}

// checkFixed refuses what we do not do.
func checkFixed(params parameters, service federation.Service) error {
	switch {
	case params.has("request"):
		return fault(requestNotSupported, "request objects are not supported")
	case params.has("request_uri"):
		return fault(uriNotSupported, "only pushed requests are supported")
	case params.has("registration"):
		return fault(registrationRejected, "registration is not supported")
	case service.RequirePAR && !params.has(pushedMark): //guard:OIDC-11
		return fault(invalidRequest, "this client must push its requests")
	case !params.has("response_type"):
		return fault(invalidRequest, "response_type is missing")
	case params.values["response_type"] != string(openid.ResponseTypeCode): //guard:OIDC-1
		return fault(unsupportedResponse, "response_type must be code")
	case params.has("response_mode") && params.values["response_mode"] != string(openid.ResponseModeQuery):
		return fault(invalidRequest, "response_mode must be query")
	}
	return nil
}

func addPrompt(request *federation.Request, params parameters, _ federation.Service) error {
	prompts := params.list("prompt")
	for _, prompt := range prompts {
		switch prompt {
		case openid.PromptNone:
			request.Passive = true
		case openid.PromptLogin:
			request.Force = true
		case openid.PromptSelectAccount:
			request.SelectAccount = true
		case openid.PromptConsent:
			request.AskConsent = true
		default:
			return fault(invalidRequest, "prompt %q is unknown", prompt)
		}
	}
	if request.Passive && len(prompts) > 1 {
		return fault(invalidRequest, "prompt none must stand alone")
	}
	return nil
}

// maxMaxAge is more than any session lives, and far from an overflow.
const maxMaxAge = 100 * 365 * 24 * 60 * 60 // seconds

func addMaxAge(request *federation.Request, params parameters, service federation.Service) error {
	age := time.Duration(service.DefaultMaxAge)
	if params.has("max_age") {
		seconds, err := strconv.ParseUint(params.values["max_age"], 10, 63)
		if err != nil {
			return fault(invalidRequest, "max_age must be a number of seconds")
		}
		age = time.Duration(min(seconds, maxMaxAge)) * time.Second
	}
	if params.has("max_age") || age > 0 {
		request.MaxAge = &age
	}
	return nil
}

// claimsRequest is the parameter claims (OIDC Core 1.0 §5.5).
type claimsRequest struct {
	UserInfo map[string]*claimRequest `json:"userinfo"`
	IDToken  map[string]*claimRequest `json:"id_token"`
}

type claimRequest struct {
	Essential bool  `json:"essential"`
	Value     any   `json:"value"`
	Values    []any `json:"values"`
}

// all returns the values that are texts.
func (c *claimRequest) all() (texts []string) {
	if c == nil {
		return nil
	}
	for _, value := range append([]any{c.Value}, c.Values...) {
		if text, ok := value.(string); ok && text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// addLevels reads the wanted levels: an essential acr in claims must be
// reached, all else is a wish.
func addLevels(request *federation.Request, params parameters, service federation.Service) error {
	request.Wanted = params.list("acr_values")
	if len(request.Wanted) == 0 {
		request.Wanted = service.DefaultACRValues
	}
	if !params.has("claims") {
		return nil
	}
	var claims claimsRequest
	if err := json.Unmarshal([]byte(params.values["claims"]), &claims); err != nil {
		return fault(invalidRequest, "claims cannot be read")
	}
	if acr := claims.IDToken["acr"]; len(acr.all()) > 0 {
		request.Wanted, request.Essential = acr.all(), acr.Essential
	}
	if sub := claims.IDToken["sub"].all(); len(sub) == 1 {
		request.Subject = sub[0]
	}
	request.Claims = federation.Claims{UserInfo: named(claims.UserInfo), IDToken: named(claims.IDToken)}
	return nil
}

// named returns the claims of a request that we know, in a fixed order.
func named(claims map[string]*claimRequest) (names []string) {
	for _, c := range claimTable {
		if _, ok := claims[c.name]; ok {
			names = append(names, c.name)
		}
	}
	return names
}

// addHint reads who it must be from an ID token of ours, which may have expired.
func (p *Provider) addHint(ctx context.Context, request *federation.Request, params parameters) error {
	if !params.has("id_token_hint") {
		return nil
	}
	hint, err := p.hint(ctx, params.values["id_token_hint"])
	if err != nil {
		return err
	}
	if !slices.Contains(hint.Audience, request.Service) { //guard:A51
		return fault(invalidRequest, "id_token_hint is for another client")
	}
	request.Subject = hint.Subject
	return nil
}

package oidc

import (
	"net/http"
	"strings"

	openid "github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/text/language"

	"warifu/internal/keyring"
)

const discoveryPath = openid.DiscoveryEndpoint

// discoveryDocument is what the library knows of OpenID Connect Discovery 1.0,
// and what it does not (RFC 9126 §5, RFC 9207 §3).
type discoveryDocument struct {
	openid.DiscoveryConfiguration
	ACRValues         []string `json:"acr_values_supported,omitempty"`
	PushedRequests    string   `json:"pushed_authorization_request_endpoint"`
	ResponseIssuer    bool     `json:"authorization_response_iss_parameter_supported"`
	PromptValues      []string `json:"prompt_values_supported"`
	RequestParameters bool     `json:"request_parameter_supported"`
}

// discovery tells clients what we do, and only that.
func (p *Provider) discovery(http.ResponseWriter, *http.Request) (any, error) {
	at := func(name string) string { return p.issuer() + "/oidc/" + name }
	methods := openid.AllAuthMethods
	confidential := []openid.AuthMethod{openid.AuthMethodBasic, openid.AuthMethodPost, openid.AuthMethodPrivateKeyJWT}
	var algorithms []string
	for _, algorithm := range assertionAlgorithms {
		algorithms = append(algorithms, string(algorithm))
	}
	return discoveryDocument{
		DiscoveryConfiguration: openid.DiscoveryConfiguration{
			Issuer: p.issuer(), AuthorizationEndpoint: at("authorize"), TokenEndpoint: p.issuer() + tokenPath,
			IntrospectionEndpoint: at("introspect"), UserinfoEndpoint: at("userinfo"), RevocationEndpoint: at("revoke"),
			EndSessionEndpoint: at("logout"), JwksURI: at("jwks"),
			ScopesSupported:                                    Scopes,
			ResponseTypesSupported:                             []string{string(openid.ResponseTypeCode)},
			ResponseModesSupported:                             []string{string(openid.ResponseModeQuery)},
			GrantTypesSupported:                                []openid.GrantType{openid.GrantTypeCode, openid.GrantTypeRefreshToken},
			SubjectTypesSupported:                              []string{"pairwise", "public"},
			IDTokenSigningAlgValuesSupported:                   []string{keyring.ES256, keyring.RS256},
			TokenEndpointAuthMethodsSupported:                  methods,
			TokenEndpointAuthSigningAlgValuesSupported:         algorithms,
			RevocationEndpointAuthMethodsSupported:             methods,
			RevocationEndpointAuthSigningAlgValuesSupported:    algorithms,
			IntrospectionEndpointAuthMethodsSupported:          confidential,
			IntrospectionEndpointAuthSigningAlgValuesSupported: algorithms,
			ClaimTypesSupported:                                []string{"normal"},
			ClaimsSupported:                                    claimNames(),
			ClaimsParameterSupported:                           true,
			CodeChallengeMethodsSupported:                      []openid.CodeChallengeMethod{openid.CodeChallengeMethodS256},
			UILocalesSupported:                                 openid.Locales{language.Japanese, language.English},
			BackChannelLogoutSupported:                         true,
			BackChannelLogoutSessionSupported:                  true,
		},
		ACRValues:      p.Assurance.Values(),
		PushedRequests: at("par"),
		ResponseIssuer: true,
		PromptValues:   []string{openid.PromptNone, openid.PromptLogin, openid.PromptConsent, openid.PromptSelectAccount},
	}, nil
}

// claimNames returns those that a service may get.
func claimNames() []string {
	names := []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "sid"}
	for _, c := range claimTable {
		if !strings.Contains(c.name, "#") { // languages are not listed (OpenID Connect Discovery 1.0 §3)
			names = append(names, c.name)
		}
	}
	return names
}

// jwks publishes the keys that ID tokens and logout tokens are signed with.
func (p *Provider) jwks(_ http.ResponseWriter, r *http.Request) (any, error) {
	return p.Signing.Published(r.Context())
}

package federation

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"warifu/internal/directory"
	"warifu/internal/secret"
)

// Protocol is the language that a service speaks.
type Protocol string

// The protocols.
const (
	OIDC Protocol = "oidc"
	SAML Protocol = "saml"
)

// Require is what a service demands of every session, whatever a request asks.
type Require string

// The demands: any session, single-factor by REFEDS SFA, or multi-factor by
// REFEDS MFA.
const (
	RequireAny Require = "any"
	RequireSFA Require = "sfa"
	RequireMFA Require = "mfa"
)

// SubjectForm is how a service names a person.
type SubjectForm string

// The forms: a value of its own for each sector, or one value for all services.
const (
	Pairwise SubjectForm = "pairwise"
	Public   SubjectForm = "public"
)

// Text is a text in both languages.
type Text struct {
	Japanese string `yaml:"ja" json:"ja,omitempty"`
	English  string `yaml:"en" json:"en,omitempty"`
}

// In returns the text in a language, or in the other one if it lacks that.
func (t Text) In(lang string) string {
	if lang == "ja" && t.Japanese != "" || t.English == "" {
		return t.Japanese
	}
	return t.English
}

// Release says which attributes a service gets. What is in neither list is not
// given; without a value for a required one there is no assertion.
type Release struct {
	Required []string `yaml:"required" json:"required,omitempty"` // attributes without which there is no assertion
	Optional []string `yaml:"optional" json:"optional,omitempty"` // attributes that are given where they exist
}

// Allows reports whether the service may have the attribute.
func (r Release) Allows(attribute string) bool {
	return slices.Contains(r.Required, attribute) || slices.Contains(r.Optional, attribute)
}

// Without returns the policy less some optional attributes, and what says the same.
func (r Release) Without(withheld []string) Release {
	if len(withheld) == 0 {
		return r
	}
	gone := func(attribute string) bool { return slices.Contains(withheld, askedAs(attribute)) }
	return Release{Required: r.Required, Optional: slices.DeleteFunc(slices.Clone(r.Optional), gone)}
}

// ConsentMode says when people are asked before a service is told of them.
type ConsentMode string

// The modes. What changes is the names or the values of what the service is told.
const (
	ConsentNone     ConsentMode = "none"      // never: the institution has decided
	ConsentOnce     ConsentMode = "once"      // the first time
	ConsentOnChange ConsentMode = "on_change" // the first time, and when something has changed
	ConsentAlways   ConsentMode = "always"    // each time
)

// Service is a service that people reach through the sign-on.
type Service struct {
	ID              string      `yaml:"id" json:"id"`                                     // stable; it is in the audit trail
	Name            Text        `yaml:"name" json:"name"`                                 // in both languages, as people know the service
	Owner           Text        `yaml:"owner" json:"owner,omitzero"`                      // who runs it
	Protocol        Protocol    `yaml:"protocol" json:"protocol"`                         // oidc
	Address         string      `yaml:"address" json:"address,omitempty"`                 // where people begin, for the list on the home page
	Disabled        bool        `yaml:"disabled" json:"disabled,omitempty"`               // switched off; requests are refused
	Require         Require     `yaml:"require" json:"require,omitempty"`                 // default any
	AcceptFallback  bool        `yaml:"accept_fallback" json:"accept_fallback,omitempty"` // only with require: any
	DefaultACR      string      `yaml:"default_acr" json:"default_acr,omitempty"`         // a weaker true value, where nothing is asked
	Groups          []string    `yaml:"groups" json:"groups,omitempty"`                   // if given, only their members may come
	Subject         SubjectForm `yaml:"subject" json:"subject,omitempty"`                 // default pairwise
	Sector          string      `yaml:"sector" json:"sector,omitempty"`                   // default: the host of the return points, or the entityID
	Release         Release     `yaml:"release" json:"release,omitzero"`
	Consent         ConsentMode `yaml:"consent" json:"consent,omitempty"`        // default none
	PrivacyURL      Text        `yaml:"privacy_url" json:"privacy_url,omitzero"` // its privacy statement, for the page that asks for consent
	Feed            string      `yaml:"-" json:"feed,omitempty"`                 // the feed that its metadata are of
	RelyingParty    `yaml:",inline"`
	ServiceProvider `yaml:",inline"`
}

// The ways in which a relying party proves itself (OIDC Core 1.0 §9).
const (
	AuthBasic      = "client_secret_basic"
	AuthPost       = "client_secret_post"
	AuthPrivateKey = "private_key_jwt"
	AuthNone       = "none"
)

// The types of relying parties.
const (
	TypeWeb    = "web"
	TypeSPA    = "spa"
	TypeNative = "native"
)

// The forms of access tokens: one that we alone can read, or one that its
// audience can, and that counts there until its end.
const (
	AccessOpaque = "opaque"
	AccessJWT    = "jwt"
)

// RelyingParty is what a service that speaks OIDC has besides.
type RelyingParty struct {
	Type                   string   `yaml:"type" json:"type,omitempty"`                                           // web (default), spa, native
	Auth                   string   `yaml:"auth" json:"auth,omitempty"`                                           // default client_secret_basic
	Secrets                []string `yaml:"secret_sha256" json:"secret_sha256,omitempty"`                         // SHA-256 of its secrets, in hexadecimal digits
	SecretFile             string   `yaml:"secret_file" json:"-"`                                                 // read by [Service.ReadFiles]
	JWKSFile               string   `yaml:"jwks_file" json:"-"`                                                   // file with its public keys
	JWKS                   string   `yaml:"jwks" json:"jwks,omitempty"`                                           // public keys of private_key_jwt, as JSON
	RedirectURIs           []string `yaml:"redirect_uris" json:"redirect_uris,omitempty"`                         // where answers may go; compared byte by byte
	PostLogoutRedirectURIs []string `yaml:"post_logout_redirect_uris" json:"post_logout_redirect_uris,omitempty"` // where people may go after a logout
	BackchannelLogoutURI   string   `yaml:"backchannel_logout_uri" json:"backchannel_logout_uri,omitempty"`       // told of the end of a session
	Origins                []string `yaml:"origins" json:"origins,omitempty"`                                     // of scripts that may call us
	IDTokenAlg             string   `yaml:"id_token_alg" json:"id_token_alg,omitempty"`                           // ES256 (default) or RS256
	IDTokenClaims          bool     `yaml:"id_token_claims" json:"id_token_claims,omitempty"`                     // all claims in the ID token, too
	AccessToken            string   `yaml:"access_token" json:"access_token,omitempty"`                           // opaque (default) or jwt
	NameScript             string   `yaml:"name_script" json:"name_script,omitempty"`                             // ja: the unmarked names are Japanese
	DefaultACRValues       []string `yaml:"default_acr_values" json:"default_acr_values,omitempty"`               // levels that it wishes where a request names none
	DefaultMaxAge          Age      `yaml:"default_max_age" json:"default_max_age,omitempty"`                     // max_age where a request has none
	Introspect             bool     `yaml:"introspect" json:"introspect,omitempty"`                               // may introspect tokens of its audience
	Audience               string   `yaml:"audience" json:"audience,omitempty"`                                   // id of the service that its access tokens are for; default itself
	RequirePAR             bool     `yaml:"require_par" json:"require_par,omitempty"`                             // takes pushed requests only (RFC 9126)
}

// Encryption says whether what a service is told is encrypted.
type Encryption string

// The choices: encrypted if its metadata has a key, never without, or not at all.
const (
	EncryptionAuto     Encryption = "auto"
	EncryptionRequired Encryption = "required"
	EncryptionOff      Encryption = "off"
)

// NameID is the form of a person's name towards a service that does not ask for
// one: another with every session, or the service's own pairwise value.
type NameID string

// The forms.
const (
	Transient  NameID = "transient"
	Persistent NameID = "persistent"
)

// ServiceProvider is what a service that speaks SAML has besides.
type ServiceProvider struct {
	EntityID       string     `yaml:"entity_id" json:"entity_id,omitempty"`             // that of its metadata
	MetadataFile   string     `yaml:"metadata_file" json:"-"`                           // read by [Service.ReadFiles]
	Metadata       string     `yaml:"metadata" json:"metadata,omitempty"`               // its metadata, as XML; those of a feed, if neither is given
	Encryption     Encryption `yaml:"encryption" json:"encryption,omitempty"`           // auto (default), required, off
	NameID         NameID     `yaml:"name_id" json:"name_id,omitempty"`                 // transient (default) or persistent
	SignedRequests bool       `yaml:"signed_requests" json:"signed_requests,omitempty"` // unsigned ones are refused, whatever the metadata says
}

// ReadFiles takes in what the service has in files of its own: the secret, of
// which only the digest is kept, the public keys, and the metadata.
func (s *Service) ReadFiles(read func(name string) ([]byte, error)) error {
	if s.SecretFile != "" {
		text, err := read(s.SecretFile)
		if err != nil {
			return fmt.Errorf("service %q: secret_file: %w", s.ID, err)
		}
		s.Secrets = append(slices.Clone(s.Secrets), SecretDigest(strings.TrimSpace(string(text))))
	}
	if s.JWKSFile != "" {
		text, err := read(s.JWKSFile)
		if err != nil {
			return fmt.Errorf("service %q: jwks_file: %w", s.ID, err)
		}
		s.JWKS = string(text)
	}
	if s.MetadataFile != "" {
		text, err := read(s.MetadataFile)
		if err != nil {
			return fmt.Errorf("service %q: metadata_file: %w", s.ID, err)
		}
		s.Metadata = string(text)
	}
	return nil
}

// SecretDigest returns what is kept of a client's secret, which has 256 random
// bits: its SHA-256 in hexadecimal digits.
func SecretDigest(text string) string { return hex.EncodeToString(secret.Digest(text)) }

// Admits reports whether the person may use the service at all.
func (s Service) Admits(person directory.Subscriber) bool {
	return len(s.Groups) == 0 || slices.ContainsFunc(s.Groups, func(group string) bool {
		return slices.Contains(person.Groups, group)
	})
}

// SectorOf returns the sector within which the person has one pairwise value:
// the configured one, the entityID, or the one host of all return points (OIDC
// Core 1.0 §8.1).
func (s Service) SectorOf() string {
	if s.Sector != "" {
		return s.Sector
	}
	if s.EntityID != "" {
		return s.EntityID
	}
	if len(s.RedirectURIs) > 0 {
		return host(s.RedirectURIs[0])
	}
	return s.ID
}

// AudienceOf returns the id of the service that the access tokens are for.
func (s Service) AudienceOf() string {
	if s.Audience != "" {
		return s.Audience
	}
	return s.ID
}

// Alg returns the algorithm of the ID tokens; it is fixed per service.
func (s Service) Alg() string {
	if s.IDTokenAlg != "" {
		return s.IDTokenAlg
	}
	return "ES256"
}

// AuthMethod returns the one way in which the service may prove itself.
func (s Service) AuthMethod() string {
	if s.Auth != "" {
		return s.Auth
	}
	return AuthBasic
}

var serviceID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$`)

// Validate returns all faults of the service. Return points by plain http are
// faults, unless loopback says that we are reached by http on loopback
// ourselves (demonstration, tests).
func (s Service) Validate(loopback bool) (faults []error) {
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("service %q: "+format, append([]any{s.ID}, args...)...))
	}
	oneOf := func(field, value string, allowed ...string) {
		if value != "" && !slices.Contains(allowed, value) {
			fault("%s is %q, want one of %s", field, value, strings.Join(allowed, ", "))
		}
	}
	if !serviceID.MatchString(s.ID) {
		fault("the id must be 1 to 128 letters, digits and . _ ~ -")
	}
	if s.Name.Japanese == "" || s.Name.English == "" {
		fault("name.ja and name.en must be given")
	}
	oneOf("require", string(s.Require), string(RequireAny), string(RequireSFA), string(RequireMFA))
	oneOf("subject", string(s.Subject), string(Pairwise), string(Public))
	oneOf("consent", string(s.Consent), string(ConsentNone), string(ConsentOnce), string(ConsentOnChange), string(ConsentAlways))
	s.Release.validate(fault)
	for _, address := range []string{s.PrivacyURL.Japanese, s.PrivacyURL.English} {
		if address == "" {
			continue
		}
		if err := CheckAddress(address, loopback); err != nil {
			fault("privacy_url: %w", err)
		}
	}
	if s.AcceptFallback && s.Require != "" && s.Require != RequireAny {
		fault("accept_fallback goes with require: any alone")
	}
	if s.Protocol != OIDC && s.Protocol != SAML {
		fault("protocol is %q, want oidc or saml", s.Protocol)
	}
	if s.Protocol == OIDC {
		oneOf("type", s.Type, TypeWeb, TypeSPA, TypeNative)
		oneOf("auth", s.Auth, AuthBasic, AuthPost, AuthPrivateKey, AuthNone)
		oneOf("id_token_alg", s.IDTokenAlg, "ES256", "RS256")
		oneOf("access_token", s.AccessToken, AccessOpaque, AccessJWT)
		oneOf("name_script", s.NameScript, "ja")
		s.validateProof(fault)
		s.validateAddresses(fault, loopback)
	}
	if s.Protocol == SAML {
		oneOf("encryption", string(s.Encryption), string(EncryptionAuto), string(EncryptionRequired), string(EncryptionOff))
		oneOf("name_id", string(s.NameID), string(Transient), string(Persistent))
		if s.EntityID == "" {
			fault("entity_id is missing")
		}
	}
	return faults
}

// validate finds names that are no attribute. Under required such a name would stop
// everybody, and under optional nobody would miss what was meant.
func (r Release) validate(fault func(string, ...any)) {
	for _, list := range []struct {
		key   string
		names []string
	}{{"required", r.Required}, {"optional", r.Optional}} {
		for _, name := range list.names {
			if Label(name) == "" {
				fault("release.%s must be of %s; %q is not", list.key, strings.Join(Attributes(), ", "), name)
			}
		}
	}
}

func (s Service) validateProof(fault func(string, ...any)) {
	switch s.AuthMethod() {
	case AuthBasic, AuthPost:
		if len(s.Secrets) == 0 {
			fault("a secret is missing")
		}
		for _, digest := range s.Secrets {
			if raw, err := hex.DecodeString(digest); err != nil || len(raw) != 32 {
				fault("secret_sha256 must be 64 hexadecimal digits")
			}
		}
	case AuthPrivateKey:
		if s.JWKS == "" {
			fault("jwks is missing")
		}
	case AuthNone:
		if s.Type == "" || s.Type == TypeWeb {
			fault("auth: none is for the types spa and native")
		}
	}
}

func (s Service) validateAddresses(fault func(string, ...any), loopback bool) {
	if len(s.RedirectURIs) == 0 && !s.Introspect {
		fault("redirect_uris are missing")
	}
	hosts := make(map[string]bool)
	for _, uri := range s.RedirectURIs {
		hosts[host(uri)] = true
	}
	if len(hosts) > 1 && s.Sector == "" && s.Subject != Public {
		fault("redirect_uris have several hosts: sector must be given")
	}
	for _, uri := range slices.Concat(s.RedirectURIs, s.PostLogoutRedirectURIs) {
		if err := CheckAddress(uri, loopback || s.Type == TypeNative && isLoopback(uri)); err != nil {
			fault("%s: %w", uri, err)
		}
	}
	if s.BackchannelLogoutURI != "" {
		if err := CheckAddress(s.BackchannelLogoutURI, loopback); err != nil {
			fault("backchannel_logout_uri: %w", err)
		}
	}
	for _, origin := range s.Origins {
		if err := CheckAddress(origin, loopback); err != nil || Origin(origin) != origin {
			fault("origins: %q is not an origin", origin)
		}
	}
}

var (
	errAddress = errors.New("must be an absolute address without fragment, user, wildcard or white space")
	errHTTPS   = errors.New("must be https")
)

// CheckAddress holds a registered address to OIDC-2 and SAML-2: https, unless
// plain allows http.
func CheckAddress(address string, plain bool) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(address, "#*\\ \t\r\n") {
		return errAddress
	}
	if u.Scheme != "https" && !(plain && u.Scheme == "http") {
		return errHTTPS
	}
	return nil
}

func isLoopback(address string) bool {
	h := host(address)
	return h == "127.0.0.1" || h == "::1"
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Origin returns scheme, host and port of an address.
func Origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

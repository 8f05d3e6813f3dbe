package oidc

import (
	"slices"

	openid "github.com/zitadel/oidc/v3/pkg/oidc"

	"warifu/internal/directory"
	"warifu/internal/federation"
)

// The names of attributes in the release policy of a service.
const (
	attrName        = "name"
	attrUsername    = "username"
	attrLocale      = "locale"
	attrEmail       = "email"
	attrPrincipal   = "principal_name"
	attrAffiliation = "affiliation"
	attrScoped      = "scoped_affiliation"
	attrHome        = "home_organization"
)

// labels are the keys of the catalogue under which people know the attributes.
var labels = map[string]string{
	attrName: "attr.display_name", attrUsername: "common.id", attrEmail: "attr.mail", attrPrincipal: "attr.eppn",
	attrAffiliation: "attr.affiliation", attrScoped: "attr.affiliation", attrHome: "attr.home_org",
}

// claim is one of those that a service may get about a person. It gets it if a
// scope or the request names it, and its release policy names the attribute.
type claim struct {
	name      string
	scope     string
	attribute string
	value     func(subject) any // nil or empty: there is none
}

// subject is the person and the service that the claims are about.
type subject struct {
	directory.Subscriber
	service federation.Service
	policy  Policy
}

// claimTable is federation.md §2.2.
var claimTable = []claim{
	{"name", openid.ScopeProfile, attrName, func(s subject) any { return s.fullName() }},
	{"family_name", openid.ScopeProfile, attrName, func(s subject) any { return s.name().Family }},
	{"given_name", openid.ScopeProfile, attrName, func(s subject) any { return s.name().Given }},
	{"name#ja-Hani-JP", openid.ScopeProfile, attrName, func(s subject) any { return join(s.Japanese.Family, s.Japanese.Given) }},
	{"family_name#ja-Hani-JP", openid.ScopeProfile, attrName, func(s subject) any { return s.Japanese.Family }},
	{"given_name#ja-Hani-JP", openid.ScopeProfile, attrName, func(s subject) any { return s.Japanese.Given }},
	{"name#ja-Kana-JP", openid.ScopeProfile, attrName, func(s subject) any { return join(s.Kana.Family, s.Kana.Given) }},
	{"family_name#ja-Kana-JP", openid.ScopeProfile, attrName, func(s subject) any { return s.Kana.Family }},
	{"given_name#ja-Kana-JP", openid.ScopeProfile, attrName, func(s subject) any { return s.Kana.Given }},
	{"preferred_username", openid.ScopeProfile, attrUsername, func(s subject) any { return s.SPSID }},
	{"locale", openid.ScopeProfile, attrLocale, func(s subject) any { return s.Language }},
	{"updated_at", openid.ScopeProfile, attrName, func(s subject) any { return s.UpdatedAt.Unix() }},
	{"email", openid.ScopeEmail, attrEmail, func(s subject) any { return s.Mailbox }},
	{"email_verified", openid.ScopeEmail, attrEmail, func(s subject) any { return s.hasMailbox() }},
	{"eduperson_principal_name", scopeEduperson, attrPrincipal, func(s subject) any { return s.scoped(s.SPSID) }},
	{"eduperson_affiliation", scopeEduperson, attrAffiliation, func(s subject) any { return federation.Affiliations(s.Affiliation) }},
	{"eduperson_scoped_affiliation", scopeEduperson, attrScoped, func(s subject) any { return s.scopedAffiliations() }},
	{"schac_home_organization", scopeEduperson, attrHome, func(s subject) any { return s.policy.home() }},
}

// claimsOf returns the claims of a person for the scopes and for those that the
// request has named.
func (p *Provider) claimsOf(who directory.Subscriber, service federation.Service, scopes, named []string) map[string]any {
	about := subject{Subscriber: who, service: service, policy: p.Policy}
	claims := make(map[string]any)
	for _, c := range claimTable {
		if !service.Release.Allows(c.attribute) || !slices.Contains(scopes, c.scope) && !slices.Contains(named, c.name) {
			continue
		}
		if value := c.value(about); hasValue(value) {
			claims[c.name] = value
		}
	}
	return claims
}

// missing returns the attributes that the service must have and that the person
// has no value of. A name that is no attribute of ours is missing of everybody.
func (p *Provider) missing(who directory.Subscriber, service federation.Service) (missing []string) {
	about := subject{Subscriber: who, service: service, policy: p.Policy}
	for _, attribute := range service.Release.Required {
		if !slices.ContainsFunc(claimTable, func(c claim) bool { return c.attribute == attribute && hasValue(c.value(about)) }) {
			missing = append(missing, attribute)
		}
	}
	return missing
}

func hasValue(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []string:
		return len(v) > 0
	}
	return true
}

// name is the one without a mark: Latin, unless the service wants the Japanese
// one there.
func (s subject) name() directory.Name {
	if s.service.NameScript == "ja" && s.Japanese.Family != "" {
		return s.Japanese
	}
	return s.Latin
}

func (s subject) fullName() string {
	name := s.name()
	full := join(name.Given, name.Family)
	if name == s.Japanese {
		full = join(name.Family, name.Given)
	}
	if full == "" {
		return s.Display
	}
	return full
}

func join(first, second string) string {
	if first == "" || second == "" {
		return first + second
	}
	return first + " " + second
}

// hasMailbox is nil without one, so that nothing is said of it. The address is
// the institution's own, hence verified.
func (s subject) hasMailbox() any {
	if s.Mailbox == "" {
		return nil
	}
	return true
}

func (s subject) scopedAffiliations() (scoped []string) {
	for _, affiliation := range federation.Affiliations(s.Affiliation) {
		if value := s.scoped(affiliation); value != "" {
			scoped = append(scoped, value)
		}
	}
	return scoped
}

// scoped returns value@scope, empty if no scope is configured.
func (s subject) scoped(value string) string {
	if s.policy.Scope == "" {
		return ""
	}
	return value + "@" + s.policy.Scope
}

func (p Policy) home() string {
	if p.Organization != "" {
		return p.Organization
	}
	return p.Scope
}

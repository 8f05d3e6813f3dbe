package oidc

import (
	"context"
	"iter"
	"slices"

	openid "github.com/zitadel/oidc/v3/pkg/oidc"

	"warifu/internal/directory"
	"warifu/internal/federation"
)

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
	{"name", openid.ScopeProfile, federation.AttrName, func(s subject) any { return s.fullName() }},
	{"family_name", openid.ScopeProfile, federation.AttrName, func(s subject) any { return s.name().Family }},
	{"given_name", openid.ScopeProfile, federation.AttrName, func(s subject) any { return s.name().Given }},
	{"name#ja-Hani-JP", openid.ScopeProfile, federation.AttrName, func(s subject) any { return join(s.Japanese.Family, s.Japanese.Given) }},
	{"family_name#ja-Hani-JP", openid.ScopeProfile, federation.AttrName, func(s subject) any { return s.Japanese.Family }},
	{"given_name#ja-Hani-JP", openid.ScopeProfile, federation.AttrName, func(s subject) any { return s.Japanese.Given }},
	{"name#ja-Kana-JP", openid.ScopeProfile, federation.AttrName, func(s subject) any { return join(s.Kana.Family, s.Kana.Given) }},
	{"family_name#ja-Kana-JP", openid.ScopeProfile, federation.AttrName, func(s subject) any { return s.Kana.Family }},
	{"given_name#ja-Kana-JP", openid.ScopeProfile, federation.AttrName, func(s subject) any { return s.Kana.Given }},
	{"preferred_username", openid.ScopeProfile, federation.AttrUsername, func(s subject) any { return s.SPSID }},
	{"locale", openid.ScopeProfile, federation.AttrLocale, func(s subject) any { return s.Language }},
	{"updated_at", openid.ScopeProfile, federation.AttrName, func(s subject) any { return s.UpdatedAt.Unix() }},
	{"email", openid.ScopeEmail, federation.AttrEmail, func(s subject) any { return s.Mailbox }},
	{"email_verified", openid.ScopeEmail, federation.AttrEmail, func(s subject) any { return s.hasMailbox() }},
	{"eduperson_principal_name", scopeEduperson, federation.AttrPrincipal, func(s subject) any { return s.scoped(s.SPSID) }},
	{"eduperson_affiliation", scopeEduperson, federation.AttrAffiliation, func(s subject) any { return federation.Affiliations(s.Affiliation) }},
	{"eduperson_scoped_affiliation", scopeEduperson, federation.AttrScoped, func(s subject) any { return s.scopedAffiliations() }},
	{"eduperson_entitlement", scopeEduperson, federation.AttrEntitlement, func(s subject) any { return s.Academic.Entitlements }},
	{"eduperson_assurance", scopeEduperson, federation.AttrAssurance, func(s subject) any { return s.Academic.Assurance }},
	{"schac_home_organization", scopeEduperson, federation.AttrHome, func(s subject) any { return s.policy.home() }},
}

// claimsOf returns the claims of a person for the scopes and for those that the
// request of a grant has named, less what the person withholds.
func (p *Provider) claimsOf(g Grant, who directory.Subscriber, service federation.Service, scopes, named []string) map[string]any {
	service.Release = service.Release.Without(g.Withheld)
	claims := make(map[string]any)
	for c, value := range p.claims(who, service, scopes, named) {
		claims[c.name] = value
	}
	return claims
}

// claims are those of the table that a service gets, with their values.
func (p *Provider) claims(who directory.Subscriber, service federation.Service, scopes, named []string) iter.Seq2[claim, any] {
	about := subject{Subscriber: who, service: service, policy: p.Policy}
	return func(yield func(claim, any) bool) {
		for _, c := range claimTable {
			if !service.Release.Allows(c.attribute) || !slices.Contains(scopes, c.scope) && !slices.Contains(named, c.name) {
				continue
			}
			if value := c.value(about); hasValue(value) && !yield(c, value) {
				return
			}
		}
	}
}

// Told returns what an answer to a request tells a service of a person, in its
// tokens and at userinfo.
func (p *Provider) Told(ctx context.Context, request federation.Request, service federation.Service, who directory.Subscriber) (told federation.Disclosures, err error) {
	var name string
	err = p.View(ctx, func(tx Reader) error {
		name, err = p.knownSubject(ctx, tx, service, who)
		return err
	})
	attribute := federation.AttrPairwiseID
	if service.Subject == federation.Public {
		attribute = federation.AttrUniqueID
	}
	if name == "" {
		name = federation.PairwiseValue(p.Subjects, service.SectorOf(), who.ID)
	}
	told = told.Add(attribute, true, name)
	named := slices.Concat(request.Claims.UserInfo, request.Claims.IDToken)
	for c, value := range p.claims(who, service, request.Scopes, named) {
		required := slices.Contains(service.Release.Required, c.attribute)
		switch v := value.(type) {
		case string:
			told = told.Add(c.attribute, required, v)
		case []string:
			told = told.Add(c.attribute, required, v...)
		}
	}
	return told, err
}

// Missing returns the attributes that the service must have and that the person
// has no value of. A name that is no attribute of ours is missing of everybody.
func (p *Provider) Missing(_ context.Context, who directory.Subscriber, service federation.Service) (missing []string, err error) {
	about := subject{Subscriber: who, service: service, policy: p.Policy}
	for _, attribute := range service.Release.Required {
		if !slices.ContainsFunc(claimTable, func(c claim) bool { return c.attribute == attribute && hasValue(c.value(about)) }) {
			missing = append(missing, attribute)
		}
	}
	return missing, nil
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

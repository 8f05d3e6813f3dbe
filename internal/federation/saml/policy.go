package saml

import (
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"warifu/internal/federation"
)

// Policy is what an institution decides about SAML, and what its metadata say of
// it.
type Policy struct {
	// EntityID is the name of this identity provider, for ever; empty means the
	// address of its metadata. Who replaces another one keeps that one's.
	EntityID string `yaml:"entity_id"`
	// Scopes are the domains that identifiers and affiliations of other
	// institutions' services may end with; default the scope of the institution.
	Scopes []string `yaml:"scopes"`
	// HomeTypes say of what kind the institution is (schacHomeOrganizationType), such
	// as urn:schac:homeOrganizationType:int:university.
	HomeTypes []string `yaml:"home_organization_types"`
	// Description says in a sentence whom this sign-on serves.
	Description federation.Text `yaml:"description"`
	// InformationURL is a page about it.
	InformationURL federation.Text `yaml:"information_url"`
	// PrivacyURL is the privacy statement.
	PrivacyURL federation.Text `yaml:"privacy_url"`
	// OrganizationURL is the institution's own site.
	OrganizationURL federation.Text `yaml:"organization_url"`
	// Technical is the address that the administrators of services may write to.
	Technical string `yaml:"technical_contact"`
	// Support is the address that people may write to.
	Support string `yaml:"support_contact"`
	// Security is the address for incidents (Sirtfi).
	Security string `yaml:"security_contact"`
	// EntityAttributes are what our metadata say of us beyond the protocol.
	EntityAttributes EntityAttributes `yaml:"entity_attributes"`
	// AllowedAttributes are what services of feeds get if their metadata ask for it,
	// and no entity category says more or less: names as under release.
	AllowedAttributes []string `yaml:"allowed_attributes"`
	// Feeds are metadata of others; an earlier one beats a later one, and an own
	// record beats both.
	Feeds []Feed `yaml:"feeds"`

	// Institution and the rest are those of the whole configuration.
	Institution federation.Text `yaml:"-"`
	App         federation.Text `yaml:"-"`
	BaseURL     string          `yaml:"-"`
	Logo        []byte          `yaml:"-"`
	LogoType    string          `yaml:"-"` // ".svg" or ".png"
}

// EntityAttributes are lists of URIs, which a federation puts into its metadata
// after it has examined them.
type EntityAttributes struct {
	// Certifications are frameworks that the institution keeps to
	// (saml-identity-assurance-profile), such as https://refeds.org/sirtfi.
	Certifications []string `yaml:"assurance_certification"`
	// Supports are the entity categories whose services get what they ask for
	// (RFC 8409 §4).
	Supports []string `yaml:"category_support"`
}

var entityAttribute = regexp.MustCompile(`^(https?://|urn:)[!-~]+$`)

// homeType is of SCHAC 1.6.0, schacHomeOrganizationType.
var homeType = regexp.MustCompile(`^urn:schac:homeOrganizationType:[a-z]{2,3}:[!-~]+$`)

// Validate returns all faults of the policy.
func (p Policy) Validate() (faults []error) {
	if p.EntityID != "" && (federation.CheckAddress(p.EntityID, true) != nil && !strings.HasPrefix(p.EntityID, "urn:") || len(p.EntityID) > maxEntityID) {
		faults = append(faults, fmt.Errorf("entity_id must be an address or a urn of at most %d characters", maxEntityID))
	}
	for _, scope := range p.Scopes {
		if strings.ContainsAny(scope, "@ /") || scope == "" {
			faults = append(faults, fmt.Errorf("scopes must be domains, and %q is none", scope))
		}
	}
	for _, kind := range p.HomeTypes {
		if !homeType.MatchString(kind) {
			faults = append(faults, fmt.Errorf("home_organization_types must be urn:schac:homeOrganizationType: with a country and a kind, and %q is not", kind))
		}
	}
	for name, all := range map[string][]string{"assurance_certification": p.EntityAttributes.Certifications, "category_support": p.EntityAttributes.Supports} {
		for _, one := range all {
			if !entityAttribute.MatchString(one) {
				faults = append(faults, fmt.Errorf("entity_attributes.%s must be URIs, and %q is none", name, one))
			}
		}
	}
	for name, text := range map[string]federation.Text{"information_url": p.InformationURL, "privacy_url": p.PrivacyURL, "organization_url": p.OrganizationURL} {
		for _, address := range []string{text.Japanese, text.English} {
			if address != "" && federation.CheckAddress(address, true) != nil {
				faults = append(faults, fmt.Errorf("%s must be an address, and %q is none", name, address))
			}
		}
	}
	for name, address := range map[string]string{"technical_contact": p.Technical, "support_contact": p.Support, "security_contact": p.Security} {
		if parsed, err := mail.ParseAddress(address); address != "" && (err != nil || parsed.Address != address) {
			faults = append(faults, errors.New(name+" must be a mail address"))
		}
	}
	for _, name := range p.AllowedAttributes {
		if !slices.Contains(releaseNames(), name) {
			faults = append(faults, fmt.Errorf("allowed_attributes must be of %s; %q is not", strings.Join(releaseNames(), ", "), name))
		}
	}
	seen := make(map[string]bool)
	for i, feed := range p.Feeds {
		for _, fault := range feed.validate(strings.HasPrefix(p.BaseURL, "http://")) {
			faults = append(faults, fmt.Errorf("feeds[%d].%w", i, fault))
		}
		if seen[feed.ID] {
			faults = append(faults, fmt.Errorf("feeds[%d].id must be another than those before", i))
		}
		seen[feed.ID] = true
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return faults
}

// Feed returns the feed with the id.
func (p Policy) Feed(id string) (Feed, bool) {
	at := slices.IndexFunc(p.Feeds, func(feed Feed) bool { return feed.ID == id })
	if at < 0 {
		return Feed{}, false
	}
	return p.Feeds[at], true
}

// Name is our entityID.
func (p Policy) Name() string {
	if p.EntityID != "" {
		return p.EntityID
	}
	return p.BaseURL + metadataPath
}

// scope is the domain of identifiers, empty if there is none.
func (p Policy) scope() string {
	if len(p.Scopes) == 0 {
		return ""
	}
	return p.Scopes[0]
}

// CheckService returns what is wrong with the metadata of a service that speaks
// SAML, beyond what [federation.Service.Validate] sees. It may have none if they can
// come from a feed.
func (p Policy) CheckService(s federation.Service, loopback bool) error {
	if s.Protocol != federation.SAML || s.Metadata == "" && len(p.Feeds) > 0 {
		return nil
	}
	if s.Metadata == "" {
		return fmt.Errorf("service %q: metadata_file is missing, and there is no feed", s.ID)
	}
	entity, err := ParseMetadata([]byte(s.Metadata), loopback)
	if err == nil && entity.ID != s.EntityID {
		err = badMetadata("it is of %q", entity.ID)
	}
	if err == nil && s.SignedRequests && len(entity.Signing) == 0 {
		err = badMetadata("it has no key to verify requests by")
	}
	if err == nil {
		_, err = recipientOf(entity, s.Encryption)
	}
	if err != nil {
		return fmt.Errorf("service %q: %w", s.ID, err)
	}
	return nil
}

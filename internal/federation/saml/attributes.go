package saml

import (
	"regexp"
	"slices"
	"strings"

	"warifu/internal/directory"
	"warifu/internal/federation"
)

// about is the person and the service that attributes are of.
type about struct {
	directory.Subscriber
	policy   Policy
	service  federation.Service
	pairwise string // the service's own value of the person
}

// released is an attribute that the release policy of a service may name, with
// the SAML attributes that carry it. Several have one name where people would
// not tell them apart.
type released struct {
	release  string // its name in the release policy
	oid      string
	friendly string
	values   func(about) []string
}

// attributeTable is federation.md §3.4.
var attributeTable = []released{
	{federation.AttrName, "2.16.840.1.113730.3.1.241", "displayName", func(a about) []string { return one(a.displayName()) }},
	{federation.AttrName, "2.5.4.4", "sn", func(a about) []string { return one(a.Latin.Family) }},
	{federation.AttrName, "2.5.4.42", "givenName", func(a about) []string { return one(a.Latin.Given) }},
	{federation.AttrName, "1.3.6.1.4.1.32264.1.1.3", "jaDisplayName", func(a about) []string { return one(strings.TrimSpace(a.Japanese.Family + " " + a.Japanese.Given)) }},
	{federation.AttrName, "1.3.6.1.4.1.32264.1.1.1", "jasn", func(a about) []string { return one(a.Japanese.Family) }},
	{federation.AttrName, "1.3.6.1.4.1.32264.1.1.2", "jaGivenName", func(a about) []string { return one(a.Japanese.Given) }},
	{federation.AttrUsername, "0.9.2342.19200300.100.1.1", "uid", func(a about) []string { return one(a.SPSID) }},
	{federation.AttrEmail, "0.9.2342.19200300.100.1.3", "mail", func(a about) []string { return one(a.Mailbox) }},
	{federation.AttrLocale, "2.16.840.1.113730.3.1.39", "preferredLanguage", func(a about) []string { return one(a.Language) }},
	{federation.AttrPrincipal, "1.3.6.1.4.1.5923.1.1.1.6", "eduPersonPrincipalName", func(a about) []string { return a.scoped(strings.ToLower(a.SPSID)) }},
	{federation.AttrAffiliation, "1.3.6.1.4.1.5923.1.1.1.1", "eduPersonAffiliation", func(a about) []string { return federation.Affiliations(a.Affiliation) }},
	{federation.AttrScoped, "1.3.6.1.4.1.5923.1.1.1.9", "eduPersonScopedAffiliation", func(a about) []string { return a.scoped(federation.Affiliations(a.Affiliation)...) }},
	{federation.AttrUniqueID, "1.3.6.1.4.1.5923.1.1.1.13", "eduPersonUniqueId", func(a about) []string { return a.scoped(a.PublicID) }},
	{federation.AttrTargetedID, "1.3.6.1.4.1.5923.1.1.1.10", "eduPersonTargetedID", func(a about) []string { return one(a.pairwise) }},
	{federation.AttrOrg, "2.5.4.10", "o", func(a about) []string { return one(a.policy.Institution.English) }},
	{federation.AttrOrg, "1.3.6.1.4.1.32264.1.1.4", "jao", func(a about) []string { return one(a.policy.Institution.Japanese) }},
	{federation.AttrDepartment, "2.5.4.11", "ou", func(a about) []string { return one(a.Department.English) }},
	{federation.AttrDepartment, "1.3.6.1.4.1.32264.1.1.5", "jaou", func(a about) []string { return one(a.Department.Japanese) }},
	{federation.AttrHome, "1.3.6.1.4.1.25178.1.2.9", "schacHomeOrganization", func(a about) []string { return one(a.policy.scope()) }},
	{federation.AttrHomeType, "1.3.6.1.4.1.25178.1.2.10", "schacHomeOrganizationType", func(a about) []string { return a.policy.HomeTypes }},
	{federation.AttrUniqueCode, "1.3.6.1.4.1.25178.1.2.14", "schacPersonalUniqueCode", func(a about) []string { return a.Academic.UniqueCodes }},
	{federation.AttrORCID, "1.3.6.1.4.1.5923.1.1.1.16", "eduPersonOrcid", func(a about) []string { return prefixed("https://orcid.org/", a.Academic.ORCID) }},
	{federation.AttrEntitlement, "1.3.6.1.4.1.5923.1.1.1.7", "eduPersonEntitlement", func(a about) []string { return a.Academic.Entitlements }},
	{federation.AttrAssurance, "1.3.6.1.4.1.5923.1.1.1.11", "eduPersonAssurance", func(a about) []string { return a.Academic.Assurance }},
	{federation.AttrPersonCode, "1.3.6.1.4.1.32264.1.1.6", "gakuninScopedPersonalUniqueCode", func(a about) []string { return a.scoped(a.Academic.PersonCode) }},
	{federation.AttrGroups, "1.3.6.1.4.1.5923.1.5.1.1", "isMemberOf", func(a about) []string { return a.Groups }},
}

// The subject identifiers have names that are no OIDs (saml-subject-id-attr-v1.0).
var identifierTable = []released{
	{federation.AttrPairwiseID, "urn:oasis:names:tc:SAML:attribute:pairwise-id", "pairwise-id", about.pairwiseID},
	{federation.AttrSubjectID, "urn:oasis:names:tc:SAML:attribute:subject-id", "subject-id", func(a about) []string { return a.scoped(a.PublicID) }},
}

// needsPairwise reports whether the service gets its own value of a person in an
// attribute.
func needsPairwise(service federation.Service) bool {
	return service.Release.Allows(federation.AttrTargetedID) || service.Release.Allows(federation.AttrPairwiseID)
}

// told returns what the service may know of the person, as it is shown.
func (a about) told(form federation.NameID) (told federation.Disclosures) {
	if form == federation.Persistent {
		told = told.Add(federation.AttrPairwiseID, true, a.pairwise)
	}
	for _, r := range slices.Concat(attributeTable, identifierTable) {
		if values := r.values(a); a.service.Release.Allows(r.release) && len(values) > 0 {
			told = told.Add(r.release, slices.Contains(a.service.Release.Required, r.release), values...)
		}
	}
	return told
}

// attributes returns what the service may know of the person. The value of the
// targeted ID names both sides.
func (a about) attributes(idp string) (all []attribute) {
	for _, r := range slices.Concat(attributeTable, identifierTable) {
		values := r.values(a)
		if !a.service.Release.Allows(r.release) || len(values) == 0 {
			continue
		}
		name := r.oid
		if !strings.HasPrefix(name, "urn:") {
			name = "urn:oid:" + name
		}
		one := attribute{Name: name, FriendlyName: r.friendly, Values: values}
		if r.release == federation.AttrTargetedID {
			one.Values = nil
			one.NameIDs = []nameID{{Format: formatPersistent, Value: a.pairwise, NameQualifier: idp, SPNameQualifier: a.service.EntityID}}
		}
		all = append(all, one)
	}
	return all
}

// missing returns the attributes that the service must have and that the person
// has no value of. A name that is no attribute of ours is missing of everybody.
func (a about) missing() (missing []string) {
	for _, required := range a.service.Release.Required {
		has := slices.ContainsFunc(slices.Concat(attributeTable, identifierTable), func(r released) bool {
			return r.release == required && len(r.values(a)) > 0
		})
		if !has {
			missing = append(missing, required)
		}
	}
	return missing
}

// one is a value, or none if it is empty.
func one(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

func prefixed(prefix, value string) []string {
	if value == "" {
		return nil
	}
	return []string{prefix + value}
}

func (a about) displayName() string {
	if a.Latin.Family == "" {
		return a.Display
	}
	return strings.TrimSpace(a.Latin.Given + " " + a.Latin.Family)
}

// uniquePart is the form of what stands left of the @ (saml-subject-id-attr-v1.0 §3.3.1).
var uniquePart = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9=-]{0,126}$`)

// pairwiseID leaves out a value of a former identity provider that has no such form.
func (a about) pairwiseID() []string {
	if !uniquePart.MatchString(a.pairwise) {
		return nil
	}
	return a.scoped(a.pairwise)
}

// scoped returns value@scope; nothing without a scope.
func (a about) scoped(values ...string) (all []string) {
	for _, value := range values {
		if value != "" && a.policy.scope() != "" {
			all = append(all, value+"@"+a.policy.scope())
		}
	}
	return all
}

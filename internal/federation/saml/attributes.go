package saml

import (
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

// targetedID is the one attribute whose value is no text.
const targetedID = "targeted_id"

// attributeTable is federation.md §3.4, as far as the directory has values.
var attributeTable = []released{
	{"name", "2.16.840.1.113730.3.1.241", "displayName", func(a about) []string { return one(a.displayName()) }},
	{"name", "2.5.4.4", "sn", func(a about) []string { return one(a.Latin.Family) }},
	{"name", "2.5.4.42", "givenName", func(a about) []string { return one(a.Latin.Given) }},
	{"name", "1.3.6.1.4.1.32264.1.1.3", "jaDisplayName", func(a about) []string { return one(strings.TrimSpace(a.Japanese.Family + " " + a.Japanese.Given)) }},
	{"name", "1.3.6.1.4.1.32264.1.1.1", "jasn", func(a about) []string { return one(a.Japanese.Family) }},
	{"name", "1.3.6.1.4.1.32264.1.1.2", "jaGivenName", func(a about) []string { return one(a.Japanese.Given) }},
	{"username", "0.9.2342.19200300.100.1.1", "uid", func(a about) []string { return one(a.SPSID) }},
	{"email", "0.9.2342.19200300.100.1.3", "mail", func(a about) []string { return one(a.Mailbox) }},
	{"locale", "2.16.840.1.113730.3.1.39", "preferredLanguage", func(a about) []string { return one(a.Language) }},
	{"principal_name", "1.3.6.1.4.1.5923.1.1.1.6", "eduPersonPrincipalName", func(a about) []string { return a.scoped(strings.ToLower(a.SPSID)) }},
	{"affiliation", "1.3.6.1.4.1.5923.1.1.1.1", "eduPersonAffiliation", func(a about) []string { return federation.Affiliations(a.Affiliation) }},
	{"scoped_affiliation", "1.3.6.1.4.1.5923.1.1.1.9", "eduPersonScopedAffiliation", func(a about) []string { return a.scoped(federation.Affiliations(a.Affiliation)...) }},
	{"unique_id", "1.3.6.1.4.1.5923.1.1.1.13", "eduPersonUniqueId", func(a about) []string { return a.scoped(a.PublicID) }},
	{targetedID, "1.3.6.1.4.1.5923.1.1.1.10", "eduPersonTargetedID", func(a about) []string { return one(a.pairwise) }},
	{"organization", "2.5.4.10", "o", func(a about) []string { return one(a.policy.Institution.English) }},
	{"organization", "1.3.6.1.4.1.32264.1.1.4", "jao", func(a about) []string { return one(a.policy.Institution.Japanese) }},
	{"department", "2.5.4.11", "ou", func(a about) []string { return one(a.Department.English) }},
	{"department", "1.3.6.1.4.1.32264.1.1.5", "jaou", func(a about) []string { return one(a.Department.Japanese) }},
	{"home_organization", "1.3.6.1.4.1.25178.1.2.9", "schacHomeOrganization", func(a about) []string { return one(a.policy.scope()) }},
	{"groups", "1.3.6.1.4.1.5923.1.5.1.1", "isMemberOf", func(a about) []string { return a.Groups }},
}

// The subject identifiers have names that are no OIDs (saml-subject-id-attr-v1.0).
var identifierTable = []released{
	{"pairwise_id", "urn:oasis:names:tc:SAML:attribute:pairwise-id", "pairwise-id", func(a about) []string { return a.scoped(a.pairwise) }},
	{"subject_id", "urn:oasis:names:tc:SAML:attribute:subject-id", "subject-id", func(a about) []string { return a.scoped(a.PublicID) }},
}

// labels are the keys of the catalogue under which people know the attributes.
var labels = map[string]string{
	"name": "attr.display_name", "username": "common.id", "email": "attr.mail", "principal_name": "attr.eppn",
	"affiliation": "attr.affiliation", "scoped_affiliation": "attr.affiliation", "home_organization": "attr.home_org",
	"unique_id": "attr.unique_id", targetedID: "attr.pairwise", "pairwise_id": "attr.pairwise", "subject_id": "attr.unique_id",
	"organization": "attr.org", "department": "attr.unit", "groups": "attr.groups",
}

// needsPairwise reports whether the service gets its own value of a person in an
// attribute.
func needsPairwise(service federation.Service) bool {
	return service.Release.Allows(targetedID) || service.Release.Allows("pairwise_id")
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
		if r.release == targetedID {
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
	a.pairwise = "made when it is needed"
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

func (a about) displayName() string {
	if a.Latin.Family == "" {
		return a.Display
	}
	return strings.TrimSpace(a.Latin.Given + " " + a.Latin.Family)
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

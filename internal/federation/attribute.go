package federation

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// The names of attributes in the release policy of a service, which protocols
// share.
const (
	AttrName        = "name"
	AttrUsername    = "username"
	AttrLocale      = "locale"
	AttrEmail       = "email"
	AttrPrincipal   = "principal_name"
	AttrAffiliation = "affiliation"
	AttrScoped      = "scoped_affiliation"
	AttrHome        = "home_organization"
	AttrUniqueID    = "unique_id"
	AttrTargetedID  = "targeted_id" // the service's own value of a person
	AttrPairwiseID  = "pairwise_id" // the same, with a scope
	AttrSubjectID   = "subject_id"
	AttrOrg         = "organization"
	AttrDepartment  = "department"
	AttrGroups      = "groups"
	AttrORCID       = "orcid"
	AttrPersonCode  = "person_code"
	AttrEntitlement = "entitlement"
	AttrAssurance   = "assurance"
	AttrUniqueCode  = "unique_code"
	AttrHomeType    = "home_organization_type"
)

// labels are the keys of the catalogue under which people know the attributes.
var labels = map[string]string{
	AttrName: "attr.display_name", AttrUsername: "common.id", AttrLocale: "attr.language", AttrEmail: "attr.mail", AttrPrincipal: "attr.eppn",
	AttrAffiliation: "attr.affiliation", AttrScoped: "attr.scoped_affiliation", AttrHome: "attr.home_org", AttrUniqueID: "attr.unique_id",
	AttrTargetedID: "attr.pairwise", AttrPairwiseID: "attr.pairwise", AttrSubjectID: "attr.unique_id", AttrOrg: "attr.org",
	AttrDepartment: "attr.unit", AttrGroups: "attr.groups", AttrORCID: "attr.orcid", AttrPersonCode: "attr.person_code",
	AttrEntitlement: "attr.entitlement", AttrAssurance: "attr.assurance", AttrUniqueCode: "attr.unique_code", AttrHomeType: "attr.home_type",
}

// Label returns the key of the catalogue under which people know an attribute;
// empty if it is none of ours.
func Label(attribute string) string { return labels[attribute] }

// Attributes returns the names of all attributes, in the order of the alphabet.
func Attributes() []string { return slices.Sorted(maps.Keys(labels)) }

// alike are attributes that say the same as another one, and have its label: people
// are asked of both at once.
var alike = map[string]string{AttrTargetedID: AttrPairwiseID, AttrSubjectID: AttrUniqueID}

// askedAs returns the name under which people are asked of an attribute.
func askedAs(attribute string) string {
	if other, ok := alike[attribute]; ok {
		return other
	}
	return attribute
}

// Disclosure is an attribute that a service is told.
type Disclosure struct {
	Attribute string   // its name in the release policy, or that of one that says the same
	Values    []string // as the person can read them
	Required  bool     `json:"-"`
}

// Disclosures are all that a service is told of a person.
type Disclosures []Disclosure

// Add notes values of an attribute. One that says no more than another, as the
// family name beside the whole name, is not shown.
func (d Disclosures) Add(attribute string, required bool, values ...string) Disclosures {
	attribute = askedAs(attribute)
	at := slices.IndexFunc(d, func(known Disclosure) bool { return known.Attribute == attribute })
	if at < 0 {
		at, d = len(d), append(d, Disclosure{Attribute: attribute, Required: required})
	}
	all := slices.Concat(d[at].Values, values)
	d[at].Values = slices.DeleteFunc(slices.Clone(all), func(value string) bool {
		return value == "" || slices.ContainsFunc(all, func(other string) bool { return other != value && strings.Contains(other, value) })
	})
	d[at].Values = unique(d[at].Values)
	d[at].Required = d[at].Required || required
	return d
}

func unique(values []string) (kept []string) {
	for _, value := range values {
		if !slices.Contains(kept, value) {
			kept = append(kept, value)
		}
	}
	return kept
}

// Digest changes with the names and the values.
func (d Disclosures) Digest() []byte {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // there is nothing but texts
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

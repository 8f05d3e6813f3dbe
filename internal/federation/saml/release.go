package saml

import (
	"slices"

	"warifu/internal/federation"
)

// The entity categories that say what a service may have (REFEDS).
const (
	categoryAnonymous    = "https://refeds.org/category/anonymous"
	categoryPseudonymous = "https://refeds.org/category/pseudonymous"
	categoryPersonalized = "https://refeds.org/category/personalized"
	categoryResearch     = "http://refeds.org/category/research-and-scholarship"
)

// bundle is what a category stands for, in the names of the release policy.
type bundle struct {
	category    string
	attributes  []string
	identifiers []string // one of these besides, the first where the service asks for none
	always      bool     // the first identifier belongs to it also where none is asked for
}

// bundles are the categories, the poorest first.
var bundles = []bundle{
	{category: categoryAnonymous, attributes: []string{federation.AttrScoped, federation.AttrHome}},
	{category: categoryPseudonymous, attributes: []string{federation.AttrScoped, federation.AttrHome, federation.AttrAssurance}, identifiers: []string{federation.AttrPairwiseID}, always: true},
	{category: categoryPersonalized, attributes: []string{federation.AttrName, federation.AttrEmail, federation.AttrScoped, federation.AttrHome, federation.AttrAssurance},
		identifiers: []string{federation.AttrSubjectID, federation.AttrPairwiseID}, always: true},
	{category: categoryResearch, attributes: []string{federation.AttrPrincipal, federation.AttrName, federation.AttrEmail, federation.AttrScoped}, identifiers: []string{federation.AttrPairwiseID, federation.AttrSubjectID}},
}

// asks are the values of subject-id:req (saml-subject-id-attr-v1.0 §3.2).
var asks = map[string]string{"subject-id": federation.AttrSubjectID, "pairwise-id": federation.AttrPairwiseID, "any": federation.AttrPairwiseID}

// releaseOf returns what a service of a feed gets: what the poorest of its entity
// categories stands for; without one, what it asks for of what the institution
// allows; else nothing. Required is what the service says that it cannot be
// without, and the identifier that a category is about.
func releaseOf(r Record, allowed []string) (release federation.Release) {
	at := slices.IndexFunc(bundles, func(b bundle) bool { return slices.Contains(r.Categories, b.category) })
	if at < 0 {
		return releaseAsked(r, allowed)
	}
	b := bundles[at]
	switch asked := asks[r.SubjectID]; {
	case slices.Contains(b.identifiers, asked):
		release = with(release, asked, true)
	case b.always && r.SubjectID != "none":
		release = with(release, b.identifiers[0], true)
	}
	for _, name := range b.attributes {
		release = with(release, name, r.requires(name))
	}
	return release
}

// releaseAsked returns what a service without a category gets.
func releaseAsked(r Record, allowed []string) (release federation.Release) {
	for _, requested := range r.Requested {
		name := releaseName(requested.Name)
		if identifier := asks[r.SubjectID]; r.SubjectID != "" && isIdentifier(name) && name != identifier { // it has said so in the way that counts
			continue
		}
		if name != "" && slices.Contains(allowed, name) {
			release = with(release, name, r.requires(name))
		}
	}
	if name := asks[r.SubjectID]; name != "" && slices.Contains(allowed, name) {
		release = with(release, name, true)
	}
	return release
}

// with adds a name, once.
func with(release federation.Release, name string, required bool) federation.Release {
	switch {
	case release.Allows(name):
	case required:
		release.Required = append(release.Required, name)
	default:
		release.Optional = append(release.Optional, name)
	}
	return release
}

// requires reports whether the service says that it cannot be without an
// attribute.
func (r Record) requires(name string) bool {
	return asks[r.SubjectID] == name || slices.ContainsFunc(r.Requested, func(requested Requested) bool {
		return requested.Required && releaseName(requested.Name) == name
	})
}

func isIdentifier(name string) bool {
	return name == federation.AttrPairwiseID || name == federation.AttrSubjectID
}

// releaseName returns the name in the release policy of an attribute, empty if we
// have none of it.
func releaseName(name string) string {
	for _, r := range slices.Concat(attributeTable, identifierTable) {
		if name == r.oid || name == "urn:oid:"+r.oid {
			return r.release
		}
	}
	return ""
}

// releaseNames are all names that a release policy may have.
func releaseNames() (all []string) {
	for _, r := range slices.Concat(attributeTable, identifierTable) {
		if !slices.Contains(all, r.release) {
			all = append(all, r.release)
		}
	}
	return all
}

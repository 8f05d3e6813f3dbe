package saml

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// exclusiveForm is Exclusive XML Canonicalization 1.0 without comments. It is
// goxmldsig's, but for the order of attributes of several namespaces, which
// goxmldsig sorts by their names, and not by their namespaces first (Canonical XML
// 1.0 §2.2). It changes the element that it is given.
type exclusiveForm struct {
	prefixes string // that are kept although nothing seems to use them (§3)
}

var _ dsig.Canonicalizer = exclusiveForm{}

// Algorithm is the name of the form.
func (f exclusiveForm) Algorithm() dsig.AlgorithmID { return dsig.CanonicalXML10ExclusiveAlgorithmId }

// Canonicalize returns the octets of an element.
func (f exclusiveForm) Canonicalize(el *etree.Element) ([]byte, error) {
	if err := etreeutils.TransformExcC14n(el, f.prefixes, false); err != nil {
		return nil, fmt.Errorf("%w: %w", errXML, err)
	}
	descendants(el, sortAttributes)
	return serialize(el.Copy())
}

// prefixesOf are those that a method names.
func prefixesOf(method *etree.Element) string {
	return attr(child(method, exclusive, "InclusiveNamespaces"), "PrefixList")
}

// sortAttributes puts the attributes that have a prefix into the order of their
// namespaces. They are behind the declarations and those without one already.
func sortAttributes(el *etree.Element) {
	first := slices.IndexFunc(el.Attr, func(a etree.Attr) bool { return a.Space != "" && a.Space != "xmlns" })
	if first < 0 || first == len(el.Attr)-1 {
		return
	}
	slices.SortStableFunc(el.Attr[first:], func(a, b etree.Attr) int {
		return cmp.Or(cmp.Compare(namespaceOf(el, a.Space), namespaceOf(el, b.Space)), cmp.Compare(a.Key, b.Key))
	})
}

// namespaceOf returns what a prefix stands for at an element.
func namespaceOf(el *etree.Element, prefix string) string {
	if prefix == "xml" {
		return "http://www.w3.org/XML/1998/namespace"
	}
	for ; el != nil; el = el.Parent() {
		for _, a := range el.Attr {
			if a.Space == "xmlns" && a.Key == prefix {
				return a.Value
			}
		}
	}
	return ""
}

package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/beevik/etree"
	roundtrip "github.com/mattermost/xml-roundtrip-validator"
)

// The namespaces.
const (
	nsAssertion  = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsProtocol   = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsMetadata   = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature  = "http://www.w3.org/2000/09/xmldsig#"
	nsEncryption = "http://www.w3.org/2001/04/xmlenc#"
	nsAttribute  = "urn:oasis:names:tc:SAML:metadata:attribute"
	nsAlgorithm  = "urn:oasis:names:tc:SAML:metadata:algsupport"
	nsUI         = "urn:oasis:names:tc:SAML:metadata:ui"
	nsScope      = "urn:mace:shibboleth:metadata:1.0"
	nsREFEDS     = "http://refeds.org/metadata"
	nsAsync      = "urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo"
)

// limits bound what is read of a document. A zero means no limit of its own.
type limits struct {
	bytes    int
	depth    int
	tokens   int
	comments bool // may be inside of values: what is read has none
}

// messageLimits are those of a request (SAML-1), metadataLimits those of the
// metadata of one service.
var (
	messageLimits  = limits{bytes: 64 << 10, depth: 32, tokens: 5000}
	metadataLimits = limits{bytes: 1 << 20, depth: 32}
)

// errXML means that a text is not XML of the kind that we read.
var errXML = errors.New("saml: XML is refused")

func refuseXML(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errXML}, args...)...)
}

// readXML parses a document, after a scan that refuses all by which two readers
// could understand it differently (SAML-1).
func readXML(text []byte, l limits) (*etree.Element, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if len(text) > l.bytes {
		return nil, refuseXML("more than %d bytes", l.bytes)
	}
	if !utf8.Valid(text) {
		return nil, refuseXML("not UTF-8")
	}
	if err := (&scan{limits: l, ids: make(map[string]bool)}).run(text); err != nil {
		return nil, err
	}
	// Go's parser refuses by now what this one knows of; it stays for what it does not.
	if err := roundtrip.Validate(bytes.NewReader(text)); err != nil {
		return nil, fmt.Errorf("%w: %w", errXML, err)
	}
	doc := etree.NewDocument()
	doc.ReadSettings.MaxDepth = l.depth + 1
	if err := doc.ReadFromBytes(text); err != nil {
		return nil, fmt.Errorf("%w: %w", errXML, err)
	}
	return doc.Root(), nil
}

// scan looks at the raw tokens of a document.
type scan struct {
	limits
	ids    map[string]bool // nil: whether they are unique does not matter
	open   []opened
	tokens int
	roots  int
	begun  bool // there was a token
}

// opened is an element that has not ended.
type opened struct {
	name          xml.Name
	text, comment bool // it has some itself
}

func (s *scan) run(text []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(text))
	for {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errXML, err)
		}
		if s.tokens++; s.limits.tokens > 0 && s.tokens > s.limits.tokens {
			return refuseXML("more than %d tokens", s.limits.tokens)
		}
		if err := s.see(token); err != nil {
			return err
		}
		s.begun = true
	}
	if len(s.open) > 0 || s.roots != 1 {
		return refuseXML("not one whole element")
	}
	return nil
}

func (s *scan) see(token xml.Token) error {
	if _, ok := token.(xml.Directive); ok { //guard:A52
		return refuseXML("a document type")
	}
	switch t := token.(type) {
	case xml.ProcInst:
		if s.begun || t.Target != "xml" { //guard:A52
			return refuseXML("a processing instruction")
		}
	case xml.StartElement:
		return s.start(t)
	case xml.EndElement:
		return s.end(t)
	case xml.CharData:
		return s.text(t)
	case xml.Comment:
		if n := len(s.open); n > 0 {
			s.open[n-1].comment = true
		}
	}
	return nil
}

func (s *scan) start(t xml.StartElement) error {
	if len(s.open) == 0 {
		s.roots++
	}
	if len(s.open) == s.depth {
		return refuseXML("deeper than %d", s.depth)
	}
	s.open = append(s.open, opened{name: t.Name})
	seen := make(map[xml.Name]bool, len(t.Attr))
	for _, a := range t.Attr {
		if seen[a.Name] {
			return refuseXML("a repeated attribute")
		}
		seen[a.Name] = true
		if s.ids == nil || !strings.EqualFold(a.Name.Local, "ID") {
			continue
		}
		if a.Name.Space != "" || s.ids[a.Value] { //guard:A52
			return refuseXML("an ID that is not unique")
		}
		s.ids[a.Value] = true
	}
	return nil
}

func (s *scan) end(t xml.EndElement) error {
	n := len(s.open)
	if n == 0 || s.open[n-1].name != t.Name {
		return refuseXML("an end without its beginning")
	}
	if s.open[n-1].text && s.open[n-1].comment && !s.comments { //guard:A52
		return refuseXML("a comment inside a value")
	}
	s.open = s.open[:n-1]
	return nil
}

func (s *scan) text(t xml.CharData) error {
	if len(bytes.TrimSpace(t)) == 0 {
		return nil
	}
	n := len(s.open)
	if n == 0 {
		return refuseXML("text outside of the element")
	}
	s.open[n-1].text = true
	return nil
}

// is reports whether an element has this name.
func is(el *etree.Element, namespace, name string) bool {
	return el != nil && el.Tag == name && el.NamespaceURI() == namespace
}

// children returns the child elements with a name; none of nil.
func children(el *etree.Element, namespace, name string) (found []*etree.Element) {
	if el == nil {
		return nil
	}
	for _, child := range el.ChildElements() {
		if is(child, namespace, name) {
			found = append(found, child)
		}
	}
	return found
}

// child returns the first child element with a name, or nil.
func child(el *etree.Element, namespace, name string) *etree.Element {
	if el == nil {
		return nil
	}
	for _, c := range el.ChildElements() {
		if is(c, namespace, name) {
			return c
		}
	}
	return nil
}

// descendants calls see for an element and all below it.
func descendants(el *etree.Element, see func(*etree.Element)) {
	see(el)
	for _, c := range el.ChildElements() {
		descendants(c, see)
	}
}

// attr returns an attribute without a namespace, empty if there is none.
func attr(el *etree.Element, name string) string {
	if el != nil {
		for _, a := range el.Attr {
			if a.Space == "" && a.Key == name {
				return a.Value
			}
		}
	}
	return ""
}

// isTrue reads a boolean of XML Schema.
func isTrue(value string) bool { return value == "true" || value == "1" }

// text returns the whole text of an element, without the white space around it.
func text(el *etree.Element) string {
	if el == nil {
		return ""
	}
	var b strings.Builder
	for _, token := range el.Child {
		if t, ok := token.(*etree.CharData); ok {
			b.WriteString(t.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// sequence holds the children of an element to the order of its schema: each of
// the names at most once, or as often as there may be of one that ends in "*", and
// no others. A name is "namespace local".
func sequence(el *etree.Element, names ...string) error {
	last := -1
	for _, c := range el.ChildElements() {
		name := c.NamespaceURI() + " " + c.Tag
		at := slices.IndexFunc(names, func(n string) bool { return strings.TrimSuffix(n, "*") == name })
		again := at >= 0 && at == last && strings.HasSuffix(names[at], "*")
		if at <= last && !again { //guard:A52
			return refuseXML("%s in %s is unknown, repeated or in the wrong place", c.Tag, el.Tag)
		}
		last = at
	}
	return nil
}

// ncName is what an ID is made of, as far as it is written in ASCII (Namespaces
// in XML 1.0 §3).
var ncName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,255}$`)

// instant reads a time, which must be UTC (saml-core-2.0-os §1.3.3).
func instant(value string) (time.Time, error) {
	t, err := time.Parse("2006-01-02T15:04:05.999999999Z", value)
	if err != nil {
		return time.Time{}, refuseXML("an instant that is not UTC")
	}
	return t, nil
}

// written is a time as we write it.
func written(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// add appends an element, named prefix:local, with attributes in pairs.
func add(parent *etree.Element, name string, attributes ...string) *etree.Element {
	return attributed(parent.CreateElement(name), attributes...)
}

func attributed(el *etree.Element, attributes ...string) *etree.Element {
	for pair := range slices.Chunk(attributes, 2) {
		el.CreateAttr(pair[0], pair[1])
	}
	return el
}

// addText is [add] with a text. Characters that XML cannot carry are left out.
func addText(parent *etree.Element, name, value string, attributes ...string) *etree.Element {
	el := add(parent, name, attributes...)
	el.SetText(clean(value))
	return el
}

func clean(value string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF || r == utf8.RuneError {
			return -1
		}
		return r
	}, value)
}

// serialize writes an element as it was canonicalised: nothing is added.
func serialize(el *etree.Element) ([]byte, error) {
	doc := etree.NewDocumentWithRoot(el)
	doc.WriteSettings = etree.WriteSettings{CanonicalEndTags: true, CanonicalText: true, CanonicalAttrVal: true}
	return doc.WriteToBytes()
}

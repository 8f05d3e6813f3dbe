package saml

import (
	"bufio"
	"bytes"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/beevik/etree"
	roundtrip "github.com/mattermost/xml-roundtrip-validator"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// Check is what the metadata of a feed are held to.
type Check struct {
	Certificates [][]byte      `json:"certificates"` // of the signer, in DER
	MaxValidity  time.Duration `json:"max_validity"`
	Now          time.Time     `json:"now"`
	Loopback     bool          `json:"loopback,omitempty"` // addresses by plain http count
}

// Summary is what metadata say as a whole.
type Summary struct {
	ValidUntil    time.Time     `json:"valid_until"`
	CacheDuration time.Duration `json:"cache_duration,omitempty"` // 0: nothing is said
	Signer        string        `json:"signer"`                   // digest of the key
	Entities      int           `json:"entities"`
	Services      int           `json:"services"` // service providers that can be used
	LeftOut       int           `json:"left_out"` // those that cannot
	Faults        []string      `json:"faults,omitempty"`
}

// The limits of the metadata of a feed. An entity that is larger than one may be
// is left out; larger than a piece, and nothing can be verified.
const (
	maxFeed        = 64 << 20 // bytes (SAML-7)
	maxEntity      = 1 << 20
	maxPiece       = 4 << 20
	mostFaults     = 5 // that are told
	maxFaultLength = 300
	feedDepth      = 33 // that of one entity, within the root
)

// errFeed means that metadata are refused as a whole.
var errFeed = errors.New("saml: the metadata are refused")

func refuseFeed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errFeed}, args...)...)
}

// ReadFeed verifies metadata and calls each for every service provider in them.
// What it has been called with counts only if ReadFeed returns no error: the
// signature covers the whole, which has been read by then.
//
// An aggregate is read entity by entity, in the memory that the largest one
// takes. The canonical form of an element depends on what is around it, and not
// on what is beside it: each child of the root is made canonical alone, within the
// start tag and the end tag of the root, and what it has become between the two is
// hashed, and read.
func ReadFeed(r io.Reader, c Check, each func(Record) error) (Summary, error) {
	source := bufio.NewReader(r)
	if mark, _ := source.Peek(3); string(mark) == "\ufeff" {
		_, _ = source.Discard(len(mark)) // what was peeked at is there
	}
	a := &aggregate{check: c, each: each, window: &window{r: source},
		scan: scan{limits: limits{depth: feedDepth, comments: true}}, seen: make(map[string]bool)}
	a.decoder = xml.NewDecoder(a.window)
	if err := a.root(); err != nil {
		return Summary{}, err
	}
	if a.single {
		return a.summary, a.entityAlone()
	}
	if err := a.pieces(); err != nil {
		return Summary{}, err
	}
	if a.summary.Services == 0 {
		return Summary{}, refuseFeed("no service provider is in it")
	}
	return a.summary, nil
}

// aggregate is a document that is being read.
type aggregate struct {
	check   Check
	each    func(Record) error
	window  *window
	decoder *xml.Decoder
	scan    scan
	single  bool // the root is an entity itself
	summary Summary
	seen    map[string]bool // entityIDs

	open, close         []byte // the tags of the root, as they are written
	openForm, closeForm []byte // the same in canonical form
	signed              bool   // the signature has been read
	canonical           exclusiveForm
	hash                hash.Hash
	wanted              []byte // digest
}

// next returns the offset before and after the next token.
func (a *aggregate) next() (token xml.Token, before, after int64, err error) {
	before = a.decoder.InputOffset()
	token, err = a.decoder.RawToken()
	if errors.Is(err, io.EOF) {
		return nil, before, before, err
	}
	if err == nil {
		err = a.scan.see(token)
		a.scan.begun = true
	}
	after = a.decoder.InputOffset()
	if err != nil && !errors.Is(err, errXML) && !errors.Is(err, errFeed) {
		err = fmt.Errorf("%w: %w", errXML, err)
	}
	return token, before, after, err
}

// root reads up to the start tag of the root, and what that says.
func (a *aggregate) root() error {
	for {
		token, before, after, err := a.next()
		if errors.Is(err, io.EOF) {
			return refuseXML("nothing is in it")
		}
		if err != nil {
			return err
		}
		if start, ok := token.(xml.StartElement); ok {
			return a.begin(start.Name, bytes.Clone(a.window.slice(before, after)), after)
		}
	}
}

func (a *aggregate) begin(name xml.Name, tag []byte, after int64) error {
	if bytes.HasSuffix(tag, []byte("/>")) {
		return refuseFeed("no entity is in it")
	}
	a.open, a.close = tag, []byte("</"+qualified(name)+">")
	root, err := a.parse(nil)
	if err != nil {
		return err
	}
	a.single = is(root, nsMetadata, "EntityDescriptor")
	if !a.single && !is(root, nsMetadata, "EntitiesDescriptor") {
		return refuseFeed("want an EntitiesDescriptor or an EntityDescriptor")
	}
	if a.single {
		return nil
	}
	a.window.forget(after)
	return nil
}

func qualified(name xml.Name) string {
	if name.Space == "" {
		return name.Local
	}
	return name.Space + ":" + name.Local
}

// limit takes over until when the metadata are good.
func (a *aggregate) limit(root *etree.Element) error {
	end, err := time.Parse(time.RFC3339, attr(root, "validUntil"))
	if err != nil {
		return refuseFeed("validUntil is missing or no time")
	}
	if !a.check.Now.Before(end) { //guard:SAML-7
		return refuseFeed("validUntil, %s, is over", end.UTC().Format(time.RFC3339))
	}
	if end.Sub(a.check.Now) > a.check.MaxValidity { //guard:SAML-7
		return refuseFeed("validUntil, %s, is further ahead than max_validity", end.UTC().Format(time.RFC3339))
	}
	a.summary.ValidUntil = end.UTC()
	if value := attr(root, "cacheDuration"); value != "" {
		if a.summary.CacheDuration, err = duration(value); err != nil {
			return refuseFeed("cacheDuration")
		}
	}
	return nil
}

// entityAlone reads the rest of a document that describes one entity.
func (a *aggregate) entityAlone() error {
	if _, err := io.Copy(io.Discard, io.LimitReader(a.window, maxEntity+1)); err != nil {
		return err
	}
	root, err := readXML(a.window.bytes, metadataLimits)
	if err != nil {
		return err
	}
	var keys []*x509.Certificate
	if keys, err = a.keys(); err != nil {
		return err
	}
	for _, key := range keys {
		verified, err := verifyEnveloped(root, []*x509.Certificate{key})
		if err != nil { //guard:SAML-7
			continue
		}
		a.summary.Signer = signerOf(key)
		if err := a.limit(verified); err != nil {
			return err
		}
		if err := a.entity(verified, 0); err != nil {
			return err
		}
		if a.summary.Services == 0 {
			return refuseFeed("it is no service provider that can be used: %s", strings.Join(a.summary.Faults, ", "))
		}
		return nil
	}
	return errSignature
}

func (a *aggregate) keys() (all []*x509.Certificate, err error) {
	for _, der := range a.check.Certificates {
		key, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		all = append(all, key)
	}
	return all, nil
}

// pieces reads the children of the root, one after another, and compares at the
// end what they come to.
func (a *aggregate) pieces() error {
	cut := a.decoder.InputOffset()
	for {
		token, before, after, err := a.next()
		if errors.Is(err, io.EOF) {
			return refuseXML("it ends within an element")
		}
		if err != nil {
			return err
		}
		if text, ok := token.(xml.CharData); ok && len(a.scan.open) == 1 && len(bytes.TrimSpace(text)) > 0 {
			return refuseXML("text between the entities")
		}
		if _, ends := token.(xml.EndElement); !ends || len(a.scan.open) > 1 {
			continue
		}
		if len(a.scan.open) == 0 {
			if err := a.piece(a.window.slice(cut, before)); err != nil {
				return err
			}
			return a.end()
		}
		if err := a.piece(a.window.slice(cut, after)); err != nil {
			return err
		}
		a.window.forget(after)
		cut = after
	}
}

// end compares what the pieces come to, once nothing else follows.
func (a *aggregate) end() error {
	if err := a.rest(); err != nil {
		return err
	}
	a.hash.Write(a.closeForm)
	if subtle.ConstantTimeCompare(a.hash.Sum(nil), a.wanted) != 1 { //guard:SAML-7
		return errSignature
	}
	return nil
}

// rest reads what comes after the root, which can only be comments.
func (a *aggregate) rest() error {
	for {
		_, _, after, err := a.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && a.scan.roots != 1 {
			err = refuseXML("not one whole element")
		}
		if err != nil {
			return err
		}
		a.window.forget(after)
	}
}

// parse returns the root with a piece of its content alone.
func (a *aggregate) parse(piece []byte) (*etree.Element, error) {
	text := slices.Concat(a.open, piece, a.close)
	if !utf8.Valid(text) {
		return nil, refuseXML("not UTF-8")
	}
	if err := roundtrip.Validate(bytes.NewReader(text)); err != nil {
		return nil, fmt.Errorf("%w: %w", errXML, err)
	}
	return a.tree(text)
}

func (a *aggregate) tree(text []byte) (*etree.Element, error) {
	doc := etree.NewDocument()
	doc.ReadSettings.MaxDepth = feedDepth + 1
	if err := doc.ReadFromBytes(text); err != nil {
		return nil, fmt.Errorf("%w: %w", errXML, err)
	}
	return doc.Root(), nil
}

// piece takes one child of the root with the white space before it, or what is
// behind the last one.
func (a *aggregate) piece(raw []byte) error {
	root, err := a.parse(raw)
	if err != nil {
		return err
	}
	if !a.signed {
		return a.begunBySignature(root)
	}
	canonical, err := a.canonical.Canonicalize(root)
	if err != nil {
		return err
	}
	inner, err := a.within(canonical)
	if err != nil {
		return err
	}
	a.hash.Write(inner)
	if root, err = a.tree(canonical); err != nil { // what is hashed is read, and nothing else
		return err
	}
	for _, el := range root.ChildElements() {
		if err := a.child(el, len(raw)); err != nil {
			return err
		}
	}
	return nil
}

// within returns what is between the tags of the root.
func (a *aggregate) within(canonical []byte) ([]byte, error) {
	inner, ok := bytes.CutPrefix(canonical, a.openForm)
	if !ok {
		return nil, refuseXML("the root changes with its content")
	}
	if inner, ok = bytes.CutSuffix(inner, a.closeForm); !ok {
		return nil, refuseXML("the root changes with its content")
	}
	return inner, nil
}

// begunBySignature takes the first child of the root, which must be its
// signature (saml-metadata-2.0-os §2.3.1). A key of the feed must have signed it:
// else nothing more is read.
func (a *aggregate) begunBySignature(root *etree.Element) error {
	if err := checkShape(root); err != nil {
		return err
	}
	signature := child(root, nsSignature, "Signature")
	info, err := a.verifiedInfo(signature)
	if err != nil {
		return err
	}
	// What the key has signed is held to the same, and read, and nothing else.
	signature.RemoveChild(child(signature, nsSignature, "SignedInfo"))
	signature.InsertChildAt(0, info)
	if err := checkShape(root); err != nil {
		return err
	}
	reference := child(info, nsSignature, "Reference")
	if a.wanted, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text(child(reference, nsSignature, "DigestValue"))), "")); err != nil {
		return errSignature
	}
	a.hash = digestHashes[attr(child(reference, nsSignature, "DigestMethod"), "Algorithm")].New()
	transforms := child(reference, nsSignature, "Transforms").ChildElements()
	a.canonical = exclusiveForm{prefixesOf(transforms[len(transforms)-1])}
	root.RemoveChild(signature)
	a.signed = true
	return a.beginHash(root)
}

// beginHash hashes the start tag of the root, and what is before and behind the
// signature.
func (a *aggregate) beginHash(root *etree.Element) error {
	empty, err := a.parse(nil)
	if err != nil {
		return err
	}
	both, err := a.canonical.Canonicalize(empty)
	if err != nil {
		return err
	}
	a.closeForm = a.close
	var ok bool
	if a.openForm, ok = bytes.CutSuffix(both, a.closeForm); !ok {
		return refuseXML("the root has no end")
	}
	canonical, err := a.canonical.Canonicalize(root)
	if err != nil {
		return err
	}
	inner, err := a.within(canonical)
	if err != nil {
		return err
	}
	a.hash.Write(a.openForm)
	a.hash.Write(inner)
	if root, err = a.tree(both); err != nil { // what is hashed is read
		return err
	}
	return a.limit(root)
}

// verifiedInfo returns the SignedInfo of a signature as a key of the feed has
// signed it, parsed anew.
func (a *aggregate) verifiedInfo(signature *etree.Element) (*etree.Element, error) {
	info := child(signature, nsSignature, "SignedInfo")
	outer, err := etreeutils.NSBuildParentContext(info)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errXML, err)
	}
	alone, err := etreeutils.NSDetatch(outer, info)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errXML, err)
	}
	octets, err := exclusiveForm{prefixesOf(child(info, nsSignature, "CanonicalizationMethod"))}.Canonicalize(alone)
	if err != nil {
		return nil, err
	}
	value, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text(child(signature, nsSignature, "SignatureValue"))), ""))
	if err != nil {
		return nil, errSignature
	}
	keys, err := a.keys()
	if err != nil {
		return nil, err
	}
	d := &detached{octets: string(octets), algorithm: attr(child(info, nsSignature, "SignatureMethod"), "Algorithm"), value: value}
	verified := slices.IndexFunc(keys, func(key *x509.Certificate) bool { return d.verify([]*x509.Certificate{key}) == nil })
	if verified < 0 { //guard:SAML-7
		return nil, errSignature
	}
	a.summary.Signer = signerOf(keys[verified])
	return a.tree(octets)
}

// child takes a child of the root, of the length that it was written in.
func (a *aggregate) child(el *etree.Element, length int) error {
	switch {
	case is(el, nsMetadata, "EntitiesDescriptor"):
		a.leaveOut(errors.New("a group within the aggregate is not read"))
	case is(el, nsMetadata, "EntityDescriptor"):
		return a.entity(el, length)
	}
	return nil
}

// entity takes a service provider, and passes over what is none. One that cannot
// be used is left out; that the others are refused with it would help nobody.
func (a *aggregate) entity(el *etree.Element, length int) error {
	a.summary.Entities++
	if id := attr(el, "entityID"); a.seen[id] { //guard:SAML-7
		return refuseFeed("the entity %.200q is in it twice", id)
	} else if id != "" {
		a.seen[id] = true
	}
	if len(serviceRoles(el)) == 0 {
		return nil
	}
	record, err := readRecord(el, a.check.Loopback)
	switch {
	case err == nil && length > maxEntity:
		err = badMetadata("%s: longer than %d bytes", record.EntityID, maxEntity)
	case err == nil && !record.ValidUntil.IsZero() && !a.check.Now.Before(record.ValidUntil): //guard:SAML-7
		err = badMetadata("%s: it has run out", record.EntityID)
	}
	if err != nil {
		a.leaveOut(err)
		return nil
	}
	a.summary.Services++
	return a.each(record)
}

func (a *aggregate) leaveOut(why error) {
	a.summary.LeftOut++
	if len(a.summary.Faults) < mostFaults {
		a.summary.Faults = append(a.summary.Faults, told(why))
	}
}

// told is an error as people may see it: what it repeats of a document is in one
// line, and not long.
func told(err error) string {
	runes := []rune(strings.Join(strings.Fields(clean(err.Error())), " "))
	return string(runes[:min(len(runes), maxFaultLength)])
}

// window keeps what has been read since it was told to forget.
type window struct {
	r     io.Reader
	from  int64 // offset of the first byte that is kept
	bytes []byte
}

// Read keeps what it reads.
func (w *window) Read(p []byte) (int, error) {
	if w.from+int64(len(w.bytes)) > maxFeed { //guard:SAML-7
		return 0, refuseFeed("more than %d bytes", maxFeed)
	}
	if len(w.bytes) > maxPiece {
		return 0, refuseFeed("an entity is longer than %d bytes", maxPiece)
	}
	n, err := w.r.Read(p)
	w.bytes = append(w.bytes, p[:n]...)
	return n, err
}

// slice returns what is between two offsets, until more is read.
func (w *window) slice(from, to int64) []byte { return w.bytes[from-w.from : to-w.from] }

// forget drops what is before an offset.
func (w *window) forget(before int64) {
	n := copy(w.bytes, w.bytes[before-w.from:])
	w.bytes, w.from = w.bytes[:n], before
}

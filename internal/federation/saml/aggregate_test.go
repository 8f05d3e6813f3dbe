package saml

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// aggregate is a federation's metadata with some entities, not signed, in which
// old is replaced by new.
func aggregateOf(entities []string, replace ...string) string {
	text := `<?xml version="1.0" encoding="UTF-8"?>
<!-- the federation's -->
<md:EntitiesDescriptor xmlns:md="` + nsMetadata + `" xmlns:ds="` + nsSignature + `" xmlns:mdui="` + nsUI + `" xmlns:unused="urn:unused"
    Name="https://federation.example" ID="_agg1" validUntil="2026-04-15T09:00:00Z" cacheDuration="PT6H">
  <md:Extensions><mdrpi:PublicationInfo xmlns:mdrpi="` + nsRegistration + `" publisher="https://federation.example"/></md:Extensions>
  ` + strings.Join(entities, "\n  ") + `
</md:EntitiesDescriptor>
<!-- the end -->`
	return strings.NewReplacer(replace...).Replace(text)
}

// theirProvider describes a service provider by the number n, in which old is
// replaced by new.
func theirProvider(n int, replace ...string) string {
	text := `<md:EntityDescriptor entityID="https://sp` + fmt.Sprint(n) + `.example/shibboleth">
    <md:Extensions>
      <mdrpi:RegistrationInfo xmlns:mdrpi="` + nsRegistration + `" registrationAuthority="https://federation.example"/>
      <mdattr:EntityAttributes xmlns:mdattr="` + nsAttribute + `"><saml:Attribute xmlns:saml="` + nsAssertion + `" Name="` + categoryAttribute + `" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri">
        <saml:AttributeValue xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type="xs:string">https://refeds.org/category/pseudonymous</saml:AttributeValue></saml:Attribute></mdattr:EntityAttributes>
    </md:Extensions>
    <md:SPSSODescriptor protocolSupportEnumeration="` + nsProtocol + `"><md:Extensions><mdui:UIInfo xmlns:mdui="` + nsUI + `">
        <mdui:DisplayName xml:lang="ja">図書館 ` + fmt.Sprint(n) + `</mdui:DisplayName><mdui:DisplayName xml:lang="en">Library &amp; ` + fmt.Sprint(n) + `</mdui:DisplayName>
        <mdui:PrivacyStatementURL xml:lang="en">https://sp` + fmt.Sprint(n) + `.example/privacy</mdui:PrivacyStatementURL></mdui:UIInfo></md:Extensions>
      <md:KeyDescriptor><ds:KeyInfo xmlns:ds="` + nsSignature + `"><ds:X509Data><ds:X509Certificate>` + theirs.text() + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
      <md:SingleLogoutService Binding="` + bindingRedirect + `" Location="https://sp` + fmt.Sprint(n) + `.example/slo"/>
      <md:AssertionConsumerService Binding="` + bindingPost + `" Location="https://sp` + fmt.Sprint(n) + `.example/acs" index="1"></md:AssertionConsumerService>
      <md:AttributeConsumingService index="1"><md:ServiceName xml:lang="en">S</md:ServiceName>
        <md:RequestedAttribute Name="urn:oid:0.9.2342.19200300.100.1.3" FriendlyName="mail" isRequired="true"/>
        <md:RequestedAttribute Name="urn:oid:2.16.840.1.113730.3.1.241" FriendlyName="displayName"/></md:AttributeConsumingService>
    </md:SPSSODescriptor>
    <md:Organization><md:OrganizationName xml:lang="en">O</md:OrganizationName><md:OrganizationDisplayName xml:lang="ja">大学</md:OrganizationDisplayName><md:OrganizationURL xml:lang="en">https://o.example/</md:OrganizationURL></md:Organization>
  </md:EntityDescriptor>`
	return strings.NewReplacer(replace...).Replace(text)
}

// theirIdP describes an identity provider, which no feed of ours needs.
const theirIdP = `<md:EntityDescriptor entityID="https://idp.example/idp"><md:IDPSSODescriptor protocolSupportEnumeration="` + nsProtocol + `"/></md:EntityDescriptor>`

func providers(n int) (all []string) {
	for i := range n {
		all = append(all, theirProvider(i))
	}
	return all
}

// signedFeed puts a signature into metadata as a federation does: the first child
// of the root, over the whole at once, which changes nothing else.
func signedFeed(t testing.TB, text string, c Credential, inclusive string) string {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(text); err != nil {
		t.Fatal(err)
	}
	context := must(dsig.NewSigningContext(c.Signer, [][]byte{c.Certificate}))
	context.Canonicalizer = exclusiveForm{inclusive}
	signature := must(context.ConstructSignature(doc.Root().Copy(), true))
	if inclusive != "" {
		signature = withPrefixes(t, context, doc.Root().Copy(), inclusive)
	}
	at := beginOf(text)
	return text[:at] + string(must(serialize(signature))) + text[at:]
}

// beginOf returns the offset behind the start tag of the root.
func beginOf(text string) int64 {
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := decoder.RawToken()
		if _, ok := token.(xml.StartElement); ok || err != nil {
			return decoder.InputOffset()
		}
	}
}

// withPrefixes is a signature whose transform names prefixes; goxmldsig does not
// write the list.
func withPrefixes(t testing.TB, context *dsig.SigningContext, root *etree.Element, inclusive string) *etree.Element {
	t.Helper()
	signature := must(context.ConstructSignature(root, true))
	info := child(signature, nsSignature, "SignedInfo")
	transforms := child(child(info, nsSignature, "Reference"), nsSignature, "Transforms").ChildElements()
	list := transforms[1].CreateElement("ec:InclusiveNamespaces")
	list.CreateAttr("xmlns:ec", exclusive)
	list.CreateAttr("PrefixList", inclusive)
	alone := info.Copy()
	alone.CreateAttr("xmlns:ds", nsSignature)
	octets := must(exclusiveForm{}.Canonicalize(alone))
	child(signature, nsSignature, "SignatureValue").SetText(base64.StdEncoding.EncodeToString(must(signOctets(octets, Credential{Signer: ours.Signer}))))
	return signature
}

// check is what the feeds of the tests are held to: the key of ours stands for
// that of a federation.
func check() Check {
	return Check{Certificates: [][]byte{foreign.Certificate, ours.Certificate}, MaxValidity: 28 * 24 * time.Hour, Now: start}
}

func readFeed(text string, c Check) (all []Record, s Summary, err error) {
	s, err = ReadFeed(strings.NewReader(text), c, func(r Record) error {
		all = append(all, r)
		return nil
	})
	return all, s, err
}

// TestReadFeed reads what is to be known of each service provider of an aggregate.
func TestReadFeed(t *testing.T) {
	for name, inclusive := range map[string]string{"plain": "", "with prefixes": "unused md xs"} {
		text := signedFeed(t, aggregateOf(append(providers(3), theirIdP)), ours, inclusive)
		all, s, err := readFeed(text, check())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.Entities != 4 || s.Services != 3 || s.LeftOut != 0 || s.CacheDuration != 6*time.Hour || s.Signer != signerOf(ours.parsed()) ||
			!s.ValidUntil.Equal(time.Date(2026, 4, 15, 9, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: %+v", name, s)
		}
		r := all[1]
		if r.EntityID != "https://sp1.example/shibboleth" || r.Name.Japanese != "図書館 1" || r.Name.English != "Library & 1" || r.Owner.Japanese != "大学" ||
			r.PrivacyURL.English != "https://sp1.example/privacy" || r.Registrar != "https://federation.example" || len(r.Categories) != 1 ||
			len(r.Requested) != 2 || !r.Requested[0].Required || r.Requested[1].Required {
			t.Errorf("%s: %+v", name, r)
		}
		e, err := r.entity()
		if err != nil || len(e.Signing) != 1 || len(e.Encryption) != 1 || e.Consumers[0].Location != "https://sp1.example/acs" || len(e.Logouts) != 1 {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

// whole verifies an aggregate as [verifyEnveloped] does, all of it in memory, and
// returns the service providers in it. It says whether the signature is right.
func whole(t testing.TB, text string, keys ...Credential) (all []Record, right bool) {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(strings.TrimPrefix(text, "\ufeff")); err != nil || doc.Root() == nil {
		return nil, false
	}
	var certificates []*x509.Certificate
	for _, key := range keys {
		certificates = append(certificates, key.parsed())
	}
	root, err := verifyEnveloped(doc.Root(), certificates)
	if err != nil {
		return nil, false
	}
	for _, el := range children(root, nsMetadata, "EntityDescriptor") {
		if record, err := readRecord(el, false); err == nil {
			all = append(all, record)
		}
	}
	return all, true
}

// severalNamespaces is what goxmldsig sorts wrongly.
const severalNamespaces = "attributes of several namespaces"

// awkward are spellings that canonical form is about.
var awkward = map[string][]string{
	"as it is":                   nil,
	"no white space":             {"\n  <", "<", "\n    <", "<", "\n      <", "<", "\n        <", "<"},
	"lines of DOS":               {"\n", "\r\n"},
	"a carriage return":          {"\n  <md:Entity", "&#13;\n&#xD; \t<md:Entity"},
	"other quotes":               {`Name="https://federation.example"`, `Name='https://"federation".example'`},
	"references":                 {"Library &amp;", "&#x4c;ibrary &#38; &lt;&gt;&quot;&apos;&#10;"},
	"a literal section":          {"Library &amp; 1", "<![CDATA[Library & <b>]]>1"},
	"tabs in attributes":         {`index="1"`, `index="&#9;1&#10;"`},
	"comments":                   {"</md:Organization>", "</md:Organization><!-- a -->", "<md:ServiceName", "<!-- b --><md:ServiceName", "Library", "Lib<!-- c -->rary"},
	"the default namespace":      {"xmlns:md=", "xmlns=", "<md:", "<", "</md:", "</"},
	"declared again":             {"<md:SPSSODescriptor", `<md:SPSSODescriptor xmlns:md="` + nsMetadata + `"`},
	"another prefix":             {"<md:Organization>", `<o:Organization xmlns:o="` + nsMetadata + `">`, "</md:Organization>", "</o:Organization>"},
	"the same prefix, other":     {"<md:OrganizationName", `<x xmlns:md="urn:other"><md:y/></x><md:OrganizationName`},
	"no default":                 {"<md:OrganizationName", `<x xmlns="urn:other"><y xmlns=""/></x><md:OrganizationName`},
	"used in attributes alone":   {"<md:Organization>", `<md:Organization unused:a="1" c="3">`},
	severalNamespaces:            {"<md:Organization>", `<md:Organization unused:a="1" mdui:b="2" ds:b="2" c="3" xml:lang="en">`},
	"attributes out of order":    {`entityID=`, `z="1" a="2" xml:base="x" entityID=`},
	"short ends":                 {"></md:AssertionConsumerService>", "/>", "<md:Extensions>", "<md:Extensions >", "</md:EntityDescriptor>", "</md:EntityDescriptor >"},
	"beyond the basic plane":     {"図書館", "𠮷野家 é e\u0301 \u00a0"},
	"a signature of an entity":   {"<md:Extensions>\n      <mdrpi", `<ds:Signature><ds:SignedInfo/></ds:Signature><md:Extensions>` + "\n      <mdrpi"},
	"an ID of an entity":         {`<md:EntityDescriptor entityID`, `<md:EntityDescriptor ID="_agg2" entityID`},
	"a mark of the byte order":   {`<?xml version="1.0" encoding="UTF-8"?>`, "\ufeff"},
	"a root in several lines":    {` validUntil=`, "\n\tvalidUntil\n=\n"},
	"a root with its own quotes": {` Name="https`, ` xmlns:zz='urn:z' zz:a='&#9;&amp;"' Name="https`},
}

// TestReadFeedAsWhole comes to the same as goxmldsig does over the whole document,
// but for what that gets wrong, and as xmlsec1, which shares nothing with it.
func TestReadFeedAsWhole(t *testing.T) {
	xmlsec, err := exec.LookPath("xmlsec1")
	if err != nil {
		t.Fatalf("%v (make packages brings it)", err)
	}
	for name, replace := range awkward {
		for _, inclusive := range []string{"", "unused md mdui"} {
			text := aggregateOf(append(providers(3), theirIdP), replace...)
			feed := signedFeed(t, text, ours, inclusive)
			want, right := whole(t, feed, ours)
			if right == (name == severalNamespaces) {
				t.Errorf("%s: to goxmldsig right is %v", name, right)
			}
			got, _, err := readFeed(feed, check())
			if err != nil || len(got) != 3 || right && !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v\n got %+v\nwant %+v", name, err, got, want)
			}
			if output, err := verifiedByXMLSec(t, xmlsec, feed); err != nil {
				t.Errorf("%s: xmlsec1: %s", name, output)
			}
		}
	}
}

func verifiedByXMLSec(t testing.TB, xmlsec, text string) ([]byte, error) {
	t.Helper()
	document := filepath.Join(t.TempDir(), "feed.xml")
	if err := os.WriteFile(document, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return exec.CommandContext(t.Context(), xmlsec, "--verify", "--enabled-key-data", "rsa", "--pubkey-cert-pem", writePEM(t, "CERTIFICATE", ours.Certificate),
		"--id-attr:ID", nsMetadata+":EntitiesDescriptor", "--node-xpath", "/*/*[local-name()='Signature']", document).CombinedOutput()
}

// TestWrongFeed refuses as a whole what is not as the federation has signed it, or
// is no more. SAML-7, A54.
func TestWrongFeed(t *testing.T) {
	text := aggregateOf(providers(3))
	good := signedFeed(t, text, ours, "")
	signature := part(t, good, "<ds:Signature ", "</ds:Signature>")
	info := part(t, signature, "<ds:SignedInfo", "</ds:SignedInfo>")
	later := signedFeed(t, aggregateOf(providers(3), "2026-04-15", "2026-04-30"), ours, "")
	over := signedFeed(t, aggregateOf(providers(3), "2026-04-15", "2026-03-31"), ours, "")
	exact := signedFeed(t, aggregateOf(providers(3), "2026-04-15T09:00:00Z", "2026-04-01T09:00:00Z"), ours, "")
	for name, feed := range map[string]string{
		"not signed":                    text,
		"another key":                   signedFeed(t, text, theirs, ""),
		"a changed address":             strings.Replace(good, "https://sp1.example/acs", "https://sp1.evil.example/acs", 1),
		"a changed end":                 strings.Replace(good, "2026-04-15", "2026-04-16", 1),
		"a changed entity, not read":    strings.Replace(good, "mdrpi:PublicationInfo", "mdrpi:PublicationPath", 1),
		"an entity less":                cut(t, good, `<md:EntityDescriptor entityID="https://sp0`, "</md:EntityDescriptor>"),
		"an entity more":                strings.Replace(good, "\n</md:EntitiesDescriptor>", theirProvider(9)+"\n</md:EntitiesDescriptor>", 1),
		"white space more":              strings.Replace(good, "\n</md:EntitiesDescriptor>", "\n\n</md:EntitiesDescriptor>", 1),
		"two entities swapped":          strings.NewReplacer("sp1.example", "sp2.example", "sp2.example", "sp1.example").Replace(good),
		"a changed digest":              strings.Replace(good, info, strings.Replace(info, "<ds:DigestValue>", "<ds:DigestValue>AAAA", 1), 1),
		"the signature of another":      strings.Replace(good, signature, part(t, later, "<ds:Signature ", "</ds:Signature>"), 1),
		"the signature last":            strings.Replace(strings.Replace(good, signature, "", 1), "\n</md:EntitiesDescriptor>", signature+"\n</md:EntitiesDescriptor>", 1),
		"two signatures":                strings.Replace(good, signature, signature+signature, 1),
		"a signature more, at the end":  strings.Replace(good, "\n</md:EntitiesDescriptor>", signature+"\n</md:EntitiesDescriptor>", 1),
		"a signed one in another":       aggregateOf([]string{strings.TrimPrefix(good, `<?xml version="1.0" encoding="UTF-8"?>`)}),
		"behind it another":             good + aggregateOf(providers(1))[len(`<?xml version="1.0" encoding="UTF-8"?>`):],
		"a document type":               strings.Replace(good, "<!-- the federation's -->", "<!DOCTYPE x>", 1),
		"an instruction":                strings.Replace(good, "<!-- the federation's -->", "<?php x?>", 1),
		"an entity by a document type":  strings.Replace(good, "<!-- the federation's -->", `<!DOCTYPE x [<!ENTITY a "b">]>`, 1),
		"another reference":             strings.Replace(good, `ID="_agg1"`, `ID="_agg2"`, 1),
		"SHA-1":                         strings.Replace(good, dsig.RSASHA256SignatureMethod, dsig.RSASHA1SignatureMethod, 1),
		"a text between":                signedFeed(t, aggregateOf([]string{theirProvider(0), "text", theirProvider(1)}), ours, ""),
		"no end":                        signedFeed(t, aggregateOf(providers(3), ` validUntil="2026-04-15T09:00:00Z"`, ""), ours, ""),
		"an end that is no time":        signedFeed(t, aggregateOf(providers(3), "2026-04-15T09:00:00Z", "tomorrow"), ours, ""),
		"good for too long":             later,
		"over":                          over,
		"over just now":                 exact,
		"an entity twice":               signedFeed(t, aggregateOf(append(providers(3), theirProvider(1))), ours, ""),
		"a name of two entities":        signedFeed(t, aggregateOf([]string{theirProvider(1), strings.Replace(theirIdP, "https://idp.example/idp", "https://sp1.example/shibboleth", 1)}), ours, ""),
		"no service provider":           signedFeed(t, aggregateOf([]string{theirIdP}), ours, ""),
		"nothing":                       "",
		"garbage":                       "\x00\x01garbage",
		"a page":                        "<!DOCTYPE html><html><body>down for maintenance</body></html>",
		"another root":                  "<x/>",
		"an empty root":                 `<md:EntitiesDescriptor xmlns:md="` + nsMetadata + `"/>`,
		"cut off":                       good[:len(good)/2],
		"cut off at an entity":          good[:strings.LastIndex(good, "</md:EntityDescriptor>")],
		"an entity without end":         signedFeed(t, text, ours, "")[:beginOf(text)+50] + strings.Repeat("<a>", 5<<20),
		"a long value":                  strings.Replace(good, "<md:Extensions>", "<md:Extensions>"+strings.Repeat("x", 5<<20), 1),
		"not UTF-8":                     strings.Replace(good, "図書館", "\xff", 1),
		"another encoding":              strings.Replace(good, "UTF-8", "ISO-8859-1", 1),
		"a prefix that nobody declares": strings.Replace(good, "<md:Organization>", "<md:Organization><zz:a/>", 1),
	} {
		if all, s, err := readFeed(feed, check()); err == nil {
			t.Errorf("%s: %d read, %+v", name, len(all), s)
		}
	}
	if _, _, err := readFeed(good, check()); err != nil {
		t.Errorf("good: %v", err)
	}
}

// TestFlippedFeed refuses an aggregate of which one byte has been changed, unless
// the change is in what no signature covers or canonical form drops.
func TestFlippedFeed(t *testing.T) {
	good := cut(t, signedFeed(t, aggregateOf(providers(1), "  <md:Ext", "<md:Ext"), ours, ""), "<ds:KeyInfo>", "</ds:KeyInfo>")
	want, _, err := readFeed(good, check())
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(good); i += stride() {
		changed := []byte(good)
		changed[i] ^= 1
		if got, _, err := readFeed(string(changed), check()); err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("byte %d changed: %s", i, changed[max(0, i-20):min(len(good), i+20)])
		}
	}
}

// TestLongFeed reads no more than 64 MiB. A54.
func TestLongFeed(t *testing.T) {
	source := &endless{first: []byte(signedFeed(t, aggregateOf(providers(1)), ours, "")), again: []byte("<!-- " + strings.Repeat("x", 10_000) + " -->")}
	_, err := ReadFeed(source, check(), func(Record) error { return nil })
	if !errors.Is(err, errFeed) || source.n > maxFeed+1<<20 {
		t.Errorf("%v after %d bytes", err, source.n)
	}
}

// endless begins as one text and goes on with another, for longer than anybody may
// read.
type endless struct {
	first, again []byte
	n            int
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.first) == 0 {
		e.first = e.again
	}
	if e.n > 2*maxFeed {
		return 0, io.EOF
	}
	n := copy(p, e.first)
	e.first = e.first[n:]
	e.n += n
	return n, nil
}

// TestEntityLeftOut leaves out an entity that cannot be used, counts it, and reads
// the others. A54.
func TestEntityLeftOut(t *testing.T) {
	for name, replace := range map[string][]string{
		"no address":         {bindingPost, "x"},
		"no https":           {`Location="https://sp1.example/acs"`, `Location="http://sp1.example/acs"`},
		"a broken key":       {"<ds:X509Certificate>", "<ds:X509Certificate>AAAA"},
		"it has run out":     {"<md:EntityDescriptor", `<md:EntityDescriptor validUntil="2026-03-01T00:00:00Z"`},
		"its role has":       {"<md:SPSSODescriptor", `<md:SPSSODescriptor validUntil="2026-03-01T00:00:00Z"`},
		"an end that is no":  {"<md:EntityDescriptor", `<md:EntityDescriptor validUntil="x"`},
		"no name":            {`entityID="https://sp1.example/shibboleth"`, ""},
		"a name with spaces": {`https://sp1.example/shibboleth`, "a b"},
		"a long name":        {`https://sp1.example/shibboleth`, strings.Repeat("x", 1025)},
		"long":               {"<md:Organization>", "<md:Organization>" + strings.Repeat("<x/>", 300_000)},
		"two roles":          {"</md:SPSSODescriptor>", `</md:SPSSODescriptor><md:SPSSODescriptor protocolSupportEnumeration="` + nsProtocol + `"/>`},
		"a group":            {"<md:EntityDescriptor", "<md:EntitiesDescriptor><md:EntityDescriptor", "</md:EntityDescriptor>", "</md:EntityDescriptor></md:EntitiesDescriptor>"},
	} {
		feed := signedFeed(t, aggregateOf([]string{theirProvider(0), theirProvider(1, replace...), theirProvider(2)}), ours, "")
		all, s, err := readFeed(feed, check())
		if err != nil || len(all) != 2 || all[1].EntityID != "https://sp2.example/shibboleth" || s.Services != 2 || s.LeftOut != 1 || len(s.Faults) != 1 {
			t.Errorf("%s: %d read, %+v, %v", name, len(all), s, err)
		}
	}
	old := signedFeed(t, aggregateOf([]string{theirProvider(0), theirProvider(1, nsProtocol, "urn:oasis:names:tc:SAML:1.1:protocol")}), ours, "")
	if all, s, err := readFeed(old, check()); err != nil || len(all) != 1 || s.LeftOut != 0 {
		t.Errorf("one that speaks SAML 1.1 alone: %+v, %v", s, err)
	}
}

// TestReadEntity reads the signed metadata of one entity, too.
func TestReadEntity(t *testing.T) {
	alone := theirProvider(1, "<md:EntityDescriptor", `<md:EntityDescriptor xmlns:md="`+nsMetadata+`" ID="_e" validUntil="2026-04-02T00:00:00Z" cacheDuration="P1DT1M2.5S"`)
	good := signedFeed(t, alone, ours, "")
	all, s, err := readFeed(good, check())
	if err != nil || len(all) != 1 || all[0].EntityID != "https://sp1.example/shibboleth" || s.Services != 1 || s.CacheDuration != 24*time.Hour+62*time.Second || s.Signer != signerOf(ours.parsed()) {
		t.Errorf("%+v, %+v, %v", all, s, err)
	}
	for name, text := range map[string]string{
		"not signed":  alone,
		"another key": signedFeed(t, alone, theirs, ""),
		"changed":     strings.Replace(good, "sp1.example/acs", "sp1.evil/acs", 1),
		"no end":      signedFeed(t, strings.Replace(alone, ` validUntil="2026-04-02T00:00:00Z"`, "", 1), ours, ""),
		"long":        strings.Replace(good, "<md:Organization>", "<md:Organization>"+strings.Repeat("<x/>", 300_000), 1),
		"no address":  signedFeed(t, strings.Replace(alone, bindingPost, "x", 1), ours, ""),
	} {
		if all, s, err := readFeed(text, check()); err == nil {
			t.Errorf("%s: %+v, %+v", name, all, s)
		}
	}
}

// FuzzReadFeed signs whatever it is given, as a whole, and wants that the reading
// in pieces agrees, and reads the same. The canonical form of the whole is
// goxmldsig's, where that sorts rightly.
func FuzzReadFeed(f *testing.F) {
	for _, replace := range awkward {
		f.Add(aggregateOf(append(providers(2), theirIdP), replace...))
	}
	f.Add(theirIdP)
	private, _ := curve.Signer.(*ecdsa.PrivateKey)
	c := check()
	c.Certificates = [][]byte{curve.Certificate}
	f.Fuzz(func(t *testing.T, text string) {
		at := beginOf(text)
		doc := etree.NewDocument()
		if err := doc.ReadFromString(strings.TrimPrefix(text, "\ufeff")); err != nil || doc.Root() == nil || at < 2 || text[at-2] == '/' {
			return
		}
		ours, err1 := exclusiveForm{}.Canonicalize(doc.Root().Copy())
		theirs, err2 := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(doc.Root().Copy())
		sorts := sortsRightly(doc.Root())
		if sorts && (err1 == nil) != (err2 == nil) || sorts && !bytes.Equal(ours, theirs) {
			t.Errorf("canonical form\n%q, %v, to goxmldsig\n%q, %v", ours, err1, theirs, err2)
		}
		context := must(dsig.NewSigningContext(rawSigner{private}, [][]byte{curve.Certificate}))
		context.Canonicalizer = exclusiveForm{}
		signature, err := context.ConstructSignature(doc.Root().Copy(), true)
		if err != nil || attr(doc.Root(), "ID") == "" {
			return
		}
		feed := text[:at] + string(must(serialize(signature))) + text[at:]
		got, _, err := readFeed(feed, c)
		if !sorts {
			return
		}
		want, right := whole(t, feed, curve)
		if err == nil && !right || right && errors.Is(err, errSignature) {
			t.Errorf("read: %v, right to goxmldsig: %v", err, right)
		}
		for _, record := range got {
			if err == nil && !slices.ContainsFunc(want, func(r Record) bool { return reflect.DeepEqual(r, record) }) {
				t.Errorf("read %+v, want one of %+v", record, want)
			}
		}
	})
}

// sortsRightly reports whether no element has prefixed attributes of several
// namespaces.
func sortsRightly(root *etree.Element) bool {
	right := true
	descendants(root, func(el *etree.Element) {
		prefix := ""
		for _, a := range el.Attr {
			if a.Space != "" && a.Space != "xmlns" {
				right = right && (prefix == "" || prefix == a.Space)
				prefix = a.Space
			}
		}
	})
	return right
}

// largeFeed is a signed aggregate of many service providers, in the size that
// those of the academic federations have: 4,200 bytes each. It is written in
// canonical form, so that it need not be held as a tree to be signed.
func largeFeed(t testing.TB, n int) string {
	t.Helper()
	const number = "4711"
	pad := "<md:ContactPerson contactType=\"technical\"><md:Company>" + strings.Repeat("A company. ", 110) + "</md:Company></md:ContactPerson>"
	text := aggregateOf([]string{theirProvider(0, "sp0.example", "sp"+number+".example", "図書館 0", "図書館 "+number, "&amp; 0", "&amp; "+number, "</md:Organization>", "</md:Organization>"+pad)})
	canonical := string(must(exclusiveForm{}.Canonicalize(element(t, text))))
	from, to := strings.Index(canonical, "<md:EntityDescriptor"), strings.LastIndex(canonical, "</md:EntitiesDescriptor>")
	var b strings.Builder
	b.WriteString(canonical[:from])
	for i := range n {
		b.WriteString(strings.ReplaceAll(canonical[from:to], number, fmt.Sprint(i)))
	}
	b.WriteString(canonical[to:])
	return signedText(t, b.String())
}

// signedText signs what is in canonical form already.
func signedText(t testing.TB, canonical string) string {
	t.Helper()
	root := element(t, canonical[:beginOf(canonical)]+"</md:EntitiesDescriptor>")
	context := must(dsig.NewSigningContext(ours.Signer, [][]byte{ours.Certificate}))
	context.Canonicalizer = canonicalAlready(canonical)
	signature := must(context.ConstructSignature(root, true))
	at := beginOf(canonical)
	return canonical[:at] + string(must(serialize(signature))) + canonical[at:]
}

// canonicalAlready is what the element of the name EntitiesDescriptor comes to.
type canonicalAlready string

func (canonicalAlready) Algorithm() dsig.AlgorithmID { return dsig.CanonicalXML10ExclusiveAlgorithmId }

func (c canonicalAlready) Canonicalize(el *etree.Element) ([]byte, error) {
	if el.Tag == "EntitiesDescriptor" {
		return []byte(c), nil
	}
	return exclusiveForm{}.Canonicalize(el)
}

// BenchmarkReadFeed reads an aggregate of 12,000 service providers.
func BenchmarkReadFeed(b *testing.B) {
	feed := largeFeed(b, 12_000)
	b.SetBytes(int64(len(feed)))
	b.ReportAllocs()
	for b.Loop() {
		s, err := ReadFeed(strings.NewReader(feed), check(), func(Record) error { return nil })
		if err != nil || s.Services != 12_000 {
			b.Fatalf("%+v, %v", s, err)
		}
	}
}

package saml

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	dsig "github.com/russellhaering/goxmldsig"
)

var theirKeys = []*x509.Certificate{foreign.parsed(), theirs.parsed(), curve.parsed()}

func posted(t testing.TB, message string) (incoming, error) {
	t.Helper()
	return fromForm(strings.NewReader(form(message, "state")))
}

// TestSignedPost accepts a message that a key of the service has signed, by the
// key alone: the certificate has expired, and KeyInfo is not asked.
func TestSignedPost(t *testing.T) {
	for name, message := range map[string]string{
		"RSA":        signed(t, request(), theirs),
		"ECDSA":      signed(t, request(), curve),
		"no KeyInfo": cut(t, signed(t, request(), theirs), "<ds:KeyInfo>", "</ds:KeyInfo>"),
	} {
		in, err := posted(t, message)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		root, isSigned, err := in.verify(theirKeys, true)
		if err != nil || !isSigned || attr(root, "ID") != "_r1" || in.relayState != "state" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// cut removes what stands between two texts, with them.
func cut(t testing.TB, text, from, to string) string {
	t.Helper()
	begin, end := strings.Index(text, from), strings.Index(text, to)
	if begin < 0 || end < begin {
		t.Fatalf("no %s in %s", from, text)
	}
	return text[:begin] + text[end+len(to):]
}

// part returns what stands between two texts, with them.
func part(t testing.TB, text, from, to string) string {
	t.Helper()
	begin, end := strings.Index(text, from), strings.LastIndex(text, to)
	if begin < 0 || end < begin {
		t.Fatalf("no %s in %s", from, text)
	}
	return text[begin : end+len(to)]
}

// TestWrongPost refuses everything that a signature does not cover as a whole:
// the eight ways of wrapping (Somorovsky and others, 2012), weak algorithms,
// other keys, other references. A52, SAML-1.
func TestWrongPost(t *testing.T) {
	good := signed(t, request(), theirs)
	signature := part(t, good, "<ds:Signature", "</ds:Signature>")
	unsigned := strings.Replace(good, signature, "", 1)
	evil := strings.NewReplacer(`ID="_r1"`, `ID="_evil"`, theirACS, "https://evil.example/acs").Replace
	into := func(outer, inner string) string { // inner at the end of outer
		at := strings.LastIndex(outer, "</")
		return outer[:at] + inner + outer[at:]
	}
	extensions := func(inner string) string {
		return strings.Replace(evil(unsigned), "<samlp:NameIDPolicy", "<samlp:Extensions>"+inner+"</samlp:Extensions><samlp:NameIDPolicy", 1)
	}
	object := func(inner string) string {
		return strings.Replace(signature, "</ds:Signature>", "<ds:Object>"+inner+"</ds:Object></ds:Signature>", 1)
	}
	withSignature := func(message, signature string) string {
		return strings.Replace(message, "</saml:Issuer>", "</saml:Issuer>"+signature, 1)
	}
	for name, message := range map[string]string{
		"XSW1: the original inside of the signature":   withSignature(evil(unsigned), object(unsigned)),
		"XSW2: the original beside the signature":      into(withSignature(evil(unsigned), signature), unsigned),
		"XSW3: the signed one first inside":            into(evil(unsigned), good),
		"XSW4: the signed one around":                  into(good, evil(unsigned)),
		"XSW5: the signature moved":                    into(withSignature(evil(unsigned), signature), unsigned),
		"XSW6: the original in an object, moved":       into(evil(unsigned), object(unsigned)),
		"XSW7: the original in extensions":             withSignature(extensions(unsigned), signature),
		"XSW8: the signed one in extensions":           extensions(good),
		"same ID":                                      into(withSignature(strings.ReplaceAll(evil(unsigned), "_evil", "_r1"), signature), unsigned),
		"changed":                                      strings.Replace(good, theirACS, "https://evil.example/acs", 1),
		"changed ID":                                   strings.Replace(good, `ID="_r1"`, `ID="_r2"`, 1),
		"empty reference":                              strings.Replace(good, `URI="#_r1"`, `URI=""`, 1),
		"no reference":                                 cut(t, good, "<ds:Reference", "</ds:Reference>"),
		"two signatures":                               strings.Replace(good, signature, signature+signature, 1),
		"another key":                                  signed(t, request(), ours),
		"no value":                                     cut(t, good, "<ds:SignatureValue>", "</ds:SignatureValue>"),
		"SHA-1":                                        strings.Replace(good, dsig.RSASHA256SignatureMethod, dsig.RSASHA1SignatureMethod, 1),
		"SHA-1 digest":                                 strings.Replace(good, digestMethods[0], digestSHA1, 1),
		"HMAC":                                         strings.Replace(good, dsig.RSASHA256SignatureMethod, "http://www.w3.org/2000/09/xmldsig#hmac-sha1", 1),
		"a stylesheet":                                 strings.Replace(good, transformEnveloped, "http://www.w3.org/TR/1999/REC-xslt-19991116", 1),
		"one transform":                                strings.Replace(good, `<ds:Transform Algorithm="`+transformEnveloped+`"></ds:Transform>`, "", 1),
		"another canonical form":                       strings.Replace(good, exclusive, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", 1),
		"a retrieval method":                           strings.Replace(good, "</ds:KeyInfo>", `</ds:KeyInfo><ds:RetrievalMethod URI="https://evil.example"/>`, 1),
		"a value that is no base64":                    strings.Replace(good, "<ds:SignatureValue>", "<ds:SignatureValue>!", 1),
		"numbers of a curve for an RSA key":            strings.Replace(good, dsig.RSASHA256SignatureMethod, dsig.ECDSASHA256SignatureMethod, 1),
		"the signature of a child":                     into(evil(unsigned), "<samlp:Scoping>"+signature+"</samlp:Scoping>"),
		"nothing signed at all":                        unsigned,
		"signed, and the algorithm named in a comment": strings.Replace(good, `<ds:SignatureMethod`, `<!-- x --><ds:SignatureMethod Algorithm="x"></ds:SignatureMethod><ds:SignatureMethod`, 1),
	} {
		in, err := posted(t, message)
		if err != nil {
			continue // not even read
		}
		if root, _, err := in.verify(theirKeys, true); err == nil {
			t.Errorf("%s: accepted: %v", name, root.Attr)
		}
	}
}

// TestFlippedPost refuses a signed message of which a byte anywhere outside of its
// KeyInfo has been changed; what KeyInfo says is not asked.
func TestFlippedPost(t *testing.T) {
	good := cut(t, signed(t, request(), theirs), "<ds:KeyInfo>", "</ds:KeyInfo>")
	keys := []*x509.Certificate{theirs.parsed()}
	for i := 0; i < len(good); i += stride() {
		changed := []byte(good)
		changed[i] ^= 1
		in, err := posted(t, string(changed))
		if err != nil {
			continue
		}
		if _, _, err := in.verify(keys, true); err == nil {
			t.Errorf("byte %d changed: %s", i, changed[max(0, i-20):min(len(good), i+20)])
		}
	}
}

// TestRedirectSignature verifies the octets as received. A52, SAML-1.
func TestRedirectSignature(t *testing.T) {
	for name, c := range map[string]struct {
		key       Credential
		algorithm string
	}{"RSA": {theirs, dsig.RSASHA256SignatureMethod}, "ECDSA": {curve, dsig.ECDSASHA256SignatureMethod}} {
		good := query(request(), "a/b c", &c.key, c.algorithm)
		in, err := fromQuery(good + "&lang=en")
		if err != nil {
			t.Fatal(err)
		}
		if root, isSigned, err := in.verify(theirKeys, true); err != nil || !isSigned || attr(root, "ID") != "_r1" || in.relayState != "a/b c" {
			t.Errorf("%s: %v", name, err)
		}
		_, state, _ := strings.Cut(good, "RelayState=")
		state, _, _ = strings.Cut(state, "&")
		signature := good[strings.Index(good, "&Signature="):]
		for wrong, changed := range map[string]string{
			"another state":           strings.Replace(good, state, "x", 1),
			"the same, written again": strings.Replace(good, state, strings.ReplaceAll(state, "%2f", "%2F"), 1),
			"no state":                strings.Replace(good, "&RelayState="+state, "", 1),
			"another message":         strings.Replace(good, good[len("SAMLRequest="):strings.Index(good, "&")], strings.ReplaceAll(deflated(request("_r1", "_r2")), "+", "%2B"), 1),
			"another algorithm":       strings.Replace(good, "sha256", "sha512", 1),
			"SHA-1":                   query(request(), "", &c.key, dsig.RSASHA1SignatureMethod),
			"no algorithm at all":     query(request(), "", &c.key, "none"),
			"another key":             query(request(), "", &ours, dsig.RSASHA256SignatureMethod),
			"the signature cut":       good[:len(good)-8],
			"no signature":            strings.Replace(good, signature, "", 1),
			"only the signature":      query(request(), "", nil, "") + signature,
			"unsigned":                query(request(), "", nil, ""),
			"repeated":                good + "&RelayState=x",
			"repeated in disguise":    good + "&%52elayState=x",
			"signed inside":           query(signed(t, request(), theirs), "", nil, ""),
		} {
			in, err := fromQuery(changed)
			if err != nil {
				continue
			}
			if _, _, err := in.verify(theirKeys, true); err == nil {
				t.Errorf("%s: %s: accepted", name, wrong)
			}
		}
	}
}

// TestUnsigned lets an unsigned message pass only where none has to be signed; a
// wrong signature never passes.
func TestUnsigned(t *testing.T) {
	in, err := fromQuery(query(request(), "", nil, ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, isSigned, err := in.verify(nil, false); err != nil || isSigned {
		t.Errorf("%v, %v", isSigned, err)
	}
	if _, _, err := in.verify(theirKeys, true); !errors.Is(err, errUnsigned) {
		t.Errorf("%v", err)
	}
	in, err = fromQuery(query(request(), "", &ours, dsig.RSASHA256SignatureMethod))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := in.verify(theirKeys, false); !errors.Is(err, errSignature) {
		t.Errorf("%v", err)
	}
}

// TestDeflate stops at the limits while it reads. A52.
func TestDeflate(t *testing.T) {
	bomb := "<a>" + strings.Repeat(" ", 10<<20) + "</a>"
	ratio := "<a>" + strings.Repeat(" ", 20<<10) + "</a>"
	for name, q := range map[string]string{
		"a bomb":           query(bomb, "", nil, ""),
		"a ratio":          query(ratio, "", nil, ""),
		"white space":      query(request()+strings.Repeat(" ", 20<<10), "", nil, ""),
		"repeated":         query(request(), "a", nil, "") + "&RelayState=b",
		"in disguise":      strings.Replace(query(request(), "a", nil, ""), "RelayState", "%52elayState", 1),
		"not deflated":     "SAMLRequest=" + strings.ReplaceAll(strings.TrimPrefix(form(request(), ""), "SAMLRequest="), "\n", ""),
		"not base64":       "SAMLRequest=%21",
		"nothing":          "",
		"an answer":        strings.Replace(query(request(), "", nil, ""), "SAMLRequest", "SAMLResponse", 1),
		"another encoding": query(request(), "", nil, "") + "&SAMLEncoding=x",
		"a long state":     query(request(), strings.Repeat("x", 1025), nil, ""),
	} {
		if _, err := fromQuery(q); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := fromQuery(query(request(), strings.Repeat("x", 1024), nil, "")); err != nil {
		t.Error(err)
	}
}

// TestShape holds a signature to one form before it is verified at all, so that
// a signature by the right key over something else is refused, too.
func TestShape(t *testing.T) {
	good := signed(t, request(), theirs)
	if err := checkShape(element(t, good)); err != nil {
		t.Fatal(err)
	}
	reference := part(t, good, "<ds:Reference", "</ds:Reference>")
	for name, replace := range map[string][2]string{
		"two references":      {reference, reference + reference},
		"two methods":         {"<ds:SignatureMethod", `<ds:SignatureMethod Algorithm="x"></ds:SignatureMethod><ds:SignatureMethod`},
		"an object":           {"</ds:Signature>", "<ds:Object/></ds:Signature>"},
		"no value":            {part(t, good, "<ds:SignatureValue>", "</ds:SignatureValue>"), ""},
		"no reference":        {reference, ""},
		"another element":     {`URI="#_r1"`, `URI="#_r2"`},
		"the whole document":  {`URI="#_r1"`, `URI=""`},
		"SHA-1":               {dsig.RSASHA256SignatureMethod, dsig.RSASHA1SignatureMethod},
		"SHA-1 digest":        {digestMethods[0], digestSHA1},
		"another transform":   {transformEnveloped, "http://www.w3.org/TR/1999/REC-xpath-19991116"},
		"inclusive canonical": {exclusive, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"},
		"an ID that is none":  {"_r1", "1"},
	} {
		if err := checkShape(element(t, strings.ReplaceAll(good, replace[0], replace[1]))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := checkShape(element(t, request())); err == nil {
		t.Error("no signature: accepted")
	}
}

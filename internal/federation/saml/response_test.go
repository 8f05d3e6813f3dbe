package saml

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// example is a statement with everything in it.
func example() statement {
	return statement{ID: "_a1", Issuer: ourEntity, Audience: theirEntity, Recipient: theirACS, InResponseTo: "_r1",
		NameID: nameID{Format: formatTransient, Value: "_n", NameQualifier: ourEntity, SPNameQualifier: theirEntity},
		Now:    start, AuthnInstant: start.Add(-time.Minute), SessionIndex: "_s", SessionEnd: start.Add(12 * time.Hour),
		ClassRef: "https://refeds.org/profile/mfa", Attributes: []attribute{
			{Name: "urn:oid:1.3.6.1.4.1.32264.1.1.3", FriendlyName: "jaDisplayName", Values: []string{"都 花子 <&>\"'\x00\x1b"}},
			{Name: "urn:oid:1.3.6.1.4.1.5923.1.1.1.1", FriendlyName: "eduPersonAffiliation", Values: []string{"student", "member"}},
			{Name: "urn:oid:1.3.6.1.4.1.5923.1.1.1.10", FriendlyName: "eduPersonTargetedID", NameIDs: []nameID{{Format: formatPersistent, Value: "v", NameQualifier: ourEntity, SPNameQualifier: theirEntity}}},
		}}
}

func exampleAnswer(s *status) answer {
	return answer{ID: "_p1", Issuer: ourEntity, Destination: theirACS, InResponseTo: "_r1", Now: start, Status: s}
}

// exampleResponse is the Response about [example], encrypted for a key or not.
func exampleResponse(t testing.TB, r *recipient) []byte {
	t.Helper()
	inner := must(example().assertion(ours))
	if r != nil {
		inner = must(r.encrypt(must(serialize(inner)), rand.Reader))
	}
	return must(exampleAnswer(statusSuccess).response(inner, ours))
}

// xmlsec runs the XML Security Library, which shares no code with ours.
func xmlsec(t testing.TB, arguments ...string) ([]byte, error) {
	t.Helper()
	program, err := exec.LookPath("xmlsec1")
	if err != nil {
		t.Fatalf("%v (make packages brings it)", err)
	}
	var out, trouble bytes.Buffer
	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Stdout, command.Stderr = &out, &trouble
	if err = command.Run(); err != nil {
		out = trouble
	}
	return out.Bytes(), err
}

// verifiedBy has xmlsec1 verify the signature of an element by one certificate.
func verifiedBy(t testing.TB, c Credential, document []byte, element string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "r.xml")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := xmlsec(t, "--verify", "--enabled-key-data", "rsa", "--pubkey-cert-pem", writePEM(t, "CERTIFICATE", c.Certificate),
		"--id-attr:ID", nsProtocol+":Response", "--id-attr:ID", nsAssertion+":Assertion", "--id-attr:ID", nsMetadata+":EntityDescriptor",
		"--node-xpath", "//*[local-name()='"+element+"']/*[local-name()='Signature']", file)
	return err
}

// TestResponse has an independent peer verify both signatures, and decrypt.
// SAML-3, SAML-11, A53.
func TestResponse(t *testing.T) {
	plain := exampleResponse(t, nil)
	for _, element := range []string{"Response", "Assertion"} {
		if err := verifiedBy(t, ours, plain, element); err != nil {
			t.Errorf("%s: %v\n%s", element, err, plain)
		}
		if err := verifiedBy(t, foreign, plain, element); err == nil {
			t.Errorf("%s: another key verifies, too", element)
		}
	}
	key, _ := theirs.Signer.(*rsa.PrivateKey)
	for _, r := range []*recipient{{key: &key.PublicKey, cipher: cipherAES256, size: 32}, {key: &key.PublicKey, cipher: cipherAES128, size: 16}} {
		sealed := exampleResponse(t, r)
		if err := verifiedBy(t, ours, sealed, "Response"); err != nil {
			t.Errorf("%s: %v", r.cipher, err)
		}
		if bytes.Contains(sealed, []byte("花子")) || bytes.Contains(sealed, []byte("_s")) {
			t.Errorf("%s: readable", r.cipher)
		}
		opened := decrypted(t, theirs, sealed)
		if err := verifiedBy(t, ours, opened, "Assertion"); err != nil {
			t.Errorf("%s: the assertion inside: %v\n%s", r.cipher, err, opened)
		}
		if !bytes.Contains(opened, []byte("花子")) {
			t.Errorf("%s: %s", r.cipher, opened)
		}
	}
}

// decrypted has xmlsec1 decrypt what is encrypted, and returns the assertion.
func decrypted(t testing.TB, c Credential, document []byte) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "r.xml")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}
	key := writePEM(t, "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(c.Signer)))
	out, err := xmlsec(t, "--decrypt", "--privkey-pem", key, "--node-xpath", "//*[local-name()='EncryptedData']", file)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	root := element(t, string(out))
	var inner *etree.Element
	descendants(root, func(el *etree.Element) {
		if is(el, nsAssertion, "Assertion") {
			inner = el
		}
	})
	if inner == nil {
		t.Fatalf("no assertion: %s", out)
	}
	return must(serialize(inner.Copy()))
}

// TestResponseContent says what SAML-4 wants, and nothing that breaks XML.
func TestResponseContent(t *testing.T) {
	root := element(t, string(exampleResponse(t, nil)))
	if attr(root, "Destination") != theirACS || attr(root, "InResponseTo") != "_r1" || attr(root, "ID") != "_p1" || text(child(root, nsAssertion, "Issuer")) != ourEntity {
		t.Errorf("%v", root.Attr)
	}
	if err := sequence(root, nsAssertion+" Issuer", nsSignature+" Signature", nsProtocol+" Status", nsAssertion+" Assertion"); err != nil {
		t.Error(err)
	}
	inner := child(root, nsAssertion, "Assertion")
	if err := sequence(inner, nsAssertion+" Issuer", nsSignature+" Signature", nsAssertion+" Subject", nsAssertion+" Conditions",
		nsAssertion+" AuthnStatement", nsAssertion+" AttributeStatement"); err != nil {
		t.Error(err)
	}
	confirmation := child(child(child(inner, nsAssertion, "Subject"), nsAssertion, "SubjectConfirmation"), nsAssertion, "SubjectConfirmationData")
	if attr(confirmation, "Recipient") != theirACS || attr(confirmation, "InResponseTo") != "_r1" || attr(confirmation, "NotOnOrAfter") != "2026-04-01T09:05:00.000Z" || attr(confirmation, "NotBefore") != "" {
		t.Errorf("%v", confirmation.Attr)
	}
	conditions := child(inner, nsAssertion, "Conditions")
	if attr(conditions, "NotOnOrAfter") != "2026-04-01T09:05:00.000Z" || text(child(child(conditions, nsAssertion, "AudienceRestriction"), nsAssertion, "Audience")) != theirEntity {
		t.Errorf("%v", conditions.Attr)
	}
	authn := child(inner, nsAssertion, "AuthnStatement")
	if attr(authn, "AuthnInstant") != "2026-04-01T08:59:00.000Z" || attr(authn, "SessionNotOnOrAfter") != "2026-04-01T21:00:00.000Z" || attr(authn, "SessionIndex") != "_s" {
		t.Errorf("%v", authn.Attr)
	}
	all := child(inner, nsAssertion, "AttributeStatement").ChildElements()
	if len(all) != 3 || text(child(all[0], nsAssertion, "AttributeValue")) != "都 花子 <&>\"'" || len(children(all[1], nsAssertion, "AttributeValue")) != 2 {
		t.Errorf("%v", all)
	}
	if id := child(child(all[2], nsAssertion, "AttributeValue"), nsAssertion, "NameID"); text(id) != "v" || attr(id, "SPNameQualifier") != theirEntity {
		t.Errorf("%v", id)
	}
}

// TestErrorResponse tells a service why not, signed, without an assertion.
func TestErrorResponse(t *testing.T) {
	response := must(exampleAnswer(statusNoPassive).response(nil, ours))
	if err := verifiedBy(t, ours, response, "Response"); err != nil {
		t.Error(err)
	}
	root := element(t, string(response))
	code := child(child(root, nsProtocol, "Status"), nsProtocol, "StatusCode")
	if attr(code, "Value") != statusPrefix+"Responder" || attr(child(code, nsProtocol, "StatusCode"), "Value") != statusPrefix+"NoPassive" || child(root, nsAssertion, "Assertion") != nil {
		t.Errorf("%s", response)
	}
}

// TestFlippedResponse changes one bit of bytes all over it: no change is accepted by a
// peer that takes the certificate of KeyInfo for one of the two that we publish.
// A53.
func TestFlippedResponse(t *testing.T) {
	response := exampleResponse(t, nil)
	validation := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{ours.parsed(), foreign.parsed()}})
	validation.Clock = dsig.NewFakeClockAt(ours.parsed().NotBefore.Add(time.Second))
	accepts := func(document []byte) bool {
		doc := etree.NewDocument()
		if doc.ReadFromBytes(document) != nil || doc.Root() == nil {
			return false
		}
		verified, err := validation.Validate(doc.Root())
		return err == nil && is(verified, nsProtocol, "Response")
	}
	if !accepts(response) {
		t.Fatal("the response itself is refused")
	}
	for i := 0; i < len(response); i += stride() {
		response[i] ^= 1
		if accepts(response) {
			t.Errorf("byte %d: %s", i, response[max(0, i-30):min(len(response), i+30)])
		}
		response[i] ^= 1
	}
}

// stride is from one changed byte to the next: make thorough changes every one.
func stride() int {
	if os.Getenv("TEST_THOROUGH") != "" {
		return 1
	}
	return 7
}

func flipped(document []byte, i int) []byte {
	changed := bytes.Clone(document)
	changed[i] ^= 1
	return changed
}

// TestFlippedForXMLSec changes some bytes, spread over all that is signed: the
// independent peer refuses every one. The Assertion is encrypted, since xmlsec1 would
// go on to its signature where that of the Response has another name. A53.
func TestFlippedForXMLSec(t *testing.T) {
	key, _ := theirs.Signer.(*rsa.PrivateKey)
	response := string(exampleResponse(t, &recipient{key: &key.PublicKey, cipher: cipherAES256, size: 32}))
	for i := 0; i < len(response); i += 29 * stride() {
		if strings.LastIndex(response[:i], "<ds:KeyInfo>") > strings.LastIndex(response[:i], "</ds:KeyInfo>") {
			continue // it takes the key that it was given
		}
		if err := verifiedBy(t, ours, flipped([]byte(response), i), "Response"); err == nil {
			t.Errorf("byte %d: %s", i, response[max(0, i-30):min(len(response), i+30)])
		}
	}
}

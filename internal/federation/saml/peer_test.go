package saml

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

const (
	ourEntity   = "https://sso.example/saml/metadata"
	ourSSO      = "https://sso.example/saml/sso"
	theirEntity = "https://sp.example/shibboleth"
	theirACS    = "https://sp.example/acs"
)

var start = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

// Keys of ours, of a service, of another service, and one on a curve.
var (
	ours    = newCredential(mustRSA())
	theirs  = newCredential(mustRSA())
	foreign = newCredential(mustRSA())
	curve   = newCredential(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func mustRSA() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) }

// newCredential certifies a key by itself; the certificate has expired, as many
// in metadata have.
func newCredential(key crypto.Signer) Credential {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: start.AddDate(-3, 0, 0), NotAfter: start.AddDate(-1, 0, 0)}
	return Credential{Signer: key, Certificate: must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))}
}

func (c Credential) parsed() *x509.Certificate { return must(x509.ParseCertificate(c.Certificate)) }

func (c Credential) text() string { return base64.StdEncoding.EncodeToString(c.Certificate) }

// request is a good AuthnRequest, in which old is replaced by new.
func request(replace ...string) string {
	text := `<samlp:AuthnRequest xmlns:samlp="` + nsProtocol + `" xmlns:saml="` + nsAssertion + `" ID="_r1" Version="2.0"` +
		` IssueInstant="2026-04-01T09:00:00Z" Destination="` + ourSSO + `" AssertionConsumerServiceURL="` + theirACS + `" ProtocolBinding="` + bindingPost + `">` +
		`<saml:Issuer>` + theirEntity + `</saml:Issuer><samlp:NameIDPolicy AllowCreate="1"/></samlp:AuthnRequest>`
	return strings.NewReplacer(replace...).Replace(text)
}

func element(t testing.TB, text string) *etree.Element {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(text); err != nil {
		t.Fatal(err)
	}
	return doc.Root()
}

// signed puts an enveloped signature into a message.
func signed(t testing.TB, text string, c Credential) string {
	t.Helper()
	root := element(t, text)
	if _, ok := c.Signer.(*ecdsa.PrivateKey); ok {
		return signedOnCurve(t, root, c)
	}
	if err := sign(root, 1, c); err != nil {
		t.Fatal(err)
	}
	return string(must(serialize(root)))
}

// rawSigner writes the numbers of an ECDSA signature one behind the other, as
// XML wants it and the library does not do it.
type rawSigner struct{ *ecdsa.PrivateKey }

func (s rawSigner) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	r, v, err := ecdsa.Sign(rand.Reader, s.PrivateKey, digest)
	return append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...), err
}

func signedOnCurve(t testing.TB, root *etree.Element, c Credential) string {
	t.Helper()
	key, _ := c.Signer.(*ecdsa.PrivateKey)
	context := must(dsig.NewSigningContext(rawSigner{key}, [][]byte{c.Certificate}))
	context.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	root.InsertChildAt(1, must(context.ConstructSignature(root, true)))
	return string(must(serialize(root)))
}

// form is the body of a POST.
func form(message, relayState string) string {
	values := url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString([]byte(message))}}
	if relayState != "" {
		values.Set("RelayState", relayState)
	}
	return values.Encode()
}

func deflated(text string) string {
	var b bytes.Buffer
	w := must(flate.NewWriter(&b, flate.BestCompression))
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// query is the raw query of a message by HTTP-Redirect, signed if there is a key.
func query(message, relayState string, c *Credential, algorithm string) string {
	q := "SAMLRequest=" + url.QueryEscape(deflated(message))
	if relayState != "" {
		q += "&RelayState=" + strings.ReplaceAll(url.QueryEscape(relayState), "%2F", "%2f") // lower case is as good
	}
	if c == nil {
		return q
	}
	q += "&SigAlg=" + url.QueryEscape(algorithm)
	digest := sha256.Sum256([]byte(q))
	signer := c.Signer
	if key, ok := signer.(*ecdsa.PrivateKey); ok {
		signer = rawSigner{key}
	}
	return q + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(must(signer.Sign(rand.Reader, digest[:], crypto.SHA256))))
}

func writePEM(t testing.TB, kind string, der []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// first returns the first element of a name, wherever it is, or nil.
func first(document []byte, namespace, name string) (found *etree.Element) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(document); err != nil || doc.Root() == nil {
		return nil
	}
	descendants(doc.Root(), func(el *etree.Element) {
		if found == nil && is(el, namespace, name) {
			found = el
		}
	})
	return found
}

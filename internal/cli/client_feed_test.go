package cli

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"warifu/internal/federation"
	"warifu/internal/federation/saml"
)

// append adds to a file.
func (s shell) append(name, more string) {
	s.t.Helper()
	text, err := os.ReadFile(s.file(name))
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(name, string(text)+more)
}

// signer signs as a federation does, by a program that shares nothing with ours.
type signer struct {
	shell
	key string // name of its file
}

// newSigner writes the certificate of a new key to signer.pem.
func newSigner(s shell) signer {
	s.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		s.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("signer.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})))
	return signer{s, s.write("signer.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))}
}

// publish writes a signed aggregate of n services to feed.xml.
func (s signer) publish(n int) {
	s.t.Helper()
	const md, ds = "urn:oasis:names:tc:SAML:2.0:metadata", "http://www.w3.org/2000/09/xmldsig#"
	text := `<md:EntitiesDescriptor xmlns:md="` + md + `" ID="_all" validUntil="` + time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339) + `">` +
		`<ds:Signature xmlns:ds="` + ds + `"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>` +
		`<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><ds:Reference URI="#_all"><ds:Transforms>` +
		`<ds:Transform Algorithm="` + ds + `enveloped-signature"/><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms>` +
		`<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>`
	for i := range n {
		text += fmt.Sprintf(`
<md:EntityDescriptor entityID="https://sp%d.example/shibboleth"><md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp%d.example/acs" index="1"/>
<md:AttributeConsumingService index="1"><md:ServiceName xml:lang="ja">図書館 %d</md:ServiceName><md:RequestedAttribute Name="urn:oid:2.16.840.1.113730.3.1.241"/></md:AttributeConsumingService>
</md:SPSSODescriptor></md:EntityDescriptor>`, i, i, i)
	}
	unsigned := s.write("unsigned.xml", text+"</md:EntitiesDescriptor>")
	out, err := exec.CommandContext(s.t.Context(), "xmlsec1", "--sign", "--privkey-pem", s.key, "--id-attr:ID", md+":EntitiesDescriptor",
		"--output", s.file("feed.xml"), unsigned).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v %s", err, out)
	}
}

// TestClientFeed fetches the metadata of a federation, lists and shows its services,
// and takes far fewer of them only once that was said. SAML-7, A54.
func TestClientFeed(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	federated := newSigner(s)
	s.run(1, "client", "feed", "refresh", "gakunin", c) // there is no such feed yet
	s.append("warifu.yaml", "\nsaml:\n  allowed_attributes: [name]\n  feeds:\n  - {id: gakunin, file: feed.xml, certificate_file: signer.pem}\n"+
		"  - {id: mdq, url: 'https://mdq.example', mdq: true, certificate_file: signer.pem}\n")
	if out, _ := s.run(0, "client", "feed", "list", c); !strings.Contains(out, "gakunin") || !strings.Contains(out, "never") {
		t.Errorf("before the first fetch: %s", out)
	}
	if _, e := s.run(1, "client", "feed", "refresh", "gakunin", c); !strings.Contains(e, "no such file") {
		t.Errorf("no file: %s", e)
	}
	federated.publish(5)
	if out, _ := s.run(0, "client", "feed", "refresh", "gakunin", c); !strings.Contains(out, "5 services") {
		t.Errorf("%s", out)
	}
	if out, _ := s.run(0, "client", "list", "--feed=gakunin", c); strings.Count(out, "\n") != 5 || !strings.Contains(out, "図書館 3") {
		t.Errorf("%s", out)
	}
	var shown struct {
		federation.Service
		Described saml.Record `json:"described"`
	}
	for _, name := range []string{"https://sp3.example/shibboleth", saml.RecordID("https://sp3.example/shibboleth")} {
		out, _ := s.run(0, "client", "show", name, c)
		if err := json.Unmarshal([]byte(out), &shown); err != nil || shown.Feed != "gakunin" || shown.Metadata != "" || !shown.Release.Allows("name") ||
			shown.Described.Consumers[0].Location != "https://sp3.example/acs" {
			t.Errorf("%v %s", err, out)
		}
	}
	federated.publish(2)
	if _, e := s.run(1, "client", "feed", "refresh", "gakunin", c); !strings.Contains(e, "2 services instead of 5") {
		t.Errorf("%s", e)
	}
	if out, _ := s.run(0, "client", "feed", "list", c); !strings.Contains(out, "5 services") || !strings.Contains(out, "failed 1 times") {
		t.Errorf("%s", out)
	}
	if out, _ := s.run(0, "client", "feed", "accept", "gakunin", c); !strings.Contains(out, "2 services") {
		t.Errorf("%s", out)
	}
	for _, args := range [][]string{{"accept", "gakunin"}, {"refresh", "mdq"}, {"refresh", "other"}} {
		s.run(1, append([]string{"client", "feed"}, append(args, c)...)...)
	}
	s.run(1, "client", "list", "--feed=other", c)
	s.run(1, "client", "show", "https://sp3.example/shibboleth", c)
	if out, _ := s.run(0, "audit", "export", "--name=saml.feed", c); strings.Count(out, `"taken"`) != 2 || strings.Count(out, `"accepted"`) != 1 {
		t.Errorf("%s", out)
	}
	if out, _ := s.run(0, "--help"); strings.Contains(out, saml.VerifyCommand) {
		t.Error("the help shows the command of the server's own process")
	}
}

// TestClientOfFeed registers a service whose metadata are those of a feed.
func TestClientOfFeed(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	federated := newSigner(s)
	federated.publish(5)
	file := s.write("sp.yaml", "id: library\nname: {ja: 図書館, en: Library}\nprotocol: saml\nentity_id: https://sp1.example/shibboleth\nrelease: {required: [email]}\n")
	if _, e := s.run(1, "client", "add", "--file", file, c); !strings.Contains(e, "metadata_file is missing") {
		t.Errorf("without a feed: %s", e)
	}
	s.append("warifu.yaml", "\nsaml:\n  feeds:\n  - {id: gakunin, file: feed.xml, certificate_file: signer.pem}\n")
	s.run(0, "client", "add", "--file", file, c)
	s.run(0, "client", "feed", "refresh", "gakunin", c)
	if got := s.client("https://sp1.example/shibboleth", c); got.ID != "library" || got.Release.Allows("name") || !got.Release.Allows("email") {
		t.Errorf("%+v", got)
	}
	if _, e := s.run(1, "client", "show", saml.RecordID("https://sp1.example/shibboleth"), c); !strings.Contains(e, "no such service") {
		t.Errorf("by the id that it would have without the record: %s", e)
	}
}

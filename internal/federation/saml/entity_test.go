package saml

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"warifu/internal/federation"
)

// metadata is that of a service, in which old is replaced by new.
func metadata(replace ...string) string {
	text := `<?xml version="1.0"?><!-- made by the service --><md:EntityDescriptor xmlns:md="` + nsMetadata + `" xmlns:ds="` + nsSignature + `" entityID="` + theirEntity + `" validUntil="2026-05-01T00:00:00Z">
 <md:SPSSODescriptor AuthnRequestsSigned="1" protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol ` + nsProtocol + `">
  <md:KeyDescriptor><ds:KeyInfo><ds:KeyName>x</ds:KeyName><ds:X509Data><ds:X509Certificate>
` + theirs.text() + `
</ds:X509Certificate></ds:X509Data></ds:KeyInfo>
   <md:EncryptionMethod Algorithm="` + cipherAES128 + `"/><md:EncryptionMethod Algorithm="` + transportOAEP + `"/></md:KeyDescriptor>
  <md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + curve.text() + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
  <md:SingleLogoutService Binding="` + bindingRedirect + `" Location="https://sp.example/slo" ResponseLocation="https://sp.example/slo-back"/>
  <md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="https://sp.example/soap"/>
  <md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact" Location="https://sp.example/artifact" index="0" isDefault="true"/>
  <md:AssertionConsumerService Binding="` + bindingPost + `" Location="https://sp.example/other" index="1" isDefault="false"/>
  <md:AssertionConsumerService Binding="` + bindingPost + `" Location="` + theirACS + `" index="2"/>
  <md:AssertionConsumerService Binding="` + bindingPost + `" Location="javascript:alert(1)" index="3"/>
  <md:AssertionConsumerService Binding="` + bindingPost + `" Location="http://sp.example/plain" index="4"/>
 </md:SPSSODescriptor></md:EntityDescriptor>`
	return strings.NewReplacer(replace...).Replace(text)
}

// TestParseMetadata reads what an answer needs, and leaves out what is not safe.
// SAML-2, SAML-7, A54.
func TestParseMetadata(t *testing.T) {
	e, err := ParseMetadata([]byte(metadata()), false)
	if err != nil {
		t.Fatal(err)
	}
	if e.ID != theirEntity || !e.SignsRequests || e.ValidUntil.Month() != 5 || len(e.Signing) != 2 || len(e.Encryption) != 1 || len(e.Encryption[0].Methods) != 2 {
		t.Errorf("%+v", e)
	}
	if len(e.Consumers) != 2 || e.Consumers[1].Location != theirACS || len(e.Logouts) != 1 || e.Logouts[0].Response != "https://sp.example/slo-back" {
		t.Errorf("%+v, %+v", e.Consumers, e.Logouts)
	}
	if e, err = ParseMetadata([]byte(metadata()), true); err != nil || len(e.Consumers) != 3 { // plain http, too
		t.Errorf("%+v, %v", e.Consumers, err)
	}
	for name, text := range map[string]string{
		"not a service": metadata("SPSSODescriptor", "IDPSSODescriptor"),
		"two services":  metadata("</md:SPSSODescriptor>", "</md:SPSSODescriptor>"+`<md:SPSSODescriptor protocolSupportEnumeration="`+nsProtocol+`"/>`),
		"old SAML":      metadata(" "+nsProtocol, ""),
		"no name":       metadata(theirEntity, ""),
		"long name":     metadata(theirEntity, strings.Repeat("x", 1025)),
		"no address":    metadata(`Binding="`+bindingPost+`"`, `Binding="x"`),
		"no key":        metadata(curve.text(), "AAAA"),
		"no end":        metadata("2026-05-01T00:00:00Z", "tomorrow"),
		"a type":        "<!DOCTYPE x>" + strings.TrimPrefix(metadata(), `<?xml version="1.0"?>`),
		"long":          metadata("made by the service", strings.Repeat("x", 1<<20)),
	} {
		if e, err := ParseMetadata([]byte(text), false); err == nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestConsumer sends an answer to an address of the metadata alone. SAML-2, A52.
func TestConsumer(t *testing.T) {
	e, err := ParseMetadata([]byte(metadata()), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ address, index, binding, want string }{
		{"", "", "", theirACS}, // the first that is not isDefault="false"
		{theirACS, "", bindingPost, theirACS},
		{"https://sp.example/other", "", "", "https://sp.example/other"},
		{"", "1", "", "https://sp.example/other"},
		{"", "01", "", "https://sp.example/other"},
		{"", "0", "", ""}, // by another binding
		{"", "9", "", ""},
		{"", "3", "", ""},
		{theirACS, "2", "", ""},
		{theirACS + "/", "", "", ""},
		{"https://evil.example/acs", "", "", ""},
		{"javascript:alert(1)", "", "", ""},
		{"http://sp.example/plain", "", "", ""},
		{theirACS, "", bindingRedirect, ""},
		{"https://sp.example/artifact", "", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact", ""},
	} {
		if got, err := e.consumer(c.address, c.index, c.binding); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
	if e, err = ParseMetadata([]byte(metadata(`index="2"`, `index="2" isDefault="false"`)), false); err != nil || e.defaultConsumer().Index != "1" {
		t.Errorf("none is a default: %+v, %v", e.defaultConsumer(), err)
	}
	if e, err = ParseMetadata([]byte(metadata(`isDefault="false"`, `isDefault="1"`)), false); err != nil || e.defaultConsumer().Index != "1" {
		t.Errorf("the default: %+v, %v", e.defaultConsumer(), err)
	}
}

// TestUnfitKeys remembers that a service wants to be encrypted for, although we
// cannot: by its metadata, and by the record of a feed. SAML-3.
func TestUnfitKeys(t *testing.T) {
	e, err := ParseMetadata([]byte(metadata(theirs.text(), curve.text())), false)
	if err != nil || len(e.Encryption) != 1 || e.Encryption[0].Key != nil {
		t.Fatalf("%+v, %v", e, err)
	}
	r, err := readRecord(element(t, metadata(theirs.text(), curve.text())), false)
	if err != nil {
		t.Fatal(err)
	}
	if e, err = r.entity(); err != nil || len(e.Encryption) != 1 || e.Encryption[0].Key != nil {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestRecipient never falls back to an unreadable choice in silence. SAML-3.
func TestRecipient(t *testing.T) {
	const cbc = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
	key := EncryptionKey{Key: &mustRSA().PublicKey}
	with := func(methods ...string) []EncryptionKey { return []EncryptionKey{{Key: key.Key, Methods: methods}} }
	for name, c := range map[string]struct {
		keys []EncryptionKey
		mode federation.Encryption
		want string
	}{
		"nothing is said":       {with(), "", cipherAES256},
		"only the transport":    {with(transportOAEP), federation.EncryptionAuto, cipherAES256},
		"both":                  {with(cbc, cipherAES128, cipherAES256), "", cipherAES256},
		"the small one":         {with(cipherAES128, cbc), "", cipherAES128},
		"only CBC":              {with(cbc, transportOAEP), "", "refused"},
		"only CBC, then GCM":    {append(with(cbc), with(cipherAES256)...), "", cipherAES256},
		"switched off":          {with(), federation.EncryptionOff, ""},
		"CBC, and switched off": {with(cbc), federation.EncryptionOff, ""},
		"none that is fit":      {[]EncryptionKey{{}}, federation.EncryptionAuto, "refused"},
		"the fit one":           {append([]EncryptionKey{{}}, with()...), "", cipherAES256},
		"unfit, switched off":   {[]EncryptionKey{{}}, federation.EncryptionOff, ""},
		"no key":                {nil, federation.EncryptionAuto, ""},
		"no key, but required":  {nil, federation.EncryptionRequired, "refused"},
	} {
		r, err := recipientOf(&Entity{Encryption: c.keys}, c.mode)
		got := ""
		if errors.Is(err, ErrEncryption) {
			got = "refused"
		} else if r != nil {
			got = r.cipher
		}
		if got != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// FuzzMetadata reads no metadata that it cannot answer to.
func FuzzMetadata(f *testing.F) {
	f.Add(metadata())
	f.Add(metadata("md:", "", ":md", ""))
	seeds, _ := filepath.Glob("testdata/metadata/*.xml")
	for _, name := range seeds {
		f.Add(string(must(os.ReadFile(name))))
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseMetadata([]byte(text), false)
		if err != nil {
			return
		}
		for _, c := range e.Consumers {
			if federation.CheckAddress(c.Location, false) != nil {
				t.Errorf("%q", c.Location)
			}
		}
		if e.ID == "" || e.defaultConsumer().Location == "" {
			t.Errorf("%+v", e)
		}
	})
}

package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate is one of a new key, in PEM.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func withFeeds(feeds string) string {
	return strings.ReplaceAll(filled(), "services: []", "saml:\n  allowed_attributes: [name]\n  feeds:\n"+feeds)
}

// TestFeeds reads feeds with their certificates, in the text or from files.
func TestFeeds(t *testing.T) {
	first, second := certificate(t), certificate(t)
	name := write(t, "warifu.yaml", withFeeds(`  - id: gakunin
    url: https://metadata.example/all.xml
    certificate: |
      `+strings.ReplaceAll(strings.TrimSpace(first), "\n", "\n      ")+`
    certificate_file: next.pem
    max_validity: 336h
    refresh: 30m
    registrars: [https://federation.example]
  - {id: local, file: local.xml, certificate_file: next.pem}
  - {id: mdq, url: https://mdq.example, mdq: true, certificate_file: next.pem}
services:
- {id: library, name: {ja: 図書館, en: Library}, protocol: saml, entity_id: https://lib.example/shibboleth}
`))
	if err := os.WriteFile(filepath.Join(filepath.Dir(name), "next.pem"), []byte(second), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	feed, ok := c.SAML.Feed("gakunin")
	if !ok || feed.Refresh != 30*time.Minute || feed.MaxValidity != 14*24*time.Hour || strings.Count(feed.Certificate, "BEGIN") != 2 || len(feed.Registrars) != 1 {
		t.Errorf("%+v", feed)
	}
	if feed, _ := c.SAML.Feed("local"); feed.File != filepath.Join(filepath.Dir(name), "local.xml") {
		t.Errorf("%+v", feed)
	}
	if _, ok := c.SAML.Feed("other"); ok {
		t.Error("a feed that is not there")
	}
}

// TestFeedFaults tells all that is wrong with feeds at once, each at its line.
func TestFeedFaults(t *testing.T) {
	good := "certificate: '" + strings.ReplaceAll(certificate(t), "\n", "\n\n      ") + "'"
	_, err := Load(write(t, "warifu.yaml", withFeeds(`  - {id: A, url: "http://metadata.example/", certificate: none}
  - {id: b, url: "https://metadata.example/", file: b.xml, certificate_file: gone.pem}
  - {id: c, mdq: true, refresh: 1s, max_validity: 9000h}
  - {id: c, url: "https://u@metadata.example/", refresh: 25h, validity: 1h}
  - id: d
    url: https://metadata.example/#x
    `+good+`
services:
- {id: library, name: {ja: 図書館, en: Library}, protocol: saml, entity_id: https://lib.example/shibboleth}
`)), nil)
	wantFaults(t, err,
		"warifu.yaml:48: saml.feeds[0].id: must be", "warifu.yaml:48: saml.feeds[0].url: must be an address at https", "warifu.yaml:48: saml.feeds[0].certificate: must be",
		"warifu.yaml:49: saml.feeds[1].url: must be given, or file, and not both", "warifu.yaml:49: saml.feeds[1].certificate_file: open",
		"warifu.yaml:50: saml.feeds[2].url: must be given", "warifu.yaml:50: saml.feeds[2].mdq: must have", "warifu.yaml:50: saml.feeds[2].refresh: must be",
		"warifu.yaml:50: saml.feeds[2].max_validity: must be", "warifu.yaml:51: saml.feeds[3].id: must be another", "warifu.yaml:51: saml.feeds[3].url: must be",
		"warifu.yaml:51: saml.feeds[3].refresh: must be", "warifu.yaml:51: saml.feeds[3].validity: there is no key", "warifu.yaml:53: saml.feeds[4].url: must be")
	if strings.Contains(err.Error(), "saml.feeds[4].certificate") {
		t.Errorf("a good certificate: %v", err)
	}
	_, err = Load(write(t, "warifu.yaml", strings.ReplaceAll(filled(), "services: []",
		"saml: {allowed_attributes: [name, shoes]}\nservices:\n- {id: library, name: {ja: 図書館, en: Library}, protocol: saml, entity_id: https://lib.example/shibboleth}")), nil)
	wantFaults(t, err, "warifu.yaml:45: saml.allowed_attributes: must be of name,", `warifu.yaml:47: services[0]: service "library": metadata_file is missing`)
}

// TestFeedOnLoopback takes a feed by plain http where we are reached so ourselves.
func TestFeedOnLoopback(t *testing.T) {
	text := withFeeds("  - {id: a, url: 'http://127.0.0.1:9/', certificate_file: a.pem}\n  - {id: b, url: 'http://metadata.example/', certificate_file: a.pem}\n")
	name := write(t, "warifu.yaml", strings.ReplaceAll(text, "base_url: https://sso.miyako.example", "base_url: http://127.0.0.1:8080"))
	if err := os.WriteFile(filepath.Join(filepath.Dir(name), "a.pem"), []byte(certificate(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(name, nil)
	wantFaults(t, err, "warifu.yaml:49: saml.feeds[1].url: must be")
	if strings.Contains(err.Error(), "feeds[0]") {
		t.Errorf("%v", err)
	}
}

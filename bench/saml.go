package main

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// The service that speaks SAML.
const (
	entityID = "http://localhost:1/saml"
	consumer = "http://localhost:1/acs" // nobody is there: the browser keeps the page
)

const spMetadata = `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + entityID + `">` +
	`<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
	`<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="` + consumer + `" index="0"/>` +
	`</md:SPSSODescriptor></md:EntityDescriptor>`

// requestBySAML is an AuthnRequest by HTTP-Redirect (saml-bindings-2.0-os §3.4).
func (b *browser) requestBySAML() (string, error) {
	message := fmt.Sprintf(`<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" `+
		`ID="_%s" Version="2.0" IssueInstant="%s" Destination="%s/saml/sso"><saml:Issuer>%s</saml:Issuer></samlp:AuthnRequest>`,
		rand.Text(), time.Now().UTC().Format(time.RFC3339), b.s.base(), entityID)
	var deflated bytes.Buffer
	w, err := flate.NewWriter(&deflated, flate.DefaultCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write([]byte(message)); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	query := url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString(deflated.Bytes())}}
	return b.s.base() + "/saml/sso?" + query.Encode(), nil
}

// signInBySAML goes from the service to the page with the Response, with password
// and TOTP.
func (b *browser) signInBySAML() error {
	address, err := b.requestBySAML()
	if err != nil {
		return err
	}
	form, err := b.get(address)
	if err != nil {
		return err
	}
	answer, _, err := b.prove(form)
	return b.answered(answer, err)
}

// againBySAML goes to the service with the session that there is.
func (b *browser) againBySAML() error {
	address, err := b.requestBySAML()
	if err != nil {
		return err
	}
	return b.answered(b.get(address))
}

func (b *browser) answered(answer page, err error) error {
	if err == nil && (!strings.Contains(answer.text, `name="SAMLResponse"`) || !strings.Contains(answer.text, consumer)) {
		err = fmt.Errorf("%s got no Response: %s %.300s", b.id(), answer.Status, answer.text)
	}
	return err
}

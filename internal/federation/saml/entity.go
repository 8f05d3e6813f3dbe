package saml

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"

	"warifu/internal/federation"
)

// Entity is a service provider as its metadata describes it
// (saml-metadata-2.0-os §2.4.4). It is not changed once it is read.
type Entity struct {
	ID            string
	ValidUntil    time.Time // zero: without end
	SignsRequests bool      // an unsigned request is not from it
	Consumers     []Consumer
	Logouts       []Logout
	Signing       []*x509.Certificate
	Encryption    []EncryptionKey
}

// Consumer is an address that answers may go to.
type Consumer struct {
	Location  string `json:"location"`
	Index     string `json:"index,omitempty"`
	IsDefault *bool  `json:"is_default,omitempty"` // nil: nothing is said
}

// Logout is an address of single logout by a binding of the front channel.
type Logout struct {
	Binding  string `json:"binding"`
	Location string `json:"location"`
	Response string `json:"response"` // where answers go
}

// EncryptionKey is a key to encrypt for, with the algorithms that are named
// beside it.
type EncryptionKey struct {
	Key     *rsa.PublicKey // nil if it is none that we can encrypt for
	Methods []string
}

const (
	maxEntityID = 1024 // characters (saml-core-2.0-os §8.3.6)
	minKeyBits  = 2048
)

// errMetadata means that metadata cannot be used.
var errMetadata = errors.New("saml: metadata")

func badMetadata(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errMetadata}, args...)...)
}

// ParseMetadata reads the metadata of one service: an EntityDescriptor with a
// service provider. Addresses by plain http are left out, unless loopback says
// that we are reached by http on loopback ourselves (SAML-2).
func ParseMetadata(document []byte, loopback bool) (*Entity, error) {
	root, err := readXML(document, metadataLimits)
	if err != nil {
		return nil, err
	}
	return parseEntity(root, loopback)
}

func parseEntity(root *etree.Element, loopback bool) (*Entity, error) {
	if !is(root, nsMetadata, "EntityDescriptor") {
		return nil, badMetadata("want one EntityDescriptor")
	}
	e := &Entity{ID: attr(root, "entityID")}
	if e.ID == "" || len(e.ID) > maxEntityID || strings.ContainsAny(e.ID, " \t\r\n") {
		return nil, badMetadata("the entityID must be an address of at most %d characters", maxEntityID)
	}
	roles := serviceRoles(root)
	if len(roles) != 1 {
		return nil, badMetadata("%s: want one SPSSODescriptor for SAML 2.0", e.ID)
	}
	role := roles[0]
	for _, el := range []*etree.Element{root, role} {
		if err := e.limit(attr(el, "validUntil")); err != nil {
			return nil, err
		}
	}
	e.SignsRequests = isTrue(attr(role, "AuthnRequestsSigned"))
	e.readConsumers(role, loopback)
	if len(e.Consumers) == 0 {
		return nil, badMetadata("%s: no AssertionConsumerService by HTTP-POST at an https address", e.ID)
	}
	e.readLogouts(role, loopback)
	return e, e.readKeys(role)
}

// serviceRoles returns the descriptions of a service provider for SAML 2.0.
func serviceRoles(root *etree.Element) []*etree.Element {
	return slices.DeleteFunc(children(root, nsMetadata, "SPSSODescriptor"), func(role *etree.Element) bool {
		return !slices.Contains(strings.Fields(attr(role, "protocolSupportEnumeration")), nsProtocol)
	})
}

// limit takes over the earlier of two ends.
func (e *Entity) limit(validUntil string) error {
	if validUntil == "" {
		return nil
	}
	end, err := time.Parse(time.RFC3339, validUntil)
	if err != nil {
		return badMetadata("%s: validUntil", e.ID)
	}
	if e.ValidUntil.IsZero() || end.Before(e.ValidUntil) {
		e.ValidUntil = end
	}
	return nil
}

func (e *Entity) readConsumers(role *etree.Element, loopback bool) {
	for _, service := range children(role, nsMetadata, "AssertionConsumerService") {
		location := attr(service, "Location")
		if attr(service, "Binding") != bindingPost || federation.CheckAddress(location, loopback) != nil { //guard:SAML-2
			continue
		}
		consumer := Consumer{Location: location, Index: attr(service, "index")}
		if value := attr(service, "isDefault"); value != "" {
			isDefault := isTrue(value)
			consumer.IsDefault = &isDefault
		}
		e.Consumers = append(e.Consumers, consumer)
	}
}

func (e *Entity) readLogouts(role *etree.Element, loopback bool) {
	for _, service := range children(role, nsMetadata, "SingleLogoutService") {
		logout := Logout{Binding: attr(service, "Binding"), Location: attr(service, "Location"), Response: attr(service, "ResponseLocation")}
		if logout.Response == "" {
			logout.Response = logout.Location
		}
		front := logout.Binding == bindingRedirect || logout.Binding == bindingPost
		if front && federation.CheckAddress(logout.Response, loopback) == nil {
			e.Logouts = append(e.Logouts, logout)
		}
	}
}

// readKeys takes every certificate that can be read; one without a use is for
// both (SAML-7). That one has expired does not matter: metadata is about keys.
func (e *Entity) readKeys(role *etree.Element) error {
	for _, descriptor := range children(role, nsMetadata, "KeyDescriptor") {
		var methods []string
		for _, method := range children(descriptor, nsMetadata, "EncryptionMethod") {
			methods = append(methods, attr(method, "Algorithm"))
		}
		use := attr(descriptor, "use")
		for _, data := range children(child(descriptor, nsSignature, "KeyInfo"), nsSignature, "X509Data") {
			for _, encoded := range children(data, nsSignature, "X509Certificate") {
				certificate, err := parseCertificate(text(encoded))
				if err != nil {
					return badMetadata("%s: a certificate cannot be read", e.ID)
				}
				if use == "" || use == "signing" {
					e.Signing = append(e.Signing, certificate)
				}
				if use == "" || use == "encryption" {
					e.Encryption = append(e.Encryption, EncryptionKey{Key: fitKey(certificate), Methods: methods})
				}
			}
		}
	}
	return nil
}

// fitKey is the key of a certificate if we can encrypt for it.
func fitKey(certificate *x509.Certificate) *rsa.PublicKey {
	if key, ok := certificate.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() >= minKeyBits {
		return key
	}
	return nil
}

func parseCertificate(encoded string) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// errConsumer means that an answer may not go where a request wants it.
var errConsumer = errors.New("saml: the address for the answer is not in the metadata")

// consumer returns where the answer to a request goes: where it says, by an
// address or an index of the metadata, or else to the default (SAML-2).
func (e *Entity) consumer(address, index, binding string) (string, error) {
	if binding != "" && binding != bindingPost || address != "" && index != "" {
		return "", errConsumer
	}
	found := -1
	switch {
	case address != "":
		found = slices.IndexFunc(e.Consumers, func(c Consumer) bool { return c.Location == address })
	case index != "":
		found = slices.IndexFunc(e.Consumers, func(c Consumer) bool { return sameIndex(c.Index, index) })
	default:
		return e.defaultConsumer().Location, nil
	}
	if found < 0 { //guard:SAML-2
		return "", errConsumer
	}
	return e.Consumers[found].Location, nil
}

func sameIndex(a, b string) bool {
	m, err1 := strconv.ParseUint(a, 10, 16)
	n, err2 := strconv.ParseUint(b, 10, 16)
	return err1 == nil && err2 == nil && m == n
}

// defaultConsumer follows saml-metadata-2.0-os §2.2.3.
func (e *Entity) defaultConsumer() Consumer {
	for _, first := range []func(Consumer) bool{
		func(c Consumer) bool { return c.IsDefault != nil && *c.IsDefault },
		func(c Consumer) bool { return c.IsDefault == nil },
	} {
		if i := slices.IndexFunc(e.Consumers, first); i >= 0 {
			return e.Consumers[i]
		}
	}
	return e.Consumers[0]
}

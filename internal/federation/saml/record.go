package saml

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"

	"warifu/internal/federation"
)

// Record is what is kept of a service provider that a feed describes.
type Record struct {
	EntityID      string          `json:"entity_id"`
	ValidUntil    time.Time       `json:"valid_until,omitzero"` // its own; zero: without end
	SignsRequests bool            `json:"signs_requests,omitempty"`
	Consumers     []Consumer      `json:"consumers"`
	Logouts       []Logout        `json:"logouts,omitempty"`
	Signing       [][]byte        `json:"signing,omitempty"` // certificates in DER
	Encryption    []RecordKey     `json:"encryption,omitempty"`
	Requested     []Requested     `json:"requested,omitempty"`
	Categories    []string        `json:"categories,omitempty"`     // entity categories
	SubjectID     string          `json:"subject_id,omitempty"`     // subject-id:req (saml-subject-id-attr-v1.0 §3.2)
	Registrar     string          `json:"registrar,omitempty"`      // registrationAuthority (saml-metadata-rpi-v1.0 §2.1)
	Name          federation.Text `json:"name,omitzero"`            // as people know it
	Owner         federation.Text `json:"owner,omitzero"`           // its organization
	PrivacyURL    federation.Text `json:"privacy_url,omitzero"`     // its privacy statement
	Information   federation.Text `json:"information_url,omitzero"` // a page about it
}

// RecordKey is an [EncryptionKey] as it is stored: in the form of PKIX.
type RecordKey struct {
	Key     []byte   `json:"key,omitempty"` // empty if it is none that we can encrypt for
	Methods []string `json:"methods,omitempty"`
}

// Requested is an attribute that a service asks for in its metadata
// (saml-metadata-2.0-os §2.4.4.2).
type Requested struct {
	Name     string `json:"name"`
	Required bool   `json:"required,omitempty"`
}

// The names of the entity attributes that are read.
const (
	categoryAttribute  = "http://macedir.org/entity-category"
	subjectIDAttribute = "urn:oasis:names:tc:SAML:profiles:subject-id:req"
	nsRegistration     = "urn:oasis:names:tc:SAML:metadata:rpi"
	mostText           = 200 // characters of a name
)

// RecordID is the id of a service that a feed describes: that of its entityID,
// whichever feed has it.
func RecordID(entityID string) string {
	digest := sha256.Sum256([]byte(entityID))
	return recordPrefix + strings.ToLower(base32.StdEncoding.EncodeToString(digest[:20]))
}

const recordPrefix = "sp-"

// readRecord reads an EntityDescriptor with a service provider.
func readRecord(root *etree.Element, loopback bool) (Record, error) {
	e, err := parseEntity(root, loopback)
	if err != nil {
		return Record{}, err
	}
	r := Record{EntityID: e.ID, ValidUntil: e.ValidUntil, SignsRequests: e.SignsRequests, Consumers: e.Consumers, Logouts: e.Logouts}
	for _, certificate := range e.Signing {
		r.Signing = append(r.Signing, certificate.Raw)
	}
	for _, key := range e.Encryption {
		stored := RecordKey{Methods: key.Methods}
		if key.Key != nil {
			if stored.Key, err = x509.MarshalPKIXPublicKey(key.Key); err != nil {
				return Record{}, badMetadata("%s: a key cannot be written", e.ID)
			}
		}
		r.Encryption = append(r.Encryption, stored)
	}
	r.readExtensions(child(root, nsMetadata, "Extensions"))
	role := serviceRoles(root)[0]
	r.readRequested(role)
	r.readTexts(root, role)
	return r, nil
}

// readExtensions reads the entity attributes and who has registered the service.
func (r *Record) readExtensions(extensions *etree.Element) {
	if extensions == nil {
		return
	}
	r.Registrar = attr(child(extensions, nsRegistration, "RegistrationInfo"), "registrationAuthority")
	for _, attributes := range children(extensions, nsAttribute, "EntityAttributes") {
		for _, attribute := range children(attributes, nsAssertion, "Attribute") {
			for _, value := range children(attribute, nsAssertion, "AttributeValue") {
				switch attr(attribute, "Name") {
				case categoryAttribute:
					r.Categories = append(r.Categories, text(value))
				case subjectIDAttribute:
					r.SubjectID = text(value)
				}
			}
		}
	}
}

// readRequested reads what the service asks for by default: a request that names
// another set gets no more (saml-metadata-2.0-os §2.4.4.1).
func (r *Record) readRequested(role *etree.Element) {
	all := children(role, nsMetadata, "AttributeConsumingService")
	if len(all) == 0 {
		return
	}
	chosen := slices.IndexFunc(all, func(el *etree.Element) bool { return isTrue(attr(el, "isDefault")) })
	if chosen < 0 {
		chosen = max(0, slices.IndexFunc(all, func(el *etree.Element) bool { return attr(el, "isDefault") == "" }))
	}
	for _, requested := range children(all[chosen], nsMetadata, "RequestedAttribute") {
		r.Requested = append(r.Requested, Requested{Name: attr(requested, "Name"), Required: isTrue(attr(requested, "isRequired"))})
	}
}

// readTexts reads what people see of the service. Pictures of other sites are not
// loaded.
func (r *Record) readTexts(root, role *etree.Element) {
	ui := child(child(role, nsMetadata, "Extensions"), nsUI, "UIInfo")
	r.Name = texts(ui, nsUI, "DisplayName", short)
	if r.Name == (federation.Text{}) {
		r.Name = texts(child(role, nsMetadata, "AttributeConsumingService"), nsMetadata, "ServiceName", short)
	}
	r.Owner = texts(child(root, nsMetadata, "Organization"), nsMetadata, "OrganizationDisplayName", short)
	if r.Name == (federation.Text{}) {
		r.Name = federation.Text{Japanese: short(r.EntityID), English: short(r.EntityID)}
	}
	r.PrivacyURL = texts(ui, nsUI, "PrivacyStatementURL", page)
	r.Information = texts(ui, nsUI, "InformationURL", page)
}

// texts returns the texts of the child elements of a name by their language.
func texts(el *etree.Element, namespace, name string, as func(string) string) (t federation.Text) {
	for _, c := range children(el, namespace, name) {
		value := as(text(c))
		language, _, _ := strings.Cut(strings.ToLower(c.SelectAttrValue("xml:lang", "")), "-")
		switch {
		case language == "ja" && t.Japanese == "":
			t.Japanese = value
		case language == "en" && t.English == "":
			t.English = value
		}
	}
	return t
}

// short is a text in one line, cut where it is too long to be a name.
func short(value string) string {
	runes := []rune(clean(strings.Join(strings.Fields(value), " ")))
	return string(runes[:min(len(runes), mostText)])
}

// page is an address that a link may lead to, or nothing.
func page(address string) string {
	if federation.CheckAddress(address, true) != nil {
		return ""
	}
	return address
}

// entity returns what an answer needs.
func (r Record) entity() (*Entity, error) {
	e := &Entity{ID: r.EntityID, ValidUntil: r.ValidUntil, SignsRequests: r.SignsRequests, Consumers: r.Consumers, Logouts: r.Logouts}
	for _, der := range r.Signing {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("saml: record: %w", err)
		}
		e.Signing = append(e.Signing, certificate)
	}
	for _, key := range r.Encryption {
		read := EncryptionKey{Methods: key.Methods}
		if len(key.Key) > 0 {
			public, err := x509.ParsePKIXPublicKey(key.Key)
			if err != nil {
				return nil, fmt.Errorf("saml: record: %w", err)
			}
			read.Key, _ = public.(*rsa.PublicKey)
		}
		e.Encryption = append(e.Encryption, read)
	}
	return e, nil
}

// isWeak reports whether a key cannot verify what must not be forged.
func isWeak(certificate *x509.Certificate) bool {
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() < minKeyBits
	case *ecdsa.PublicKey:
		return false
	}
	return true
}

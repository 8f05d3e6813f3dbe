package saml

import (
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/beevik/etree"
)

const (
	confirmationLife = 5 * time.Minute                         // of the way from us to the service (SAML-4)
	idBytes          = 20                                      // 160 bits (SAML-3)
	methodBearer     = "urn:oasis:names:tc:SAML:2.0:cm:bearer" //nolint:gosec // G101: a name, and no secret
	formatURI        = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
)

// newID returns an ID that nobody guesses.
func newID(random io.Reader) (string, error) {
	raw := make([]byte, idBytes)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("saml: %w", err)
	}
	return "_" + hex.EncodeToString(raw), nil
}

// statement is what a service is told about a person.
type statement struct {
	ID           string
	Issuer       string // our entityID
	Audience     string // its entityID
	Recipient    string // the address that the answer goes to
	InResponseTo string
	NameID       nameID
	Now          time.Time
	AuthnInstant time.Time
	SessionIndex string
	SessionEnd   time.Time
	ClassRef     string
	Attributes   []attribute
}

// attribute is one with values, which is released to a service.
type attribute struct {
	Name, FriendlyName string
	Values             []string
	NameIDs            []nameID // of eduPersonTargetedID, whose value is an element
}

// assertion returns the statement as XML, signed. It is a document of its own,
// which declares what it uses, so that it can be encrypted as it is.
func (s statement) assertion(c Credential) (*etree.Element, error) {
	root := attributed(etree.NewElement("saml:Assertion"), "xmlns:saml", nsAssertion, "ID", s.ID, "IssueInstant", written(s.Now), "Version", "2.0")
	addText(root, "saml:Issuer", s.Issuer)
	end := written(s.Now.Add(confirmationLife))
	subject := add(root, "saml:Subject")
	s.NameID.addTo(subject)
	confirmation := add(subject, "saml:SubjectConfirmation", "Method", methodBearer)
	add(confirmation, "saml:SubjectConfirmationData", "InResponseTo", s.InResponseTo, "NotOnOrAfter", end, "Recipient", s.Recipient)
	conditions := add(root, "saml:Conditions", "NotBefore", written(s.Now), "NotOnOrAfter", end)
	addText(add(conditions, "saml:AudienceRestriction"), "saml:Audience", s.Audience)
	authn := add(root, "saml:AuthnStatement", "AuthnInstant", written(s.AuthnInstant), "SessionIndex", s.SessionIndex,
		"SessionNotOnOrAfter", written(s.SessionEnd))
	addText(add(authn, "saml:AuthnContext"), "saml:AuthnContextClassRef", s.ClassRef)
	if len(s.Attributes) > 0 {
		all := add(root, "saml:AttributeStatement")
		for _, a := range s.Attributes {
			a.addTo(all)
		}
	}
	return root, sign(root, 1, c)
}

func (n nameID) addTo(parent *etree.Element) {
	el := addText(parent, "saml:NameID", n.Value, "Format", n.Format)
	if n.NameQualifier != "" {
		el.CreateAttr("NameQualifier", n.NameQualifier)
	}
	if n.SPNameQualifier != "" {
		el.CreateAttr("SPNameQualifier", n.SPNameQualifier)
	}
}

func (a attribute) addTo(parent *etree.Element) {
	el := add(parent, "saml:Attribute", "FriendlyName", a.FriendlyName, "Name", a.Name, "NameFormat", formatURI)
	for _, value := range a.Values {
		addText(el, "saml:AttributeValue", value)
	}
	for _, value := range a.NameIDs {
		value.addTo(add(el, "saml:AttributeValue"))
	}
}

// answer is the frame of every message of ours.
type answer struct {
	ID           string
	Issuer       string
	Destination  string
	InResponseTo string
	Now          time.Time
	Status       *status
}

// element is the frame with the status, and no signature yet.
func (a answer) element(name string) *etree.Element {
	root := attributed(etree.NewElement("samlp:"+name), "xmlns:samlp", nsProtocol, "xmlns:saml", nsAssertion,
		"Destination", a.Destination, "ID", a.ID, "InResponseTo", a.InResponseTo, "IssueInstant", written(a.Now), "Version", "2.0")
	addText(root, "saml:Issuer", a.Issuer)
	a.Status.addTo(root)
	return root
}

// response returns the bytes of a Response, signed. The assertion is in canonical
// form, encrypted or not; without success there is none.
func (a answer) response(assertion *etree.Element, c Credential) ([]byte, error) {
	root := a.element("Response")
	if assertion != nil {
		root.AddChild(assertion)
	}
	if err := sign(root, 1, c); err != nil {
		return nil, err
	}
	return serialize(root)
}

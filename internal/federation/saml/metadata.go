package saml

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"strconv"
	"time"

	"github.com/beevik/etree"

	"warifu/internal/federation"
)

// metadataLife is how long our metadata say that they are good, from the
// beginning of the day (UTC).
const metadataLife = 14 * 24 * time.Hour

const contactSecurity = "http://refeds.org/metadata/contactType/security"

// metadataOf describes us, signed, in the order of the schema: validating
// services refuse any other (saml-metadata-2.0-os §2.3.2).
func metadataOf(p Policy, keys []Credential, now time.Time) ([]byte, error) {
	root := attributed(etree.NewElement("md:EntityDescriptor"), "xmlns:md", nsMetadata, "xmlns:ds", nsSignature, "ID", "_metadata",
		"entityID", p.Name(), "validUntil", written(now.UTC().Truncate(24*time.Hour).Add(metadataLife)))
	extensions := add(root, "md:Extensions", "xmlns:alg", nsAlgorithm)
	add(extensions, "alg:DigestMethod", "Algorithm", digestMethods[0])
	for _, method := range []string{"rsa-sha256", "ecdsa-sha256"} { // else Shibboleth SP 3 signs by POST with SHA-1
		add(extensions, "alg:SigningMethod", "Algorithm", "http://www.w3.org/2001/04/xmldsig-more#"+method)
	}
	p.EntityAttributes.addTo(extensions)
	p.addRole(root, keys)
	p.addOrganization(root)
	p.addContacts(root)
	if err := sign(root, 0, keys[0]); err != nil {
		return nil, err
	}
	return serialize(root)
}

// addTo adds what there is (saml-metadata-entity-attr-1.0 §2).
func (e EntityAttributes) addTo(extensions *etree.Element) {
	var all *etree.Element
	for _, one := range []struct {
		name   string
		values []string
	}{{"urn:oasis:names:tc:SAML:attribute:assurance-certification", e.Certifications}, {"http://macedir.org/entity-category-support", e.Supports}} {
		if len(one.values) == 0 {
			continue
		}
		if all == nil {
			all = add(extensions, "mdattr:EntityAttributes", "xmlns:mdattr", nsAttribute, "xmlns:saml", nsAssertion)
		}
		attribute := add(all, "saml:Attribute", "Name", one.name, "NameFormat", formatURI)
		for _, value := range one.values {
			addText(attribute, "saml:AttributeValue", value)
		}
	}
}

func (p Policy) addRole(root *etree.Element, keys []Credential) {
	role := add(root, "md:IDPSSODescriptor", "protocolSupportEnumeration", nsProtocol, "errorURL", p.BaseURL+errorPath+
		"?code=ERRORURL_CODE&ts=ERRORURL_TS&rp=ERRORURL_RP&tid=ERRORURL_TID&ctx=ERRORURL_CTX")
	p.addExtensions(role)
	for _, key := range keys {
		data := add(add(add(role, "md:KeyDescriptor", "use", "signing"), "ds:KeyInfo"), "ds:X509Data")
		addText(data, "ds:X509Certificate", base64.StdEncoding.EncodeToString(key.Certificate))
	}
	for _, binding := range []string{bindingRedirect, bindingPost} {
		add(role, "md:SingleLogoutService", "Binding", binding, "Location", p.BaseURL+logoutPath)
	}
	for _, format := range []string{formatTransient, formatPersistent} {
		addText(role, "md:NameIDFormat", format)
	}
	for _, binding := range []string{bindingRedirect, bindingPost} {
		add(role, "md:SingleSignOnService", "Binding", binding, "Location", p.BaseURL+signOnPath)
	}
}

// inBoth adds an element for each language that has a text.
func inBoth(parent *etree.Element, name string, text federation.Text) {
	for _, one := range []struct{ lang, text string }{{"ja", text.Japanese}, {"en", text.English}} {
		if one.text != "" {
			addText(parent, name, one.text, "xml:lang", one.lang)
		}
	}
}

// addExtensions says which scopes are ours, and how discovery services show us.
func (p Policy) addExtensions(role *etree.Element) {
	extensions := add(role, "md:Extensions", "xmlns:mdui", nsUI, "xmlns:shibmd", nsScope)
	for _, scope := range p.Scopes {
		addText(extensions, "shibmd:Scope", scope, "regexp", "false")
	}
	info := add(extensions, "mdui:UIInfo")
	name := p.Institution
	if name == (federation.Text{}) {
		name = p.App
	}
	inBoth(info, "mdui:DisplayName", name)
	inBoth(info, "mdui:Description", p.Description)
	if len(p.Logo) > 0 {
		width, height := p.logoSize()
		addText(info, "mdui:Logo", p.BaseURL+logoPath, "height", strconv.Itoa(height), "width", strconv.Itoa(width))
	}
	inBoth(info, "mdui:InformationURL", p.InformationURL)
	inBoth(info, "mdui:PrivacyStatementURL", p.PrivacyURL)
}

// logoSize is in pixels. An SVG has none; discovery services show it at this size.
func (p Policy) logoSize() (width, height int) {
	if p.LogoType == ".png" {
		if c, err := png.DecodeConfig(bytes.NewReader(p.Logo)); err == nil {
			return c.Width, c.Height
		}
	}
	return 80, 60
}

// addOrganization names the institution, whose element needs a site.
func (p Policy) addOrganization(root *etree.Element) {
	if p.Institution == (federation.Text{}) || p.OrganizationURL == (federation.Text{}) {
		return
	}
	organization := add(root, "md:Organization")
	for _, name := range []string{"md:OrganizationName", "md:OrganizationDisplayName"} {
		inBoth(organization, name, p.Institution)
	}
	inBoth(organization, "md:OrganizationURL", p.OrganizationURL)
}

func (p Policy) addContacts(root *etree.Element) {
	for _, contact := range []struct{ kind, address string }{{"technical", p.Technical}, {"support", p.Support}, {"other", p.Security}} {
		if contact.address == "" {
			continue
		}
		person := add(root, "md:ContactPerson", "contactType", contact.kind)
		if contact.kind == "other" {
			person.CreateAttr("xmlns:remd", nsREFEDS)
			person.CreateAttr("remd:contactType", contactSecurity)
		}
		addText(person, "md:GivenName", p.App.English)
		addText(person, "md:EmailAddress", "mailto:"+contact.address)
	}
}

package saml

import (
	"slices"
	"time"

	"github.com/beevik/etree"

	"warifu/internal/assurance"
)

// How old a request may be, and how far ahead its sender's clock.
const (
	maxAge    = 8 * time.Minute
	clockSkew = 3 * time.Minute
)

// The formats of a NameID (saml-core-2.0-os §8.3).
const (
	formatUnspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	formatPersistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	formatTransient   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	formatEntity      = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
)

// expectation is what a message must fit.
type expectation struct {
	destination string // our address
	signed      bool   // then it must say that it is for us
	now         time.Time
}

// checkHead holds a message to what all have in common (saml-core-2.0-os §3.2.1).
func checkHead(root *etree.Element, name string, want expectation) error {
	switch {
	case !is(root, nsProtocol, name):
		return refuse("want a %s", name)
	case attr(root, "Version") != "2.0":
		return refuse("version")
	case !ncName.MatchString(attr(root, "ID")):
		return refuse("ID")
	}
	issued, err := instant(attr(root, "IssueInstant"))
	if err != nil {
		return err
	}
	if issued.Before(want.now.Add(-maxAge)) || issued.After(want.now.Add(clockSkew)) { //guard:A52
		return refuse("made at %s", issued)
	}
	destination := attr(root, "Destination")
	if destination != want.destination && (want.signed || destination != "") { //guard:A52
		return refuse("it is for another address")
	}
	issuer := child(root, nsAssertion, "Issuer")
	if format := attr(issuer, "Format"); issuer == nil || len(issuer.ChildElements()) > 0 || format != "" && format != formatEntity {
		return refuse("issuer")
	}
	return nil
}

// authnRequest is what a service asks (saml-core-2.0-os §3.4.1).
type authnRequest struct {
	ID       string
	Issuer   string
	Consumer struct{ Address, Index, Binding string }
	Force    bool
	Passive  bool
	Subject  *nameID // who it must be; nil if nothing is said
	Format   string  // of the NameID that it wants
	Relation string  // SPNameQualifier
	Levels   []string
	Compare  assurance.Comparison
	Fault    *status // what cannot be answered; it is told to the service
}

// nameID names a person towards a service.
type nameID struct {
	Format, Value, NameQualifier, SPNameQualifier string
}

// parseAuthnRequest reads a message that has been verified. Extensions,
// AllowCreate and Scoping change nothing here.
func parseAuthnRequest(root *etree.Element, want expectation) (authnRequest, error) {
	if err := checkHead(root, "AuthnRequest", want); err != nil {
		return authnRequest{}, err
	}
	if err := sequence(root, nsAssertion+" Issuer", nsSignature+" Signature", nsProtocol+" Extensions", nsAssertion+" Subject",
		nsProtocol+" NameIDPolicy", nsAssertion+" Conditions", nsProtocol+" RequestedAuthnContext", nsProtocol+" Scoping"); err != nil {
		return authnRequest{}, err
	}
	r := authnRequest{ID: attr(root, "ID"), Issuer: text(child(root, nsAssertion, "Issuer")),
		Force: isTrue(attr(root, "ForceAuthn")), Passive: isTrue(attr(root, "IsPassive"))}
	r.Consumer.Address, r.Consumer.Index = attr(root, "AssertionConsumerServiceURL"), attr(root, "AssertionConsumerServiceIndex")
	r.Consumer.Binding = attr(root, "ProtocolBinding")
	policy := child(root, nsProtocol, "NameIDPolicy")
	r.Format, r.Relation = attr(policy, "Format"), attr(policy, "SPNameQualifier")
	if subject := child(root, nsAssertion, "Subject"); subject != nil {
		r.readSubject(subject)
	}
	if context := child(root, nsProtocol, "RequestedAuthnContext"); context != nil {
		r.readContext(context)
	}
	return r, nil
}

func (r *authnRequest) readSubject(subject *etree.Element) {
	name := child(subject, nsAssertion, "NameID")
	if name == nil || len(subject.ChildElements()) != 1 || len(name.ChildElements()) > 0 { // encrypted, or to be confirmed in some way
		r.Fault = statusUnknownPrincipal
		return
	}
	r.Subject = readNameID(name)
}

func readNameID(name *etree.Element) *nameID {
	return &nameID{Format: attr(name, "Format"), Value: text(name),
		NameQualifier: attr(name, "NameQualifier"), SPNameQualifier: attr(name, "SPNameQualifier")}
}

// maxLevels is more than anyone asks for.
const maxLevels = 20

func (r *authnRequest) readContext(context *etree.Element) {
	r.Compare = assurance.Comparison(attr(context, "Comparison"))
	if r.Compare == "" {
		r.Compare = assurance.Exact
	}
	for _, ref := range context.ChildElements() {
		if is(ref, nsAssertion, "AuthnContextClassRef") {
			r.Levels = append(r.Levels, text(ref))
			continue
		}
		r.Fault = statusNoAuthnContext // a declaration, of which we know none
	}
	known := []assurance.Comparison{assurance.Exact, assurance.Minimum}
	if !slices.Contains(known, r.Compare) || len(r.Levels) == 0 || len(r.Levels) > maxLevels { //guard:SAML-5
		r.Fault = statusNoAuthnContext
	}
}

// logoutRequest asks to end a session (saml-core-2.0-os §3.7.1).
type logoutRequest struct {
	ID       string
	Issuer   string
	Subject  nameID
	Sessions []string // indexes; none means all of the person at that service
	Silent   bool     // no answer is wanted (saml-async-slo)
}

func parseLogoutRequest(root *etree.Element, want expectation) (logoutRequest, error) {
	if err := checkHead(root, "LogoutRequest", want); err != nil {
		return logoutRequest{}, err
	}
	if err := sequence(root, nsAssertion+" Issuer", nsSignature+" Signature", nsProtocol+" Extensions", nsAssertion+" NameID",
		nsProtocol+" SessionIndex*"); err != nil {
		return logoutRequest{}, err
	}
	r := logoutRequest{ID: attr(root, "ID"), Issuer: text(child(root, nsAssertion, "Issuer"))}
	if end := attr(root, "NotOnOrAfter"); end != "" {
		at, err := instant(end)
		if err != nil || !want.now.Before(at.Add(clockSkew)) {
			return logoutRequest{}, refuse("it has expired")
		}
	}
	for _, index := range children(root, nsProtocol, "SessionIndex") {
		r.Sessions = append(r.Sessions, text(index))
	}
	names := children(root, nsAssertion, "NameID")
	if len(names) != 1 || len(names[0].ChildElements()) > 0 {
		return logoutRequest{}, refuse("want one NameID")
	}
	r.Subject = *readNameID(names[0])
	if extensions := child(root, nsProtocol, "Extensions"); extensions != nil {
		r.Silent = child(extensions, nsAsync, "Asynchronous") != nil
	}
	return r, nil
}

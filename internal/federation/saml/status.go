package saml

import "github.com/beevik/etree"

// status is the outcome of a request in the words of SAML
// (saml-core-2.0-os §3.2.2.2): whose fault it is, and what.
type status struct{ first, second string }

func (s *status) Error() string { return "saml: " + s.first + "/" + s.second }

const statusPrefix = "urn:oasis:names:tc:SAML:2.0:status:"

// The outcomes.
var (
	statusSuccess          = &status{"Success", ""}
	statusPartialLogout    = &status{"Success", "PartialLogout"}
	statusNoPassive        = &status{"Responder", "NoPassive"}
	statusNoAuthnContext   = &status{"Responder", "NoAuthnContext"}
	statusAuthnFailed      = &status{"Responder", "AuthnFailed"}
	statusUnknownPrincipal = &status{"Responder", "UnknownPrincipal"}
	statusRequestDenied    = &status{"Responder", "RequestDenied"}
	statusRequester        = &status{"Requester", ""}
	statusNameIDPolicy     = &status{"Requester", "InvalidNameIDPolicy"}
)

func (s *status) addTo(parent *etree.Element) {
	code := add(add(parent, "samlp:Status"), "samlp:StatusCode", "Value", statusPrefix+s.first)
	if s.second != "" {
		add(code, "samlp:StatusCode", "Value", statusPrefix+s.second)
	}
}

package assurance

// ClassRef returns what SAML's services are told for a value of acr: they do not
// know the one that OIDC has for a fallback session.
func (p Policy) ClassRef(acr string) string {
	if acr == p.fallback() {
		return PasswordProtected
	}
	return acr
}

package saml

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"warifu/internal/assurance"
)

var want = expectation{destination: ourSSO, now: start}

// TestAuthnRequest reads what a service asks. SAML-5.
func TestAuthnRequest(t *testing.T) {
	const policy = `<samlp:NameIDPolicy AllowCreate="1"/>`
	r, err := parseAuthnRequest(element(t, request()), want)
	if err != nil || r.ID != "_r1" || r.Issuer != theirEntity || r.Consumer.Address != theirACS || r.Consumer.Binding != bindingPost ||
		r.Force || r.Passive || r.Subject != nil || r.Format != "" || r.Levels != nil || r.Fault != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	context := func(attributes, inside string) []string {
		return []string{policy, policy + "<samlp:RequestedAuthnContext" + attributes + ">" + inside + "</samlp:RequestedAuthnContext>"}
	}
	const mfa, sfa = "<saml:AuthnContextClassRef> " + assurance.MFA + "\n</saml:AuthnContextClassRef>", "<saml:AuthnContextClassRef>" + assurance.SFA + "</saml:AuthnContextClassRef>"
	for name, c := range map[string]struct {
		replace []string
		want    func(authnRequest) bool
	}{
		"force":     {[]string{` Version`, ` ForceAuthn="1" Version`}, func(r authnRequest) bool { return r.Force && !r.Passive }},
		"not force": {[]string{` Version`, ` ForceAuthn="0" IsPassive="false" Version`}, func(r authnRequest) bool { return !r.Force && !r.Passive }},
		"passive":   {[]string{` Version`, ` IsPassive="true" Version`}, func(r authnRequest) bool { return r.Passive }},
		"format":    {[]string{`AllowCreate="1"`, `Format="` + formatPersistent + `" SPNameQualifier="x"`}, func(r authnRequest) bool { return r.Format == formatPersistent && r.Relation == "x" }},
		"exact": {context("", mfa+sfa), func(r authnRequest) bool {
			return slices.Equal(r.Levels, []string{assurance.MFA, assurance.SFA}) && r.Compare == assurance.Exact && r.Fault == nil
		}},
		"minimum":        {context(` Comparison="minimum"`, sfa), func(r authnRequest) bool { return r.Compare == assurance.Minimum && r.Fault == nil }},
		"better":         {context(` Comparison="better"`, sfa), func(r authnRequest) bool { return r.Fault == statusNoAuthnContext }},
		"maximum":        {context(` Comparison="maximum"`, sfa), func(r authnRequest) bool { return r.Fault == statusNoAuthnContext }},
		"declaration":    {context("", "<saml:AuthnContextDeclRef>x</saml:AuthnContextDeclRef>"), func(r authnRequest) bool { return r.Fault == statusNoAuthnContext }},
		"no level":       {context("", ""), func(r authnRequest) bool { return r.Fault == statusNoAuthnContext }},
		"too many":       {context("", strings.Repeat(sfa, 21)), func(r authnRequest) bool { return r.Fault == statusNoAuthnContext }},
		"subject":        {[]string{policy, `<saml:Subject><saml:NameID Format="` + formatPersistent + `">v</saml:NameID></saml:Subject>` + policy}, func(r authnRequest) bool { return r.Subject != nil && r.Subject.Value == "v" }},
		"hidden subject": {[]string{policy, `<saml:Subject><saml:EncryptedID/></saml:Subject>` + policy}, func(r authnRequest) bool { return r.Fault == statusUnknownPrincipal }},
		"ignored":        {[]string{policy, "<samlp:Extensions><x/></samlp:Extensions>" + policy + "<saml:Conditions/><samlp:Scoping/>"}, func(r authnRequest) bool { return r.Fault == nil }},
	} {
		r, err := parseAuthnRequest(element(t, request(c.replace...)), want)
		if err != nil || !c.want(r) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// TestWrongAuthnRequest keeps everything else on our own pages. A52.
func TestWrongAuthnRequest(t *testing.T) {
	signed := want
	signed.signed = true
	const policy, issuer = `<samlp:NameIDPolicy AllowCreate="1"/>`, `<saml:Issuer>` + theirEntity + `</saml:Issuer>`
	for name, c := range map[string]struct {
		replace []string
		want    expectation
	}{
		"another message":        {[]string{"AuthnRequest", "LogoutRequest"}, want},
		"another namespace":      {[]string{nsProtocol, nsMetadata}, want},
		"version":                {[]string{`"2.0"`, `"1.1"`}, want},
		"no ID":                  {[]string{` ID="_r1"`, ""}, want},
		"an ID that is no name":  {[]string{`_r1`, "1"}, want},
		"a long ID":              {[]string{`_r1`, strings.Repeat("a", 257)}, want},
		"no time":                {[]string{"2026-04-01T09:00:00Z", ""}, want},
		"another zone":           {[]string{"2026-04-01T09:00:00Z", "2026-04-01T18:00:00+09:00"}, want},
		"old":                    {nil, expectation{destination: ourSSO, now: start.Add(maxAge + time.Second)}},
		"ahead":                  {nil, expectation{destination: ourSSO, now: start.Add(-clockSkew - time.Second)}},
		"for another":            {[]string{ourSSO, "https://other.example/saml/sso"}, want},
		"signed for anybody":     {[]string{` Destination="` + ourSSO + `"`, ""}, signed},
		"no issuer":              {[]string{issuer, ""}, want},
		"an issuer with parts":   {[]string{issuer, "<saml:Issuer>https://<x/></saml:Issuer>"}, want},
		"an issuer in a format":  {[]string{"<saml:Issuer>", `<saml:Issuer Format="` + formatPersistent + `">`}, want},
		"two issuers":            {[]string{issuer, issuer + issuer}, want},
		"two policies":           {[]string{policy, policy + policy}, want},
		"the wrong order":        {[]string{issuer + policy, policy + issuer}, want},
		"an element that is not": {[]string{policy, policy + "<x/>"}, want},
	} {
		if r, err := parseAuthnRequest(element(t, request(c.replace...)), c.want); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := parseAuthnRequest(element(t, request(` Destination="`+ourSSO+`"`, "")), want); err != nil {
		t.Errorf("unsigned without a destination: %v", err)
	}
	for _, at := range []time.Time{start.Add(maxAge), start.Add(-clockSkew)} {
		if _, err := parseAuthnRequest(element(t, request()), expectation{destination: ourSSO, now: at}); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
}

const ourSLO = "https://sso.example/saml/slo"

func logoutMessage(replace ...string) string {
	text := `<samlp:LogoutRequest xmlns:samlp="` + nsProtocol + `" xmlns:saml="` + nsAssertion + `" ID="_l1" Version="2.0" IssueInstant="2026-04-01T09:00:00Z" Destination="` + ourSLO + `">` +
		`<saml:Issuer>` + theirEntity + `</saml:Issuer><samlp:Extensions><aslo:Asynchronous xmlns:aslo="` + nsAsync + `"/></samlp:Extensions>` +
		`<saml:NameID Format="` + formatTransient + `">_n</saml:NameID><samlp:SessionIndex>s1</samlp:SessionIndex></samlp:LogoutRequest>`
	return strings.NewReplacer(replace...).Replace(text)
}

// TestLogoutRequest reads whose session is to end.
func TestLogoutRequest(t *testing.T) {
	expected := expectation{destination: ourSLO, signed: true, now: start}
	r, err := parseLogoutRequest(element(t, logoutMessage()), expected)
	if err != nil || r.ID != "_l1" || r.Subject.Value != "_n" || !slices.Equal(r.Sessions, []string{"s1"}) || !r.Silent {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = parseLogoutRequest(element(t, logoutMessage(`</samlp:SessionIndex>`, `</samlp:SessionIndex><samlp:SessionIndex>s2</samlp:SessionIndex>`)), expected)
	if err != nil || !slices.Equal(r.Sessions, []string{"s1", "s2"}) {
		t.Errorf("%+v, %v", r, err)
	}
	for name, replace := range map[string][]string{
		"expired":   {` Version`, ` NotOnOrAfter="2026-04-01T08:57:00Z" Version`},
		"no name":   {`<saml:NameID Format="` + formatTransient + `">_n</saml:NameID>`, ""},
		"two names": {`</saml:NameID>`, `</saml:NameID><saml:NameID>x</saml:NameID>`},
		"a request": {"LogoutRequest", "AuthnRequest"},
		"unknown":   {`<samlp:SessionIndex>`, `<samlp:NotKnown/><samlp:SessionIndex>`},
		"foreign":   {`<samlp:SessionIndex>`, `<x xmlns="urn:x"/><samlp:SessionIndex>`},
		"misplaced": {`</samlp:SessionIndex>`, `</samlp:SessionIndex><samlp:Extensions/>`},
		"two heads": {`<saml:NameID `, `<samlp:Extensions/><saml:NameID `},
	} {
		if r, err := parseLogoutRequest(element(t, logoutMessage(replace...)), expected); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// FuzzRedirect and FuzzPost take whatever a browser may bring: nothing but a
// message of the right kind comes through, and nothing panics. A52.
func FuzzRedirect(f *testing.F) {
	f.Add(query(request(), "state", nil, ""))
	f.Add(query(logoutMessage(), "", &theirs, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"))
	f.Fuzz(func(t *testing.T, q string) {
		if in, err := fromQuery(q); err == nil {
			readAll(t, in)
		}
	})
}

// FuzzPost is the other binding; see [FuzzRedirect].
func FuzzPost(f *testing.F) {
	f.Add(request())
	f.Add(logoutMessage())
	f.Add(signed(f, request(), theirs))
	f.Fuzz(func(t *testing.T, message string) {
		if in, err := fromForm(strings.NewReader(form(message, "state"))); err == nil {
			readAll(t, in)
		}
	})
}

func readAll(t *testing.T, in incoming) {
	t.Helper()
	root, isSigned, err := in.verify(theirKeys, false)
	if err != nil {
		return
	}
	checkRead(t, root, isSigned)
}

func checkRead(t *testing.T, root *etree.Element, isSigned bool) {
	t.Helper()
	if r, err := parseAuthnRequest(root, expectation{destination: ourSSO, signed: isSigned, now: start}); err == nil && (r.ID == "" || root.Tag != "AuthnRequest") {
		t.Errorf("%+v", r)
	}
	if r, err := parseLogoutRequest(root, expectation{destination: ourSLO, signed: isSigned, now: start}); err == nil && (r.ID == "" || root.Tag != "LogoutRequest") {
		t.Errorf("%+v", r)
	}
}

package saml_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"warifu/internal/authenticator"
	"warifu/internal/federation"
	"warifu/internal/federation/saml"
	"warifu/internal/session"
)

// TestRefusalNamesTheService tells people in their language from where to start
// again, also where nothing says which service it was.
func TestRefusalNamesTheService(t *testing.T) {
	w := newWorld(t)
	known := "/saml/sso?" + saml.Query(by("sp", saml.TheirACS, "https://evil.example/acs"), "", nil, "")
	for _, test := range []struct{ address, lang, want string }{
		{known, "ja", "図書館 の画面からやり直してください。"},
		{known, "en", "Start again from the screen of Library."},
		{"/saml/sso", "ja", "利用しようとしたサービスの画面からやり直してください。"},
		{"/saml/sso", "en", "Start again from the screen of the service that you wanted to use."},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", base+test.address, nil)
		r.Header.Set("Accept-Language", test.lang)
		rw := httptest.NewRecorder()
		w.site.ServeHTTP(rw, r)
		if page := html.UnescapeString(rw.Body.String()); rw.Code != http.StatusBadRequest || !strings.Contains(page, test.want) {
			t.Errorf("%s %.20s: %d, want %q in\n%s", test.lang, test.address, rw.Code, test.want, page)
		}
	}
}

// TestNothingUnsolicited answers a service only what it has asked: there is no
// address at which somebody who is signed in, or whoever made the link that he
// follows, could have an assertion without a request. SAML-6.
func TestNothingUnsolicited(t *testing.T) {
	w := newWorld(t)
	w.signIn(authenticator.Password, authenticator.TOTP)
	const service = "https%3A%2F%2Fsp.example%2Fshibboleth"
	for _, query := range []string{"", "RelayState=x", "providerId=" + service, "entityID=" + service, "spentityid=" + service, "SP=" + service + "&target=x", "id=sp",
		"SAMLRequest=", "SAMLResponse=PHg%2BPC94Pg"} {
		for _, path := range []string{"/saml/sso", "/saml/continue", "/saml/unsolicited"} {
			for _, rw := range []*httptest.ResponseRecorder{w.follow(w.send("GET", path+"?"+query, "")), w.follow(w.send("POST", path, query))} {
				if rw.Code < http.StatusBadRequest || strings.Contains(rw.Body.String(), `name="SAMLResponse"`) {
					t.Errorf("%s?%s: %d %s", path, query, rw.Code, rw.Body)
				}
			}
		}
	}
	if rw := w.send("GET", "/saml/sso?"+saml.Query(by("sp", ` ID="_r1"`, ""), "", nil, ""), ""); rw.Code != http.StatusBadRequest {
		t.Errorf("a request that no answer can name: %d", rw.Code)
	}
	w.tx(func(tx seedTx) error {
		found := must[session.Session](t)(w.sessions.Find(t.Context(), w.cookie))
		if told := must[[]federation.Participation](t)(tx.Participations(t.Context(), person.ID, found.ID)); len(told) != 0 {
			t.Errorf("told: %+v", told)
		}
		return nil
	})
	a := w.answer(w.ask(by("sp")))
	if a.status() != "Success" || saml.Attr(a.response, proto, "Response", "InResponseTo") == "" || saml.Attr(a.response, ns, "SubjectConfirmationData", "InResponseTo") == "" {
		t.Errorf("an answer that names no request: %s", a.response)
	}
}

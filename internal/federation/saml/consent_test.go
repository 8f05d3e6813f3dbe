package saml_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var (
	formAction = regexp.MustCompile(`<form method="post" action="(/login/consent[^"]*)"`)
	formHidden = regexp.MustCompile(`<input type="hidden" name="(flow|token)" value="([^"]*)">`)
)

// say answers at the page that asks what may be told, and follows the browser.
func (w *world) say(page *httptest.ResponseRecorder, fields ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	action := formAction.FindStringSubmatch(page.Body.String())
	if action == nil {
		w.t.Fatalf("nobody asks: %d %s", page.Code, page.Body)
	}
	form := url.Values{}
	for _, field := range formHidden.FindAllStringSubmatch(page.Body.String(), -1) {
		form.Set(field[1], field[2])
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, base+html.UnescapeString(action[1]), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "__Host-session", Value: w.cookie})
	for _, cookie := range page.Result().Cookies() {
		r.AddCookie(cookie)
	}
	rw := httptest.NewRecorder()
	w.site.ServeHTTP(rw, r)
	return w.follow(rw)
}

// TestConsent asks before a service is told, leaves out what is withheld, and says
// so in the words of the protocol if the person refuses.
func TestConsent(t *testing.T) {
	w := newWorld(t)
	page := w.ask(by("asks"))
	for _, want := range []string{"Library", "Hanako Miyako", "hanako@miyako.example", `name="send_email"`} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	told := attributes(w.answer(w.say(page, "act", "allow", "send_affiliation", "yes")).response)
	if told["displayName"] != "Hanako Miyako" || told["eduPersonAffiliation"] != "student member" || told["mail"] != "" || len(told) != 7 {
		t.Errorf("told: %v", told)
	}
	if got, want := w.answer(w.say(w.ask(by("asks")), "act", "deny")).status(), "Responder/RequestDenied"; got != want {
		t.Errorf("refused: %s, want %s", got, want)
	}
	if got, want := w.answer(w.ask(by("asks", `ID="_r1"`, `ID="_r1" IsPassive="true"`))).status(), "Responder/NoPassive"; got != want {
		t.Errorf("passive: %s, want %s", got, want)
	}
}

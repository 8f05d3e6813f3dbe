package abuse

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"warifu/internal/demo/people"
)

// TestWEB5NextIsNoURL: wherever an address names where to go next, nobody is led
// there; a form that does is refused; and what a page has sealed cannot be exchanged
// for an address. WEB-5.
func TestWEB5NextIsNoURL(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		const evil = "https://evil.example/"
		names := []string{"next", "return_to", "returnUrl", "redirect", "redirect_uri", "continue", "url", "service", "target", "RelayState"}
		query := url.Values{}
		for _, name := range names {
			query.Set(name, evil)
		}
		b := w.newBrowser()
		p := b.get("/login?" + query.Encode())
		if p.Code != http.StatusOK || strings.Contains(p.Body.String(), `="`+evil) {
			t.Errorf("the page of the sign-in: %d", p.Code)
		}
		for _, name := range names {
			if got := b.submit("/login", p, "p", p.pending, "username", hanako.id, "password", people.Password, name, evil); got.Code != http.StatusBadRequest {
				t.Errorf("%s in the form: %d", name, got.Code)
			}
		}
		for name, pending := range map[string]string{"sealed": p.pending, "an address": evil, "a path": "//evil.example"} {
			b, n := w.newBrowser(), 0
			p := b.get("/login?" + query.Encode())
			got := b.post("/login", url.Values{"flow": {p.flow}, "token": {p.token}, "p": {pending}, "username": {hanako.id}, "password": {people.Password}})
			for ; got.Header().Get("Location") != "" && n < 5; n++ {
				if to := got.Header().Get("Location"); !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.Contains(to, "evil") {
					t.Errorf("%s leads to %s", name, to)
				}
				got = b.get(got.Header().Get("Location"))
			}
			if name != "sealed" || got.flow == "" {
				continue
			}
			if done := b.submitTOTP(got, hanako.code(w.Now())); done.Header().Get("Location") != "/home" {
				t.Errorf("after the second factor: %d %s", done.Code, done.Header().Get("Location"))
			}
		}
		closed := w.newBrowser().get("/account/passkeys?next=" + url.QueryEscape(evil))
		if to := closed.Header().Get("Location"); !strings.HasPrefix(to, "/login") || strings.Contains(to, "evil") || strings.Contains(to, "://") {
			t.Errorf("a page that asks for the sign-in leads to %q", to)
		}
	})
}

var (
	input    = regexp.MustCompile(`<input[^>]*>`)
	attr     = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
	htmlLang = regexp.MustCompile(`<html[^>]* lang="(en|ja)"`)
	footer   = regexp.MustCompile(`(?s)<footer.*</footer>`)
)

// fields returns the visible fields of a page, by their autocomplete value.
func (p page) fields() map[string]map[string]string {
	all := make(map[string]map[string]string)
	for _, tag := range input.FindAllString(p.Body.String(), -1) {
		f := make(map[string]string)
		for _, a := range attr.FindAllStringSubmatch(tag, -1) {
			f[a[1]] = a[2]
		}
		if f["type"] != "hidden" && !strings.HasSuffix(tag, " hidden>") && !strings.Contains(tag, " readonly") && f["autocomplete"] != "" {
			value, _, _ := strings.Cut(f["autocomplete"], " ") // "username webauthn"
			all[value] = f
		}
	}
	return all
}

// TestACCPages holds the pages of the flows to what can be seen in them: standard
// autocomplete values, one field for a code with a numeric keyboard, paste left alone;
// a status region on the pages that wait; what is wrong beside its field; language,
// and help at the same place on all of them. What only a browser can judge is in
// test/e2e (TestEveryPage, axe-core). ACC-1, ACC-4, ACC-5, ACC-6.
func TestACCPages(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		login := b.get("/login")
		second := b.totpPage(hanako.id)
		otp := w.newBrowser().cannot(hanako.id)
		newer := w.newBrowser()
		verify := newer.follow(newer.submit("/enrol", newer.follow(newer.password(newcomer, people.Password))))
		caller := w.newBrowser()
		waiting := caller.callDesk(taro.id)
		w.pass(31 * time.Second)
		signed := w.newBrowser()
		signed.signIn(seeded(1))
		pages := map[string]page{"login": login, "totp": second, "otp": otp, "verify": verify, "wait": waiting,
			"password": signed.get("/account/password"), "address": signed.get("/account/address")}
		for name, want := range map[string][]string{"login": {"username", "current-password"}, "totp": {"one-time-code"}, "otp": {"one-time-code"}, "verify": {"one-time-code"},
			"password": {"current-password", "new-password"}, "address": {"email"}} {
			fields := pages[name].fields()
			for _, value := range want {
				f := fields[value]
				if f == nil {
					t.Errorf("%s: no field for %s", name, value)
				} else if value == "one-time-code" && (f["inputmode"] != "numeric" || strings.Count(pages[name].Body.String(), `autocomplete="one-time-code"`) != 1 || f["maxlength"] != "") {
					t.Errorf("%s: the field of the code: %v", name, f)
				}
			}
		}
		help := footer.FindString(login.Body.String())
		if !strings.Contains(help, `href="/faq"`) {
			t.Errorf("no help in the footer: %s", help)
		}
		for name, p := range pages {
			if strings.Contains(p.Body.String(), "onpaste") || htmlLang.FindString(p.Body.String()) == "" {
				t.Errorf("%s: paste, or no language", name)
			}
			if got := footer.FindString(p.Body.String()); strings.Index(got, `href="/faq"`) != strings.Index(help, `href="/faq"`) {
				t.Errorf("%s: help is elsewhere: %s", name, got)
			}
		}
		if !strings.Contains(waiting.Body.String(), `role="status" aria-atomic="true" id="live"`) {
			t.Error("the waiting page tells no status")
		}
		for name, p := range map[string]page{"login": b.submit("/login", login, "p", login.pending), "totp": b.submitTOTP(second, "")} {
			f := p.fields()[map[string]string{"login": "username", "totp": "one-time-code"}[name]]
			problem := ""
			for id := range strings.FieldsSeq(f["aria-describedby"]) {
				if strings.HasSuffix(id, "-problem") {
					problem = id
				}
			}
			if p.Code != http.StatusUnprocessableEntity || f["aria-invalid"] != "true" || problem == "" || !strings.Contains(p.Body.String(), `class="problem" id="`+problem+`"`) {
				t.Errorf("%s: what is wrong does not stand beside its field: %d %v", name, p.Code, f)
			}
			if !strings.Contains(p.Body.String(), "<title>Error") {
				t.Errorf("%s: the title does not tell: %.300s", name, p.Body)
			}
		}
	})
}

package web_test

import (
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crypto/rand"

	"github.com/jba/templatecheck"

	"warifu/internal/account"
	"warifu/internal/admin"
	"warifu/internal/enrolment"
	"warifu/internal/faq"
	"warifu/internal/federation/consent"
	"warifu/internal/federation/oidc"
	"warifu/internal/federation/saml"
	"warifu/internal/helpdesk"
	"warifu/internal/i18n"
	"warifu/internal/recovery"
	"warifu/internal/secret"
	"warifu/internal/signin"
	"warifu/internal/web"
)

// pages are the data of every template.
var pages = map[string]any{
	"error":                   web.ErrorPage{},
	"account/account":         account.AccountPage{},
	"account/history":         account.HistoryPage{},
	"account/password":        account.PasswordPage{},
	"account/rename":          account.RenamePage{},
	"account/services":        account.ServicesPage{},
	"account/sessions":        account.SessionsPage{},
	"consent/ask":             consent.Page{},
	"account/totp":            account.AuthenticatorsPage{},
	"account/address":         account.AddressPage{},
	"account/remove":          account.RemovePage{},
	"account/home":            account.HomePage{},
	"account/passkeys":        account.PasskeysPage{},
	"account/codes":           account.CodesPage{},
	"account/codesmade":       account.CodesMadePage{},
	"account/logout":          account.LogoutPage{},
	"account/notme":           account.NotMePage{},
	"account/reported":        account.ReportedPage{},
	"account/loggedout":       account.LoggedOutPage{},
	"oidc/logout":             oidc.LogoutPage{},
	"saml/post":               saml.PostPage{},
	"enrolment/activation":    enrolment.ActivationPage{},
	"enrolment/done":          enrolment.DonePage{},
	"enrolment/scan":          enrolment.ScanPage{},
	"enrolment/verify":        enrolment.VerifyPage{},
	"recovery/code":           recovery.CodePage{},
	"recovery/forgot":         recovery.ForgotPage{},
	"recovery/password":       recovery.PasswordPage{},
	"recovery/proof":          recovery.ProofPage{},
	"recovery/done":           recovery.DonePage{},
	"recovery/link":           recovery.LinkPage{},
	"recovery/login":          recovery.LoginPage{},
	"recovery/reset":          recovery.ResetPage{},
	"recovery/sent":           recovery.SentPage{},
	"recovery/settings":       recovery.SettingsPage{},
	"signin/cannot":           signin.CannotPage{},
	"signin/otp":              signin.OTPPage{},
	"signin/choose":           signin.ChoosePage{},
	"signin/password":         signin.PasswordPage{},
	"signin/passkey":          signin.PasskeyPage{},
	"admin/desk":              admin.DeskPage{},
	"admin/faq":               admin.FAQPage{},
	"admin/lift":              admin.LiftPage{},
	"enrolment/authenticator": enrolment.AuthenticatorPage{},
	"faq/article":             faq.ArticlePage{},
	"faq/list":                faq.ListPage{},
	"desk/board":              helpdesk.BoardPage{},
	"desk/case":               helpdesk.CasePage{},
	"desk/confirm":            helpdesk.ConfirmPage{},
	"desk/person":             helpdesk.PersonPage{},
	"desk/otp":                helpdesk.OTPPage{},
	"recovery/first":          recovery.FirstPage{},
	"recovery/wait":           recovery.WaitPage{},
	"signin/desk":             signin.DeskPage{},
	"signin/recoverycode":     signin.RecoveryCodePage{},
	"signin/totp":             signin.TOTPPage{},
	"site/accessibility":      web.AccessibilityPage{},
}

func catalogue(t testing.TB) *i18n.Catalogue {
	t.Helper()
	c, err := i18n.New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTemplates type-checks the layout, and every template against the page
// that it shows.
func TestTemplates(t *testing.T) {
	templates, err := web.ParseTemplates(catalogue(t), web.Brand{}, func(string) (string, error) { return "", nil })
	if err != nil {
		t.Fatal(err)
	}
	names := append(web.Screens("*"), "error")
	for name := range pages {
		if !slices.Contains(names, name) {
			t.Errorf("%s: no template", name)
		}
	}
	for lang, set := range templates {
		for _, name := range names {
			page, ok := pages[name]
			if !ok {
				t.Errorf("%s: no page", name)
				continue
			}
			for _, part := range []string{"title", "meta", "main"} { // the layout knows no type of what it gives them
				tmpl := set.Lookup(web.PartOf(name, part))
				if tmpl == nil && part == "meta" {
					continue
				}
				if tmpl == nil {
					t.Errorf("%s %s: no %q", lang, name, part)
				} else if err := templatecheck.CheckHTML(tmpl, page); err != nil {
					t.Errorf("%s %s: %v", lang, name, err)
				}
			}
			if err := templatecheck.CheckHTML(set.Lookup(web.PartOf(name, "layout")), web.View{Page: page}); err != nil {
				t.Errorf("%s %s: layout: %v", lang, name, err)
			}
		}
	}
}

func newSite(t testing.TB, log *strings.Builder, change func(*web.Config)) *web.Site {
	t.Helper()
	key, err := secret.NewMAC(1, map[int][]byte{1: make([]byte, secret.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse("https://sso.example")
	if err != nil {
		t.Fatal(err)
	}
	config := web.Config{
		Log: slog.New(slog.NewTextHandler(log, nil)), Catalogue: catalogue(t), BaseURL: base, FormKey: key,
		Random: rand.Reader, Now: time.Now, Zone: time.UTC,
	}
	if change != nil {
		change(&config)
	}
	site, err := web.NewSite(config)
	if err != nil {
		t.Fatal(err)
	}
	site.Handle("GET /broken", func(http.ResponseWriter, *http.Request) error { return errors.New("disk on fire") })
	site.Handle("GET /panic", func(http.ResponseWriter, *http.Request) error { panic("disk on fire") })
	site.Handle("GET /gone", func(http.ResponseWriter, *http.Request) error { return gone{} })
	site.Handle("GET /form", func(w http.ResponseWriter, r *http.Request) error {
		hidden, err := site.Hidden(w, r, "step", "f1")
		if err != nil {
			return err
		}
		return site.Render(w, r, http.StatusOK, "signin/totp", signin.TOTPPage{Hidden: hidden, Digits: 6})
	})
	site.Handle("POST /form", func(w http.ResponseWriter, r *http.Request) error {
		form, err := site.Form(w, r, "step", "totp")
		if err != nil {
			return err
		}
		_, err = w.Write([]byte("accepted " + form["totp"]))
		return err
	})
	site.HandleForeign("POST /foreign", func(w http.ResponseWriter, _ *http.Request) error {
		_, err := w.Write([]byte("foreign"))
		return err
	})
	return site
}

// gone is an error such as that of a database that cannot answer.
type gone struct{}

func (gone) Error() string     { return "database gone" }
func (gone) Unavailable() bool { return true }

func request(method, path string, change func(*http.Request)) *http.Request {
	r := httptest.NewRequest(method, "https://sso.example"+path, nil)
	r.Header.Set("Accept-Language", "en")
	if change != nil {
		change(r)
	}
	return r
}

func answer(site http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	return w
}

// TestErrorsAreNotShown keeps what went wrong for the log, which has the
// reference that the page shows. OPS-3.
func TestErrorsAreNotShown(t *testing.T) {
	for _, test := range []struct {
		path   string
		status int
		want   string
	}{
		{"/broken", http.StatusInternalServerError, "There is a problem with the system"},
		{"/panic", http.StatusInternalServerError, "There is a problem with the system"},
		{"/gone", http.StatusServiceUnavailable, "The system cannot answer now"},
		{"/nowhere", http.StatusNotFound, "Page not found"},
	} {
		var log strings.Builder
		w := answer(newSite(t, &log, nil), request("GET", test.path, nil))
		_, rest, found := strings.Cut(w.Body.String(), "Number for inquiry: ")
		if w.Code != test.status || !found || !strings.Contains(w.Body.String(), test.want) || strings.Contains(w.Body.String(), "fire") {
			t.Fatalf("%s: %d %s", test.path, w.Code, w.Body)
		}
		if reference, _, _ := strings.Cut(rest, "<"); len(reference) != 8 || !strings.Contains(log.String(), reference) {
			t.Errorf("%s: reference %q, log %s", test.path, reference, log.String())
		}
		if retry := w.Header().Get("Retry-After"); (retry != "") != (test.status == http.StatusServiceUnavailable) {
			t.Errorf("%s: Retry-After %q", test.path, retry)
		}
	}
}

// named is a word that is another one in each language.
type named struct{}

func (named) In(lang string) string {
	return map[string]string{"ja": "図書館", "en": "Library"}[lang]
}

// TestProblemSpeaksThePagesLanguage shows what a problem names as it is called in
// the language of the page.
func TestProblemSpeaksThePagesLanguage(t *testing.T) {
	var log strings.Builder
	site := newSite(t, &log, nil)
	site.Handle("GET /refused", func(http.ResponseWriter, *http.Request) error {
		return &web.Problem{Status: http.StatusBadRequest, Stop: "stop.sp_request", Args: []any{"service", named{}}, Err: errors.New("refused")}
	})
	for lang, want := range map[string]string{"ja": "図書館 の画面から", "en": "the screen of Library."} {
		if page := answer(site, request("GET", "/refused?lang="+lang, nil)).Body.String(); !strings.Contains(page, want) {
			t.Errorf("%s: %s", lang, page)
		}
	}
}

var token = regexp.MustCompile(`name="token" value="(\w+)"`)

// TestForm sends a form in right and wrong ways. WEB-2, WEB-3, A4, A45, A47.
func TestForm(t *testing.T) {
	var log strings.Builder
	site := newSite(t, &log, nil)
	page := answer(site, request("GET", "/form", nil))
	cookie := page.Result().Cookies()[0]
	if cookie.Name != "__Host-browser" || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
		t.Errorf("cookie %v", cookie)
	}
	right := url.Values{"flow": {"f1"}, "token": {token.FindStringSubmatch(page.Body.String())[1]}, "totp": {"123456"}}
	other := answer(site, request("GET", "/form", nil)).Result().Cookies()[0]
	for _, test := range []struct {
		name   string
		form   func(url.Values)
		change func(*http.Request)
		status int
	}{
		{"right", nil, nil, http.StatusOK},
		{"another browser", nil, func(r *http.Request) { r.Header.Del("Cookie"); r.AddCookie(other) }, http.StatusForbidden},
		{"two cookies", nil, func(r *http.Request) { r.AddCookie(other) }, http.StatusForbidden},
		{"no cookie", nil, func(r *http.Request) { r.Header.Del("Cookie") }, http.StatusForbidden},
		{"another flow", func(f url.Values) { f.Set("flow", "f2") }, nil, http.StatusForbidden},
		{"no token", func(f url.Values) { f.Del("token") }, nil, http.StatusForbidden},
		{"half a token", func(f url.Values) { f.Set("token", f.Get("token")[:20]) }, nil, http.StatusForbidden},
		{"another site", nil, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		{"foreign origin", nil, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		{"field twice", func(f url.Values) { f.Add("totp", "123456") }, nil, http.StatusBadRequest},
		{"array field", func(f url.Values) { f["totp[]"] = []string{"1"} }, nil, http.StatusBadRequest},
		{"unknown field", func(f url.Values) { f.Set("verified", "true") }, nil, http.StatusBadRequest},
		{"bad encoding", func(f url.Values) { f.Set("totp", "\xff") }, nil, http.StatusBadRequest},
		{"too large", func(f url.Values) { f.Set("totp", strings.Repeat("1", 65<<10)) }, nil, http.StatusBadRequest},
		{"plain text", nil, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, http.StatusBadRequest},
		{"JSON", nil, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, http.StatusBadRequest},
		{"no type", nil, func(r *http.Request) { r.Header.Del("Content-Type") }, http.StatusBadRequest},
		{"another host", nil, func(r *http.Request) { r.Host = "evil.example" }, http.StatusMisdirectedRequest},
		{"repeated in the address", nil, func(r *http.Request) { r.URL.RawQuery = "lang=en&lang=ja" }, http.StatusBadRequest},
	} {
		form := url.Values{}
		for name, values := range right {
			form[name] = append([]string{}, values...)
		}
		if test.form != nil {
			test.form(form)
		}
		r := httptest.NewRequest("POST", "https://sso.example/form", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(cookie)
		if test.change != nil {
			test.change(r)
		}
		w := answer(site, r)
		if w.Code != test.status || (w.Code == http.StatusOK) != (w.Body.String() == "accepted 123456") {
			t.Errorf("%s: %d %s, want %d", test.name, w.Code, w.Body, test.status)
		}
	}
}

// TestForeign lets other sites call what is made for them, and nothing else.
func TestForeign(t *testing.T) {
	var log strings.Builder
	site := newSite(t, &log, nil)
	cross := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	if w := answer(site, request("POST", "/foreign", cross)); w.Code != http.StatusOK {
		t.Errorf("foreign: %d", w.Code)
	}
	if w := answer(site, request("POST", "/form", cross)); w.Code != http.StatusForbidden {
		t.Errorf("form: %d", w.Code)
	}
}

// TestHeaders holds every answer to WEB-1, and the pages of a flow to the
// origin that it ends at.
func TestHeaders(t *testing.T) {
	var log strings.Builder
	site := newSite(t, &log, nil)
	site.Handle("GET /to", func(w http.ResponseWriter, r *http.Request) error {
		site.AllowForm(r, "https://service.example")
		return site.Render(w, r, http.StatusOK, "account/loggedout", account.LoggedOutPage{})
	})
	for _, path := range []string{"/form", "/to", "/broken", "/nowhere"} {
		h := answer(site, request("GET", path, nil)).Header()
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "script-src 'self'", "form-action 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: policy %q lacks %q", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "https://service.example") != (path == "/to") {
			t.Errorf("%s: policy %q", path, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store",
			"Strict-Transport-Security": "max-age=63072000; includeSubDomains"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", path, name, got, want)
			}
		}
	}
}

// TestLanguage follows the language from the address to the cookie, and does
// not mix languages under load.
func TestLanguage(t *testing.T) {
	var log strings.Builder
	site := newSite(t, &log, nil)
	w := answer(site, request("GET", "/form?lang=ja", nil))
	if !strings.Contains(w.Body.String(), `<html lang="ja">`) || w.Result().Cookies()[0].Value != "ja" {
		t.Fatalf("%v %s", w.Result().Cookies(), w.Body)
	}
	keep := func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "__Host-lang", Value: "ja"}) }
	if w := answer(site, request("GET", "/form", keep)); !strings.Contains(w.Body.String(), `<html lang="ja">`) {
		t.Errorf("with the cookie: %s", w.Body)
	}
	var wg sync.WaitGroup
	for range 50 {
		for lang, want := range map[string]string{"ja": "ワンタイムパスワードの入力", "en": "Enter the one-time password"} {
			wg.Go(func() {
				w := answer(site, request("GET", "/form?lang="+lang, nil))
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("%s: %s", lang, w.Body)
				}
			})
		}
	}
	wg.Wait()
}

// TestAddress believes what trusted proxies say, and nobody else. THR-6, A42.
func TestAddress(t *testing.T) {
	var log strings.Builder
	site := newSite(t, &log, func(c *web.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	for _, test := range []struct{ peer, forwarded, want string }{
		{"192.0.2.1:1", "", "192.0.2.1"},
		{"192.0.2.1:1", "198.51.100.7", "192.0.2.1"},
		{"10.0.0.1:1", "198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:1", "203.0.113.9, 198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:1", "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"},
		{"10.0.0.1:1", "nonsense", "10.0.0.1"},
		{"10.0.0.1:1", "", "10.0.0.1"},
		{"[::ffff:192.0.2.1]:1", "", "192.0.2.1"},
	} {
		r := request("GET", "/", func(r *http.Request) {
			r.RemoteAddr = test.peer
			if test.forwarded != "" {
				r.Header.Set("X-Forwarded-For", test.forwarded)
			}
		})
		if got := site.Address(r).String(); got != test.want {
			t.Errorf("%s forwarding %q = %s, want %s", test.peer, test.forwarded, got, test.want)
		}
	}
}

// TestAssets holds the static files to a name that changes with their content.
func TestAssets(t *testing.T) {
	var log strings.Builder
	site := newSite(t, &log, nil)
	page := answer(site, request("GET", "/form", nil)).Body.String()
	all := regexp.MustCompile(`/static/[\w.-]+`).FindAllString(page, -1)
	if len(all) != 3 {
		t.Errorf("assets %v", all)
	}
	for _, address := range all {
		w := answer(site, request("GET", address, nil))
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %d %v", address, w.Code, w.Header())
		}
		plain := w.Body.String()
		for accepts, packed := range map[string]bool{"gzip, deflate, br": true, "deflate;q=0.5 , gzip": true, "br": false, "gzip;q=0": false, "": false} {
			w := answer(site, request("GET", address, func(r *http.Request) { r.Header.Set("Accept-Encoding", accepts) }))
			if got := w.Header().Get("Content-Encoding") == "gzip"; got != packed || w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s for %q: %v", address, accepts, w.Header())
			}
			if packed {
				unpacked, err := gzip.NewReader(w.Body)
				if err != nil {
					t.Fatal(err)
				}
				if text, err := io.ReadAll(unpacked); err != nil || string(text) != plain {
					t.Errorf("%s unpacks to %d bytes, %v; want %d", address, len(text), err, len(plain))
				}
			}
		}
	}
	if w := answer(site, request("GET", "/form", func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") })); w.Header().Get("Content-Encoding") != "" {
		t.Error("a page with a token is compressed")
	}
	if w := answer(site, request("GET", "/static/style.css", nil)); w.Code != http.StatusNotFound {
		t.Errorf("without a hash: %d", w.Code)
	}
}

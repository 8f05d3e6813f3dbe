package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"warifu/internal/web"
)

// FuzzForm decodes forms: what is taken has known fields alone, each once and in
// valid UTF-8, and all else is refused without a fault of the server. WEB-3, A4, A19.
func FuzzForm(f *testing.F) {
	var log strings.Builder
	site := newSite(f, &log, nil)
	site.Handle("POST /fuzz", func(w http.ResponseWriter, r *http.Request) error {
		form, err := site.Form(w, r, "step", "totp", "name")
		if err != nil {
			return err
		}
		for name, value := range form {
			if !slices.Contains([]string{"flow", "token", "totp", "name"}, name) || !utf8.ValidString(value) {
				panic("taken: " + name)
			}
		}
		for name, values := range r.PostForm {
			if len(values) != 1 || form[name] != values[0] {
				panic("not as it was sent: " + name)
			}
		}
		w.WriteHeader(http.StatusOK)
		return nil
	})
	page := answer(site, request("GET", "/form", nil))
	cookie := page.Result().Cookies()[0]
	prefix := url.Values{"flow": {"f1"}, "token": {token.FindStringSubmatch(page.Body.String())[1]}}.Encode()
	const kind = "application/x-www-form-urlencoded"
	for _, seed := range []string{"", "totp=123456", "totp=1&totp=2", "totp[]=1", "totp=%ff", "totp=%zz", "name=%E5%89%B2%E7%AC%A6&totp=1", "verified=true", "totp=1;name=2", "=", "&&&", "%00=1", "totp=1&to%74p=2"} {
		f.Add(seed, kind)
	}
	f.Add("totp=1", "text/plain")
	f.Add("totp=1", `application/x-www-form-urlencoded; charset="utf-16`)
	f.Add(`{"totp":["1","2"]}`, "application/json")
	f.Fuzz(func(t *testing.T, body, kind string) {
		log.Reset()
		r := httptest.NewRequest("POST", "https://sso.example/fuzz", strings.NewReader(prefix+"&"+body))
		r.Header.Set("Content-Type", kind)
		r.AddCookie(cookie)
		if w := answer(site, r); w.Code != http.StatusOK && w.Code != http.StatusBadRequest && w.Code != http.StatusForbidden {
			t.Errorf("%q as %q: %d %s", body, kind, w.Code, log.String())
		}
	})
}

// FuzzCookies reads cookies: one that comes twice is none, a value is one of those that
// were sent, and no header is a fault of the server. SES-1, A48.
func FuzzCookies(f *testing.F) {
	var log strings.Builder
	site := newSite(f, &log, nil)
	var session, known, trusted, method string
	var browser []byte
	site.Handle("GET /fuzz", func(w http.ResponseWriter, r *http.Request) error {
		session, known, trusted, method, browser = site.Session(r), site.Known(r), site.Trusted(r), site.Method(r), web.Browser(r)
		_ = site.HasTicket(r)
		w.WriteHeader(http.StatusOK)
		return nil
	})
	for _, seed := range []string{"", "__Host-session=abc", "__Host-session=abc; __Host-session=def", "__Host-session=\"a b\"; __Host-dev=x", "session=abc", "__Host-browser=;", "=;;=", "__Host-lang=en; __Host-lang=ja",
		"__Host-session=a\x00b", "__host-session=abc", "$Version=1; __Host-trust=1", strings.Repeat("a=b; ", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		log.Reset()
		r := request("GET", "/fuzz", func(r *http.Request) { r.Header["Cookie"] = []string{header} })
		if w := answer(site, r); w.Code != http.StatusOK {
			t.Fatalf("%q: %d %s", header, w.Code, log.String())
		}
		for name, value := range map[string]string{"session": session, "dev": known, "trust": trusted, "method": method} {
			if value != "" && (len(r.CookiesNamed("__Host-"+name)) != 1 || !strings.Contains(header, "__Host-"+name+"=") || !strings.Contains(header, value)) {
				t.Errorf("%q: %s is %q", header, name, value)
			}
		}
		if len(browser) != 0 && (len(browser) != 32 || len(r.CookiesNamed("__Host-browser")) != 1) {
			t.Errorf("%q: the browser %x", header, browser)
		}
	})
}

// FuzzAddress reads the headers of proxies: a peer that is no proxy of ours is the
// client, whatever it writes; behind one, what stands left of the client changes
// nothing; and the header Forwarded is not read at all. THR-6, WEB-4, A42.
func FuzzAddress(f *testing.F) {
	var log strings.Builder
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	site := newSite(f, &log, func(c *web.Config) { c.TrustedProxies = proxies })
	trusted := func(a netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	for _, seed := range [][2]string{{"10.0.0.1:1", "192.0.2.7"}, {"10.0.0.1:1", "192.0.2.7, 10.1.1.1"}, {"10.0.0.1:1", "spoof, 198.51.100.1"}, {"192.0.2.1:1", "10.0.0.1"}, {"[fd00::1]:443", "::ffff:192.0.2.7"},
		{"[::ffff:10.0.0.1]:1", "2001:db8::1%eth0"}, {"10.0.0.1:1", ",,"}, {"10.0.0.1:1", "192.0.2.7:8080"}, {"", ""}, {"@", "x"}} {
		f.Add(seed[0], seed[1], "for="+seed[1])
	}
	f.Fuzz(func(t *testing.T, peer, hops, forwarded string) {
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {hops}}}
		got := site.Address(r)
		from, err := netip.ParseAddrPort(peer)
		if err != nil {
			if got.IsValid() {
				t.Errorf("no peer %q, and yet %s", peer, got)
			}
			return
		}
		direct := from.Addr().Unmap()
		if !trusted(direct) && got != direct {
			t.Errorf("%s is no proxy: %s", direct, got)
		}
		r.Header = http.Header{"X-Forwarded-For": {"203.0.113.99, " + hops}}
		if left := site.Address(r); !trusted(got) && left != got {
			t.Errorf("%q: %s, with another hop at the left %s", hops, got, left)
		}
		r.Header = http.Header{"X-Forwarded-For": {hops}, "Forwarded": {forwarded}, "X-Real-Ip": {forwarded}}
		if other := site.Address(r); other != got {
			t.Errorf("Forwarded %q: %s, else %s", forwarded, other, got)
		}
	})
}

// FuzzClient reads User-Agent: the name that is kept consists of words of ours. NOT-3, A57.
func FuzzClient(f *testing.F) {
	var log strings.Builder
	site := newSite(f, &log, nil)
	for _, seed := range []string{"", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0", "curl/8.0", "Mozilla/5.0 (iPhone) CriOS/1", "\x1b[31m\r\nFirefox/1", "Linux・Chrome/", "=cmd|Chrome/"} {
		f.Add(seed)
	}
	ours := []string{"", "Edge", "Opera", "Samsung Internet", "Firefox", "Chrome", "Safari", "curl", "Windows", "iPhone", "iPad", "Android", "ChromeOS", "macOS", "Linux"}
	f.Fuzz(func(t *testing.T, agent string) {
		c := site.Client(&http.Request{RemoteAddr: "192.0.2.1:1", Header: http.Header{"User-Agent": {agent}}})
		browser, system, _ := strings.Cut(c.Name(), "・")
		if !slices.Contains(ours, c.Browser) || !slices.Contains(ours, c.System) || !slices.Contains(ours, browser) || !slices.Contains(ours, system) {
			t.Errorf("%q is %q", agent, c.Name())
		}
	})
}

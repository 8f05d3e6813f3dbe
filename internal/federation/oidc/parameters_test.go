package oidc

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"warifu/internal/federation"
)

// FuzzParameters parses anything. What passes is small, well encoded, and says
// so when something came twice. OIDC-11.
func FuzzParameters(f *testing.F) {
	for _, seed := range []string{"", "a=b&a=c", "scope=openid&state=%00", "x=%zz", "a;b", "claims=%7B%7D&=", "%ff=1", "a=b&A=b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseParameters(text)
		if err != nil {
			return
		}
		values, err := url.ParseQuery(text)
		if err != nil || len(text) > maxRequest {
			t.Fatalf("%q passes: %v", text, err)
		}
		for name, all := range values {
			if p.values[name] != all[0] || !utf8.ValidString(name+all[0]) || strings.Contains(name+all[0], "\x00") {
				t.Errorf("%q: %q", name, p.values[name])
			}
			if len(all) > 1 && p.repeated == "" {
				t.Errorf("%q came twice", name)
			}
		}
		if p.repeated != "" && len(values[p.repeated]) < 2 {
			t.Errorf("%q came once", p.repeated)
		}
	})
}

// FuzzRedirectURI matches no address that a browser would take elsewhere. A49.
func FuzzRedirectURI(f *testing.F) {
	native := federation.Service{RelyingParty: federation.RelyingParty{Type: federation.TypeNative,
		RedirectURIs: []string{"http://127.0.0.1/cb", "http://[::1]/", "https://app.example/cb"}}}
	for _, seed := range []string{"http://127.0.0.1:1/cb", "http://127.0.0.1:1@x/cb", "http://[::1]:9/", "https://app.example/cb", "http://127.0.0.1:65536/cb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if !isRegistered(native, address) {
			return
		}
		u, err := url.Parse(address)
		if err != nil || u.User != nil || u.Fragment != "" || u.RawQuery != "" {
			t.Fatalf("%q: %v", address, err)
		}
		switch u.Hostname() {
		case "127.0.0.1", "app.example":
			if u.Path != "/cb" {
				t.Errorf("%q", address)
			}
		case "::1":
			if u.Path != "/" {
				t.Errorf("%q", address)
			}
		default:
			t.Errorf("%q", address)
		}
	})
}

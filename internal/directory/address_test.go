package directory

import (
	"errors"
	netmail "net/mail"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestParseAddress proves what may be registered, and its one spelling. ADR-1.
func TestParseAddress(t *testing.T) {
	for typed, want := range map[string]string{
		"hanako@example.com":          "hanako@example.com",
		"  Hanako.M+sso@Example.COM ": "hanako.m+sso@example.com",
		"hanako@example.com.":         "hanako@example.com",
		"ｈａｎａｋｏ＠ｅｘａｍｐｌｅ．ｃｏｍ":          "hanako@example.com",
		"hanako@例え.テスト":               "hanako@xn--r8jz45g.xn--zckzah",
		"hanako@例え。テスト":               "hanako@xn--r8jz45g.xn--zckzah",
		"o'neil@bücher.example":       "o'neil@xn--bcher-kva.example",
		"a@b.museum":                  "a@b.museum",
	} {
		if got, err := ParseAddress(typed); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", typed, got, err, want)
		}
	}
	if _, err := ParseAddress(" \u3000"); !errors.Is(err, ErrAddressEmpty) {
		t.Errorf("nothing: %v", err)
	}
	for _, typed := range []string{
		"hanako", "@example.com", "hanako@", "hanako@example", "a@b@example.com", "a@example.com@", ".a@example.com", "a.@example.com", "a..b@example.com",
		`"a b"@example.com`, "a(x)@example.com", "a@example.com(x)", "a b@example.com", "a@exam ple.com", "a,b@example.com", "<a@example.com>",
		"a@example.com\r\nBcc: b@example.com", "a@example.com\nb", "a\x00@example.com", "a@[192.0.2.1]", "a@192.0.2.1", "a@[IPv6:2001:db8::1]",
		"a@-example.com", "a@example-.com", "a@example..com", "a@example.com..", "a@exa_mple.com", "花子@example.com", "a@xn--a.example",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("a", 64) + ".com", "a@" + strings.Repeat("abcdefgh.", 30) + "com", "a@example.com%", "a@b\u202e.com",
	} {
		if got, err := ParseAddress(typed); !errors.Is(err, ErrAddressFormat) {
			t.Errorf("%q passes as %q, %v", typed, got, err)
		}
	}
}

// TestRefuses proves the domains whose mail cannot be read without this
// sign-on, in every spelling, and that their neighbours are free. ADR-3.
func TestRefuses(t *testing.T) {
	refused := []string{"Miyako.Example.", "都大学.example"}
	for typed, want := range map[string]string{
		"a@miyako.example": "miyako.example", "a@MIYAKO.EXAMPLE.": "miyako.example", "a@st.miyako.example": "st.miyako.example",
		"a@x.y.ｍｉｙａｋｏ。example": "x.y.miyako.example", "a@都大学.example": "xn--3bs4cx8tvbz.example", "a@mail.都大学.EXAMPLE": "mail.xn--3bs4cx8tvbz.example",
		"a@miyako.example.com": "", "a@notmiyako.example": "", "a@example": "", "a@miyako-example.com": "",
	} {
		address, err := ParseAddress(typed)
		if err != nil {
			address = typed
		}
		got := Refuses(refused, address)
		if (got == "") != (want == "") || want != "" && !strings.Contains(want, "xn--") && got != want {
			t.Errorf("%s: %q, want %q", typed, got, want)
		}
	}
	if got := Refuses([]string{"", "."}, "a@example.com"); got != "" {
		t.Errorf("an empty domain refuses %q", got)
	}
}

// oneRecipient fails unless an address that passed is one recipient and passes
// again unchanged.
func oneRecipient(t interface{ Errorf(string, ...any) }, typed string) {
	address, err := ParseAddress(typed)
	if err != nil {
		return
	}
	if again, err := ParseAddress(address); err != nil || again != address {
		t.Errorf("%q: %q becomes %q, %v", typed, address, again, err)
	}
	list, err := netmail.ParseAddressList(address)
	if err != nil || len(list) != 1 || list[0].Address != address || list[0].Name != "" {
		t.Errorf("%q: %q is %v, %v", typed, address, list, err)
	}
	if strings.ContainsAny(address, "\r\n \t\x00<>,;:\"()[]\\") || strings.Count(address, "@") != 1 || len(address) > 254 {
		t.Errorf("%q: %q", typed, address)
	}
}

// TestAddressFolds tries addresses of the right shape in many spellings. ADR-1.
func TestAddressFolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		local := rapid.StringMatching(`[a-zA-Z0-9.+'_=-]{1,20}`).Draw(t, "local")
		domain := rapid.StringMatching(`([a-zA-Zａ-ｚ0-9-ぁ-ん例]{1,12}[.。．]){1,3}[a-zA-Zテスト]{2,6}\.?`).Draw(t, "domain")
		oneRecipient(t, local+rapid.SampledFrom([]string{"@", "＠"}).Draw(t, "at")+domain)
	})
}

// FuzzParseAddress: what passes is one recipient, and folding is idempotent. ADR-1.
func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"hanako@example.com", "ａ＠例え。テスト", "a@xn--r8jz45g.xn--zckzah", "a@example.com\r\nBcc: b@c.d", `"a"@b.c`, "a@b..c", "a@faß.de", "a@\u200d.com"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) { oneRecipient(t, typed) })
}

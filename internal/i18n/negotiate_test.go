package i18n

import (
	"slices"
	"strings"
	"testing"
)

// FuzzNegotiate reads Accept-Language: the answer is a language that there is, the same
// each time, and what was asked for before counts more.
func FuzzNegotiate(f *testing.F) {
	for _, seed := range []string{"", "en", "ja-JP,ja;q=0.9,en-US;q=0.8", "*", "en;q=0", "de, fr;q=0.5", "en_US", "x-private", ";;q=,", "en;q=1e999", strings.Repeat("en-", 200), "\xff\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := Negotiate(header)
		if !slices.Contains(Langs, got) || got != Negotiate(header) {
			t.Errorf("%q: %q", header, got)
		}
		for _, lang := range Langs {
			if asked := Negotiate(string(lang), header); asked != lang {
				t.Errorf("%q was asked for, and %q is answered to %q", lang, asked, header)
			}
		}
	})
}

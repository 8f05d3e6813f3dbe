package mail

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	for name, test := range map[string]struct{ lang, line, want string }{
		"short":       {Japanese, "短い行", "短い行"},
		"35 wide":     {Japanese, strings.Repeat("あ", 35), strings.Repeat("あ", 35)},
		"36 wide":     {Japanese, strings.Repeat("あ", 36), strings.Repeat("あ", 35) + "\nあ"},
		"closing":     {Japanese, strings.Repeat("あ", 35) + "。", strings.Repeat("あ", 34) + "\nあ。"},
		"opening":     {Japanese, strings.Repeat("あ", 34) + "「い」", strings.Repeat("あ", 34) + "\n「い」"},
		"latin word":  {Japanese, strings.Repeat("あ", 33) + "Authenticator", strings.Repeat("あ", 33) + "\nAuthenticator"},
		"wide space":  {Japanese, strings.Repeat("あ", 35) + "　い", strings.Repeat("あ", 35) + "\nい"},
		"words":       {English, strings.Repeat("word ", 14) + "end", strings.TrimSpace(strings.Repeat("word ", 13)) + "\nword end"},
		"66 columns":  {English, strings.Repeat("a", 60) + " bcdef", strings.Repeat("a", 60) + " bcdef"},
		"long word":   {English, strings.Repeat("a", 80), strings.Repeat("a", 65) + "\n" + strings.Repeat("a", 15)},
		"URL":         {English, "https://sso.miyako.example/r/" + strings.Repeat("a", 80), "https://sso.miyako.example/r/" + strings.Repeat("a", 80)},
		"other lines": {English, "a\n\n" + strings.Repeat("b ", 40) + "\nc", "a\n\n" + strings.TrimSpace(strings.Repeat("b ", 33)) + "\n" + strings.TrimSpace(strings.Repeat("b ", 7)) + "\nc"},
	} {
		if got := newWrapper(test.lang).wrap(test.line); got != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, test.want)
		}
	}
}

// FuzzWrap wants lines that fit and nothing but spaces lost.
func FuzzWrap(f *testing.F) {
	f.Add(strings.Repeat("「あ。」 word ", 20))
	f.Fuzz(func(t *testing.T, s string) {
		if s = strings.ToValidUTF8(s, ""); strings.Contains(s, "://") {
			return
		}
		squeeze := func(s string) string { return strings.NewReplacer(" ", "", "\u3000", "", "\n", "").Replace(s) }
		for _, lang := range []string{Japanese, English} {
			w := newWrapper(lang)
			got := w.wrap(s)
			if squeeze(got) != squeeze(s) {
				t.Errorf("wrap(%q) = %q", s, got)
			}
			for line := range strings.SplitSeq(got, "\n") {
				if w.width(strings.TrimRight(line, " \u3000")) > w.columns {
					t.Errorf("%s: a line of %d columns: %q", lang, w.width(line), line)
				}
			}
		}
	})
}

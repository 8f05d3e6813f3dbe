package mail

import (
	"testing"
	"time"
)

func TestMaskID(t *testing.T) {
	for id, want := range map[string]string{
		"sps00001": "sps•••01",
		"agent01":  "age•••01",
		"abcdef":   "a•••",
		"a":        "a•••",
		"":         "•••",
	} {
		if got := MaskID(id); got != want {
			t.Errorf("MaskID(%q) = %q, want %q", id, got, want)
		}
	}
}

func TestMaskAddress(t *testing.T) {
	for address, want := range map[string]string{
		"hanako@gmail.com":         "h•••@g•••.com",
		"a@st.miyako.example":      "a•••@s•••.example",
		"a@localhost":              "a•••@l•••",
		"@example.com":             "•••",
		"a@":                       "•••",
		"no address":               "•••",
		"花子@大学.example":            "花•••@大•••.example",
		`"a@b"@mail.example.ac.jp`: `"•••@m•••.jp`,
	} {
		if got := MaskAddress(address); got != want {
			t.Errorf("MaskAddress(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestTime(t *testing.T) {
	at := time.Date(2026, 11, 22, 4, 5, 59, 0, time.UTC)
	for lang, want := range map[string]string{
		Japanese: "2026年11月22日（日）13:05（日本時間）",
		English:  "Sun 22 Nov 2026, 13:05 (Japan time)",
	} {
		site := map[string]Site{Japanese: japaneseSite, English: englishSite}[lang]
		if got := (printer{lang, site, tokyo}).time(at); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

// TestPhrase fills in one pass, and lets a value go before the site's own.
func TestPhrase(t *testing.T) {
	p := printer{English, englishSite, tokyo}
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		text   string
		values Values
		want   string
	}{
		{"nothing", nil, "nothing"},
		{"{n} of {days}", Values{"n": 3, "days": 7}, "3 of 7"},
		{"{id_label}, {days}", nil, "SPS-ID, weekdays"},
		{"{a}{b}", Values{"a": "{b}", "b": "{app}"}, "{b}{app}"},
		{"{kind}", Values{"kind": Text{"ログイン", "login"}}, "login"},
		{"{at}", Values{"at": at}, "Sun 22 Nov 2026, 09:00 (Japan time)"},
	} {
		got, err := p.phrase(Phrase{Same(test.text), test.values})
		if err != nil || got != test.want {
			t.Errorf("%q: %q, %v, want %q", test.text, got, err, test.want)
		}
	}
}

// FuzzClean wants one line without control characters and links.
func FuzzClean(f *testing.F) {
	f.Add("a\r\nb")
	f.Add(":\u200b//")
	f.Add("\xff://")
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s)
		for _, r := range got {
			if isControl(r) || r == '\u2028' || r == '\u0085' {
				t.Errorf("clean(%q) = %q", s, got)
			}
		}
		if len([]rune(got)) > maxWord || clean(got) != got {
			t.Errorf("clean(%q) = %q, and again %q", s, got, clean(got))
		}
	})
}

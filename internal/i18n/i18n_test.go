package i18n

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestLanguagesSayTheSame holds every language to the keys and placeholders of
// the first.
func TestLanguagesSayTheSame(t *testing.T) {
	want := Builtin(Langs[0])
	for _, lang := range Langs[1:] {
		got := Builtin(lang)
		for key := range maps.Keys(want) {
			if got[key] == "" {
				t.Errorf("%s: no text %q", lang, key)
			}
		}
		for key, text := range got {
			a, b := Placeholders(want[key]), Placeholders(text)
			if want[key] == "" || !slices.Equal(a, b) {
				t.Errorf("%s: %q has %v, %s has %v", lang, key, b, Langs[0], a)
			}
		}
	}
}

// TestKeys finds keys that the sources use and no language has, and the
// reverse. Whatever the sources quote in the shape of a key is one; "stop.x"
// stands for "stop.x_title" and "stop.x_text".
func TestKeys(t *testing.T) {
	want := Builtin(Langs[0])
	families := make(map[string]bool)
	for key := range want {
		family, _, _ := strings.Cut(key, ".")
		families[family] = true
	}
	used := make(map[string]bool)
	quoted := regexp.MustCompile(`"(([a-z]+)\.[a-z0-9_]+)"`)
	for _, source := range sources(t) {
		for _, match := range quoted.FindAllStringSubmatch(source, -1) {
			key, family := match[1], match[2]
			switch {
			case strings.HasSuffix(key, ".js") || strings.HasSuffix(key, ".json"): // a file
			case want[key] == "" && family == "stop":
				used[key+"_title"], used[key+"_text"] = true, true
			case families[family]:
				used[key] = true
			}
		}
	}
	for key := range used {
		if want[key] == "" {
			t.Errorf("%q is used, but has no text", key)
		}
	}
	for key := range want {
		if !used[key] {
			t.Errorf("%q has a text, but is not used", key)
		}
	}
}

// sources returns the templates and the Go files, without this package, the
// demonstration's own parts, which have words of their own, the names of the
// audit trail's events, which look like keys, and the tests.
func sources(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		goFile := strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go")
		if !goFile && !strings.HasSuffix(path, ".html") || strings.HasPrefix(path, "../i18n/") || strings.HasPrefix(path, "../demo/") || strings.HasPrefix(path, "../audit/") {
			return nil
		}
		source, err := os.ReadFile(path)
		all = append(all, string(source))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestText(t *testing.T) {
	c, err := New(map[Lang]Texts{English: {"desk": "Desk", "days": "weekdays", "hours": "9-17"}, Japanese: {"desk": "窓口"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		lang Lang
		key  string
		args []any
		want string
	}{
		{Japanese, "err.otp_format", []any{"n", 6}, "6桁の数字を入力してください。"},
		{English, "err.otp_format", []any{"n", 6}, "Enter 6 digits."},
		{English, "common.helpdesk", nil, "Help desk (Desk)"},
		{English, "common.hours_value", nil, "9-17 (weekdays)"},
		{English, "totp.trust", []any{"days", 7}, "Trust this browser for 7 days"},
		{English, "common.hours_value", []any{"hours", "{days}"}, "{days} (weekdays)"},
		{English, "stop.ref", []any{"ref", "{n}", "n", 8}, "Number for inquiry: {n}"},
		{English, "no.such_key", nil, "no.such_key"},
	} {
		if got := c.Text(test.lang, test.key, test.args...); got != test.want {
			t.Errorf("%s: Text(%q, %v) = %q, want %q", test.lang, test.key, test.args, got, test.want)
		}
	}
}

func TestNegotiate(t *testing.T) {
	for _, test := range []struct {
		wanted []string
		want   Lang
	}{
		{[]string{"", "", "en-GB,en;q=0.9"}, English},
		{[]string{"ja", "en", "en"}, Japanese},
		{[]string{"", "", "fr-FR,fr;q=0.9,en;q=0.5,ja;q=0.4"}, English},
		{[]string{"xx", "\x00", "fr"}, Japanese},
	} {
		if got := Negotiate(test.wanted...); got != test.want {
			t.Errorf("Negotiate(%q) = %s, want %s", test.wanted, got, test.want)
		}
	}
}

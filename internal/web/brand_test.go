package web

import (
	"regexp"
	"strings"
	"testing"
)

// TestContrast computes the contrast of every pair of colours that the
// stylesheet puts on each other, in both schemes (WCAG 2.2, 1.4.3 and 1.4.11).
func TestContrast(t *testing.T) {
	text, err := staticFS.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, rest, found := strings.Cut(string(text), "@media (prefers-color-scheme: dark)")
	dark, _, closed := strings.Cut(rest, "*, ::before")
	if !found || !closed {
		t.Fatal("the stylesheet has another form")
	}
	for name, part := range map[string]string{"light": light, "dark": dark} {
		colors := make(map[string]rgb)
		for _, m := range regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{3,6});`).FindAllStringSubmatch(part, -1) {
			value := m[2]
			if len(value) == 4 {
				value = "#" + strings.Repeat(value[1:2], 2) + strings.Repeat(value[2:3], 2) + strings.Repeat(value[3:4], 2)
			}
			c, err := parseColor(value)
			if err != nil {
				t.Fatal(err)
			}
			colors[m[1]] = c
		}
		for _, pair := range []struct {
			over, ground string
			want         float64
		}{
			{"fg", "bg", 4.5}, {"fg", "bg2", 4.5}, {"fg2", "bg", 4.5}, {"link", "bg", 4.5}, {"link-h", "bg", 4.5}, {"link-h", "bg2", 4.5},
			{"on", "link", 4.5}, {"on", "link-h", 4.5}, {"err", "bg", 4.5}, {"ok", "bg", 4.5}, {"warn", "bg", 4.5}, {"fg", "demo-bg", 4.5},
			{"line", "bg", 3}, {"ring", "bg", 3}, {"ring", "ring2", 3},
		} {
			over, ok := colors[pair.over]
			ground, also := colors[pair.ground]
			if !ok || !also {
				t.Fatalf("%s: no colour %s or %s", name, pair.over, pair.ground)
			}
			if got := contrast(over, ground); got < pair.want {
				t.Errorf("%s: %s on %s has %.1f:1, want %.1f:1", name, pair.over, pair.ground, got, pair.want)
			}
		}
	}
}

// TestCheckColors refuses colours that cannot be read, and names the nearest
// one that can.
func TestCheckColors(t *testing.T) {
	if err := CheckColors(DefaultPrimary, DefaultPrimaryDark); err != nil {
		t.Error(err)
	}
	for _, test := range []struct{ light, dark, want string }{
		{"#ffcc00", DefaultPrimaryDark, "has contrast 1.5:1 on #ffffff"},
		{DefaultPrimary, "#0017c1", "on #1a1a1a and needs 4.5:1"},
		{"blue", DefaultPrimaryDark, "not of the form #rrggbb"},
	} {
		err := CheckColors(test.light, test.dark)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, %s: %v, want %q", test.light, test.dark, err, test.want)
		}
	}
	err := CheckColors("#ffcc00", DefaultPrimaryDark)
	_, nearest, _ := strings.Cut(err.Error(), "passes is ")
	if err := CheckColors(nearest, DefaultPrimaryDark); err != nil {
		t.Errorf("the nearest: %v", err)
	}
}

// FuzzParseColor looks for a colour that is accepted and yet is none.
func FuzzParseColor(f *testing.F) {
	f.Add("#0017c1")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseColor(text)
		if err == nil && !strings.EqualFold(c.String(), text) {
			t.Errorf("%q was read as %s", text, c)
		}
	})
}

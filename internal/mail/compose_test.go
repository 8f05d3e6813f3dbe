package mail

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jba/templatecheck"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var tokyo = time.FixedZone("JST", 9*60*60)

var (
	japaneseSite = Site{
		App: "統合認証システム", AppShort: "みやこ大学認証", Org: "みやこ大学", Desk: "情報環境支援センター",
		Tel: "075-000-0000", Ext: "0000", Hours: "9:00-17:00", Days: "平日", IDLabel: "SPS-ID", Zone: "日本時間",
	}
	englishSite = Site{
		App: "Integrated Authentication System", AppShort: "Miyako Login", Org: "Miyako University",
		Desk: "ICT Support Center", Tel: "075-000-0000", Ext: "0000", Hours: "9:00-17:00", Days: "weekdays",
		IDLabel: "SPS-ID", Zone: "Japan time",
	}
)

// examples are one filled letter of each kind.
var examples = map[string]Letter{
	"notice": Notice{
		Subject: Phrase{Text: Text{"パスキーの作成", "Passkey created"}},
		What: Phrase{
			Text:   Text{"パスキー「{name}」が作成されました。", "The passkey “{name}” was created."},
			Values: Values{"name": "研究室のパソコン"},
		},
		At:     time.Date(2026, 11, 22, 4, 45, 0, 0, time.UTC),
		SPSID:  "sps00001",
		Device: Text{"Chrome・Windows", "Chrome, Windows"},
		Place:  Text{"学内", "on campus"},
	},
	"otp": OTP{
		OTP: "4827 1930", Until: time.Date(2026, 11, 22, 4, 55, 0, 0, time.UTC),
		Service: Text{"学務情報システム", "Academic Affairs"}, Device: Text{"Chrome・Windows", "Chrome, Windows"},
	},
	"forgot": Forgot{
		URL: "https://sso.miyako.example/forgot/q3cJ0V6o3H0bM5tqGx1uY2k4nJ8wZ7rE5aT9sD6fL1o", Until: time.Date(2026, 11, 22, 5, 15, 0, 0, time.UTC),
		Device: Text{"Chrome・Windows", "Chrome, Windows"}, Place: Text{"学内", "on campus"},
	},
	"link": Link{
		URL: "https://sso.miyako.example/r/q3cJ0V6o3H0bM5tqGx1uY2k4nJ8wZ7rE5aT9sD6fL1o", Until: time.Date(2026, 11, 22, 5, 15, 0, 0, time.UTC),
		Device: Text{"Chrome・Windows", "Chrome, Windows"}, Place: Text{"学内", "on campus"},
	},
	"confirm": Confirm{Number: "4827 1930", Until: time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)},
	"address_old": AddressOld{
		At: time.Date(2026, 11, 22, 4, 45, 0, 0, time.UTC), SPSID: "sps00001", New: Same("h•••@e•••.net"),
		Device: Text{"Chrome・Windows", "Chrome, Windows"}, Place: Text{"学内", "on campus"},
		Until: time.Date(2026, 11, 25, 4, 45, 0, 0, time.UTC),
		URL:   "https://sso.miyako.example/not-me/q3cJ0V6o3H0bM5tqGx1uY2k4nJ8wZ7rE5aT9sD6fL1o",
	},
	"alarm": Alarm{
		At: time.Date(2026, 11, 22, 4, 45, 0, 0, time.UTC), Rule: Text{"数字・コードの誤り（5分間）", "Wrong numbers and codes in 5 min"},
		N: 312, Limit: 150, Scope: Text{"システム全体", "the whole system"}, URL: "https://sso.miyako.example/admin",
	},
	"remind_totp":    RemindFactor{Name: Text{"都 花子", "MIYAKO Hanako"}, From: time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC), Days: 7},
	"remind_address": RemindAddress{Name: Text{"都 花子", "MIYAKO Hanako"}},
	"remind_check":   RemindCheck{SPSID: "sps00001"},
	"desk_case": DeskCase{
		Kind: Text{"TOTP の初期化", "Initialization of TOTP"}, At: time.Date(2026, 11, 22, 4, 45, 0, 0, time.UTC),
		Browser: Text{"Chrome・Windows", "Chrome, Windows"}, Place: Text{"学外", "off campus"}, URL: "https://sso.miyako.example/desk",
	},
}

func newComposer(t *testing.T) *Composer {
	t.Helper()
	c, err := NewComposer(japaneseSite, englishSite, tokyo)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestGolden holds every letter, in each language and in both, to its golden
// file. Run with -update to rewrite them.
func TestGolden(t *testing.T) {
	c := newComposer(t)
	for _, l := range letters {
		for _, lang := range []string{Japanese, English, ""} {
			m, err := c.Compose(lang, examples[l.folder()])
			if err != nil {
				t.Fatal(err)
			}
			name := "testdata/" + l.folder() + "." + or(lang, "both") + ".txt"
			got := "Content-Language: " + m.Lang + "\nSubject: " + m.Subject + "\n\n" + m.Body
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil || got != string(want) {
				t.Errorf("%s: got\n%s\nwant\n%s (%v)", name, got, want, err)
			}
		}
	}
}

// TestTemplates type-checks every template against its letter.
func TestTemplates(t *testing.T) {
	for lang, s := range newComposer(t).sets {
		for _, l := range letters {
			for _, part := range []string{"/subject", "/body"} {
				if err := templatecheck.CheckText(s.templates[l.folder()+part], l); err != nil {
					t.Errorf("%s %s%s: %v", lang, l.folder(), part, err)
				}
			}
		}
		if err := templatecheck.CheckText(s.templates["footer"], nil); err != nil {
			t.Errorf("%s footer: %v", lang, err)
		}
	}
}

// TestTemplatesSayTheSame wants the same placeholders in both languages, and no
// folder that has no letter.
func TestTemplatesSayTheSame(t *testing.T) {
	field := regexp.MustCompile(`(?:site)?\.[A-Z]\w+`)
	placeholders := func(path string) []string {
		text, err := templateFS.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		all := slices.Sorted(slices.Values(field.FindAllString(string(text), -1)))
		return slices.Compact(all)
	}
	folders := make(map[string]bool)
	for _, l := range letters {
		folders[l.folder()] = true
	}
	files, err := fs.Glob(templateFS, "templates/*/*.ja.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, ja := range append(files, "templates/footer.ja.txt") {
		en := strings.TrimSuffix(ja, ".ja.txt") + ".en.txt"
		if got, want := placeholders(en), placeholders(ja); !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", en, got, want)
		}
	}
	for _, ja := range files {
		if folder := strings.Split(ja, "/")[1]; !folders[folder] {
			t.Errorf("%s belongs to no letter", ja)
		}
	}
}

// TestLettersHoldNoPlainString wants every value of a letter to be of a type
// that is cleaned when it is printed (L23).
func TestLettersHoldNoPlainString(t *testing.T) {
	allowed := []reflect.Type{
		reflect.TypeFor[Word](), reflect.TypeFor[Text](), reflect.TypeFor[Phrase](), reflect.TypeFor[time.Time](), reflect.TypeFor[int](), reflect.TypeFor[URL](),
	}
	for _, l := range letters {
		for field := range reflect.TypeOf(l).Fields() {
			if !slices.Contains(allowed, field.Type) {
				t.Errorf("%T.%s is a %s", l, field.Name, field.Type)
			}
		}
	}
}

// TestNothingTypedMakesALine puts hostile values wherever a person can (ADR-1, L23).
func TestNothingTypedMakesALine(t *testing.T) {
	const evil = "x\r\n\r\nhttps://evil.example/\u202e\u2028Bcc: a@b.example {tel}"
	l := examples["notice"].(Notice)
	l.What.Values = Values{"name": evil}
	l.SPSID, l.Device, l.Place = evil, Same(evil), Same(evil)
	c := newComposer(t)
	for _, lang := range []string{Japanese, English, ""} {
		want, err := c.Compose(lang, examples["notice"])
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Compose(lang, l)
		if err != nil {
			t.Fatal(err)
		}
		if got.Subject != want.Subject || strings.Contains(got.Body, "://") || strings.ContainsAny(got.Body, "\r\u2028\u202e") {
			t.Errorf("%+v", got)
		}
		if strings.Count(got.Body, "\n\n") != strings.Count(want.Body, "\n\n") {
			t.Errorf("a paragraph of its own: %s", got.Body)
		}
		if strings.Count(got.Body, japaneseSite.Tel) != strings.Count(want.Body, japaneseSite.Tel) {
			t.Error("a placeholder in a value was filled")
		}
	}
	l.Subject.Text = Same("two\nlines")
	if _, err := c.Compose(Japanese, l); !errors.Is(err, errLines) {
		t.Errorf("a subject of two lines: %v, want %v", err, errLines)
	}
}

func TestComposeRefusesAMissingValue(t *testing.T) {
	l := examples["notice"].(Notice)
	for name, values := range map[string]Values{"missing": nil, "of a wrong type": {"name": 1.5}} {
		l.What.Values = values
		if m, err := newComposer(t).Compose("", l); err == nil {
			t.Errorf("%s: %+v, want an error", name, m)
		}
	}
}

// TestNoticeWithoutBrowser leaves the line of the device out.
func TestNoticeWithoutBrowser(t *testing.T) {
	l := examples["notice"].(Notice)
	l.Device = Text{}
	l.More = Phrase{Text: Text{"まだ何も変わっていません。", "Nothing has changed yet."}}
	m, err := newComposer(t).Compose(Japanese, l)
	want := "SPS-ID: sps•••01\nまだ何も変わっていません。\n\nご本人"
	if err != nil || !strings.Contains(m.Body, want) {
		t.Errorf("%s, %v", m.Body, err)
	}
}

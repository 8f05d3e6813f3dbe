package faq

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"warifu/internal/i18n"
)

// elsewhere are words in quotation marks that are on no screen of ours, each with
// where they stand.
var elsewhere = map[string]string{
	"日付と時刻": "the settings of the operating system",
}

// quotes are words in quotation marks, by language.
var quotes = map[i18n.Lang]*regexp.Regexp{
	i18n.Japanese: regexp.MustCompile(`「([^」]*)」|『([^』]*)』`),
	i18n.English:  regexp.MustCompile(`"([^"]*)"|“([^”]*)”`),
}

// TestQuotedWords: what an entry puts in quotation marks by itself is a text of the
// catalogue, numbers in place of its holes, so that a button with a new name is
// noticed; or the words stand elsewhere, for a reason. House §4, U16.
func TestQuotedWords(t *testing.T) {
	files, err := fs.Glob(Builtin(), "*.md")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	met := make(map[string]bool)
	for _, file := range files {
		source, err := fs.ReadFile(Builtin(), file)
		if err != nil {
			t.Fatal(err)
		}
		_, lang, _ := nameOf(file)
		for _, words := range quoted(lang, string(source)) {
			met[words] = true
			if elsewhere[words] == "" && !onScreen(lang, words) {
				t.Errorf("%s quotes %q, which no screen says", file, words)
			}
		}
	}
	for words, reason := range elsewhere {
		if !met[words] {
			t.Errorf("no entry quotes %q (%s)", words, reason)
		}
	}
}

// TestQuotedWordsNoticed: the lint test sees a word that no screen has.
func TestQuotedWordsNoticed(t *testing.T) {
	for lang, test := range map[i18n.Lang]struct {
		source, good, bad string
	}{
		i18n.Japanese: {`{{msg "totp.button"}} と「このブラウザを7日間信頼する」と「信頼する」`, "このブラウザを7日間信頼する", "信頼する"},
		i18n.English:  {`{{msg "totp.button"}} "Trust this browser for 7 days" “Trust it”`, "Trust this browser for 7 days", "Trust it"},
	} {
		got := quoted(lang, test.source)
		if len(got) != 2 || got[0] != test.good || got[1] != test.bad || !onScreen(lang, test.good) || onScreen(lang, test.bad) {
			t.Errorf("%s: %q", lang, got)
		}
	}
}

// quoted returns the words in quotation marks of an entry; those of
// {{msg "key"}} are of the catalogue by themselves.
func quoted(lang i18n.Lang, source string) (all []string) {
	for _, match := range quotes[lang].FindAllStringSubmatch(actions.ReplaceAllString(source, ""), -1) {
		all = append(all, match[1]+match[2])
	}
	return all
}

// onScreen reports whether the catalogue has the words, with a number in place of
// each of its holes.
func onScreen(lang i18n.Lang, words string) bool {
	for _, text := range i18n.Builtin(lang) {
		if text == words {
			return true
		}
		if !placeholder.MatchString(text) {
			continue
		}
		parts := placeholder.Split(text, -1)
		for i, part := range parts {
			parts[i] = regexp.QuoteMeta(part)
		}
		if regexp.MustCompile(`^` + strings.Join(parts, `\d+`) + `$`).MatchString(words) {
			return true
		}
	}
	return false
}

// Package i18n holds every text that a person reads, in every language.
//
// A text is named by a key such as "otp.label". No other package contains a
// sentence of the user interface; errors carry keys, too. The tests hold the
// languages to the same keys and the same {placeholders}, and the sources to
// the keys that exist.
package i18n

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

//go:embed *.json
var files embed.FS

// Lang is a language of the user interface.
type Lang string

// The languages, each complete.
const (
	Japanese Lang = "ja"
	English  Lang = "en"
)

// Langs are all languages; the first is the default.
var Langs = []Lang{Japanese, English}

// Other returns the language that a page offers to change to.
func (l Lang) Other() Lang {
	if l == Japanese {
		return English
	}
	return Japanese
}

// Texts are values by name, for one language.
type Texts map[string]string

// Catalogue holds the texts of one institution.
type Catalogue struct {
	texts  map[Lang]Texts // as they are
	filled map[Lang]Texts // with the site's own placeholders filled
	site   map[Lang]Texts // the site's own placeholders
}

// New returns the catalogue in which the site's own placeholders, such as
// {desk}, are filled from site, and the texts of changed stand in place of the
// built-in ones of the same key. It reports all keys that do not exist and all
// changed texts with other placeholders than the text that they replace.
func New(site, changed map[Lang]Texts) (*Catalogue, error) {
	c := &Catalogue{texts: make(map[Lang]Texts), filled: make(map[Lang]Texts), site: site}
	var faults []string
	for _, lang := range Langs {
		texts, filled := Texts(Builtin(lang)), make(Texts)
		for key, text := range changed[lang] {
			if problem := CheckChange(lang, key, text); problem != "" {
				faults = append(faults, problem)
			}
			texts[key] = text
		}
		for key, text := range texts {
			filled[key] = c.fill(lang, text, nil)
		}
		c.texts[lang], c.filled[lang] = texts, filled
	}
	if len(faults) > 0 {
		slices.Sort(faults)
		return nil, fmt.Errorf("i18n: %s", strings.Join(faults, "; "))
	}
	return c, nil
}

// Text returns the text of key with its {placeholders} filled from args, which
// alternate names and values. An argument goes before what the site has under the
// same name: "{days}" may be a number of days, and the days of the help desk.
func (c *Catalogue) Text(lang Lang, key string, args ...any) string {
	if text, ok := c.filled[lang][key]; ok && len(args) == 0 { // most texts have nothing to fill, and pages have many texts
		return text
	}
	if text, ok := c.texts[lang][key]; ok {
		return c.fill(lang, text, args)
	}
	return key // the tests leave no unknown key
}

// Fill fills the site's own placeholders in a text that is not of the catalogue.
func (c *Catalogue) Fill(lang Lang, text string) string { return c.fill(lang, text, nil) }

// fill replaces {name} by the argument of that name, else by what the site has,
// and leaves what neither has. What it puts in is not filled again.
func (c *Catalogue) fill(lang Lang, text string, args []any) string {
	return placeholder.ReplaceAllStringFunc(text, func(hole string) string {
		name := hole[1 : len(hole)-1]
		for i := 0; i+1 < len(args); i += 2 {
			if args[i] == name {
				return fmt.Sprint(args[i+1])
			}
		}
		if value, ok := c.site[lang][name]; ok {
			return value
		}
		return hole
	})
}

// Negotiate returns the first wanted language that exists, and the default if
// none does. Each of wanted is a tag such as "en", a whole Accept-Language
// header, or empty.
func Negotiate(wanted ...string) Lang {
	for _, w := range wanted {
		if slices.Contains(Langs, Lang(w)) {
			return Lang(w)
		}
		tags, _, err := language.ParseAcceptLanguage(w)
		if err != nil {
			continue // a malformed header is as good as none
		}
		for _, tag := range tags {
			base, _ := tag.Base()
			if lang := Lang(base.String()); slices.Contains(Langs, lang) {
				return lang
			}
		}
	}
	return Langs[0]
}

// CheckChange says what is wrong with a text that an institution wants in
// place of the built-in one, or returns the empty string.
func CheckChange(lang Lang, key, text string) string {
	builtin, ok := Builtin(lang)[key]
	if !ok {
		return fmt.Sprintf("there is no text %q", key)
	}
	if want, got := Placeholders(builtin), Placeholders(text); !slices.Equal(got, want) {
		return fmt.Sprintf("the %s text %q must contain %v, and contains %v", lang, key, want, got)
	}
	return ""
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// Placeholders returns the sorted {placeholders} of a text.
func Placeholders(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(placeholder.FindAllString(text, -1))))
}

var builtin = load()

// Builtin returns a copy of the texts that come with the program.
func Builtin(lang Lang) map[string]string { return maps.Clone(builtin[lang]) }

func load() map[Lang]map[string]string {
	all := make(map[Lang]map[string]string)
	for _, lang := range Langs {
		name := string(lang) + ".json"
		content, err := files.ReadFile(name)
		if err != nil {
			panic(err) // the file is part of the program
		}
		var texts map[string]string
		if err := json.Unmarshal(content, &texts); err != nil {
			panic(err)
		}
		all[lang] = texts
	}
	return all
}

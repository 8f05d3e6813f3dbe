// Package i18n holds every text that a person reads, in every language.
//
// A text is named by a key such as "otp.label". No other package contains a
// sentence of the user interface; errors carry keys, too. The tests hold the
// languages to the same keys and the same {placeholders}, and the sources to
// the keys that exist.
package i18n

import (
	"embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	goi18n "github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"
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
	texts      map[Lang]map[string]string // with the site's own placeholders filled
	localizers map[Lang]*goi18n.Localizer // of the texts as they are
	site       map[Lang][]string          // the site's own placeholders, each followed by what fills it
}

// New returns the catalogue in which the site's own placeholders, such as
// {desk}, are filled from site, and the texts of changed stand in place of the
// built-in ones of the same key. It reports all keys that do not exist and all
// changed texts with other placeholders than the text that they replace.
func New(site, changed map[Lang]Texts) (*Catalogue, error) {
	c := &Catalogue{texts: make(map[Lang]map[string]string), localizers: make(map[Lang]*goi18n.Localizer), site: make(map[Lang][]string)}
	bundle := goi18n.NewBundle(language.Japanese)
	var faults []string
	for _, lang := range Langs {
		texts := Builtin(lang)
		for key, text := range changed[lang] {
			if problem := CheckChange(lang, key, text); problem != "" {
				faults = append(faults, problem)
			}
			texts[key] = text
		}
		for name, value := range site[lang] {
			c.site[lang] = append(c.site[lang], "{"+name+"}", value)
		}
		fill := strings.NewReplacer(c.site[lang]...)
		var messages []*goi18n.Message
		for key, text := range texts {
			texts[key] = fill.Replace(text)
			messages = append(messages, &goi18n.Message{ID: key, Other: text})
		}
		if err := bundle.AddMessages(language.Make(string(lang)), messages...); err != nil {
			return nil, fmt.Errorf("i18n: %w", err)
		}
		c.texts[lang] = texts
		c.localizers[lang] = goi18n.NewLocalizer(bundle, string(lang))
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
	if len(args) == 0 { // most texts have nothing to fill, and pages have many texts
		if text, ok := c.texts[lang][key]; ok {
			return text
		}
		return key // the tests leave no unknown key
	}
	config := &goi18n.LocalizeConfig{MessageID: key, TemplateData: args, TemplateParser: braces{site: c.site[lang]}}
	text, err := c.localizers[lang].Localize(config)
	if err != nil {
		return key
	}
	return text
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
		parsed, err := goi18n.ParseMessageFileBytes(content, name, nil)
		if err != nil {
			panic(err)
		}
		all[lang] = make(map[string]string)
		for _, message := range parsed.Messages {
			all[lang][message.ID] = message.Other
		}
	}
	return all
}

// braces fills {name} with the argument of that name, else with what the site has.
type braces struct{ site []string }

func (braces) Cacheable() bool { return true }

func (b braces) Parse(text, _, _ string) (template.ParsedTemplate, error) {
	return parsed{text, b.site}, nil
}

type parsed struct {
	text string
	site []string
}

func (p parsed) Execute(data any) (string, error) {
	args, _ := data.([]any)
	pairs := make([]string, len(args), len(args)+len(p.site))
	for i, arg := range args {
		pairs[i] = fmt.Sprint(arg)
		if i%2 == 0 {
			pairs[i] = "{" + pairs[i] + "}"
		}
	}
	return strings.NewReplacer(append(pairs, p.site...)...).Replace(p.text), nil // of two of one name the first counts
}

package web

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"warifu/internal/i18n"
)

//go:embed templates
var templateFS embed.FS

// Person is who is signed in, for the frame of a page.
type Person struct {
	SPSID string
	Name  string
	Ends  int64 // Unix milliseconds at which the session ends without use
	Desk  bool  // the person works at the help desk
	Admin bool  // the person may see the administration
	// Banners stand above every page.
	Banners []Banner

	seen Hidden
}

// Banner tells something that should not wait, in the language of the page.
type Banner struct {
	Text, More     string // More may be empty
	Address, Label string // of what to do about it; may be empty
	Change         string // id of a change, which the person may recognize or report; mostly empty
}

// SeenStep is the step of the form with which a person recognizes a change.
const SeenStep = "account/seen"

// Identify tells the site how to find out who is signed in.
func (s *Site) Identify(who func(*http.Request) (*Person, error)) { s.identify = who }

// Link leads to a page of help.
type Link struct{ Text, Href string }

// Helping tells the site how to find what helps on a page on which something may
// be wrong.
func (s *Site) Helping(find func(page string, messages []string, lang i18n.Lang) []Link) {
	s.helping = find
}

// View is what the layout shows: the frame of every page, and the page in it.
type View struct {
	Person   *Person // nil while nobody is signed in
	House    bool    // the way to the home page is shown: also to a browser that may enrol
	LangPath string  // this page in the other language
	DemoMail string
	Seen     Hidden // of the forms that dismiss banners
	Help     []Link // entries of the FAQ that fit the page
	Page     any
}

// Render writes the page that the template name makes of data, in the language
// of the request.
func (s *Site) Render(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	var person *Person
	if s.identify != nil {
		var err error
		if person, err = s.identify(r); err != nil {
			return err
		}
	}
	if person != nil && len(person.Banners) > 0 { // now, since it may set a cookie
		seen, err := s.Hidden(w, r, SeenStep, "")
		if err != nil {
			return err
		}
		person.seen = seen
	}
	return s.render(w, r, status, name, data, person)
}

func (s *Site) render(w http.ResponseWriter, r *http.Request, status int, name string, data any, person *Person) error {
	lang := s.Lang(r)
	view := View{Person: person, House: person != nil || s.HasTicket(r), LangPath: langPath(r, lang.Other()), DemoMail: s.DemoMail, Page: data}
	if person != nil {
		view.Seen = person.seen
	}
	if s.helping != nil {
		view.Help = s.helping(name, visitOf(r).faults, lang)
	}
	var page bytes.Buffer // a template that fails must not leave half a page
	page.Grow(8 << 10)    // what most pages need
	if err := s.templates[lang].ExecuteTemplate(&page, PartOf(name, "layout"), view); err != nil {
		return fmt.Errorf("web: render %s: %w", name, err)
	}
	if origins := visitOf(r).origins; len(origins) > 0 {
		w.Header().Set("Content-Security-Policy", contentPolicy(origins))
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(lang))
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // a browser that has gone away is not our failure
	return nil
}

// IsScreen reports whether there is a page of a name, such as "signin/totp", or a
// message with a key.
func IsScreen(name string) bool {
	if _, ok := i18n.Builtin(i18n.Langs[0])[name]; ok {
		return true
	}
	_, err := fs.Stat(templateFS, "templates/"+name+".html")
	return err == nil
}

// Screens returns the names of the pages of a package, such as "signin".
func Screens(of string) (names []string) {
	files, err := fs.Glob(templateFS, "templates/"+of+"/*.html")
	if err != nil {
		panic(err) // the pattern is ours
	}
	for _, file := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html"))
	}
	return names
}

// RenderPart writes one part that a page defines, without its frame, for the
// page's own script.
func (s *Site) RenderPart(w http.ResponseWriter, r *http.Request, name, part string, data any) error {
	var text bytes.Buffer
	if err := s.templates[s.Lang(r)].ExecuteTemplate(&text, PartOf(name, part), data); err != nil {
		return fmt.Errorf("web: render %s of %s: %w", part, name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = text.WriteTo(w) // a browser that has gone away is not our failure
	return nil
}

// langPath is the address of this page in another language. After a form has
// been sent the page's own address leads on.
func langPath(r *http.Request, lang i18n.Lang) string {
	query := url.Values{}
	maps.Copy(query, visitOf(r).query)
	query.Set("lang", string(lang))
	return r.URL.EscapedPath() + "?" + query.Encode()
}

// constant is a text without arguments, the address of a static file, a word of
// the brand, or the language. Pages consist of them.
var constant = regexp.MustCompile(`\{\{(?:t "([a-z_.0-9]+)"|asset "([a-z.]+)"|echo "([a-z_.0-9]+)"|brand\.([A-Za-z]+)|lang)\}\}`)

// fillConstants puts what never differs into the source of a template, escaped,
// so that no request looks it up. It stands in elements and in quoted
// attributes only.
//
// An echo is a text that the source FAQ names in Japanese: on English pages the
// Japanese stands beside it. It may stand in elements only.
func fillConstants(source string, lang i18n.Lang, brand BrandText, text, japanese func(string, ...any) string, asset func(string) (string, error)) string {
	return constant.ReplaceAllStringFunc(source, func(action string) string {
		parts := constant.FindStringSubmatch(action)
		switch {
		case parts[1] != "":
			return template.HTMLEscapeString(text(parts[1]))
		case parts[2] != "":
			address, err := asset(parts[2])
			if err != nil {
				return action // where it is shown, the page fails
			}
			return template.HTMLEscapeString(address)
		case parts[3] != "" && lang != i18n.Japanese:
			return template.HTMLEscapeString(text(parts[3])) + ` <span lang="ja">(` + template.HTMLEscapeString(japanese(parts[3])) + `)</span>`
		case parts[3] != "":
			return template.HTMLEscapeString(text(parts[3]))
		case parts[4] != "":
			return template.HTMLEscapeString(reflect.ValueOf(brand).FieldByName(parts[4]).String())
		default:
			return string(lang)
		}
	})
}

// PartOf is the name of a part that a page defines, such as its "main", among the
// templates of all pages.
func PartOf(page, part string) string { return page + ":" + part }

var (
	definition = regexp.MustCompile(`\{\{define "([a-z]+)"\}\}`)
	mention    = regexp.MustCompile(`\{\{(define|template) "([a-z]+)"`)
)

// ownNames gives what a source defines the names of [PartOf], where it defines
// them and where it uses them, so that the pages share the set of all that they
// do not define.
func ownNames(source, page string) string {
	own := make(map[string]bool)
	for _, found := range definition.FindAllStringSubmatch(source, -1) {
		own[found[1]] = true
	}
	return mention.ReplaceAllStringFunc(source, func(text string) string {
		parts := mention.FindStringSubmatch(text)
		if !own[parts[2]] {
			return text
		}
		return "{{" + parts[1] + ` "` + PartOf(page, parts[2]) + `"`
	})
}

// ParseTemplates returns the templates of each language: the parts of every page,
// which [PartOf] names, and what they share. The language is bound when a template
// is parsed, never when it is executed, so that requests in two languages cannot
// mix. The address of a static file is asked of asset.
func ParseTemplates(catalogue *i18n.Catalogue, brand Brand, asset func(name string) (string, error)) (map[i18n.Lang]*template.Template, error) {
	pages, err := fs.Glob(templateFS, "templates/*/*.html")
	if err != nil {
		return nil, err
	}
	pages = append(pages, "templates/error.html")
	all := make(map[i18n.Lang]*template.Template)
	japanese := func(key string, args ...any) string { return catalogue.Text(i18n.Japanese, key, args...) }
	for _, lang := range i18n.Langs {
		text := func(key string, args ...any) string { return catalogue.Text(lang, key, args...) }
		set := template.New("").Funcs(template.FuncMap{"t": text, "asset": asset,
			"site": func(name string) string { return catalogue.Fill(lang, "{"+name+"}") },
			"lang": func() i18n.Lang { return lang }, "brand": func() BrandText { return brand.Text[lang] }})
		read := func(name string) (string, error) {
			source, err := templateFS.ReadFile("templates/" + name + ".html")
			return fillConstants(string(source), lang, brand.Text[lang], text, japanese, asset), err
		}
		parse := func(name, source string) error {
			if _, err := set.New(name).Parse(source); err != nil {
				return fmt.Errorf("web: %w", err)
			}
			return nil
		}
		for _, name := range []string{"frame", "parts"} {
			source, err := read(name)
			if err = errors.Join(err, parse(name, source)); err != nil {
				return nil, err
			}
		}
		layout, err := read("layout")
		if err != nil {
			return nil, err
		}
		for _, file := range pages {
			name := strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html")
			source, err := read(name)
			if err = errors.Join(err, parse(name, ownNames(source+layout, name))); err != nil {
				return nil, err
			}
		}
		all[lang] = set
	}
	return all, nil
}

package faq

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"

	"warifu/internal/i18n"
)

// Library holds the entries at one time, and finds them.
type Library struct {
	Faults []Fault // of the files that were not taken

	slugs    []string // in their order
	articles map[string]map[i18n.Lang]*Article
	indexes  map[i18n.Lang]*Index // of the entries in the order of slugs
}

// NewLibrary reads the entries of some folders. Of two files of one name the last
// folder's is taken. In place of a file with faults stands what was there before:
// in the former library, which may be nil, or in an earlier folder.
func NewLibrary(catalogue *i18n.Catalogue, former *Library, folders ...fs.FS) (*Library, error) {
	l := &Library{articles: make(map[string]map[i18n.Lang]*Article), indexes: make(map[i18n.Lang]*Index)}
	for _, folder := range folders {
		files, err := fs.Glob(folder, "*.md")
		if err != nil {
			return nil, fmt.Errorf("faq: %w", err)
		}
		for _, file := range files {
			if err := l.read(catalogue, former, folder, file); err != nil {
				return nil, err
			}
		}
	}
	l.order()
	return l, nil
}

// read takes one file.
func (l *Library) read(catalogue *i18n.Catalogue, former *Library, folder fs.FS, file string) error {
	source, err := fs.ReadFile(folder, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was removed just now
	}
	if err != nil {
		return fmt.Errorf("faq: %w", err)
	}
	slug, lang, ok := nameOf(file)
	if !ok {
		l.Faults = append(l.Faults, Fault{File: file, Text: "the name of a file is SLUG.LANGUAGE.md"})
		return nil
	}
	article, faults := Parse(file, slug, lang, source, catalogue)
	if len(faults) > 0 {
		l.Faults = append(l.Faults, faults...)
		if former == nil || former.articles[slug][lang] == nil {
			return nil
		}
		article = former.articles[slug][lang]
	}
	if l.articles[slug] == nil {
		l.articles[slug] = make(map[i18n.Lang]*Article)
	}
	l.articles[slug][lang] = article
	return nil
}

// nameOf returns which entry, in which language, a file has.
func nameOf(file string) (slug string, lang i18n.Lang, ok bool) {
	slug, tag, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".md"), ".")
	lang = i18n.Lang(tag)
	return slug, lang, slugs.MatchString(slug) && slices.Contains(i18n.Langs, lang)
}

// order puts the entries in order and indexes them.
func (l *Library) order() {
	l.slugs = slices.SortedFunc(maps.Keys(l.articles), func(a, b string) int {
		return cmp.Or(cmp.Compare(l.any(a).Order, l.any(b).Order), cmp.Compare(a, b))
	})
	for _, lang := range i18n.Langs {
		entries := make([][]field, len(l.slugs))
		for n, slug := range l.slugs {
			if a := l.articles[slug][lang]; a != nil {
				entries[n] = a.fields()
			}
		}
		l.indexes[lang] = newIndex(entries)
	}
}

// passagesFrom is the first of the fields that are passages.
const passagesFrom = 2

// fields are the texts of an entry that a search looks at: title, synonyms, and the
// passages.
func (a *Article) fields() []field {
	all := []field{{a.Title, inTitle}, {strings.Join(a.Synonyms, "\n"), inSynonyms}}
	for n, passage := range a.Passages() {
		weight := float32(inBody)
		if n == 0 {
			weight = inSummary
		}
		all = append(all, field{passage, weight})
	}
	return all
}

// any returns an entry in whichever language it has.
func (l *Library) any(slug string) *Article {
	for _, lang := range i18n.Langs {
		if a := l.articles[slug][lang]; a != nil {
			return a
		}
	}
	return nil
}

// Article returns an entry in a language, else in another one; nil if there is none.
func (l *Library) Article(slug string, lang i18n.Lang) *Article {
	if a := l.articles[slug][lang]; a != nil {
		return a
	}
	return l.any(slug)
}

// Len returns how many entries there are.
func (l *Library) Len() int { return len(l.slugs) }

// All returns the entries in their order, each in a language if it has it.
func (l *Library) All(lang i18n.Lang) (all []*Article) {
	for _, slug := range l.slugs {
		all = append(all, l.Article(slug, lang))
	}
	return all
}

// Related returns the entries that an entry names.
func (l *Library) Related(a *Article, lang i18n.Lang) (all []*Article) {
	for _, slug := range a.Related {
		if other := l.Article(slug, lang); other != nil {
			all = append(all, other)
		}
	}
	return all
}

// Helping returns the entries that help on a page, at most so many: first those
// that name what the page says is wrong, then those that name the page.
func (l *Library) Helping(page string, messages []string, lang i18n.Lang, most int) (all []*Article) {
	rank := func(slug string) int {
		screens := l.any(slug).Screens
		if slices.ContainsFunc(messages, func(m string) bool { return slices.Contains(screens, m) }) {
			return 0
		}
		if slices.Contains(screens, page) {
			return 1
		}
		return 2
	}
	for want := range 2 {
		for _, slug := range l.slugs {
			if len(all) < most && rank(slug) == want {
				all = append(all, l.Article(slug, lang))
			}
		}
	}
	return all
}

// Found is an entry that a search has found.
type Found struct {
	Article *Article
	Title   []Piece
	Passage []Piece // that answers best, or the beginning of the entry
}

// Search returns the entries that answer a query, the best first: in the language
// of the page, or, where its words are of another one, in that. Words in Japanese
// letters are looked for in Japanese first: entries in English have such letters
// only beside the names of buttons.
func (l *Library) Search(query string, lang i18n.Lang) (all []Found) {
	query = shortened(query)
	first := lang
	if strings.ContainsFunc(query, japanese) {
		first = i18n.Japanese
	}
	for _, in := range []i18n.Lang{first, first.Other()} {
		hits, terms := l.indexes[in].search(query)
		for _, h := range hits {
			a := l.Article(l.slugs[h.entry], lang)
			f := Found{Article: a, Title: marked(a.Title, terms)}
			if passages := a.Passages(); a.Lang == in && len(passages) > 0 {
				f.Passage = marked(clip(passages[l.indexes[in].bestField(h.entry, passagesFrom, terms)-passagesFrom], terms), terms)
			} else if len(passages) > 0 {
				f.Passage = []Piece{{Text: clip(passages[0], nil)}}
			}
			all = append(all, f)
		}
		if len(all) > 0 {
			return all
		}
	}
	return nil
}

// japanese reports whether a letter is of Japanese alone.
func japanese(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// shortened returns the letters of a query that count.
func shortened(query string) string {
	if runes := []rune(query); len(runes) > MaxQuery {
		return string(runes[:MaxQuery])
	}
	return query
}

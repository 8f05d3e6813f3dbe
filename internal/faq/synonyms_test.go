package faq

import (
	_ "embed"
	"slices"
	"strings"
	"testing"

	"warifu/internal/i18n"
)

// synonyms are the words by which each entry must be found, as the plan of the
// entries lists them: the entry and a word on each line.
//
//go:embed testdata/synonyms.tsv
var synonyms string

// TestFAQSynonyms: every entry is among the first three that each of its synonyms
// finds, on pages of either language. FAQ-1, U16.
func TestFAQSynonyms(t *testing.T) {
	l := library(t, Builtin())
	asked := make(map[string]bool)
	for line := range strings.Lines(synonyms) {
		slug, query, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok {
			t.Fatalf("the line %q", line)
		}
		asked[slug] = true
		for _, lang := range i18n.Langs {
			found := l.Search(query, lang)
			if n := slices.IndexFunc(found, func(f Found) bool { return f.Article.Slug == slug }); n < 0 || n > 2 {
				t.Errorf("%s %q: %s is at %d of %d", lang, query, slug, n, len(found))
			}
		}
	}
	for _, a := range l.All(i18n.Japanese) {
		if !asked[a.Slug] {
			t.Errorf("no synonym of %s is asked", a.Slug)
		}
	}
}

package faq

import (
	"fmt"
	"slices"
	"strings"

	"warifu/internal/i18n"
)

// Addresses are the pages of this site that entries may lead to.
var Addresses = []string{"/", "/login", "/mfa", "/forgot", "/home", "/account", "/account/address", "/account/authenticators",
	"/account/passkeys", "/account/recovery-codes", "/account/sessions", "/account/history", "/account/services", "/account/password", "/logout", "/accessibility", "/authenticator", "/faq"}

// Check returns what is wrong with the entries together: those of its files, a
// language that is missing, and what refers to nothing. isScreen says whether there
// is a page, or a message with a key.
func (l *Library) Check(isScreen func(name string) bool) []Fault {
	all := slices.Clone(l.Faults)
	for _, slug := range l.slugs {
		for _, lang := range i18n.Langs {
			a := l.articles[slug][lang]
			if a == nil {
				all = append(all, Fault{File: slug + "." + string(lang) + ".md", Text: "is missing: the entry is there in another language only"})
				continue
			}
			for _, text := range l.broken(a, isScreen) {
				all = append(all, Fault{File: slug + "." + string(lang) + ".md", Text: text})
			}
		}
	}
	return all
}

// broken says what an entry refers to that is not there.
func (l *Library) broken(a *Article, isScreen func(string) bool) (all []string) {
	for _, slug := range a.Related {
		if l.any(slug) == nil {
			all = append(all, fmt.Sprintf("related: there is no entry %q", slug))
		}
	}
	for _, name := range a.Screens {
		if !isScreen(name) {
			all = append(all, fmt.Sprintf("screens: there is no page and no message %q", name))
		}
	}
	for _, href := range a.links() {
		slug, entry := strings.CutPrefix(href, "/faq/")
		switch {
		case entry && l.any(slug) == nil:
			all = append(all, fmt.Sprintf("there is no entry %q", slug))
		case !entry && strings.HasPrefix(href, "/") && !slices.Contains(Addresses, href):
			all = append(all, fmt.Sprintf("there is no page %q", href))
		}
	}
	for _, name := range a.pictures() {
		if !hasPicture(name) {
			all = append(all, fmt.Sprintf("there is no picture %q", name))
		}
	}
	return all
}

// links are the addresses that an entry leads to.
func (a *Article) links() (all []string) {
	a.each(func(b Block) {
		for _, s := range b.Spans {
			if s.Href != "" {
				all = append(all, s.Href)
			}
		}
	})
	return all
}

// pictures are the pictures of an entry.
func (a *Article) pictures() (all []string) {
	a.each(func(b Block) {
		if b.Kind == Picture {
			all = append(all, b.File)
		}
	})
	return all
}

// each does something with every block of an entry.
func (a *Article) each(do func(Block)) {
	for _, b := range a.Body {
		b.each(do)
	}
}

func (b Block) each(do func(Block)) {
	do(b)
	for _, item := range b.Items {
		for _, part := range item {
			part.each(do)
		}
	}
}

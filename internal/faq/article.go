package faq

import (
	"strings"
	"time"

	"warifu/internal/i18n"
)

// Article is one entry in one language.
type Article struct {
	Slug     string
	Lang     i18n.Lang
	Category Category
	Order    int       // among all entries
	Updated  time.Time // the day that its words were written or changed
	Synonyms []string  // words that people search it by
	Screens  []string  // pages and messages that it helps with: "signin/totp", "err.totp_used"
	Related  []string  // slugs

	Title string
	Body  []Block // the first one is the answer in a few words
}

// Category is the key of a category's name in the catalogue.
type Category string

// The categories, and under which the first ones stand.
const (
	Authentication Category = "faq.cat_auth"
	MultiFactor    Category = "faq.cat_mfa"
	Accounts       Category = "faq.cat_account"
	WiFi           Category = "faq.cat_wifi"
	Mail           Category = "faq.cat_mail"
)

// categories are those that entries have, as the files name them, in order.
var categories = []struct {
	name     string
	category Category
	parent   Category // empty for none
}{
	{"mfa", MultiFactor, Authentication},
	{"account", Accounts, Authentication},
	{"wifi", WiFi, ""},
	{"mail", Mail, ""},
}

// categoryOf returns the category that files call by a name, or "".
func categoryOf(name string) Category {
	for _, one := range categories {
		if one.name == name {
			return one.category
		}
	}
	return ""
}

// Parent returns the category that a category stands under, or "".
func (c Category) Parent() Category {
	for _, one := range categories {
		if one.category == c {
			return one.parent
		}
	}
	return ""
}

// Kind is what a block of an entry is.
type Kind int

// The kinds of blocks.
const (
	Paragraph Kind = iota
	Heading
	Steps // numbered
	List
	Picture
)

// Block is a part of an entry.
type Block struct {
	Kind  Kind
	Spans []Span    // of a paragraph or a heading; of a picture, what it shows
	Items [][]Block // of steps and lists
	Start int       // number of the first step
	File  string    // of a picture
}

// Span is a piece of a line.
type Span struct {
	Text   string
	Strong bool
	Screen bool   // words of a screen, from the catalogue
	Code   bool   // to be typed or read letter by letter
	Href   string // where it leads; empty for no link
	Lang   string // of the words, where it is another one than the entry's; empty otherwise
}

// Summary is the answer in a few words.
func (a *Article) Summary() []Span {
	if len(a.Body) == 0 {
		return nil
	}
	return a.Body[0].Spans
}

// Rest is what follows upon the summary.
func (a *Article) Rest() []Block {
	if len(a.Body) == 0 {
		return nil
	}
	return a.Body[1:]
}

// Passages are the texts of an entry in their order: of each paragraph, heading
// and item.
func (a *Article) Passages() (all []string) {
	for _, b := range a.Body {
		all = b.passages(all)
	}
	return all
}

func (b Block) passages(all []string) []string {
	if t := plain(b.Spans); t != "" && b.Kind != Picture {
		all = append(all, t)
	}
	for _, item := range b.Items {
		for _, part := range item {
			all = part.passages(all)
		}
	}
	return all
}

// plain is the text of spans.
func plain(spans []Span) string {
	var t strings.Builder
	for _, s := range spans {
		t.WriteString(s.Text)
	}
	return strings.TrimSpace(t.String())
}

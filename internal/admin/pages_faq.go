package admin

import (
	"context"
	"net/http"
	"time"

	"warifu/internal/faq"
	"warifu/internal/i18n"
	"warifu/internal/session"
)

const (
	faqStep = "admin/faq" // the name of the page, too

	faqDays    = 90  // of which answers are counted
	mostMisses = 100 // searches that are shown
)

// FAQPage is the page "admin/faq": what readers of the FAQ say, and what they have
// not found.
type FAQPage struct {
	Days   int
	Rows   []FAQRow
	Misses []MissRow
}

// FAQRow is one entry in one language.
type FAQRow struct {
	Slug, Title string
	Lang        i18n.Lang
	Yes, No     int64
}

// MissRow is a search that found nothing.
type MissRow struct {
	Words string
	Lang  i18n.Lang
	Asked int64
	Last  string
}

func (p *Pages) showFAQ(w http.ResponseWriter, r *http.Request) error {
	v, err := p.enter(w, r, session.Factor, "/admin/faq")
	if v == nil {
		return err
	}
	page := FAQPage{Days: faqDays}
	err = p.FAQ.View(r.Context(), func(tx faq.TallyReader) error {
		answers, err := tx.Answers(r.Context(), p.Now().Add(-faqDays*24*time.Hour))
		if err != nil {
			return err
		}
		misses, err := tx.Misses(r.Context(), mostMisses)
		if err != nil {
			return err
		}
		page.Rows, page.Misses = p.FAQ.rows(answers), p.missRows(r, misses)
		return nil
	})
	if err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, faqStep, page)
}

// Readers is what the FAQ tells those who write it.
type Readers struct {
	View  func(ctx context.Context, fn func(faq.TallyReader) error) error
	Shelf *faq.Shelf
}

// rows are all entries in both languages, also those that nobody has answered to.
func (f Readers) rows(answers []faq.Answers) (all []FAQRow) {
	counted := make(map[faq.Answers]faq.Answers)
	for _, a := range answers {
		counted[faq.Answers{Slug: a.Slug, Lang: a.Lang}] = a
	}
	library := f.Shelf.Library()
	for _, lang := range i18n.Langs {
		for _, a := range library.All(lang) {
			n := counted[faq.Answers{Slug: a.Slug, Lang: a.Lang}]
			all = append(all, FAQRow{Slug: a.Slug, Title: a.Title, Lang: a.Lang, Yes: n.Yes, No: n.No})
		}
	}
	return all
}

func (p *Pages) missRows(r *http.Request, misses []faq.Miss) (all []MissRow) {
	for _, m := range misses {
		all = append(all, MissRow{Words: m.Words, Lang: m.Lang, Asked: m.Asked, Last: p.Site.Day(r, m.Last)})
	}
	return all
}

package faq

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"warifu/internal/i18n"
	"warifu/internal/throttle"
	"warifu/internal/web"
)

// Pages serves the FAQ.
type Pages struct {
	Site  *web.Site
	Shelf *Shelf
	Tally *Tally
}

// Mount registers the pages, and tells the site which entries help on a page.
func (p *Pages) Mount() {
	p.Site.Handle("GET /faq", p.list)
	p.Site.Handle("GET /faq/{slug}", p.show)
	p.Site.Handle("POST /faq/{slug}", p.answer)
	p.Site.Handle("GET /faq/pictures/{file}", p.picture)
	p.Site.Helping(p.helping)
}

var errNoEntry = &web.Problem{Status: http.StatusNotFound, Stop: "stop.not_found", Next: "/faq", Label: "faq.list", Err: errors.New("faq: no such entry")}

// ListPage is the page "faq/list": all entries, those of a category, or what a
// search has found.
type ListPage struct {
	Query    string
	Searched bool
	Crumbs   []Crumb // below the FAQ itself
	Groups   []Group
	Results  []Result
	Desk     web.Desk
}

// Crumb is a step of the way to a page.
type Crumb struct {
	Category Category
	Href     string // empty where there is no page
}

// Group is a category with its entries.
type Group struct {
	Category Category
	Href     string
	Rows     []Row
}

// Row is one entry in a list.
type Row struct {
	Slug    string
	Title   string
	Updated string
	Lang    i18n.Lang // of the title, if the page is in another one; else empty
}

// Result is one entry that a search has found.
type Result struct {
	Row
	Marked  []Piece // the title
	Passage []Piece
}

func (p *Pages) list(w http.ResponseWriter, r *http.Request) error {
	lang, query := p.Site.Lang(r), strings.TrimSpace(web.Query(r, "q"))
	page := ListPage{Query: shortened(query), Searched: query != "", Desk: p.Site.DeskState(r)}
	chosen := categoryOf(web.Query(r, "category"))
	if chosen != "" {
		page.Crumbs = crumbs(chosen)
	}
	library := p.Shelf.Library()
	if page.Searched {
		for _, f := range library.Search(query, lang) {
			page.Results = append(page.Results, Result{Row: p.row(r, f.Article), Marked: f.Title, Passage: f.Passage})
		}
		if len(page.Results) == 0 {
			p.Tally.Missed(throttle.Network(p.Site.Client(r).Address), query, lang)
		}
	}
	if !page.Searched || len(page.Results) == 0 {
		page.Groups = p.groups(r, library, chosen)
	}
	return p.Site.Render(w, r, http.StatusOK, "faq/list", page)
}

// groups are the categories with their entries, or the chosen one alone.
func (p *Pages) groups(r *http.Request, library *Library, chosen Category) (all []Group) {
	articles := library.All(p.Site.Lang(r))
	for _, c := range categories {
		if chosen != "" && c.category != chosen {
			continue
		}
		g := Group{Category: c.category, Href: "/faq?category=" + c.name}
		for _, a := range articles {
			if a.Category == c.category {
				g.Rows = append(g.Rows, p.row(r, a))
			}
		}
		if len(g.Rows) > 0 {
			all = append(all, g)
		}
	}
	return all
}

func (p *Pages) row(r *http.Request, a *Article) Row {
	row := Row{Slug: a.Slug, Title: a.Title, Updated: p.Site.Lang(r).Date(a.Updated)}
	if a.Lang != p.Site.Lang(r) {
		row.Lang = a.Lang
	}
	return row
}

// crumbs is the way to a category.
func crumbs(c Category) (way []Crumb) {
	if parent := c.Parent(); parent != "" {
		way = append(way, Crumb{Category: parent})
	}
	for _, one := range categories {
		if one.category == c {
			way = append(way, Crumb{Category: c, Href: "/faq?category=" + one.name})
		}
	}
	return way
}

const articleStep = "faq/article" // the name of the page, too

// ArticlePage is the page "faq/article".
type ArticlePage struct {
	web.Hidden
	Row
	Crumbs  []Crumb
	Summary []Span
	Body    []Block
	Related []Row
	Desk    web.Desk
	Thanks  bool
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request) error {
	library, lang := p.Shelf.Library(), p.Site.Lang(r)
	a := library.Article(r.PathValue("slug"), lang)
	if a == nil {
		return errNoEntry
	}
	page := ArticlePage{Row: p.row(r, a), Crumbs: crumbs(a.Category), Summary: a.Summary(), Body: a.Rest(), Desk: p.Site.DeskState(r), Thanks: web.Query(r, "thanks") != ""}
	for _, other := range library.Related(a, lang) {
		page.Related = append(page.Related, p.row(r, other))
	}
	var err error
	if page.Hidden, err = p.Site.Hidden(w, r, articleStep, a.Slug); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, articleStep, page)
}

// answer counts whether an entry has helped.
func (p *Pages) answer(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, articleStep, "helpful")
	if err != nil {
		return err
	}
	a := p.Shelf.Library().Article(r.PathValue("slug"), p.Site.Lang(r))
	if a == nil || form["flow"] != a.Slug || !slices.Contains([]string{"yes", "no"}, form["helpful"]) {
		return errNoEntry
	}
	p.Tally.Answer(throttle.Network(p.Site.Client(r).Address), a.Slug, a.Lang, form["helpful"] == "yes")
	return p.Site.Redirect(w, r, "/faq/"+url.PathEscape(a.Slug)+"?thanks=yes")
}

// picture sends a picture, which has a day to be looked at again.
func (p *Pages) picture(w http.ResponseWriter, r *http.Request) error {
	content, err := pictures.ReadFile("pictures/" + r.PathValue("file"))
	if err != nil {
		return errNoEntry
	}
	w.Header().Set("Content-Type", "image/webp")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	_, _ = io.Copy(w, bytes.NewReader(content)) // a browser that has gone away is not our failure
	return nil
}

// mostHelp is how many entries a page of a flow offers.
const mostHelp = 3

// helping offers the entries that fit a page and what it says is wrong.
func (p *Pages) helping(page string, messages []string, lang i18n.Lang) (links []web.Link) {
	for _, a := range p.Shelf.Library().Helping(page, messages, lang, mostHelp) {
		links = append(links, web.Link{Text: a.Title, Href: "/faq/" + a.Slug})
	}
	return links
}

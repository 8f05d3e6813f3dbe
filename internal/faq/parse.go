package faq

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"warifu/internal/i18n"
)

// Fault is something that is wrong with a file.
type Fault struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"` // 0 if it is about the whole file
	Text string `json:"text"`
}

func (f Fault) String() string {
	if f.Line == 0 {
		return f.File + ": " + f.Text
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Text)
}

// MaxFile is the most bytes of a file.
const MaxFile = 64 << 10

// slugs are the names of entries.
var slugs = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// markdown reads the subset that entries are written in; nothing renders it.
var markdown = goldmark.New(goldmark.WithExtensions(extension.CJK))

// parser reads one file.
type parser struct {
	file      string
	catalogue *i18n.Catalogue
	article   *Article
	source    []byte          // of the body, with a mark for each word of a screen
	offset    int             // lines before the body
	actions   map[rune]action // by their marks
	faults    []Fault
}

// Parse reads the entry of a file in a language. Without faults the entry is whole.
func Parse(file, slug string, lang i18n.Lang, source []byte, catalogue *i18n.Catalogue) (*Article, []Fault) {
	p := &parser{file: file, catalogue: catalogue, article: &Article{Slug: slug, Lang: lang}, actions: make(map[rune]action)}
	if len(source) > MaxFile {
		p.fault(0, "is longer than %d KiB", MaxFile>>10)
		return p.article, p.faults
	}
	head, body, ok := bytes.Cut(bytes.TrimPrefix(source, []byte("---\n")), []byte("\n---\n"))
	if !ok || !bytes.HasPrefix(source, []byte("---\n")) {
		p.fault(1, "begins with no front matter between two lines of ---")
		return p.article, p.faults
	}
	p.offset = bytes.Count(head, []byte("\n")) + 3
	p.front(string(head))
	p.source = p.marked(body)
	document := markdown.Parser().Parse(text.NewReader(p.source))
	p.article.Body = p.blocks(document)
	if len(p.article.Body) == 0 || p.article.Body[0].Kind != Paragraph {
		p.fault(p.offset+1, "does not begin with the answer in a few words")
	}
	return p.article, p.faults
}

func (p *parser) fault(line int, format string, args ...any) {
	p.faults = append(p.faults, Fault{File: p.file, Line: line, Text: fmt.Sprintf(format, args...)})
}

// front reads the lines "name: value" before the body.
func (p *parser) front(head string) {
	seen := make(map[string]bool)
	for n, line := range strings.Split(head, "\n") {
		name, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case !ok || value == "":
			p.fault(n+2, "is no line of the form NAME: VALUE")
		case seen[name]:
			p.fault(n+2, "%s is there twice", name)
		case !p.member(name, value):
			p.fault(n+2, "%s is not known, or %q is not what it may be", name, value)
		}
		seen[name] = true
	}
	for _, name := range []string{"slug", "category", "order", "title", "updated"} {
		if !seen[name] {
			p.fault(1, "%s is missing", name)
		}
	}
}

// member reads one line of the front matter, and reports whether it can be.
func (p *parser) member(name, value string) (ok bool) {
	a := p.article
	var err error
	switch name {
	case "slug":
		return value == a.Slug && slugs.MatchString(value)
	case "category":
		a.Category = categoryOf(value)
		return a.Category != ""
	case "order":
		a.Order, err = strconv.Atoi(value)
	case "title":
		a.Title = p.catalogue.Fill(a.Lang, value)
	case "updated":
		a.Updated, err = time.Parse(time.DateOnly, value)
	case "synonyms":
		a.Synonyms = list(value)
	case "screens":
		a.Screens = list(value)
	case "related":
		a.Related = list(value)
	default:
		return false
	}
	return err == nil
}

// list reads words between commas.
func list(value string) (all []string) {
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// Words of screens are marked by letters that no text has, so that neither
// Markdown nor anybody's typing can change them.
const firstMark, lastMark = '\uE000', '\uF8FF'

// action is words of a screen in an entry: {{msg "key"}}, or {{echo "key"}} where
// pages in English show the Japanese beside them.
type action struct {
	key  string
	echo bool
}

var actions = regexp.MustCompile(`\{\{(msg|echo) "([a-z_.0-9]+)"\}\}`)

// marked puts a mark in place of each action.
func (p *parser) marked(body []byte) []byte {
	clean := bytes.Map(func(r rune) rune {
		if r >= firstMark && r <= lastMark {
			return -1
		}
		return r
	}, body)
	mark := firstMark
	return actions.ReplaceAllFunc(clean, func(found []byte) []byte {
		if mark > lastMark {
			return found
		}
		parts := actions.FindSubmatch(found)
		p.actions[mark] = action{key: string(parts[2]), echo: string(parts[1]) == "echo"}
		mark++
		return []byte(string(mark - 1))
	})
}

// line is the line of the file that a node begins in.
func (p *parser) line(n ast.Node) int {
	for ; n != nil; n = n.Parent() {
		if n.Type() != ast.TypeInline && n.Lines() != nil && n.Lines().Len() > 0 {
			return p.offset + 1 + bytes.Count(p.source[:n.Lines().At(0).Start], []byte("\n"))
		}
	}
	return 0
}

// blocks reads the blocks in a node.
func (p *parser) blocks(in ast.Node) (all []Block) {
	for n := in.FirstChild(); n != nil; n = n.NextSibling() {
		switch node := n.(type) {
		case *ast.Paragraph, *ast.TextBlock:
			all = append(all, p.paragraph(node))
		case *ast.Heading:
			if node.Level != 2 {
				p.fault(p.line(node), "headings in an entry are those with ##")
			}
			all = append(all, Block{Kind: Heading, Spans: p.spans(node, Span{})})
		case *ast.List:
			b := Block{Kind: List}
			if node.IsOrdered() {
				b.Kind, b.Start = Steps, node.Start
			}
			for item := node.FirstChild(); item != nil; item = item.NextSibling() {
				b.Items = append(b.Items, p.blocks(item))
			}
			all = append(all, b)
		default:
			p.fault(p.line(node), "%s does not belong into an entry", n.Kind())
		}
	}
	return all
}

// paragraph reads a paragraph; one that consists of a picture is that.
func (p *parser) paragraph(n ast.Node) Block {
	if image, is := n.FirstChild().(*ast.Image); is && n.ChildCount() == 1 {
		name := string(image.Destination)
		b := Block{Kind: Picture, File: name + "." + string(p.article.Lang) + ".webp", Spans: p.spans(image, Span{})}
		if !slugs.MatchString(name) || plain(b.Spans) == "" {
			p.fault(p.line(n), "a picture is ![what it shows](name)")
		}
		return b
	}
	return Block{Kind: Paragraph, Spans: p.spans(n, Span{})}
}

// spans reads the pieces of a line, all of them in a style.
func (p *parser) spans(in ast.Node, style Span) (all []Span) {
	for n := in.FirstChild(); n != nil; n = n.NextSibling() {
		switch node := n.(type) {
		case *ast.Text:
			all = append(all, p.filled(string(node.Segment.Value(p.source)), style)...)
			if node.SoftLineBreak() && p.article.Lang != i18n.Japanese {
				all = append(all, Span{Text: " "})
			}
		case *ast.String:
			all = append(all, p.filled(string(node.Value), style)...)
		case *ast.CodeSpan:
			code := style
			code.Code = true
			all = append(all, p.spans(node, code)...)
		case *ast.Emphasis:
			strong := style
			strong.Strong = true
			all = append(all, p.spans(node, strong)...)
		case *ast.Link:
			link := style
			link.Href = p.target(node)
			all = append(all, p.spans(node, link)...)
		default:
			p.fault(p.line(n), "%s does not belong into an entry", n.Kind())
		}
	}
	return all
}

// filled puts the words of screens and the site's own words into a text.
func (p *parser) filled(t string, style Span) (all []Span) {
	add := func(t string) {
		if t != "" {
			s := style
			s.Text = p.catalogue.Fill(p.article.Lang, t)
			all = append(all, s)
		}
	}
	start := 0
	for i, r := range t {
		a, marked := p.actions[r]
		if !marked {
			continue
		}
		before := t[start:i]
		start = i + len(string(r))
		if p.article.Lang == i18n.Japanese { // brackets stand in place of spaces
			before = strings.TrimRight(before, " ")
			start += len(t[start:]) - len(strings.TrimLeft(t[start:], " "))
		}
		add(before)
		all = append(all, p.screen(a, style)...)
	}
	add(t[start:])
	return all
}

// placeholder is a value that a screen puts into a message.
var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// screen returns the words of a screen.
func (p *parser) screen(a action, style Span) []Span {
	words := p.catalogue.Text(p.article.Lang, a.key)
	if words == a.key {
		p.fault(0, "there is no message %q", a.key)
	}
	if placeholder.MatchString(words) {
		p.fault(0, "message %q has a value in it that an entry cannot know", a.key)
	}
	opening, closing := style, style
	opening.Text, closing.Text = "「", "」"
	style.Text, style.Screen = words, true
	spans := []Span{style}
	if p.article.Lang == i18n.Japanese {
		return []Span{opening, style, closing}
	}
	if a.echo {
		style.Text, style.Lang, style.Screen = " ("+p.catalogue.Text(i18n.Japanese, a.key)+")", string(i18n.Japanese), false
		spans = append(spans, style)
	}
	return spans
}

// target returns where a link leads: to an entry by its slug, to a page of ours,
// or to another site.
func (p *parser) target(link *ast.Link) string {
	to := string(link.Destination)
	switch {
	case slugs.MatchString(to):
		return "/faq/" + to
	case strings.HasPrefix(to, "https://"), strings.HasPrefix(to, "tel:"), strings.HasPrefix(to, "mailto:"):
		return to
	case strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//"):
		return to
	}
	p.fault(p.line(link), "%q is no slug of an entry, no page of this site and no https address", cmp.Or(to, "an empty address"))
	return ""
}

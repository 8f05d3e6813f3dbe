package mail

import (
	"embed"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"
)

//go:embed templates
var templateFS embed.FS

// Composer makes messages of letters. A set of templates is parsed per
// language, and the language bound then, so that two cannot mix.
type Composer struct {
	sets map[string]*set
}

// set is everything that is written in one language.
type set struct {
	printer
	wrapper
	templates map[string]*template.Template // by name, such as "notice/body"
}

// NewComposer returns a composer for a site that is described in both
// languages. Times are told in location.
func NewComposer(japanese, english Site, location *time.Location) (*Composer, error) {
	c := &Composer{sets: make(map[string]*set)}
	for lang, site := range map[string]Site{Japanese: japanese, English: english} {
		s, err := newSet(printer{lang, site, location})
		if err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
		c.sets[lang] = s
	}
	return c, nil
}

func newSet(p printer) (*set, error) {
	s := &set{p, newWrapper(p.lang), make(map[string]*template.Template)}
	names := []string{"footer"}
	for _, l := range letters {
		names = append(names, l.folder()+"/subject", l.folder()+"/body")
	}
	for _, name := range names {
		text, err := templateFS.ReadFile("templates/" + name + "." + p.lang + ".txt")
		if err != nil {
			return nil, err
		}
		if s.templates[name], err = template.New(name).Funcs(p.funcs()).Parse(string(text)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// funcs are what the templates may use besides the fields of their letter.
func (p printer) funcs() template.FuncMap {
	return template.FuncMap{
		"site":        func() Site { return p.site },
		"phrase":      p.phrase,
		"text":        p.text,
		"time":        p.time,
		"date":        p.date,
		"maskID":      func(id Word) string { return clean(MaskID(string(id))) },
		"maskAddress": func(address Word) string { return clean(MaskAddress(string(address))) },
	}
}

// Compose returns the message of a letter, without a recipient. If the language
// is neither of the two, one mail has both, Japanese first.
func (c *Composer) Compose(lang string, l Letter) (Message, error) {
	if s, ok := c.sets[lang]; ok {
		return s.message(l)
	}
	first, err := c.sets[Japanese].message(l)
	if err != nil {
		return Message{}, err
	}
	second, err := c.sets[English].message(l)
	if err != nil {
		return Message{}, err
	}
	first.Lang += ", " + second.Lang
	first.Body += "\n" + strings.Repeat("=", 12) + "\n\n" + second.Body
	return first, nil
}

func (s *set) message(l Letter) (Message, error) {
	subject, err := s.subject(l)
	if err != nil {
		return Message{}, fmt.Errorf("mail: subject of %s: %w", l.folder(), err)
	}
	body, err := s.execute(l.folder()+"/body", l)
	if err != nil {
		return Message{}, fmt.Errorf("mail: body of %s: %w", l.folder(), err)
	}
	footer, err := s.execute("footer", nil)
	if err != nil {
		return Message{}, fmt.Errorf("mail: footer: %w", err)
	}
	return Message{Lang: s.lang, Subject: subject, Body: s.wrap(body + "\n" + footer)}, nil
}

var errLines = errors.New("not one line")

func (s *set) subject(l Letter) (string, error) {
	subject, err := s.execute(l.folder()+"/subject", l)
	if err != nil {
		return "", err
	}
	prefix := "【" + s.site.AppShort + "】"
	if s.lang == English {
		prefix = "[" + s.site.AppShort + "] "
	}
	subject = prefix + strings.TrimSpace(subject)
	if strings.ContainsAny(subject, "\r\n") {
		return "", errLines
	}
	return subject, nil
}

func (s *set) execute(name string, data any) (string, error) {
	var out strings.Builder
	if err := s.templates[name].Execute(&out, data); err != nil {
		return "", err
	}
	return out.String(), nil
}

package mail

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxWord is how many characters of a value are printed.
const maxWord = 80

// Word is a value that may come from outside: a name, an ID, an address. It is
// printed on one line, short, and never as a link.
type Word string

func (w Word) String() string { return clean(string(w)) }

// URL is an address of our own pages. Unlike a [Word] it is printed as it is.
type URL string

// clean makes harmless what a person may have typed: a mail from us must not
// carry lines or links of somebody else (MAIL-6, ADR-1).
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && r != '\u3000', unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1 // invisible, or able to turn the reading direction
		}
		return r
	}, s)
	s = strings.ReplaceAll(s, "://", ":／／")
	if characters := []rune(s); len(characters) > maxWord {
		s = string(characters[:maxWord-1]) + "…"
	}
	return strings.TrimSpace(s)
}

// Values fill the placeholders of a [Phrase]. A value is a string, an int, a
// time.Time (printed as date, clock time and zone) or a [Text].
type Values map[string]any

// Phrase is a text with {placeholders}, and what fills them. Those of the site
// ({id_label} …) need no value.
type Phrase struct {
	Text   Text
	Values Values
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// printer prints words in one language for one site.
type printer struct {
	lang     string
	site     Site
	location *time.Location
}

// phrase fills in one pass, so that a value cannot bring a placeholder of its own.
func (p printer) phrase(ph Phrase) (string, error) {
	var err error
	filled := placeholder.ReplaceAllStringFunc(ph.Text.in(p.lang), func(braces string) string {
		words, e := p.value(strings.Trim(braces, "{}"), ph.Values)
		if e != nil {
			err = e
		}
		return words
	})
	return filled, err
}

func (p printer) value(name string, values Values) (string, error) {
	switch v := values[name].(type) {
	case string:
		return clean(v), nil
	case int:
		return strconv.Itoa(v), nil
	case time.Time:
		return p.time(v), nil
	case Text:
		return clean(v.in(p.lang)), nil
	case nil:
		if words, ok := p.site.value(name); ok {
			return words, nil
		}
		return "", fmt.Errorf("no value for {%s}", name)
	default:
		return "", fmt.Errorf("{%s} is a %T", name, v)
	}
}

func (p printer) text(t Text) string { return clean(t.in(p.lang)) }

var weekdays = [...]string{"日", "月", "火", "水", "木", "金", "土"}

// time prints an absolute time with weekday and zone.
func (p printer) time(t time.Time) string {
	t = t.In(p.location)
	if p.lang == English {
		return t.Format("Mon 2 Jan 2006, 15:04") + " (" + p.site.Zone + ")"
	}
	return p.date(t) + t.Format("15:04") + "（" + p.site.Zone + "）"
}

// date prints a day with its weekday.
func (p printer) date(t time.Time) string {
	t = t.In(p.location)
	if p.lang == English {
		return t.Format("Mon 2 Jan 2006")
	}
	return t.Format("2006年1月2日") + "（" + weekdays[t.Weekday()] + "）"
}

const masked = "•••"

// MaskID shortens an ID to its first three and last two characters; one that is
// too short for that keeps its first alone.
func MaskID(id string) string {
	characters := []rune(id)
	switch {
	case len(characters) == 0:
		return masked
	case len(characters) < 7:
		return string(characters[:1]) + masked
	}
	return string(characters[:3]) + masked + string(characters[len(characters)-2:])
}

// MaskAddress keeps the first character of the local part and of the domain,
// and the domain's last label.
func MaskAddress(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at == len(address)-1 {
		return masked
	}
	local, domain := []rune(address[:at]), []rune(address[at+1:])
	short := string(local[:1]) + masked + "@" + string(domain[:1]) + masked
	if dot := strings.LastIndexByte(string(domain), '.'); dot > 0 {
		short += string(domain)[dot:]
	}
	return short
}

// MaskAddresses returns the addresses in the form of [MaskAddress].
func MaskAddresses(addresses []string) (masked []string) {
	for _, address := range addresses {
		masked = append(masked, MaskAddress(address))
	}
	return masked
}

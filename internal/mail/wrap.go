package mail

import (
	"strings"

	"golang.org/x/text/width"
)

// The longest line of a body, in columns: 35 full-width characters, and 66
// half-width ones. A line of the templates is never longer; one that grew when
// it was filled is wrapped.
const (
	japaneseColumns = 70
	englishColumns  = 66
)

// Characters that stay with the one before or after them (JIS X 4051).
const (
	notFirst = "、。，．・：；？！）」』】〕》〉”’ー…‥々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ,.:;?!)]}％"
	notLast  = "（「『【〔《〈“‘([{"
)

// wrapper breaks lines for one language.
type wrapper struct {
	columns   int
	ambiguous int // columns of a character that is wide in East Asian text alone
}

func newWrapper(lang string) wrapper {
	if lang == English {
		return wrapper{englishColumns, 1}
	}
	return wrapper{japaneseColumns, 2}
}

// wrap breaks the lines of a body that are too long.
func (w wrapper) wrap(body string) string {
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		if w.width(line) > w.columns {
			lines[i] = w.wrapLine(line)
		}
	}
	return strings.Join(lines, "\n")
}

func (w wrapper) wrapLine(line string) string {
	var out strings.Builder
	column := 0
	for _, piece := range w.pieces(line) {
		n := w.width(strings.TrimRight(piece, " \u3000"))
		if column > 0 && column+n > w.columns {
			out.WriteByte('\n')
			column = 0
		}
		out.WriteString(piece)
		column += w.width(piece)
	}
	broken := strings.Split(out.String(), "\n")
	for i := range broken {
		broken[i] = strings.TrimRight(broken[i], " \u3000")
	}
	return strings.Join(broken, "\n")
}

// pieces cuts a line where it may be broken: after a space, and around wide
// characters, and never before one. A word that no line can hold is cut, unless
// it is a URL.
func (w wrapper) pieces(line string) []string {
	var all []string
	start, columns := 0, 0
	last := ' '
	for i, r := range line {
		full := columns >= w.columns-1 && !strings.Contains(line[start:i], "://")
		if i > start && (full || w.mayBreak(last, r)) && !isSpace(r) {
			all = append(all, line[start:i])
			start, columns = i, 0
		}
		columns += w.runeWidth(r)
		last = r
	}
	return append(all, line[start:])
}

// mayBreak reports whether a line may end between two characters.
func (w wrapper) mayBreak(last, next rune) bool {
	switch {
	case isSpace(last):
		return true
	case strings.ContainsRune(notFirst, next) || strings.ContainsRune(notLast, last):
		return false
	}
	return w.runeWidth(last) == 2 || w.runeWidth(next) == 2
}

func isSpace(r rune) bool { return r == ' ' || r == '\u3000' }

func (w wrapper) width(s string) (n int) {
	for _, r := range s {
		n += w.runeWidth(r)
	}
	return n
}

func (w wrapper) runeWidth(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	case width.EastAsianAmbiguous:
		return w.ambiguous
	}
	return 1
}

package password

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The length of a new password in code points, after NFC (PW-2).
const (
	MinLengthBeside = 8  // where a second factor is forced
	MinLengthAlone  = 15 // where the password may be all that is asked for
	MaxLength       = 128
)

// MinLength returns the least length in code points.
func MinLength(secondFactorForced bool) int {
	if secondFactorForced {
		return MinLengthBeside
	}
	return MinLengthAlone
}

// Fault is what is wrong with a new password. The words for it are the page's.
type Fault string

// The faults. There is no rule about kinds of characters (PW-4).
const (
	TooShort Fault = "short"    // fewer code points than [MinLength]
	TooLong  Fault = "long"     // more than [MaxLength], or than [MaxBytes] in bytes
	Breached Fault = "breached" // one of the most common of those that have leaked
	Personal Fault = "context"  // the person's own name or ID
	Simple   Fault = "simple"   // one thing repeated, a row, or a word of the institution
)

// Choice is a password that a person would like to have, and what is known of
// that person.
type Choice struct {
	Password           string
	SecondFactorForced bool
	// Person are words about the person: SPS-ID, names in every script,
	// department. Site are words about the place: the institution, the services.
	Person, Site []string
}

// Fault returns the first fault of a choice, or "" if it is acceptable (PW-2,
// PW-3). It is the whole password that is compared (NIST SP 800-63B-4 §3.1.1.2):
// with one word, or with two of a kind in a row, whatever their case and width
// and with or without what stands between them.
func (b *BlockList) Fault(c Choice) Fault {
	if len(c.Password) > MaxBytes { //guard:PW-2
		return TooLong
	}
	length := utf8.RuneCountInString(norm.NFC.String(c.Password))
	if length > MaxLength { //guard:PW-2
		return TooLong
	}
	if length < MinLength(c.SecondFactorForced) { //guard:PW-2
		return TooShort
	}
	folded := fold(c.Password)
	if hasCommon(folded) { //guard:PW-3
		return Breached
	}
	if isMadeOf(folded, c.Person) { //guard:PW-3
		return Personal
	}
	if isMadeOf(folded, c.Site) || b.hasOwn(folded) { //guard:PW-3
		return Simple
	}
	if isRow(folded) || isRepeated(folded) {
		return Simple
	}
	return ""
}

// isMadeOf reports whether the letters and digits of a folded text are those of
// one of the words, or of two in a row.
func isMadeOf(folded string, words []string) bool {
	bare := bareOf(folded)
	if bare == "" {
		return false
	}
	var all []string
	for _, word := range words {
		if w := bareOf(fold(word)); w != "" {
			all = append(all, w)
		}
	}
	for _, first := range all {
		rest, ok := strings.CutPrefix(bare, first)
		if ok && rest == "" {
			return true
		}
		for _, second := range all {
			if ok && rest == second {
				return true
			}
		}
	}
	return false
}

// bareOf drops all but letters, their marks and digits.
func bareOf(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// isRow reports whether each character follows the one before it, upwards or
// downwards, as in "abcdefgh" or "109876543210": after 9 comes 0.
func isRow(folded string) bool {
	return goesBy(folded, 1) || goesBy(folded, -1)
}

func goesBy(s string, step rune) bool {
	last := rune(-1)
	for _, r := range s {
		next := last + step
		switch {
		case last == '9' && step > 0:
			next = '0'
		case last == '0' && step < 0:
			next = '9'
		}
		if last >= 0 && r != next {
			return false
		}
		last = r
	}
	return true
}

// leastRepeats is how often a part must come to be called a repetition: what
// is said only twice may be a choice.
const leastRepeats = 3

// isRepeated reports whether the whole is one part, [leastRepeats] times or more
// in a row; the last one may be cut.
func isRepeated(folded string) bool {
	runes := []rune(folded)
	for period := 1; period*leastRepeats <= len(runes); period++ {
		same := 0
		for same+period < len(runes) && runes[same] == runes[same+period] {
			same++
		}
		if same+period == len(runes) {
			return true
		}
	}
	return false
}

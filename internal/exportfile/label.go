package exportfile

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// cleanLabel returns a name without control characters and marks that turn the
// direction of writing, and without white space around it.
func cleanLabel(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || 0x7f <= r && r < 0xa0 || turnsDirection(r) {
			return -1
		}
		return r
	}, s)
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
}

// turnsDirection reports whether a character could make a name look like another
// (UAX 9 §2).
func turnsDirection(r rune) bool {
	return r == 0x200e || r == 0x200f || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
}

// setLabels takes the names of a file of others: cleaned, and up to 200
// characters each.
func (a *Account) setLabels(issuer, account string) error {
	a.Issuer, a.Account = cleanLabel(issuer), cleanLabel(account)
	if utf8.RuneCountInString(a.Issuer) > maxLabel || utf8.RuneCountInString(a.Account) > maxLabel {
		return refuse(BadLabel)
	}
	return nil
}

package totp

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxName is the length of the longest name of an authenticator, in characters.
const MaxName = 40

// What can be wrong with a name.
var (
	ErrNameEmpty = errors.New("totp: the name is empty")
	ErrNameLong  = errors.New("totp: the name is too long")
	ErrNameTaken = errors.New("totp: the person has another authenticator of this name")
)

// Name returns a name as it is kept, for the authenticator with this id beside
// the others of its subscriber.
func Name(typed, id string, all []Authenticator) (string, error) {
	name := strings.Join(strings.FieldsFunc(norm.NFC.String(typed), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	switch {
	case name == "":
		return "", ErrNameEmpty
	case utf8.RuneCountInString(name) > MaxName:
		return "", ErrNameLong
	}
	for _, a := range all {
		if a.ID != id && a.State == Active && strings.EqualFold(a.Name, name) {
			return "", ErrNameTaken
		}
	}
	return name, nil
}

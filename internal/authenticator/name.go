package authenticator

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxName is the length of the longest name of an authenticator, in characters.
const MaxName = 40

// What can be wrong with a name.
var (
	ErrNameEmpty = errors.New("authenticator: the name is empty")
	ErrNameLong  = errors.New("authenticator: the name is too long")
	ErrNameTaken = errors.New("authenticator: the person has another one of this name")
)

// FoldName returns a name in one line, without control characters and without
// spaces at its ends. It is empty where nothing is left.
func FoldName(typed string) string {
	return strings.Join(strings.FieldsFunc(norm.NFC.String(strings.ToValidUTF8(typed, "")), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
}

// CheckName returns the name that a person gave to an authenticator as it is kept,
// beside the names of the others of its kind.
func CheckName(typed string, others []string) (string, error) {
	name := FoldName(typed)
	switch {
	case name == "":
		return "", ErrNameEmpty
	case utf8.RuneCountInString(name) > MaxName:
		return "", ErrNameLong
	case slices.ContainsFunc(others, func(other string) bool { return strings.EqualFold(other, name) }):
		return "", ErrNameTaken
	}
	return name, nil
}

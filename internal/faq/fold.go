package faq

import (
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// letter is one letter of a text as it is compared, and where it stands: the bytes
// from and to of the text.
type letter struct {
	r        rune
	from, to int
}

const (
	longMark  = 'ー'
	middleDot = '・'
)

// fold returns the letters of a text so that what people take for the same is the
// same: compatibility forms (width, half-width kana), case, hiragana for katakana.
// The long mark and the middle dot are left out.
func fold(text string) []letter {
	letters := make([]letter, 0, len(text))
	var segments norm.Iter
	segments.InitString(norm.NFKC, text)
	for !segments.Done() {
		from := segments.Pos()
		segment := segments.Next()
		to := segments.Pos()
		for _, r := range string(segment) {
			if r == longMark || r == middleDot {
				continue
			}
			letters = append(letters, letter{hiragana(unicode.ToLower(r)), from, to})
		}
	}
	return letters
}

// hiragana returns the hiragana of a katakana, and other letters as they are.
func hiragana(r rune) rune {
	if r >= 'ァ' && r <= 'ヶ' {
		return r - 'ァ' + 'ぁ'
	}
	return r
}

// script is how the words of a letter are found.
type script int

const (
	other   script = iota // separates words
	spaced                // letters and digits between spaces
	han                   // ideographs, cut into pairs
	kana                  // the same
	joining               // of a spaced word: Wi-Fi, don't
)

func scriptOf(r rune) script {
	switch {
	case r >= 'ぁ' && r <= 'ゖ':
		return kana
	case unicode.Is(unicode.Han, r) || r == '々' || r == '〆':
		return han
	case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
		return spaced
	case r == '-' || r == '\'' || r == '’' || r == '‐':
		return joining
	}
	return other
}

package faq

import (
	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/english"
)

// word is one term of a text, and where it stands: the bytes from and to.
type word struct {
	term     string
	from, to int
}

// The terms of different kinds never meet.
const (
	skeleton  = "~" // before the ideographs of a word without the kana between them
	maxOkuri  = 2   // kana between two ideographs of one skeleton: 読み取り, 申し込み
	maxLetter = 40  // of a spaced word; what is longer is no word
)

// words returns the terms of a text: English words by their stems, Japanese in
// pairs of letters, and the skeletons of words with okurigana.
func words(text string) []word {
	letters := fold(text)
	found := make([]word, 0, len(letters))
	for i := 0; i < len(letters); {
		kind := scriptOf(letters[i].r)
		end := i + 1
		switch kind {
		case spaced:
			end = endOf(letters, i, spaced, joining)
			found = spacedWords(found, letters[i:end])
		case han, kana:
			end = endOf(letters, i, han, kana)
			found = pairs(found, letters[i:end])
		case other, joining:
		}
		i = end
	}
	return found
}

// endOf returns the end of the run of letters of two scripts.
func endOf(letters []letter, i int, one, another script) int {
	for ; i < len(letters); i++ {
		if kind := scriptOf(letters[i].r); kind != one && kind != another {
			break
		}
	}
	return i
}

// spacedWords adds a spaced word and, of a word such as Wi-Fi, its parts.
func spacedWords(found []word, run []letter) []word {
	whole := make([]rune, 0, len(run))
	var parts []word
	start := 0
	for i := 0; i <= len(run); i++ {
		if i < len(run) && scriptOf(run[i].r) != joining {
			whole = append(whole, run[i].r)
			continue
		}
		if i > start && i-start <= maxLetter {
			parts = append(parts, word{stem(joined(run[start:i])), run[start].from, run[i-1].to})
		}
		start = i + 1
	}
	if len(parts) > 1 && len(whole) <= maxLetter {
		found = append(found, word{stem(string(whole)), run[0].from, run[len(run)-1].to})
	}
	return append(found, parts...)
}

// pairs adds the pairs of a run of Japanese letters, and its skeletons. A single
// letter is a term by itself.
func pairs(found []word, run []letter) []word {
	if len(run) == 1 {
		return append(found, word{string(run[0].r), run[0].from, run[0].to})
	}
	last := -1 // the ideograph before
	for i := range run {
		if i+1 < len(run) {
			found = append(found, word{joined(run[i : i+2]), run[i].from, run[i+1].to})
		}
		if scriptOf(run[i].r) != han {
			continue
		}
		if last >= 0 && i-last-1 <= maxOkuri {
			found = append(found, word{skeleton + string([]rune{run[last].r, run[i].r}), run[last].from, run[i].to})
		}
		last = i
	}
	return found
}

func joined(letters []letter) string {
	runes := make([]rune, len(letters))
	for i, l := range letters {
		runes[i] = l.r
	}
	return string(runes)
}

// stem returns what the forms of an English word have in common.
func stem(word string) string {
	for _, r := range word {
		if r > 'z' {
			return word
		}
	}
	env := snowballstem.NewEnv(word)
	english.Stem(env)
	return env.Current()
}

package faq

import (
	"math/rand/v2"
	"testing"
)

// TestAtLeast never passes over a word that is near enough: the bound of two sets of
// letters is no more than the distance.
func TestAtLeast(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		letters := make([]rune, 1+random.IntN(12))
		for i := range letters {
			letters[i] = []rune("abcdeéßz")[random.IntN(8)]
		}
		return string(letters)
	}
	for range 100_000 {
		one, other := word(), word()
		if bound, d := lettersOf(one).atLeast(lettersOf(other)), distance([]rune(one), []rune(other), maxLetter); bound > d {
			t.Fatalf("%s, %s: %d is more than %d", one, other, bound, d)
		}
	}
}

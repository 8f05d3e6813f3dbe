package faq

import "unicode/utf8"

// Piece is a piece of a text in which words are marked.
type Piece struct {
	Text   string
	Marked bool
}

// marked cuts a text where words with some terms begin and end.
func marked(t string, terms map[string]bool) (all []Piece) {
	on := make([]bool, len(t)+1) // of each byte
	for _, w := range words(t) {
		if terms[w.term] {
			for i := w.from; i < w.to; i++ {
				on[i] = true
			}
		}
	}
	start := 0
	for i := 1; i <= len(t); i++ {
		if i == len(t) || on[i] != on[start] {
			all = append(all, Piece{Text: t[start:i], Marked: on[start]})
			start = i
		}
	}
	return all
}

// The length of a passage, in letters, and how many of them stand before the first
// word that is marked.
const (
	passageLength = 120
	passageLead   = 30
)

// clip cuts a text to the length of a passage, around its first word that is marked.
func clip(t string, terms map[string]bool) string {
	if utf8.RuneCountInString(t) <= passageLength {
		return t
	}
	first := 0
	for _, w := range words(t) {
		if terms[w.term] {
			first = utf8.RuneCountInString(t[:w.from])
			break
		}
	}
	runes := []rune(t)
	start := max(0, min(first-passageLead, len(runes)-passageLength))
	cut := string(runes[start:min(len(runes), start+passageLength)])
	if start > 0 {
		cut = "…" + cut
	}
	if start+passageLength < len(runes) {
		cut += "…"
	}
	return cut
}

package faq

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Weights of where a word stands, and the constants of BM25 (Robertson and
// Zaragoza, The Probabilistic Relevance Framework, 2009, section 3).
const (
	inTitle    = 4
	inSynonyms = 4
	inSummary  = 2
	inBody     = 1

	saturation = 1.2
	lengths    = 0.6
)

const (
	// Results are the most that a search returns (FAQ-1).
	Results = 20
	// MaxQuery is how many letters of a query count (FAQ-1).
	MaxQuery = 100

	nearly    = 0.4 // of the weight of a word that was typed with a mistake, or not to its end
	boneless  = 0.5 // of the weight of a skeleton
	ending    = 0.2 // of the weight of a pair with kana that no entry has: grammar more often than a word
	enough    = 0.4 // of the weight of a query has to be found in an entry
	remainder = 0.2 // of the best score; what has less is not shown
	leastNear = 5   // letters of a word that may have a mistake; twice as many may have two
	leastStem = 3   // letters of a word that may be continued
)

// posting says that an entry has a term, and how much it weighs there.
type posting struct {
	entry  int32
	weight float32
}

// Index finds entries by their words.
type Index struct {
	lengths  []float32 // of the entries, in words
	mean     float32
	ids      map[string]int32 // of the terms
	postings [][]posting      // by the id of the term
	fields   [][][]int32      // of each entry: the terms of each field, in order
	spaced   []string         // the spaced terms in order, for what is typed with mistakes
	letters  [][]rune         // of each of them
	sets     []letterSet      // likewise
}

// field is a text of an entry and what its words weigh.
type field struct {
	text   string
	weight float32
}

// newIndex indexes entries, each of some fields.
func newIndex(entries [][]field) *Index {
	x := &Index{lengths: make([]float32, len(entries)), fields: make([][][]int32, len(entries)), ids: make(map[string]int32)}
	for n, fields := range entries {
		counts := make(map[int32]float32)
		for _, f := range fields {
			found := words(f.text)
			terms := make([]int32, 0, len(found))
			for _, w := range found {
				id := x.id(w.term)
				counts[id] += f.weight
				terms = append(terms, id)
			}
			slices.Sort(terms)
			x.fields[n] = append(x.fields[n], slices.Clip(slices.Compact(terms)))
			x.lengths[n] += float32(len(found))
		}
		for id, weight := range counts {
			x.postings[id] = append(x.postings[id], posting{int32(n), weight})
		}
		x.mean += x.lengths[n] / float32(len(entries))
	}
	for term := range x.ids {
		if r, _ := utf8.DecodeRuneInString(term); scriptOf(r) == spaced {
			x.spaced = append(x.spaced, term)
		}
	}
	slices.Sort(x.spaced)
	for _, term := range x.spaced {
		x.letters, x.sets = append(x.letters, []rune(term)), append(x.sets, lettersOf(term))
	}
	return x
}

// id returns the id of a term, which gets one.
func (x *Index) id(term string) int32 {
	id, known := x.ids[term]
	if !known {
		id = int32(len(x.postings)) //nolint:gosec // G115: there are not as many terms
		x.ids[term] = id
		x.postings = append(x.postings, nil)
	}
	return id
}

// of returns where a term is.
func (x *Index) of(term string) []posting {
	if id, known := x.ids[term]; known {
		return x.postings[id]
	}
	return nil
}

// wanted is a term of a query: the terms of the index that answer it.
type wanted struct {
	terms  []string
	weight float64
}

// hit is an entry that a search has found.
type hit struct {
	entry int
	score float64
}

// tally is what an entry has of a query: its score, and the weight of the terms
// that it has.
type tally struct {
	score, found float64
	best         float64 // of the term that is looked at
}

// search returns the entries that answer a query, the best first, and the terms
// of the index that the query has come to.
func (x *Index) search(query string) (hits []hit, terms map[string]bool) {
	terms = make(map[string]bool)
	total := 0.0
	tallies := make([]tally, len(x.lengths))
	var touched []int32
	for _, w := range x.wanted(query) {
		total += w.weight
		touched = touched[:0]
		for _, term := range w.terms {
			terms[term] = true
			for _, p := range x.of(term) {
				t := &tallies[p.entry]
				if t.best == 0 {
					touched = append(touched, p.entry)
				}
				t.best = max(t.best, x.saturated(p))
			}
		}
		for _, entry := range touched {
			t := &tallies[entry]
			t.score, t.found, t.best = t.score+w.weight*t.best, t.found+w.weight, 0
		}
	}
	best := 0.0
	for _, t := range tallies {
		if t.found >= enough*total {
			best = max(best, t.score)
		}
	}
	for entry, t := range tallies {
		if t.score > 0 && t.found >= enough*total && t.score >= remainder*best {
			hits = append(hits, hit{entry, t.score})
		}
	}
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.entry, b.entry)) })
	return hits[:min(len(hits), Results)], terms
}

// bestField returns the field of an entry with most of some terms, from a field on.
func (x *Index) bestField(entry, from int, terms map[string]bool) (best int) {
	most := 0
	best = from
	for n := from; n < len(x.fields[entry]); n++ {
		has := 0
		for term := range terms {
			if id, known := x.ids[term]; known {
				if _, found := slices.BinarySearch(x.fields[entry][n], id); found {
					has++
				}
			}
		}
		if has > most {
			best, most = n, has
		}
	}
	return best
}

// saturated is how much a term counts in an entry: the more often the more, but
// less and less so.
func (x *Index) saturated(p posting) float64 {
	length := float64(1 - lengths + lengths*x.lengths[p.entry]/x.mean)
	return float64(p.weight) * (saturation + 1) / (float64(p.weight) + saturation*length)
}

// wanted returns the terms of a query, each once.
func (x *Index) wanted(query string) (all []wanted) {
	seen := make(map[string]bool)
	for _, w := range words(query) {
		if seen[w.term] {
			continue
		}
		seen[w.term] = true
		one := wanted{terms: []string{w.term}, weight: x.rarity(len(x.of(w.term)))}
		if strings.HasPrefix(w.term, skeleton) {
			one.weight *= boneless
			if len(x.of(w.term)) == 0 {
				continue // the pairs say what is missing
			}
		}
		if len(x.of(w.term)) == 0 {
			if near := x.near(w.term); len(near) > 0 {
				one.terms, one.weight = near, nearly*x.rarity(len(x.of(near[0])))
			}
			for _, near := range one.terms {
				seen[near] = true
			}
			if len(x.of(one.terms[0])) == 0 && strings.ContainsFunc(w.term, func(r rune) bool { return scriptOf(r) == kana }) {
				one.weight *= ending
			}
		}
		all = append(all, one)
	}
	return all
}

// rarity is the weight of a term that so many entries have.
func (x *Index) rarity(n int) float64 {
	return math.Log(1 + (float64(len(x.lengths))-float64(n)+0.5)/(float64(n)+0.5))
}

// near returns the terms that a word may have been meant for: of a Japanese word
// without its okurigana its skeleton; of a spaced word those that it is the
// beginning of, else those nearest to it.
func (x *Index) near(term string) (found []string) {
	if bones := skeleton + term; len(x.of(bones)) > 0 { // 読取 for 読み取り
		return []string{bones}
	}
	letters := utf8.RuneCountInString(term)
	if r, _ := utf8.DecodeRuneInString(term); scriptOf(r) != spaced || letters < leastStem {
		return nil
	}
	for n, _ := slices.BinarySearch(x.spaced, term); n < len(x.spaced) && strings.HasPrefix(x.spaced[n], term); n++ {
		found = append(found, x.spaced[n])
	}
	if len(found) > 0 || letters < leastNear {
		return found
	}
	most := 1 + min(letters/(2*leastNear), 1)
	typed, set := []rune(term), lettersOf(term)
	for n, other := range x.letters {
		if set.atLeast(x.sets[n]) > most {
			continue
		}
		switch d := distance(typed, other, most); {
		case d < most:
			found, most = []string{x.spaced[n]}, d
		case d == most:
			found = append(found, x.spaced[n])
		}
	}
	return found
}

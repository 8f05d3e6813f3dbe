package faq

import (
	"context"
	"strings"
	"sync"
	"time"
	"unicode"

	"warifu/internal/i18n"
	"warifu/internal/secret"
)

// Answers are how often an entry has helped in a language, and how often not.
type Answers struct {
	Slug    string
	Lang    i18n.Lang
	Yes, No int64
}

// Miss is a search that found nothing.
type Miss struct {
	Lang  i18n.Lang
	Words string // as they are compared; empty until enough have asked for them
	Asked int64
	Last  time.Time
}

// TallyTx keeps what was counted.
type TallyTx interface {
	AddAnswers(ctx context.Context, a Answers, day time.Time) error
	// AddMiss counts a search that found nothing. Its words are kept once it has
	// been counted enough times; until then there is a digest alone.
	AddMiss(ctx context.Context, digest []byte, m Miss, enough int64) error
}

// TallyReader reads it.
type TallyReader interface {
	Answers(ctx context.Context, since time.Time) ([]Answers, error)
	// Misses returns those with words, the most frequent first.
	Misses(ctx context.Context, most int) ([]Miss, error)
}

const (
	// FlushEvery is how long a node keeps what it has counted to itself.
	FlushEvery = time.Minute

	askedBy    = 3   // networks or days, until the words of a search are kept
	mostVotes  = 10  // of one network for one entry on one day
	mostKept   = 500 // searches, and votes of networks, that a node counts a day
	missLength = 30  // letters; what is longer is hardly a search
	missDigits = 3   // in a row; more may be an ID, a code, a telephone number
)

// Tally counts what readers say, in memory, so that no request writes. Nobody can
// be found in it: no ID, no address, and no words that few have typed.
type Tally struct {
	InTx    func(ctx context.Context, fn func(TallyTx) error) error
	Digests *secret.MAC
	Now     func() time.Time

	mu      sync.Mutex
	day     time.Time
	votes   map[vote]int
	answers map[answer]*Answers
	asked   map[search]bool // today
	misses  []search
}

// vote is what one network may give a few of on a day.
type vote struct {
	network string
	slug    string
}

type answer struct {
	slug string
	lang i18n.Lang
}

// search is one that found nothing, from a network.
type search struct {
	network string
	lang    i18n.Lang
	words   string
}

// Answer counts whether an entry has helped.
func (t *Tally) Answer(from string, slug string, lang i18n.Lang, yes bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.today()
	v := vote{from, slug}
	if t.votes[v] >= mostVotes || t.votes[v] == 0 && len(t.votes) >= mostKept { //guard:FAQ-1
		return
	}
	t.votes[v]++
	a := t.answers[answer{slug, lang}]
	if a == nil {
		a = &Answers{Slug: slug, Lang: lang}
		t.answers[answer{slug, lang}] = a
	}
	if yes {
		a.Yes++
	} else {
		a.No++
	}
}

// Missed counts a search that found nothing, once a day for a network.
func (t *Tally) Missed(from string, query string, lang i18n.Lang) {
	words, ok := harmless(query)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.today()
	s := search{from, lang, words}
	if !ok || t.asked[s] || len(t.asked) >= mostKept { //guard:FAQ-1
		return
	}
	t.asked[s] = true
	t.misses = append(t.misses, s)
}

// harmless returns the words of a query as they are compared, unless they may say
// who asks.
func harmless(query string) (words string, ok bool) {
	digits, letters := 0, 0
	folded := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, joined(fold(query)))
	words = strings.Join(strings.Fields(folded), " ")
	for _, r := range words {
		letters++
		if r == '@' {
			return "", false
		}
		if !unicode.IsDigit(r) {
			digits = 0
		} else if digits++; digits > missDigits {
			return "", false
		}
	}
	return words, letters > 0 && letters <= missLength
}

// today begins anew when a day has passed.
func (t *Tally) today() {
	day := t.Now().UTC().Truncate(24 * time.Hour)
	if t.answers == nil {
		t.answers = make(map[answer]*Answers)
	}
	if !day.Equal(t.day) {
		t.day, t.votes, t.asked = day, make(map[vote]int), make(map[search]bool)
	}
}

// Flush writes what was counted. It is a job.
func (t *Tally) Flush(ctx context.Context) error {
	t.mu.Lock()
	answers, misses := t.answers, t.misses
	t.answers, t.misses = make(map[answer]*Answers), nil
	t.mu.Unlock()
	if len(answers)+len(misses) == 0 {
		return nil
	}
	now := t.Now()
	err := t.InTx(ctx, func(tx TallyTx) error {
		for _, a := range answers {
			if err := tx.AddAnswers(ctx, *a, now.UTC().Truncate(24*time.Hour)); err != nil {
				return err
			}
		}
		for _, s := range misses {
			m := Miss{Lang: s.lang, Words: s.words, Last: now}
			if err := tx.AddMiss(ctx, t.Digests.Sum("faq miss", []byte(s.lang), []byte(s.words)), m, askedBy); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.restore(answers, misses)
	}
	return err
}

// restore keeps for the next time what could not be written.
func (t *Tally) restore(answers map[answer]*Answers, misses []search) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, a := range answers {
		if now := t.answers[key]; now != nil {
			a.Yes, a.No = a.Yes+now.Yes, a.No+now.No
		}
		t.answers[key] = a
	}
	t.misses = append(misses, t.misses...)
}

package e2e

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// effort is what a way takes from a person.
type effort struct {
	pages   int           // that were acted upon
	presses int           // of buttons, links, and what is folded away
	keys    int           // typed
	took    time.Duration // by the clock, of a browser that never thinks; see [browser.sofar]
	at      time.Time
}

func (e effort) since(before effort) effort {
	taken := effort{pages: e.pages - before.pages, presses: e.presses - before.presses, keys: e.keys - before.keys}
	if !before.at.IsZero() {
		taken.took = time.Since(before.at)
	}
	return taken
}

// sofar is what the browser's ways have taken until now, where the time of a way
// counts, too: the seconds that are not the person's own.
func (b *browser) sofar() effort {
	e := b.effort
	e.at = time.Now()
	return e
}

// way is one journey, and the most that the stories needed for it.
type way struct {
	name  string
	goal  string // as in ux.md, part 8; empty if there is none
	taken effort
}

// ways are those that the stories have gone.
var ways struct {
	sync.Mutex
	all map[string]way
}

// went notes what a way took since before. The goal wants at most so many pages
// and presses; 0 is any number.
func (b *browser) went(name, goal string, before, most effort) {
	b.t.Helper()
	taken := b.effort.since(before)
	if most.pages > 0 && taken.pages > most.pages || most.presses > 0 && taken.presses > most.presses {
		b.t.Errorf("%s took %+v, want at most %+v (%s)", name, taken, most, goal)
	}
	if taken.presses == 0 {
		b.t.Errorf("%s took nothing: it was not counted", name)
	}
	ways.Lock()
	defer ways.Unlock()
	if ways.all == nil {
		ways.all = make(map[string]way)
	}
	longest := ways.all[name].taken
	ways.all[name] = way{name, goal, effort{pages: max(taken.pages, longest.pages),
		presses: max(taken.presses, longest.presses), keys: max(taken.keys, longest.keys), took: max(taken.took, longest.took)}}
}

// apart does something that is no part of the way that is counted.
func (b *browser) apart(do func()) {
	before := b.effort
	do()
	b.effort = before
}

// printWays prints the ways beside their goals.
func printWays(w io.Writer) {
	ways.Lock()
	defer ways.Unlock()
	var all []way
	for _, one := range ways.all {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b way) int { return strings.Compare(a.name, b.name) })
	fmt.Fprintf(w, "%-62s %5s %7s %5s %7s  %s\n", "way", "pages", "presses", "keys", "seconds", "goal")
	for _, one := range all {
		fmt.Fprintf(w, "%-62s %5d %7d %5d %7.1f  %s\n", one.name, one.taken.pages, one.taken.presses, one.taken.keys, one.taken.took.Seconds(), one.goal)
	}
}

package exportfile

import (
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"time"
)

// Choice is what becomes of an account that has the name of another one and
// another key.
type Choice string

// The choices.
const (
	Replace  Choice = "replace" // the one that is here goes to the bin
	KeepBoth Choice = "keep"
	Skip     Choice = "skip"
)

// Outcome is what became of one incoming account.
type Outcome string

// The outcomes.
const (
	Added       Outcome = "added"
	Replaced    Outcome = "replaced"
	Same        Outcome = "same"    // it was here, as new or newer
	DeletedHere Outcome = "deleted" // it was deleted here after it was changed there
	Skipped     Outcome = "skipped" // by choice
	Failed      Outcome = "failed"
)

// Line reports on one incoming account.
type Line struct {
	Name     string // empty if nothing of it could be read
	Outcome  Outcome
	ID       string // of the account as it is here now; empty if it isn't
	At       int    // line or place in the file, from 1; 0 for the file as a whole
	Err      error  // why it failed
	ShortKey bool   // its key is shorter than 80 bits
}

// Conflict is a question: two accounts have the same type, issuer and account,
// and different keys.
type Conflict struct {
	Incoming, Existing Account
	// Newer is Replace or Skip after the times at which the two were made; empty
	// if the file doesn't tell.
	Newer Choice
}

// Merge is what an import is done with.
type Merge struct {
	Now    time.Time
	Random io.Reader // for the ids of accounts that have none
	// Decide is asked once for each conflict. Its error ends the merge.
	Decide func(Conflict) (Choice, error)
}

// Merged is a vault after an import.
type Merged struct {
	Contents Contents
	Lines    []Line    // one for each entry, in their order
	Binned   []Account // that were deleted where the file comes from
}

// Count returns how many accounts had this outcome.
func (m Merged) Count(o Outcome) int {
	n := 0
	for _, line := range m.Lines {
		if line.Outcome == o {
			n++
		}
	}
	return n
}

// Into merges entries, and the tombstones of their file, into a vault, which is
// not changed. Nothing is overwritten unasked, what is replaced lies in the bin,
// and the same file a second time changes nothing. For each entry the first rule
// that fits counts:
//
//  1. The same id: the newer wins as a whole, and takes over the origins of both
//     and the larger counter.
//  2. The same key under another id: united, under the smaller id, so that two
//     browsers come to the same.
//  3. The same name with another key, which the file doesn't have: a conflict.
//  4. Deleted here since: skipped.
//  5. Else it is added.
//
// Before all of them goes to the bin what was deleted there since it was changed
// here.
func (m Merge) Into(here Contents, entries []Entry, deleted []Tombstone) (Merged, error) {
	w := merging{Merge: m, contents: here, byID: make(map[string]*Account), byKey: make(map[credential]*Account), rivals: make(map[title][]*Account)}
	w.Now = w.Now.UTC().Truncate(time.Millisecond) // what JavaScript keeps
	if err := w.begin(entries, deleted); err != nil {
		return Merged{}, err
	}
	for _, e := range entries {
		line := Line{At: e.At, Outcome: Failed, Err: e.Err}
		if e.Err == nil {
			var err error
			if line, err = w.take(e.Account); err != nil {
				return Merged{}, err
			}
			line.At, line.Name, line.ShortKey = e.At, e.Account.Name(), len(e.Account.Secret) < shortSecret
		}
		w.merged.Lines = append(w.merged.Lines, line)
	}
	return w.end(deleted)
}

// merging is one merge at work.
type merging struct {
	Merge
	contents Contents
	merged   Merged
	accounts []*Account
	byID     map[string]*Account
	byKey    map[credential]*Account
	rivals   map[title][]*Account // that the file doesn't have
	bin      []Binned
	deleted  map[string]Tombstone
}

func (w *merging) begin(entries []Entry, deleted []Tombstone) (err error) {
	if w.bin, err = w.contents.Bin(); err != nil {
		return err
	}
	w.deleted = make(map[string]Tombstone)
	for _, t := range w.contents.Deleted {
		w.deleted[t.ID] = t
	}
	thereID, thereKey := make(map[string]bool), make(map[credential]bool)
	for _, e := range entries {
		if e.Err == nil {
			thereID[e.Account.ID], thereKey[e.Account.credential()] = true, true
		}
	}
	deletedThere := latest(deleted)
	for _, a := range w.contents.Accounts {
		if t, ok := deletedThere[a.ID]; ok && !thereID[a.ID] && t.At.After(a.UpdatedAt) {
			w.merged.Binned = append(w.merged.Binned, a)
			w.bury(a)
			continue
		}
		kept := a
		w.append(&kept)
		if !thereID[a.ID] && !thereKey[a.credential()] {
			w.rivals[a.title()] = append(w.rivals[a.title()], &kept)
		}
	}
	return nil
}

// append puts an account behind the others.
func (w *merging) append(a *Account) {
	w.accounts = append(w.accounts, a)
	w.index(a)
}

func (w *merging) index(a *Account) {
	w.byID[a.ID] = a
	if w.byKey[a.credential()] == nil {
		w.byKey[a.credential()] = a
	}
}

// bury moves an account to the bin, and tells other browsers of it.
func (w *merging) bury(a Account) {
	w.bin = append(w.bin, Binned{Account: a, At: w.Now})
	w.deleted[a.ID] = Tombstone{ID: a.ID, At: w.Now}
}

func (w *merging) take(incoming Account) (Line, error) {
	if same := w.byID[incoming.ID]; same != nil {
		return w.update(same, incoming), nil
	}
	if twin := w.byKey[incoming.credential()]; twin != nil {
		return w.unite(twin, incoming)
	}
	if rival := newest(w.rivals[incoming.title()]); rival != nil {
		return w.decide(rival, incoming)
	}
	if t, ok := w.deleted[incoming.ID]; ok && !t.At.Before(incoming.UpdatedAt) {
		return Line{Outcome: DeletedHere}, nil
	}
	return w.add(incoming)
}

// update is rule 1.
func (w *merging) update(same *Account, incoming Account) Line {
	if !incoming.UpdatedAt.After(same.UpdatedAt) {
		*same = united(*same, *same, incoming)
		return Line{Outcome: Same, ID: same.ID}
	}
	old := *same
	if old.credential() != incoming.credential() {
		w.bin = append(w.bin, Binned{Account: old, At: w.Now})
		if w.byKey[old.credential()] == same {
			delete(w.byKey, old.credential())
		}
	}
	*same = united(incoming, old, incoming)
	w.index(same)
	return Line{Outcome: Replaced, ID: same.ID}
}

// unite is rule 2. The later of both times is kept: else the same file would seem
// newer the second time, under the id that it gave.
func (w *merging) unite(twin *Account, incoming Account) (Line, error) {
	old := twin.ID
	*twin = united(*twin, *twin, incoming)
	if incoming.UpdatedAt.After(twin.UpdatedAt) {
		twin.UpdatedAt = incoming.UpdatedAt
	}
	if incoming.ID != "" && incoming.ID < old {
		twin.ID = incoming.ID
		delete(w.byID, old)
		w.byID[twin.ID] = twin
	}
	return Line{Outcome: Same, ID: twin.ID}, w.contents.moveOffset(old, twin.ID)
}

// decide is rule 3.
func (w *merging) decide(rival *Account, incoming Account) (Line, error) {
	choice, err := w.Decide(Conflict{Incoming: incoming, Existing: *rival, Newer: newer(incoming, *rival)})
	if err != nil {
		return Line{}, err
	}
	switch choice {
	case Skip:
		return Line{Outcome: Skipped}, nil
	case KeepBoth:
		return w.add(incoming)
	}
	// No tombstone: the other browser, too, is asked before its account goes.
	w.bin = append(w.bin, Binned{Account: *rival, At: w.Now})
	w.rivals[rival.title()] = slices.DeleteFunc(w.rivals[rival.title()], func(a *Account) bool { return a == rival })
	delete(w.byID, rival.ID)
	delete(w.byKey, rival.credential())
	if *rival, err = w.complete(incoming); err != nil {
		return Line{}, err
	}
	w.index(rival)
	return Line{Outcome: Replaced, ID: rival.ID}, nil
}

// newer returns which of two accounts was made later.
func newer(incoming, existing Account) Choice {
	switch {
	case incoming.CreatedAt.IsZero() || incoming.CreatedAt.Equal(existing.CreatedAt):
		return ""
	case incoming.CreatedAt.After(existing.CreatedAt):
		return Replace
	}
	return Skip
}

func newest(accounts []*Account) *Account {
	var found *Account
	for _, a := range accounts {
		if found == nil || a.CreatedAt.After(found.CreatedAt) {
			found = a
		}
	}
	return found
}

// add is rule 5.
func (w *merging) add(incoming Account) (Line, error) {
	a, err := w.complete(incoming)
	if err != nil {
		return Line{}, err
	}
	w.append(&a)
	return Line{Outcome: Added, ID: a.ID}, nil
}

// complete gives an account what its file didn't have.
func (w *merging) complete(a Account) (Account, error) {
	a.Origins = append([]string{}, a.Origins...)
	if a.ID == "" {
		var err error
		if a.ID, err = NewID(w.Random); err != nil {
			return a, err
		}
	}
	if a.CreatedAt.IsZero() {
		a.CreatedAt = w.Now
	}
	if a.UpdatedAt.IsZero() {
		a.UpdatedAt = a.CreatedAt
	}
	return a, nil
}

// end puts the vault together, without what has lain in the bin or as a tombstone
// for too long.
func (w *merging) end(deleted []Tombstone) (Merged, error) {
	c := w.contents
	c.Accounts = make([]Account, 0, len(w.accounts))
	for _, a := range w.accounts {
		c.Accounts = append(c.Accounts, *a)
	}
	all := latest(slices.Concat(slices.Collect(maps.Values(w.deleted)), deleted))
	c.Deleted = make([]Tombstone, 0, len(all))
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if t := all[id]; w.byID[id] == nil && w.Now.Sub(t.At) <= tombstoneAge {
			c.Deleted = append(c.Deleted, t)
		}
	}
	bin := slices.DeleteFunc(w.bin, func(b Binned) bool { return w.Now.Sub(b.At) > binAge })
	if len(bin) > 0 || c.Local.present("bin") {
		if err := c.setBin(bin); err != nil {
			return Merged{}, err
		}
	}
	w.merged.Contents = c
	return w.merged, nil
}

// latest returns of each id the tombstone of the latest time.
func latest(tombstones []Tombstone) map[string]Tombstone {
	found := make(map[string]Tombstone)
	for _, t := range tombstones {
		if known, ok := found[t.ID]; !ok || t.At.After(known.At) {
			found[t.ID] = t
		}
	}
	return found
}

// united returns the account with the origins of both, and the larger of two
// counters: a smaller one was used already.
func united(a, here, there Account) Account {
	a.Origins = append(append([]string{}, here.Origins...), there.Origins...)
	slices.Sort(a.Origins)
	a.Origins = slices.Compact(a.Origins)
	if here.Type == HOTP && there.Type == HOTP {
		a.Counter = max(here.Counter, there.Counter)
	}
	return a
}

// NewID returns a UUID of version 4 (RFC 9562 §5.4).
func NewID(random io.Reader) (string, error) {
	b, err := draw(random, 16)
	if err != nil {
		return "", err
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	text := hex.EncodeToString(b)
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:], nil
}

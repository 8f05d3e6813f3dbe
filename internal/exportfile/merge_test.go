package exportfile

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	day0 = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	day1 = day0.AddDate(0, 0, 1)
	day2 = day0.AddDate(0, 0, 2)
	day9 = day0.AddDate(0, 0, 9)
)

// id returns one of some ids, in their order.
func id(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }

// made returns an account that was made and changed on day 1.
func made(n int, name, key string) Account {
	return Account{ID: id(n), Type: TOTP, Issuer: "Miyako", Account: name, Secret: Secret(key), Algorithm: SHA1, Digits: 6, Period: 30,
		Origins: []string{}, CreatedAt: day1, UpdatedAt: day1}
}

func vaultOf(accounts ...Account) Contents {
	return Contents{ExportedAt: day0, Device: "here", Accounts: accounts, Deleted: []Tombstone{}}
}

func entriesOf(accounts ...Account) (entries []Entry) {
	for i, a := range accounts {
		entries = append(entries, Entry{Account: a, At: i + 1})
	}
	return entries
}

// deciding merges on day 9 with this answer to every conflict.
func deciding(choice Choice) Merge {
	return Merge{Now: day9, Random: rand.Reader, Decide: func(Conflict) (Choice, error) { return choice, nil }}
}

// undecided merges where no conflict may be.
func undecided(t testing.TB) Merge {
	return Merge{Now: day9, Random: rand.Reader, Decide: func(c Conflict) (Choice, error) {
		t.Errorf("asked about %v", c.Incoming)
		return Skip, nil
	}}
}

func (m Merge) must(t testing.TB, here Contents, entries []Entry, deleted ...Tombstone) Merged {
	t.Helper()
	merged, err := m.Into(here, entries, deleted)
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

func outcomes(m Merged) (all []Outcome) {
	for _, line := range m.Lines {
		all = append(all, line.Outcome)
	}
	return all
}

func checkOutcomes(t testing.TB, m Merged, want ...Outcome) {
	t.Helper()
	if got := outcomes(m); !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
}

// TestMergeSameIDNewerWins is rule 1: as a whole, with the origins of both and
// the larger counter.
func TestMergeSameIDNewerWins(t *testing.T) {
	here, there := made(1, "old name", "k"), made(1, "new name", "k")
	here.Origins, there.Origins = []string{"https://b.example"}, []string{"https://a.example"}
	here.Type, there.Type, here.Counter, there.Counter = HOTP, HOTP, 9, 5
	here.Note, there.UpdatedAt = "old", day2
	there.Extra = Members{"x": json.RawMessage("1")}
	m := undecided(t).must(t, vaultOf(here), entriesOf(there))
	checkOutcomes(t, m, Replaced)
	want := there
	want.Origins, want.Counter = []string{"https://a.example", "https://b.example"}, 9
	if got := m.Contents.Accounts; len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if bin, err := m.Contents.Bin(); err != nil || len(bin) != 0 {
		t.Errorf("bin %v, %v", bin, err)
	}
}

// TestMergeSameIDOlderLoses is rule 1 the other way round: what is here stays.
func TestMergeSameIDOlderLoses(t *testing.T) {
	for _, at := range []time.Time{day0, day1} {
		here, there := made(1, "name", "k"), made(1, "another name", "k")
		here.Type, there.Type, here.Counter, there.Counter = HOTP, HOTP, 5, 9
		there.UpdatedAt, there.Origins = at, []string{"https://a.example"}
		m := undecided(t).must(t, vaultOf(here), entriesOf(there))
		checkOutcomes(t, m, Same)
		want := here
		want.Counter, want.Origins = 9, there.Origins
		if !reflect.DeepEqual(m.Contents.Accounts, []Account{want}) {
			t.Errorf("%+v, want %+v", m.Contents.Accounts, want)
		}
	}
}

// TestMergeSameIDAnotherKey keeps the key that was replaced in the bin.
func TestMergeSameIDAnotherKey(t *testing.T) {
	here, there := made(1, "name", "old"), made(1, "name", "new")
	there.UpdatedAt = day2
	m := undecided(t).must(t, vaultOf(here), entriesOf(there))
	checkOutcomes(t, m, Replaced)
	bin, err := m.Contents.Bin()
	if err != nil || len(bin) != 1 || !reflect.DeepEqual(bin[0], Binned{Account: here, At: day9}) || len(m.Contents.Deleted) != 0 {
		t.Errorf("bin %+v, %v, deleted %v", bin, err, m.Contents.Deleted)
	}
}

// TestMergeSameKey is rule 2: united under the smaller id, whichever side it is
// on; the offset of the clock goes along.
func TestMergeSameKey(t *testing.T) {
	for _, test := range []struct{ here, there, want int }{{5, 3, 3}, {3, 5, 3}} {
		here, there := made(test.here, "name", "k"), made(test.there, "another name", "k")
		here.Origins, there.Origins = []string{"https://b.example"}, []string{"https://a.example", "https://b.example"}
		vault := vaultOf(here)
		vault.Local = Members{"offsets": json.RawMessage(`{"` + here.ID + `":-7}`)}
		m := undecided(t).must(t, vault, entriesOf(there))
		checkOutcomes(t, m, Same)
		want := here
		want.ID, want.Origins = id(test.want), there.Origins
		if !reflect.DeepEqual(m.Contents.Accounts, []Account{want}) || m.Lines[0].ID != want.ID {
			t.Errorf("%+v, want %+v", m.Contents.Accounts, want)
		}
		if got := m.Contents.Offset(want.ID); got != -7*time.Second {
			t.Errorf("offset %v", got)
		}
	}
}

// TestMergeSameKeyTwice finds a file the same the second time, also where the
// first time gave an account another id.
func TestMergeSameKeyTwice(t *testing.T) {
	there := made(3, "another name", "k")
	there.UpdatedAt = day2
	first := undecided(t).must(t, vaultOf(made(5, "name", "k")), entriesOf(there))
	second := undecided(t).must(t, first.Contents, entriesOf(there))
	checkOutcomes(t, second, Same)
	if !reflect.DeepEqual(second.Contents, first.Contents) {
		t.Errorf("%+v, want %+v", second.Contents, first.Contents)
	}
}

// TestMergeAnotherKey wants all of type, key, algorithm, digits and period to be
// the same for the same codes.
func TestMergeAnotherKey(t *testing.T) {
	for _, change := range []func(*Account){
		func(a *Account) { a.Type = Steam }, func(a *Account) { a.Secret = Secret("l") }, func(a *Account) { a.Algorithm = SHA256 },
		func(a *Account) { a.Digits = 8 }, func(a *Account) { a.Period = 60 },
	} {
		there := made(2, "another name", "k")
		change(&there)
		m := undecided(t).must(t, vaultOf(made(1, "name", "k")), entriesOf(there))
		checkOutcomes(t, m, Added)
	}
}

// TestMergeConflict is rule 3, with each choice; names are the same however they
// are written.
func TestMergeConflict(t *testing.T) {
	here, there := made(1, "Straße ﾃ", "old"), made(2, "STRASSE テ", "new")
	there.CreatedAt = day2
	vault := vaultOf(made(7, "before", "x"), here, made(8, "after", "y"))
	var asked []Conflict
	for choice, want := range map[Choice]struct {
		outcome Outcome
		ids     []string
		binned  int
	}{
		Replace:  {Replaced, []string{id(7), id(2), id(8)}, 1},
		KeepBoth: {Added, []string{id(7), id(1), id(8), id(2)}, 0},
		Skip:     {Skipped, []string{id(7), id(1), id(8)}, 0},
	} {
		m := Merge{Now: day9, Random: rand.Reader, Decide: func(c Conflict) (Choice, error) {
			asked = append(asked, c)
			return choice, nil
		}}.must(t, vault, entriesOf(there))
		checkOutcomes(t, m, want.outcome)
		var ids []string
		for _, a := range m.Contents.Accounts {
			ids = append(ids, a.ID)
		}
		bin, err := m.Contents.Bin()
		if !slices.Equal(ids, want.ids) || err != nil || len(bin) != want.binned || len(m.Contents.Deleted) != 0 {
			t.Errorf("%s: %v, bin %v, deleted %v, %v", choice, ids, bin, m.Contents.Deleted, err)
		}
		if choice == Replace && !reflect.DeepEqual(bin[0].Account, here) {
			t.Errorf("bin %v, deleted %v", bin, m.Contents.Deleted)
		}
	}
	if len(asked) != 3 || asked[0].Newer != Replace || asked[0].Existing.ID != here.ID {
		t.Errorf("asked %v", asked)
	}
}

// TestMergeConflictNewer tells which of two accounts was made later, if the file
// does.
func TestMergeConflictNewer(t *testing.T) {
	for created, want := range map[time.Time]Choice{{}: "", day0: Skip, day1: "", day2: Replace} {
		there := made(2, "name", "new")
		there.CreatedAt = created
		var got Conflict
		m := Merge{Now: day9, Random: rand.Reader, Decide: func(c Conflict) (Choice, error) { got = c; return Skip, nil }}
		m.must(t, vaultOf(made(1, "name", "old")), entriesOf(there))
		if got.Newer != want {
			t.Errorf("made %v: %q, want %q", created, got.Newer, want)
		}
	}
}

// TestMergeUndecided changes nothing where somebody doesn't answer.
func TestMergeUndecided(t *testing.T) {
	vault := vaultOf(made(1, "name", "old"))
	broken := errors.New("no answer")
	m, err := Merge{Now: day9, Random: rand.Reader, Decide: func(Conflict) (Choice, error) { return "", broken }}.
		Into(vault, entriesOf(made(3, "other", "x"), made(2, "name", "new")), nil)
	if !errors.Is(err, broken) || m.Lines != nil || !reflect.DeepEqual(vault, vaultOf(made(1, "name", "old"))) {
		t.Errorf("%+v, %v, %+v", m, err, vault)
	}
}

// TestMergeKeptBoth does not ask about two accounts of one name that are both
// here and both in the file.
func TestMergeKeptBoth(t *testing.T) {
	vault := vaultOf(made(1, "name", "one"), made(2, "name", "two"))
	other := made(3, "name", "one")
	m := undecided(t).must(t, vault, entriesOf(other, made(4, "name", "two")))
	checkOutcomes(t, m, Same, Same)
}

// TestMergeDeletedHere is rule 4: not brought back, unless it was changed since.
func TestMergeDeletedHere(t *testing.T) {
	for at, want := range map[time.Time]Outcome{day0: Added, day1: DeletedHere, day2: DeletedHere} {
		vault := vaultOf()
		vault.Deleted = []Tombstone{{ID: id(1), At: at}}
		m := undecided(t).must(t, vault, entriesOf(made(1, "name", "k")))
		checkOutcomes(t, m, want)
		if alive := len(m.Contents.Accounts) == 1; alive != (want == Added) || alive == (len(m.Contents.Deleted) == 1) {
			t.Errorf("deleted %v: %v, %v", at, m.Contents.Accounts, m.Contents.Deleted)
		}
	}
}

// TestMergeDeletedThere moves to the bin what was deleted there after it was
// changed here.
func TestMergeDeletedThere(t *testing.T) {
	for at, binned := range map[time.Time]bool{day0: false, day1: false, day2: true} {
		m := undecided(t).must(t, vaultOf(made(1, "name", "k")), nil, Tombstone{ID: id(1), At: at})
		bin, err := m.Contents.Bin()
		if err != nil || (len(m.Contents.Accounts) == 0) != binned || (len(bin) == 1) != binned || (len(m.Binned) == 1) != binned || (len(m.Contents.Deleted) == 1) != binned {
			t.Errorf("deleted %v: %v, bin %v, deleted %v, %v", at, m.Contents.Accounts, bin, m.Contents.Deleted, err)
		}
	}
}

// TestMergeDeletedAndMadeAnewThere takes the new account without a question where the old one
// was deleted in the other browser.
func TestMergeDeletedAndMadeAnewThere(t *testing.T) {
	m := undecided(t).must(t, vaultOf(made(1, "name", "old")), entriesOf(made(2, "name", "new")), Tombstone{ID: id(1), At: day2})
	checkOutcomes(t, m, Added)
	if len(m.Contents.Accounts) != 1 || m.Contents.Accounts[0].ID != id(2) || len(m.Binned) != 1 {
		t.Errorf("%v, bin %v", m.Contents.Accounts, m.Binned)
	}
}

// TestMergeAdds is rule 5, for an account of which the file tells the least: it
// gets an id and times.
func TestMergeAdds(t *testing.T) {
	incoming := made(1, "name", "k")
	incoming.ID, incoming.CreatedAt, incoming.UpdatedAt, incoming.Origins = "", time.Time{}, time.Time{}, nil
	m := undecided(t).must(t, vaultOf(), entriesOf(incoming, incoming))
	checkOutcomes(t, m, Added, Same)
	got := m.Contents.Accounts[0]
	if !isUUID(got.ID) || !got.CreatedAt.Equal(day9) || !got.UpdatedAt.Equal(day9) || !m.Lines[0].ShortKey {
		t.Errorf("%+v, %+v", got, m.Lines[0])
	}
	if text, err := m.Contents.encode(true); err != nil {
		t.Error(err)
	} else if _, err := parseContents(text); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

// TestMergeFailure lets the others in beside an account that can't be taken.
func TestMergeFailure(t *testing.T) {
	entries := append(entriesOf(made(1, "name", "k")), Entry{Err: refuse(BadSecret), At: 2})
	entries = append(entries, entriesOf(made(2, "other", "l"))...)
	m := undecided(t).must(t, vaultOf(), entries)
	checkOutcomes(t, m, Added, Failed, Added)
	if m.Count(Added) != 2 || m.Count(Failed) != 1 || ReasonOf(m.Lines[1].Err) != BadSecret || m.Lines[1].At != 2 {
		t.Errorf("%+v", m.Lines)
	}
}

// TestMergePrunes forgets the bin after 30 days, and tombstones after 400.
func TestMergePrunes(t *testing.T) {
	vault := vaultOf()
	vault.Deleted = []Tombstone{{ID: id(1), At: day9.Add(-tombstoneAge)}, {ID: id(2), At: day9.Add(-tombstoneAge - time.Millisecond)}}
	if err := vault.setBin([]Binned{{Account: made(3, "a", "k"), At: day9.Add(-binAge)}, {Account: made(4, "b", "l"), At: day9.Add(-binAge - time.Millisecond)}}); err != nil {
		t.Fatal(err)
	}
	m := undecided(t).must(t, vault, nil)
	bin, err := m.Contents.Bin()
	if err != nil || len(bin) != 1 || bin[0].Account.ID != id(3) || len(m.Contents.Deleted) != 1 || m.Contents.Deleted[0].ID != id(1) {
		t.Errorf("bin %v, deleted %v, %v", bin, m.Contents.Deleted, err)
	}
}

// drawVault draws a small vault whose accounts meet those of another in all ways.
// An id has one key, whatever else is changed, and is not deleted in the very
// millisecond in which it was changed.
func drawVault(t *rapid.T, label string) Contents {
	c := vaultOf()
	keys := make(map[credential]bool)
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, 6), 0, 5, rapid.ID).Draw(t, label) {
		at := []time.Time{day0, day1, day2}[rapid.IntRange(0, 2).Draw(t, "updated")]
		if rapid.IntRange(0, 4).Draw(t, "deleted") == 0 {
			c.Deleted = append(c.Deleted, Tombstone{ID: id(n), At: at.Add(time.Hour)})
			continue
		}
		a := made(n, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"), []string{"k", "l", "m"}[n%3])
		a.CreatedAt, a.UpdatedAt = day0, at
		a.CreatedAt = []time.Time{day0, day1}[rapid.IntRange(0, 1).Draw(t, "created")]
		if !keys[a.credential()] {
			keys[a.credential()] = true
			c.Accounts = append(c.Accounts, a)
		}
	}
	return c
}

// TestMergeTwice proves for any vaults and any answer that a file is the same the
// second time, once it was not skipped.
func TestMergeTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		here, there := drawVault(rt, "here"), drawVault(rt, "there")
		choice := rapid.SampledFrom([]Choice{Replace, KeepBoth}).Draw(rt, "choice")
		first := deciding(choice).must(t, here, entriesOf(there.Accounts...), there.Deleted...)
		second := undecided(t).must(t, first.Contents, entriesOf(there.Accounts...), there.Deleted...)
		for i, line := range second.Lines {
			if line.Outcome != Same && line.Outcome != DeletedHere {
				rt.Fatalf("%v is %s the second time", there.Accounts[i], line.Outcome)
			}
		}
		if !reflect.DeepEqual(second.Contents, first.Contents) {
			rt.Fatalf("%+v, want %+v", second.Contents, first.Contents)
		}
		if text, err := second.Contents.encode(true); err != nil {
			rt.Fatal(err)
		} else if _, err := parseContents(text); err != nil {
			rt.Fatalf("%s: %v", text, err)
		}
	})
}

// TestMergeConverges proves that two browsers come to the same accounts by
// exporting to each other: A to B, B to A, and then nothing changes any more.
func TestMergeConverges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := drawVault(rt, "a"), drawVault(rt, "b")
		into := func(here, there Contents) Contents {
			return deciding(KeepBoth).must(t, here, entriesOf(there.Accounts...), there.Deleted...).Contents
		}
		b = into(b, a)
		a = into(a, b)
		b = into(b, a)
		if got, want := ids(a), ids(b); !slices.Equal(got, want) {
			rt.Fatalf("%v, and there %v", got, want)
		}
		if again := into(a, b); !reflect.DeepEqual(again, a) {
			rt.Fatalf("%+v, then %+v", a, again)
		}
	})
}

// ids returns the ids and keys of the accounts, in order.
func ids(c Contents) (all []string) {
	for _, a := range c.Accounts {
		all = append(all, a.ID+" "+string(a.Secret))
	}
	slices.Sort(all)
	return all
}

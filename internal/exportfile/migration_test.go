package exportfile

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

type migrationVectors struct {
	Read []struct {
		Name, URI string
		Expect    struct {
			Version, BatchSize, BatchIndex, BatchID int32
			Accounts                                []plainAccount
		}
	}
	Refuse []struct{ Name, URI, Error string }
	Batch  struct {
		Parts         []string
		Given         []int
		Missing       []int32
		Accounts, All int
		First         plainAccount
	}
}

// TestReadMigration reads every migration URI of the vectors; an account that
// can't be taken doesn't stop the others.
func TestReadMigration(t *testing.T) {
	var vectors migrationVectors
	readVectors(t, "migration.json", &vectors)
	if len(vectors.Read) != 13 {
		t.Errorf("%d URIs, want 13", len(vectors.Read))
	}
	for _, v := range vectors.Read {
		p, err := ReadMigration(v.URI)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if p.Version != v.Expect.Version || p.BatchSize != v.Expect.BatchSize || p.BatchIndex != v.Expect.BatchIndex || p.BatchID != v.Expect.BatchID {
			t.Errorf("%s: %+v, want %+v", v.Name, p, v.Expect)
		}
		var got []plainAccount
		for _, e := range p.Entries {
			if e.Err != nil {
				got = append(got, plainAccount{Error: string(ReasonOf(e.Err))})
			} else {
				got = append(got, e.Account.plain())
			}
		}
		if !slices.Equal(got, v.Expect.Accounts) {
			t.Errorf("%s: %+v, want %+v", v.Name, got, v.Expect.Accounts)
		}
	}
}

// TestReadMigrationRefuses has the error of each URI that must not be read.
func TestReadMigrationRefuses(t *testing.T) {
	var vectors migrationVectors
	readVectors(t, "migration.json", &vectors)
	if len(vectors.Refuse) != 11 {
		t.Errorf("%d URIs, want 11", len(vectors.Refuse))
	}
	for _, v := range vectors.Refuse {
		if p, err := ReadMigration(v.URI); ReasonOf(err) != Reason(v.Error) || p.Entries != nil {
			t.Errorf("%s: %v, want %s", v.Name, err, v.Error)
		}
	}
}

// TestMigrationBatch collects parts in any order, one of them twice, and names
// the one that is missing.
func TestMigrationBatch(t *testing.T) {
	var vectors migrationVectors
	readVectors(t, "migration.json", &vectors)
	v := vectors.Batch
	collect := func(indices ...int) ([]Entry, []int32) {
		var b batches
		for _, i := range indices {
			p, err := ReadMigration(v.Parts[i])
			if err != nil {
				t.Fatal(err)
			}
			b.add(p)
		}
		return b.collected()
	}
	if entries, missing := collect(v.Given...); len(entries) != v.Accounts || !slices.Equal(missing, v.Missing) {
		t.Errorf("%d accounts, missing %v, want %d, %v", len(entries), missing, v.Accounts, v.Missing)
	}
	entries, missing := collect(2, 1, 0)
	if len(entries) != v.All || len(missing) != 0 || entries[0].Account.plain() != v.First {
		t.Errorf("%d accounts, missing %v, first %+v", len(entries), missing, entries[0].Account.plain())
	}
}

// TestMigrationBatchesApart keeps the parts of two exports apart.
func TestMigrationBatchesApart(t *testing.T) {
	var b batches
	for n, batch := range []int32{1, 2} {
		a := made(n, fmt.Sprint(batch), fmt.Sprint("key", n))
		p, err := ReadMigration(WriteMigration([]Account{a}, batch)[0])
		if err != nil {
			t.Fatal(err)
		}
		b.add(p)
	}
	if entries, missing := b.collected(); len(entries) != 2 || len(missing) != 0 {
		t.Errorf("%v, missing %v", found(entries), missing)
	}
}

// TestMigrationRoundTrip reads what was written, for any accounts that the format
// can hold.
func TestMigrationRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		accounts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Account {
			a := drawAccount(t)
			a.Digits = rapid.SampledFrom([]int{6, 8}).Draw(t, "digits")
			if a.Type != HOTP {
				a.Type, a.Period = TOTP, 30
			}
			return a
		}), 1, 25).Draw(t, "accounts")
		var b batches
		for _, uri := range WriteMigration(accounts, 7) {
			p, err := ReadMigration(uri)
			if err != nil {
				t.Fatal(err)
			}
			b.add(p)
		}
		entries, missing := b.collected()
		var got []Account
		for _, e := range entries {
			if e.Err != nil {
				t.Fatal(e.Err)
			}
			got = append(got, e.Account)
		}
		if len(missing) != 0 || !reflect.DeepEqual(got, accounts) {
			t.Fatalf("%v, missing %v, want %v", got, missing, accounts)
		}
	})
}

// FuzzReadMigration looks for a migration URI that crashes the reader, or whose
// accounts break a rule.
func FuzzReadMigration(f *testing.F) {
	var vectors migrationVectors
	readVectors(f, "migration.json", &vectors)
	for _, v := range vectors.Read {
		f.Add(v.URI)
	}
	for _, v := range vectors.Refuse {
		f.Add(v.URI)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		p, err := ReadMigration(uri)
		if err != nil && ReasonOf(err) == "" {
			t.Fatalf("%v has no reason", err)
		}
		for _, e := range p.Entries {
			if e.Err == nil && e.Account.validate() != nil || e.Err != nil && ReasonOf(e.Err) == "" {
				t.Fatalf("%+v: %v", e.Account.plain(), e.Err)
			}
		}
	})
}

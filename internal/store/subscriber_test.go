package store

import (
	"reflect"
	"testing"
	"time"

	"warifu/internal/directory"
)

// testSubscriber keeps each field of a person, when made and when changed.
func testSubscriber(t *testing.T, db *DB) {
	made := directory.Subscriber{
		ID: "i", PublicID: "P", SPSID: "sps1", Display: "d", Latin: directory.Name{Family: "f", Given: "g"},
		Japanese: directory.Name{Family: "姓", Given: "名"}, Kana: directory.Name{Family: "セイ", Given: "メイ"}, Affiliation: "staff",
		Department: directory.Department{English: "e", Japanese: "部"}, Groups: []string{"a", "b"},
		Academic: directory.Academic{ORCID: "0000-0002-1825-0097", PersonCode: "staff:1", Entitlements: []string{"urn:a", "urn:b"},
			Assurance: []string{"urn:c", "urn:d"}, UniqueCodes: []string{"urn:e", "urn:f"}},
		Status: directory.Active, Role: directory.RoleAgent, Privileged: true, Telephone: "1", Mailbox: "a@b.example", Language: "en",
		CreatedAt: time.UnixMilli(1).UTC(), UpdatedAt: time.UnixMilli(2).UTC(),
	}
	read := func() (s directory.Subscriber) {
		do(t, db, func(tx *Tx) (err error) {
			s, err = tx.Subscriber(t.Context(), "i")
			return err
		})
		return s
	}
	do(t, db, func(tx *Tx) error { return tx.CreateSubscriber(t.Context(), made) })
	if s := read(); !reflect.DeepEqual(s, made) {
		t.Errorf("made\n%+v, read\n%+v", made, s)
	}
	for _, groups := range [][]string{{"x", "b"}, {"x"}, nil} {
		db.SetPrivileged(groups)
		want := map[bool]string{true: "b"}[len(groups) == 2]
		if s := read(); s.PrivilegedGroup != want {
			t.Errorf("%v: %q", groups, s.PrivilegedGroup)
		}
	}
	do(t, db, func(tx *Tx) error {
		return tx.CreateNotificationAddress(t.Context(), "i", "a@example.com", time.UnixMilli(3))
	})
	for address, want := range map[string]int64{"b@example.com": 0, "a@example.com": 1} {
		do(t, db, func(tx *Tx) error {
			if n, err := tx.MarkAllBounced(t.Context(), address, time.UnixMilli(4)); n != want || err != nil {
				t.Errorf("%s: %d, %v", address, n, err)
			}
			return nil
		})
	}
	do(t, db, func(tx *Tx) error {
		all, err := tx.Addresses(t.Context(), "i")
		if len(all) != 1 || !all[0].BouncedAt.Equal(time.UnixMilli(4)) {
			t.Errorf("%+v", all)
		}
		return err
	})
	changed := directory.Subscriber{ID: "i", PublicID: "P", SPSID: "sps1", Display: "e", Latin: directory.Name{Family: "F", Given: "G"},
		Japanese: directory.Name{Family: "家", Given: "字"}, Kana: directory.Name{Family: "イエ", Given: "アザ"}, Affiliation: "student",
		Department: directory.Department{English: "E", Japanese: "学部"}, Groups: []string{"c"},
		Academic: directory.Academic{ORCID: "0000-0002-1694-233X", PersonCode: "student:1", Entitlements: []string{"urn:1"},
			Assurance: []string{"urn:2"}, UniqueCodes: []string{"urn:3"}},
		Status: directory.Suspended, Role: directory.RoleSubscriber, Telephone: "2", Mailbox: "c@b.example", Language: "ja",
		CreatedAt: made.CreatedAt, UpdatedAt: time.UnixMilli(3).UTC()}
	do(t, db, func(tx *Tx) error { return tx.UpdateSubscriber(t.Context(), changed) })
	if s := read(); !reflect.DeepEqual(s, changed) {
		t.Errorf("changed\n%+v, read\n%+v", changed, s)
	}
}

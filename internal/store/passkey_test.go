package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/authenticator/recoverycode"
	"warifu/internal/directory"
	"warifu/internal/secret"
)

// TestPasskeys holds every engine to the same behaviour with passkeys and
// recovery codes.
func TestPasskeys(t *testing.T) {
	migrated.Each(t, func(t *testing.T, newURL func(t *testing.T) string) {
		for name, test := range map[string]func(t *testing.T, db *DB){
			"a passkey comes back as it was stored":    testPasskeyStored,   // ENR-1
			"a credential id is unique over all":       testPasskeyUnique,   // WAN-2, A55
			"a count of signatures never goes back":    testPasskeyCount,    // WAN-2, A55
			"a passkey is renamed and removed":         testPasskeyRemoved,  // WAN-4
			"a question is answered once":              testCeremony,        // WAN-1, A55
			"a recovery code is used once":             testRecoveryCode,    // REC-1
			"a new set of codes ends the old":          testRecoveryCodeSet, // REC-1
			"a recovery code belongs to one account":   testRecoveryOwner,   // REC-1, A26, A27
			"of many sets made at once, one is left":   testRecoverySets,    // REC-1
			"a code printed before a rotation is good": testRecoveryRotated, // CRY-1
		} {
			t.Run(name, func(t *testing.T) {
				db, err := Open(newURL(t))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { db.Close() })
				do(t, db, func(tx *Tx) error {
					for _, id := range []string{"s", "t"} {
						err := tx.CreateSubscriber(t.Context(), directory.Subscriber{ID: id, PublicID: id, SPSID: id, Status: directory.Active, Role: directory.RoleSubscriber})
						if err != nil {
							return err
						}
					}
					return nil
				})
				test(t, db)
			})
		}
	})
}

func newPasskey(subscriberID, id string) passkey.Credential {
	return passkey.Credential{
		ID: []byte(id), SubscriberID: subscriberID, UserHandle: []byte("handle"), Name: "MacBook", PublicKey: []byte{1, 0, 255}, SignCount: 7,
		UserVerified: true, AAGUID: make([]byte, 16), Transports: []string{"hybrid", "internal"}, BoundBy: authenticator.BySecondFactor, CreatedAt: testTime,
	}
}

func createPasskey(t *testing.T, db *DB, c passkey.Credential) {
	t.Helper()
	do(t, db, func(tx *Tx) error { return tx.CreatePasskey(t.Context(), c) })
}

// hadFactor reports what the database says of a subscriber's first-time window.
func hadFactor(t *testing.T, db *DB, id string) (had bool) {
	t.Helper()
	do(t, db, func(tx *Tx) error {
		return tx.queryRow(t.Context(), `SELECT had_factor FROM subscriber WHERE id = $1`, id).Scan(&had)
	})
	return had
}

func passkeys(t *testing.T, db *DB, subscriberID string) (all []passkey.Credential) {
	t.Helper()
	err := db.view(t.Context(), func(tx *Tx) (err error) {
		all, err = tx.Passkeys(t.Context(), subscriberID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func passkeyByCredential(t *testing.T, db *DB, id []byte) (c passkey.Credential, err error) {
	t.Helper()
	err = db.view(t.Context(), func(tx *Tx) (err error) {
		c, err = tx.PasskeyByCredential(t.Context(), id)
		return err
	})
	return c, err
}

func testPasskeyStored(t *testing.T, db *DB) {
	first, second := newPasskey("s", "b"), newPasskey("s", "a")
	second.CreatedAt = testTime.Add(time.Second)
	second.SignCount, second.BackupEligible, second.BackupState, second.Transports = math.MaxUint32, true, true, []string{}
	createPasskey(t, db, second)
	createPasskey(t, db, first)
	if got := passkeys(t, db, "s"); !reflect.DeepEqual(got, []passkey.Credential{first, second}) {
		t.Errorf("%+v", got)
	}
	if got, err := passkeyByCredential(t, db, []byte("a")); err != nil || !reflect.DeepEqual(got, second) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, id := range []string{"", "A", "ab", "a\x00"} {
		if got, err := passkeyByCredential(t, db, []byte(id)); !errors.Is(err, passkey.ErrNotFound) {
			t.Errorf("%q: %+v, %v, want ErrNotFound", id, got, err)
		}
	}
	if !hadFactor(t, db, "s") || hadFactor(t, db, "t") || passkeys(t, db, "t") != nil {
		t.Error("the window of the wrong person is closed")
	}
}

func testPasskeyUnique(t *testing.T, db *DB) {
	first := newPasskey("s", "a")
	createPasskey(t, db, first)
	for _, subscriberID := range []string{"s", "t"} {
		double := newPasskey(subscriberID, "a")
		double.PublicKey = []byte("another")
		err := db.inTx(t.Context(), func(tx *Tx) error {
			err := tx.CreatePasskey(t.Context(), double)
			if _, later := tx.Passkeys(t.Context(), "s"); later != nil {
				t.Errorf("the transaction is of no use any more: %v", later)
			}
			return err
		})
		if !errors.Is(err, passkey.ErrExists) {
			t.Errorf("%s: %v, want ErrExists", subscriberID, err)
		}
	}
	if got, err := passkeyByCredential(t, db, []byte("a")); err != nil || !reflect.DeepEqual(got, first) || hadFactor(t, db, "t") {
		t.Errorf("%+v, %v", got, err)
	}
	won := race(t, 64, func() (bool, error) {
		err := db.inTx(t.Context(), func(tx *Tx) error { return tx.CreatePasskey(t.Context(), newPasskey("t", "b")) })
		if errors.Is(err, passkey.ErrExists) {
			return false, nil
		}
		return err == nil, err
	})
	if won != 1 || len(passkeys(t, db, "t")) != 1 {
		t.Errorf("stored %d times, want once", won)
	}
}

func usePasskey(t *testing.T, db *DB, c passkey.Credential) (used bool, err error) {
	err = db.inTx(t.Context(), func(tx *Tx) error {
		used, err = tx.UsePasskey(t.Context(), c)
		return err
	})
	return used, err
}

func testPasskeyCount(t *testing.T, db *DB) {
	createPasskey(t, db, newPasskey("s", "a"))
	used := newPasskey("s", "a")
	used.SignCount, used.LastUsedAt, used.Name = 8, testTime.Add(time.Minute), "not stored"
	if won := race(t, 64, func() (bool, error) { return usePasskey(t, db, used) }); won != 1 {
		t.Errorf("used %d times, want once", won)
	}
	want := newPasskey("s", "a")
	want.SignCount, want.LastUsedAt = 8, testTime.Add(time.Minute)
	if got, err := passkeyByCredential(t, db, []byte("a")); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	for _, test := range []struct {
		last, next uint32
		eligible   bool
		want       bool
	}{
		{0, 0, false, true}, {0, 1, false, true}, {1, 2, false, true}, {1, math.MaxUint32, false, true},
		{1, 1, false, false}, {2, 1, false, false}, {1, 0, false, false}, {math.MaxUint32, 0, false, false},
		{2, 1, true, true}, {2, 0, true, true}, {0, 0, true, true},
	} {
		c := newPasskey("s", "c")
		c.SignCount, c.BackupEligible = test.last, test.eligible
		createPasskey(t, db, c)
		c.SignCount, c.BackupState = test.next, test.eligible
		used, err := usePasskey(t, db, c)
		if err != nil || used != test.want {
			t.Errorf("from %d to %d, BE=%t: %t, %v, want %t", test.last, test.next, test.eligible, used, err, test.want)
		}
		stored, err := passkeyByCredential(t, db, c.ID)
		if err != nil || used && (stored.SignCount != test.next || stored.BackupState != test.eligible) || !used && stored.SignCount != test.last {
			t.Errorf("stored %+v, %v", stored, err)
		}
		do(t, db, func(tx *Tx) error {
			_, err := tx.exec(t.Context(), `DELETE FROM passkey WHERE id = $1`, c.ID)
			return err
		})
	}
	foreign := newPasskey("t", "a")
	foreign.SignCount = 100
	for name, c := range map[string]passkey.Credential{"another person's": foreign, "none": newPasskey("s", "x")} {
		if used, err := usePasskey(t, db, c); err != nil || used {
			t.Errorf("%s: %t, %v", name, used, err)
		}
	}
}

func testPasskeyRemoved(t *testing.T, db *DB) {
	createPasskey(t, db, newPasskey("s", "a"))
	createPasskey(t, db, newPasskey("s", "b"))
	do(t, db, func(tx *Tx) error {
		for _, test := range []struct {
			subscriberID, id string
			want             bool
		}{{"t", "a", false}, {"s", "x", false}, {"s", "", false}, {"s", "a", true}} {
			renamed, err1 := tx.RenamePasskey(t.Context(), test.subscriberID, []byte(test.id), "研究室")
			removed, err2 := tx.RemovePasskey(t.Context(), test.subscriberID, []byte(test.id), true, testTime)
			if err := errors.Join(err1, err2); err != nil || renamed != test.want || removed != test.want {
				t.Errorf("%s, %s: %t, %t, %v, want %t", test.subscriberID, test.id, renamed, removed, err, test.want)
			}
		}
		if removed, err := tx.RemovePasskey(t.Context(), "s", []byte("b"), true, testTime); removed || err != nil {
			t.Errorf("the only second factor is removed: %t, %v", removed, err) // TOTP-12
		}
		_, err := tx.RenamePasskey(t.Context(), "s", []byte("b"), "研究室")
		return err
	})
	if got := passkeys(t, db, "s"); len(got) != 1 || got[0].Name != "研究室" || !bytes.Equal(got[0].ID, []byte("b")) {
		t.Errorf("%+v", got)
	}
	if !hadFactor(t, db, "s") {
		t.Error("the window is open again")
	}
	removed := newPasskey("s", "a")
	removed.SignCount = 100
	if used, err := usePasskey(t, db, removed); err != nil || used {
		t.Errorf("a removed one is used: %t, %v", used, err)
	}
}

func newCodes(t *testing.T, version int) *secret.MAC {
	t.Helper()
	keys := make(map[int][]byte)
	for v := 1; v <= version; v++ {
		keys[v] = bytes.Repeat([]byte{byte(v)}, secret.KeySize)
	}
	mac, err := secret.NewMAC(version, keys)
	if err != nil {
		t.Fatal(err)
	}
	return mac
}

// codesOf returns n different codes and their digests for a subscriber.
func codesOf(mac *secret.MAC, subscriberID, first string) (digests [][]byte) {
	for i := range recoverycode.Count {
		digests = append(digests, recoverycode.Digest(mac, subscriberID, first+"00000000000000"+string(rune('0'+i))))
	}
	return digests
}

func replaceCodes(t *testing.T, db *DB, subscriberID string, digests [][]byte, now time.Time) {
	t.Helper()
	do(t, db, func(tx *Tx) error { return tx.ReplaceRecoveryCodes(t.Context(), subscriberID, digests, now) })
}

func useCode(t *testing.T, db *DB, subscriberID string, digest []byte) (used bool, err error) {
	err = db.inTx(t.Context(), func(tx *Tx) error {
		used, err = tx.UseRecoveryCode(t.Context(), subscriberID, digest, testTime)
		return err
	})
	return used, err
}

func wantLeft(t *testing.T, db *DB, subscriberID string, want int, wantMade time.Time) {
	t.Helper()
	err := db.view(t.Context(), func(tx *Tx) error {
		left, made, err := tx.RecoveryCodesLeft(t.Context(), subscriberID)
		if left != want || !made.Equal(wantMade) {
			t.Errorf("%d left of %s, made %v, want %d, %v", left, subscriberID, made, want, wantMade)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testRecoveryCode(t *testing.T, db *DB) {
	digests := codesOf(newCodes(t, 1), "s", "A")
	replaceCodes(t, db, "s", digests, testTime)
	wantLeft(t, db, "s", recoverycode.Count, testTime)
	if won := race(t, 64, func() (bool, error) { return useCode(t, db, "s", digests[0]) }); won != 1 {
		t.Errorf("used %d times, want once", won)
	}
	wantLeft(t, db, "s", recoverycode.Count-1, testTime)
	for i, digest := range digests {
		if used, err := useCode(t, db, "s", digest); err != nil || used != (i > 0) {
			t.Errorf("code %d: %t, %v", i, used, err)
		}
	}
	wantLeft(t, db, "s", 0, testTime)
	wantLeft(t, db, "t", 0, time.Time{})
	if !hadFactor(t, db, "s") || hadFactor(t, db, "t") {
		t.Error("the window of the wrong person is closed")
	}
}

func testRecoveryCodeSet(t *testing.T, db *DB) {
	mac := newCodes(t, 1)
	old, fresh := codesOf(mac, "s", "A"), codesOf(mac, "s", "B")
	replaceCodes(t, db, "s", old, testTime)
	replaceCodes(t, db, "t", codesOf(mac, "t", "A"), testTime)
	if used, err := useCode(t, db, "s", old[0]); err != nil || !used {
		t.Errorf("%t, %v", used, err)
	}
	later := testTime.Add(time.Hour)
	replaceCodes(t, db, "s", fresh, later)
	wantLeft(t, db, "s", recoverycode.Count, later)
	wantLeft(t, db, "t", recoverycode.Count, testTime)
	for i, digest := range old {
		if used, err := useCode(t, db, "s", digest); err != nil || used {
			t.Errorf("old code %d: %t, %v", i, used, err)
		}
	}
	if used, err := useCode(t, db, "s", fresh[9]); err != nil || !used {
		t.Errorf("new code: %t, %v", used, err)
	}
	replaceCodes(t, db, "s", nil, later)
	wantLeft(t, db, "s", 0, time.Time{})
}

func testRecoveryOwner(t *testing.T, db *DB) {
	mac := newCodes(t, 1)
	digests := codesOf(mac, "s", "A")
	replaceCodes(t, db, "s", digests, testTime)
	for name, digest := range map[string][]byte{
		"empty": {}, "missing": nil, "cut": digests[0][:32], "longer": append(bytes.Clone(digests[0]), 0),
		"of the other": recoverycode.Digest(mac, "t", "A000000000000000"), "a digest as a code": recoverycode.Digest(mac, "s", string(digests[0])),
	} {
		if used, err := useCode(t, db, "s", digest); err != nil || used {
			t.Errorf("%s: %t, %v", name, used, err)
		}
	}
	if used, err := useCode(t, db, "t", digests[0]); err != nil || used {
		t.Errorf("the code of s lets in t: %t, %v", used, err)
	}
	wantLeft(t, db, "s", recoverycode.Count, testTime)
}

func testRecoverySets(t *testing.T, db *DB) {
	mac := newCodes(t, 1)
	race(t, 64, func() (bool, error) {
		var digests [][]byte
		for range recoverycode.Count {
			code, err := secret.NewCode(rand.Reader)
			if err != nil {
				return false, err
			}
			digests = append(digests, recoverycode.Digest(mac, "s", code))
		}
		return true, db.inTx(t.Context(), func(tx *Tx) error { return tx.ReplaceRecoveryCodes(t.Context(), "s", digests, testTime) })
	})
	wantLeft(t, db, "s", recoverycode.Count, testTime)
}

func testRecoveryRotated(t *testing.T, db *DB) {
	replaceCodes(t, db, "s", codesOf(newCodes(t, 1), "s", "A"), testTime)
	won := 0
	for range 2 {
		for _, digest := range recoverycode.Digests(newCodes(t, 3), "s", "A000000000000000") {
			used, err := useCode(t, db, "s", digest)
			if err != nil {
				t.Fatal(err)
			}
			if used {
				won++
			}
		}
	}
	if won != 1 {
		t.Errorf("used %d times, want once", won)
	}
}

func testCeremony(t *testing.T, db *DB) {
	asked := passkey.Pending{ID: "c", Browser: []byte("b"), Place: "flow", Ceremony: `{"kind":"alone"}`, Request: "{}", ExpiresAt: testTime.Add(passkey.Lifetime)}
	do(t, db, func(tx *Tx) error { return tx.CreateCeremony(t.Context(), asked) })
	spend := func(id, place, browser string, now time.Time) (p passkey.Pending, err error) {
		do(t, db, func(tx *Tx) error {
			p, err = tx.SpendCeremony(t.Context(), id, place, []byte(browser), now)
			return nil
		})
		return p, err
	}
	for _, try := range []struct {
		id, place, browser string
		now                time.Time
	}{
		{"d", "flow", "b", testTime}, {"c", "", "b", testTime}, {"c", "other", "b", testTime}, {"c", "flow", "", testTime},
		{"c", "flow", "B", testTime}, {"", "flow", "b", testTime}, {"c", "flow", "b", asked.ExpiresAt},
	} {
		if _, err := spend(try.id, try.place, try.browser, try.now); !errors.Is(err, passkey.ErrCeremony) {
			t.Errorf("%v: %v, want ErrCeremony", try, err)
		}
	}
	wins := race(t, 16, func() (won bool, err error) {
		err = db.inTx(t.Context(), func(tx *Tx) error {
			p, err := tx.SpendCeremony(t.Context(), "c", "flow", []byte("b"), asked.ExpiresAt.Add(-time.Millisecond))
			won = err == nil && reflect.DeepEqual(p, asked)
			if errors.Is(err, passkey.ErrCeremony) {
				return nil
			}
			return err
		})
		return won, err
	})
	if wins != 1 {
		t.Errorf("spent %d times", wins)
	}
}

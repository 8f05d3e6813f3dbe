package keyring

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"

	"warifu/internal/secret"
)

var purposes = []Purpose{
	Pepper, Pending, FlowForm, TOTP, Outbox, Audit, SigningKeys, OTP, Cookie, AccountID, AccessToken, Pairwise, Passkey,
}

func parse(t testing.TB, text string) *Ring {
	t.Helper()
	r, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestKeysAreSeparate proves CRY-1: each purpose, use and version has a key of
// its own.
func TestKeysAreSeparate(t *testing.T) {
	r := parse(t, "1 "+keyA+"\n2 "+keyB+"\n")
	seen := make(map[string]string)
	for _, use := range []string{"box", "mac", "key"} {
		for _, purpose := range purposes {
			for version, key := range r.derive(use, purpose) {
				name := fmt.Sprintf("%s of %s, version %d", use, purpose, version)
				if other, ok := seen[string(key)]; ok {
					t.Errorf("%s is the %s", name, other)
				}
				if len(key) != secret.KeySize || bytes.Equal(key, r.roots[version]) {
					t.Errorf("%s is %x", name, key)
				}
				seen[string(key)] = name
			}
		}
	}
	if got, want := len(seen), 3*13*2; got != want {
		t.Errorf("%d keys, want %d", got, want)
	}
}

// TestPurposesAreShut proves CRY-1 from outside: what one purpose sealed or
// summed means nothing to another.
func TestPurposesAreShut(t *testing.T) {
	r := parse(t, "1 "+keyA+"\n")
	place := secret.Place{Table: "t", Column: "c", Row: "r"}
	for _, a := range purposes {
		sealed, sum := r.Box(a).Seal(place, []byte("x")), r.MAC(a).Sum("x")
		for _, b := range purposes {
			_, err := r.Box(b).Open(place, sealed)
			if got, want := err == nil, a == b; got != want {
				t.Errorf("sealed for %s, opened for %s: %t", a, b, got)
			}
			if got, want := r.MAC(b).Verify("x", sum), a == b; got != want {
				t.Errorf("summed for %s, verified for %s: %t", a, b, got)
			}
		}
	}
}

// TestDerivation holds the keys to HKDF written out (RFC 5869 §2), so that no
// change of this package makes an installation's data unreadable.
func TestDerivation(t *testing.T) {
	extract := hmac.New(sha256.New, make([]byte, sha256.Size))
	extract.Write([]byte("0123456789abcdef0123456789ABCDEF"))
	expand := hmac.New(sha256.New, extract.Sum(nil))
	expand.Write([]byte("warifu keyring/key/audit\x01"))
	want := expand.Sum(nil)

	r := parse(t, "5 "+keyA)
	if version, got := r.Key(Audit); version != 5 || !bytes.Equal(got, want) {
		t.Errorf("Key = %d, %x, want 5, %x", version, got, want)
	}
	if got, ok := r.KeyOf(Audit, 5); !ok || !bytes.Equal(got, want) {
		t.Errorf("KeyOf(5) = %x, %t, want %x", got, ok, want)
	}
	if got, ok := r.KeyOf(Audit, 4); ok || got != nil {
		t.Errorf("KeyOf(4) = %x, %t, want none", got, ok)
	}
}

// TestRotation proves CRY-1: at each step of a rotation, nodes with the old and
// the new file read each other's values.
func TestRotation(t *testing.T) {
	files := []string{
		"1 " + keyA,
		"1 " + keyA + "\n2 " + keyB + " next",
		"1 " + keyA + "\n2 " + keyB,
	}
	place := secret.Place{Table: "t", Column: "c", Row: "r"}
	for i := 1; i < len(files); i++ {
		nodes := []*Ring{parse(t, files[i-1]), parse(t, files[i])}
		for _, from := range nodes {
			for _, to := range nodes {
				if _, err := to.Box(TOTP).Open(place, from.Box(TOTP).Seal(place, []byte("x"))); err != nil {
					t.Errorf("step %d: a sealed value of %v at %v: %v", i, from, to, err)
				}
				if !to.MAC(OTP).Verify("x", from.MAC(OTP).Sum("x")) {
					t.Errorf("step %d: a sum of %v is refused by %v", i, from, to)
				}
			}
		}
	}
	if got, want := parse(t, files[1]).Box(TOTP).Current(), 1; got != want {
		t.Errorf("with a next version, the current one is %d, want %d", got, want)
	}
	if got, want := parse(t, files[2]).Box(TOTP).Current(), 2; got != want {
		t.Errorf("after promotion, the current version is %d, want %d", got, want)
	}
}

func TestVersions(t *testing.T) {
	list := parse(t, "2 "+keyA+"\n5 "+keyB+"\n6 "+keyC+" next\n").Versions()
	var got []string
	checks := make(map[string]bool)
	for _, v := range list {
		got = append(got, fmt.Sprint(v.Number, " ", v.State))
		checks[v.Check] = true
		if raw, err := hex.DecodeString(v.Check); err != nil || len(raw) != 8 {
			t.Errorf("check of version %d is %q", v.Number, v.Check)
		}
	}
	if want := "2 old, 5 current, 6 next"; strings.Join(got, ", ") != want || len(checks) != 3 {
		t.Errorf("Versions = %v, want %s with three checks", list, want)
	}
	if again := parse(t, "2 "+keyA+"\n").Versions(); again[0].Check != list[0].Check {
		t.Error("the same key has another check in another file")
	}
}

// TestConcurrentUse is for the race detector; and all get the same box.
func TestConcurrentUse(t *testing.T) {
	r := parse(t, "1 "+keyA)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for _, purpose := range purposes {
				box, mac := r.Box(purpose), r.MAC(purpose)
				if box != r.Box(purpose) || mac != r.MAC(purpose) {
					t.Errorf("%s: derived twice", purpose)
				}
				r.Key(purpose)
			}
		})
	}
	wg.Wait()
}

// TestNotPrinted proves a part of A39.
func TestNotPrinted(t *testing.T) {
	r := parse(t, "1 "+keyA)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got, want := fmt.Sprintf(format, r), "keyring.Ring(version 1)"; got != want {
			t.Errorf("%s prints %q, want %q", format, got, want)
		}
	}
}

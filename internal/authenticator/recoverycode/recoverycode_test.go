package recoverycode

import (
	"bytes"
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"warifu/internal/secret"
)

func newMAC(t testing.TB, current int) *secret.MAC {
	t.Helper()
	keys := make(map[int][]byte)
	for v := 1; v <= current; v++ {
		keys[v] = bytes.Repeat([]byte{byte(v)}, secret.KeySize)
	}
	mac, err := secret.NewMAC(current, keys)
	if err != nil {
		t.Fatal(err)
	}
	return mac
}

// zeros is randomness that is broken.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestNewSet proves REC-1: ten codes, all different, shown 4-4-4-4.
func TestNewSet(t *testing.T) {
	codes, err := NewSet(rand.Reader)
	if err != nil || len(codes) != Count {
		t.Fatalf("%q, %v", codes, err)
	}
	for i, code := range codes {
		got, ok := Parse(Show(code))
		if !ok || got != code || len(code) != Length || len(Show(code)) != Length+3 || slices.Contains(codes[:i], code) {
			t.Errorf("%q, shown as %q, is parsed as %q, %t", code, Show(code), got, ok)
		}
	}
	if codes, err := NewSet(strings.NewReader(strings.Repeat("randomness", Count-1))); err == nil {
		t.Errorf("without enough randomness: %q", codes)
	}
	if codes, err := NewSet(zeros{}); err == nil {
		t.Errorf("without any randomness: %q", codes)
	}
}

// TestDigest proves REC-1 and A26: a digest belongs to one account, one code,
// one purpose and one key, and is no code.
func TestDigest(t *testing.T) {
	mac := newMAC(t, 2)
	id := rapid.StringMatching(`[A-Z2-7]{1,26}`)
	code := rapid.StringMatching(`[0-9A-HJKMNP-TV-Z]{16}`)
	rapid.Check(t, func(t *rapid.T) {
		who, what := id.Draw(t, "who"), code.Draw(t, "code")
		digest := Digest(mac, who, what)
		if !bytes.Equal(digest, Digest(mac, who, what)) || len(digest) != secret.SumSize {
			t.Fatalf("digest %x", digest)
		}
		if other := id.Draw(t, "other"); other != who && bytes.Equal(digest, Digest(mac, other, what)) {
			t.Fatalf("%s and %s have the same digest", who, other)
		}
		if other := code.Draw(t, "other code"); other != what && bytes.Equal(digest, Digest(mac, who, other)) {
			t.Fatalf("%s and %s have the same digest", what, other)
		}
		if bytes.Equal(digest, Digest(mac, who+what[:1], what[1:])) {
			t.Fatal("what is cut differently has the same digest")
		}
		if bytes.Equal(digest, mac.Sum("activation", []byte(who), []byte(what))) {
			t.Fatal("an activation code has the same digest")
		}
		if got, ok := Parse(string(digest)); ok {
			t.Fatalf("the digest is parsed as %q", got)
		}
	})
}

// TestDigests proves CRY-1: codes that were printed before a rotation stay good.
func TestDigests(t *testing.T) {
	before, after := newMAC(t, 1), newMAC(t, 3)
	old := Digest(before, "anna", "7K3MQ2XA01019ZTV")
	all := Digests(after, "anna", "7K3MQ2XA01019ZTV")
	if len(all) != 3 || !bytes.Equal(all[0], Digest(after, "anna", "7K3MQ2XA01019ZTV")) || !slices.ContainsFunc(all, func(d []byte) bool { return bytes.Equal(d, old) }) {
		t.Errorf("%x, want %x among them", all, old)
	}
	if slices.ContainsFunc(Digests(after, "bert", "7K3MQ2XA01019ZTV"), func(d []byte) bool { return bytes.Equal(d, old) }) {
		t.Error("the code of anna is one of bert's")
	}
}

// FuzzParse looks for input that is accepted and is not one code: what is shown
// of it is parsed as the same.
func FuzzParse(f *testing.F) {
	f.Add("7K3M-Q2XA-OIOL-9ZTV")
	f.Add("７ｋ３ｍーｑ２ｘａ　ＯＩｏｌ‐９ｚｔｖ")
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := Parse(typed)
		if !ok && code != "" || ok && len(code) != Length {
			t.Errorf("Parse(%q) = %q, %t", typed, code, ok)
		}
		if again, same := Parse(Show(code)); ok && (!same || again != code) {
			t.Errorf("Parse(%q) = %q, and that is parsed as %q", typed, code, again)
		}
	})
}

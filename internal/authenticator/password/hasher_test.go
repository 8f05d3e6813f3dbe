package password

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"warifu/internal/secret"
)

// cheapPolicy is weak, so that tests are quick.
var cheapPolicy = Policy{MemoryKiB: 64, Iterations: 1, Parallelism: 1, Queue: 200, QueueWait: 2 * time.Second}

// zeros is randomness of which a test knows the outcome.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// newPepper returns a pepper with versions 1 to current.
func newPepper(t testing.TB, current int) *secret.MAC {
	t.Helper()
	keys := make(map[int][]byte)
	for v := 1; v <= current; v++ {
		keys[v] = bytes.Repeat([]byte{byte(v)}, secret.KeySize)
	}
	m, err := secret.NewMAC(current, keys)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// newHasher returns a cheap hasher whose pepper has versions 1 to current.
func newHasher(t testing.TB, current int) *Hasher {
	t.Helper()
	return newHasherOf(t, cheapPolicy, newPepper(t, current))
}

func newHasherOf(t testing.TB, p Policy, pepper *secret.MAC) *Hasher {
	t.Helper()
	h, err := NewHasher(p, Resources{Pepper: pepper, Random: rand.Reader, Cores: 2})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func mustHash(t testing.TB, h *Hasher, password string) string {
	t.Helper()
	stored, err := h.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// TestHashIsArgon2id holds a hash to the definition of PW-1, written out.
func TestHashIsArgon2id(t *testing.T) {
	h, err := NewHasher(DefaultPolicy(), Resources{Pepper: newPepper(t, 3), Random: zeros{}, Cores: 1})
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, bytes.Repeat([]byte{3}, 32))
	for _, part := range []string{"password", "pässword"} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	tag := argon2.IDKey(mac.Sum([]byte{3}), make([]byte, 16), 2, 19456, 1, 32)
	want := "$warifu-argon2id$v=19$m=19456,t=2,p=1,k=3$AAAAAAAAAAAAAAAAAAAAAA$" + base64.RawStdEncoding.EncodeToString(tag)
	if got := mustHash(t, h, "pässword"); got != want {
		t.Errorf("Hash = %s, want %s", got, want)
	}
}

func TestVerify(t *testing.T) {
	h := newHasher(t, 2)
	stored := mustHash(t, h, "correct horse ガ")
	long := strings.Repeat("é", MaxBytes/2)
	for _, test := range []struct {
		stored, password string
		accepted         bool
	}{
		{stored, "correct horse ガ", true},
		{stored, "correct horse カ\u3099", true}, // decomposed
		{stored, "correct horse ｶﾞ", false},     // compatible, but other characters
		{stored, "Correct horse ガ", false},
		{stored, "correct horse ガ ", false},
		{stored, "correct horse ガ\x00", false},
		{stored, "correct horse", false},
		{stored, "", false},
		{"", "correct horse ガ", false},
		{"", "", false},
		{mustHash(t, h, long), long, true},
		{mustHash(t, h, long), long[:MaxBytes-2], false}, // nothing is cut
		{mustHash(t, h, "a\x00b"), "a\x00c", false},
	} {
		accepted, rehash, err := h.Verify(t.Context(), test.stored, test.password)
		if accepted != test.accepted || rehash || err != nil {
			t.Errorf("Verify(%.20q…) = %t, %t, %v, want %t, false", test.password, accepted, rehash, err, test.accepted)
		}
	}
}

// TestSalted: the same password of two people looks different.
func TestSalted(t *testing.T) {
	h := newHasher(t, 1)
	if a, b := mustHash(t, h, "x"), mustHash(t, h, "x"); a == b {
		t.Errorf("both are %s", a)
	}
}

// TestRehash proves PW-1 and CRY-1: a hash of another cost or pepper is right,
// and is replaced; a wrong password replaces nothing.
func TestRehash(t *testing.T) {
	stronger := cheapPolicy
	stronger.MemoryKiB, stronger.Iterations = 128, 2
	old, now := newHasher(t, 1), newHasherOf(t, stronger, newPepper(t, 1))
	rotated := newHasher(t, 2)
	for _, test := range []struct {
		name     string
		from, to *Hasher
		rehash   bool
	}{
		{"nothing changed", old, old, false},
		{"stronger policy", old, now, true},
		{"weaker policy", now, old, true},
		{"new pepper", old, rotated, true},
	} {
		stored := mustHash(t, test.from, "right")
		accepted, rehash, err := test.to.Verify(t.Context(), stored, "right")
		if !accepted || rehash != test.rehash || err != nil {
			t.Errorf("%s: %t, %t, %v, want true, %t", test.name, accepted, rehash, err, test.rehash)
		}
		accepted, rehash, err = test.to.Verify(t.Context(), stored, "wrong")
		if accepted || rehash || err != nil {
			t.Errorf("%s, wrong password: %t, %t, %v", test.name, accepted, rehash, err)
		}
	}
}

// TestPepper: a hash is worth nothing without its pepper; one whose pepper is
// lost is an error (OPS-3), not a wrong password.
func TestPepper(t *testing.T) {
	stored := mustHash(t, newHasher(t, 1), "right")
	other, err := secret.NewMAC(1, map[int][]byte{1: bytes.Repeat([]byte{9}, secret.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	if accepted, _, err := newHasherOf(t, cheapPolicy, other).Verify(t.Context(), stored, "right"); accepted || err != nil {
		t.Errorf("with another pepper: %t, %v", accepted, err)
	}
	lost, err := secret.NewMAC(2, map[int][]byte{2: bytes.Repeat([]byte{2}, secret.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	if accepted, _, err := newHasherOf(t, cheapPolicy, lost).Verify(t.Context(), stored, "right"); accepted || !errors.Is(err, secret.ErrVersion) {
		t.Errorf("with the pepper lost: %t, %v, want ErrVersion", accepted, err)
	}
	plain := strings.Replace(strings.Replace(stored, "$warifu-", "$", 1), ",k=1", "", 1)
	if accepted, _, err := newHasher(t, 1).Verify(t.Context(), plain, "right"); accepted || err != nil {
		t.Errorf("as if there were no pepper: %t, %v", accepted, err)
	}
}

// TestMalformed covers A27 for stored hashes: what is damaged in any way is an
// error, and computes nothing.
func TestMalformed(t *testing.T) {
	h := newHasher(t, 1)
	stored := mustHash(t, h, "right")
	damaged := map[string]string{
		"longer":         stored + "A",
		"line break":     stored + "\n",
		"upper case":     strings.ToUpper(stored),
		"other version":  strings.Replace(stored, "v=19", "v=16", 1),
		"leading zero":   strings.Replace(stored, "m=64", "m=064", 1),
		"no memory":      strings.Replace(stored, "m=64", "m=0", 1),
		"absurd memory":  strings.Replace(stored, "m=64", "m=1048577", 1),
		"no pass":        strings.Replace(stored, "t=1", "t=0", 1),
		"absurd passes":  strings.Replace(stored, "t=1", "t=21", 1),
		"no lane":        strings.Replace(stored, "p=1", "p=0", 1),
		"absurd lanes":   strings.Replace(stored, "p=1", "p=17", 1),
		"no pepper":      strings.Replace(stored, ",k=1", "", 1),
		"loose bits":     loosen(stored),
		"just the name":  ownPrefix,
		"short tag":      stored[:len(stored)-40],
		"another scheme": "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
		"plain text":     "right",
		"a dollar":       "$",
		"blank":          " ",
	}
	for n := 1; n < len(stored); n++ {
		damaged[fmt.Sprintf("first %d bytes", n)] = stored[:n]
	}
	before := h.Computed()
	for name, s := range damaged {
		accepted, rehash, err := h.Verify(t.Context(), s, "right")
		if accepted || rehash || !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %t, %t, %v, want an error", name, accepted, rehash, err)
		}
	}
	if got := h.Computed() - before; got != 0 {
		t.Errorf("%d hashes computed, want 0", got)
	}
}

// loosen sets a bit behind the end of the tag, which a lax decoder would ignore.
func loosen(stored string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := len(stored) - 1
	return stored[:last] + string(alphabet[strings.IndexByte(alphabet, stored[last])^1])
}

// TestEqualWork proves PW-6 by counting: whoever is named, and whatever is typed,
// an attempt computes one hash, or none if nobody's would be computed (A40).
func TestEqualWork(t *testing.T) {
	h := newHasher(t, 1)
	stored := mustHash(t, h, "right")
	verify := func(stored string) func(string) error {
		return func(password string) error {
			_, _, err := h.Verify(t.Context(), stored, password)
			return err
		}
	}
	people := map[string]func(string) error{
		"known":            verify(stored),
		"without password": verify(""),
		"unknown":          func(password string) error { return h.VerifyNobody(t.Context(), password) },
		"imported, cheap":  verify(imports[0].stored),
		"imported, dear":   verify("$2b$10$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC"),
	}
	for name, attempt := range people {
		for _, test := range []struct {
			password string
			want     uint64
			err      error
		}{
			{"right", 1, nil}, {"wrong", 1, nil}, {"", 1, nil},
			{strings.Repeat("x", MaxBytes), 1, nil}, {strings.Repeat("x", MaxBytes+1), 0, ErrTooLong},
		} {
			before := h.Computed()
			err := attempt(test.password)
			if got := h.Computed() - before; got != test.want || !errors.Is(err, test.err) {
				t.Errorf("%s, %d bytes: %d hashes, %v, want %d, %v", name, len(test.password), got, err, test.want, test.err)
			}
		}
	}
}

func TestHashRefuses(t *testing.T) {
	h := newHasher(t, 1)
	noRandom, err := NewHasher(cheapPolicy, Resources{Pepper: newPepper(t, 1), Random: strings.NewReader("short"), Cores: 1})
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name     string
		h        *Hasher
		ctx      context.Context
		password string
		want     error
	}{
		{"empty", h, t.Context(), "", ErrEmpty},
		{"1025 bytes", h, t.Context(), strings.Repeat("x", MaxBytes+1), ErrTooLong},
		{"gone", h, gone, "right", context.Canceled},
		{"no randomness", noRandom, t.Context(), "right", io.ErrUnexpectedEOF},
	} {
		if stored, err := test.h.Hash(test.ctx, test.password); stored != "" || !errors.Is(err, test.want) {
			t.Errorf("%s: %q, %v, want %v", test.name, stored, err, test.want)
		}
	}
	if accepted, _, err := h.Verify(gone, mustHash(t, h, "right"), "right"); accepted || !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone is verified: %t, %v", accepted, err)
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	h := newHasher(t, 1)
	stored := mustHash(t, h, "right")
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if accepted, _, err := h.Verify(t.Context(), stored, "right"); !accepted || err != nil {
				t.Errorf("Verify = %t, %v", accepted, err)
			}
		})
	}
	wg.Wait()
	if got, want := h.Computed(), uint64(65); got != want {
		t.Errorf("%d hashes, want %d", got, want)
	}
}

func BenchmarkHash(b *testing.B) {
	h := newHasherOf(b, DefaultPolicy(), newPepper(b, 1))
	for b.Loop() {
		mustHash(b, h, "correct horse battery")
	}
}

func BenchmarkVerify(b *testing.B) {
	h := newHasherOf(b, DefaultPolicy(), newPepper(b, 1))
	stored := mustHash(b, h, "correct horse battery")
	for b.Loop() {
		if accepted, _, err := h.Verify(b.Context(), stored, "correct horse battery"); !accepted || err != nil {
			b.Fatal(accepted, err)
		}
	}
}

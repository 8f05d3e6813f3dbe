package secret

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func newMAC(t testing.TB, current int, keys map[int][]byte) *MAC {
	t.Helper()
	m, err := NewMAC(current, keys)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestSumIsHMAC holds Sum to a plain HMAC over an encoding written out by hand.
func TestSumIsHMAC(t *testing.T) {
	mac := hmac.New(sha256.New, key(7))
	mac.Write([]byte("\x00\x00\x00\x00\x00\x00\x00\x03otp" +
		"\x00\x00\x00\x00\x00\x00\x00\x04flow" + "\x00\x00\x00\x00\x00\x00\x00\x0812345678"))
	want := mac.Sum([]byte{9})
	got := newMAC(t, 9, map[int][]byte{9: key(7)}).Sum("otp", []byte("flow"), []byte("12345678"))
	if !bytes.Equal(got, want) || len(got) != SumSize {
		t.Errorf("Sum = %x, want %x", got, want)
	}
}

// TestVerifyDamaged covers A27 for MACs: every bit and every length counts.
func TestVerifyDamaged(t *testing.T) {
	m := newMAC(t, 1, map[int][]byte{1: key(1), 2: key(2)})
	sum := m.Sum("test", []byte("part"))
	if !m.Verify("test", sum, []byte("part")) {
		t.Fatal("the genuine sum is refused")
	}
	refuse := func(name string, value []byte) {
		t.Helper()
		if m.Verify("test", value, []byte("part")) {
			t.Errorf("%s: accepted", name)
		}
	}
	refuse("nil", nil)
	refuse("longer", append(bytes.Clone(sum), 0))
	refuse("in hexadecimal", []byte(hex.EncodeToString(sum)))
	for n := range sum {
		refuse(fmt.Sprintf("first %d bytes", n), sum[:n])
		for bit := range 8 {
			flipped := bytes.Clone(sum)
			flipped[n] ^= 1 << bit
			refuse(fmt.Sprintf("byte %d bit %d", n, bit), flipped)
		}
	}
}

// TestVerifyOther: neither another context nor parts cut elsewhere pass (RST-10).
func TestVerifyOther(t *testing.T) {
	m := newMAC(t, 1, map[int][]byte{1: key(1)})
	sum := m.Sum("link", []byte("ab"), []byte("c"))
	for _, test := range []struct {
		context string
		parts   [][]byte
	}{
		{"ticket", [][]byte{[]byte("ab"), []byte("c")}},
		{"", [][]byte{[]byte("link"), []byte("ab"), []byte("c")}},
		{"link", [][]byte{[]byte("a"), []byte("bc")}},
		{"link", [][]byte{[]byte("abc")}},
		{"link", [][]byte{[]byte("ab"), []byte("c"), nil}},
		{"link", [][]byte{[]byte("c"), []byte("ab")}},
		{"link", nil},
	} {
		if m.Verify(test.context, sum, test.parts...) {
			t.Errorf("accepted for %q %q", test.context, test.parts)
		}
	}
}

// TestSumsDiffer is the property behind TestVerifyOther.
func TestSumsDiffer(t *testing.T) {
	m := newMAC(t, 1, map[int][]byte{1: key(1)})
	parts := rapid.SliceOfN(rapid.SliceOfN(rapid.ByteRange(0, 2), 0, 3), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		a, b := parts.Draw(t, "a"), parts.Draw(t, "b")
		same := len(a) == len(b)
		for i := range min(len(a), len(b)) {
			same = same && bytes.Equal(a[i], b[i])
		}
		if got := bytes.Equal(m.Sum("", a...), m.Sum("", b...)); got != same {
			t.Fatalf("equal sums: %t, want %t", got, same)
		}
	})
}

// TestMACRotation proves CRY-1 for MACs.
func TestMACRotation(t *testing.T) {
	before := newMAC(t, 1, map[int][]byte{1: key(1)})
	during := newMAC(t, 2, map[int][]byte{1: key(1), 2: key(2), 3: key(3)})
	after := newMAC(t, 2, map[int][]byte{2: key(2)})
	old := before.Sum("test", []byte("x"))

	if !during.Verify("test", old, []byte("x")) {
		t.Error("an old sum is refused while its version is there")
	}
	if after.Verify("test", old, []byte("x")) {
		t.Error("an old sum is accepted after its version was withdrawn")
	}
	if got, err := during.SumWith(1, "test", []byte("x")); !bytes.Equal(got, old) || err != nil {
		t.Errorf("SumWith(1) = %x, %v, want %x", got, err, old)
	}
	for _, version := range []int{-1, 0, 1, 256} {
		if _, err := after.SumWith(version, "test"); !errors.Is(err, ErrVersion) {
			t.Errorf("SumWith(%d) gives %v, want ErrVersion", version, err)
		}
	}
	var versions []byte
	for _, sum := range during.Sums("test", []byte("x")) {
		if !during.Verify("test", sum, []byte("x")) {
			t.Errorf("Sums has %x, which does not verify", sum)
		}
		versions = append(versions, sum[0])
	}
	if want := []byte{2, 3, 1}; !bytes.Equal(versions, want) || during.Current() != 2 {
		t.Errorf("Sums has versions %v, want %v", versions, want)
	}
}

// TestKeysAreCopied: who wipes his copy of a key does not change the MAC.
func TestKeysAreCopied(t *testing.T) {
	mine := key(1)
	m := newMAC(t, 1, map[int][]byte{1: mine})
	want := m.Sum("test")
	clear(mine)
	if got := m.Sum("test"); !bytes.Equal(got, want) {
		t.Errorf("Sum = %x, want %x", got, want)
	}
}

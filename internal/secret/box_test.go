package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var place = Place{Table: "totp_authenticator", Column: "secret", Row: "anna/1"}

// key returns a key for tests: 32 times the byte n.
func key(n byte) []byte { return bytes.Repeat([]byte{n}, KeySize) }

func newBox(t testing.TB, current int, keys map[int][]byte) *Box {
	t.Helper()
	b, err := NewBox(current, keys)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNewRefusesKeys(t *testing.T) {
	for _, test := range []struct {
		name    string
		current int
		keys    map[int][]byte
	}{
		{"none", 1, nil},
		{"current missing", 2, map[int][]byte{1: key(1)}},
		{"current zero", 0, map[int][]byte{1: key(1)}},
		{"version 0", 0, map[int][]byte{0: key(1)}},
		{"version negative", -1, map[int][]byte{-1: key(1)}},
		{"version 256", 256, map[int][]byte{256: key(1)}},
		{"AES-128", 1, map[int][]byte{1: key(1)[:16]}},
		{"empty", 1, map[int][]byte{1: nil}},
		{"old one short", 2, map[int][]byte{1: key(1)[:31], 2: key(2)}},
	} {
		if _, err := NewBox(test.current, test.keys); err == nil {
			t.Errorf("%s: NewBox accepts it", test.name)
		}
		if _, err := NewMAC(test.current, test.keys); err == nil {
			t.Errorf("%s: NewMAC accepts it", test.name)
		}
	}
}

func TestSealOpen(t *testing.T) {
	box := newBox(t, 255, map[int][]byte{255: key(1)})
	rapid.Check(t, func(t *rapid.T) {
		at := Place{rapid.String().Draw(t, "table"), rapid.String().Draw(t, "column"), rapid.String().Draw(t, "row")}
		want := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		got, err := box.Open(at, box.Seal(at, want))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("Open = %x, %v, want %x", got, err, want)
		}
		got, err = box.OpenText(at, box.SealText(at, want))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("OpenText = %x, %v, want %x", got, err, want)
		}
	})
}

// TestSealIsRandom: equal secrets of two people look different.
func TestSealIsRandom(t *testing.T) {
	box := newBox(t, 1, map[int][]byte{1: key(1)})
	if bytes.Equal(box.Seal(place, []byte("x")), box.Seal(place, []byte("x"))) {
		t.Error("sealing twice gives the same bytes")
	}
}

// TestOpenElsewhere proves the binding of TOTP-2: names are not only compared
// together, but each by itself.
func TestOpenElsewhere(t *testing.T) {
	box := newBox(t, 1, map[int][]byte{1: key(1)})
	sealed := box.Seal(Place{"ab", "c", "d"}, []byte("secret"))
	for _, other := range []Place{
		{"ab", "c", "e"}, {"ab", "x", "d"}, {"xb", "c", "d"},
		{"a", "bc", "d"}, {"abc", "", "d"}, {"ab", "cd", ""}, {"", "abc", "d"}, {"ab", "", "cd"}, {"abcd", "", ""}, {},
	} {
		if plain, err := box.Open(other, sealed); !errors.Is(err, ErrSealed) || plain != nil {
			t.Errorf("Open at %+v = %q, %v, want ErrSealed", other, plain, err)
		}
	}
}

// TestOpenDamaged covers A27 for sealed values: each bit and each length counts.
func TestOpenDamaged(t *testing.T) {
	box := newBox(t, 1, map[int][]byte{1: key(1), 2: key(2), 3: key(1)})
	sealed := box.Seal(place, []byte("12345678901234567890"))
	refuse := func(name string, value []byte) {
		t.Helper()
		if plain, err := box.Open(place, value); !errors.Is(err, ErrSealed) || plain != nil {
			t.Errorf("%s: Open = %x, %v, want ErrSealed", name, plain, err)
		}
	}
	refuse("nil", nil)
	for n := range sealed {
		refuse(fmt.Sprintf("first %d bytes", n), sealed[:n])
		refuse(fmt.Sprintf("from byte %d", n+1), sealed[n+1:])
		for bit := range 8 {
			flipped := bytes.Clone(sealed)
			flipped[n] ^= 1 << bit
			refuse(fmt.Sprintf("byte %d bit %d", n, bit), flipped)
		}
	}
	refuse("longer", append(bytes.Clone(sealed), 0))
	refuse("of another version with the same key", append([]byte{3}, sealed[1:]...))
}

// TestRotation proves CRY-1: old values open after a rotation, new ones use the
// new version, and a version that was withdrawn is named.
func TestRotation(t *testing.T) {
	before := newBox(t, 1, map[int][]byte{1: key(1)})
	during := newBox(t, 2, map[int][]byte{1: key(1), 2: key(2)})
	after := newBox(t, 2, map[int][]byte{2: key(2)})
	old := before.Seal(place, []byte("secret"))

	if plain, err := during.Open(place, old); string(plain) != "secret" || err != nil {
		t.Errorf("after the rotation the old value gives %q, %v", plain, err)
	}
	if !during.Stale(old) || before.Stale(old) || !during.Stale(nil) {
		t.Error("Stale does not tell what is to be sealed again")
	}
	fresh := during.Seal(place, []byte("secret"))
	if during.Stale(fresh) || during.Current() != 2 || fresh[0] != 2 {
		t.Errorf("the new value has version %d", fresh[0])
	}
	_, err := after.Open(place, old)
	if !errors.Is(err, ErrSealed) || !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "version 1") {
		t.Errorf("a withdrawn version gives %v", err)
	}
}

// TestOtherKey: the same version of another purpose's key opens nothing (CRY-1).
func TestOtherKey(t *testing.T) {
	a, b := newBox(t, 1, map[int][]byte{1: key(1)}), newBox(t, 1, map[int][]byte{1: key(2)})
	if _, err := b.Open(place, a.Seal(place, []byte("secret"))); !errors.Is(err, ErrSealed) {
		t.Errorf("another key gives %v, want ErrSealed", err)
	}
}

// TestOpenTextSpellings covers A27 for the text form: one spelling only.
func TestOpenTextSpellings(t *testing.T) {
	box := newBox(t, 1, map[int][]byte{1: key(1)})
	text := box.SealText(place, []byte("secret")) // 35 bytes: the last character has loose bits
	last := text[len(text)-1]
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	loose := text[:len(text)-1] + string(alphabet[strings.IndexByte(alphabet, last)^1])
	raw, _ := base64.RawURLEncoding.DecodeString(text)
	spellings := map[string]string{
		"empty":          "",
		"padded":         text + "=",
		"line break":     text[:5] + "\n" + text[5:],
		"carriage":       text + "\r\n",
		"space":          text + " ",
		"loose bits":     loose,
		"standard":       base64.StdEncoding.EncodeToString(raw),
		"upper case":     strings.ToUpper(text),
		"lower case":     strings.ToLower(text),
		"one more":       text + "A",
		"not base64 url": "%" + text,
	}
	for n := range text {
		spellings[fmt.Sprintf("first %d characters", n)] = text[:n]
	}
	for name, spelling := range spellings {
		if plain, err := box.OpenText(place, spelling); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: OpenText = %q, %v, want ErrSealed", name, plain, err)
		}
	}
}

// TestNotPrinted proves a part of A39: no key in what a log may print.
func TestNotPrinted(t *testing.T) {
	raw := []byte("a canary that must not be seen!!")
	box := newBox(t, 1, map[int][]byte{1: raw})
	mac, err := NewMAC(1, map[int][]byte{1: raw})
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		got, want := fmt.Sprintf(format+" "+format, box, mac), "secret.Box(version 1) secret.MAC(version 1)"
		if got != want {
			t.Errorf("%s prints %q, want %q", format, got, want)
		}
	}
}

// FuzzOpen looks for a value that opens and was not sealed. The only genuine
// one is written here, because each fuzzing process would seal another.
func FuzzOpen(f *testing.F) {
	box := newBox(f, 2, map[int][]byte{1: key(1), 2: key(2)})
	genuine, err := hex.DecodeString("024d57dd46ff52f40e41c81b1203aa57e7f208ee84547dad2dd2ba81c355e12c78720263c2ba5494ba42335df4b6f97959")
	if err != nil {
		f.Fatal(err)
	}
	if plain, err := box.Open(place, genuine); string(plain) != "12345678901234567890" || err != nil {
		f.Fatalf("the format of sealed values has changed: %q, %v", plain, err)
	}
	f.Add(genuine, "")
	f.Add(genuine[:overhead], base64.RawURLEncoding.EncodeToString(genuine[1:]))
	f.Fuzz(func(t *testing.T, sealed []byte, text string) {
		if plain, err := box.Open(place, sealed); err == nil && !bytes.Equal(sealed, genuine) {
			t.Errorf("Open(%x) = %x", sealed, plain)
		}
		if plain, err := box.OpenText(place, text); err == nil {
			t.Errorf("OpenText(%q) = %x", text, plain)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	box := newBox(b, 1, map[int][]byte{1: key(1)})
	sealed := box.Seal(place, make([]byte, 20))
	for b.Loop() {
		if _, err := box.Open(place, sealed); err != nil {
			b.Fatal(err)
		}
	}
}

package keyring

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

var (
	keyA = base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789ABCDEF"))
	keyB = base64.StdEncoding.EncodeToString([]byte("fedcba9876543210FEDCBA9876543210"))
	keyC = base64.StdEncoding.EncodeToString([]byte("another key of exactly 32 bytes!"))
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		name, text string
		current    int
		versions   string
	}{
		{"one", "1 " + keyA, 1, "[1]"},
		{"comments, blank lines, tabs", "# mine\n\n \t1\t" + keyA + "  # 2026\n", 1, "[1]"},
		{"CRLF", "1 " + keyA + "\r\n2 " + keyB + "\r\n", 2, "[1 2]"},
		{"a gap", "3 " + keyA + "\n200 " + keyB, 200, "[3 200]"},
		{"next", "1 " + keyA + "\n2 " + keyB + " next", 1, "[1 2]"},
		{"two next", "1 " + keyA + "\n2 " + keyB + " next\n3 " + keyC + " next", 1, "[1 2 3]"},
	} {
		r, err := Parse([]byte(test.text))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := fmt.Sprint(r.versions); r.current != test.current || got != test.versions {
			t.Errorf("%s: current %d of %s, want %d of %s", test.name, r.current, got, test.current, test.versions)
		}
	}
}

func TestParseFaults(t *testing.T) {
	short := base64.StdEncoding.EncodeToString([]byte("short"))
	zeros := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "key file: it has no current key"},
		{"only comments", "# 1 " + keyA, "key file: it has no current key"},
		{"only next", "1 " + keyA + " next", "key file: it has no current key"},
		{"no key", "1", "key file, line 1: version 1 has no key"},
		{"no version", keyA, "key file, line 1: the version must be a number from 1 to 255"},
		{"version 0", "0 " + keyA, "key file, line 1: the version must be a number from 1 to 255"},
		{"version 256", "256 " + keyA, "key file, line 1: the version must be a number from 1 to 255"},
		{"not Base64", "1 !" + keyA, "key file, line 1: version 1: the key is not Base64"},
		{"loose bits", "1 " + keyA[:42] + "b=", "key file, line 1: version 1: the key is not Base64"},
		{"short", "1 " + short, "key file, line 1: version 1: the key has 5 bytes, want 32"},
		{"zeros", "1 " + zeros, "key file, line 1: version 1: the key is one byte repeated"},
		{"same version", "1 " + keyA + "\n1 " + keyB, "key file, line 2: version 1 must be greater than version 1 above it"},
		{"falling", "2 " + keyA + "\n1 " + keyB, "key file, line 2: version 1 must be greater than version 2 above it"},
		{"same key", "1 " + keyA + "\n2 " + keyA, "key file, line 2: version 2 has the same key as version 1"},
		{"word", "1 " + keyA + " soon", `key file, line 1: after the key of version 1 there may only be "next"`},
		{"words", "1 " + keyA + " next one", `key file, line 1: after the key of version 1 there may only be "next"`},
		{"next above", "1 " + keyA + "\n2 " + keyB + " next\n3 " + keyC, `key file, line 3: version 3 is in use, but a version above it is marked "next"`},
		{"several", "\nx\n1 " + short + "\n2 " + keyB + " x", "key file, line 2: the version must be a number from 1 to 255\n" +
			"key file, line 3: version 1: the key has 5 bytes, want 32\n" +
			`key file, line 4: after the key of version 2 there may only be "next"`},
	} {
		r, err := Parse([]byte(test.text))
		if err == nil || r != nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}

// TestRotate goes through what an administrator does, from nothing to the
// second version in use (CRY-1).
func TestRotate(t *testing.T) {
	first, err := Generate(rand.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	announced, err := Generate(rand.Reader, bytes.TrimRight(first, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Generate(rand.Reader, announced); err == nil {
		t.Error("a third version is made before the second is in use")
	}
	promoted, err := Promote(announced)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Promote(promoted); err == nil {
		t.Error("something is promoted where nothing waits")
	}
	for i, test := range []struct {
		text []byte
		want string
	}{
		{first, "1 current"}, {announced, "1 current 2 next"}, {promoted, "1 old 2 current"},
	} {
		var states []string
		for _, v := range parse(t, string(test.text)).Versions() {
			states = append(states, fmt.Sprint(v.Number, " ", v.State))
		}
		if got := strings.Join(states, " "); got != test.want || !bytes.HasPrefix(test.text, []byte(header)) {
			t.Errorf("file %d has versions %s, want %s:\n%s", i, got, test.want, test.text)
		}
	}
	if want := append(bytes.Clone(first), bytes.TrimPrefix(bytes.Replace(announced, []byte(" next"), nil, 1), first)...); !bytes.Equal(promoted, want) {
		t.Errorf("promotion changed more than a word:\n%s", promoted)
	}
}

func TestPromoteKeepsComments(t *testing.T) {
	text := "1 " + keyA + " # first\r\n2 " + keyB + " next # second\r\n3 " + keyC + " next"
	want := "1 " + keyA + " # first\r\n2 " + keyB + " # second\n3 " + keyC + " next"
	if got, err := Promote([]byte(text)); string(got) != want || err != nil {
		t.Errorf("Promote = %q, %v, want %q", got, err, want)
	}
}

func TestGenerateRefuses(t *testing.T) {
	if text, err := Generate(bytes.NewReader(make([]byte, 31)), nil); err == nil {
		t.Errorf("without enough randomness: %s", text)
	}
	var fault *LineError
	if _, err := Generate(rand.Reader, []byte("1 x")); !errors.As(err, &fault) || fault.Line != 1 {
		t.Errorf("a damaged file gives %v", err)
	}
	if text, err := Generate(rand.Reader, []byte("255 "+keyA)); err == nil {
		t.Errorf("after the last version: %s", text)
	}
	if _, err := Promote([]byte("1 x")); err == nil {
		t.Error("a damaged file is promoted")
	}
}

// FuzzParse looks for a file that is read and yet cannot be used.
func FuzzParse(f *testing.F) {
	f.Add([]byte("1 " + keyA + "\n2 " + keyB + " next # soon\n"))
	f.Add([]byte(header))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		mac := r.MAC(OTP)
		if !mac.Verify("x", mac.Sum("x")) {
			t.Error("a sum does not verify")
		}
	})
}

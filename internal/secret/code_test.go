package secret

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestNewCode proves REC-1 and ENR-1: 80 bits, each of which is in the code.
func TestNewCode(t *testing.T) {
	a, errA := NewCode(rand.Reader)
	b, errB := NewCode(rand.Reader)
	if errA != nil || errB != nil || len(a) != CodeLength || a == b {
		t.Errorf("two codes: %q, %q, %v, %v", a, b, errA, errB)
	}
	if code, err := NewCode(strings.NewReader("too short")); err == nil || code != "" {
		t.Errorf("without enough randomness: %q", code)
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 10, 10).Draw(t, "raw")
		code, err := NewCode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		back, err := base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding).DecodeString(code)
		if err != nil || !bytes.Equal(back, raw) {
			t.Fatalf("%x became %q, and that %x, %v", raw, code, back, err)
		}
	})
}

// TestParseCode proves REC-1 and A27: these spellings of a code and no others.
func TestParseCode(t *testing.T) {
	const code = "7K3MQ2XA01019ZTV"
	for _, test := range []struct {
		typed string
		ok    bool
	}{
		{"7K3MQ2XA01019ZTV", true},
		{"7K3M-Q2XA-0101-9ZTV", true},
		{"7k3m-q2xa-0101-9ztv", true},
		{"7K3M-Q2XA-OIoL-9ZTV", true}, // O as 0, I and L as 1
		{"7K3M-Q2XA-Oiol-9ZTV", true},
		{" 7K3M Q2XA\t0101 9ZTV\r\n", true},
		{"７Ｋ３Ｍ－Ｑ２ＸＡ－０１０１－９ＺＴＶ", true},
		{"７ｋ３ｍーｑ２ｘａーＯＩｏｌー９ｚｔｖ", true},
		{"7K3M　Q2XA　0101　9ZTV", true},
		{"7K3M\u2010Q2XA\u2011-0101\u20139ZTV", true},
		{"7K3M\u2014Q2XA\u22120101\u00ad9ZTV", true},
		{"7K3M\u00a0Q2XA\uff700101\u30fc9ZTV", true},
		{"", false},
		{" - ", false},
		{"7K3M-Q2XA-0101-9ZT", false},
		{"7K3M-Q2XA-0101-9ZTV0", false},
		{"7K3M-Q2XA-0101-9ZTU", false}, // no U
		{"7K3M-Q2XA-0101-9ZT*", false},
		{"7K3M-Q2XA-0101-9ZT=", false},
		{"7K3M.Q2XA.0101.9ZTV", false},
		{"7K3M_Q2XA_0101_9ZTV", false},
		{"7K3M-Q2XA-0101-9ZTV\x00", false},
		{"7K3M-Q2XA-0101-9ZT\xff", false},
		{"7K3M-Q2XA-0101-9ZTÿ", false},
		{"7K3M-Q2XA-0101-9Z", false},
		{"٧K3M-Q2XA-0101-9ZTV", false},
		{"7\u212a3M-Q2XA-0101-9ZTV", false}, // the sign for Kelvin
		{"7K3M-Q2XA-0101-9Zſ1", false},
	} {
		got, ok := ParseCode(test.typed)
		if want := map[bool]string{true: code}[test.ok]; ok != test.ok || got != want {
			t.Errorf("ParseCode(%q) = %q, %t, want %q, %t", test.typed, got, ok, want, test.ok)
		}
	}
}

// TestShowCode: what is shown is parsed as what was made, whole alone.
func TestShowCode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code, err := NewCode(bytes.NewReader(rapid.SliceOfN(rapid.Byte(), 10, 10).Draw(t, "raw")))
		if err != nil {
			t.Fatal(err)
		}
		shown := ShowCode(code)
		if len(shown) != 19 || shown[4] != '-' || shown[9] != '-' || shown[14] != '-' {
			t.Fatalf("shown as %q", shown)
		}
		for _, typed := range []string{shown, strings.ToLower(shown), " " + code + " "} {
			if got, ok := ParseCode(typed); !ok || got != code {
				t.Fatalf("%q is parsed as %q, %t, want %q", typed, got, ok, code)
			}
		}
		for n := range shown { // A27
			if got, ok := ParseCode(shown[:n]); ok {
				t.Fatalf("the prefix %q is parsed as %q", shown[:n], got)
			}
		}
	})
	if got := ShowCode("ABC"); got != "ABC" {
		t.Errorf("%q", got)
	}
}

// FuzzParseCode looks for input that is accepted and has not exactly one code.
func FuzzParseCode(f *testing.F) {
	f.Add("7K3M-Q2XA-OIOL-9ZTV")
	f.Add("７ｋ３ｍーｑ２ｘａーＯＩｏｌー９ｚｔｖ")
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := ParseCode(typed)
		if !ok {
			if code != "" {
				t.Errorf("ParseCode(%q) refuses and returns %q", typed, code)
			}
			return
		}
		again, ok := ParseCode(ShowCode(code))
		if !ok || again != code || len(code) != CodeLength || strings.Trim(code, codeAlphabet) != "" {
			t.Errorf("ParseCode(%q) = %q, and that is parsed as %q, %t", typed, code, again, ok)
		}
	})
}

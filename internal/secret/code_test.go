package secret

import (
	"crypto/rand"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestParseCode proves what people may type for a code. REC-1, ENR-1.
func TestParseCode(t *testing.T) {
	const want = "7K3MQ2XA9F0TB611"
	for _, typed := range []string{want, "7K3M-Q2XA-9F0T-B611", "7k3m q2xa 9fot b6il", "７Ｋ３Ｍ－Ｑ２ＸＡ－９Ｆ０Ｔ－Ｂ６１１", " 7K3M‐Q2XA–9F0T−B61L　"} {
		if got, ok := ParseCode(typed); !ok || got != want {
			t.Errorf("%q: %q, %t", typed, got, ok)
		}
	}
	for _, typed := range []string{"", want[:15], want + "0", "7K3MQ2XA9F0TB6U1", "7K3MQ2XA9F0TB61\n", strings.Repeat("-", 1000) + want, "7K3M_Q2XA_9F0T_B611"} {
		if got, ok := ParseCode(typed); ok {
			t.Errorf("%q was taken for %q", typed, got)
		}
	}
}

// TestCode: what is shown of any code can be typed in again.
func TestCode(t *testing.T) {
	code, err := Code(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		code := code
		if rapid.Bool().Draw(t, "other") {
			code = rapid.StringMatching("["+crockford+"]{16}").Draw(t, "code")
		}
		if got, ok := ParseCode(strings.ToLower(ShowCode(code))); !ok || got != code {
			t.Fatalf("%s: %q, %t", code, got, ok)
		}
	})
	if _, err := Code(strings.NewReader("short")); err == nil {
		t.Error("a code of too little randomness")
	}
}

// FuzzParseCode: what passes is in the alphabet and passes again.
func FuzzParseCode(f *testing.F) {
	f.Add("7K3M-Q2XA-9F0T-B611")
	f.Add("ｏｉｌ")
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := ParseCode(typed)
		if again, ok2 := ParseCode(code); ok && (!ok2 || again != code || len(code) != CodeLength) {
			t.Errorf("%q: %q", typed, code)
		}
	})
}

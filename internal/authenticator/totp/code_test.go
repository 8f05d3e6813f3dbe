package totp

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	oracle "github.com/pquerna/otp/totp"
	"pgregory.net/rapid"
)

// readVectors reads a file of testdata/vectors.
func readVectors(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("../../../testdata/vectors/" + name)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func decodeKey(t testing.TB, key string) []byte {
	t.Helper()
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// TestRFC4226 proves TOTP-14 with the vectors of RFC 4226 Appendix D.
func TestRFC4226(t *testing.T) {
	var vectors struct {
		Secret      struct{ ASCII string }
		Cases, More []struct {
			Counter int64
			Digits  int
			Code    string
		}
	}
	readVectors(t, "rfc4226.json", &vectors)
	tried := 0
	for _, c := range append(vectors.Cases, vectors.More...) {
		if c.Digits != 0 && c.Digits != Digits {
			continue
		}
		tried++
		if got := Code([]byte(vectors.Secret.ASCII), c.Counter); got != c.Code {
			t.Errorf("Code(%d) = %s, want %s", c.Counter, got, c.Code)
		}
	}
	if tried != 17 {
		t.Errorf("%d vectors were tried, want 17", tried)
	}
}

// TestRFC6238 proves TOTP-14 with the vectors of RFC 6238 Appendix B, of which
// our six digits are the last, and with others of the demonstration.
func TestRFC6238(t *testing.T) {
	var vectors struct {
		Cases []struct {
			Time       int64
			CounterHex string
			SHA1       string
		}
		More []struct {
			Why, Secret, Algorithm, Code string
			Digits, Period               int
			Time                         int64
		}
	}
	readVectors(t, "rfc6238.json", &vectors)
	for _, c := range vectors.Cases {
		step := Step(time.Unix(c.Time, 0))
		if got := fmt.Sprintf("%016X", step); got != c.CounterHex {
			t.Errorf("Step(%d) = %s, want %s", c.Time, got, c.CounterHex)
		}
		if got, want := Code([]byte("12345678901234567890"), step), c.SHA1[2:]; got != want {
			t.Errorf("code at %d = %s, want %s", c.Time, got, want)
		}
	}
	tried := 0
	for _, c := range vectors.More {
		if c.Algorithm != "SHA1" || c.Digits != Digits || c.Period != 30 {
			continue
		}
		tried++
		if got := Code(decodeKey(t, c.Secret), Step(time.Unix(c.Time, 0))); got != c.Code {
			t.Errorf("%s: code at %d = %s, want %s", c.Why, c.Time, got, c.Code)
		}
	}
	if tried < 10 {
		t.Errorf("%d other vectors were tried, want at least 10", tried)
	}
}

func TestSelfTest(t *testing.T) {
	if err := SelfTest(); err != nil {
		t.Error(err)
	}
}

func TestStep(t *testing.T) {
	for _, test := range []struct{ seconds, want int64 }{
		{-31, -2}, {-30, -1}, {-1, -1}, {0, 0}, {29, 0}, {30, 1}, {59, 1}, {60, 2}, {1767225600, 58907520},
	} {
		if got := Step(time.Unix(test.seconds, 999_999_999)); got != test.want {
			t.Errorf("Step(%d s) = %d, want %d", test.seconds, got, test.want)
		}
	}
}

func TestUntilNext(t *testing.T) {
	for _, test := range []struct {
		now  time.Time
		want time.Duration
	}{
		{time.Unix(60, 0), 30 * time.Second},
		{time.Unix(89, 0), time.Second},
		{time.Unix(89, 999_999_999), time.Nanosecond},
		{time.Unix(-1, 0), time.Second},
	} {
		if got := UntilNext(test.now); got != test.want {
			t.Errorf("UntilNext(%v) = %v, want %v", test.now.Unix(), got, test.want)
		}
	}
}

func TestNewSecret(t *testing.T) {
	a, errA := NewSecret(rand.Reader)
	b, errB := NewSecret(rand.Reader)
	if errA != nil || errB != nil || len(a) != SecretSize || bytes.Equal(a, b) {
		t.Errorf("two secrets: %x, %x, %v, %v", a, b, errA, errB)
	}
	if secret, err := NewSecret(strings.NewReader("short")); err == nil {
		t.Errorf("without enough randomness: %x", secret)
	}
}

// TestParse proves TOTP-6 and A7: these spellings and no others.
func TestParse(t *testing.T) {
	for _, test := range []struct {
		typed string
		ok    bool
	}{
		{"123456", true},
		{" 123 456 ", true},
		{"123-456", true},
		{"１２３４５６", true},
		{"１２３　４５６", true},
		{"１２３ー４５６", true},
		{"123－456", true},
		{"１2３4５6", true},
		{"", false},
		{"   ", false},
		{"12345", false},
		{"1234567", false},
		{"12345678", false},
		{"12345a", false},
		{"+123456", false},
		{"-123456", true}, // a hyphen, not a sign
		{"1.2345", false},
		{"123\t456", false},
		{"123456\n", false},
		{"123456\x00", false},
		{"123\u00a0456", false}, // no-break space
		{"123\u2010456", false}, // hyphen
		{"123\u2212456", false}, // minus
		{"123\uff70456", false}, // half-width prolonged sound mark
		{"１２３", false},          // nine bytes, three digits
		{"١٢٣٤٥٦", false},
		{"१२३४५६", false},
		{"①②③④⑤⑥", false},
		{"𝟏𝟐𝟑𝟒𝟓𝟔", false},
		{"12345\xff", false},
	} {
		code, ok := Parse(test.typed)
		if want := map[bool]string{true: "123456"}[test.ok]; ok != test.ok || code != want {
			t.Errorf("Parse(%q) = %q, %t, want %q, %t", test.typed, code, ok, want, test.ok)
		}
	}
}

// FuzzParse looks for input that is accepted and has not exactly one code: what
// verifies maps to six ASCII digits, and those to themselves.
func FuzzParse(f *testing.F) {
	f.Add("123 456")
	f.Add("１２３ー４５６")
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := Parse(typed)
		if !ok {
			if code != "" {
				t.Errorf("Parse(%q) refuses and returns %q", typed, code)
			}
			return
		}
		again, ok := Parse(code)
		if !ok || again != code || len(code) != Digits || strings.Trim(code, "0123456789") != "" {
			t.Errorf("Parse(%q) = %q, and that is parsed as %q, %t", typed, code, again, ok)
		}
	})
}

// TestMatch proves TOTP-3: exactly one step either way.
func TestMatch(t *testing.T) {
	secret := []byte("12345678901234567890")
	now := time.Unix(1767225600+17, 0)
	for d := int64(-12); d <= 12; d++ {
		code := Code(secret, Step(now)+d)
		step, ok := Match(secret, code, now)
		wantOK := -1 <= d && d <= 1
		if ok != wantOK || ok && step != Step(now)+d {
			t.Errorf("%d steps away: %d, %t, want %t", d, step-Step(now), ok, wantOK)
		}
		steps, ok := Drift(secret, code, now)
		wantOK = 2 <= d && d <= 10 || -10 <= d && d <= -2
		if ok != wantOK || ok && int64(steps) != d {
			t.Errorf("drift of %d steps: %d, %t, want %t", d, steps, ok, wantOK)
		}
	}
	for _, code := range []string{"", "12345", "1234567", "１２３４５６", "12345\x00"} {
		if step, ok := Match(secret, code, now); ok || step != 0 {
			t.Errorf("Match(%q) = %d, %t", code, step, ok)
		}
	}
}

// TestTwinsAreUsedUpTogether proves TOTP-4 where two steps of the window have
// the same digits (lesson 10): who was let in with them is not let in again
// while they are valid.
func TestTwinsAreUsedUpTogether(t *testing.T) {
	secret := []byte("12345678901234567890")
	for _, test := range []struct {
		older, newer int64
		code         string
	}{
		{910737, 910738, "911617"}, {153567, 153569, "468457"},
	} {
		if a, b := Code(secret, test.older), Code(secret, test.newer); a != test.code || b != test.code {
			t.Fatalf("the codes are %s and %s, want %s", a, b, test.code)
		}
		lastStep, accepted := int64(0), 0
		for seconds := (test.newer - Window) * 30; seconds < (test.newer+Window+2)*30; seconds++ {
			if step, ok := Match(secret, test.code, time.Unix(seconds, 0)); ok && step > lastStep {
				lastStep = step
				accepted++
			}
		}
		if accepted != 1 || lastStep != test.newer {
			t.Errorf("%s was accepted %d times, last for step %d, want once, for %d", test.code, accepted, lastStep, test.newer)
		}
	}
}

// TestOracle compares with another implementation, at any time and for any secret.
func TestOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 1, 128).Draw(t, "secret")
		at := time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "time"), 0)
		want, err := oracle.GenerateCodeCustom(Key(secret), at, oracle.ValidateOpts{
			Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := Code(secret, Step(at)); got != want {
			t.Fatalf("code of %x at %d = %s, want %s", secret, at.Unix(), got, want)
		}
	})
}

// TestOathtool asks a third implementation, with the secrets of the
// demonstration and others.
func TestOathtool(t *testing.T) {
	if _, err := exec.LookPath("oathtool"); err != nil {
		t.Fatalf("%v (make packages brings it)", err)
	}
	random, err := NewSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", Key(random)}
	for _, key := range keys {
		for _, seconds := range []int64{0, 59, 1767225600, 4102444800} {
			command := exec.CommandContext(t.Context(), "oathtool", "--totp", "--base32", "--window=2", "--now=@"+strconv.FormatInt(seconds, 10), "-")
			command.Stdin = strings.NewReader(key + "\n")
			output, err := command.Output()
			if err != nil {
				t.Fatal(err)
			}
			for d, want := range strings.Fields(string(output)) {
				at := time.Unix(seconds, 0).Add(time.Duration(d) * Period)
				if got := Code(decodeKey(t, key), Step(at)); got != want {
					t.Errorf("code at %d = %s, oathtool says %s", at.Unix(), got, want)
				}
			}
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	secret := []byte("12345678901234567890")
	now := time.Unix(1767225600, 0)
	code := Code(secret, Step(now))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Match(secret, code, now); !ok {
			b.Fatal("refused")
		}
	}
}

package totp

import (
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"math/big"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var hashes = map[string]func() hash.Hash{"SHA1": sha1.New, "SHA256": sha256.New, "SHA512": sha512.New}

// TestHOTPOfRFC4226 has the values of Appendix D, and others of 6 to 8 digits and
// of counters up to 2^53-1.
func TestHOTPOfRFC4226(t *testing.T) {
	var vectors struct {
		Secret      struct{ ASCII string }
		Cases, More []struct {
			Counter uint64
			Digits  int
			Code    string
		}
	}
	readVectors(t, "rfc4226.json", &vectors)
	for _, c := range append(vectors.Cases, vectors.More...) {
		if c.Digits == 0 {
			c.Digits = 6
		}
		if got := HOTP(sha1.New, []byte(vectors.Secret.ASCII), c.Counter, c.Digits); got != c.Code {
			t.Errorf("HOTP(%d) of %d digits = %s, want %s", c.Counter, c.Digits, got, c.Code)
		}
	}
	if tried := len(vectors.Cases) + len(vectors.More); tried < 31 {
		t.Errorf("%d vectors were tried, want at least 31", tried)
	}
}

// TestHOTPOfRFC6238 has the values of Appendix B with all three hash functions,
// and others of every number of digits and of periods up to an hour.
func TestHOTPOfRFC6238(t *testing.T) {
	var vectors struct {
		Secrets map[string]struct{ ASCII string }
		Cases   []struct {
			Time                 int64
			SHA1, SHA256, SHA512 string
		}
		More []struct {
			Why, Secret, Algorithm, Code string
			Digits, Period               int
			Time                         int64
		}
	}
	readVectors(t, "rfc6238.json", &vectors)
	tried := 0
	for _, c := range vectors.Cases {
		for name, want := range map[string]string{"SHA1": c.SHA1, "SHA256": c.SHA256, "SHA512": c.SHA512} {
			tried++
			if got := HOTP(hashes[name], []byte(vectors.Secrets[name].ASCII), uint64(c.Time/30), 8); got != want {
				t.Errorf("%s at %d = %s, want %s", name, c.Time, got, want)
			}
		}
	}
	for _, c := range vectors.More {
		tried++
		if got := HOTP(hashes[c.Algorithm], decodeKey(t, c.Secret), uint64(c.Time/int64(c.Period)), c.Digits); got != c.Code {
			t.Errorf("%s: %s at %d = %s, want %s", c.Why, c.Algorithm, c.Time, got, c.Code)
		}
	}
	if tried < 50 {
		t.Errorf("%d vectors were tried, want at least 50", tried)
	}
}

// TestHOTPIsCode holds the general function to the one that the server verifies
// with.
func TestHOTPIsCode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 1, 128).Draw(t, "secret")
		step := rapid.Int64Range(0, 1<<53-1).Draw(t, "step")
		if got, want := HOTP(sha1.New, secret, uint64(step), Digits), Code(secret, step); got != want {
			t.Fatalf("HOTP = %s, Code = %s", got, want)
		}
	})
}

// TestHOTPAsOathtool asks another implementation, with 100 random keys.
func TestHOTPAsOathtool(t *testing.T) {
	if _, err := exec.LookPath("oathtool"); err != nil {
		t.Fatalf("%v (make packages brings it)", err)
	}
	for n := range 100 {
		name := []string{"SHA1", "SHA256", "SHA512"}[n%3]
		digits := 6 + n%3
		period := []int64{30, 60, 45, 15}[n%4]
		secret := make([]byte, 10+n%55)
		if _, err := rand.Read(secret); err != nil {
			t.Fatal(err)
		}
		seconds, err := rand.Int(rand.Reader, big.NewInt(4_102_444_800))
		if err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(t.Context(), "oathtool", "--totp="+name, "--base32", "--digits="+strconv.Itoa(digits),
			fmt.Sprintf("--time-step-size=%ds", period), "--now="+time.Unix(seconds.Int64(), 0).UTC().Format("2006-01-02 15:04:05 UTC"), "-")
		command.Stdin = strings.NewReader(Key(secret) + "\n")
		output, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := HOTP(hashes[name], secret, uint64(seconds.Int64()/period), digits), strings.TrimSpace(string(output)); got != want {
			t.Errorf("%s, %d digits, %d s, at %d: %s, oathtool says %s", name, digits, period, seconds, got, want)
		}
	}
}

// TestSteam has the values of the shared vectors.
func TestSteam(t *testing.T) {
	step := uint64(1767225600 / 30)
	for key, want := range map[string]string{"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP": "53TW6", "JBSWY3DPEHPK3PXP": "TDBRV"} {
		if got := Steam(sha1.New, decodeKey(t, key), step); got != want {
			t.Errorf("Steam = %s, want %s", got, want)
		}
	}
}

package totp

import (
	"strings"
	"testing"

	"github.com/pquerna/otp"
	"pgregory.net/rapid"
)

// TestURIVectors holds the writer to the vectors that it shares with the
// extension, as far as they are about what the server makes.
func TestURIVectors(t *testing.T) {
	var vectors struct {
		Read []struct {
			Name    string
			Account struct {
				Type, Issuer, Account, Secret, Algorithm string
				Digits, Period                           int
			}
			Writes string
		}
	}
	readVectors(t, "otpauth-uris.json", &vectors)
	tried := 0
	for _, v := range vectors.Read {
		a := v.Account
		if a.Type != "totp" || a.Algorithm != "SHA1" || a.Digits != Digits || a.Period != 30 {
			continue
		}
		tried++
		if got := URI(a.Issuer, a.Account, decodeKey(t, a.Secret)); got != v.Writes {
			t.Errorf("%s:\n got %s\nwant %s", v.Name, got, v.Writes)
		}
	}
	if tried < 20 {
		t.Errorf("%d vectors were tried, want at least 20", tried)
	}
}

// TestURIOracle: another reader finds what was written, and the whole is ASCII
// that needs no escaping on a page (TOTP-10).
func TestURIOracle(t *testing.T) {
	name := rapid.StringMatching(`[A-Za-z0-9 .@&?#%+=/'"<>~_-]{1,20}`)
	rapid.Check(t, func(t *rapid.T) {
		issuer, account := name.Draw(t, "issuer"), name.Draw(t, "account")
		secret := rapid.SliceOfN(rapid.Byte(), SecretSize, SecretSize).Draw(t, "secret")
		uri := URI(issuer, account, secret)
		if strings.Trim(uri, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?&=%") != "" {
			t.Fatalf("%s has other characters", uri)
		}
		key, err := otp.NewKeyFromURL(uri)
		if err != nil {
			t.Fatal(err)
		}
		if key.Issuer() != issuer || key.Secret() != Key(secret) || key.Period() != 30 || key.Digits() != otp.DigitsSix || key.Algorithm() != otp.AlgorithmSHA1 {
			t.Fatalf("%s is read as %q, %q, %d, %d, %v", uri, key.Issuer(), key.Secret(), key.Period(), key.Digits(), key.Algorithm())
		}
	})
}

package secret

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

func TestToken(t *testing.T) {
	want := strings.Repeat("A", TokenLength)
	if got, err := Token(bytes.NewReader(make([]byte, 32))); got != want || err != nil {
		t.Errorf("Token(zeros) = %q, %v, want %q", got, err, want)
	}
	if got, err := Token(bytes.NewReader(make([]byte, 31))); err == nil || got != "" {
		t.Errorf("Token with 31 random bytes = %q, want an error", got)
	}
	a, errA := Token(rand.Reader)
	b, errB := Token(rand.Reader)
	if errA != nil || errB != nil || a == b || len(a) != TokenLength || strings.Trim(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("two tokens: %q, %q, %v, %v", a, b, errA, errB)
	}
}

func TestDigest(t *testing.T) {
	got, want := hex.EncodeToString(Digest("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-4
	if got != want {
		t.Errorf("Digest = %s, want %s", got, want)
	}
}

// TestDigestOfOthers covers A26 and A27: neither the digest itself in any
// spelling, nor a changed or shortened token, has the digest of the token.
func TestDigestOfOthers(t *testing.T) {
	token, err := Token(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	digest := Digest(token)
	others := []string{
		string(digest), hex.EncodeToString(digest), base64.RawURLEncoding.EncodeToString(digest), base64.StdEncoding.EncodeToString(digest),
		token + "=", token + "\x00", token + "\n", " " + token, strings.ToUpper(token), strings.ToLower(token),
	}
	for n := range token {
		others = append(others, token[:n])
	}
	for _, other := range others {
		if bytes.Equal(Digest(other), digest) {
			t.Errorf("%q has the digest of the token", other)
		}
	}
}

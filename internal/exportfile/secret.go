package exportfile

import (
	"encoding/base32"
	"fmt"
	"strings"
	"unicode"
)

// maxSecret is the longest key, in bytes.
const maxSecret = 128

// shortSecret is below which a key earns a warning: 80 bits.
const shortSecret = 10

var base32Raw = base32.StdEncoding.WithPadding(base32.NoPadding)

// Secret is a key. It is never printed but by [Secret.Base32].
type Secret []byte

// ParseSecret reads a key as people and other programs write it: Base32
// (RFC 4648 §6) in any case, with or without spaces, hyphens and padding; 1 to
// 128 bytes. Bits that are left over are dropped. The error is a [RefusedError]
// that names the characters that Base32 doesn't have.
func ParseSecret(typed string) (Secret, error) {
	var key strings.Builder
	var bad []string
	for _, r := range typed {
		switch {
		case 'A' <= r && r <= 'Z' || '2' <= r && r <= '7':
			key.WriteRune(r)
		case 'a' <= r && r <= 'z':
			key.WriteRune(r - 'a' + 'A')
		case r == '-' || r == '=' || unicode.IsSpace(r) || r == '\ufeff':
		default:
			bad = appendBad(bad, r)
		}
	}
	if len(bad) > 0 {
		return nil, refusef(BadSecret, "the key has characters that Base32 does not have: %s", strings.Join(bad, ", "))
	}
	return decodeSecret(key.String())
}

// appendBad adds a character, with what it may have been.
func appendBad(bad []string, r rune) []string {
	text := fmt.Sprintf("%q", r)
	if meant, ok := map[rune]string{'0': "O", '1': "I", '8': "B"}[r]; ok {
		text += " (is it " + meant + "?)"
	}
	for _, known := range bad {
		if known == text {
			return bad
		}
	}
	return append(bad, text)
}

// decodeSecret reads Base32 in upper case without padding.
func decodeSecret(key string) (Secret, error) {
	if key == "" {
		return nil, refusef(BadSecret, "the key is missing")
	}
	switch len(key) % 8 {
	case 1, 3, 6:
		return nil, refusef(BadSecret, "the key has an impossible length: a character is missing or too many")
	}
	secret, err := base32Raw.DecodeString(key)
	if err != nil {
		return nil, refuse(BadSecret)
	}
	if len(secret) > maxSecret {
		return nil, refusef(BadSecret, "the key is longer than %d bytes", maxSecret)
	}
	return secret, nil
}

// Base32 returns the key in upper case, without padding.
func (s Secret) Base32() string { return base32Raw.EncodeToString(s) }

// String tells the length alone.
func (s Secret) String() string { return fmt.Sprintf("exportfile.Secret(%d bytes)", len(s)) }

// GoString is [Secret.String].
func (s Secret) GoString() string { return s.String() }

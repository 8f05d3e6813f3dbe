package secret

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
)

// tokenSize is the size of a token in bytes before encoding (SES-1, RST-1).
const tokenSize = 32

// TokenLength is the length in characters of what [Token] returns.
const TokenLength = 43

// Token returns 256 random bits as base64url without padding (RFC 4648 §5), for
// cookies and links. Randomness that ends or fails is an error.
func Token(random io.Reader) (string, error) {
	raw := make([]byte, tokenSize)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("secret: token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// Digest returns the SHA-256 of a token: all that the database keeps of it. A
// token has 256 random bits, so a slow hash would protect nothing more. The
// digest is not a token, so who reads the database holds nothing (A26).
func Digest(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

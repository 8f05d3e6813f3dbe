package exportfile

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// The names of the key derivations.
const (
	argon2id     = "argon2id"
	pbkdf2SHA256 = "pbkdf2-sha256"
)

const (
	keySize       = 32 // bytes, AES-256
	saltSize      = 16 // bytes
	argon2Version = 19 // 1.3 (RFC 9106 §3.1)
)

// KDF is how a passphrase becomes a key.
type KDF struct {
	Algorithm  string // argon2id or pbkdf2-sha256
	Memory     int64  // KiB, of Argon2id
	Passes     int64  // of Argon2id
	Lanes      int64  // of Argon2id
	Iterations int64  // of PBKDF2
	Salt       []byte

	version int64 // of Argon2
}

// NewArgon2id returns the derivation that files are written with (RFC 9106 §4,
// second recommended option), with a fresh salt.
func NewArgon2id(random io.Reader) (KDF, error) {
	salt, err := draw(random, saltSize)
	return KDF{Algorithm: argon2id, Memory: 65536, Passes: 3, Lanes: 4, Salt: salt, version: argon2Version}, err
}

// draw returns fresh random bytes.
func draw(random io.Reader, n int) ([]byte, error) {
	drawn := make([]byte, n)
	if _, err := io.ReadFull(random, drawn); err != nil {
		return nil, fmt.Errorf("exportfile: random bytes: %w", err)
	}
	return drawn, nil
}

// parseKDF reads the member kdf. Of an algorithm that is not known only the name
// is read.
func parseKDF(m Members) (k KDF, ok bool) {
	if k.Algorithm, ok = m.text("alg"); !ok {
		return k, false
	}
	var numbers map[string]*int64
	switch k.Algorithm {
	case argon2id:
		numbers, ok = map[string]*int64{"v": &k.version, "m": &k.Memory, "t": &k.Passes, "p": &k.Lanes}, m.has("alg", "v", "m", "t", "p", "salt")
	case pbkdf2SHA256:
		numbers, ok = map[string]*int64{"i": &k.Iterations}, m.has("alg", "i", "salt")
	default:
		return k, true
	}
	for name, number := range numbers {
		var whole bool
		*number, whole = m.integer(name)
		ok = ok && whole
	}
	var spelled bool
	k.Salt, spelled = m.base64url("salt")
	return k, ok && spelled
}

// supported reports whether the algorithm and its version are known.
func (k KDF) supported() bool {
	return k.Algorithm == pbkdf2SHA256 || k.Algorithm == argon2id && k.version == argon2Version
}

// withinLimits reports whether deriving costs neither too much nor too little.
func (k KDF) withinLimits() bool {
	if len(k.Salt) < 16 || 64 < len(k.Salt) { //guard:EXP-1
		return false
	}
	if k.Algorithm == pbkdf2SHA256 {
		return 100_000 <= k.Iterations && k.Iterations <= 10_000_000
	}
	return 8192 <= k.Memory && k.Memory <= 262_144 && 1 <= k.Passes && k.Passes <= 10 && 1 <= k.Lanes && k.Lanes <= 16
}

// derive returns the key of a passphrase, whatever Unicode form it was typed in.
// The derivation must be within its limits.
func (k KDF) derive(passphrase string) ([]byte, error) {
	typed := norm.NFKC.String(passphrase)
	if k.Algorithm == pbkdf2SHA256 {
		return pbkdf2.Key(sha256.New, typed, k.Salt, int(k.Iterations), keySize)
	}
	return argon2.IDKey([]byte(typed), k.Salt, uint32(k.Passes), uint32(k.Memory), uint8(k.Lanes), keySize), nil //nolint:gosec // G115: within the limits
}

func (k KDF) encode() []field {
	salt := base64.RawURLEncoding.EncodeToString(k.Salt)
	if k.Algorithm == pbkdf2SHA256 {
		return []field{{"alg", k.Algorithm}, {"i", k.Iterations}, {"salt", salt}}
	}
	return []field{{"alg", k.Algorithm}, {"v", k.version}, {"m", k.Memory}, {"t", k.Passes}, {"p", k.Lanes}, {"salt", salt}}
}

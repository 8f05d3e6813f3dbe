package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

// KeySize is the size in bytes of every key of this package: AES-256 and
// HMAC-SHA-256.
const KeySize = 32

// MaxVersion is the highest version of a key; the lowest is 1. It is what fits
// into the first byte of a value.
const MaxVersion = 255

var (
	// ErrSealed says that a value was not sealed by this box for this place, or
	// was changed since.
	ErrSealed = errors.New("secret: not a genuine sealed value")

	// ErrVersion says that a value names a version of the key that is not there:
	// either it is not genuine, or the key file has lost a line.
	ErrVersion = errors.New("secret: unknown key version")
)

// overhead is what sealing adds, in bytes: version, nonce and tag.
const overhead = 1 + 12 + 16

// Place is where a sealed value is kept. It is authenticated, not stored: a
// value that was copied to another place does not open there (TOTP-2).
type Place struct {
	Table  string
	Column string
	Row    string // whatever names the row for good
}

// Box seals values under the versions of one purpose's key, with AES-256-GCM
// (NIST SP 800-38D) and random nonces. One version must not seal more than 2^32
// values (section 8.3). A Box is safe for concurrent use.
type Box struct {
	current int
	ciphers [MaxVersion + 1]cipher.AEAD
}

// NewBox returns a box that seals with the current version and opens with all.
// Versions are 1 to [MaxVersion], keys have [KeySize] bytes.
func NewBox(current int, keys map[int][]byte) (*Box, error) {
	if err := checkKeys(current, keys); err != nil {
		return nil, err
	}
	b := &Box{current: current}
	for version, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("secret: key version %d: %w", version, err)
		}
		if b.ciphers[version], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("secret: key version %d: %w", version, err)
		}
	}
	return b, nil
}

// Current returns the version that new values are sealed with.
func (b *Box) Current() int { return b.current }

// Seal returns plain encrypted for p under the current version. The result is
// one byte of version, 12 of nonce, the ciphertext, and 16 of tag. The nonce
// comes from the system's randomness, as FIPS 140 wants it.
func (b *Box) Seal(p Place, plain []byte) []byte {
	sealed := make([]byte, 1, overhead+len(plain))
	sealed[0] = byte(b.current)                                             //nolint:gosec // G115: checkKeys holds it to MaxVersion
	return b.ciphers[b.current].Seal(sealed, nil, plain, p.bind(sealed[0])) //nolint:gosec // G407: this AEAD makes its nonces itself
}

// Open returns what was sealed for p. The error is an [ErrSealed] for anything
// that this box did not seal for p, and an [ErrVersion] as well if the value
// names a version that the box does not have.
func (b *Box) Open(p Place, sealed []byte) ([]byte, error) {
	if len(sealed) < overhead {
		return nil, ErrSealed
	}
	aead := b.ciphers[sealed[0]]
	if aead == nil { //guard:CRY-1
		return nil, fmt.Errorf("%w: %w %d", ErrSealed, ErrVersion, sealed[0])
	}
	plain, err := aead.Open(nil, nil, sealed[1:], p.bind(sealed[0]))
	if err != nil { //guard:TOTP-2
		return nil, ErrSealed
	}
	return plain, nil
}

// Stale reports whether sealed should be sealed again because it does not use
// the current version. It says nothing about whether sealed is genuine.
func (b *Box) Stale(sealed []byte) bool {
	return len(sealed) == 0 || int(sealed[0]) != b.current
}

// SealText is [Box.Seal] for addresses and cookies: base64url without padding
// (RFC 4648 §5).
func (b *Box) SealText(p Place, plain []byte) string {
	return base64.RawURLEncoding.EncodeToString(b.Seal(p, plain))
}

// OpenText is [Box.Open] for what [Box.SealText] returned. Only that very
// spelling opens: no padding, line break, or loose bit at the end.
func (b *Box) OpenText(p Place, sealed string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || base64.RawURLEncoding.EncodeToString(raw) != sealed { //guard:A27
		return nil, ErrSealed
	}
	return b.Open(p, raw)
}

// String keeps keys out of logs.
func (b *Box) String() string { return fmt.Sprintf("secret.Box(version %d)", b.current) }

// GoString keeps keys out of logs.
func (b *Box) GoString() string { return b.String() }

// bind returns the additional authenticated data of a value at p: a label, the
// version of the key, and the three names. Each has its length in front, so
// that no two places share an encoding.
func (p Place) bind(version byte) []byte {
	aad := append(make([]byte, 0, 64), "warifu sealed\x00"...)
	aad = append(aad, version)
	for _, name := range [...]string{p.Table, p.Column, p.Row} {
		aad = binary.BigEndian.AppendUint64(aad, uint64(len(name)))
		aad = append(aad, name...)
	}
	return aad
}

// checkKeys reports what is wrong with the versions of a key.
func checkKeys(current int, keys map[int][]byte) error {
	for version, key := range keys {
		if version < 1 || MaxVersion < version {
			return fmt.Errorf("secret: key version %d is not in 1…%d", version, MaxVersion)
		}
		if len(key) != KeySize {
			return fmt.Errorf("secret: key version %d has %d bytes, want %d", version, len(key), KeySize)
		}
	}
	if _, ok := keys[current]; !ok {
		return fmt.Errorf("%w %d, which was to be the current one", ErrVersion, current)
	}
	return nil
}

package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// SumSize is the size in bytes of what [MAC.Sum] returns: the version of the
// key and an HMAC-SHA-256.
const SumSize = 1 + sha256.Size

// MAC authenticates values under the versions of one purpose's key, with
// HMAC-SHA-256 (RFC 2104, FIPS 198-1). It is safe for concurrent use.
type MAC struct {
	current int
	keys    [MaxVersion + 1][]byte
}

// NewMAC returns a MAC that sums with the current version and verifies with all.
// Versions are 1 to [MaxVersion], keys have [KeySize] bytes.
func NewMAC(current int, keys map[int][]byte) (*MAC, error) {
	if err := checkKeys(current, keys); err != nil {
		return nil, err
	}
	m := &MAC{current: current}
	for version, key := range keys {
		m.keys[version] = slices.Clone(key)
	}
	return m, nil
}

// Current returns the version that [MAC.Sum] uses.
func (m *MAC) Current() int { return m.current }

// Sum returns the MAC of the parts in their order, under the current version:
// one byte of version, then 32 of HMAC. Sums of different contexts, or of parts
// that are cut differently, are unrelated. A context is a constant of the
// caller, such as "recovery code"; it keeps a proof of one kind from passing
// for another (RST-10).
func (m *MAC) Sum(context string, parts ...[]byte) []byte {
	return m.sum(m.current, context, parts)
}

// SumWith is [MAC.Sum] with a version of one's choice, for values that are kept
// with the version that they were made with. An [ErrVersion] means that the
// version is not there.
func (m *MAC) SumWith(version int, context string, parts ...[]byte) ([]byte, error) {
	if !m.has(version) { //guard:CRY-1
		return nil, fmt.Errorf("%w %d", ErrVersion, version)
	}
	return m.sum(version, context, parts), nil
}

// Sums returns the sums under every version, the current one first: what a row
// may be filed under, where it is looked up by its sum.
func (m *MAC) Sums(context string, parts ...[]byte) [][]byte {
	sums := [][]byte{m.Sum(context, parts...)}
	for version := MaxVersion; version > 0; version-- {
		if version != m.current && m.has(version) {
			sums = append(sums, m.sum(version, context, parts))
		}
	}
	return sums
}

// Verify reports whether sum is what [MAC.Sum] returned for the same context and
// parts, with the current version or an older one. It takes the same time
// wherever the two differ.
func (m *MAC) Verify(context string, sum []byte, parts ...[]byte) bool {
	if len(sum) != SumSize || !m.has(int(sum[0])) { //guard:A27
		return false
	}
	return hmac.Equal(sum, m.sum(int(sum[0]), context, parts))
}

// String keeps keys out of logs.
func (m *MAC) String() string { return fmt.Sprintf("secret.MAC(version %d)", m.current) }

// GoString keeps keys out of logs.
func (m *MAC) GoString() string { return m.String() }

func (m *MAC) has(version int) bool {
	return 0 < version && version <= MaxVersion && m.keys[version] != nil
}

// sum computes a MAC. The context and each part have their length in front, so
// that ("ab", "c") and ("a", "bc") differ.
func (m *MAC) sum(version int, context string, parts [][]byte) []byte {
	mac := hmac.New(sha256.New, m.keys[version])
	buffer := binary.BigEndian.AppendUint64(make([]byte, 0, 64), uint64(len(context)))
	mac.Write(append(buffer, context...))
	for _, part := range parts {
		mac.Write(binary.BigEndian.AppendUint64(buffer[:0], uint64(len(part))))
		mac.Write(part)
	}
	return mac.Sum([]byte{byte(version)}) //nolint:gosec // G115: checkKeys holds it to MaxVersion
}

package keyring

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"warifu/internal/secret"
)

// VersionState says what a version of the keys is used for.
type VersionState string

// The states of a version.
const (
	VersionOld     VersionState = "old"     // opens and verifies
	VersionCurrent VersionState = "current" // seals and sums as well
	VersionNext    VersionState = "next"    // opens and verifies; to become current
)

// Version is one version of the keys, as it may be shown.
type Version struct {
	Number int
	State  VersionState
	Check  string // 16 hexadecimal digits: equal where the key is equal, and no help in guessing it
}

// Ring is a key file that was read. Its keys are derived when they are first
// asked for. A Ring is safe for concurrent use.
type Ring struct {
	current  int
	versions []int          // as in the file
	roots    map[int][]byte // by version; 32 bytes each

	mu    sync.Mutex
	boxes map[Purpose]*secret.Box
	macs  map[Purpose]*secret.MAC
}

// newRing returns the ring of a key file that [Parse] found to be whole.
func newRing(current int, versions []int, roots map[int][]byte) *Ring {
	return &Ring{
		current: current, versions: versions, roots: roots,
		boxes: make(map[Purpose]*secret.Box), macs: make(map[Purpose]*secret.MAC),
	}
}

// Box returns what seals and opens the values of a purpose.
func (r *Ring) Box(purpose Purpose) *secret.Box {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.boxes[purpose] == nil {
		r.boxes[purpose] = must(secret.NewBox(r.current, r.derive("box", purpose)))
	}
	return r.boxes[purpose]
}

// MAC returns what authenticates the values of a purpose. Its key is not that of
// the purpose's [Ring.Box].
func (r *Ring) MAC(purpose Purpose) *secret.MAC {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.macs[purpose] == nil {
		r.macs[purpose] = must(secret.NewMAC(r.current, r.derive("mac", purpose)))
	}
	return r.macs[purpose]
}

// Key returns the current version and its 32-byte key for a purpose, for
// libraries that want the key itself. It is neither the key of the purpose's
// [Ring.Box] nor that of its [Ring.MAC].
func (r *Ring) Key(purpose Purpose) (version int, key []byte) {
	return r.current, r.deriveOne("key", purpose, r.current)
}

// KeyOf is [Ring.Key] for a version of one's choice; ok is false if the key file
// does not have it.
func (r *Ring) KeyOf(purpose Purpose, version int) (key []byte, ok bool) {
	if r.roots[version] == nil {
		return nil, false
	}
	return r.deriveOne("key", purpose, version), true
}

// Versions returns the versions in the order of the file.
func (r *Ring) Versions() []Version {
	list := make([]Version, 0, len(r.versions))
	for _, number := range r.versions {
		state := VersionOld
		switch {
		case number == r.current:
			state = VersionCurrent
		case number > r.current:
			state = VersionNext
		}
		check := hex.EncodeToString(r.deriveOne("check", "", number)[:8])
		list = append(list, Version{Number: number, State: state, Check: check})
	}
	return list
}

// String keeps keys out of logs.
func (r *Ring) String() string { return fmt.Sprintf("keyring.Ring(version %d)", r.current) }

// GoString keeps keys out of logs.
func (r *Ring) GoString() string { return r.String() }

// derive returns a purpose's key of each version.
func (r *Ring) derive(use string, purpose Purpose) map[int][]byte {
	keys := make(map[int][]byte, len(r.versions))
	for _, version := range r.versions {
		keys[version] = r.deriveOne(use, purpose, version)
	}
	return keys
}

// deriveOne derives a key by HKDF-SHA-256 (RFC 5869). There is no salt because
// the roots are uniformly random. Neither use nor purpose contains a slash.
func (r *Ring) deriveOne(use string, purpose Purpose, version int) []byte {
	info := "warifu keyring/" + use + "/" + string(purpose)
	return must(hkdf.Key(sha256.New, r.roots[version], nil, info, secret.KeySize))
}

// must is for what can fail only if this package is wrong: every ring has a
// current version, and every key has the right length.
func must[T any](value T, err error) T {
	if err != nil {
		panic(fmt.Errorf("keyring: %w", err))
	}
	return value
}

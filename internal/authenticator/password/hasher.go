package password

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/text/unicode/norm"

	"warifu/internal/secret"
)

// MaxBytes is the length in bytes of the longest password that is hashed (PW-2).
const MaxBytes = 1024

var (
	// ErrTooLong means that the password has more than [MaxBytes] bytes. Nothing
	// was computed, whoever was named.
	ErrTooLong = errors.New("password: longer than 1024 bytes")

	// ErrEmpty means that an empty password was to be hashed.
	ErrEmpty = errors.New("password: empty")

	// ErrBusy means that too many passwords are being verified. It is for a 503
	// with Retry-After (PW-8).
	ErrBusy = errors.New("password: too many at once")

	// ErrMalformed means that a stored hash is damaged.
	ErrMalformed = errors.New("password: malformed hash")

	// ErrUnsupported means that a stored hash is of a kind, or of a cost, that is
	// not verified here.
	ErrUnsupported = errors.New("password: unsupported kind of hash")
)

// pepperContext says what the pepper's MAC is over.
const pepperContext = "password"

// Resources are what a [Hasher] works with.
type Resources struct {
	Pepper *secret.MAC // of the key ring's purpose Pepper
	Random io.Reader   // for salts
	Cores  int         // that may run at once

	// MemoryLimit of the process in bytes: a quarter of it is for hashes. 0 or
	// less means no limit (and so does what debug.SetMemoryLimit(-1) returns if
	// none was set).
	MemoryLimit int64
}

// Hasher makes and verifies hashes, a few at once. It is safe for concurrent use.
type Hasher struct {
	policy   Policy
	pepper   *secret.MAC
	random   io.Reader
	queue    *queue
	heavy    *queue // before the other: imported hashes that take more memory than ours, one at a time
	memories memories
	computed atomic.Uint64
}

// NewHasher returns a hasher. At most min(cores, memory limit/4/m) hashes are
// computed at once, and at least one (PW-8). A policy that cannot be computed is
// an error; whether it is strong enough says [Policy.Validate].
func NewHasher(p Policy, r Resources) (*Hasher, error) {
	switch {
	case r.Pepper == nil || r.Random == nil:
		return nil, errors.New("password: no pepper or no randomness")
	case !p.cost().computable():
		return nil, fmt.Errorf("password: cannot compute m=%d, t=%d, p=%d", p.MemoryKiB, p.Iterations, p.Parallelism)
	}
	return &Hasher{
		policy: p, pepper: r.Pepper, random: r.Random,
		queue:    newQueue(atOnce(p, r), p.Queue),
		heavy:    newQueue(1, p.Queue),
		memories: newMemories(p.cost(), atOnce(p, r)),
	}, selfTest()
}

// atOnce returns how many hashes may be computed at once.
func atOnce(p Policy, r Resources) int {
	n := int64(r.Cores)
	if r.MemoryLimit > 0 {
		n = min(n, r.MemoryLimit/4/(int64(p.MemoryKiB)<<10))
	}
	return int(max(n, 1))
}

// Hash returns what is to be stored of a password. The errors are [ErrTooLong],
// [ErrEmpty], [ErrBusy], the context's, and that of the randomness. Whether the
// password is good enough (PW-2, PW-3) is not judged here.
func (h *Hasher) Hash(ctx context.Context, password string) (stored string, err error) {
	if err := checkLength(password); err != nil {
		return "", err
	}
	if password == "" { //guard:PW-2
		return "", ErrEmpty
	}
	o := own{cost: h.policy.cost(), pepper: h.pepper.Current(), salt: make([]byte, saltSize)}
	if _, err := io.ReadFull(h.random, o.salt); err != nil {
		return "", fmt.Errorf("password: salt: %w", err)
	}
	if o.tag, err = h.compute(ctx, o, password); err != nil {
		return "", err
	}
	return o.String(), nil
}

// Verify reports whether the password is the one of the stored hash, and whether
// the hash should be replaced by a new one of the same password, because it was
// brought along or made with another policy or pepper. An empty password or an
// empty stored hash costs the same and is never accepted.
//
// The errors are [ErrTooLong], [ErrBusy], [ErrMalformed], [ErrUnsupported],
// [secret.ErrVersion] for a pepper that the key file has lost, and the
// context's; none tells anything about the password.
func (h *Hasher) Verify(ctx context.Context, stored, password string) (accepted, rehash bool, err error) {
	if stored == "" || password == "" { //guard:PW-6
		return false, false, h.VerifyNobody(ctx, password)
	}
	if err := checkLength(password); err != nil {
		return false, false, err
	}
	if !isOwn(stored) {
		accepted, err = h.verifyImported(ctx, stored, password)
		return accepted, accepted, err
	}
	o, err := parseOwn(stored)
	if err != nil {
		return false, false, err
	}
	tag, err := h.compute(ctx, o, password)
	if err != nil {
		return false, false, err
	}
	accepted = subtle.ConstantTimeCompare(tag, o.tag) == 1
	return accepted, accepted && (o.cost != h.policy.cost() || o.pepper != h.pepper.Current()), nil
}

// VerifyNobody does the work of [Hasher.Verify] for somebody who has no password
// here, or may not come in: an attempt takes the same time whoever is named
// (PW-6). The errors are those of Verify.
func (h *Hasher) VerifyNobody(ctx context.Context, password string) error {
	if err := checkLength(password); err != nil {
		return err
	}
	o := own{cost: h.policy.cost(), pepper: h.pepper.Current(), salt: make([]byte, saltSize)}
	_, err := h.compute(ctx, o, password)
	return err
}

// Computed returns how many hashes were computed since the start. A verification
// counts as one, whatever is stored.
func (h *Hasher) Computed() uint64 { return h.computed.Load() }

// verifyImported verifies a hash that was brought along. One that is far cheaper
// than ours is verified beside the work of ours, so that the time does not tell
// who has not signed in since the import (PW-6).
func (h *Hasher) verifyImported(ctx context.Context, stored, password string) (accepted bool, err error) {
	i, err := parseImported(stored)
	if err != nil {
		return false, err
	}
	if i.cheap {
		if err := h.VerifyNobody(ctx, password); err != nil {
			return false, err
		}
		return i.verify(password), nil
	}
	err = h.run(ctx, i.memoryKiB, func() { accepted = i.verify(password) })
	return accepted, err
}

// verify passes the password on as it was typed: other software hashed it so.
// One that the function would cut is computed for its time, and refused.
func (i imported) verify(password string) bool {
	matched := i.match(password)
	if i.most > 0 && len(password) > i.most { //guard:PW-2
		return false
	}
	return matched
}

// compute returns the tag of a password with the cost, pepper and salt of o. The
// password is normalised first: the same word is typed as different code points
// on different systems (NIST SP 800-63B-4 §3.1.1.2).
func (h *Hasher) compute(ctx context.Context, o own, password string) (tag []byte, err error) {
	peppered, err := h.pepper.SumWith(o.pepper, pepperContext, norm.NFC.Bytes([]byte(password)))
	if err != nil {
		return nil, fmt.Errorf("password: pepper: %w", err)
	}
	err = h.run(ctx, uint64(o.memoryKiB), func() { tag = h.memories.compute(o.cost, peppered, o.salt) })
	return tag, err
}

// run computes one hash when its turn has come, within the policy's wait. The
// queue counts on the memory of the present policy: of hashes that take more,
// only one is computed at a time.
func (h *Hasher) run(ctx context.Context, memoryKiB uint64, compute func()) error {
	timeout := time.NewTimer(h.policy.QueueWait)
	defer timeout.Stop()
	if memoryKiB > uint64(h.policy.MemoryKiB) {
		if err := h.heavy.enter(ctx, timeout.C); err != nil {
			return err
		}
		defer h.heavy.leave()
	}
	if err := h.queue.enter(ctx, timeout.C); err != nil {
		return err
	}
	defer h.queue.leave()
	h.computed.Add(1)
	compute()
	return nil
}

func checkLength(password string) error {
	if len(password) > MaxBytes { //guard:PW-2
		return ErrTooLong
	}
	return nil
}

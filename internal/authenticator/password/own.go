package password

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The sizes of a hash of ours in bytes (PW-1).
const (
	saltSize = 16
	tagSize  = 32
)

// cost is what Argon2id takes: memory in KiB, passes, and lanes.
type cost struct {
	memoryKiB   uint32
	iterations  uint32
	parallelism uint8
}

// computable reports whether Argon2 is defined for the cost (RFC 9106 §3.1) and
// the cost is not absurd.
func (c cost) computable() bool {
	return 1 <= c.parallelism && c.parallelism <= maxParallelism &&
		1 <= c.iterations && c.iterations <= maxIterations &&
		8*uint32(c.parallelism) <= c.memoryKiB && c.memoryKiB <= maxMemoryKiB
}

// own is a hash of ours: a row of the database, read.
type own struct {
	cost
	pepper int // version
	salt   []byte
	tag    []byte
}

// ownPrefix begins every hash of ours.
const ownPrefix = "$warifu-argon2id$"

// ownFormat has the parts of a hash of ours: costs, pepper, salt and tag.
var ownFormat = regexp.MustCompile(
	`^\$warifu-argon2id\$v=19\$m=([0-9]{1,7}),t=([0-9]{1,2}),p=([0-9]{1,2}),k=([0-9]{1,3})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$`)

// String returns the hash as it is stored, in the PHC string format.
func (o own) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("%sv=%d$m=%d,t=%d,p=%d,k=%d$%s$%s", ownPrefix, argon2.Version,
		o.memoryKiB, o.iterations, o.parallelism, o.pepper, encode(o.salt), encode(o.tag))
}

// UnderPepper returns what hashes of ours under a version of the pepper look
// like, for SQL's LIKE.
func UnderPepper(version int) string { return fmt.Sprintf("%s%%,k=%d$%%", ownPrefix, version) }

// parseOwn reads a hash of ours. There is one spelling of each; any other is an
// [ErrMalformed].
func parseOwn(stored string) (own, error) {
	parts := ownFormat.FindStringSubmatch(stored)
	if parts == nil {
		return own{}, ErrMalformed
	}
	var numbers [4]int
	for i := range numbers {
		numbers[i], _ = strconv.Atoi(parts[i+1]) // the pattern leaves no other way
	}
	if numbers[2] > maxParallelism {
		return own{}, ErrMalformed
	}
	o := own{pepper: numbers[3]}
	// What does not fit reads otherwise than what is stored, and is refused below.
	o.cost = cost{memoryKiB: uint32(numbers[0]), iterations: uint32(numbers[1]), parallelism: uint8(numbers[2])} //nolint:gosec // G115: see above
	o.salt, _ = base64.RawStdEncoding.DecodeString(parts[5])
	o.tag, _ = base64.RawStdEncoding.DecodeString(parts[6])
	if !o.computable() || o.String() != stored {
		return own{}, ErrMalformed
	}
	return o, nil
}

// isOwn reports whether a stored hash claims to be one of ours.
func isOwn(stored string) bool { return strings.HasPrefix(stored, ownPrefix) }

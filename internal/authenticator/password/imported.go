package password

import (
	"crypto/sha1" //nolint:gosec // {SSHA} is verified once, and replaced
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// imported is a hash that was brought along, read.
type imported struct {
	match     func(password string) bool
	memoryKiB uint64
	cheap     bool // far cheaper than a hash of ours
	most      int  // bytes of password that the function looks at; 0 is all
}

// scheme is a kind of hash that can be brought along. Its pattern admits what
// the function produces and nothing else; the limits keep one stored hash from
// holding up everybody, and a short tag from matching many passwords.
type scheme struct {
	pattern *regexp.Regexp
	decode  func(stored string) (algorithm.Digest, error)
	measure func(numbers []uint64) (imported, bool) // ok is false if the costs are absurd
}

// The limits of imported hashes, about a second of computing each.
const (
	maxSHACryptRounds   = 1_000_000
	maxBcryptCost       = 14
	maxPBKDF2Iterations = 2_000_000
	maxImportedKiB      = 256 << 10
	maxArgon2Work       = 2 << 20 // KiB times passes
	maxScryptWork       = 1 << 25 // N·r·p
	bcryptBytes         = 72
)

// schemes are the hashes of crypt(3), passlib, and the PHC string format. The
// numbers of each pattern are its costs, in the order that measure takes.
var schemes = []scheme{
	{
		regexp.MustCompile(`^\$6\$(?:rounds=([1-9][0-9]{3,6})\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{86}$`),
		shacrypt.DecodeVariant(shacrypt.VariantSHA512), measureSHACrypt,
	},
	{
		regexp.MustCompile(`^\$5\$(?:rounds=([1-9][0-9]{3,6})\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{43}$`),
		shacrypt.DecodeVariant(shacrypt.VariantSHA256), measureSHACrypt,
	},
	{
		regexp.MustCompile(`^\$2[aby]\$([0-9]{2})\$[./0-9A-Za-z]{53}$`),
		bcrypt.DecodeVariant(bcrypt.VariantStandard), measureBcrypt,
	},
	{
		regexp.MustCompile(`^\$pbkdf2(?:-sha1|-sha256|-sha384|-sha512)?\$([1-9][0-9]{2,6})\$[./0-9A-Za-z]{1,128}\$[./0-9A-Za-z]{22,86}$`),
		pbkdf2.Decode, measurePBKDF2,
	},
	{
		regexp.MustCompile(`^\$argon2(?:id|i)\$v=19\$m=([1-9][0-9]{0,6}),t=([1-9][0-9]?),p=([1-9][0-9]?)\$[+/0-9A-Za-z]{11,128}\$[+/0-9A-Za-z]{22,86}$`),
		argon2.Decode, measureArgon2,
	},
	{
		regexp.MustCompile(`^\$scrypt\$ln=([1-9][0-9]?),r=([1-9][0-9]?),p=([1-9][0-9]?)\$[+/0-9A-Za-z]{11,128}\$[+/0-9A-Za-z]{22,86}$`),
		scrypt.DecodeVariant(scrypt.VariantScrypt), measureScrypt,
	},
}

func measureSHACrypt(n []uint64) (imported, bool) {
	return imported{cheap: n[0] <= 10_000}, n[0] <= maxSHACryptRounds // none given: 5000 rounds
}

// measureBcrypt also limits the password: bcrypt looks at its first 72 bytes
// alone, and what is cut must not count as right (lesson 31).
func measureBcrypt(n []uint64) (imported, bool) {
	return imported{cheap: n[0] <= 7, most: bcryptBytes}, 4 <= n[0] && n[0] <= maxBcryptCost
}

func measurePBKDF2(n []uint64) (imported, bool) {
	return imported{cheap: n[0] <= 50_000}, n[0] <= maxPBKDF2Iterations
}

func measureArgon2(n []uint64) (imported, bool) {
	memory, passes, lanes := n[0], n[1], n[2]
	return imported{memoryKiB: memory, cheap: memory*passes <= minWork/4},
		8*lanes <= memory && memory <= maxImportedKiB && memory*passes <= maxArgon2Work && lanes <= maxParallelism
}

func measureScrypt(n []uint64) (imported, bool) {
	ln, r, p := n[0], n[1], n[2]
	if ln > 20 {
		return imported{}, false
	}
	blocks := r << ln // of 128 bytes
	return imported{memoryKiB: blocks >> 3, cheap: blocks*p <= 1<<14}, blocks>>3 <= maxImportedKiB && blocks*p <= maxScryptWork
}

// parseImported reads a hash that was brought along. The error is an
// [ErrMalformed] or an [ErrUnsupported].
func parseImported(stored string) (imported, error) {
	if i, known, err := parseSalted(stored); known {
		return i, err
	}
	if prefix := "{CRYPT}"; len(stored) > len(prefix) && strings.EqualFold(stored[:len(prefix)], prefix) {
		stored = stored[len(prefix):]
	}
	for _, s := range schemes {
		parts := s.pattern.FindStringSubmatch(stored)
		if parts == nil {
			continue
		}
		numbers := make([]uint64, len(parts)-1)
		for i, part := range parts[1:] {
			numbers[i], _ = strconv.ParseUint(part, 10, 64) // absent is 0
		}
		i, ok := s.measure(numbers)
		if !ok {
			return imported{}, fmt.Errorf("%w: its cost is out of bounds", ErrUnsupported)
		}
		digest, err := s.decode(stored)
		if err != nil {
			return imported{}, ErrMalformed
		}
		i.match = digest.Match
		return i, nil
	}
	return imported{}, ErrUnsupported
}

// salted are the schemes of LDAP servers (RFC 2307 and OpenLDAP's pw-sha2):
// Base64 of a digest over password and salt, and then the salt.
var salted = map[string]func() hash.Hash{
	"{SSHA}": sha1.New, "{SSHA256}": sha256.New, "{SSHA512}": sha512.New,
}

// parseSalted reads the schemes of LDAP servers; known is false for all others.
func parseSalted(stored string) (i imported, known bool, err error) {
	name, encoded, _ := strings.Cut(stored, "}")
	newHash, known := salted[strings.ToUpper(name)+"}"]
	if !known {
		return imported{}, false, nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	size := newHash().Size()
	if err != nil || len(raw) < size+4 || size+64 < len(raw) || strings.ContainsAny(encoded, "\r\n") {
		return imported{}, true, ErrMalformed
	}
	match := func(password string) bool {
		h := newHash()
		h.Write([]byte(password))
		h.Write(raw[size:])
		return subtle.ConstantTimeCompare(h.Sum(nil), raw[:size]) == 1
	}
	return imported{match: match, cheap: true}, true, nil
}

// Supported reports whether a hash that is brought along can be verified here,
// and if not, why: [ErrMalformed] or [ErrUnsupported]. Taken are crypt(3)'s $6$,
// $5$ and $2a$, $2b$, $2y$ (also after {CRYPT}), passlib's $pbkdf2…$, the PHC
// strings of argon2id, argon2i and scrypt, and {SSHA}, {SSHA256}, {SSHA512}; not hashes of
// another Warifu, which are worth nothing without its pepper.
func Supported(stored string) error {
	if isOwn(stored) {
		return fmt.Errorf("%w: it needs the key file of the Warifu that made it", ErrUnsupported)
	}
	_, err := parseImported(stored)
	return err
}

package password

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	_ "embed" // the list of common passwords
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// commonGZ are the common passwords (PW-3): some 50,000 lines, folded by [fold],
// in the order of their bytes. tools/blocklist.sh makes them.
//
// They stay compressed, in 140 KiB of the binary that nobody reads until a
// password is chosen: no memory is kept and nothing is done at the start. To look
// one up unpacks the list in passing, in some 10 ms and 50 KiB; the hash of the
// same password, which follows, costs several times that.
//
//go:embed common.txt.gz
var commonGZ string

// longestCommon is the length in bytes of the longest line of that list: what
// has more need not be looked up.
const longestCommon = 20

// The largest list of an institution: 8 bytes of memory per line.
const (
	maxOwnLines = 1_000_000
	maxOwnLine  = 4 * MaxBytes
)

// ErrBlockFile means that an institution's list cannot be read.
var ErrBlockFile = errors.New("password: block list")

// BlockList are passwords that nobody may choose: the common ones, and those of
// an institution. It is safe for concurrent use. The zero value has the common
// ones.
type BlockList struct {
	own []uint64 // first 8 bytes of the SHA-256 of each folded line, sorted
}

// NewBlockList returns the common passwords and those of an institution, one in
// a line, UTF-8, up to a million; nil if it has none. Spaces at the ends of a
// line do not count, and empty lines mean nothing. The error is an [ErrBlockFile].
func NewBlockList(own io.Reader) (*BlockList, error) {
	b := new(BlockList)
	if own == nil {
		return b, nil
	}
	lines := bufio.NewScanner(own)
	lines.Buffer(nil, maxOwnLine)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		switch {
		case n > maxOwnLines:
			return nil, fmt.Errorf("%w: more than %d lines", ErrBlockFile, maxOwnLines)
		case !utf8.ValidString(line):
			return nil, fmt.Errorf("%w: line %d is not UTF-8", ErrBlockFile, n)
		case line != "":
			b.own = append(b.own, digest(fold(line)))
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBlockFile, err)
	}
	slices.Sort(b.own)
	b.own = slices.Clip(slices.Compact(b.own))
	return b, nil
}

// hasOwn reports whether the institution blocks a folded password.
func (b *BlockList) hasOwn(folded string) bool {
	_, found := slices.BinarySearch(b.own, digest(folded))
	return found
}

// hasCommon reports whether a folded password is a common one. A list that could
// not be read would block everything (OPS-3); a test reads it to its end.
func hasCommon(folded string) bool {
	if len(folded) > longestCommon {
		return false
	}
	unpacked, err := gzip.NewReader(strings.NewReader(commonGZ))
	if err != nil {
		return true
	}
	lines := bufio.NewScanner(unpacked)
	for lines.Scan() {
		if line := lines.Bytes(); string(line) >= folded {
			return string(line) == folded
		}
	}
	return lines.Err() != nil
}

// fold returns what two spellings of a word have in common: width, case, and
// what Unicode says is the same (NFKC). Upper case comes first because some
// letters have two lower-case forms.
func fold(s string) string {
	return norm.NFKC.String(strings.ToLower(strings.ToUpper(norm.NFKC.String(s))))
}

func digest(folded string) uint64 {
	sum := sha256.Sum256([]byte(folded))
	return binary.BigEndian.Uint64(sum[:8])
}

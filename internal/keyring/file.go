package keyring

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"warifu/internal/secret"
)

// header is the comment that a new key file begins with.
const header = `# Keys of this Warifu. Keep this file secret, and a copy of it in a safe place
# apart from the backups of the database: neither is of use without the other.
`

// A LineError is one fault of a key file. Its text never contains key material.
type LineError struct {
	Line int // from 1
	Text string
}

func (e *LineError) Error() string { return fmt.Sprintf("key file, line %d: %s", e.Line, e.Text) }

// Parse reads a key file. It reports all faults at once, each a [*LineError],
// and one without a line if the file has no current version.
func Parse(text []byte) (*Ring, error) {
	p := parser{roots: make(map[int][]byte)}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			p.line(number, fields)
		}
	}
	if p.current == 0 && len(p.faults) == 0 {
		p.faults = append(p.faults, errors.New("key file: it has no current key"))
	}
	if len(p.faults) > 0 {
		return nil, errors.Join(p.faults...)
	}
	return newRing(p.current, p.versions, p.roots), nil
}

// parser is a key file half read.
type parser struct {
	current  int
	versions []int
	roots    map[int][]byte
	next     bool // a line marked "next" was seen
	faults   []error
}

// line reads one line that is not empty: a version, its key, and perhaps "next".
func (p *parser) line(number int, fields []string) {
	fault := func(format string, args ...any) {
		p.faults = append(p.faults, &LineError{Line: number, Text: fmt.Sprintf(format, args...)})
	}
	version, err := strconv.Atoi(fields[0])
	if err != nil || version < 1 || secret.MaxVersion < version {
		fault("the version must be a number from 1 to %d", secret.MaxVersion)
		return
	}
	if n := len(p.versions); n > 0 && version <= p.versions[n-1] {
		fault("version %d must be greater than version %d above it", version, p.versions[n-1])
	}
	p.versions = append(p.versions, version)
	if len(fields) < 2 {
		fault("version %d has no key", version)
		return
	}
	if key, text := decodeKey(fields[1]); text != "" {
		fault("version %d: %s", version, text)
	} else if twin := p.twin(key); twin != 0 {
		fault("version %d has the same key as version %d", version, twin)
	} else {
		p.roots[version] = key
	}
	switch {
	case len(fields) == 3 && fields[2] == "next":
		p.next = true
	case len(fields) > 2:
		fault(`after the key of version %d there may only be "next"`, version)
	case p.next:
		fault(`version %d is in use, but a version above it is marked "next"`, version)
	default:
		p.current = version
	}
}

// twin returns the version that has the same key, or 0.
func (p *parser) twin(key []byte) int {
	for version, other := range p.roots {
		if bytes.Equal(key, other) {
			return version
		}
	}
	return 0
}

// decodeKey returns the key, or what is wrong with it in words.
func decodeKey(encoded string) (key []byte, fault string) {
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	switch {
	case err != nil:
		return nil, "the key is not Base64"
	case len(key) != secret.KeySize:
		return nil, fmt.Sprintf("the key has %d bytes, want %d", len(key), secret.KeySize)
	case bytes.Count(key, key[:1]) == len(key):
		return nil, "the key is one byte repeated"
	}
	return key, ""
}

// Generate returns a key file with one more version. If previous is empty, it is
// version 1 and in use; else the new version stands at the end of previous,
// marked "next", until [Promote] puts it into use. A previous with faults, or
// with a version that is still marked "next", is an error.
func Generate(random io.Reader, previous []byte) (text []byte, err error) {
	version, mark := 1, ""
	text = []byte(header)
	if len(bytes.TrimSpace(previous)) > 0 {
		ring, err := Parse(previous)
		if err != nil {
			return nil, err
		}
		last := ring.versions[len(ring.versions)-1]
		if last != ring.current {
			return nil, fmt.Errorf("key file: version %d is still marked \"next\"", last)
		}
		version, mark = last+1, " next"
		text = append(bytes.TrimRight(previous, "\r\n"), '\n')
	}
	if version > secret.MaxVersion {
		return nil, fmt.Errorf("key file: version %d is the last possible", secret.MaxVersion)
	}
	key := make([]byte, secret.KeySize)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return fmt.Appendf(text, "%d %s%s\n", version, base64.StdEncoding.EncodeToString(key), mark), nil
}

// Promote returns the key file with its first version marked "next" in use. All
// nodes must have read previous before any reads the result. Without such a
// version it is an error.
func Promote(previous []byte) (text []byte, err error) {
	if _, err := Parse(previous); err != nil {
		return nil, err
	}
	promoted := false
	for line := range bytes.Lines(previous) {
		content, comment, commented := bytes.Cut(line, []byte("#"))
		if fields := bytes.Fields(content); !promoted && len(fields) == 3 {
			promoted = true
			line = fmt.Appendf(nil, "%s %s", fields[0], fields[1])
			if commented {
				line = fmt.Appendf(line, " #%s", bytes.TrimRight(comment, "\r\n"))
			}
			line = append(line, '\n')
		}
		text = append(text, line...)
	}
	if !promoted {
		return nil, errors.New("key file: no version is marked \"next\"")
	}
	return text, nil
}

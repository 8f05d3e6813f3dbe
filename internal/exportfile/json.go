package exportfile

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Members are those of a JSON object by their exact names. encoding/json would
// fold the case of the names of struct fields, and take the last of two.
type Members map[string]json.RawMessage

var errNotOneObject = errors.New("not one JSON object without a repeated name")

// decodeObject reads one object and nothing beside it.
func decodeObject(text []byte) (Members, error) {
	if !utf8.Valid(text) {
		return nil, errNotOneObject
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, errNotOneObject
	}
	members := make(Members)
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errNotOneObject
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, errNotOneObject
		}
		if _, twice := members[name]; twice {
			return nil, errNotOneObject
		}
		members[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, errNotOneObject
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotOneObject
	}
	return members, nil
}

// object returns the member of this name if it is an object.
func (m Members) object(name string) (Members, bool) {
	members, err := decodeObject(m[name])
	return members, err == nil
}

// array returns the elements of the member of this name if it is an array.
func (m Members) array(name string) ([]json.RawMessage, bool) {
	return decodeArray(m[name])
}

func decodeArray(text json.RawMessage) ([]json.RawMessage, bool) {
	var elements []json.RawMessage
	if !begins(text, '[') || json.Unmarshal(text, &elements) != nil {
		return nil, false
	}
	return elements, true
}

// text returns the member of this name if it is a string, and no half of a
// surrogate pair is in it, which encoding/json would replace.
func (m Members) text(name string) (string, bool) {
	var text string
	if !begins(m[name], '"') || json.Unmarshal(m[name], &text) != nil {
		return "", false
	}
	return text, !halfSurrogate.Match(wholeSurrogates.ReplaceAll(m[name], nil))
}

// Escapes of UTF-16. A backslash that is itself escaped is taken out before.
var (
	wholeSurrogates = regexp.MustCompile(`\\\\|\\u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)
	halfSurrogate   = regexp.MustCompile(`\\u[dD][89a-fA-F]`)
)

// integer returns the member of this name if it is a number without a fraction
// that JavaScript holds exactly, however it is written.
func (m Members) integer(name string) (int64, bool) {
	number, err := strconv.ParseFloat(string(m[name]), 64)
	if err != nil || math.Trunc(number) != number || math.Abs(number) > MaxCounter {
		return 0, false
	}
	return int64(number), true
}

// base64url returns the bytes of a member in base64url without padding
// (RFC 4648 §5), of which each value has one spelling.
func (m Members) base64url(name string) ([]byte, bool) {
	text, ok := m.text(name)
	if !ok {
		return nil, false
	}
	return decodeBase64URL(text)
}

func decodeBase64URL(text string) ([]byte, bool) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// The decoder skips line breaks, wherever they are.
	if err != nil || base64.RawURLEncoding.EncodedLen(len(decoded)) != len(text) {
		return nil, false
	}
	return decoded, true
}

// has reports whether the members are these and no others.
func (m Members) has(names ...string) bool {
	for _, name := range names {
		if _, ok := m[name]; !ok {
			return false
		}
	}
	return len(m) == len(names)
}

// present reports whether there is a member of this name that is not null.
func (m Members) present(name string) bool {
	return m[name] != nil && !begins(m[name], 'n')
}

// without returns the members that don't have these names; nil if there are none.
func (m Members) without(names ...string) Members {
	var rest Members
	for name, value := range m {
		if !slices.Contains(names, name) {
			if rest == nil {
				rest = make(Members)
			}
			rest[name] = value
		}
	}
	return rest
}

func begins(text json.RawMessage, with byte) bool { return len(text) > 0 && text[0] == with }

// field is one member to be written.
type field struct {
	name  string
	value any
}

// encodeObject writes fields in their order, and after them what is kept without
// being known, in the order of the names.
func encodeObject(fields []field, extra Members) (json.RawMessage, error) {
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		fields = append(fields, field{name, extra[name]})
	}
	text := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			text = append(text, ',')
		}
		name, err := encodeJSON(f.name)
		if err != nil {
			return nil, err
		}
		value, err := encodeJSON(f.value)
		if err != nil {
			return nil, err
		}
		text = append(append(append(text, name...), ':'), value...)
	}
	return append(text, '}'), nil
}

// encodeJSON writes a value in one line, without the escapes for HTML.
func encodeJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

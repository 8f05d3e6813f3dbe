package exportfile

import (
	"encoding/json"
	"strings"
	"time"
)

// Contents are the plain text of an export or of a vault, version 1.
type Contents struct {
	ExportedAt time.Time
	Device     string
	Accounts   []Account // in the order on the screen
	Deleted    []Tombstone
	Local      Members // of a vault alone: what is never exported
	Extra      Members // what this version doesn't know
}

// Tombstone says that an account was deleted, so that other browsers delete it,
// too. It is kept for 400 days.
type Tombstone struct {
	ID    string
	At    time.Time
	Extra Members
}

// version is that of the header and of the plain text.
const version = 1

// parseContents reads the plain text. The errors are [Unsupported] for another
// version, else [BadFormat].
func parseContents(text []byte) (c Contents, err error) {
	m, err := decodeObject(text)
	if err != nil {
		return c, refuse(BadFormat)
	}
	v, ok := m.integer("v")
	if !ok {
		return c, refuse(BadFormat)
	}
	if v != version {
		return c, refuse(Unsupported)
	}
	accounts, isArray := m.array("accounts")
	deleted, isArray2 := m.array("deleted")
	exportedAt, isTime := m.time("exportedAt")
	device, isText := m.text("device")
	if !isArray || !isArray2 || !isTime || !isText {
		return c, refuse(BadFormat)
	}
	c = Contents{ExportedAt: exportedAt, Device: device, Extra: m.without("v", "exportedAt", "device", "accounts", "deleted", "local")}
	if _, has := m["local"]; has {
		if c.Local, has = m.object("local"); !has {
			return c, refuse(BadFormat)
		}
	}
	if c.Accounts, err = parseAccounts(accounts); err != nil {
		return c, err
	}
	c.Deleted, err = parseTombstones(deleted)
	return c, err
}

func parseAccounts(elements []json.RawMessage) ([]Account, error) {
	seen := make(map[string]bool, len(elements))
	accounts := make([]Account, 0, len(elements))
	for i, element := range elements {
		a, err := parseAccount(element)
		if err != nil {
			return nil, refusef(BadFormat, "account %d of the file: %v", i+1, err)
		}
		id := strings.ToLower(a.ID)
		if seen[id] {
			return nil, refusef(BadFormat, "account %d of the file: its id stands twice", i+1)
		}
		seen[id] = true
		accounts = append(accounts, a)
	}
	return accounts, nil
}

// parseAccount reads one account and holds it to every rule.
func parseAccount(text json.RawMessage) (a Account, err error) {
	m, err := decodeObject(text)
	if err != nil {
		return a, err
	}
	var texts [6]string
	for i, name := range []string{"id", "type", "issuer", "account", "secret", "algorithm"} {
		var ok bool
		if texts[i], ok = m.text(name); !ok {
			return a, refusef(BadFormat, "%s is missing or no text", name)
		}
	}
	a = Account{ID: texts[0], Type: Type(texts[1]), Issuer: texts[2], Account: texts[3], Algorithm: Algorithm(texts[5])}
	if !isUUID(a.ID) {
		return a, refusef(BadFormat, "id is no UUID")
	}
	if a.Secret, err = parseOwnSecret(texts[4]); err != nil {
		return a, err
	}
	if err := a.parseNumbers(m); err != nil {
		return a, err
	}
	if err := a.parseRest(m); err != nil {
		return a, err
	}
	a.Extra = m.without("id", "type", "issuer", "account", "secret", "algorithm", "digits", a.moving(), "origins", "note", "createdAt", "updatedAt")
	return a, a.validate()
}

// moving names the member that only this type of account has.
func (a Account) moving() string {
	if a.Type == HOTP {
		return "counter"
	}
	return "period"
}

// parseOwnSecret reads a key in the one spelling of our format.
func parseOwnSecret(text string) (Secret, error) {
	secret, err := decodeSecret(text)
	if err == nil && secret.Base32() != text {
		return nil, refuse(BadSecret)
	}
	return secret, err
}

func (a *Account) parseNumbers(m Members) error {
	digits, ok := m.integer("digits")
	if !ok || digits < minDigits || maxDigits < digits {
		return refuse(BadDigits)
	}
	a.Digits = int(digits)
	number, ok := m.integer(a.moving())
	switch {
	case a.Type == HOTP && (!ok || number < 0 || MaxCounter < number):
		return refuse(BadCounter)
	case a.Type == HOTP:
		a.Counter = number
	case !ok || number < 1 || maxPeriod < number:
		return refuse(BadPeriod)
	default:
		a.Period = int(number)
	}
	return nil
}

func (a *Account) parseRest(m Members) error {
	origins, ok := m.array("origins")
	if !ok {
		return refusef(BadFormat, "origins is no array")
	}
	a.Origins = []string{}
	for i := range origins {
		origin, ok := Members{"": origins[i]}.text("")
		if !ok || !isOrigin(origin) {
			return refusef(BadFormat, "an origin is none")
		}
		a.Origins = append(a.Origins, origin)
	}
	if _, has := m["note"]; has {
		if a.Note, ok = m.text("note"); !ok {
			return refusef(BadFormat, "note is no text")
		}
	}
	var created, updated bool
	a.CreatedAt, created = m.time("createdAt")
	a.UpdatedAt, updated = m.time("updatedAt")
	if !created || !updated {
		return refusef(BadFormat, "createdAt or updatedAt is no time")
	}
	return nil
}

func parseTombstones(elements []json.RawMessage) ([]Tombstone, error) {
	deleted := make([]Tombstone, 0, len(elements))
	for _, element := range elements {
		m, err := decodeObject(element)
		if err != nil {
			return nil, refuse(BadFormat)
		}
		id, isText := m.text("id")
		at, isTime := m.time("at")
		if !isText || !isUUID(id) || !isTime {
			return nil, refuse(BadFormat)
		}
		deleted = append(deleted, Tombstone{ID: id, At: at, Extra: m.without("id", "at")})
	}
	return deleted, nil
}

// time returns the member of this name if it is a time (RFC 3339 §5.6).
func (m Members) time(name string) (time.Time, bool) {
	text, _ := m.text(name)
	at, err := time.Parse(time.RFC3339Nano, text)
	// The parser takes a comma for a full stop.
	return at.UTC(), err == nil && !strings.Contains(text, ",")
}

// isUUID reports whether an id is written as RFC 9562 §4 says.
func isUUID(id string) bool {
	if len(id) != 36 {
		return false
	}
	for i, c := range []byte(strings.ToLower(id)) {
		if hyphen := i == 8 || i == 13 || i == 18 || i == 23; hyphen != (c == '-') || !hyphen && strings.IndexByte("0123456789abcdef", c) < 0 {
			return false
		}
	}
	return true
}

// encode writes the plain text; that of an export has no local part.
func (c Contents) encode(vault bool) ([]byte, error) {
	accounts, err := encodeAll(c.Accounts, Account.encode)
	if err != nil {
		return nil, err
	}
	deleted, err := encodeAll(c.Deleted, Tombstone.encode)
	if err != nil {
		return nil, err
	}
	fields := []field{{"v", version}, {"exportedAt", c.ExportedAt.UTC()}, {"device", c.Device}, {"accounts", accounts}, {"deleted", deleted}}
	if vault && c.Local != nil {
		local, err := encodeObject(nil, c.Local)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{"local", local})
	}
	return encodeObject(fields, c.Extra)
}

func encodeAll[T any](values []T, encode func(T) (json.RawMessage, error)) ([]json.RawMessage, error) {
	encoded := make([]json.RawMessage, 0, len(values))
	for _, value := range values {
		text, err := encode(value)
		if err != nil {
			return nil, err
		}
		encoded = append(encoded, text)
	}
	return encoded, nil
}

func (a Account) encode() (json.RawMessage, error) {
	fields := []field{{"id", a.ID}, {"type", a.Type}, {"issuer", a.Issuer}, {"account", a.Account},
		{"secret", a.Secret.Base32()}, {"algorithm", a.Algorithm}, {"digits", a.Digits}}
	if a.Type == HOTP {
		fields = append(fields, field{"counter", a.Counter})
	} else {
		fields = append(fields, field{"period", a.Period})
	}
	origins := a.Origins
	if origins == nil {
		origins = []string{}
	}
	fields = append(fields, field{"origins", origins})
	if a.Note != "" {
		fields = append(fields, field{"note", a.Note})
	}
	fields = append(fields, field{"createdAt", a.CreatedAt.UTC()}, field{"updatedAt", a.UpdatedAt.UTC()})
	return encodeObject(fields, a.Extra)
}

func (t Tombstone) encode() (json.RawMessage, error) {
	return encodeObject([]field{{"id", t.ID}, {"at", t.At.UTC()}}, t.Extra)
}

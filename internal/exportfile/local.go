package exportfile

import (
	"encoding/json"
	"time"
)

// How long a deleted or replaced account can be restored, and how long others are
// told of its deletion.
const (
	binAge       = 30 * 24 * time.Hour
	tombstoneAge = 400 * 24 * time.Hour
)

// Binned is a deleted or replaced account, which lies in the bin of a vault.
type Binned struct {
	Account Account
	At      time.Time
	Extra   Members
}

// Offset returns what is added to the time of this machine's clock before the
// code of an account is computed, because the clock is known to be wrong.
func (c Contents) Offset(id string) time.Duration {
	offsets, _ := c.Local.object("offsets")
	seconds, _ := offsets.integer(id)
	return time.Duration(seconds) * time.Second
}

// Bin returns the deleted and replaced accounts of a vault.
func (c Contents) Bin() ([]Binned, error) {
	if !c.Local.present("bin") {
		return nil, nil
	}
	elements, ok := c.Local.array("bin")
	if !ok {
		return nil, refuse(BadFormat)
	}
	var bin []Binned
	for _, element := range elements {
		b, err := parseBinned(element)
		if err != nil {
			return nil, refuse(BadFormat)
		}
		bin = append(bin, b)
	}
	return bin, nil
}

func parseBinned(text json.RawMessage) (b Binned, err error) {
	m, err := decodeObject(text)
	if err != nil {
		return b, err
	}
	at, ok := m.time("at")
	if !ok {
		return b, refuse(BadFormat)
	}
	a, err := parseAccount(m["account"])
	return Binned{Account: a, At: at, Extra: m.without("account", "at")}, err
}

func (b Binned) encode() (json.RawMessage, error) {
	account, err := b.Account.encode()
	if err != nil {
		return nil, err
	}
	return encodeObject([]field{{"account", account}, {"at", b.At.UTC()}}, b.Extra)
}

// setBin puts the bin into the local part; an empty one is left out.
func (c *Contents) setBin(bin []Binned) error {
	if len(bin) == 0 {
		c.Local = c.Local.without("bin")
		return nil
	}
	elements, err := encodeAll(bin, Binned.encode)
	if err != nil {
		return err
	}
	return c.setLocal("bin", elements)
}

// NoteExport keeps when accounts were exported last.
func (c *Contents) NoteExport(at time.Time) error { return c.setLocal("lastExportAt", at.UTC()) }

// setLocal sets a member of the local part, which is not shared with a copy.
func (c *Contents) setLocal(name string, value any) error {
	text, err := encodeJSON(value)
	if err != nil {
		return err
	}
	local := c.Local.without(name)
	if local == nil {
		local = make(Members)
	}
	local[name] = text
	c.Local = local
	return nil
}

// moveOffset gives the clock's offset of an account to its new id.
func (c *Contents) moveOffset(from, to string) error {
	offsets, _ := c.Local.object("offsets")
	offset, has := offsets[from]
	if from == to || !has {
		return nil
	}
	moved := offsets.without(from)
	if moved == nil {
		moved = make(Members)
	}
	moved[to] = offset
	return c.setLocal("offsets", moved)
}

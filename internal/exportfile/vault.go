package exportfile

import (
	"encoding/base64"
	"encoding/json"
	"io"
)

// Vault is how accounts lie on this machine: an opened file, ready to be sealed
// again under the same key. A vault without a lock has its key beside it, and is
// as good as not encrypted.
type Vault struct {
	slots []slot
	key   []byte
}

// slot is one way to the key of a vault: wrapped under a passphrase, or in clear.
type slot struct {
	id      string
	kdf     KDF
	iv      []byte
	wrapped []byte
	key     []byte // of the slot "open" alone
}

const (
	openSlot = "open"
	mainSlot = "main"
)

// NewVault makes a vault with a key of its own, under a passphrase or, if that is
// empty, without a lock.
func NewVault(random io.Reader, passphrase string) (*Vault, error) {
	key, err := draw(random, keySize)
	if err != nil {
		return nil, err
	}
	if passphrase == "" {
		return &Vault{slots: []slot{{id: openSlot, key: key}}, key: key}, nil
	}
	s := slot{id: mainSlot}
	if s.kdf, err = NewArgon2id(random); err != nil {
		return nil, err
	}
	if s.iv, err = draw(random, ivSize); err != nil {
		return nil, err
	}
	slotKey, err := s.kdf.derive(passphrase)
	if err != nil {
		return nil, err
	}
	s.wrapped, err = sealGCM(slotKey, s.iv, key, s.additional())
	return &Vault{slots: []slot{s}, key: key}, err
}

// IsLocked reports whether a vault needs a passphrase. Its errors are those of
// [OpenVault], but never [BadPassphrase].
func IsLocked(file []byte) (bool, error) {
	e, err := parseVault(file)
	return openKey(e.header.slots) == nil, err
}

// OpenVault opens a vault; the passphrase is not looked at if there is no lock.
// The errors are [RefusedError], in this order: [BadFormat], [Unsupported],
// [OverLimits], [BadPassphrase]; then those of the plain text.
func OpenVault(file []byte, passphrase string) (*Vault, Contents, error) {
	e, err := parseVault(file)
	if err != nil {
		return nil, Contents{}, err
	}
	key := openKey(e.header.slots)
	if key == nil {
		if key, err = e.unwrap(passphrase); err != nil {
			return nil, Contents{}, err
		}
	}
	c, err := e.open(key)
	if err != nil {
		return nil, Contents{}, err
	}
	return &Vault{slots: e.header.slots, key: key}, c, nil
}

// Locked reports whether the vault is under a passphrase.
func (v *Vault) Locked() bool { return openKey(v.slots) == nil }

// Seal writes the vault with these contents, under a fresh iv.
func (v *Vault) Seal(random io.Reader, c Contents) ([]byte, error) {
	plain, err := c.encode(true)
	if err != nil {
		return nil, err
	}
	return header{typ: typVault, slots: v.slots}.seal(random, v.key, plain)
}

func parseVault(file []byte) (envelope, error) {
	e, err := parseEnvelope(file)
	if err == nil && e.header.typ != typVault {
		err = refusef(Unsupported, "the file is an export, not a vault")
	}
	return e, err
}

// openKey returns the key of a vault without a lock, else nil.
func openKey(slots []slot) []byte {
	for _, s := range slots {
		if s.key != nil {
			return s.key
		}
	}
	return nil
}

// unwrap tries the passphrase on each slot.
func (e envelope) unwrap(passphrase string) ([]byte, error) {
	for _, s := range e.header.slots {
		slotKey, err := s.kdf.derive(passphrase)
		if err != nil {
			return nil, err
		}
		key, err := openGCM(slotKey, s.iv, s.wrapped, s.additional())
		if err == nil && len(key) == keySize {
			return key, nil
		}
	}
	return nil, refuse(BadPassphrase)
}

// additional binds what is wrapped to the slot.
func (s slot) additional() []byte { return []byte("slot:" + s.id) }

func parseSlots(m Members) ([]slot, bool) {
	elements, ok := m.array("slots")
	if !ok || len(elements) == 0 {
		return nil, false
	}
	var slots []slot
	for _, element := range elements {
		members, err := decodeObject(element)
		if err != nil {
			return nil, false
		}
		s, ok := parseSlot(members)
		if !ok {
			return nil, false
		}
		slots = append(slots, s)
	}
	return slots, true
}

func parseSlot(m Members) (s slot, ok bool) {
	var isText bool
	if s.id, isText = m.text("id"); s.id == openSlot && m.has("id", "key") {
		s.key, ok = m.base64url("key")
		return s, ok
	}
	kdf, isObject := m.object("kdf")
	if !isText || !isObject || !m.has("id", "kdf", "iv", "wrapped") {
		return s, false
	}
	var isKDF, isIV, isWrapped bool
	s.kdf, isKDF = parseKDF(kdf)
	s.iv, isIV = m.base64url("iv")
	s.wrapped, isWrapped = m.base64url("wrapped")
	return s, isKDF && isIV && isWrapped
}

func (s slot) encode() (json.RawMessage, error) {
	text := base64.RawURLEncoding.EncodeToString
	if s.key != nil {
		return encodeObject([]field{{"id", s.id}, {"key", text(s.key)}}, nil)
	}
	kdf, err := encodeObject(s.kdf.encode(), nil)
	if err != nil {
		return nil, err
	}
	return encodeObject([]field{{"id", s.id}, {"kdf", kdf}, {"iv", text(s.iv)}, {"wrapped", text(s.wrapped)}}, nil)
}

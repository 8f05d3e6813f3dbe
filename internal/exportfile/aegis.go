package exportfile

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"

	"golang.org/x/crypto/scrypt"
)

// What Aegis writes: its vault format 1, database format 3.
const (
	aegisVersion      = 1
	aegisDatabase     = 3
	aegisPasswordSlot = 1
	aegisSaltSize     = 32 // bytes
)

// scryptCost is what deriving from a passphrase costs (RFC 7914 §2).
type scryptCost struct{ n, r, p int }

// aegisCost is the cost that Aegis takes.
var aegisCost = scryptCost{n: 1 << 15, r: 8, p: 1}

// readAegis reads a plain or encrypted export of Aegis.
func readAegis(file Members, passphrase passphraseFunc) (Import, error) {
	if v, ok := file.integer("version"); !ok || v != aegisVersion {
		return Import{}, refuse(Unsupported)
	}
	db := file["db"]
	if begins(db, '"') {
		typed, err := passphrase(Aegis)
		if err != nil {
			return Import{}, err
		}
		if db, err = openAegis(file, typed); err != nil {
			return Import{}, err
		}
	}
	members, err := decodeObject(db)
	if err != nil {
		return Import{}, refuse(BadFormat)
	}
	if v, ok := members.integer("version"); !ok || v < 1 || aegisDatabase < v {
		return Import{}, refuse(Unsupported)
	}
	elements, ok := members.array("entries")
	if !ok {
		return Import{}, refuse(BadFormat)
	}
	entries, err := readEntries(elements, aegisAccount)
	return Import{Kind: Aegis, Entries: entries}, err
}

func aegisAccount(m Members) (Account, error) {
	info, _ := m.object("info")
	return looseEntry{typ: m.looseText("type"), issuer: m.looseText("issuer"), account: m.looseText("name"), note: m.looseText("note"),
		secret: info.looseText("secret"), algorithm: info.looseText("algo"), members: info}.read()
}

// openAegis decrypts the database under the master key, which the slots of type
// 1 wrap under the passphrase.
func openAegis(file Members, passphrase string) (json.RawMessage, error) {
	header, isObject := file.object("header")
	slots, isArray := header.array("slots")
	params, hasParams := header.object("params")
	ciphertext, err := base64.StdEncoding.DecodeString(file.looseText("db"))
	nonce, tag, ok := aegisParams(params)
	if !isObject || !isArray || !hasParams || err != nil || !ok {
		return nil, refuse(BadFormat)
	}
	parsed, err := aegisSlots(slots)
	if err != nil {
		return nil, err
	}
	for _, s := range parsed {
		master, err := s.open(passphrase)
		if err == nil {
			return openGCM(master, nonce, append(ciphertext, tag...), nil)
		}
		if ReasonOf(err) != BadPassphrase {
			return nil, err
		}
	}
	return nil, refuse(BadPassphrase)
}

// aegisSlot is a way to the master key by a passphrase.
type aegisSlot struct {
	cost                 scryptCost
	salt, nonce, wrapped []byte
}

// aegisSlots returns the slots of type 1. All are held to the limits before
// anything is derived.
func aegisSlots(elements []json.RawMessage) ([]aegisSlot, error) {
	var slots []aegisSlot
	for _, element := range elements {
		m, err := decodeObject(element)
		if err != nil {
			return nil, refuse(BadFormat)
		}
		if typ, _ := m.integer("type"); typ != aegisPasswordSlot {
			continue
		}
		s, err := parseAegisSlot(m)
		if err != nil {
			return nil, err
		}
		slots = append(slots, s)
	}
	switch {
	case len(slots) == 0:
		return nil, refusef(Unsupported, "the file can't be opened with a passphrase")
	case len(slots) > maxSlots: //guard:EXP-1
		return nil, refuse(OverLimits)
	}
	return slots, nil
}

func parseAegisSlot(m Members) (s aegisSlot, err error) {
	n, isN := m.integer("n")
	r, isR := m.integer("r")
	p, isP := m.integer("p")
	salt, isSalt := m.hex("salt")
	key, isKey := m.hex("key")
	params, _ := m.object("key_params")
	nonce, tag, ok := aegisParams(params)
	if !isN || !isR || !isP || !isSalt || !isKey || !ok {
		return s, refuse(BadFormat)
	}
	if n < 2 || 1<<20 < n || n&(n-1) != 0 || r < 1 || 16 < r || p < 1 || 4 < p { //guard:EXP-1
		return s, refuse(OverLimits)
	}
	return aegisSlot{cost: scryptCost{int(n), int(r), int(p)}, salt: salt, nonce: nonce, wrapped: append(key, tag...)}, nil
}

func (s aegisSlot) open(passphrase string) ([]byte, error) {
	key, err := scrypt.Key([]byte(passphrase), s.salt, s.cost.n, s.cost.r, s.cost.p, keySize)
	if err != nil {
		return nil, refuse(OverLimits)
	}
	master, err := openGCM(key, s.nonce, s.wrapped, nil)
	if err == nil && len(master) != keySize {
		err = refuse(BadPassphrase)
	}
	return master, err
}

// aegisParams reads a nonce of 12 bytes and a tag of 16.
func aegisParams(m Members) (nonce, tag []byte, ok bool) {
	nonce, isNonce := m.hex("nonce")
	tag, isTag := m.hex("tag")
	return nonce, tag, isNonce && isTag && len(nonce) == ivSize && len(tag) == tagSize
}

// hex returns the bytes of a member in hexadecimal.
func (m Members) hex(name string) ([]byte, bool) {
	text, ok := m.text(name)
	decoded, err := hex.DecodeString(text)
	return decoded, ok && err == nil
}

// WriteAegis writes a plain export.
func WriteAegis(accounts []Account) ([]byte, error) {
	db, err := aegisPlain(accounts)
	if err != nil {
		return nil, err
	}
	header, err := encodeObject([]field{{"slots", nil}, {"params", nil}}, nil)
	if err != nil {
		return nil, err
	}
	return encodeObject([]field{{"version", aegisVersion}, {"header", header}, {"db", db}}, nil)
}

// WriteAegisEncrypted writes an export under a passphrase.
func WriteAegisEncrypted(random io.Reader, accounts []Account, passphrase string) ([]byte, error) {
	return writeAegisEncrypted(random, accounts, passphrase, aegisCost)
}

func writeAegisEncrypted(random io.Reader, accounts []Account, passphrase string, cost scryptCost) ([]byte, error) {
	db, err := aegisPlain(accounts)
	if err != nil {
		return nil, err
	}
	master, err := draw(random, keySize)
	if err != nil {
		return nil, err
	}
	slot, err := newAegisSlot(random, master, passphrase, cost)
	if err != nil {
		return nil, err
	}
	sealed, params, err := sealAegis(random, master, db)
	if err != nil {
		return nil, err
	}
	header, err := encodeObject([]field{{"slots", []json.RawMessage{slot}}, {"params", params}}, nil)
	if err != nil {
		return nil, err
	}
	return encodeObject([]field{{"version", aegisVersion}, {"header", header}, {"db", base64.StdEncoding.EncodeToString(sealed)}}, nil)
}

func newAegisSlot(random io.Reader, master []byte, passphrase string, cost scryptCost) (json.RawMessage, error) {
	id, err := NewID(random)
	if err != nil {
		return nil, err
	}
	salt, err := draw(random, aegisSaltSize)
	if err != nil {
		return nil, err
	}
	key, err := scrypt.Key([]byte(passphrase), salt, cost.n, cost.r, cost.p, keySize)
	if err != nil {
		return nil, err
	}
	wrapped, params, err := sealAegis(random, key, master)
	if err != nil {
		return nil, err
	}
	return encodeObject([]field{{"type", aegisPasswordSlot}, {"uuid", id}, {"key", hex.EncodeToString(wrapped)}, {"key_params", params},
		{"n", cost.n}, {"r", cost.r}, {"p", cost.p}, {"salt", hex.EncodeToString(salt)}, {"repaired", true}}, nil)
}

// sealAegis returns the ciphertext, and beside it the nonce and the tag.
func sealAegis(random io.Reader, key, plain []byte) (ciphertext []byte, params json.RawMessage, err error) {
	nonce, err := draw(random, ivSize)
	if err != nil {
		return nil, nil, err
	}
	sealed, err := sealGCM(key, nonce, plain, nil)
	if err != nil {
		return nil, nil, err
	}
	ciphertext, tag := sealed[:len(sealed)-tagSize], sealed[len(sealed)-tagSize:]
	params, err = encodeObject([]field{{"nonce", hex.EncodeToString(nonce)}, {"tag", hex.EncodeToString(tag)}}, nil)
	return ciphertext, params, err
}

func aegisPlain(accounts []Account) (json.RawMessage, error) {
	entries, err := encodeAll(accounts, Account.aegis)
	if err != nil {
		return nil, err
	}
	return encodeObject([]field{{"version", aegisDatabase}, {"entries", entries}, {"groups", []string{}}}, nil)
}

func (a Account) aegis() (json.RawMessage, error) {
	moving := field{"period", a.Period}
	if a.Type == HOTP {
		moving = field{"counter", a.Counter}
	}
	info, err := encodeObject([]field{{"secret", a.Secret.Base32()}, {"algo", a.Algorithm}, {"digits", a.Digits}, moving}, nil)
	if err != nil {
		return nil, err
	}
	return encodeObject([]field{{"type", a.Type}, {"uuid", a.ID}, {"name", a.Account}, {"issuer", a.Issuer}, {"note", a.Note},
		{"favorite", false}, {"icon", nil}, {"icon_mime", nil}, {"icon_hash", nil}, {"info", info}, {"groups", []string{}}}, nil)
}

package exportfile

import (
	"cmp"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// twoFASRounds is what 2FAS derives its keys with.
const twoFASRounds = 10_000

// readTwoFAS reads a plain or encrypted backup of 2FAS, in the order of its
// screen.
func readTwoFAS(file Members, passphrase passphraseFunc) (Import, error) {
	if v, ok := file.integer("schemaVersion"); !ok || v < 1 || 4 < v {
		return Import{}, refuse(Unsupported)
	}
	services := file["services"]
	if sealed := file.looseText("servicesEncrypted"); sealed != "" {
		typed, err := passphrase(TwoFAS)
		if err != nil {
			return Import{}, err
		}
		if services, err = openTwoFAS(sealed, typed); err != nil {
			return Import{}, err
		}
	}
	elements, ok := decodeArray(services)
	if !ok {
		return Import{}, refuse(BadFormat)
	}
	slices.SortStableFunc(elements, func(a, b json.RawMessage) int { return cmp.Compare(twoFASPosition(a), twoFASPosition(b)) })
	entries, err := readEntries(elements, twoFASAccount)
	return Import{Kind: TwoFAS, Entries: entries}, err
}

// openTwoFAS decrypts three texts with colons between: ciphertext with its tag,
// salt, iv.
func openTwoFAS(sealed, passphrase string) (json.RawMessage, error) {
	var parts [][]byte
	for part := range strings.SplitSeq(sealed, ":") {
		decoded, err := base64.StdEncoding.DecodeString(part)
		if err != nil {
			return nil, refuse(BadFormat)
		}
		parts = append(parts, decoded)
	}
	if len(parts) != 3 || len(parts[0]) < tagSize || len(parts[1]) == 0 || len(parts[2]) != ivSize {
		return nil, refuse(BadFormat)
	}
	key, err := pbkdf2.Key(sha256.New, passphrase, parts[1], twoFASRounds, keySize)
	if err != nil {
		return nil, err
	}
	return openGCM(key, parts[2], parts[0], nil)
}

func twoFASPosition(element json.RawMessage) int64 {
	m, err := decodeObject(element)
	if err != nil {
		return 0
	}
	order, _ := m.object("order")
	position, _ := order.integer("position")
	return position
}

func twoFASAccount(m Members) (Account, error) {
	otp, _ := m.object("otp")
	issuer, account, typ := m.looseText("name"), otp.looseText("account"), otp.looseText("tokenType")
	return looseEntry{typ: cmp.Or(typ, string(TOTP)), issuer: cmp.Or(issuer, otp.looseText("issuer")), account: cmp.Or(account, otp.looseText("label")),
		secret: m.looseText("secret"), algorithm: otp.looseText("algorithm"), members: otp}.read()
}

package exportfile

import (
	"bytes"

	"golang.org/x/crypto/argon2"
)

// stratumMark begins an encrypted backup of Stratum, which was Authenticator Pro.
const stratumMark = "AUTHENTICATORPRO"

// What Stratum derives its keys with.
const (
	stratumPasses = 3
	stratumMemory = 65536 // KiB
	stratumLanes  = 4
	stratumSalt   = 16 // bytes
)

// isStratumEncrypted reports whether a file has the mark.
func isStratumEncrypted(file []byte) bool { return bytes.HasPrefix(file, []byte(stratumMark)) }

func readStratumEncrypted(file []byte, passphrase passphraseFunc) (Import, error) {
	rest := file[len(stratumMark):]
	if len(rest) < stratumSalt+ivSize+tagSize {
		return Import{}, refuse(BadFormat)
	}
	typed, err := passphrase(Stratum)
	if err != nil {
		return Import{}, err
	}
	key := argon2.IDKey([]byte(typed), rest[:stratumSalt], stratumPasses, stratumMemory, stratumLanes, keySize)
	plain, err := openGCM(key, rest[stratumSalt:stratumSalt+ivSize], rest[stratumSalt+ivSize:], nil)
	if err != nil {
		return Import{}, err
	}
	m, err := decodeObject(plain)
	if err != nil {
		return Import{}, refuse(BadFormat)
	}
	return readStratum(m)
}

// readStratum reads the plain backup of Stratum.
func readStratum(file Members) (Import, error) {
	elements, ok := file.array("Authenticators")
	if !ok {
		return Import{}, refuse(BadFormat)
	}
	entries, err := readEntries(elements, stratumAccount)
	return Import{Kind: Stratum, Entries: entries}, err
}

// stratumAccount reads one account, whose type and algorithm are numbers.
func stratumAccount(m Members) (Account, error) {
	kind, isKind := m.integer("Type")
	typ, known := map[int64]Type{1: HOTP, 2: TOTP, 4: Steam}[kind]
	if !isKind || !known {
		return Account{}, refusef(BadType, "accounts of the type %d of Stratum can't be taken", kind)
	}
	number, isNumber := m.integer("Algorithm")
	algorithm, known := map[int64]Algorithm{0: SHA1, 1: SHA256, 2: SHA512}[number]
	if m.present("Algorithm") && (!isNumber || !known) {
		return Account{}, refuse(BadAlgorithm)
	}
	return looseEntry{typ: string(typ), issuer: m.looseText("Issuer"), account: m.looseText("Username"), secret: m.looseText("Secret"), algorithm: string(algorithm),
		members: Members{"digits": m["Digits"], "period": m["Period"], "counter": m["Counter"]}}.read()
}

package exportfile

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // G505: what andOTP derives its keys with, in HMAC
	"encoding/binary"
	"encoding/json"
)

// The sizes in an encrypted backup of andOTP, in bytes.
const (
	andOTPRounds = 4
	andOTPSalt   = 12
	andOTPHeader = andOTPRounds + andOTPSalt + ivSize
)

// maxAndOTPRounds is how many rounds are derived; andOTP takes 140,000 to 160,000.
const maxAndOTPRounds = 1_000_000

// isAndOTPEncrypted reports whether a binary file may be a backup of andOTP, which
// has no mark: it begins with a number of rounds that is a sensible one.
func isAndOTPEncrypted(file []byte) bool {
	if len(file) < andOTPHeader+tagSize {
		return false
	}
	rounds := binary.BigEndian.Uint32(file)
	return 1000 <= rounds && rounds <= maxAndOTPRounds //guard:EXP-1
}

func readAndOTPEncrypted(file []byte, passphrase passphraseFunc) (Import, error) {
	typed, err := passphrase(AndOTP)
	if err != nil {
		return Import{}, err
	}
	salt, iv := file[andOTPRounds:andOTPRounds+andOTPSalt], file[andOTPRounds+andOTPSalt:andOTPHeader]
	key, err := pbkdf2.Key(sha1.New, typed, salt, int(binary.BigEndian.Uint32(file)), keySize)
	if err != nil {
		return Import{}, err
	}
	plain, err := openGCM(key, iv, file[andOTPHeader:], nil)
	if err != nil {
		return Import{}, err
	}
	elements, ok := decodeArray(plain)
	if !ok {
		return Import{}, refuse(BadFormat)
	}
	return readAndOTP(elements)
}

// readAndOTP reads the plain backup of andOTP.
func readAndOTP(elements []json.RawMessage) (Import, error) {
	entries, err := readEntries(elements, func(m Members) (Account, error) {
		return looseEntry{typ: m.looseText("type"), issuer: m.looseText("issuer"), account: m.looseText("label"), secret: m.looseText("secret"),
			algorithm: m.looseText("algorithm"), members: m}.read()
	})
	return Import{Kind: AndOTP, Entries: entries}, err
}

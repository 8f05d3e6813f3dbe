package exportfile

import (
	"cmp"
	"encoding/json"
)

// readFreeOTP reads the backup of FreeOTP+.
func readFreeOTP(file Members) (Import, error) {
	tokens, ok := file.array("tokens")
	if !ok {
		return Import{}, refuse(BadFormat)
	}
	entries, err := readEntries(tokens, freeOTPAccount)
	return Import{Kind: FreeOTP, Entries: entries}, err
}

// freeOTPAccount reads one account. Its key is an array of signed bytes, and its
// counter is that of the last code.
func freeOTPAccount(m Members) (Account, error) {
	var signed []int
	if err := json.Unmarshal(m["secret"], &signed); err != nil {
		return Account{}, refuse(BadSecret)
	}
	secret := make(Secret, 0, len(signed))
	for _, b := range signed {
		if b < -128 || 255 < b {
			return Account{}, refuse(BadSecret)
		}
		secret = append(secret, byte(b))
	}
	a, err := looseEntry{typ: cmp.Or(m.looseText("type"), string(TOTP)), issuer: cmp.Or(m.looseText("issuerExt"), m.looseText("issuerInt")),
		account: m.looseText("label"), secret: secret.Base32(), algorithm: m.looseText("algo"), members: m}.read()
	if err == nil && a.Type == HOTP {
		if a.Counter == MaxCounter {
			return a, refuse(BadCounter)
		}
		a.Counter++
	}
	return a, err
}

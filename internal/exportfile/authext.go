package exportfile

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What Authenticator-Extension derives its keys with since version 3 of its
// files.
const (
	authextPasses = 2
	authextMemory = 19456 // KiB
	authextLanes  = 1
)

// The kinds of members of its files.
const (
	authextKey       = "Key"
	authextPlain     = "OTPStorage"
	authextEncrypted = "EncOTPStorage"
)

// readAuthext reads a backup of Authenticator-Extension: plain, or encrypted in
// one of three ways.
//
//   - v3: members of the kind Key, and each account encrypted as a whole
//   - v2: one key under the password, and each secret under that key
//   - v1: each secret under the password itself
func readAuthext(file Members, passphrase passphraseFunc) (Import, error) {
	r := authextReader{ask: passphrase, file: file}
	elements := r.elements()
	if len(elements) > maxEntries {
		return Import{}, tooMany()
	}
	opened := 0
	for i, m := range elements {
		account, err := r.account(m)
		if r.fatal != nil {
			return Import{}, r.fatal
		}
		if err == nil && r.isEncrypted(m) {
			opened++
		}
		r.entries = append(r.entries, Entry{Account: account, Err: err, At: i + 1})
	}
	// Without a MAC, a wrong password is what opens nothing.
	if r.asked && opened == 0 { //guard:EXP-2
		return Import{}, refuse(BadPassphrase)
	}
	return Import{Kind: Authext, Entries: r.entries}, nil
}

type authextReader struct {
	file    Members
	ask     passphraseFunc
	asked   bool
	typed   string
	keys    map[string]string // v3: OpenSSL passphrases by key id
	dataKey string            // v2
	fatal   error             // stops the reading as a whole
	entries []Entry
}

// elements returns the accounts in the order of the screen.
func (r *authextReader) elements() []Members {
	var elements []Members
	for _, name := range slices.Sorted(maps.Keys(r.file)) {
		m, ok := r.file.object(name)
		_, isKey := m["enc"]
		if !ok || isKey || m.looseText("dataType") == authextKey {
			continue
		}
		elements = append(elements, m)
	}
	slices.SortStableFunc(elements, func(a, b Members) int {
		first, _ := a.integer("index")
		second, _ := b.integer("index")
		return cmp.Compare(first, second)
	})
	return elements
}

func (r *authextReader) isEncrypted(m Members) bool {
	return m.looseText("dataType") == authextEncrypted || string(m["encrypted"]) == "true"
}

func (r *authextReader) account(m Members) (Account, error) {
	if !r.isEncrypted(m) {
		return authextAccount(m)
	}
	if err := r.password(); err != nil {
		r.fatal = err
		return Account{}, err
	}
	if m.looseText("dataType") != authextEncrypted {
		return r.withSecret(m)
	}
	key, err := r.keyOf(m.looseText("keyId"))
	if ReasonOf(err) == OverLimits {
		r.fatal = err
	}
	if err != nil {
		return Account{}, err
	}
	plain, err := openOpenSSL(m.looseText("data"), key)
	if err != nil {
		return Account{}, err
	}
	inner, err := decodeObject(plain)
	if err != nil {
		return Account{}, refuse(BadPassphrase)
	}
	return authextAccount(inner)
}

// password asks once.
func (r *authextReader) password() (err error) {
	if !r.asked {
		r.asked = true
		r.typed, err = r.ask(Authext)
	}
	return err
}

// keyOf derives the key of v3 with this id. The derivation's cost is fixed.
func (r *authextReader) keyOf(id string) (string, error) {
	if key, ok := r.keys[id]; ok {
		return key, nil
	}
	m, ok := r.file.object(id)
	if !ok || m.looseText("dataType") != authextKey {
		return "", refusef(BadFormat, "the key of the account is missing")
	}
	if r.keys == nil {
		r.keys = make(map[string]string)
	}
	if len(r.keys) >= maxSlots { //guard:EXP-1
		return "", refusef(OverLimits, "the file has more than %d keys", maxSlots)
	}
	derived := argon2.IDKey([]byte(r.typed), []byte(m.looseText("salt")), authextPasses, authextMemory, authextLanes, keySize)
	r.keys[id] = base64.RawStdEncoding.EncodeToString(derived)
	return r.keys[id], nil
}

// withSecret decrypts the secret alone, as in v2 and v1.
func (r *authextReader) withSecret(m Members) (Account, error) {
	key, err := r.oldKey()
	if err != nil {
		r.fatal = err
		return Account{}, err
	}
	plain, err := openOpenSSL(m.looseText("secret"), key)
	if err != nil {
		return Account{}, err
	}
	text, err := encodeJSON(string(plain))
	if err != nil {
		return Account{}, err
	}
	opened := maps.Clone(m)
	opened["secret"] = text
	return authextAccount(opened)
}

// oldKey returns the data key of v2 as the hexadecimal text that the secrets are
// under, or, in v1, the password.
func (r *authextReader) oldKey() (string, error) {
	holder := r.file
	if inner, ok := r.file.object("key"); ok {
		holder = inner
	}
	sealed := holder.looseText("enc")
	if sealed == "" {
		return r.typed, nil
	}
	if r.dataKey == "" {
		plain, err := openOpenSSL(sealed, r.typed)
		if err != nil {
			return "", err
		}
		r.dataKey = hex.EncodeToString(plain)
	}
	return r.dataKey, nil
}

// authextAccount reads one account in clear.
func authextAccount(m Members) (Account, error) {
	e := looseEntry{typ: cmp.Or(m.looseText("type"), string(TOTP)), account: m.looseText("account"), secret: m.looseText("secret"),
		algorithm: m.looseText("algorithm"), members: m}
	// What follows says for which sites the extension offered the code.
	e.issuer, _, _ = strings.Cut(m.looseText("issuer"), "::")
	lower := strings.ToLower(e.secret)
	switch {
	case strings.HasPrefix(lower, "blz-") || strings.HasPrefix(lower, "bliz-"):
		e.typ = "battle"
	case strings.HasPrefix(lower, "stm-"):
		e.typ, e.secret = string(Steam), e.secret[len("stm-"):]
	case e.typ == "hex" || e.typ == "hhex":
		secret, err := hex.DecodeString(e.secret)
		if err != nil {
			return Account{}, refusef(BadSecret, "the key is not hexadecimal")
		}
		e.secret = Secret(secret).Base32()
		e.typ = map[string]string{"hex": string(TOTP), "hhex": string(HOTP)}[e.typ]
	}
	return e.read()
}

// WriteAuthext writes a plain backup of accounts that are TOTP with SHA-1.
func WriteAuthext(accounts []Account) ([]byte, error) {
	var fields []field
	for i, a := range accounts {
		entry, err := a.authext(i)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{a.ID, entry})
	}
	return encodeObject(fields, nil)
}

func (a Account) authext(index int) (json.RawMessage, error) {
	fields := []field{{"dataType", authextPlain}, {"encrypted", false}, {"hash", a.ID}, {"index", index}, {"type", a.Type},
		{"secret", a.Secret.Base32()}, {"issuer", a.Issuer}, {"account", a.Account}}
	if a.Period != defaultPeriod {
		fields = append(fields, field{"period", a.Period})
	}
	if a.Digits != defaultDigits {
		fields = append(fields, field{"digits", a.Digits})
	}
	return encodeObject(fields, nil)
}

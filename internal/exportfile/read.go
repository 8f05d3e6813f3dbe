package exportfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kind is what a file was written by.
type Kind string

// The kinds that are read.
const (
	Native    Kind = "warifu"
	Aegis     Kind = "aegis"
	TwoFAS    Kind = "2fas"
	Authext   Kind = "authenticator-extension"
	Ente      Kind = "ente"
	Bitwarden Kind = "bitwarden"
	FreeOTP   Kind = "freeotp+"
	Stratum   Kind = "stratum"
	Proton    Kind = "proton"
	Raivo     Kind = "raivo"
	AndOTP    Kind = "andotp"
	Text      Kind = "text"
)

// products are the kinds as people know them.
var products = map[Kind]string{Native: "the Authenticator of Warifu", Aegis: "Aegis", TwoFAS: "2FAS", Authext: "Authenticator-Extension",
	Ente: "ente Auth", Bitwarden: "Bitwarden", FreeOTP: "FreeOTP+", Stratum: "Stratum", Proton: "Proton Authenticator", Raivo: "Raivo",
	AndOTP: "andOTP", Text: "otpauth lines"}

// Product returns the kind as people know it.
func (k Kind) Product() string { return products[k] }

// Import is what a file holds.
type Import struct {
	Kind    Kind
	Entries []Entry
	Parts   []MigrationPart // of otpauth-migration lines, see [Collect]
	Deleted []Tombstone     // of a native file
}

// passphraseFunc returns the passphrase of a file. It is asked at most once, and
// only of a file that needs one.
type passphraseFunc = func(Kind) (string, error)

// Read reads a file of any kind that is known, which it tells by what is in it.
// The errors are [RefusedError], or those of passphrase; what is wrong with one
// account stands with that account.
func Read(file []byte, passphrase func(Kind) (string, error)) (Import, error) {
	if len(file) > MaxSize {
		return Import{}, refusef(OverLimits, "the file is larger than 4 MiB")
	}
	text := bytes.TrimPrefix(file, []byte("\ufeff"))
	if isImage(text) {
		return Import{}, refusef(BadFormat, "images are read by the Authenticator in the browser, not here")
	}
	switch {
	case isStratumEncrypted(file):
		return readStratumEncrypted(file, passphrase)
	case !utf8.Valid(text) && isAndOTPEncrypted(file):
		return readAndOTPEncrypted(file, passphrase)
	case !utf8.Valid(text):
		return Import{}, refuseKind()
	case knownLine.MatchString(trim(string(text))):
		return readText(string(text))
	case isBitwardenCSV(text):
		return readBitwardenCSV(text)
	}
	if elements, ok := decodeArray(bytes.TrimSpace(text)); ok {
		return readArray(elements)
	}
	m, err := decodeObject(text)
	if err != nil {
		return Import{}, refuseKind()
	}
	return readObject(m, text, passphrase)
}

// readArray reads a JSON array by what its first element has.
func readArray(elements []json.RawMessage) (Import, error) {
	if len(elements) == 0 {
		return Import{}, refuseKind()
	}
	first, err := decodeObject(elements[0])
	_, kind := first["kind"]
	_, label := first["label"]
	_, typ := first["type"]
	switch {
	case err == nil && kind:
		return readRaivo(elements)
	case err == nil && label && typ:
		return readAndOTP(elements)
	}
	return Import{}, refuseKind()
}

// readObject reads a JSON object by the first sign that fits.
func readObject(m Members, file []byte, passphrase passphraseFunc) (Import, error) {
	has := func(names ...string) bool {
		for _, name := range names {
			if _, ok := m[name]; !ok {
				return false
			}
		}
		return true
	}
	switch {
	case has("protected", "ciphertext"):
		return readNative(file, passphrase)
	case has("header", "db"):
		return readAegis(m, passphrase)
	case has("schemaVersion", "services"):
		return readTwoFAS(m, passphrase)
	case isAuthext(m):
		return readAuthext(m, passphrase)
	case has("kdfParams"):
		return readEnte(m, passphrase)
	case has("items", "encrypted"):
		return readBitwarden(m)
	case has("tokens", "tokenOrder"):
		return readFreeOTP(m)
	case has("Authenticators"):
		return readStratum(m)
	case isProton(m):
		return readProton(m)
	}
	return Import{}, refuseKind()
}

func readNative(file []byte, passphrase passphraseFunc) (Import, error) {
	e, err := parseEnvelope(file)
	if err != nil {
		return Import{}, err
	}
	if e.header.typ != typExport {
		return Import{}, refusef(Unsupported, "the file is a vault, not an export")
	}
	typed, err := passphrase(Native)
	if err != nil {
		return Import{}, err
	}
	c, err := ReadExport(file, typed)
	if err != nil {
		return Import{}, err
	}
	i := Import{Kind: Native, Deleted: c.Deleted}
	for n, a := range c.Accounts {
		i.Entries = append(i.Entries, Entry{Account: a, At: n + 1})
	}
	return i, nil
}

// isAuthext reports whether some member has what only Authenticator-Extension
// writes.
func isAuthext(m Members) bool {
	for name := range m {
		inner, ok := m.object(name)
		if !ok {
			continue
		}
		_, dataType := inner["dataType"]
		_, secret := inner["secret"]
		_, hash := inner["hash"]
		if dataType || secret && hash {
			return true
		}
	}
	return false
}

func isImage(file []byte) bool {
	return bytes.HasPrefix(file, []byte("\x89PNG")) || bytes.HasPrefix(file, []byte("\xff\xd8\xff")) ||
		len(file) > 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WEBP"
}

// refuseKind names what is accepted.
func refuseKind() error {
	var names []string
	for _, k := range []Kind{Native, Authext, Aegis, TwoFAS, Ente, Bitwarden, FreeOTP, Stratum, Proton, Raivo, AndOTP, Text} {
		names = append(names, products[k])
	}
	return refusef(BadFormat, "the file is of no kind that is read here: %s", strings.Join(names, ", "))
}

// Collect puts the accounts of migration codes behind the others of a file, or of
// several: their parts may have come in any order. Parts that are missing are an
// entry of their own.
func Collect(imports ...Import) []Entry {
	var entries []Entry
	var b batches
	for _, i := range imports {
		entries = append(entries, i.Entries...)
		for _, p := range i.Parts {
			b.add(p)
		}
	}
	collected, missing := b.collected()
	entries = append(entries, collected...)
	if len(missing) > 0 {
		var names []string
		for _, index := range missing {
			names = append(names, fmt.Sprint(index+1))
		}
		entries = append(entries, Entry{Err: refusef(Missing, "of the migration codes these are missing: %s", strings.Join(names, ", "))})
	}
	return entries
}

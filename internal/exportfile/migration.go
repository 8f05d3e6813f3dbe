package exportfile

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	batchAccounts   = 10       // accounts in each code that is written
	maxParts        = 100      // of a batch that is read
	maxMigrationURI = 64 << 10 // bytes: many times what a QR code holds
)

// MigrationPart is one code of an export of Google Authenticator.
type MigrationPart struct {
	Version    int32
	BatchSize  int32
	BatchIndex int32 // from 0
	BatchID    int32 // the same in all parts of an export
	Entries    []Entry
}

// Entry is one account of a file, or why it was not taken.
type Entry struct {
	Account Account
	Err     error // a [RefusedError], or nil
	At      int   // line or place in the file, from 1
}

// ReadMigration reads an otpauth-migration URI. The errors are [RefusedError]:
// [BadLength], [BadScheme], [Malformed].
func ReadMigration(text string) (p MigrationPart, err error) {
	uri := trim(text)
	if len(uri) > maxMigrationURI {
		return p, refusef(BadLength, "the address is longer than 64 KiB")
	}
	rest, ok := cutScheme(uri, "otpauth-migration://offline")
	if !ok {
		return p, refuse(BadScheme)
	}
	rest, _, _ = strings.Cut(rest, "#")
	_, query, _ := strings.Cut(rest, "?")
	payload, ok := migrationData(query)
	if !ok {
		return p, refuse(Malformed)
	}
	fields, err := parseMessage(payload)
	if err != nil {
		return p, err
	}
	for i, number := range []*int32{&p.Version, &p.BatchSize, &p.BatchIndex, &p.BatchID} {
		if *number, err = message(fields).int32(uint64(i) + 2); err != nil {
			return p, err
		}
	}
	if p.BatchSize == 0 {
		p.BatchSize = 1
	}
	if p.BatchSize < 1 || maxParts < p.BatchSize || p.BatchIndex < 0 || p.BatchSize <= p.BatchIndex {
		return p, refuse(Malformed)
	}
	p.Entries, err = migrationEntries(fields)
	return p, err
}

// migrationData decodes the parameter data: Base64 in either alphabet, whose
// plus signs may have become spaces and whose padding may be lost.
func migrationData(query string) ([]byte, bool) {
	for part := range strings.SplitSeq(query, "&") {
		data, ok := strings.CutPrefix(part, "data=")
		if !ok {
			continue
		}
		text, err := url.PathUnescape(data)
		if err != nil {
			return nil, false
		}
		text = strings.NewReplacer(" ", "+", "-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		payload, err := base64.RawStdEncoding.DecodeString(text)
		return payload, err == nil && len(payload) > 0
	}
	return nil, false
}

func migrationEntries(fields []wireField) ([]Entry, error) {
	var entries []Entry
	for _, f := range fields {
		if f.number != 1 {
			continue
		}
		if !f.isBytes {
			return nil, refuse(Malformed)
		}
		inner, err := parseMessage(f.bytes)
		if err != nil {
			return nil, err
		}
		a, err := migrationAccount(inner)
		if ReasonOf(err) == Malformed {
			return nil, err
		}
		entries = append(entries, Entry{Account: a, Err: err, At: len(entries) + 1})
	}
	return entries, nil
}

// migrationAccount reads one account. Another error than [Malformed] is about
// this account alone.
func migrationAccount(m message) (a Account, err error) {
	var numbers [3]int32 // algorithm, digits, type
	for i := range numbers {
		if numbers[i], err = m.int32(uint64(i) + 4); err != nil {
			return a, err
		}
	}
	counter, err := m.uint64(7)
	if err != nil {
		return a, err
	}
	secret, err := m.bytes(1)
	if err != nil {
		return a, err
	}
	if err := a.setMigrationNames(m); err != nil {
		return a, err
	}
	a.Secret, a.Period = slices.Clone(secret), defaultPeriod
	switch numbers[2] {
	case 0, 2:
		a.Type = TOTP
	case 1:
		a.Type, a.Period = HOTP, 0
		if counter > MaxCounter {
			return a, refuse(BadCounter)
		}
		a.Counter = int64(counter)
	}
	a.Algorithm = map[int32]Algorithm{0: SHA1, 1: SHA1, 2: SHA256, 3: SHA512}[numbers[0]]
	a.Digits = map[int32]int{0: 6, 1: 6, 2: 8}[numbers[1]]
	return a, a.validate()
}

// setMigrationNames splits a name that begins with the issuer, or holds the only
// one.
func (a *Account) setMigrationNames(m message) error {
	name, err := m.bytes(2)
	if err != nil {
		return err
	}
	given, err := m.bytes(3)
	if err != nil {
		return err
	}
	if !utf8.Valid(name) || !utf8.Valid(given) {
		return refuse(BadEncoding)
	}
	issuer, account := cleanLabel(string(given)), string(name)
	if prefix, rest, ok := strings.Cut(account, ":"); ok && (issuer == "" || issuer == cleanLabel(prefix)) {
		issuer, account = prefix, rest
	}
	return a.setLabels(issuer, account)
}

// WriteMigration returns the URIs of the accounts, ten in each, for those that
// the format can hold. The batch's id is any number above 0.
func WriteMigration(accounts []Account, batchID int32) []string {
	var uris []string
	parts := slices.Collect(slices.Chunk(accounts, batchAccounts))
	for i, part := range parts {
		var payload []byte
		for _, a := range part {
			payload = appendBytes(payload, 1, a.migration())
		}
		for j, number := range []int{1, len(parts), i, int(batchID)} {
			payload = appendVarint(payload, uint64(j)+2, uint64(number)) //nolint:gosec // G115: none is negative
		}
		uris = append(uris, "otpauth-migration://offline?data="+url.QueryEscape(base64.StdEncoding.EncodeToString(payload)))
	}
	return uris
}

// migration writes one account. A name that the reader would split is written so
// that it is split where it should be.
func (a Account) migration() []byte {
	name := a.Account
	if !strings.Contains(a.Issuer, ":") && (a.Issuer != "" || strings.Contains(name, ":")) {
		name = a.Issuer + ":" + name
	}
	b := appendBytes(nil, 1, a.Secret)
	b = appendBytes(b, 2, []byte(name))
	b = appendBytes(b, 3, []byte(a.Issuer))
	b = appendVarint(b, 4, map[Algorithm]uint64{SHA1: 1, SHA256: 2, SHA512: 3}[a.Algorithm])
	b = appendVarint(b, 5, map[int]uint64{6: 1, 8: 2}[a.Digits])
	if a.Type != HOTP {
		return appendVarint(b, 6, 2)
	}
	return appendVarint(appendVarint(b, 6, 1), 7, uint64(a.Counter)) //nolint:gosec // G115: never negative
}

// batches collects the parts of exports in any order; a part that comes twice
// counts once.
type batches struct {
	ids   []int32
	parts map[int32]map[int32]MigrationPart
}

func (b *batches) add(p MigrationPart) {
	if b.parts == nil {
		b.parts = make(map[int32]map[int32]MigrationPart)
	}
	if b.parts[p.BatchID] == nil {
		b.ids = append(b.ids, p.BatchID)
		b.parts[p.BatchID] = make(map[int32]MigrationPart)
	}
	b.parts[p.BatchID][p.BatchIndex] = p
}

// collected returns the entries in the order of the parts, and the indices, from
// 0, of the parts that are missing.
func (b *batches) collected() (entries []Entry, missing []int32) {
	for _, id := range b.ids {
		var size int32
		for _, p := range b.parts[id] {
			size = max(size, p.BatchSize)
		}
		for i := range size {
			p, ok := b.parts[id][i]
			if !ok {
				missing = append(missing, i)
			}
			entries = append(entries, p.Entries...)
		}
	}
	return entries, missing
}

package exportfile

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"strings"
)

// readBitwarden reads the plain JSON export of Bitwarden. Items without a key for
// codes are passed over.
func readBitwarden(file Members) (Import, error) {
	if string(file["encrypted"]) != "false" {
		return Import{}, refusef(Unsupported, "encrypted exports of Bitwarden can't be read: export as plain JSON or CSV")
	}
	items, ok := file.array("items")
	if !ok {
		return Import{}, refuse(BadFormat)
	}
	i := Import{Kind: Bitwarden}
	for n, text := range items {
		m, err := decodeObject(text)
		if err != nil {
			i.Entries = append(i.Entries, Entry{Err: refuse(BadFormat), At: n + 1})
			continue
		}
		login, _ := m.object("login")
		if totp := trim(login.looseText("totp")); totp != "" {
			a, err := bitwardenAccount(m.looseText("name"), login.looseText("username"), totp)
			i.Entries = append(i.Entries, Entry{Account: a, Err: err, At: n + 1})
		}
		if len(i.Entries) > maxEntries {
			return Import{}, tooMany()
		}
	}
	return i, nil
}

// bitwardenAccount reads what the field of an item holds: a URI, steam://KEY, or
// the key alone. Names that it doesn't have are those of the item.
func bitwardenAccount(name, username, totp string) (Account, error) {
	if !knownLine.MatchString(totp) {
		a, err := NewAccount(name, username, totp)
		return a, err
	}
	a, err := readLine(totp)
	if err != nil {
		return a, err
	}
	if _, isSteam := cutScheme(totp, "steam://"); isSteam || a.Issuer == "" {
		a.Issuer = name
	}
	return a, a.setLabels(a.Issuer, cmp.Or(a.Account, username))
}

// The columns of the CSV export that are read.
const (
	columnName     = "name"
	columnUsername = "login_username"
	columnTOTP     = "login_totp"
)

// isBitwardenCSV reports whether the first line names the columns.
func isBitwardenCSV(file []byte) bool {
	first, _, _ := bytes.Cut(file, []byte("\n"))
	return bytes.Contains(first, []byte(columnTOTP)) && bytes.Contains(first, []byte(","))
}

// readBitwardenCSV reads the CSV export of Bitwarden.
func readBitwardenCSV(file []byte) (Import, error) {
	rows := csv.NewReader(bytes.NewReader(file))
	rows.FieldsPerRecord = -1
	all, err := rows.ReadAll()
	if err != nil {
		return Import{}, refusef(BadFormat, "the file is no CSV")
	}
	columns := make(map[string]int)
	for n, name := range all[0] {
		columns[strings.TrimSpace(name)] = n
	}
	i := Import{Kind: Bitwarden}
	for n, row := range all[1:] {
		field := func(name string) string {
			if at, ok := columns[name]; ok && at < len(row) {
				return row[at]
			}
			return ""
		}
		if totp := trim(field(columnTOTP)); totp != "" {
			a, err := bitwardenAccount(field(columnName), field(columnUsername), totp)
			i.Entries = append(i.Entries, Entry{Account: a, Err: err, At: n + 2})
		}
		if len(i.Entries) > maxEntries {
			return Import{}, tooMany()
		}
	}
	return i, nil
}

package exportfile

import (
	"regexp"
	"strings"
)

// knownLine is how the lines begin that are read.
var knownLine = regexp.MustCompile(`(?i)^(otpauth|otpauth-migration|steam)://`)

// lineEnd is any of the three.
var lineEnd = regexp.MustCompile(`\r\n|\r|\n`)

// ReadLines reads otpauth, otpauth-migration and steam lines alone. What is wrong
// with a line stands with that line; the error is [OverLimits].
func ReadLines(file []byte) (Import, error) {
	if len(file) > MaxSize {
		return Import{}, refusef(OverLimits, "the file is larger than 4 MiB")
	}
	return readText(strings.ToValidUTF8(strings.TrimPrefix(string(file), "\ufeff"), "\ufffd"))
}

// readText reads lines of otpauth://, otpauth-migration:// and steam://KEY.
// Empty ones are passed over. The accounts of migrations stand behind the others,
// because their parts may be in any order.
func readText(text string) (Import, error) {
	lines := lineEnd.Split(text, maxEntries+1)
	if len(lines) > maxEntries {
		return Import{}, tooMany()
	}
	i := Import{Kind: Text}
	for n, line := range lines {
		line = trim(line)
		switch _, isMigration := cutScheme(line, "otpauth-migration:"); {
		case line == "":
		case isMigration:
			p, err := ReadMigration(line)
			if err != nil {
				i.Entries = append(i.Entries, Entry{Err: err, At: n + 1})
			} else {
				i.Parts = append(i.Parts, p)
			}
		default:
			a, err := readLine(line)
			i.Entries = append(i.Entries, Entry{Account: a, Err: err, At: n + 1})
		}
	}
	return i, nil
}

func readLine(line string) (Account, error) {
	key, ok := cutScheme(line, "steam://")
	if !ok {
		return ReadURI(line)
	}
	if end := strings.IndexAny(key, "/?#"); end >= 0 {
		key = key[:end]
	}
	return ReadURI("otpauth://steam/Steam:?secret=" + key)
}

// WriteText writes one otpauth URI in a line each, ended as Authenticator-Extension
// ends them.
func WriteText(accounts []Account) []byte {
	var b strings.Builder
	for _, a := range accounts {
		b.WriteString(WriteURI(a) + "\r\n")
	}
	return []byte(b.String())
}

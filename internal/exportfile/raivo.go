package exportfile

import "encoding/json"

// readRaivo reads the export of Raivo, whose numbers are texts.
func readRaivo(elements []json.RawMessage) (Import, error) {
	entries, err := readEntries(elements, func(m Members) (Account, error) {
		return looseEntry{typ: m.looseText("kind"), issuer: m.looseText("issuer"), account: m.looseText("account"), secret: m.looseText("secret"),
			algorithm: m.looseText("algorithm"), members: Members{"digits": m["digits"], "period": m["timer"], "counter": m["counter"]}}.read()
	})
	return Import{Kind: Raivo, Entries: entries}, err
}

package exportfile

import "cmp"

// isProton reports whether the first entry has an address in its content.
func isProton(file Members) bool {
	entries, ok := file.array("entries")
	if !ok || len(entries) == 0 {
		return false
	}
	first, err := decodeObject(entries[0])
	content, ok := first.object("content")
	return err == nil && ok && content.present("uri")
}

// readProton reads the plain export of Proton Authenticator.
func readProton(file Members) (Import, error) {
	elements, ok := file.array("entries")
	if !ok {
		return Import{}, refuse(BadFormat)
	}
	entries, err := readEntries(elements, protonAccount)
	return Import{Kind: Proton, Entries: entries}, err
}

func protonAccount(m Members) (Account, error) {
	content, _ := m.object("content")
	a, err := readLine(trim(content.looseText("uri")))
	if err != nil {
		return a, err
	}
	a.Note = m.looseText("note")
	return a, a.setLabels(a.Issuer, cmp.Or(a.Account, content.looseText("name")))
}

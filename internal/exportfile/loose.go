package exportfile

import (
	"encoding/json"
	"strings"
)

// maxEntries is how many accounts of a file are read.
const maxEntries = 10_000

// looseEntry is an entry of another product's file.
type looseEntry struct {
	typ, issuer, account, secret, algorithm, note string
	members                                       Members // that hold digits, period and counter
}

// read makes an account of the entry. What is absent has the default of otpauth.
func (e looseEntry) read() (a Account, err error) {
	a = Account{Type: Type(strings.ToLower(e.typ)), Note: e.note}
	if a.Type != TOTP && a.Type != HOTP && a.Type != Steam {
		return a, refusef(BadType, "accounts of the type %q can't be taken", cleanLabel(e.typ))
	}
	if err := a.setLabels(e.issuer, e.account); err != nil {
		return a, err
	}
	if a.Secret, err = ParseSecret(e.secret); err != nil {
		return a, err
	}
	if a.Algorithm, err = parseAlgorithm(e.algorithm); err != nil {
		return a, refusef(BadAlgorithm, "the algorithm %q can't be taken", cleanLabel(e.algorithm))
	}
	digits := int64(defaultDigits)
	if a.Type == Steam {
		digits = steamDigits
	}
	if digits, err = e.members.loose("digits", digits, minDigits, maxDigits, BadDigits); err != nil {
		return a, err
	}
	a.Digits = int(digits)
	if a.Type == HOTP {
		a.Counter, err = e.members.loose("counter", 0, 0, MaxCounter, BadCounter)
		return a, err
	}
	period, err := e.members.loose("period", defaultPeriod, 1, maxPeriod, BadPeriod)
	a.Period = int(period)
	return a, err
}

// loose reads a number that others write as a number or as text; null is the
// default.
func (m Members) loose(name string, absent, least, most int64, reason Reason) (int64, error) {
	if !m.present(name) {
		return absent, nil
	}
	if text, ok := m.text(name); ok && text != "" {
		return parseNumber(text, absent, least, most, reason)
	}
	number, ok := m.integer(name)
	if !ok || number < least || most < number {
		return 0, refuse(reason)
	}
	return number, nil
}

// looseText returns the member of this name, or "" if it is no text.
func (m Members) looseText(name string) string {
	text, _ := m.text(name)
	return text
}

// readEntries reads each element for itself, so that a bad one doesn't stop the
// others.
func readEntries(elements []json.RawMessage, read func(Members) (Account, error)) ([]Entry, error) {
	if len(elements) > maxEntries {
		return nil, tooMany()
	}
	entries := make([]Entry, 0, len(elements))
	for i, element := range elements {
		entry := Entry{At: i + 1}
		m, err := decodeObject(element)
		if err != nil {
			entry.Err = refuse(BadFormat)
		} else {
			entry.Account, entry.Err = read(m)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

func tooMany() error {
	return refusef(OverLimits, "the file has more than %d accounts", maxEntries)
}

package secret

import (
	"encoding/base32"
	"fmt"
	"io"
	"strings"
)

// The codes that a person keeps on paper and types: recovery codes and
// activation codes (REC-1, ENR-1).
const (
	codeBytes = 10 // 80 bits

	// CodeLength is the length in characters of a code as [ParseCode] returns it.
	CodeLength = 16

	// ExampleCode shows a person what a code looks like.
	ExampleCode = "7K3M-Q2XA-9F0T-B6ZD"
)

// codeAlphabet is Crockford's: the ten digits, and the letters that are hardly
// taken for another, or for a word.
const codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var crockford = base32.NewEncoding(codeAlphabet).WithPadding(base32.NoPadding)

// NewCode returns 80 random bits as [CodeLength] characters of Crockford's
// base32. Randomness that ends or fails is an error.
func NewCode(random io.Reader) (string, error) {
	raw := make([]byte, codeBytes)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("secret: code: %w", err)
	}
	return crockford.EncodeToString(raw), nil
}

// ShowCode returns a code as a person reads it, 4-4-4-4. What is not as long as
// a code is returned as it is.
func ShowCode(code string) string {
	if len(code) != CodeLength {
		return code
	}
	return code[:4] + "-" + code[4:8] + "-" + code[8:12] + "-" + code[12:]
}

// ParseCode returns the code in what a person typed. Case is folded, as are
// full-width characters, O to 0, and I and L to 1; spaces and hyphens of all
// kinds are dropped, also those that an input method or a word processor puts
// in their place. ok is false unless exactly [CodeLength] characters of the
// alphabet are left, and nothing is counted as an attempt then.
func ParseCode(typed string) (code string, ok bool) {
	code = strings.Map(foldCode, typed)
	foreign := func(r rune) bool { return !strings.ContainsRune(codeAlphabet, r) }
	if len(code) != CodeLength || strings.ContainsFunc(code, foreign) { //guard:REC-1
		return "", false
	}
	return code, true
}

// codeSeparators are what may stand between the groups: spaces (also no-break,
// of fixed widths, and ideographic), and what looks like a hyphen.
const codeSeparators = " \t\r\n\u00a0\u2002\u2003\u2009\u202f\u3000" +
	"-\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2500\u30fc\ufe58\ufe63\uff0d\uff70"

func foldCode(r rune) rune {
	if strings.ContainsRune(codeSeparators, r) {
		return -1
	}
	if '！' <= r && r <= '～' { // the full-width forms of ASCII
		r = r - '！' + '!'
	}
	if 'a' <= r && r <= 'z' {
		r = r - 'a' + 'A'
	}
	switch r {
	case 'O':
		return '0'
	case 'I', 'L':
		return '1'
	}
	return r
}

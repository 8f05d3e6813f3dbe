package secret

import (
	"encoding/base32"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/width"
)

// A code is what a person is given on paper and types in: 80 bits in Crockford's
// base32, shown 4-4-4-4 (REC-1, ENR-1).
const (
	codeBytes  = 10
	CodeLength = 16 // characters, without the hyphens
)

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var codes = base32.NewEncoding(crockford).WithPadding(base32.NoPadding)

// Code returns a random code, without hyphens.
func Code(random io.Reader) (string, error) {
	plain := make([]byte, codeBytes)
	if _, err := io.ReadFull(random, plain); err != nil {
		return "", fmt.Errorf("secret: code: %w", err)
	}
	return codes.EncodeToString(plain), nil
}

// ShowCode returns a code in groups of four.
func ShowCode(code string) string {
	return code[:4] + "-" + code[4:8] + "-" + code[8:12] + "-" + code[12:]
}

// confused are letters that are not in the alphabet, and what was meant by them.
var confused = strings.NewReplacer("O", "0", "I", "1", "L", "1")

// ParseCode returns the code that was typed: in any case and width, with or
// without hyphens and spaces, with O for 0 and I or L for 1. Everything else is
// malformed.
func ParseCode(typed string) (code string, ok bool) {
	if len(typed) > 200 {
		return "", false
	}
	folded := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\u3000', '-', '\u2010', '\u2011', '\u2013', '\u2212', '\u30fc', '\uff0d', '\uff70':
			return -1
		}
		return r
	}, typed)
	code = confused.Replace(strings.ToUpper(width.Narrow.String(folded)))
	if len(code) != CodeLength || strings.Trim(code, crockford) != "" {
		return "", false
	}
	return code, true
}

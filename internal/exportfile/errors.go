package exportfile

import (
	"errors"
	"fmt"
)

// Reason says why a file, a URI or an account was refused, in the words that
// testdata/vectors has.
type Reason string

// The reasons.
const (
	BadFormat     Reason = "format"      // not built as its kind is
	Unsupported   Reason = "unsupported" // another version or another method
	OverLimits    Reason = "limits"      // would cost too much to open, or is weaker than allowed
	BadPassphrase Reason = "passphrase"  // wrong passphrase, or the file is damaged
	Malformed     Reason = "malformed"   // a migration code that is none
	Missing       Reason = "missing"     // parts of a migration

	BadLength    Reason = "length"
	BadScheme    Reason = "scheme"
	BadType      Reason = "type"
	BadEncoding  Reason = "encoding"
	Duplicate    Reason = "duplicate"
	BadSecret    Reason = "secret"
	BadAlgorithm Reason = "algorithm"
	BadDigits    Reason = "digits"
	BadPeriod    Reason = "period"
	BadCounter   Reason = "counter"
	BadLabel     Reason = "label"
)

// sentences are what a person reads who has no detail.
var sentences = map[Reason]string{
	BadFormat:     "the file is not built as its kind is",
	Unsupported:   "the file is of a version or uses a method that is not known here",
	OverLimits:    "the file asks for more work or protects less than is allowed",
	BadPassphrase: "wrong passphrase, or the file is damaged",
	Malformed:     "the migration code is damaged",
	Missing:       "parts of the migration are missing",
	BadLength:     "the address is longer than 4096 bytes",
	BadScheme:     "the line is no otpauth address",
	BadType:       "the type is not totp, hotp or steam",
	BadEncoding:   "the text is not encoded as UTF-8",
	Duplicate:     "a parameter stands twice",
	BadSecret:     "the key is missing or not Base32",
	BadAlgorithm:  "the algorithm is not SHA1, SHA256 or SHA512",
	BadDigits:     "the number of digits is not 5 to 10",
	BadPeriod:     "the period is not 1 to 3600 seconds",
	BadCounter:    "the counter is not 0 to 2^53-1",
	BadLabel:      "the name is longer than 200 characters",
}

// RefusedError is why something was not taken. Its text is for people and holds
// nothing secret.
type RefusedError struct {
	Reason Reason
	Detail string // in place of the sentence of the reason, if not empty
}

func (e *RefusedError) Error() string {
	if e.Detail != "" {
		return e.Detail
	}
	return sentences[e.Reason]
}

// ReasonOf returns the reason of an error of this package, or "".
func ReasonOf(err error) Reason {
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return refused.Reason
	}
	return ""
}

func refuse(reason Reason) error { return &RefusedError{Reason: reason} }

func refusef(reason Reason, format string, args ...any) error {
	return &RefusedError{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

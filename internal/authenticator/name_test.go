package authenticator

import (
	"errors"
	"strings"
	"testing"
)

// TestCheckName proves what a name may be, and how it is kept.
func TestCheckName(t *testing.T) {
	for typed, want := range map[string]string{
		"MacBook":               "MacBook",
		"  研究室の　PC\r\n":         "研究室の PC",
		"a\x00b\tc":             "a b c",
		"a\xff":                 "a",
		"が":                     "が",
		strings.Repeat("あ", 40): strings.Repeat("あ", 40),
	} {
		if got, err := CheckName(typed, []string{"Telephone"}); got != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", typed, got, err, want)
		}
	}
	for typed, want := range map[string]error{
		"": ErrNameEmpty, " \u3000 ": ErrNameEmpty, "\x00": ErrNameEmpty,
		strings.Repeat("あ", 41): ErrNameLong,
		"telephone":             ErrNameTaken, " Telephone": ErrNameTaken,
	} {
		if got, err := CheckName(typed, []string{"x", "Telephone"}); !errors.Is(err, want) || got != "" {
			t.Errorf("%q: %q, %v, want %v", typed, got, err, want)
		}
	}
}

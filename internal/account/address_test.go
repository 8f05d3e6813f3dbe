package account

import (
	"testing"

	"pgregory.net/rapid"

	"warifu/internal/directory"
	"warifu/internal/mail"
)

// TestMailReachesWhatIsRegistered: mail takes every address that may be
// registered. ADR-1.
func TestMailReachesWhatIsRegistered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.StringMatching("[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,10}@([a-zA-Zａ-ｚ0-9-例え]{1,8}[.。]){1,3}[a-zテ]{2,5}").Draw(t, "typed")
		if address, err := directory.ParseAddress(typed); err == nil && mail.CheckAddress(address) != nil {
			t.Fatalf("%q may be registered as %q, and no mail can be sent there", typed, address)
		}
	})
}

// TestParseNumber: eight digits, however they are typed.
func TestParseNumber(t *testing.T) {
	for typed, want := range map[string]string{"4827 1930": "48271930", "４８２７－１９３０": "48271930", "4827193": "", "482719301": "", "": "", "4827193a": ""} {
		if got, ok := ParseNumber(typed); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %t", typed, got, ok)
		}
	}
}

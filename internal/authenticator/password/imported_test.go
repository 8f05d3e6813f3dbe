package password

import (
	"errors"
	"strings"
	"testing"
)

// imports are hashes of others, made with libxcrypt (Perl's crypt), Python's
// hashlib, and the reference implementation of Argon2.
var imports = []struct{ name, stored, password string }{
	{"SHA-512 crypt", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1", "Hello world!"},
	{"SHA-512 crypt with rounds", "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.", "Hello world!"},
	{"SHA-256 crypt", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
	{"bcrypt 2a", "$2a$05$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC", "pässword"},
	{"bcrypt 2b", "$2b$05$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC", "pässword"},
	{"bcrypt 2y", "$2y$05$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC", "pässword"},
	{"bcrypt, 72 bytes", "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i", strings.Repeat("x", 72)},
	{"PBKDF2", "$pbkdf2$1000$c2FsdFNBTFRzYWx0MTIzNA$LEhcHkSgD5LWwLb4IBYNZIIngS4", "pässword"},
	{"PBKDF2 SHA-1", "$pbkdf2-sha1$1000$c2FsdFNBTFRzYWx0MTIzNA$LEhcHkSgD5LWwLb4IBYNZIIngS4", "pässword"},
	{"PBKDF2 SHA-256", "$pbkdf2-sha256$1000$c2FsdFNBTFRzYWx0MTIzNA$hsK26gb8C9AcrJndn7NrzSIeDS7ogbq0qAt3ayvNoWU", "pässword"},
	{"PBKDF2 SHA-384", "$pbkdf2-sha384$1000$c2FsdFNBTFRzYWx0MTIzNA$U81qd6M7Ev.8f.2y8iEJp33CyXWRVjTapptkaj.EIkfzgPPhllpVZti4dY4JgyfX", "pässword"},
	{"PBKDF2 SHA-512", "$pbkdf2-sha512$1000$c2FsdFNBTFRzYWx0MTIzNA$yxZn0F1eE1HYSIj//NSurkrjeFpXevHM2uRH7PCBKUIdyQUaIv5fYoWeH/vU79aVocqFamQDVJzCtpD8ETbz9A", "pässword"},
	{"scrypt", "$scrypt$ln=10,r=8,p=2$c2FsdFNBTFRzYWx0MTIzNA$9iHSX9kDlC9BGpmqc0x1TxGHyKFw8XKOVOU3usHMo+k", "pässword"},
	{"Argon2id", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
	{"Argon2i", "$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG", "password"},
	{"SSHA", "{SSHA}0IWXldXFVZ7t3Labg0KrWqyxprtzYWx0c2FsdA==", "pässword"},
	{"SSHA in lower case", "{ssha}0IWXldXFVZ7t3Labg0KrWqyxprtzYWx0c2FsdA==", "pässword"},
	{"SSHA256", "{SSHA256}/AJOdwZqq+lNlMip8fPwf7IsnZG4+46O05qOwdf0kqlzYWx0c2FsdA==", "pässword"},
	{"SSHA512", "{SSHA512}gwKQTaZQyX1ouf87kyFc/WY/guXg7rm2uH+cK+8tyGaeizK6KKHxXf5Y4VxWKqncNNj9v5Rm4OzDgubeG3z1DnNhbHRzYWx0", "pässword"},
	{"CRYPT", "{CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
}

// TestImported proves PW-1: hashes of others let in with the right password
// alone, and are then replaced.
func TestImported(t *testing.T) {
	h := newHasher(t, 1)
	for _, test := range imports {
		if err := Supported(test.stored); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		accepted, rehash, err := h.Verify(t.Context(), test.stored, test.password)
		if !accepted || !rehash || err != nil {
			t.Errorf("%s: %t, %t, %v, want true, true", test.name, accepted, rehash, err)
		}
		for _, wrong := range []string{test.password + "x", test.password[1:], strings.ToUpper(test.password), ""} {
			accepted, rehash, err := h.Verify(t.Context(), test.stored, wrong)
			if accepted || rehash || err != nil {
				t.Errorf("%s, %q: %t, %t, %v, want false, false", test.name, wrong, accepted, rehash, err)
			}
		}
	}
}

// TestNothingIsCut is lesson 31: bcrypt looks at 72 bytes, so that whatever
// follows would count as right, and would even become the new password.
func TestNothingIsCut(t *testing.T) {
	h := newHasher(t, 1)
	const stored = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i"
	for _, n := range []int{71, 73, 100, MaxBytes} {
		if accepted, rehash, err := h.Verify(t.Context(), stored, strings.Repeat("x", n)); accepted || rehash || err != nil {
			t.Errorf("%d bytes: %t, %t, %v, want false, false", n, accepted, rehash, err)
		}
	}
}

// TestUnsupported: what is damaged, costs absurdly much, or would match many
// passwords is refused by the importer, and never lets anybody in.
func TestUnsupported(t *testing.T) {
	h := newHasher(t, 1)
	tag := strings.Repeat("A", 43)
	for _, test := range []struct {
		name, stored string
		want         error
	}{
		{"ours", mustHash(t, h, "x"), ErrUnsupported},
		{"empty", "", ErrUnsupported},
		{"locked", "!", ErrUnsupported},
		{"plain", "secret", ErrUnsupported},
		{"LDAP plain", "{CLEARTEXT}secret", ErrUnsupported},
		{"DES crypt", "{CRYPT}ab1234567890.", ErrUnsupported},
		{"MD5 crypt", "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", ErrUnsupported},
		{"unsalted SHA", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", ErrUnsupported},
		{"bcrypt 2x", "$2x$05$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC", ErrUnsupported},
		{"bcrypt, cost 15", "$2b$15$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC", ErrUnsupported},
		{"bcrypt, cost 3", "$2b$03$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC", ErrUnsupported},
		{"bcrypt, short", "$2b$05$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZI", ErrUnsupported},
		{"SHA-512 crypt, short", "$6$salt$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO", ErrUnsupported},
		{"SHA-512 crypt, rounds", "$6$rounds=1000001$salt$" + strings.Repeat("a", 86), ErrUnsupported},
		{"SHA-256 crypt, many rounds", "$5$rounds=999999999$salt$" + tag, ErrUnsupported},
		{"SHA-256 crypt, no salt", "$5$$" + tag, ErrUnsupported},
		{"PBKDF2, iterations", "$pbkdf2-sha256$2000001$c2FsdA$" + tag, ErrUnsupported},
		{"PBKDF2, no iterations", "$pbkdf2-sha256$0$c2FsdA$" + tag, ErrUnsupported},
		{"PBKDF2, short tag", "$pbkdf2-sha256$1000$c2FsdA$AAAA", ErrUnsupported},
		{"PBKDF2, no tag", "$pbkdf2-sha256$1000$c2FsdA$", ErrUnsupported},
		{"PBKDF2, damaged tag", "$pbkdf2-sha256$1000$c2FsdA$" + strings.Repeat("A", 45), ErrMalformed},
		{"PBKDF2, MD5", "$pbkdf2-md5$1000$c2FsdA$" + tag, ErrUnsupported},
		{"Argon2id, memory", "$argon2id$v=19$m=262145,t=1,p=1$c29tZXNhbHQ$" + tag, ErrUnsupported},
		{"Argon2id, work", "$argon2id$v=19$m=262144,t=9,p=1$c29tZXNhbHQ$" + tag, ErrUnsupported},
		{"Argon2id, lanes", "$argon2id$v=19$m=65536,t=1,p=17$c29tZXNhbHQ$" + tag, ErrUnsupported},
		{"Argon2id, less memory than lanes", "$argon2id$v=19$m=8,t=1,p=2$c29tZXNhbHQ$" + tag, ErrUnsupported},
		{"Argon2id, short tag", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA", ErrUnsupported},
		{"Argon2id, damaged tag", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$" + strings.Repeat("A", 45), ErrMalformed},
		{"Argon2id, old version", "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$" + tag, ErrUnsupported},
		{"Argon2d", "$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$" + tag, ErrUnsupported},
		{"scrypt, memory", "$scrypt$ln=19,r=8,p=1$c29tZXNhbHQ$" + tag, ErrUnsupported},
		{"scrypt, work", "$scrypt$ln=17,r=8,p=33$c29tZXNhbHQ$" + tag, ErrUnsupported},
		{"scrypt, overflow", "$scrypt$ln=64,r=8,p=1$c29tZXNhbHQ$" + tag, ErrUnsupported},
		{"SSHA, damaged", "{SSHA}0IWXldXFVZ7t3Labg0KrWqyxprtzYWx0c2Fsd", ErrMalformed},
		{"SSHA, no salt", "{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", ErrMalformed},
		{"SSHA, short", "{SSHA}c2hvcnQ=", ErrMalformed},
		{"SSHA, empty", "{SSHA}", ErrMalformed},
		{"SSHA, line break", "{SSHA}0IWXldXFVZ7t3Labg0KrWqyxprtz\nYWx0c2FsdA==", ErrMalformed},
		{"SSHA512, with a SHA-1 digest", "{SSHA512}0IWXldXFVZ7t3Labg0KrWqyxprtzYWx0c2FsdA==", ErrMalformed},
	} {
		if err := Supported(test.stored); !errors.Is(err, test.want) {
			t.Errorf("%s: Supported = %v, want %v", test.name, err, test.want)
		}
		if test.stored == "" || isOwn(test.stored) {
			continue
		}
		if accepted, _, err := h.Verify(t.Context(), test.stored, "secret"); accepted || !errors.Is(err, test.want) {
			t.Errorf("%s: Verify = %t, %v, want %v", test.name, accepted, err, test.want)
		}
	}
}

// FuzzParse looks for a stored hash that stops the server, or that has two
// spellings.
func FuzzParse(f *testing.F) {
	for _, test := range imports {
		f.Add(test.stored)
	}
	f.Add("$warifu-argon2id$v=19$m=64,t=1,p=1,k=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, stored string) {
		if o, err := parseOwn(stored); err == nil && (o.String() != stored || !o.computable()) {
			t.Errorf("%q is read as %s", stored, o)
		}
		i, err := parseImported(stored)
		if (err == nil) != (i.match != nil) || i.memoryKiB > maxImportedKiB {
			t.Errorf("%q is read as %+v, %v", stored, i, err)
		}
	})
}

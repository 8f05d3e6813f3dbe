package exportfile

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// plainAccount is an account as the vectors of URIs have it.
type plainAccount struct {
	Type                    Type
	Issuer, Account, Secret string
	Algorithm               Algorithm
	Digits, Period          int
	Counter                 int64
	Error                   string
}

func (a Account) plain() plainAccount {
	return plainAccount{Type: a.Type, Issuer: a.Issuer, Account: a.Account, Secret: a.Secret.Base32(),
		Algorithm: a.Algorithm, Digits: a.Digits, Period: a.Period, Counter: a.Counter}
}

type uriVectors struct {
	Time int64
	Read []struct {
		Name, URI, Writes, Code string
		Account                 plainAccount
	}
	Refuse []struct{ Name, URI, Error string }
}

// TestReadURI reads every URI of the vectors, writes it in its one spelling, and
// shows its code.
func TestReadURI(t *testing.T) {
	var vectors uriVectors
	readVectors(t, "otpauth-uris.json", &vectors)
	if len(vectors.Read) < 40 {
		t.Errorf("%d URIs, want at least 40", len(vectors.Read))
	}
	for _, v := range vectors.Read {
		a, err := ReadURI(v.URI)
		if err != nil || a.plain() != v.Account {
			t.Errorf("%s: %+v, %v, want %+v", v.Name, a.plain(), err, v.Account)
			continue
		}
		if got := WriteURI(a); got != v.Writes {
			t.Errorf("%s is written as %s, want %s", v.Name, got, v.Writes)
		}
		if got := code(a, time.Unix(vectors.Time, 0)); got != v.Code {
			t.Errorf("%s: code %s, want %s", v.Name, got, v.Code)
		}
	}
}

// TestReadURIRefuses has the error of each URI that must not be read.
func TestReadURIRefuses(t *testing.T) {
	var vectors uriVectors
	readVectors(t, "otpauth-uris.json", &vectors)
	if len(vectors.Refuse) < 31 {
		t.Errorf("%d URIs, want at least 31", len(vectors.Refuse))
	}
	for _, v := range vectors.Refuse {
		if a, err := ReadURI(v.URI); ReasonOf(err) != Reason(v.Error) {
			t.Errorf("%s: %v, %v (%s), want %s", v.Name, a, err, ReasonOf(err), v.Error)
		}
	}
}

// TestParseSecretNamesBadCharacters tells what a person has mistyped, and nothing
// of the rest.
func TestParseSecretNamesBadCharacters(t *testing.T) {
	_, err := ParseSecret("JBSW 0Y3D-8PEH 0Ａ")
	if want := `the key has characters that Base32 does not have: '0' (is it O?), '8' (is it B?), 'Ａ'`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	for typed, want := range map[string]string{"": "missing", " - ": "missing", "A": "length", strings.Repeat("A", 208): "longer than 128"} {
		if _, err := ParseSecret(typed); ReasonOf(err) != BadSecret || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", typed, err, want)
		}
	}
}

// TestSecretIsNotPrinted prints keys and accounts in every way of fmt.
func TestSecretIsNotPrinted(t *testing.T) {
	a := Account{Issuer: "Miyako", Account: "s", Secret: Secret("12345678901234567890")}
	checkNotPrinted(t, a, a.Secret, &a)
}

// drawAccount draws any account that a reader can return.
func drawAccount(t *rapid.T) Account {
	name := rapid.Custom(func(t *rapid.T) string {
		return cleanLabel(rapid.StringOfN(rapid.RuneFrom([]rune(":%+&=#?/ .~éß都ﾃ🔑\u202e\u0007'\"\\")), 0, 40, 120).Draw(t, "name"))
	})
	a := Account{
		Type: rapid.SampledFrom([]Type{TOTP, HOTP, Steam}).Draw(t, "type"), Issuer: name.Draw(t, "issuer"), Account: name.Draw(t, "account"),
		Secret:    rapid.SliceOfN(rapid.Byte(), 1, maxSecret).Draw(t, "secret"),
		Algorithm: rapid.SampledFrom([]Algorithm{SHA1, SHA256, SHA512}).Draw(t, "algorithm"),
		Digits:    rapid.IntRange(minDigits, maxDigits).Draw(t, "digits"),
	}
	if a.Type == HOTP {
		a.Counter = rapid.Int64Range(0, MaxCounter).Draw(t, "counter")
	} else {
		a.Period = rapid.IntRange(1, maxPeriod).Draw(t, "period")
	}
	return a
}

// TestURIRoundTrip reads what was written, for any account.
func TestURIRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawAccount(t)
		uri := WriteURI(a)
		got, err := ReadURI(uri)
		if err != nil || !reflect.DeepEqual(got, a) {
			t.Fatalf("%s is read as %+v, %v, want %+v", uri, got.plain(), err, a.plain())
		}
	})
}

// FuzzReadURI looks for a URI whose account is not the one of its own spelling.
func FuzzReadURI(f *testing.F) {
	var vectors uriVectors
	readVectors(f, "otpauth-uris.json", &vectors)
	for _, v := range vectors.Read {
		f.Add(v.URI)
	}
	for _, v := range vectors.Refuse {
		f.Add(v.URI)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		a, err := ReadURI(uri)
		if err != nil {
			if ReasonOf(err) == "" {
				t.Fatalf("%v has no reason", err)
			}
			return
		}
		if err := a.validate(); err != nil || !utf8.ValidString(a.Issuer+a.Account) {
			t.Fatalf("%+v: %v", a.plain(), err)
		}
		written := WriteURI(a)
		if len(written) > maxURI {
			return
		}
		if again, err := ReadURI(written); err != nil || !reflect.DeepEqual(again, a) {
			t.Fatalf("%s is read as %+v, %v, want %+v", written, again.plain(), err, a.plain())
		}
	})
}

// TestParseSecretSpaces reads a key that was copied with what surrounds it.
func TestParseSecretSpaces(t *testing.T) {
	for _, typed := range []string{"\ufeffJBSW Y3DP", "JBSW\u0085Y3DP", "jbsw-y3dp==", "\u3000JBSWY3DP\t"} {
		if key, err := ParseSecret(typed); err != nil || key.Base32() != "JBSWY3DP" {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

package exportfile

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"
)

// known is a passphrase that is given to every file.
func known(passphrase string) func(Kind) (string, error) {
	return func(Kind) (string, error) { return passphrase, nil }
}

// unasked fails where a plain file asks for a passphrase.
func unasked(t testing.TB) func(Kind) (string, error) {
	return func(k Kind) (string, error) {
		t.Errorf("%s asks for a passphrase", k)
		return "", nil
	}
}

// found lists what a file holds, failures by their reason.
func found(entries []Entry) (all []string) {
	for _, e := range entries {
		if e.Err != nil {
			all = append(all, string(ReasonOf(e.Err)))
			continue
		}
		a := e.Account
		text := fmt.Sprintf("%s %s|%s|%s %s %d %d %d", a.Type, a.Issuer, a.Account, a.Secret.Base32(), a.Algorithm, a.Digits, a.Period, a.Counter)
		if a.Note != "" {
			text += " " + a.Note
		}
		all = append(all, text)
	}
	return all
}

func checkFound(t *testing.T, file string, ask func(Kind) (string, error), want ...string) {
	t.Helper()
	i, err := Read([]byte(file), ask)
	if err != nil {
		t.Errorf("%v in %s", err, file)
	} else if got := found(Collect(i)); !reflect.DeepEqual(got, want) {
		t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const key = "JBSWY3DPEHPK3PXP"

// TestAuthext reads each kind of entry of a plain backup in the order of the
// screen, and refuses each that can't be read with its reason.
func TestAuthext(t *testing.T) {
	const file = `{
		"00000000-0000-4000-8000-000000000001":{"dataType":"OTPStorage","encrypted":false,"hash":"x","index":1,"type":"totp","secret":"jbsw y3dp ehpk 3pxp","issuer":"Miyako::sso.miyako.example","account":"s","pinned":true},
		"00000000-0000-4000-8000-000000000002":{"encrypted":false,"hash":"x","index":0,"type":"hotp","secret":"JBSWY3DPEHPK3PXP","account":"h","counter":5,"digits":8,"algorithm":"SHA256"},
		"00000000-0000-4000-8000-000000000003":{"dataType":"OTPStorage","encrypted":false,"hash":"x","index":2,"type":"totp","secret":"stm-JBSWY3DPEHPK3PXP","issuer":"Steam","digits":5},
		"00000000-0000-4000-8000-000000000004":{"dataType":"OTPStorage","encrypted":false,"hash":"x","index":3,"type":"hex","secret":"48656c6c6f21deadbeef","period":60},
		"00000000-0000-4000-8000-000000000005":{"dataType":"OTPStorage","encrypted":false,"hash":"x","index":4,"type":"hhex","secret":"48656C6C6F21DEADBEEF","counter":"7"},
		"00000000-0000-4000-8000-000000000006":{"dataType":"OTPStorage","encrypted":false,"hash":"x","index":5,"type":"steam","secret":"JBSWY3DPEHPK3PXP"},
		"00000000-0000-4000-8000-000000000007":{"dataType":"OTPStorage","encrypted":false,"hash":"x","index":6,"type":"battle","secret":"JBSWY3DPEHPK3PXP"},
		"00000000-0000-4000-8000-000000000008":{"dataType":"OTPStorage","encrypted":false,"hash":"x","index":7,"type":"totp","secret":"bliz-JBSWY3DPEHPK3PXP"},
		"00000000-0000-4000-8000-000000000009":{"dataType":"OTPStorage","encrypted":false,"hash":"x","index":8,"type":"totp","secret":"JBSWY3DPEHPK3PXP","algorithm":"GOST3411_2012_256"},
		"00000000-0000-4000-8000-00000000000a":{"dataType":"OTPStorage","encrypted":false,"hash":"x","index":9,"type":"hex","secret":"4865xx"},
		"00000000-0000-4000-8000-00000000000b":{"dataType":"OTPStorage","encrypted":false,"hash":"x","index":10,"type":"totp","secret":"JBSWY3DPEHPK3PX1"},
		"00000000-0000-4000-8000-00000000000c":{"dataType":"OTPStorage","encrypted":false,"hash":"x","index":11,"secret":"JBSWY3DPEHPK3PXP","issuer":"last"}}`
	checkFound(t, file, unasked(t),
		"hotp |h|"+key+" SHA256 8 0 5", "totp Miyako|s|"+key+" SHA1 6 30 0", "steam Steam||"+key+" SHA1 5 30 0",
		"totp ||"+key+" SHA1 6 60 0", "hotp ||"+key+" SHA1 6 0 7", "steam ||"+key+" SHA1 5 30 0",
		"type", "type", "algorithm", "secret", "secret", "totp last||"+key+" SHA1 6 30 0")
}

// TestTooManyKeys derives from a passphrase a few times only, however many keys
// and slots a file has.
func TestTooManyKeys(t *testing.T) {
	var keys, entries strings.Builder
	for n := range maxSlots + 1 {
		fmt.Fprintf(&keys, `"k%d":{"dataType":"Key","id":"k%d","salt":"s","hash":"h","version":3},`, n, n)
		fmt.Fprintf(&entries, `"e%d":{"dataType":"EncOTPStorage","keyId":"k%d","index":%d,"data":""},`, n, n, n)
	}
	i, err := Read([]byte(`{`+keys.String()+entries.String()+`"p":{"secret":"`+key+`","hash":"p"}}`), known("passphrase"))
	if ReasonOf(err) != OverLimits {
		t.Errorf("Authenticator-Extension: %v, %v", found(i.Entries), err)
	}
	file, err := writeAegisEncrypted(rand.Reader, sample().Accounts, "passphrase", scryptCost{n: 16, r: 8, p: 1})
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(file), `"slots":[`)
	slot, after, _ := strings.Cut(rest, `]`)
	many := before + `"slots":[` + strings.Repeat(slot+",", maxSlots) + slot + `]` + after
	if _, err := Read([]byte(many), known("passphrase")); ReasonOf(err) != OverLimits {
		t.Errorf("Aegis: %v", err)
	}
}

// sealOpenSSL writes what `openssl enc -aes-256-cbc -md md5 -a` does.
func sealOpenSSL(t testing.TB, plain, passphrase string) string {
	t.Helper()
	salt, err := draw(rand.Reader, 8)
	if err != nil {
		t.Fatal(err)
	}
	var derived, last []byte
	for len(derived) < 48 {
		h := md5.New()
		h.Write(last)
		h.Write([]byte(passphrase))
		h.Write(salt)
		last = h.Sum(nil)
		derived = append(derived, last...)
	}
	block, err := aes.NewCipher(derived[:32])
	if err != nil {
		t.Fatal(err)
	}
	n := 16 - len(plain)%16
	padded := append([]byte(plain), bytes.Repeat([]byte{byte(n)}, n)...)
	cipher.NewCBCEncrypter(block, derived[32:48]).CryptBlocks(padded, padded)
	return base64.StdEncoding.EncodeToString(append(append([]byte("Salted__"), salt...), padded...))
}

// TestOpenSSL opens what openssl 3.0.19 wrote:
// openssl enc -aes-256-cbc -md md5 -salt -a -A -pass pass:…
func TestOpenSSL(t *testing.T) {
	const sealed = "U2FsdGVkX19ZDUKS6C5ARoj5iOlv/nU/UKFilv2IVDDTBf9nhZaF4Og5XlFN0LZd"
	if got, err := openOpenSSL(sealed, "正しい馬 staple"); err != nil || string(got) != key {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := openOpenSSL(sealed, "another"); err == nil && string(got) == key {
		t.Error("opened with another passphrase")
	}
	for _, damaged := range []string{"", "U2FsdGVkX18=", sealed[:40], "A" + sealed[1:], "*" + sealed[1:]} {
		if got, err := openOpenSSL(damaged, "正しい馬 staple"); ReasonOf(err) == "" {
			t.Errorf("%q: %q", damaged, got)
		}
	}
}

// TestRemovePadding wants every byte of the padding to be right.
func TestRemovePadding(t *testing.T) {
	block := func(end ...byte) []byte { return append(bytes.Repeat([]byte{'x'}, 16-len(end)), end...) }
	if got, err := removePadding(block(3, 3, 3)); err != nil || len(got) != 13 {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range [][]byte{block(0), block(17), block(3, 2, 3), block(2, 3, 3), block(255)} {
		if got, err := removePadding(bad); ReasonOf(err) != BadPassphrase {
			t.Errorf("%v: %q, %v", bad, got, err)
		}
	}
}

// authextFiles are one plain entry and two encrypted ones in each of the three
// ways; the last one's ciphertext is damaged.
func authextFiles(t testing.TB, password string) map[string]string {
	t.Helper()
	damage := func(sealed string) string {
		b, err := base64.StdEncoding.DecodeString(sealed)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(b[:len(b)-1])
	}
	const plain = `"p":{"dataType":"OTPStorage","encrypted":false,"hash":"p","index":0,"type":"totp","secret":"JBSWY3DPEHPK3PXP","account":"plain"}`
	old := func(secret1, secret2, more string) string {
		return `{` + plain + `,"a":{"encrypted":true,"hash":"a","index":1,"type":"totp","account":"one","secret":"` + secret1 + `"},` +
			`"b":{"encrypted":true,"hash":"b","index":2,"type":"totp","account":"two","secret":"` + secret2 + `"}` + more + `}`
	}
	dataKey := "\x01\x02random bytes of a key\xff"
	hexKey := hex.EncodeToString([]byte(dataKey))
	enc := sealOpenSSL(t, dataKey, password)
	derived := argon2.IDKey([]byte(password), []byte("AbCd+/salt"), 2, 19456, 1, 32)
	v3 := strings.TrimRight(base64.StdEncoding.EncodeToString(derived), "=")
	inner := func(account string) string {
		return sealOpenSSL(t, `{"dataType":"OTPStorage","encrypted":false,"hash":"h","index":1,"type":"totp","secret":"JBSWY3DPEHPK3PXP","account":"`+account+`"}`, v3)
	}
	return map[string]string{
		"v1":             old(sealOpenSSL(t, key, password), damage(sealOpenSSL(t, key, password)), ""),
		"v2":             old(sealOpenSSL(t, key, hexKey), damage(sealOpenSSL(t, key, hexKey)), `,"key":{"enc":"`+enc+`","hash":"$argon2id$x"}`),
		"v2, at the top": old(sealOpenSSL(t, key, hexKey), damage(sealOpenSSL(t, key, hexKey)), `,"enc":"`+enc+`","hash":"$argon2id$x"`),
		"v3": `{"k":{"dataType":"Key","id":"k","salt":"AbCd+/salt","hash":"$argon2id$x","version":3},` + plain + `,` +
			`"a":{"dataType":"EncOTPStorage","keyId":"k","index":1,"data":"` + inner("one") + `"},` +
			`"b":{"dataType":"EncOTPStorage","keyId":"k","index":2,"data":"` + damage(inner("two")) + `"}}`,
	}
}

// TestAuthextEncrypted opens each form; a damaged entry doesn't stop the others,
// and a wrong password takes nothing.
func TestAuthextEncrypted(t *testing.T) {
	for name, file := range authextFiles(t, "正しい passphrase") {
		i, err := Read([]byte(file), known("正しい passphrase"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := []string{"totp |plain|" + key + " SHA1 6 30 0", "totp |one|" + key + " SHA1 6 30 0", "format"}
		if got := found(i.Entries); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", name, got)
		}
		if i, err := Read([]byte(file), known("wrong")); ReasonOf(err) != BadPassphrase || i.Entries != nil {
			t.Errorf("%s, wrong password: %v, %v", name, found(i.Entries), err)
		}
		refused := errors.New("nobody answers")
		if _, err := Read([]byte(file), func(Kind) (string, error) { return "", refused }); !errors.Is(err, refused) {
			t.Errorf("%s, no answer: %v", name, err)
		}
	}
}

// TestAegis reads each kind of entry of a plain export.
func TestAegis(t *testing.T) {
	const file = `{"version":1,"header":{"slots":null,"params":null},"db":{"version":2,"entries":[
		{"type":"totp","uuid":"u","name":"s","issuer":"Miyako","note":"n","favorite":false,"icon":null,"info":{"secret":"JBSWY3DPEHPK3PXP","algo":"SHA256","digits":7,"period":60},"groups":[]},
		{"type":"hotp","uuid":"u","name":"h","issuer":"","note":null,"info":{"secret":"JBSWY3DPEHPK3PXP","algo":"SHA1","digits":6,"counter":9007199254740991}},
		{"type":"steam","uuid":"u","name":"p","issuer":"Steam","info":{"secret":"JBSWY3DPEHPK3PXP","algo":"SHA1","digits":5,"period":30}},
		{"type":"motp","uuid":"u","name":"m","issuer":"","info":{"secret":"JBSWY3DPEHPK3PXP","algo":"MD5","digits":6,"period":10,"pin":"1234"}},
		{"type":"yandex","uuid":"u","name":"y","issuer":"","info":{"secret":"JBSWY3DPEHPK3PXP","algo":"SHA256","digits":8,"period":30,"pin":"1234"}},
		{"type":"totp","uuid":"u","name":"md5","issuer":"","info":{"secret":"JBSWY3DPEHPK3PXP","algo":"MD5","digits":6,"period":30}},
		{"type":"totp","uuid":"u","name":"none","issuer":""}, 7,
		{"type":"totp","uuid":"u","name":"long period","issuer":"","info":{"secret":"JBSWY3DPEHPK3PXP","algo":"SHA1","digits":6,"period":3601}},
		{"type":"hotp","uuid":"u","name":"counter","issuer":"","info":{"secret":"JBSWY3DPEHPK3PXP","algo":"SHA1","digits":6,"counter":-1}}],"groups":[]}}`
	checkFound(t, file, unasked(t), "totp Miyako|s|"+key+" SHA256 7 60 0 n", "hotp |h|"+key+" SHA1 6 0 9007199254740991", "steam Steam|p|"+key+" SHA1 5 30 0",
		"type", "type", "algorithm", "secret", "format", "period", "counter")
	for old, bad := range map[string]string{`"version":1`: `"version":2`, `"version":2,"entries"`: `"version":4,"entries"`} {
		if _, err := Read([]byte(strings.Replace(file, old, bad, 1)), unasked(t)); ReasonOf(err) != Unsupported {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestAegisEncrypted opens what was written, and nothing with another passphrase
// or another bit.
func TestAegisEncrypted(t *testing.T) {
	accounts := sample().Accounts
	file, err := writeAegisEncrypted(rand.Reader, accounts, "正しい passphrase", scryptCost{n: 16, r: 8, p: 1})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file, []byte("GEZDGNBVGY3TQOJQ")) || bytes.Contains(file, []byte("みやこ")) {
		t.Errorf("%s is not encrypted", file)
	}
	var want []string
	for _, a := range accounts {
		want = append(want, found([]Entry{{Account: a}})...)
	}
	checkFound(t, string(file), known("正しい passphrase"), want...)
	if _, err := Read(file, known("wrong")); ReasonOf(err) != BadPassphrase {
		t.Errorf("wrong passphrase: %v", err)
	}
	m, err := decodeObject(file)
	if err != nil {
		t.Fatal(err)
	}
	sealed := m.looseText("db")
	damaged := strings.Replace(string(file), sealed, "AAAA"+sealed[4:], 1)
	if _, err := Read([]byte(damaged), known("正しい passphrase")); ReasonOf(err) != BadPassphrase {
		t.Errorf("damaged: %v", err)
	}
}

// TestAegisCost is what Aegis takes, and what is too much is refused before
// anything is derived. Slots that need a fingerprint or the like are skipped.
func TestAegisCost(t *testing.T) {
	if aegisCost != (scryptCost{n: 32768, r: 8, p: 1}) {
		t.Errorf("%+v", aegisCost)
	}
	file, err := writeAegisEncrypted(rand.Reader, sample().Accounts, "passphrase", scryptCost{n: 16, r: 8, p: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{`"n":2097152,"r":8,"p":1`, `"n":16,"r":17,"p":1`, `"n":16,"r":8,"p":5`, `"n":15,"r":8,"p":1`, `"n":0,"r":8,"p":1`, `"n":16,"r":0,"p":1`, `"n":16,"r":8,"p":-1`} {
		text := strings.Replace(string(file), `"n":16,"r":8,"p":1`, bad, 1)
		if _, err := Read([]byte(text), known("passphrase")); ReasonOf(err) != OverLimits {
			t.Errorf("%s: %v", bad, err)
		}
	}
	biometric := strings.Replace(string(file), `"slots":[`, `"slots":[{"type":2,"uuid":"u","key":"00","key_params":{}},`, 1)
	if i, err := Read([]byte(biometric), known("passphrase")); err != nil || len(i.Entries) != 3 {
		t.Errorf("with another slot: %v", err)
	}
	if _, err := Read([]byte(strings.Replace(string(file), `"slots":[{"type":1`, `"slots":[{"type":2`, 1)), known("passphrase")); ReasonOf(err) != Unsupported {
		t.Errorf("without a slot for a passphrase: %v", err)
	}
}

const services = `[
	{"name":"second","secret":"JBSWY3DPEHPK3PXP","otp":{"account":"b","issuer":"x","digits":8,"period":60,"algorithm":"SHA512","counter":0,"tokenType":"TOTP"},"order":{"position":1}},
	{"name":"","secret":"JBSWY3DPEHPK3PXP","otp":{"label":"a","issuer":"first","tokenType":"HOTP","counter":3},"order":{"position":0}},
	{"name":"Steam","secret":"JBSWY3DPEHPK3PXP","otp":{"tokenType":"STEAM"},"order":{"position":2}},
	{"name":"bare","secret":"JBSWY3DPEHPK3PXP","order":{"position":3}},
	{"name":"bad","secret":"JBSWY3DP1","order":{"position":4}}]`

var servicesFound = []string{"hotp first|a|" + key + " SHA1 6 0 3", "totp second|b|" + key + " SHA512 8 60 0", "steam Steam||" + key + " SHA1 5 30 0", "totp bare||" + key + " SHA1 6 30 0", "secret"}

// TestTwoFAS reads the services of a plain backup in the order of the screen.
func TestTwoFAS(t *testing.T) {
	checkFound(t, `{"services":`+services+`,"groups":[],"updatedAt":1,"schemaVersion":4,"appVersionCode":1}`, unasked(t), servicesFound...)
	if _, err := Read([]byte(`{"services":[],"schemaVersion":5}`), unasked(t)); ReasonOf(err) != Unsupported {
		t.Errorf("schema 5: %v", err)
	}
}

// sealTwoFAS writes an encrypted backup of 2FAS.
func sealTwoFAS(t testing.TB, passphrase string) string {
	t.Helper()
	salt, errSalt := draw(rand.Reader, 256)
	iv, errIV := draw(rand.Reader, 12)
	k, errKey := pbkdf2.Key(sha256.New, passphrase, salt, 10_000, 32)
	if err := errors.Join(errSalt, errIV, errKey); err != nil {
		t.Fatal(err)
	}
	sealed, err := sealGCM(k, iv, []byte(services), nil)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString
	return `{"services":[],"groups":[],"updatedAt":1,"schemaVersion":4,"servicesEncrypted":"` + b64(sealed) + ":" + b64(salt) + ":" + b64(iv) + `","reference":"x"}`
}

// TestTwoFASEncrypted opens an encrypted backup with the right passphrase alone.
func TestTwoFASEncrypted(t *testing.T) {
	file := sealTwoFAS(t, "正しい passphrase")
	checkFound(t, file, known("正しい passphrase"), servicesFound...)
	for _, damaged := range []string{file, strings.Replace(file, `Encrypted":"`, `Encrypted":"AAAA`, 1)} {
		if _, err := Read([]byte(damaged), known("wrong")); ReasonOf(err) != BadPassphrase {
			t.Errorf("%v", err)
		}
	}
	for _, bad := range []string{"x", "AAAA:AAAA", "AAAA:AAAA:AAAA", "AAAA:AAAA:AAAA:AAAA"} {
		if _, err := Read([]byte(`{"services":[],"schemaVersion":4,"servicesEncrypted":"`+bad+`"}`), known("x")); ReasonOf(err) != BadFormat {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestText reads lines of all three kinds with any line ends; a bad one doesn't
// stop the others, and the missing part of a migration is named.
func TestText(t *testing.T) {
	var vectors migrationVectors
	readVectors(t, "migration.json", &vectors)
	file := "\ufeffotpauth://totp/Miyako:s?secret=" + key + "\r\n\r\n" + vectors.Batch.Parts[2] + "\notpauth://totp/x?secret=1\r steam://" + key + "\nhello\n" + vectors.Batch.Parts[0] + "\notpauth-migration://offline?data=AA\n"
	i, err := Read([]byte(file), unasked(t))
	if err != nil {
		t.Fatal(err)
	}
	got := found(Collect(i))
	want := []string{"totp Miyako|s|" + key + " SHA1 6 30 0", "secret", "steam Steam||" + key + " SHA1 5 30 0", "scheme", "malformed"}
	if len(got) != 5+11+1 || !reflect.DeepEqual(got[:5], want) || got[16] != "missing" || !strings.HasPrefix(got[5], "totp Miyako University|user00|") {
		t.Errorf("%v", got)
	}
	if i.Entries[1].At != 4 {
		t.Errorf("the second is told of as line %d, want 4", i.Entries[1].At)
	}
	second, err := Read([]byte(vectors.Batch.Parts[1]), unasked(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := Collect(i, second); len(got) != 5+21 {
		t.Errorf("with the part of another file %d", len(got))
	}
}

// TestReadRefusesKinds names what is read, for files that are not.
func TestReadRefusesKinds(t *testing.T) {
	for name, file := range map[string]string{"empty": "", "words": "hello", "JSON": `{"a":1}`, "array": `[1]`, "number": `1`, "not UTF-8": "\xff\xfe\x00", "HTML": "<html>", "address": "https://sso.miyako.example/"} {
		if _, err := Read([]byte(file), unasked(t)); ReasonOf(err) != BadFormat || !strings.Contains(err.Error(), "Aegis") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, file := range map[string]string{"PNG": "\x89PNG\r\n\x1a\n", "JPEG": "\xff\xd8\xff\xe0", "WebP": "RIFF\x00\x00\x00\x00WEBPVP8 "} {
		if _, err := Read([]byte(file), unasked(t)); ReasonOf(err) != BadFormat || !strings.Contains(err.Error(), "images") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Read(make([]byte, MaxSize+1), unasked(t)); ReasonOf(err) != OverLimits {
		t.Errorf("large: %v", err)
	}
}

// TestFormatRoundTrip reads in every format what was written, of any accounts
// that it can hold.
func TestFormatRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var accounts []Account
		for n := range rapid.IntRange(1, 12).Draw(rt, "accounts") {
			a := drawAccount(rt)
			a.ID, a.Origins, a.CreatedAt, a.UpdatedAt = id(n), []string{}, day1, day2
			accounts = append(accounts, a)
		}
		for _, f := range []Format{FormatText, FormatAuthext, FormatAegisPlain, FormatMigration} {
			held, _ := f.Losses(accounts)
			file, err := f.Write(rand.Reader, Contents{Accounts: accounts}, "")
			if err != nil {
				rt.Fatal(err)
			}
			if len(held) == 0 {
				continue
			}
			i, err := Read(file, unasked(t))
			if err != nil {
				rt.Fatalf("%s: %v in %s", f, err, file)
			}
			var want []string
			for _, a := range held {
				a.Issuer = readAs(f, a.Issuer)
				want = append(want, found([]Entry{{Account: a}})...)
			}
			if got := found(Collect(i)); !reflect.DeepEqual(got, want) {
				rt.Fatalf("%s:\n%s\nwant\n%s\nin %s", f, strings.Join(got, "\n"), strings.Join(want, "\n"), file)
			}
		}
	})
}

// readAs is what becomes of an issuer, which the losses tell of.
func readAs(f Format, issuer string) string {
	if f == FormatAuthext {
		issuer, _, _ = strings.Cut(issuer, "::")
	}
	return cleanLabel(issuer)
}

// TestLosses lists what a format can't hold, and leaves out what it can't hold at
// all.
func TestLosses(t *testing.T) {
	full := sample().Accounts
	odd := made(9, "odd", "k")
	odd.Period, odd.Digits = 60, 7
	long := made(8, strings.Repeat("🔑", 200), "k")
	long.Issuer = long.Account
	accounts := append(full, odd, long)
	for f, want := range map[Format]struct {
		held  int
		whole string
		parts string
	}{
		FormatNative:     {5, "", ""},
		FormatText:       {4, long.Name(), "みやこ大学 (都 花子)みやこ大学 (都 花子)"},
		FormatAuthext:    {3, "doorSteam", "みやこ大学 (都 花子)みやこ大学 (都 花子)"},
		FormatAegis:      {5, "", "みやこ大学 (都 花子)"},
		FormatAegisPlain: {5, "", "みやこ大学 (都 花子)"},
		FormatMigration:  {2, "doorSteamMiyako (odd)", "みやこ大学 (都 花子)みやこ大学 (都 花子)"},
	} {
		held, losses := f.Losses(accounts)
		var whole, parts string
		for _, l := range losses {
			if l.What == "" {
				t.Errorf("%s: no words for %v", f, l.Account)
			}
			if l.Whole {
				whole += l.Account.Name()
			} else {
				parts += l.Account.Name()
			}
		}
		if len(held) != want.held || whole != want.whole || parts != want.parts {
			t.Errorf("%s: %d held, left out %q, without something %q, want %+v", f, len(held), whole, parts, want)
		}
	}
}

// TestLargeFilesAreRead reads 4 MiB of each kind in bounded time: the test's
// limit is the one of the package.
func TestLargeFilesAreRead(t *testing.T) {
	line := "otpauth://totp/Miyako:s?secret=" + key + "\n"
	entry := `{"type":"totp","uuid":"u","name":"s","issuer":"m","info":{"secret":"JBSWY3DPEHPK3PXP"}},`
	for name, file := range map[string]string{
		"lines":    strings.Repeat(line, MaxSize/len(line)),
		"entries":  `{"version":1,"header":{},"db":{"version":3,"entries":[` + strings.Repeat(entry, MaxSize/len(entry)-1) + `{}]}}`,
		"arrays":   `{"protected":` + strings.Repeat("[", MaxSize/2-20) + strings.Repeat("]", MaxSize/2-20) + `}`,
		"objects":  strings.Repeat(`{"a":`, MaxSize/6) + "1" + strings.Repeat("}", MaxSize/6),
		"one line": "otpauth://totp/" + strings.Repeat("x", MaxSize-20),
		"members":  `{` + strings.Repeat(`"a":{},`, MaxSize/7-2) + `"b":1}`,
	} {
		i, err := Read([]byte(file), known(""))
		if ReasonOf(err) == "" && (name != "one line" || len(i.Entries) != 1 || i.Entries[0].Err == nil) {
			t.Errorf("%s: %d entries, %v", name, len(i.Entries), err)
		}
	}
}

// fuzzFiles looks for a file that crashes a reader, or from which an account comes
// that can't be written and read in our own format.
func fuzzFiles(f *testing.F, seeds ...string) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		i, err := Read([]byte(file), known("passphrase"))
		if err != nil {
			if ReasonOf(err) == "" {
				t.Fatalf("%v has no reason", err)
			}
			return
		}
		merged, err := deciding(KeepBoth).Into(vaultOf(), Collect(i), i.Deleted)
		if err != nil {
			t.Fatal(err)
		}
		text, err := merged.Contents.encode(true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseContents(text); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	})
}

// written is the sample in a format.
func written(f *testing.F, format Format) string {
	f.Helper()
	held, _ := format.Losses(sample().Accounts)
	file, err := format.Write(rand.Reader, Contents{Accounts: held}, "")
	if err != nil {
		f.Fatal(err)
	}
	return string(file)
}

func FuzzReadText(f *testing.F) {
	fuzzFiles(f, written(f, FormatText), written(f, FormatMigration), "steam://"+key, "\ufeffotpauth://totp/a?secret="+key+"\r\n\r\nx")
}

func FuzzReadAuthext(f *testing.F) {
	files := authextFiles(f, "passphrase")
	fuzzFiles(f, written(f, FormatAuthext), files["v1"], files["v2"], files["v3"])
}

func FuzzReadAegis(f *testing.F) {
	encrypted, err := writeAegisEncrypted(rand.Reader, sample().Accounts[1:2], "passphrase", scryptCost{n: 2, r: 1, p: 1})
	if err != nil {
		f.Fatal(err)
	}
	fuzzFiles(f, written(f, FormatAegisPlain), string(encrypted))
}

func FuzzReadTwoFAS(f *testing.F) {
	fuzzFiles(f, sealTwoFAS(f, "passphrase"), `{"services":`+services+`,"schemaVersion":4}`)
}

// FuzzReadEnvelope looks for a file of ours that is taken apart, and whose header
// is another one when it is written and read again. Nothing is derived.
func FuzzReadEnvelope(f *testing.F) {
	var vectors exportVectors
	readVectors(f, "export-v1.json", &vectors)
	for _, v := range vectors.Cases {
		f.Add(mustDecoded(f, v.File))
	}
	f.Fuzz(func(t *testing.T, header string) {
		file := `{"protected":"` + base64.RawURLEncoding.EncodeToString([]byte(header)) + `","ciphertext":"AAAAAAAAAAAAAAAAAAAAAAAA"}`
		e, err := parseEnvelope([]byte(file))
		if err != nil {
			if ReasonOf(err) == "" {
				t.Fatalf("%v has no reason", err)
			}
			return
		}
		protected, err := e.header.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseEnvelope([]byte(`{"protected":"` + protected + `","ciphertext":"AAAAAAAAAAAAAAAAAAAAAAAA"}`))
		if err != nil || !reflect.DeepEqual(again.header, e.header) {
			t.Fatalf("%+v, %v, was %+v", again.header, err, e.header)
		}
	})
}

// mustDecoded returns the header of a file.
func mustDecoded(t testing.TB, file []byte) string {
	t.Helper()
	header, ok := decodeBase64URL(mustText(t, file, "protected"))
	if !ok {
		t.Fatal("no header")
	}
	return string(header)
}

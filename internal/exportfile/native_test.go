package exportfile

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"
)

// cheap is a derivation that tests can afford.
func cheap(t testing.TB) KDF {
	t.Helper()
	salt, err := draw(rand.Reader, saltSize)
	if err != nil {
		t.Fatal(err)
	}
	return KDF{Algorithm: pbkdf2SHA256, Iterations: 100_000, Salt: salt}
}

// sample has an account of each type, with all that an account can have.
func sample() Contents {
	at := time.Date(2026, 5, 2, 1, 2, 3, 4_000_000, time.UTC)
	return Contents{ExportedAt: at, Device: "test", Accounts: []Account{
		{ID: "5c9f0d3e-6f0e-4a57-9d0e-0d6b1c9a7a11", Type: TOTP, Issuer: "みやこ大学", Account: "都 花子", Secret: Secret("12345678901234567890"), Algorithm: SHA1,
			Digits: 6, Period: 30, Origins: []string{"https://sso.miyako.example"}, Note: "<&>\u2028", CreatedAt: at, UpdatedAt: at,
			Extra: Members{"x-future": json.RawMessage(`{"a":[1,2.50,null]}`)}},
		{ID: "e1a4c0d8-2b57-4c39-b0a1-77d5f3e9c433", Type: HOTP, Account: "door", Secret: Secret("k"), Algorithm: SHA512, Digits: 10, Counter: MaxCounter,
			Origins: []string{}, CreatedAt: at, UpdatedAt: at},
		{ID: "9d3b6a52-0e88-4d1f-a6c7-51b2e8f0d944", Type: Steam, Issuer: "Steam", Secret: Secret("steam key"), Algorithm: SHA1, Digits: 5, Period: 30,
			Origins: []string{}, CreatedAt: at, UpdatedAt: at},
	}, Deleted: []Tombstone{{ID: "7f2c9b10-4d3e-4f5a-8b6c-0a1d2e3f4055", At: at, Extra: Members{"x": json.RawMessage(`"y"`)}}},
		Extra: Members{"x-later": json.RawMessage("true")}}
}

// TestExportRoundTrip reads what was written, what is not known included, and
// writes another salt, iv and ciphertext each time.
func TestExportRoundTrip(t *testing.T) {
	c := sample()
	c.Local = Members{"lastExportAt": json.RawMessage(`"2026-05-02T00:00:00Z"`)}
	first, err := WriteExport(rand.Reader, c, "passphrase")
	if err != nil {
		t.Fatal(err)
	}
	second, err := WriteExport(rand.Reader, c, "passphrase")
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadExport(first, "passphrase")
	c.Local = nil
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%+v, %v, want %+v", got, err, c)
	}
	a, errA := parseEnvelope(first)
	b, errB := parseEnvelope(second)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a.header.iv, b.header.iv) || bytes.Equal(a.header.kdf.Salt, b.header.kdf.Salt) || bytes.Equal(a.ciphertext, b.ciphertext) {
		t.Error("something is the same in two files")
	}
	if k := a.header.kdf; k.Algorithm != argon2id || k.Memory != 65536 || k.Passes != 3 || k.Lanes != 4 || len(k.Salt) != 16 {
		t.Errorf("derived by %+v", k)
	}
}

// TestExportHoldsNoSecret looks for the key and the passphrase in a file.
func TestExportHoldsNoSecret(t *testing.T) {
	file, err := writeExport(rand.Reader, sample(), "a passphrase", cheap(t))
	if err != nil {
		t.Fatal(err)
	}
	header, err := base64.RawURLEncoding.DecodeString(mustText(t, file, "protected"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"GEZDGNBVGY3TQOJQ", "12345678901234567890", "passphrase", "みやこ"} {
		if bytes.Contains(file, []byte(secret)) || bytes.Contains(header, []byte(secret)) {
			t.Errorf("%s is in the file", secret)
		}
	}
}

func mustText(t testing.TB, file []byte, name string) string {
	t.Helper()
	m, err := decodeObject(file)
	text, ok := m.text(name)
	if err != nil || !ok {
		t.Fatal(name, err)
	}
	return text
}

// TestLocalIsNotTaken leaves out what is local, also where a file of others has
// it.
func TestLocalIsNotTaken(t *testing.T) {
	c := sample()
	c.Local = Members{"offsets": json.RawMessage(`{"5c9f0d3e-6f0e-4a57-9d0e-0d6b1c9a7a11":60}`)}
	plain, err := c.encode(true)
	if err != nil {
		t.Fatal(err)
	}
	kdf := cheap(t)
	key, err := kdf.derive("passphrase")
	if err != nil {
		t.Fatal(err)
	}
	file, err := header{typ: typExport, kdf: kdf}.seal(rand.Reader, key, plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ReadExport(file, "passphrase"); err != nil || got.Local != nil {
		t.Errorf("%v, %v", got.Local, err)
	}
	if file, err = writeExport(rand.Reader, c, "passphrase", kdf); err != nil {
		t.Fatal(err)
	}
	e, err := parseEnvelope(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.open(key); err != nil || got.Local != nil {
		t.Errorf("written: %v, %v", got.Local, err)
	}
}

// TestBase64URL has one spelling for each value.
func TestBase64URL(t *testing.T) {
	if got, ok := decodeBase64URL("-_8"); !ok || string(got) != "\xfb\xff" {
		t.Errorf("%x, %t", got, ok)
	}
	for _, text := range []string{"-_9", "-_8=", "+/8", "-_\n8", "-_8\n", "A", " "} {
		if got, ok := decodeBase64URL(text); ok {
			t.Errorf("%q is %x", text, got)
		}
	}
}

// TestFlippedBit opens no file in which one bit is another, wherever it is.
func TestFlippedBit(t *testing.T) {
	c := sample()
	c.Accounts = c.Accounts[1:2]
	file, err := writeExport(rand.Reader, c, "passphrase", cheap(t))
	if err != nil {
		t.Fatal(err)
	}
	keys := make(map[string][]byte) // a key is derived once
	for i := range file {
		damaged := bytes.Clone(file)
		damaged[i] ^= 1 << (i % 8)
		e, err := parseEnvelope(damaged)
		var got Contents
		if err == nil {
			kdf := fmt.Sprint(e.header.kdf)
			if keys[kdf] == nil {
				if keys[kdf], err = e.header.kdf.derive("passphrase"); err != nil {
					t.Fatal(err)
				}
			}
			got, err = e.open(keys[kdf])
		}
		if ReasonOf(err) == "" || got.Accounts != nil {
			t.Errorf("byte %d: %v, %v", i, got.Accounts, err)
		}
	}
	if len(keys) < 2 {
		t.Errorf("%d keys were derived", len(keys))
	}
}

// TestLimitsBeforeDeriving refuses without having asked for the passphrase.
func TestLimitsBeforeDeriving(t *testing.T) {
	var vectors exportVectors
	readVectors(t, "export-v1.json", &vectors)
	tried := 0
	for _, v := range vectors.Refuse {
		if v.Error != "limits" && v.Error != "unsupported" || v.Name == "authentic, plain version 2" {
			continue
		}
		tried++
		_, err := Read([]byte(v.Text), func(Kind) (string, error) {
			t.Errorf("%s: the passphrase is asked for", v.Name)
			return "", nil
		})
		if ReasonOf(err) != Reason(v.Error) {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
	if tried < 14 {
		t.Errorf("%d were tried, want at least 14", tried)
	}
}

// TestNamesTwice refuses a member that stands twice, of which one reader might
// take the first and another the last.
func TestNamesTwice(t *testing.T) {
	var vectors exportVectors
	readVectors(t, "export-v1.json", &vectors)
	file := vectors.Cases[1].File
	protected, ciphertext := mustText(t, file, "protected"), mustText(t, file, "ciphertext")
	twice := `{"protected":"` + protected + `","ciphertext":"AAAAAAAAAAAAAAAAAAAAAAAA","ciphertext":"` + ciphertext + `"}`
	if _, err := ReadExport([]byte(twice), vectors.Cases[1].Passphrase); ReasonOf(err) != BadFormat {
		t.Errorf("ciphertext twice: %v", err)
	}
	for _, text := range []string{`{"a":1,"a":1}`, `{"a":1,"\u0061":1}`, `{"a":1}{}`, `{"a":1} x`, `{"a":1,}`, `[]`, `"a"`, ``, "{\"a\":\"\xff\"}"} {
		if m, err := decodeObject([]byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, m)
		}
	}
}

// TestPlainRefuses has plain texts that break one rule each.
func TestPlainRefuses(t *testing.T) {
	c := sample()
	c.Accounts = c.Accounts[:1]
	good, err := c.encode(true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseContents(good); err != nil {
		t.Fatal(err)
	}
	for old, bad := range map[string]string{
		`"v":1,`:              ``,
		`{"v":1`:              `{"V":1`,
		`"issuer"`:            `"Issuer"`,
		`"digits":6`:          `"digits":11`,
		`"digits":6,"period"`: `"digits":6.5,"period"`,
		`"period":30`:         `"period":3601`,
		`"type":"totp"`:       `"type":"TOTP"`,
		`"type":"totp",`:      `"type":"hotp",`,
		`"algorithm":"SHA1"`:  `"algorithm":"SHA-1"`,
		`"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"`: `"secret":"gezdgnbvgy3tqojqgezdgnbvgy3tqojq"`,
		`"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"`:          `"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ7B"`, // a length that can't be
		`GEZDGNBVGY3TQOJQ",`:                          `GEZDGNBVGY3TQOJQB7",`,                // bits that say nothing
		`https://sso.miyako.example"`:                 `https://sso.miyako.example/"`,
		`"origins":["`:                                `"origins":[1,"`,
		`"note":"`:                                    `"note":"\ud800`,
		`"createdAt":"2026-05-02`:                     `"createdAt":"2026-02-30`,
		`"updatedAt":"2026-05-02T01`:                  `"updatedAt":"2026-05-02T25`,
		`"id":"5c9f0d3e-6f0e`:                         `"id":"5c9f0d3e+6f0e`,
		`"at":"2026-05-02T01:02:03`:                   `"at":"yesterday`,
		`"device":"test"`:                             `"device":1`,
		`"deleted":[{`:                                `"deletes":[{`,
		`"x-later":true`:                              `"local":1`,
		`"exportedAt":"2026-05-02T01:`:                `"exportedAt":"2026-05-02 01:`,
	} {
		text := strings.Replace(string(good), old, bad, 1)
		if text == string(good) {
			t.Errorf("%s is not in the text", old)
		}
		if got, err := parseContents([]byte(text)); ReasonOf(err) != BadFormat {
			t.Errorf("%s: %v, %v", bad, got.Accounts, err)
		}
	}
}

// TestOrigins takes what a browser says of an address, and nothing else.
func TestOrigins(t *testing.T) {
	for _, origin := range []string{"https://sso.miyako.example", "http://127.0.0.1:8080", "http://localhost", "https://a.example:8443", "http://[::1]:1",
		"https://[2001:db8::1]", "https://xn--eckwd4c7c.example", "https://a.example.", "https://a_b.example", "https://[::ffff:102:304]", "http://a.example:443"} {
		if !isOrigin(origin) {
			t.Errorf("%s is refused", origin)
		}
	}
	for _, text := range []string{"", "null", "https://", "https://A.example", "https://a.example/", "https://a.example:443", "http://a.example:80", "https://a.example:0443",
		"https://a.example:65536", "https://a.example:", "https://user@a.example", "https://a.example?x", "https://a.example#x", " https://a.example", "HTTPS://a.example",
		"https://みやこ.example", "https://127.1", "https://1.2.3.4.5", "https://0x7f.1", "https://[::0001]", "https://[::1", "https://[::1%25eth0]",
		"https://[::ffff:1.2.3.4]", "file:///x", "javascript:alert(1)", "https://a b.example", "https://xn--a.example", "https://*.example"} {
		if isOrigin(text) {
			t.Errorf("%s is taken", text)
		}
	}
}

// TestOriginsAsBrowser asks the URL of Node, which is that of browsers.
func TestOriginsAsBrowser(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("%v (make packages brings it)", err)
	}
	texts := []string{"https://sso.miyako.example", "http://127.0.0.1:8080", "http://[::1]:1", "https://a.example.", "https://a.example:443", "https://a.example:0443", "https://127.1",
		"https://0x7f.1", "https://1.2.3.4.5", "https://256.1.1.1", "https://1.2.3", "https://a.1", "https://a.0x", "https://a.0xg", "https://a.0x1", "https://[::ffff:1.2.3.4]", "https://[::ffff:102:304]",
		"https://[1:0:0:2::3]", "https://[1::2:0:0:3]", "https://[0:0:1::]", "https://xn--eckwd4c7c.example", "https://xn--a.example", "https://a_b.example", "https://-a.example", "https://a-.example",
		"https://a--b.example", "https://ab--c.example", "ftp://a.example", "ws://a.example", "wss://a.example:443", "gopher://a.example", "https://a..example", "https://.a.example", "https://a.example..",
		"https://a.example:", "https://A.example", "https://a.example:99999", "https://a.example:0", "https://" + strings.Repeat("a", 64) + ".example", "https://" + strings.Repeat("a.", 200) + "example",
		"https://xn--fa-hia.example", "https://xn--mgbh0fb.example", "https://1xn--a", "https://xn--"}
	input, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), node, "-e", `
		const texts = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
		const is = (o) => { try { return new URL(o).origin === o } catch { return false } };
		process.stdout.write(JSON.stringify(texts.map(is)));`)
	command.Stdin = bytes.NewReader(input)
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []bool
	if err := json.Unmarshal(output, &want); err != nil || len(want) != len(texts) {
		t.Fatalf("%v: %s", err, output)
	}
	for i, text := range texts {
		if got := isOrigin(text); got != want[i] {
			t.Errorf("%s: %t, a browser says %t", text, got, want[i])
		}
	}
}

// TestVaultRoundTrip opens a vault with and without a lock, and seals it again
// under the same key and another iv.
func TestVaultRoundTrip(t *testing.T) {
	for _, passphrase := range []string{"a passphrase", ""} {
		v, err := NewVault(rand.Reader, passphrase)
		if err != nil {
			t.Fatal(err)
		}
		c := sample()
		c.Local = Members{"x-own": json.RawMessage(`[1]`)}
		file, err := v.Seal(rand.Reader, c)
		if err != nil {
			t.Fatal(err)
		}
		locked, err := IsLocked(file)
		if err != nil || locked != (passphrase != "") || v.Locked() != locked {
			t.Errorf("%q: locked %t, %v", passphrase, locked, err)
		}
		opened, got, err := OpenVault(file, passphrase)
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Fatalf("%+v, %v, want %+v", got, err, c)
		}
		again, err := opened.Seal(rand.Reader, got)
		if err != nil || bytes.Equal(again, file) {
			t.Errorf("sealed twice to the same, or %v", err)
		}
		if _, got, err = OpenVault(again, passphrase); err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("the second time: %+v, %v", got, err)
		}
		if _, _, err := OpenVault(file, "another passphrase"); passphrase != "" && ReasonOf(err) != BadPassphrase {
			t.Errorf("another passphrase: %v", err)
		}
		if _, err := ReadExport(file, passphrase); ReasonOf(err) != Unsupported {
			t.Errorf("read as an export: %v", err)
		}
	}
}

// TestVaultRefuses has vaults that must not be opened, before anything is derived.
func TestVaultRefuses(t *testing.T) {
	var vectors exportVectors
	readVectors(t, "export-v1.json", &vectors)
	locked, open := mustDecoded(t, vectors.Cases[2].File), mustDecoded(t, vectors.Cases[3].File)
	slot := locked[strings.Index(locked, `{"id"`):strings.Index(locked, `],"enc"`)]
	for _, test := range []struct {
		header, old, bad string
		want             Reason
	}{
		{locked, `"m":65536`, `"m":262145`, OverLimits},
		{locked, `"t":3`, `"t":11`, OverLimits},
		{locked, `"iv":"wMHCw8TFxsfIycrL"`, `"iv":"wMHCw8TFxsfIyco"`, OverLimits},
		{locked, slot, strings.Repeat(slot+",", maxSlots) + slot, OverLimits},
		{open, `"key":"gIGCg4SFhoeI`, `"key":"gIGCg4SF`, OverLimits},
		{locked, `"alg":"argon2id"`, `"alg":"scrypt"`, Unsupported},
		{locked, `"v":19`, `"v":16`, Unsupported},
		{locked, slot, ``, BadFormat},
		{locked, `"id":"main",`, ``, BadFormat},
		{locked, `"id":"main"`, `"id":1`, BadFormat},
		{locked, `"wrapped":"`, `"wrapped":"=`, BadFormat},
		{locked, `"slots":[`, `"x":1,"slots":[`, BadFormat},
		{open, `"id":"open"`, `"id":"shut"`, BadFormat},
		{locked, `warifu-authenticator-vault`, `warifu-authenticator-export`, BadFormat},
	} {
		header := strings.Replace(test.header, test.old, test.bad, 1)
		if header == test.header {
			t.Errorf("%s is not in %s", test.old, test.header)
		}
		file := `{"protected":"` + base64.RawURLEncoding.EncodeToString([]byte(header)) + `","ciphertext":"AAAAAAAAAAAAAAAAAAAAAAAA"}`
		if _, err := IsLocked([]byte(file)); ReasonOf(err) != test.want {
			t.Errorf("%s: %v, want %s", test.bad, err, test.want)
		}
	}
}

// TestTooLargeIsNotWritten refuses to write what could not be read again.
func TestTooLargeIsNotWritten(t *testing.T) {
	v, err := NewVault(rand.Reader, "")
	if err != nil {
		t.Fatal(err)
	}
	c := sample()
	c.Accounts[0].Note = strings.Repeat("x", MaxSize)
	if file, err := v.Seal(rand.Reader, c); ReasonOf(err) != OverLimits {
		t.Errorf("%d bytes, %v", len(file), err)
	}
	if _, err := ReadExport(make([]byte, MaxSize+1), ""); ReasonOf(err) != OverLimits {
		t.Errorf("read: %v", err)
	}
}

// FuzzReadContents looks for a plain text that is taken and is another one when
// it is written and read again.
func FuzzReadContents(f *testing.F) {
	var vectors exportVectors
	readVectors(f, "export-v1.json", &vectors)
	for _, v := range vectors.Cases {
		f.Add(v.Plain)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseContents([]byte(text))
		if err != nil {
			if ReasonOf(err) == "" {
				t.Fatalf("%v has no reason", err)
			}
			return
		}
		written, err := c.encode(true)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseContents(written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		rewritten, err := again.encode(true)
		if err != nil || !bytes.Equal(rewritten, written) {
			t.Fatalf("%s is written again as %s (%v)", written, rewritten, err)
		}
	})
}

package exportfile

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"strings"
	"testing"
	"time"

	"warifu/internal/authenticator/totp"
)

// readVectors reads a file of testdata/vectors.
func readVectors(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("../../testdata/vectors/" + name)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// code is the code of an account at a time, or at its counter.
func code(a Account, at time.Time) string {
	hashes := map[Algorithm]func() hash.Hash{SHA1: sha1.New, SHA256: sha256.New, SHA512: sha512.New}
	switch a.Type {
	case HOTP:
		return totp.HOTP(hashes[a.Algorithm], a.Secret, uint64(a.Counter), a.Digits)
	case Steam:
		return totp.Steam(hashes[a.Algorithm], a.Secret, uint64(at.Unix()/int64(a.Period)))
	}
	return totp.HOTP(hashes[a.Algorithm], a.Secret, uint64(at.Unix()/int64(a.Period)), a.Digits)
}

type exportVectors struct {
	Time  int64
	Cases []struct {
		Name, Passphrase string
		Passphrases      []string
		Key, SlotKey     string
		File             json.RawMessage
		Plain            string
		Codes            map[string]string
	}
	Accounts []json.RawMessage
	Refuse   []struct{ Name, Error, Passphrase, Text string }
}

// open opens an export or a vault, and returns the key that was derived.
func open(t testing.TB, file []byte, passphrase string) (key []byte, c Contents, err error) {
	t.Helper()
	e, err := parseEnvelope(file)
	if err != nil {
		return nil, c, err
	}
	if e.header.typ == typVault {
		v, c, err := OpenVault(file, passphrase)
		if err != nil {
			return nil, c, err
		}
		return v.key, c, nil
	}
	if key, err = e.header.kdf.derive(passphrase); err != nil {
		t.Fatal(err)
	}
	c, err = ReadExport(file, passphrase)
	return key, c, err
}

// TestVectorsOpen opens every file of the vectors with every spelling of its
// passphrase, and writes the plain text as it was.
func TestVectorsOpen(t *testing.T) {
	var vectors exportVectors
	readVectors(t, "export-v1.json", &vectors)
	if len(vectors.Cases) != 4 {
		t.Errorf("%d cases, want 4", len(vectors.Cases))
	}
	for _, v := range vectors.Cases {
		for _, passphrase := range append(v.Passphrases, v.Passphrase) {
			key, c, err := open(t, v.File, passphrase)
			if err != nil || hex.EncodeToString(key) != v.Key {
				t.Errorf("%s with %q: key %x, %v", v.Name, passphrase, key, err)
				continue
			}
			text, err := c.encode(true)
			if err != nil || string(text) != v.Plain {
				t.Errorf("%s is written as\n%s\nand was\n%s (%v)", v.Name, text, v.Plain, err)
			}
			for _, a := range c.Accounts {
				if got := code(a, time.Unix(vectors.Time, 0).Add(c.Offset(a.ID))); got != v.Codes[a.ID] {
					t.Errorf("%s: %v has the code %s, want %s", v.Name, a, got, v.Codes[a.ID])
				}
			}
			if len(c.Accounts) != len(v.Codes) {
				t.Errorf("%s: %d accounts, want %d", v.Name, len(c.Accounts), len(v.Codes))
			}
		}
	}
}

// TestVectorsSlotKey has the key that a vault's passphrase is derived to.
func TestVectorsSlotKey(t *testing.T) {
	var vectors exportVectors
	readVectors(t, "export-v1.json", &vectors)
	tried := 0
	for _, v := range vectors.Cases {
		if v.SlotKey == "" {
			continue
		}
		tried++
		e, err := parseEnvelope(v.File)
		if err != nil {
			t.Fatal(err)
		}
		key, err := e.header.slots[0].kdf.derive(v.Passphrase)
		if err != nil || hex.EncodeToString(key) != v.SlotKey {
			t.Errorf("%s: %x, %v", v.Name, key, err)
		}
	}
	if tried != 1 {
		t.Errorf("%d were tried, want 1", tried)
	}
}

// TestVectorsAccounts writes each account of the vectors member by member.
func TestVectorsAccounts(t *testing.T) {
	var vectors exportVectors
	readVectors(t, "export-v1.json", &vectors)
	for _, text := range vectors.Accounts {
		a, err := parseAccount(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := a.encode()
		var want bytes.Buffer
		if err := json.Compact(&want, text); err != nil {
			t.Fatal(err)
		}
		if err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is written as %s (%v)", want.Bytes(), got, err)
		}
	}
}

// TestVectorsRefuse has the error of each file that must not be opened.
func TestVectorsRefuse(t *testing.T) {
	var vectors exportVectors
	readVectors(t, "export-v1.json", &vectors)
	if len(vectors.Refuse) != 40 {
		t.Errorf("%d refusals, want 40", len(vectors.Refuse))
	}
	for _, v := range vectors.Refuse {
		c, err := ReadExport([]byte(v.Text), v.Passphrase)
		if ReasonOf(err) != Reason(v.Error) || len(c.Accounts) != 0 {
			t.Errorf("%s: %v (%s) with %d accounts, want %s", v.Name, err, ReasonOf(err), len(c.Accounts), v.Error)
		}
	}
}

// checkNotPrinted wants none of the values to show the key 12345678901234567890.
func checkNotPrinted(t *testing.T, values ...any) {
	t.Helper()
	secret := []byte("12345678901234567890")
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			printed := fmt.Sprintf(verb, value)
			for _, form := range []string{string(secret), "GEZDGNBVGY3TQOJQ", hex.EncodeToString(secret), "49 50 51", "0x31"} {
				if strings.Contains(printed, form) {
					t.Errorf("%s prints %s", verb, printed)
				}
			}
		}
	}
}

package exportfile

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// exchange is what the tests of the browser extension write beside the files
// (extension/test/core/interop.ts), and read.
type exchange struct {
	Passphrase string         `json:"passphrase"`
	Files      []exchangeFile `json:"files"`
}

type exchangeFile struct {
	Name     string            `json:"name"`
	Accounts []json.RawMessage `json:"accounts"`        // in the order of the file
	Plain    json.RawMessage   `json:"plain,omitempty"` // of a native file or vault
}

// interop lets the extension write files into a folder, or read those in it.
func interop(t *testing.T, direction, dir string) {
	t.Helper()
	if _, err := os.Stat("../../extension/node_modules"); err != nil {
		t.Fatalf("%v (npm ci --ignore-scripts in extension brings it)", err)
	}
	command := exec.CommandContext(t.Context(), "node", "build.mjs", "interop", direction, dir)
	command.Dir = "../../extension"
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("interop %s: %v\n%s", direction, err, output)
	}
}

// TestReadsWhatTheExtensionWrites opens a file of each format that the extension
// writes, and finds what it put in.
func TestReadsWhatTheExtensionWrites(t *testing.T) {
	dir := t.TempDir()
	interop(t, "write", dir)
	var expected exchange
	text, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err == nil {
		err = json.Unmarshal(text, &expected)
	}
	if err != nil || len(expected.Files) < 9 {
		t.Fatalf("%d files, %v", len(expected.Files), err)
	}
	for _, f := range expected.Files {
		file, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		if f.Plain != nil {
			checkPlain(t, f, file, expected.Passphrase)
		}
		if strings.HasPrefix(f.Name, "vault") {
			continue
		}
		i, err := Read(file, known(expected.Passphrase))
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		var want []Entry
		for _, text := range f.Accounts {
			want = append(want, Entry{Account: exchanged(t, text)})
		}
		got := Collect(i)
		for n := range got {
			got[n].Account.Note = ""
		}
		if got, want := found(got), found(want); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", f.Name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// checkPlain opens a native file or a vault and compares all of its plain text.
func checkPlain(t *testing.T, f exchangeFile, file []byte, passphrase string) {
	t.Helper()
	want, err := parseContents(f.Plain)
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	_, got, err := open(t, file, passphrase)
	if err != nil || !reflect.DeepEqual(normal(t, got), normal(t, want)) {
		t.Errorf("%s: %v\n%s\nwant\n%s", f.Name, err, normal(t, got), normal(t, want))
	}
}

// normal is the plain text in one spelling.
func normal(t *testing.T, c Contents) string {
	t.Helper()
	text, err := c.encode(true)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	if text, err = json.Marshal(value); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// exchanged is an account as expected.json has it: the members of an otpauth URI.
func exchanged(t *testing.T, text json.RawMessage) Account {
	t.Helper()
	m, err := decodeObject(text)
	if err != nil {
		t.Fatal(err)
	}
	a, err := looseEntry{typ: m.looseText("type"), issuer: m.looseText("issuer"), account: m.looseText("account"),
		secret: m.looseText("secret"), algorithm: m.looseText("algorithm"), members: m}.read()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestTheExtensionReadsWhatIsWritten lets the extension open a file of each
// format, and find what was put in.
func TestTheExtensionReadsWhatIsWritten(t *testing.T) {
	dir := t.TempDir()
	const passphrase = "正しい馬 ﾃﾞﾙﾀ battery"
	c := sample()
	for n, a := range []Account{made(1, "a", "key 1"), made(2, "b:c", "key 2")} {
		a.Issuer, a.Digits = []string{"みやこ 大学", ""}[n], []int{6, 8}[n]
		c.Accounts = append(c.Accounts, a)
	}
	expected := exchange{Passphrase: passphrase}
	save := func(name string, file []byte, err error, held []Account, plain json.RawMessage) {
		t.Helper()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), file, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		f := exchangeFile{Name: name, Plain: plain, Accounts: []json.RawMessage{}}
		for _, a := range held {
			f.Accounts = append(f.Accounts, mustEncode(t, a))
		}
		expected.Files = append(expected.Files, f)
	}
	plain, err := c.encode(false)
	if err != nil {
		t.Fatal(err)
	}
	export, err := WriteExport(rand.Reader, c, passphrase)
	save("argon2id.warifu-authenticator.json", export, err, c.Accounts, plain)
	export, err = writeExport(rand.Reader, c, passphrase, cheap(t))
	save("pbkdf2.warifu-authenticator.json", export, err, c.Accounts, plain)
	for name, lock := range map[string]string{"vault.json": passphrase, "vault-open.json": ""} {
		v, err := NewVault(rand.Reader, lock)
		if err != nil {
			t.Fatal(err)
		}
		local := c
		if err := local.NoteExport(day9); err != nil {
			t.Fatal(err)
		}
		if err := local.setBin([]Binned{{Account: made(7, "binned", "k"), At: day1}}); err != nil {
			t.Fatal(err)
		}
		plain, err := local.encode(true)
		if err != nil {
			t.Fatal(err)
		}
		file, err := v.Seal(rand.Reader, local)
		save(name, file, err, c.Accounts, plain)
	}
	for _, f := range []Format{FormatText, FormatAuthext, FormatAegis, FormatAegisPlain, FormatMigration} {
		held, _ := f.Losses(c.Accounts)
		file, err := f.Write(rand.Reader, c, passphrase)
		save(string(f), file, err, held, nil)
	}
	text, err := json.Marshal(expected)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "expected.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	interop(t, "read", dir)
}

func mustEncode(t *testing.T, a Account) json.RawMessage {
	t.Helper()
	text, err := a.encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

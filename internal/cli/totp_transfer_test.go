package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"warifu/internal/exportfile"
)

// uriNew is the account of uriOne after it was set up anew: another key.
const uriNew = "otpauth://totp/MIYAKO%20university:sps00001?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=MIYAKO%20university"

// TestTOTPExportAndImport carries accounts from one vault to another and back in
// each format, until nothing changes.
func TestTOTPExportAndImport(t *testing.T) {
	for _, format := range []string{"warifu", "otpauth", "authenticator-extension", "aegis", "aegis-plain", "migration"} {
		a, b := sit(t), sit(t)
		a.totp(0, uriOne+"\notpauth://totp/%E3%81%BF%E3%82%84%E3%81%93:b%3Ac?secret=GEZDGNBVGY3TQOJQ&digits=8", "add", "-")
		names := a.names()
		passphrase := a.write("passphrase", "a passphrase\n")
		file := a.file("out." + format)
		export := []string{"export", file, "--format=" + format}
		take := []string{"import", file}
		if format == "warifu" || format == "aegis" {
			if _, e := a.totp(1, "", export...); !strings.Contains(e, "--file-passphrase-file") {
				t.Errorf("%s without a passphrase: %s", format, e)
			}
			export = append(export, "--file-passphrase-file="+passphrase)
			take = append(take, "--file-passphrase-file="+passphrase)
		}
		out, e := a.totp(0, "", export...)
		if !strings.Contains(out, "2 of 2 accounts were written") || strings.Contains(e, "not encrypted") == slices.Contains(export, "--file-passphrase-file="+passphrase) {
			t.Errorf("%s: %s%s", format, out, e)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", format, info, err)
		}
		if _, e := a.totp(1, "", export...); !strings.Contains(e, "exists already") {
			t.Errorf("%s again: %s", format, e)
		}
		if out, _ := b.totp(0, "", take...); !strings.Contains(out, "added 2, replaced 0, same 0, failed 0") {
			t.Errorf("%s: %s", format, out)
		}
		if got := b.names(); !slices.Equal(got, names) {
			t.Errorf("%s: %v, want %v", format, got, names)
		}
		for _, s := range []seat{a, b} {
			if out, _ := s.totp(0, "", take...); !strings.Contains(out, "added 0, replaced 0, same 2, failed 0; nothing was added") {
				t.Errorf("%s once more: %s", format, out)
			}
		}
		if out, _ := b.totp(0, "", "code", "sps00001", noon); out != "452777\n" {
			t.Errorf("%s: code %s", format, out)
		}
	}
}

// TestTOTPExportIsDated writes when it was written, also into the vault, and
// nothing that is this machine's alone.
func TestTOTPExportIsDated(t *testing.T) {
	s := sit(t)
	s.totp(0, uriOne, "add", "-")
	start := time.Now()
	s.totp(0, "", "export", s.file("x"), "--file-passphrase-file="+s.write("passphrase", "a passphrase\n"))
	file, err := os.ReadFile(s.file("x"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := exportfile.ReadExport(file, "a passphrase")
	if err != nil || c.ExportedAt.Before(start) || c.Local != nil || len(c.Accounts) != 1 {
		t.Errorf("%v, exported %v, began %v, local %v", err, c.ExportedAt, start, c.Local)
	}
	_, c, err = exportfile.OpenVault(s.bytes(), "")
	if err != nil || c.Local["lastExportAt"] == nil {
		t.Errorf("%v, %s", err, c.Local)
	}
}

// TestTOTPExportTellsLosses lists what a format can't hold before the file is
// written, and makes no file of nothing.
func TestTOTPExportTellsLosses(t *testing.T) {
	s := sit(t)
	s.totp(0, uriDoor+"\nsteam://"+totpKey, "add", "-")
	out, e := s.totp(0, "", "export", s.file("a.txt"), "--format=migration")
	if !strings.Contains(e, "left out: Steam: its type is Steam") || !strings.Contains(out, "1 of 2 accounts") {
		t.Errorf("%s%s", out, e)
	}
	out, _ = s.totp(0, "", "export", s.file("b.txt"), "--format=migration", "--json")
	var report map[string]any
	if err := json.Unmarshal([]byte(out), &report); err != nil || report["written"] != 1.0 || report["left_out"] != 1.0 || report["format"] != "migration" {
		t.Errorf("%v %s", err, out)
	}
	_, e = s.totp(1, "", "export", s.file("c.json"), "--format=authenticator-extension")
	if !strings.Contains(e, "left out: door") || !strings.Contains(e, "no account that could be written") {
		t.Errorf("%s", e)
	}
	if _, err := os.Stat(s.file("c.json")); err == nil {
		t.Error("an empty file was written")
	}
	if out, _ := s.totp(0, "", "export", "-", "--format=otpauth"); strings.Count(out, "\r\n") != 2 || !strings.HasPrefix(out, "otpauth://hotp/door?") {
		t.Errorf("to standard output: %q", out)
	}
}

// TestTOTPConflict asks nobody where there is no terminal: status 1 and nothing
// changed, unless the command says what to do.
func TestTOTPConflict(t *testing.T) {
	for _, test := range []struct {
		choice string
		status int
		want   string
		codes  int
	}{
		{"", 1, "--on-conflict newer, replace, keep or skip says what to do; nothing was changed", 0},
		{"newer", 1, "which is newer is not known", 0},
		{"replace", 0, "replaced MIYAKO university (sps00001)", 1},
		{"keep", 0, "added    MIYAKO university (sps00001)", 2},
		{"skip", 0, "skipped  MIYAKO university (sps00001)", 1},
	} {
		for _, command := range []string{"add", "import"} {
			s := sit(t)
			s.totp(0, uriOne, "add", "-")
			before := s.bytes()
			args := []string{command, s.write("new.txt", "otpauth://totp/other?secret=AAAAAAAA\n"+uriNew)}
			if test.choice != "" {
				args = append(args, "--on-conflict="+test.choice)
			}
			out, e := s.totp(test.status, "", args...)
			if !strings.Contains(out+e, test.want) {
				t.Errorf("%s %s: %s%s", command, test.choice, out, e)
			}
			if test.status != 0 {
				s.unchanged(before)
			} else if names := s.names(); len(names) != test.codes+1 {
				t.Errorf("%s %s: %v", command, test.choice, names)
			}
		}
	}
}

// TestTOTPConflictNewer takes the account that was made later, after the times in
// a native file.
func TestTOTPConflictNewer(t *testing.T) {
	older, newer := sit(t), sit(t)
	older.totp(0, uriOne, "add", "-")
	newer.totp(0, uriNew, "add", "-")
	passphrase := "--file-passphrase-file=" + older.write("passphrase", "a passphrase\n")
	older.totp(0, "", "export", older.file("old"), passphrase)
	newer.totp(0, "", "export", older.file("new"), passphrase)
	if out, _ := newer.totp(0, "", "import", older.file("old"), passphrase, "--on-conflict=newer"); !strings.Contains(out, "skipped") {
		t.Errorf("the older one: %s", out)
	}
	if out, _ := older.totp(0, "", "import", older.file("new"), passphrase, "--on-conflict=newer"); !strings.Contains(out, "replaced 1") {
		t.Errorf("the newer one: %s", out)
	}
	if a, b := older.names(), newer.names(); !slices.Equal(a, b) || len(a) != 1 {
		t.Errorf("%v, %v", a, b)
	}
}

// TestTOTPImportFailures takes what is good beside what is bad, each with its
// reason, and is no success; nothing at all is taken where a file can't be read.
func TestTOTPImportFailures(t *testing.T) {
	s := sit(t)
	bad := s.write("bad.txt", uriOne+"\notpauth://totp/x?secret=1\nhello\n")
	out, e := s.totp(1, "", "import", bad)
	for _, want := range []string{"added    Miyako University (sps00001)", "failed   bad.txt, 2: the key has characters that Base32 does not have: '1' (is it I?)", "failed   bad.txt, 3: ", "added 1, replaced 0, same 0, failed 2"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if !strings.Contains(e, "2 could not be taken") {
		t.Errorf("%s", e)
	}
	before := s.bytes()
	if _, e := s.totp(2, "", "import", bad, "--file-passphrase-file="+bad, "--file-passphrase-fd=3"); !strings.Contains(e, "either in a file") {
		t.Errorf("%s", e)
	}
	for file, want := range map[string]string{
		s.write("none.txt", "hello"):                               "Authenticator-Extension",
		s.write("image.png", "\x89PNG\r\n\x1a\n"):                  "images",
		s.write("empty.json", `{"schemaVersion":4,"services":[]}`): "no account to take; nothing was changed",
		s.file("gone"): "no such file",
	} {
		good := s.write("good.txt", uriDoor)
		args := []string{"import", good, file}
		if strings.HasSuffix(file, "empty.json") {
			args = args[:1:1]
			args = append(args, file)
		}
		if out, e := s.totp(1, "", args...); out != "" || !strings.Contains(e, want) {
			t.Errorf("%s: %s%s", file, out, e)
		}
		s.unchanged(before)
	}
	if out, _ := s.totp(1, "", "import", bad, "--json"); !strings.Contains(out, `"failed": 2`) || !strings.Contains(out, `"same": 1`) {
		t.Errorf("%s", out)
	}
}

// TestTOTPImportParts collects a migration from several files, and names the part
// that is missing. All accounts of the vectors have the same key.
func TestTOTPImportParts(t *testing.T) {
	var vectors struct{ Batch struct{ Parts []string } }
	text, err := os.ReadFile("../../testdata/vectors/migration.json")
	if err == nil {
		err = json.Unmarshal(text, &vectors)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := sit(t)
	var files []string
	for n, part := range vectors.Batch.Parts {
		files = append(files, s.write("part"+string(rune('0'+n)), part))
	}
	if out, _ := s.totp(1, "", "import", files[2], files[0]); !strings.Contains(out, "of the migration codes these are missing: 2") || !strings.Contains(out, "added 1, replaced 0, same 10, failed 1") {
		t.Errorf("%s", out)
	}
	if out, _ := s.totp(0, "", "import", files[2], files[0], files[1]); !strings.Contains(out, "added 0, replaced 0, same 21, failed 0") {
		t.Errorf("%s", out)
	}
}

// TestTOTPImportWrongPassphrase changes nothing.
func TestTOTPImportWrongPassphrase(t *testing.T) {
	s := sit(t)
	s.totp(0, uriOne, "add", "-")
	right, wrong := s.write("right", "a passphrase\n"), s.write("wrong", "another one\n")
	s.totp(0, "", "export", s.file("x"), "--file-passphrase-file="+right)
	before := s.bytes()
	if _, e := s.totp(1, "", "import", s.file("x"), "--file-passphrase-file="+wrong); !strings.Contains(e, "x: wrong passphrase, or the file is damaged; nothing was changed") {
		t.Errorf("%s", e)
	}
	if _, e := s.totp(1, "", "import", s.file("x")); !strings.Contains(e, "--file-passphrase-file") {
		t.Errorf("%s", e)
	}
	s.unchanged(before)
}

// TestTOTPShortKey warns of a key of less than 80 bits, and takes it.
func TestTOTPShortKey(t *testing.T) {
	s := sit(t)
	if out, _ := s.totp(0, "otpauth://totp/x?secret=AAAAAAAA", "add", "-"); !strings.Contains(out, "added    x (its key is shorter than 80 bits)") {
		t.Errorf("%s", out)
	}
}

// TestTOTPPrintsNoControls keeps what a file calls an account from steering the
// terminal.
func TestTOTPPrintsNoControls(t *testing.T) {
	s := sit(t)
	s.totp(0, uriOne, "add", "-")
	s.write("evil.json", `{"version":1,"header":{"slots":null,"params":null},"db":{"version":3,"entries":[{"type":"\u001b[2Jtotp","name":"a\u001b]0;x\u0007b","issuer":"\u202ec","info":{"secret":"AAAAAAAA"}},{"type":"totp","name":"a\u001b]0;x\u0007b","issuer":"\u202ec","info":{"secret":"AAAAAAAA"}}]}}`)
	out, e := s.totp(1, "", "import", s.file("evil.json"))
	list, _ := s.totp(0, "", "list")
	all := out + e + list
	if bytes.ContainsAny([]byte(all), "\x1b\x07") || strings.Contains(all, "\u202e") || !strings.Contains(all, "c (a]0;xb)") {
		t.Errorf("%q", all)
	}
}

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"warifu/internal/exportfile"
	"warifu/internal/federation/saml"
)

// asCommand makes the test's program the command itself, so that tests have real
// processes with real files, pipes and terminals.
const asCommand = "WARIFU_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" || len(os.Args) > 1 && os.Args[1] == saml.VerifyCommand {
		os.Exit(Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

const (
	totpKey = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	uriOne  = "otpauth://totp/Miyako%20University:sps00001?secret=" + totpKey + "&issuer=Miyako%20University"
	uriDoor = "otpauth://hotp/door?secret=KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU&counter=41"
	noon    = "--at=1767225600"
)

// seat is a person at a shell, whose accounts lie in a folder of their own.
type seat struct {
	shell
	flags []string // of every command
}

// sit returns a seat without accounts; they will be under no passphrase.
func sit(t testing.TB) seat {
	t.Helper()
	s := shell{t: t, dir: t.TempDir()}
	return seat{shell: s, flags: []string{"--vault=" + s.file("accounts/vault.json"), "--no-passphrase"}}
}

// command is `warifu totp …` as a process of its own.
func (s seat) command(args ...string) *exec.Cmd {
	c := exec.CommandContext(s.t.Context(), os.Args[0], append(append([]string{"totp"}, args...), s.flags...)...)
	c.Env = []string{asCommand + "=1", "HOME=" + s.dir, "PATH=" + os.Getenv("PATH")}
	return c
}

// totp runs a command with this standard input, and wants this exit status.
func (s seat) totp(status int, input string, args ...string) (out, errOut string) {
	s.t.Helper()
	var o, e bytes.Buffer
	if got := Main(s.t.Context(), append(append([]string{"totp"}, args...), s.flags...), strings.NewReader(input), &o, &e); got != status {
		s.t.Fatalf("warifu totp %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, status, o.String(), e.String())
	}
	return o.String(), e.String()
}

// process is the same in a process of its own, with these in its environment.
func (s seat) process(environment []string, input string, args ...string) error {
	c := s.command(args...)
	c.Env = append(c.Env, environment...)
	c.Stdin = strings.NewReader(input)
	output, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}

func (s seat) vault() string { return s.file("accounts/vault.json") }

func (s seat) unchanged(before []byte) {
	s.t.Helper()
	if after, err := os.ReadFile(s.vault()); err != nil || !bytes.Equal(after, before) {
		s.t.Errorf("the accounts were written (%v)", err)
	}
}

func (s seat) bytes() []byte {
	s.t.Helper()
	text, err := os.ReadFile(s.vault())
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func (s seat) names() (names []string) {
	s.t.Helper()
	out, _ := s.totp(0, "", "list", "--json")
	var rows []struct{ Issuer, Account string }
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		s.t.Fatal(err)
	}
	for _, r := range rows {
		names = append(names, r.Issuer+"|"+r.Account)
	}
	return names
}

// TestTOTPAddAndCode adds accounts from standard input and a file, and shows
// their codes.
func TestTOTPAddAndCode(t *testing.T) {
	s := sit(t)
	out, _ := s.totp(0, uriOne+"\n", "add", "-")
	if !strings.Contains(out, "added    Miyako University (sps00001)") || !strings.Contains(out, "added 1, replaced 0, same 0, failed 0") {
		t.Errorf("add: %s", out)
	}
	s.totp(0, "", "add", s.write("more.txt", uriDoor+"\nsteam://"+totpKey+"\n"))
	for name, want := range map[string]string{"sps00001": "452777\n", "miyako": "452777\n", "ＭＩＹＡＫＯ university": "452777\n", "Steam": "53TW6\n"} {
		if out, _ := s.totp(0, "", "code", name, noon); out != want {
			t.Errorf("code %s: %q, want %q", name, out, want)
		}
	}
	if out, _ := s.totp(0, "", "code", "sps", "--at=2025-12-31T23:59:30Z", "--next"); out != "452777\n" {
		t.Errorf("the next code: %q", out)
	}
	out, _ = s.totp(0, "", "code", noon)
	if want := "452 777       30 s  Miyako University (sps00001)\n            --next  door\n53TW6         30 s  Steam\n"; out != want {
		t.Errorf("all:\n%swant\n%s", out, want)
	}
	out, _ = s.totp(0, "", "code", noon, "--json")
	var rows []map[string]any
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) != 3 || rows[0]["code"] != "452777" || rows[0]["valid_until"] != "2026-01-01T00:00:30Z" || rows[1]["code"] != nil || rows[1]["counter"] != 41.0 {
		t.Errorf("%v: %s", err, out)
	}
	if out, _ := s.totp(0, uriOne, "add", "-"); !strings.Contains(out, "same     Miyako") || !strings.Contains(out, "nothing was added") {
		t.Errorf("the same again: %s", out)
	}
}

// TestTOTPNames takes a name that means one account, and names those that a name
// might mean.
func TestTOTPNames(t *testing.T) {
	s := sit(t)
	s.totp(0, "otpauth://totp/A:one?secret="+totpKey+"\notpauth://totp/A:one%20more?secret=GEZDGNBVGY3TQOJQ\n", "add", "-")
	if _, e := s.totp(1, "", "code", "a"); !strings.Contains(e, "several accounts have this name: A (one), A (one more)") {
		t.Errorf("%s", e)
	}
	if out, _ := s.totp(0, "", "code", "one", noon); out != "452777\n" {
		t.Errorf("the whole name of one and a part of another: %s", out)
	}
	if _, e := s.totp(1, "", "code", "two"); !strings.Contains(e, "no account has this name") {
		t.Errorf("%s", e)
	}
}

// TestTOTPList shows everything but the keys.
func TestTOTPList(t *testing.T) {
	s := sit(t)
	s.totp(0, uriOne+"\n"+uriDoor, "add", "-")
	out, _ := s.totp(0, "", "list")
	if want := "totp  SHA1    6 digits, 30 s         Miyako University (sps00001)\nhotp  SHA1    6 digits, counter 41   door\n"; out != want {
		t.Errorf("%swant\n%s", out, want)
	}
	asJSON, _ := s.totp(0, "", "list", "--json")
	if strings.Contains(out+asJSON, "JBSWY3DP") || strings.Contains(strings.ToLower(asJSON), "secret") {
		t.Errorf("a key is shown: %s%s", out, asJSON)
	}
	var rows []map[string]any
	if err := json.Unmarshal([]byte(asJSON), &rows); err != nil || len(rows) != 2 {
		t.Fatalf("%v %s", err, asJSON)
	}
	var keys []string
	for name := range rows[1] {
		keys = append(keys, name)
	}
	slices.Sort(keys)
	if want := []string{"account", "algorithm", "counter", "created_at", "digits", "id", "issuer", "origins", "type", "updated_at"}; !slices.Equal(keys, want) {
		t.Errorf("%v, want %v", keys, want)
	}
}

// TestTOTPFolder makes the file for its owner alone, in a folder for its owner
// alone, also where XDG_DATA_HOME says.
func TestTOTPFolder(t *testing.T) {
	s := sit(t)
	s.flags = []string{"--no-passphrase"}
	data := s.file("data")
	for _, environment := range [][]string{nil, {"XDG_DATA_HOME=" + data}} {
		if err := s.process(environment, uriOne, "add", "-"); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{s.file(".local/share/warifu"), filepath.Join(data, "warifu")} {
		info, err := os.Stat(folder)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", folder, info, err)
		}
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) != 2 {
			t.Errorf("%s: %v, %v", folder, entries, err)
		}
		for _, entry := range entries {
			if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", entry.Name(), info.Mode(), err)
			}
		}
	}
}

// TestTOTPLinkStays replaces the file behind a link, not the link.
func TestTOTPLinkStays(t *testing.T) {
	s := sit(t)
	s.totp(0, uriOne, "add", "-")
	link := s.file("link.json")
	if err := os.Symlink(s.vault(), link); err != nil {
		t.Fatal(err)
	}
	before := s.bytes()
	s.flags[0] = "--vault=" + link
	s.totp(0, uriDoor, "add", "-")
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 || bytes.Equal(s.bytes(), before) {
		t.Errorf("%v, %v", info, err)
	}
}

// TestTOTPPassphrase takes the passphrase from a file, a descriptor or standard
// input, and from nowhere else.
func TestTOTPPassphrase(t *testing.T) {
	s := sit(t)
	passphrase := s.write("passphrase", "正しい馬 battery\r\nsecond line\n")
	vault := s.flags[0]
	s.flags = []string{vault}
	if _, e := s.totp(1, uriOne, "add", "-"); !strings.Contains(e, "--no-passphrase") {
		t.Errorf("no passphrase at all: %s", e)
	}
	if _, e := s.totp(1, uriOne, "add", "-", "--passphrase-file="+s.write("short", "1234567\n")); !strings.Contains(e, "at least 8 characters") {
		t.Errorf("a short one: %s", e)
	}
	if _, err := os.Stat(s.vault()); err == nil {
		t.Error("a file was made")
	}
	s.totp(0, uriOne, "add", "-", "--passphrase-file="+passphrase)
	if text := s.bytes(); bytes.Contains(text, []byte("open")) || bytes.Contains(text, []byte(totpKey)) {
		t.Errorf("%s", text)
	}
	if locked, err := exportfile.IsLocked(s.bytes()); err != nil || !locked {
		t.Errorf("locked: %t, %v", locked, err)
	}
	if out, _ := s.totp(0, "正しい馬 ｂａｔｔｅｒｙ\n", "code", "sps", noon, "--passphrase-file=-"); out != "452777\n" {
		t.Errorf("from standard input, in another width: %s", out)
	}
	c := s.command("code", "sps", noon, "--passphrase-fd=3")
	file, err := os.Open(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c.ExtraFiles = []*os.File{file}
	if out, err := c.Output(); err != nil || string(out) != "452777\n" {
		t.Errorf("from a descriptor: %s, %v", out, err)
	}
	before := s.bytes()
	for _, test := range []struct {
		status int
		want   string
		args   []string
	}{
		{1, "wrong passphrase, or the file is damaged", []string{"--passphrase-file=" + s.write("wrong", "another one\n")}},
		{1, "under a passphrase", nil},
		{1, "--no-passphrase does not open them", []string{"--no-passphrase"}},
		{1, "no passphrase where the flags say", []string{"--passphrase-file=" + s.write("empty", "\n")}},
		{1, "no passphrase where the flags say", []string{"--passphrase-fd=99"}},
		{1, "no such file", []string{"--passphrase-file=" + s.file("gone")}},
		{2, "either in a file", []string{"--passphrase-file=" + passphrase, "--passphrase-fd=3"}},
		{2, "leaves no room", []string{"--passphrase-file=" + passphrase, "--no-passphrase"}},
		{2, "both", []string{"--passphrase-file=-"}},
	} {
		if _, e := s.totp(test.status, uriDoor, append([]string{"add", "-"}, test.args...)...); !strings.Contains(e, test.want) {
			t.Errorf("%v: %s, want %s", test.args, e, test.want)
		}
	}
	s.unchanged(before)
	open := sit(t)
	open.totp(0, uriOne, "add", "-")
	open.flags = open.flags[:1]
	if _, e := open.totp(1, "", "code", "--passphrase-file="+passphrase); !strings.Contains(e, "not encrypted") {
		t.Errorf("a passphrase for what has none: %s", e)
	}
	if out, _ := open.totp(0, "", "code", "sps", noon); out != "452777\n" {
		t.Errorf("without a lock: %s", out)
	}
}

// TestTOTPNothingFromEnvironment looks for keys and passphrases that would be
// taken from where other people see them.
func TestTOTPNothingFromEnvironment(t *testing.T) {
	s := sit(t)
	s.flags = s.flags[:1]
	if s.process([]string{"PASSPHRASE=long enough", "WARIFU_PASSPHRASE=long enough", "PASSPHRASE_FILE=/etc/hostname", "NO_PASSPHRASE=true", "WARIFU_NO_PASSPHRASE=1"}, uriOne, "add", "-") == nil {
		t.Error("taken")
	}
	s.totp(2, "", "add", "--key="+totpKey, "-")
	s.totp(2, "", "add", "--passphrase=long enough", "-")
	_, e := s.totp(1, "", "add", uriOne)
	if strings.Contains(e, "added") {
		t.Errorf("a key from the arguments: %s", e)
	}
}

// TestTOTPCounter stores the counter before the code is shown: each code is shown
// once, and only if asked for.
func TestTOTPCounter(t *testing.T) {
	s := sit(t)
	s.totp(0, uriDoor, "add", "-")
	before := s.bytes()
	if _, e := s.totp(1, "", "code", "door"); !strings.Contains(e, "--next") {
		t.Errorf("%s", e)
	}
	s.unchanged(before)
	first, _ := s.totp(0, "", "code", "door", "--next")
	second, _ := s.totp(0, "", "code", "door", "--next")
	if first != "641241\n" || second == first {
		t.Errorf("%q, %q", first, second)
	}
	if out, _ := s.totp(0, "", "list", "--json"); !strings.Contains(out, `"counter": 43`) {
		t.Errorf("%s", out)
	}
}

// TestTOTPCounterIsStoredFirst shows no code where the counter can't be stored.
func TestTOTPCounterIsStoredFirst(t *testing.T) {
	s := sit(t)
	s.totp(0, "otpauth://hotp/end?secret="+totpKey+"&counter=9007199254740991", "add", "-")
	before := s.bytes()
	out, e := s.totp(1, "", "code", "end", "--next")
	if out != "" || !strings.Contains(e, "come to its end") {
		t.Errorf("%s%s", out, e)
	}
	s.unchanged(before)
	s.totp(0, uriDoor, "add", "-")
	// A folder in the place of the file that is renamed away: writing fails, for root, too.
	before = s.bytes()
	if err := os.Remove(s.vault()); err != nil {
		t.Fatal(err)
	}
	hidden := s.write("hidden.json", string(before))
	if err := os.Mkdir(s.vault(), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, _ := s.totp(1, "", "code", "door", "--next"); out != "" {
		t.Errorf("shown: %s", out)
	}
	if err := os.Remove(s.vault()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(hidden, s.vault()); err != nil {
		t.Fatal(err)
	}
}

// TestTOTPTwoProcesses lets processes change the accounts at once: no account and
// no counter is lost, and no code is shown twice.
func TestTOTPTwoProcesses(t *testing.T) {
	s := sit(t)
	s.totp(0, uriDoor, "add", "-")
	const processes = 8
	codes := make([]string, processes)
	var wait sync.WaitGroup
	for n := range processes {
		wait.Go(func() {
			if err := s.process(nil, fmt.Sprintf("otpauth://totp/account%d?secret=%s%c", n, totpKey[:31], "ABCDEFGHIJKLMNOP"[n]), "add", "-"); err != nil {
				t.Error(err)
			}
			out, err := s.command("code", "door", "--next").Output()
			if err != nil {
				t.Error(err)
			}
			codes[n] = string(out)
		})
	}
	wait.Wait()
	if names := s.names(); len(names) != processes+1 {
		t.Errorf("%d accounts, want %d: %v", len(names), processes+1, names)
	}
	slices.Sort(codes)
	if got := slices.Compact(codes); len(got) != processes {
		t.Errorf("%d codes, want %d", len(got), processes)
	}
	if out, _ := s.totp(0, "", "list", "--json"); !strings.Contains(out, fmt.Sprintf(`"counter": %d`, 41+processes)) {
		t.Errorf("%s", out)
	}
}

// TestTOTPVerify tells by how many steps a code is off, and uses nothing up.
func TestTOTPVerify(t *testing.T) {
	s := sit(t)
	s.totp(0, uriDoor+"\nsteam://"+totpKey+"\n"+strings.Replace(uriOne, "?", "?period=3600&", 1), "add", "-")
	before := s.bytes()
	code, _ := s.totp(0, "", "code", "sps")
	spaced := code[:3] + " " + code[3:6]
	for _, args := range [][]string{{"sps", spaced}, {"sps"}} {
		if out, _ := s.totp(0, code, append([]string{"verify"}, args...)...); out != "0\n" {
			t.Errorf("%v: %s", args, out)
		}
	}
	next, _ := s.totp(0, "", "code", "sps", "--next")
	if out, _ := s.totp(0, "", "verify", "sps", strings.TrimSpace(next), "--json"); strings.Join(strings.Fields(out), "") != `{"accepted":true,"offset":1}` {
		t.Errorf("%s", out)
	}
	steam, _ := s.totp(0, "", "code", "Steam", "--next")
	if out, _ := s.totp(0, "", "verify", "Steam", strings.ToLower(steam)); out != "1\n" && out != "0\n" {
		t.Errorf("Steam: %s", out)
	}
	if out, _ := s.totp(0, "", "verify", "door", "641241"); out != "0\n" {
		t.Errorf("%s", out)
	}
	for _, wrong := range []string{"12345", "1234567", "abcdef", "641240"} {
		out, e := s.totp(1, "", "verify", "door", wrong)
		if out != "" || !strings.Contains(e, "does not match") {
			t.Errorf("%s: %s%s", wrong, out, e)
		}
	}
	if out, _ := s.totp(1, "", "verify", "door", "641240", "--json"); strings.Join(strings.Fields(out), "") != `{"accepted":false}` {
		t.Errorf("%s", out)
	}
	s.unchanged(before)
}

// TestTOTPOffset adds the known error of this machine's clock.
func TestTOTPOffset(t *testing.T) {
	var vectors struct {
		Cases []struct {
			Name, Passphrase string
			File             json.RawMessage
		}
	}
	text, err := os.ReadFile("../../testdata/vectors/export-v1.json")
	if err == nil {
		err = json.Unmarshal(text, &vectors)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := sit(t)
	if err := os.MkdirAll(filepath.Dir(s.vault()), 0o700); err != nil {
		t.Fatal(err)
	}
	s.write("accounts/vault.json", string(vectors.Cases[3].File))
	code, _ := s.totp(0, "", "code", "sps", "--json")
	var rows []struct{ Code string }
	if err := json.Unmarshal([]byte(code), &rows); err != nil {
		t.Fatal(err)
	}
	if out, _ := s.totp(0, "", "verify", "sps", rows[0].Code); out != "0\n" && out != "-1\n" {
		t.Errorf("%s", out)
	}
	if out, _ := s.totp(0, "", "code", "sps", "--at=1767225593"); out != "633020\n" {
		t.Errorf("%s", out)
	}
}

// TestTOTPDamaged says in one line that a file can't be opened, and leaves it.
func TestTOTPDamaged(t *testing.T) {
	s := sit(t)
	s.totp(0, uriOne, "add", "-")
	s.write("accounts/vault.json", "{}")
	before := s.bytes()
	for _, args := range [][]string{{"code"}, {"list"}, {"add", "-"}, {"export", s.file("x")}} {
		if out, e := s.totp(1, uriDoor, args...); out != "" || strings.Count(e, "\n") != 1 {
			t.Errorf("%v: %s%s", args, out, e)
		}
	}
	s.unchanged(before)
	empty := sit(t)
	for _, args := range [][]string{{"code"}, {"list"}, {"code", "x", "--next"}, {"verify", "x", "123456"}, {"export", s.file("x")}} {
		if _, e := empty.totp(1, "", args...); !strings.Contains(e, "no accounts yet") {
			t.Errorf("%v: %s", args, e)
		}
	}
	if _, err := os.Stat(empty.vault()); err == nil {
		t.Error("a file was made")
	}
}

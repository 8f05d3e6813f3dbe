package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/japanese"

	"warifu/internal/config"
)

// shell is a folder in which commands are typed.
type shell struct {
	t   testing.TB
	dir string
}

// run wants this exit status and returns what was printed.
func (s shell) run(status int, args ...string) (out, errOut string) {
	s.t.Helper()
	var o, e bytes.Buffer
	if got := Main(s.t.Context(), args, strings.NewReader(""), &o, &e); got != status {
		s.t.Fatalf("warifu %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, status, o.String(), e.String())
	}
	return o.String(), e.String()
}

func (s shell) file(name string) string { return filepath.Join(s.dir, name) }

func (s shell) write(name, text string) string {
	s.t.Helper()
	if err := os.WriteFile(s.file(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return s.file(name)
}

// install makes an installation as README.md describes it.
func install(t testing.TB) shell {
	t.Helper()
	s := shell{t: t, dir: t.TempDir()}
	s.run(0, "key", "init", s.file("keys"))
	s.run(0, "config", "init", s.file("warifu.yaml"))
	text := strings.NewReplacer("CHANGE-ME", "miyako", "/etc/warifu/keys", "keys",
		"sqlite:/var/lib/warifu/warifu.db", "sqlite:"+s.file("warifu.db")).Replace(config.Example())
	s.write("warifu.yaml", text)
	s.run(0, "config", "check", "-c", s.file("warifu.yaml"))
	s.run(0, "migrate", "-c", s.file("warifu.yaml"))
	return s
}

// TestInstallation follows the steps of a new installation, and what is refused
// on the way.
func TestInstallation(t *testing.T) {
	s := install(t)
	if _, e := s.run(1, "config", "init", s.file("warifu.yaml")); !strings.Contains(e, "exists") {
		t.Errorf("a second init: %s", e)
	}
	out, _ := s.run(0, "key", "list", "-c", s.file("warifu.yaml"))
	if !strings.Contains(out, "key file") {
		t.Errorf("key list: %s", out)
	}
	s.run(0, "key", "init", s.file("keys"))
	s.run(0, "key", "use", s.file("keys"))
	s.run(2, "no-such-command")
	s.run(2, "user", "role", "sps1", "king")
	if out, _ := s.run(0, "version"); !strings.HasPrefix(out, "warifu ") {
		t.Errorf("version: %s", out)
	}
	if out, _ := s.run(0, "config", "reference"); !strings.Contains(out, "`session.idle`") {
		t.Errorf("reference: %s", out)
	}
	if out, _ := s.run(0, "--help"); !strings.Contains(out, "demo") {
		t.Errorf("help: %s", out)
	}
}

// brokenWriter is an output that makes a command panic.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { panic("broken") }

// TestPanicIsNoSuccess lets a panic through: a command that breaks must not
// look like one that found nothing wrong.
func TestPanicIsNoSuccess(t *testing.T) {
	defer func() {
		if recover() != "broken" {
			t.Error("the panic was swallowed")
		}
	}()
	status := Main(t.Context(), []string{"version"}, strings.NewReader(""), brokenWriter{}, &bytes.Buffer{})
	t.Errorf("exit status %d", status)
}

const header = "sps_id,family,given,family_ja,given_ja,family_kana,groups,affiliation,status,mailbox,password_hash\n"

// TestUserImport imports people, first on trial, from both character sets, and
// changes them later.
func TestUserImport(t *testing.T) {
	s := install(t)
	text := header + "S001,Miyako,Hanako,都,花子,ﾐﾔｺ,student;first,student,,s001@miyako.example,\n" +
		"s002,Kamo,Taro,賀茂,太郎,カモ,,staff,,,$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/\n"
	sjis, err := japanese.ShiftJIS.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	c := "--config=" + s.file("warifu.yaml")
	out, _ := s.run(0, "user", "import", "--dry-run", s.write("a.csv", text), c)
	if !strings.Contains(out, "Would be imported: 2 added") {
		t.Errorf("trial: %s", out)
	}
	s.run(1, "user", "show", "s001", c)
	if out, _ := s.run(0, "user", "import", s.write("b.csv", sjis), c); !strings.Contains(out, "2 added") {
		t.Errorf("Shift_JIS: %s", out)
	}
	if out, _ := s.run(0, "user", "import", s.write("c.csv", "\xef\xbb\xbf"+text), c); !strings.Contains(out, "2 unchanged") {
		t.Errorf("again: %s", out)
	}
	out, _ = s.run(0, "user", "show", "S001@miyako.example", "--json", c)
	var who map[string]any
	if err := json.Unmarshal([]byte(out), &who); err != nil || who["sps_id"] != "s001" || fmt.Sprint(who["name_kana"]) != "map[family:ミヤコ]" || fmt.Sprint(who["groups"]) != "[first student]" {
		t.Errorf("show: %v %s", err, out)
	}
	if out, _ := s.run(0, "user", "import", s.write("d.csv", strings.Replace(text, "student,,s001", "student,suspended,s001", 1)), c); !strings.Contains(out, "1 changed (1 of them suspended)") {
		t.Errorf("suspension: %s", out)
	}
}

// TestUserImportFaults names every faulty line with its number, and imports nothing.
func TestUserImportFaults(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	file := s.write("a.csv", header+
		"good,Miyako,Hanako,,,,,student,,,\n"+ // line 2
		",Miyako,Hanako,,,,,student,,,\n"+ // 3: no ID
		"s3,Miyako,Hanako,,,,,king,,,\n"+ // 4: affiliation
		"s4,,,,,,,student,,,\n"+ // 5: no name
		"GOOD,Miyako,Hanako,,,,,student,,,\n"+ // 6: twice
		"s6,Miyako,Hanako,,,,,student,gone,,\n"+ // 7: status
		"s7,Miyako,Hanako,,,,,student,,,plain-password\n"+ // 8: hash
		"s8,Miyako\n"+ // 9: too few fields
		"s9,Miya\x07ko,Hanako,,,,,student,,,\n") // 10: control character
	_, e := s.run(1, "user", "import", file, c)
	for line := 3; line <= 10; line++ {
		if !strings.Contains(e, fmt.Sprintf("line %d: ", line)) {
			t.Errorf("line %d is not named in\n%s", line, e)
		}
	}
	if strings.Contains(e, "line 2:") || !strings.Contains(e, "nothing was imported") {
		t.Errorf("%s", e)
	}
	s.run(1, "user", "show", "good", c)
	if _, e := s.run(1, "user", "import", s.write("b.csv", "name\nx\n"), c); !strings.Contains(e, "there is no such column") {
		t.Errorf("header: %s", e)
	}
	if _, e := s.run(1, "user", "import", s.write("c.csv", "sps_id\n\xff\xff\n"), c); !strings.Contains(e, "neither UTF-8 nor Shift_JIS") {
		t.Errorf("character set: %s", e)
	}
}

// TestUserCommands does with a person what an administrator does. THR-3, ENR-1.
func TestUserCommands(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	s.run(0, "user", "import", s.write("a.csv", "sps_id,display,mailbox\ns1,One,s1@miyako.example\n"), c)
	s.run(0, "user", "suspend", "s1", "--reason=left", c)
	if out, _ := s.run(0, "user", "show", "s1", c); !strings.Contains(out, "status suspended") {
		t.Errorf("%s", out)
	}
	s.run(0, "user", "resume", "s1", c)
	s.run(0, "user", "unlock", "s1", c)
	s.run(0, "user", "role", "s1", "agent", c)
	out, _ := s.run(0, "user", "activation-code", "s1", c)
	if code, _, _ := strings.Cut(out, "\n"); len(code) != 19 || strings.Count(code, "-") != 3 || strings.ContainsAny(code, "OIL") {
		t.Errorf("activation code: %s", out)
	}
	for _, command := range []string{"show", "suspend", "resume", "unlock", "activation-code"} {
		if _, e := s.run(1, "user", command, "nobody", c); !strings.Contains(e, "no such subscriber") {
			t.Errorf("%s: %s", command, e)
		}
	}
}

// TestClientCommands registers a service, gives it another secret, and switches
// it off. OIDC-2, OIDC-8.
func TestClientCommands(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	add := []string{"client", "add", "lms", "--name-ja=学習支援", "--name-en=Learning", "--redirect-uri=https://lms.miyako.example/cb", "--json", c}
	out, _ := s.run(0, add...)
	var first map[string]string
	if err := json.Unmarshal([]byte(out), &first); err != nil || len(first["client_secret"]) != 43 {
		t.Fatalf("%v %s", err, out)
	}
	if _, e := s.run(1, add...); !strings.Contains(e, "already") {
		t.Errorf("twice: %s", e)
	}
	out, _ = s.run(0, "client", "show", "lms", c)
	if strings.Contains(out, first["client_secret"]) || !strings.Contains(out, "https://lms.miyako.example/cb") {
		t.Errorf("show: %s", out)
	}
	if out, _ := s.run(0, "client", "secret", "lms", c); strings.Contains(out, first["client_secret"]) {
		t.Errorf("the secret stayed: %s", out)
	}
	s.run(0, "client", "disable", "lms", c)
	if out, _ := s.run(0, "client", "list", c); !strings.Contains(out, "off  Learning") {
		t.Errorf("list: %s", out)
	}
	s.run(0, "client", "enable", "lms", c)
	s.run(1, "client", "show", "nobody", c)
	if _, e := s.run(1, "client", "add", "bad", "--name-ja=あ", "--name-en=A", "--redirect-uri=http://a.example/*", c); !strings.Contains(e, "redirect") && !strings.Contains(e, "wildcard") {
		t.Errorf("bad: %s", e)
	}
	if out, _ := s.run(0, "audit", "verify", c); !strings.Contains(out, "Head: ") {
		t.Errorf("audit verify: %s", out)
	}
	if out, _ := s.run(0, "audit", "export", "--name=service.changed", c); strings.Count(out, "\n") != 4 {
		t.Errorf("audit export: %s", out)
	}
}

// BenchmarkImport imports 30,000 people with hashes brought along.
func BenchmarkImport(b *testing.B) {
	var text strings.Builder
	text.WriteString("sps_id,display,password_hash\n")
	for n := range 30_000 {
		fmt.Fprintf(&text, "s%06d,Person %d,$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/\n", n, n)
	}
	for b.Loop() {
		b.StopTimer()
		s := install(b)
		file := s.write("a.csv", text.String())
		b.StartTimer()
		s.run(0, "user", "import", file, "--config="+s.file("warifu.yaml"))
	}
}

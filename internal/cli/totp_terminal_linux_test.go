package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a pseudoterminal: where a person sits, and
// where a command does.
func openTerminal(t testing.TB) (person, terminal *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	number, errNumber := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	errUnlock := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	terminal, errOpen := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err := errors.Join(errNumber, errUnlock, errOpen); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return person, terminal
}

// answer is what a person types when the command asks something.
type answer struct{ question, typed string }

// talk runs a command on a terminal and answers its questions. It returns what
// stood on the screen at the end, and the exit status.
func (s seat) talk(answers []answer, args ...string) (screen string, status int) {
	s.t.Helper()
	person, terminal := openTerminal(s.t)
	c := s.command(args...)
	c.Stdin, c.Stdout, c.Stderr = terminal, terminal, terminal
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	terminal.Close()
	var seen bytes.Buffer
	unanswered := 0
	buffer := make([]byte, 4096)
	for {
		n, err := person.Read(buffer)
		seen.Write(buffer[:n])
		if len(answers) > 0 && strings.Contains(seen.String()[unanswered:], answers[0].question) {
			unanswered = seen.Len()
			if _, err := person.WriteString(answers[0].typed); err != nil {
				s.t.Error(err)
			}
			answers = answers[1:]
		}
		if err != nil { // the other end is closed
			break
		}
	}
	if err := c.Wait(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			s.t.Fatal(err)
		}
	}
	if len(answers) > 0 {
		s.t.Errorf("never asked: %s\n%s", answers[0].question, seen.String())
	}
	return seen.String(), c.ProcessState.ExitCode()
}

// TestTOTPOnATerminal asks for what is missing; what is secret is not shown.
func TestTOTPOnATerminal(t *testing.T) {
	s := sit(t)
	s.flags = s.flags[:1]
	screen, status := s.talk([]answer{{"Issuer: ", "Miyako University\n"}, {"Account: ", "sps00001\n"}, {"Key (Base32, not shown): ", "jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp\n"},
		{"Choose a passphrase", "a long passphrase\n"}, {"Once more: ", "a long passphrase\n"}}, "add")
	if status != 0 || !strings.Contains(screen, "added    Miyako University (sps00001)") || strings.Contains(screen, "jbsw") || strings.Contains(screen, "a long passphrase") {
		t.Fatalf("%d\n%s", status, screen)
	}
	if screen, status := s.talk([]answer{{"Passphrase of the accounts: ", "a long passphrase\n"}}, "code", "sps", noon); status != 0 || !strings.Contains(screen, "452777") || strings.Contains(screen, "a long passphrase") {
		t.Errorf("%d\n%s", status, screen)
	}
	before := s.bytes()
	if screen, status := s.talk([]answer{{"Passphrase of the accounts: ", "a wrong passphrase\n"}}, "code"); status != 1 || !strings.Contains(screen, "wrong passphrase") {
		t.Errorf("%d\n%s", status, screen)
	}
	screen, status = s.talk([]answer{{"Passphrase of the accounts: ", "a long passphrase\n"}, {"Choose a passphrase for the file: ", "another one\n"}, {"Once more: ", "another two\n"}}, "export", s.file("x"))
	if status != 1 || !strings.Contains(screen, "differ") {
		t.Errorf("%d\n%s", status, screen)
	}
	if _, err := os.Stat(s.file("x")); err == nil {
		t.Error("a file was written")
	}
	s.unchanged(before)
}

// TestTOTPConflictOnATerminal asks what becomes of an account of the same name,
// until it is answered.
func TestTOTPConflictOnATerminal(t *testing.T) {
	for typed, want := range map[string]string{"replace": "replaced", "k": "added", "S": "skipped"} {
		s := sit(t)
		s.totp(0, uriOne, "add", "-")
		file := s.write("new.txt", uriNew)
		screen, status := s.talk([]answer{{"[replace/keep/skip] ", "perhaps\n"}, {"[replace/keep/skip] ", "\n"}, {"[replace/keep/skip] ", typed + "\n"}}, "import", file)
		if status != 0 || !strings.Contains(screen, want+" ") {
			t.Errorf("%s: %d\n%s", typed, status, screen)
		}
	}
	s := sit(t)
	s.totp(0, uriOne, "add", "-")
	before := s.bytes()
	if screen, status := s.talk([]answer{{"[replace/keep/skip] ", "\x04"}}, "import", s.write("new.txt", uriNew)); status != 1 {
		t.Errorf("end of input: %d\n%s", status, screen)
	}
	s.unchanged(before)
}

// TestTOTPInterrupted leaves the terminal as it was when a person breaks off while
// a passphrase is asked for.
func TestTOTPInterrupted(t *testing.T) {
	s := sit(t)
	s.flags = s.flags[:1]
	s.totp(0, uriOne, "add", "-", "--passphrase-file="+s.write("passphrase", "a long passphrase\n"))
	person, terminal := openTerminal(t)
	before, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	c := s.command("code")
	c.Stdin, c.Stdout, c.Stderr = terminal, terminal, terminal
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var screen []byte
	buffer := make([]byte, 4096)
	for !bytes.Contains(screen, []byte("Passphrase of the accounts: ")) {
		n, err := person.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		screen = append(screen, buffer[:n]...)
	}
	if _, err := person.WriteString("a long\x03"); err != nil {
		t.Fatal(err)
	}
	waited := c.Wait()
	after, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil || *after != *before || c.ProcessState.ExitCode() != 1 {
		t.Errorf("%v, %v, status %d, %+v, before %+v", err, waited, c.ProcessState.ExitCode(), after, before)
	}
}

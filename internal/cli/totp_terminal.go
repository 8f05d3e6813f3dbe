package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// errNoTerminal is for a question that nobody is there to answer.
var errNoTerminal = errors.New("standard input is no terminal")

// terminal returns the terminal that standard input is, if it is one.
func (e *Env) terminal() (*os.File, bool) {
	file, ok := e.In.(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd()))
}

// ask asks a person. The question goes to standard error, so that standard output
// is the result alone.
func (e *Env) ask(question string) (string, error) {
	if _, ok := e.terminal(); !ok {
		return "", errNoTerminal
	}
	fmt.Fprint(e.Err, question)
	return readLine(e.In)
}

// line reads a line of standard input, after the question if that is a terminal.
func (e *Env) line(question string) (string, error) {
	if _, ok := e.terminal(); ok {
		fmt.Fprint(e.Err, question)
	}
	return readLine(e.In)
}

// errInterrupted is for a question that was broken off.
var errInterrupted = errors.New("interrupted")

// askHidden asks for something that is not shown while it is typed. The terminal
// shows nothing any more before the question is there, and is left as it was,
// also if the person breaks off (Ctrl-C, Ctrl-D).
func (e *Env) askHidden(question string) (text string, err error) {
	file, ok := e.terminal()
	if !ok {
		return "", errNoTerminal
	}
	fd := int(file.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, term.Restore(fd, before)) }()
	screen := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{file, e.Err}, "")
	text, err = screen.ReadPassword(question)
	if errors.Is(err, io.EOF) {
		return "", errInterrupted
	}
	return text, err
}

// maxLine is the longest line that is read, in bytes.
const maxLine = 64 << 10

// readLine reads up to the end of a line, and nothing of what follows it.
func readLine(in io.Reader) (string, error) {
	var line []byte
	var b [1]byte
	for {
		n, err := in.Read(b[:])
		switch {
		case n == 1 && b[0] == '\n':
			return strings.TrimSuffix(string(line), "\r"), nil
		case n == 1 && len(line) == maxLine:
			return "", errors.New("the line is too long")
		case n == 1:
			line = append(line, b[0])
		case errors.Is(err, io.EOF) && len(line) > 0:
			return string(line), nil
		case errors.Is(err, io.EOF):
			return "", errors.New("standard input has ended")
		case err != nil:
			return "", err
		}
	}
}

// minPassphrase is the fewest characters of a passphrase that is chosen.
const minPassphrase = 8

// passphraseFlags say where a passphrase is read if not from the terminal.
type passphraseFlags struct {
	PassphraseFile string `placeholder:"FILE" type:"path" help:"Read the passphrase from the first line of a file; - is standard input."`
	PassphraseFD   *int   `name:"passphrase-fd" placeholder:"N" help:"Read the passphrase from the first line of an open file descriptor."`
}

// fileFlags say where the passphrase of a file is read that is imported or
// exported: another one than that of the accounts.
type fileFlags struct {
	FilePassphraseFile string `placeholder:"FILE" type:"path" help:"Read the passphrase of the imported or exported file from the first line of a file."`
	FilePassphraseFD   *int   `name:"file-passphrase-fd" placeholder:"N" help:"Read the passphrase of the imported or exported file from the first line of an open file descriptor."`
}

// ofFile returns where that passphrase is read.
func (f fileFlags) ofFile() passphraseFlags {
	return passphraseFlags{PassphraseFile: f.FilePassphraseFile, PassphraseFD: f.FilePassphraseFD}
}

func (p passphraseFlags) given() bool { return p.PassphraseFile != "" || p.PassphraseFD != nil }

// Validate refuses two sources.
func (p passphraseFlags) Validate() error {
	if p.PassphraseFile != "" && p.PassphraseFD != nil {
		return errors.New("the passphrase is either in a file or behind a file descriptor")
	}
	return nil
}

// read reads the passphrase from where the flags say.
func (p passphraseFlags) read(env *Env) (string, error) {
	in := env.In
	switch {
	case p.PassphraseFD != nil && *p.PassphraseFD != 0:
		file := os.NewFile(uintptr(*p.PassphraseFD), "passphrase")
		if file == nil {
			return "", errors.New("the file descriptor of the passphrase is not open")
		}
		defer file.Close()
		in = file
	case p.PassphraseFile != "" && p.PassphraseFile != "-":
		file, err := os.Open(p.PassphraseFile)
		if err != nil {
			return "", err
		}
		defer file.Close()
		in = file
	}
	passphrase, err := readLine(in)
	if err != nil || passphrase == "" || !utf8.ValidString(passphrase) {
		return "", errors.New("there is no passphrase where the flags say, or it is not UTF-8")
	}
	return passphrase, nil
}

// enter returns the passphrase of something that is opened.
func (p passphraseFlags) enter(env *Env, question string) (string, error) {
	if p.given() {
		return p.read(env)
	}
	return env.askHidden(question)
}

// choose returns the passphrase of something that is made: on a terminal it is
// typed twice.
func (p passphraseFlags) choose(env *Env, question string) (string, error) {
	passphrase, err := p.enter(env, question)
	if err != nil {
		return "", err
	}
	if utf8.RuneCountInString(passphrase) < minPassphrase {
		return "", fmt.Errorf("a passphrase has at least %d characters", minPassphrase)
	}
	if p.given() {
		return passphrase, nil
	}
	again, err := env.askHidden("Once more: ")
	if err == nil && again != passphrase {
		err = errors.New("the two passphrases differ")
	}
	return passphrase, err
}

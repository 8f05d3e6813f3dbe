// Package firefox has stories told in Firefox ESR, which is driven over WebDriver
// BiDi without another program.
package firefox

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// PageTime bounds everything that a page may take; deriving a key is among it.
const PageTime = 20 * time.Second

// startTime bounds the start. A session begins when the browser has done what it
// puts off until it is idle, which on a busy machine it rarely is.
const startTime = 90 * time.Second

// Browser is a Firefox with a profile of its own.
type Browser struct {
	t    *testing.T
	pid  int // of all its processes, as a group
	bidi *bidi
	seen map[string]bool // contexts that were found already
}

// Program is Firefox ESR.
const Program = "firefox-esr"

// Start starts a browser that asks for Japanese, and ends it with the test: Program,
// or one that comes to it in the end. Prefs are set besides: a text, a number or a
// bool each.
func Start(t *testing.T, program string, prefs map[string]any) *Browser {
	t.Helper()
	profile := t.TempDir()
	lines := []string{`user_pref("intl.accept_languages", "ja");`}
	for name, value := range prefs {
		lines = append(lines, fmt.Sprintf("user_pref(%q, %#v);", name, value))
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	process := exec.CommandContext(ctx, program, "--headless", "--no-remote", "--profile", profile, "--remote-allow-system-access", "--remote-debugging-port", "0")
	process.Env = append(os.Environ(), "HOME="+profile)
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = process.Wait() })
	conn, err := connect(bufio.NewScanner(stderr))
	if err != nil {
		t.Fatalf("firefox: %v", err)
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }() // so that it is never kept waiting
	if err := conn.call(startTime, "session.new", map[string]any{"capabilities": map[string]any{}}, nil); err != nil {
		t.Fatal(err)
	}
	return &Browser{t: t, pid: process.Process.Pid, bidi: conn, seen: make(map[string]bool)}
}

// Sleep stops the browser as a machine that sleeps does, until it wakes or the test
// ends.
func (b *Browser) Sleep() {
	b.t.Helper()
	b.signal(syscall.SIGSTOP)
	b.t.Cleanup(b.Wake)
}

// Wake lets the browser go on.
func (b *Browser) Wake() { b.t.Helper(); b.signal(syscall.SIGCONT) }

func (b *Browser) signal(s syscall.Signal) {
	b.t.Helper()
	if err := syscall.Kill(-b.pid, s); err != nil {
		b.t.Fatal(err)
	}
}

// In returns the browser for a subtest.
func (b *Browser) In(t *testing.T) *Browser {
	same := *b
	same.t = t
	return &same
}

var listening = regexp.MustCompile(`WebDriver BiDi listening on (ws://\S+)`)

// connect connects to the browser as soon as it says where it listens.
func connect(stderr *bufio.Scanner) (*bidi, error) {
	for stderr.Scan() {
		if found := listening.FindStringSubmatch(stderr.Text()); found != nil {
			return dial(found[1] + "/session")
		}
	}
	return nil, fmt.Errorf("it ends before it listens: %w", stderr.Err())
}

// Call sends a command of WebDriver BiDi, and fills in its result.
func (b *Browser) Call(method string, params, result any) {
	b.t.Helper()
	if err := b.bidi.call(PageTime, method, params, result); err != nil {
		b.t.Fatal(err)
	}
}

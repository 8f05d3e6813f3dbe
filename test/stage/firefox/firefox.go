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
	"testing"
	"time"
)

// PageTime bounds everything that a page may take; deriving a key is among it.
const PageTime = 20 * time.Second

// Browser is a Firefox with a profile of its own.
type Browser struct {
	t    *testing.T
	bidi *bidi
	seen map[string]bool // contexts that were found already
}

// Start starts a browser that asks for Japanese, and ends it with the test. Prefs
// are set besides: a text, a number or a bool each.
func Start(t *testing.T, prefs map[string]any) *Browser {
	t.Helper()
	profile := t.TempDir()
	lines := []string{`user_pref("intl.accept_languages", "ja");`, `user_pref("remote.log.level", "Debug");`} // for ready
	for name, value := range prefs {
		lines = append(lines, fmt.Sprintf("user_pref(%q, %#v);", name, value))
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	process := exec.CommandContext(ctx, "firefox-esr", "--headless", "--no-remote", "--profile", profile, "--remote-allow-system-access", "--remote-debugging-port", "0")
	process.Env = append(os.Environ(), "HOME="+profile)
	said, says := io.Pipe()
	process.Stdout, process.Stderr = says, says
	process.WaitDelay = PageTime // its content processes hold the pipe, too
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = process.Wait(); says.Close() })
	b := &Browser{t: t, seen: make(map[string]bool)}
	var err error
	if b.bidi, err = ready(bufio.NewScanner(said)); err != nil {
		t.Fatalf("firefox: %v", err)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }() // so that it is never kept waiting
	b.Call("session.new", map[string]any{"capabilities": map[string]any{}}, nil)
	return b
}

var listening = regexp.MustCompile(`WebDriver BiDi listening on (ws://\S+)`)

// ready connects to the browser as soon as it listens, and returns when it hears
// what the connection says. Its handshake is answered earlier: while the browser
// still starts, a command that follows at once can be lost, because nobody in it
// listens to the new WebSocket yet.
func ready(lines *bufio.Scanner) (b *bidi, err error) {
	for lines.Scan() {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			if b, err = dial(found[1] + "/session"); err != nil {
				return nil, err
			}
		}
		if b != nil && strings.Contains(lines.Text(), "WebDriverBiDiConnection") && strings.HasSuffix(lines.Text(), "accepted") {
			return b, nil
		}
	}
	return nil, fmt.Errorf("it ends before it is ready: %w", lines.Err())
}

// Call sends a command of WebDriver BiDi, and fills in its result.
func (b *Browser) Call(method string, params, result any) {
	b.t.Helper()
	if err := b.bidi.call(method, params, result); err != nil {
		b.t.Fatal(err)
	}
}

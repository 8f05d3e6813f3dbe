// Package e2e tells the stories of the people who use the system, in real
// Chromium against the real program, with real SMTP and real relying services.
package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is the demonstration that all stories share. Each story has a person
// of its own, so that they do not disturb each other.
var server *demo

// program is the binary that the stories run.
var program string

// people are how many made-up persons there are for the stories.
const people = 200

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "warifu-e2e-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "warifu")
	build := exec.Command("go", "build", "-o", program, "warifu/cmd/warifu")
	if out, err := build.CombinedOutput(); err != nil {
		return fail(fmt.Errorf("%w\n%s", err, out))
	}
	if server, err = startDemo(program); err != nil {
		return fail(err)
	}
	defer server.stop()
	code := m.Run()
	if os.Getenv("E2E_EFFORT") != "" {
		printWays(os.Stdout)
		printWeights(os.Stdout)
	}
	return code
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

// demo is a running demonstration.
type demo struct {
	port    int
	process *exec.Cmd
	output  *output
	ended   chan error
}

// output collects what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// startDemo starts the program and waits until it says where it serves.
func startDemo(program string, more ...string) (*demo, error) {
	port, err := freePorts(6)
	if err != nil {
		return nil, err
	}
	d := &demo{port: port, output: &output{}, ended: make(chan error, 1)}
	args := append([]string{"demo", "--port-base", fmt.Sprint(port), "--seed-users", fmt.Sprint(people)}, more...)
	d.process = exec.Command(program, args...)
	d.process.Stdout, d.process.Stderr = d.output, d.output
	if err := d.process.Start(); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.process.Wait() }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return d, d.waitReady(ctx)
}

func (d *demo) waitReady(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-d.ended:
			return fmt.Errorf("the demonstration ended: %w\n%s", err, d.output)
		case <-ctx.Done():
			return fmt.Errorf("the demonstration does not answer\n%s", d.output)
		case <-tick.C:
		}
		if answer, err := http.Get(d.operation() + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK && strings.Contains(d.output.String(), d.mailPage()) { // the table has been printed
				return nil
			}
		}
	}
}

func (d *demo) stop() {
	_ = d.process.Process.Signal(syscall.SIGTERM)
	<-d.ended
}

func (d *demo) base() string      { return fmt.Sprintf("http://localhost:%d", d.port) }
func (d *demo) service() string   { return fmt.Sprintf("http://localhost:%d", d.port+1) }
func (d *demo) library() string   { return fmt.Sprintf("http://localhost:%d", d.port+2) }
func (d *demo) mailPage() string  { return fmt.Sprintf("http://localhost:%d", d.port+4) }
func (d *demo) operation() string { return fmt.Sprintf("http://127.0.0.1:%d", d.port+5) }

// freePorts returns the first of n ports in a row that nobody listens on.
func freePorts(n int) (int, error) {
	for first := 21000 + os.Getpid()%1000*10; first < 60000; first += n {
		if allFree(first, n) {
			return first, nil
		}
	}
	return 0, fmt.Errorf("no %d free ports in a row", n)
}

func allFree(first, n int) bool {
	for port := first; port < first+n; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

// nextPerson gives each story persons of its own.
var nextPerson = func() func() person {
	var mu sync.Mutex
	n := 0
	return func() person {
		mu.Lock()
		defer mu.Unlock()
		n++
		return seeded(n)
	}
}()

// person is one of the demonstration's people.
type person struct {
	id     string
	secret string // of the Authenticator, base32; empty if none
}

const password = "warifu-demo-2026"

var (
	newcomer  = person{"sps00003", ""}
	suspended = person{"sps00004", ""}
)

// lines joins what a page shows, for error messages.
func lines(text string) string { return strings.Join(strings.Fields(text), " ") }

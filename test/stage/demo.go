// Package stage sets up what stories are told on: the demonstration in a process
// of its own, and its people.
package stage

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Demo is a running demonstration.
type Demo struct {
	Process *exec.Cmd
	Output  *Output

	port  int
	ended chan error
}

// Output collects what a process prints.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Build makes the binary that the stories run.
func Build(program string) error {
	if out, err := exec.Command("go", "build", "-o", program, "warifu/cmd/warifu").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// Start starts a demonstration on free ports and waits until it says where it
// serves.
func Start(program string, args ...string) (*Demo, error) {
	port, err := FreePorts(6)
	if err != nil {
		return nil, err
	}
	d := &Demo{port: port, Output: &Output{}, ended: make(chan error, 1)}
	d.Process = exec.Command(program, append([]string{"demo", "--port-base", fmt.Sprint(port)}, args...)...)
	d.Process.Stdout, d.Process.Stderr = d.Output, d.Output
	if err := d.Process.Start(); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.Process.Wait() }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return d, d.waitReady(ctx)
}

func (d *Demo) waitReady(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-d.ended:
			return fmt.Errorf("the demonstration ended: %w\n%s", err, d.Output)
		case <-ctx.Done():
			return fmt.Errorf("the demonstration does not answer\n%s", d.Output)
		case <-tick.C:
		}
		if answer, err := http.Get(d.Operation() + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK && strings.Contains(d.Output.String(), d.MailPage()) { // the table has been printed
				return nil
			}
		}
	}
}

// Stop ends the demonstration as Ctrl-C does, and waits for its end.
func (d *Demo) Stop() {
	_ = d.Process.Process.Signal(syscall.SIGTERM)
	<-d.ended
}

// Port is the first of its ports, the server's.
func (d *Demo) Port() int { return d.port }

// Base is the address of the server.
func (d *Demo) Base() string { return fmt.Sprintf("http://localhost:%d", d.port) }

// Service is the address of the demonstration's OIDC service.
func (d *Demo) Service() string { return fmt.Sprintf("http://localhost:%d", d.port+1) }

// Library is the service that speaks SAML.
func (d *Demo) Library() string { return fmt.Sprintf("http://localhost:%d", d.port+2) }

// SMTP is the port that takes mails.
func (d *Demo) SMTP() int { return d.port + 3 }

// MailPage is the address of the mail catcher.
func (d *Demo) MailPage() string { return fmt.Sprintf("http://localhost:%d", d.port+4) }

// Operation is the address of the second listener.
func (d *Demo) Operation() string { return fmt.Sprintf("http://127.0.0.1:%d", d.port+5) }

// FreePorts returns the first of n ports in a row that nobody listens on.
func FreePorts(n int) (int, error) {
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

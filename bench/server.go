package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"warifu/test/stage"
)

// server is a directory of people, and the process that serves it.
type server struct {
	program, data string
	port          int // of the server; the second listener has the next
	mailPort      int
	sink          *sink
	secret        string  // of the service that this program is
	database      string  // as in the configuration
	schema        string  // on -database
	first         *server // node of the same database, for whose address this one answers; nil if there is none

	process *exec.Cmd
	ended   chan error

	mu     sync.Mutex
	people int
	next   int           // index of the next person
	last   map[int]int64 // TOTP step that each has used last
}

// newServer has a demonstration make people, and writes the configuration of
// the server that has them.
func newServer(program, data string, people int) (*server, error) {
	if err := makePeople(program, data, people); err != nil {
		return nil, err
	}
	port, err := stage.FreePorts(2)
	if err != nil {
		return nil, err
	}
	sink, mailPort, err := newSink()
	if err != nil {
		return nil, err
	}
	s := &server{program: program, data: data, port: port, mailPort: mailPort, sink: sink, secret: rand.Text() + rand.Text(), people: people, last: make(map[int]int64), database: "sqlite:warifu.db"}
	if *database == "" {
		return s, os.WriteFile(s.file(), []byte(s.configuration()), 0o600)
	}
	if err := s.moveToPostgres(context.Background()); err != nil {
		return nil, errors.Join(err, s.dropSchema(context.Background()))
	}
	return s, nil
}

func makePeople(program, data string, people int) error {
	port, err := stage.FreePorts(6)
	if err != nil {
		return err
	}
	demo := &server{port: port, process: exec.Command(program, "demo", "--port-base", fmt.Sprint(port), "--data", data, "--seed-users", fmt.Sprint(people))}
	defer demo.stop()
	return demo.run(fmt.Sprintf("http://127.0.0.1:%d/readyz", port+5))
}

func (s *server) file() string {
	if s.first != nil {
		return filepath.Join(s.data, fmt.Sprintf("warifu-%d.yaml", s.port))
	}
	return filepath.Join(s.data, "warifu.yaml")
}

func (s *server) base() string {
	if s.first != nil {
		return s.first.base()
	}
	return fmt.Sprintf("http://localhost:%d", s.port)
}

// another runs one more node on the database of s.
func (s *server) another() (*server, error) {
	port, err := stage.FreePorts(2)
	if err != nil {
		return nil, err
	}
	n := &server{program: s.program, data: s.data, port: port, mailPort: s.mailPort, secret: s.secret, database: s.database, first: s}
	if err := os.WriteFile(n.file(), []byte(n.configuration()), 0o600); err != nil {
		return nil, err
	}
	n.process = exec.Command(n.program, "serve", "-c", n.file())
	return n, n.run(fmt.Sprintf("http://127.0.0.1:%d/readyz", n.port+1))
}

func (s *server) configuration() string {
	digest := sha256.Sum256([]byte(s.secret))
	return fmt.Sprintf(`
base_url: %s
listen: 127.0.0.1:%d
operation_listen: 127.0.0.1:%d
database: %q
most_streams: 100000
desk: {alarm_at: 10000, stop_at: 10000}
throttle: {address_failures: 1000000, mail_network: 1000}
key_file: keys
institution:
  name: {ja: みやこ大学, en: Miyako University}
  app_short: {ja: みやこ大学認証, en: Miyako Login}
  mail_domains: [miyako.example]
help_desk:
  name: {ja: 情報環境支援センター, en: ICT Support Center}
  telephone: 075-000-0000
mail: {host: 127.0.0.1, port: %d, encryption: none, from: no-reply@miyako.example}
services:
- id: %s
  name: {ja: 測定, en: Bench}
  protocol: oidc
  secret_sha256: [%s]
  redirect_uris: [%q]
  release: {optional: [name, email]}
- id: bench-saml
  name: {ja: 測定, en: Bench}
  protocol: saml
  entity_id: %s
  metadata: '%s'
  release: {optional: [name, email, pairwise_id]}
`, s.base(), s.port, s.port+1, s.database, s.mailPort, clientID, hex.EncodeToString(digest[:]), redirectURI, entityID, spMetadata)
}

// start runs the server alone.
func (s *server) start() error {
	s.process = exec.Command(s.program, "serve", "-c", s.file())
	return s.run(s.base() + "/login")
}

// run starts the process and waits until this address answers.
func (s *server) run(address string) error {
	var says bytes.Buffer
	s.process.Stderr = &says
	s.ended = make(chan error, 1)
	if err := s.process.Start(); err != nil {
		return err
	}
	go func() { s.ended <- s.process.Wait() }()
	for deadline := time.Now().Add(10 * time.Minute); time.Now().Before(deadline); {
		select {
		case err := <-s.ended:
			s.process = nil
			return fmt.Errorf("the server ended: %w\n%s", err, &says)
		case <-time.After(time.Millisecond):
		}
		if answer, err := http.Get(address); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return fmt.Errorf("no answer from %s", address)
}

func (s *server) stop() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(30 * time.Second):
		_ = s.process.Process.Kill()
		<-s.ended
	}
	s.process = nil
}

// remove stops the server and takes its schema away.
func (s *server) remove() {
	s.stop()
	if err := s.dropSchema(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// cpu returns the processor time that the server has taken, exact to 10 ms. It
// has no processes below it.
func (s *server) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+2:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, err // USER_HZ is 100
}

// memory returns a line of the process's status in MiB: VmRSS, or the highest
// that it was, VmHWM.
func (s *server) memory(line string) (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), line+":"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kib) / 1024, err
		}
	}
	return 0, fmt.Errorf("no %s", line)
}

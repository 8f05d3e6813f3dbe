package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a running demonstration.
type server struct {
	process *exec.Cmd
	port    int
	people  int
	next    int // number of the next made-up person
	ended   bool
}

const firstPort = 28100

var ports = firstPort

func start(program, data string, people int) (*server, error) {
	ports += 10
	s := &server{port: ports, people: people}
	s.process = exec.Command(program, "demo", "--port-base", fmt.Sprint(s.port), "--data", data, "--seed-users", fmt.Sprint(people))
	s.process.Stderr = os.Stderr
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	return s, s.ready()
}

// ready waits until the server answers.
func (s *server) ready() error {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/readyz", s.port+5))
		if err == nil {
			answer.Body.Close()
			return nil
		}
	}
	return fmt.Errorf("no answer on port %d", s.port)
}

// restart returns the time from start to the first answer on an existing store.
func restart(program, data string) (time.Duration, error) {
	var all []time.Duration
	for range 5 {
		before := time.Now()
		s, err := start(program, data, 0)
		if err != nil {
			return 0, err
		}
		all = append(all, time.Since(before))
		s.stop()
	}
	return median(all), nil
}

func (s *server) stop() {
	if s.ended {
		return
	}
	s.ended = true
	_ = s.process.Process.Signal(syscall.SIGTERM)
	_ = s.process.Wait()
}

// cpu returns the processor time that the server has taken, exact to 10 ms.
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

// memory returns the resident memory in MiB.
func (s *server) memory() (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			return float64(kib) / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS")
}

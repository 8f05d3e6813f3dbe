package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// sink takes mail on a port of its own and forgets it, so that the server's mail
// has somewhere to go. It tells who waits for a mail when it has come.
type sink struct {
	mu      sync.Mutex
	waiting map[string]chan time.Time // by address
}

func newSink() (s *sink, port int, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, 0, err
	}
	s = &sink{waiting: make(map[string]chan time.Time)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.swallow(c)
		}
	}()
	return s, l.Addr().(*net.TCPAddr).Port, nil
}

// expect returns where the time of the next mail to an address will be told.
func (s *sink) expect(address string) <-chan time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	arrived := make(chan time.Time, 1)
	s.waiting[address] = arrived
	return arrived
}

func (s *sink) arrived(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if arrived, ok := s.waiting[address]; ok {
		arrived <- time.Now()
		delete(s.waiting, address)
	}
}

// swallow says yes to everything (RFC 5321).
func (s *sink) swallow(c net.Conn) {
	defer c.Close()
	fmt.Fprint(c, "220 bench\r\n")
	content, to := false, ""
	for lines := bufio.NewScanner(c); lines.Scan(); {
		line := lines.Text()
		switch {
		case content && line != ".":
			continue
		case content:
			s.arrived(to)
		case strings.EqualFold(line, "DATA"):
			content = true
			fmt.Fprint(c, "354 go on\r\n")
			continue
		case strings.EqualFold(line, "QUIT"):
			fmt.Fprint(c, "221 bye\r\n")
			return
		case len(line) > 8 && strings.EqualFold(line[:8], "RCPT TO:"):
			address, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line[8:]), "<"), ">")
			to = address
		}
		content = false
		fmt.Fprint(c, "250 yes\r\n")
	}
}

const (
	atOnce  = 100              // people who ask for a mail at the same time
	mailFor = 30 * time.Second // that a mail may take
)

// measureMail prints how long a one-time password takes from the press of Yes
// until the relay has the mail: one person at a time, and many at once. These
// people have asked for no mail before, nor will they again.
func (s *server) measureMail() error {
	var alone []time.Duration
	for i := range min(*samples, 300) {
		took, err := s.askOTP(s.browserOf(i))
		if err != nil {
			return err
		}
		alone = append(alone, took)
	}
	row("U3 OTP asked for → mail at the relay, one at a time, p50", "%.1f ms", ms(percentile(alone, 50)), "")
	row("   p95", "%.1f ms", ms(percentile(alone, 95)), "≤ 2 s")
	pressed := make([]func() (time.Duration, error), atOnce)
	for i := range pressed {
		press, err := s.readyForOTP(s.browserOf(300 + i))
		if err != nil {
			return err
		}
		pressed[i] = press
	}
	together := make([]time.Duration, atOnce)
	errs := make([]error, atOnce)
	var wg sync.WaitGroup
	for i, press := range pressed {
		wg.Go(func() { together[i], errs[i] = press() })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	row(fmt.Sprintf("   %d at once, p50", atOnce), "%.1f ms", ms(percentile(together, 50)), "")
	row("   p95", "%.1f ms", ms(percentile(together, 95)), "≤ 2 s")
	return nil
}

func (s *server) askOTP(b *browser) (time.Duration, error) {
	press, err := s.readyForOTP(b)
	if err != nil {
		return 0, err
	}
	return press()
}

// readyForOTP goes as far as the question whether a mail is to be sent, and
// returns the press of Yes, which waits for the mail.
func (s *server) readyForOTP(b *browser) (func() (time.Duration, error), error) {
	form, err := b.get(s.base() + "/login")
	if err != nil {
		return nil, err
	}
	second, err := b.submit(form, "/login", url.Values{"username": {b.id()}, "password": {password}})
	if err != nil {
		return nil, err
	}
	question, err := b.get(s.base() + "/login/cannot?flow=" + second.Request.URL.Query().Get("flow"))
	if err != nil {
		return nil, err
	}
	return func() (time.Duration, error) {
		arrived := s.sink.expect(b.id() + "@example.com")
		before := time.Now()
		answer, err := b.submit(question, "/login/cannot", url.Values{"to": {"0"}})
		if err == nil && (answer.StatusCode != http.StatusOK || answer.Request.URL.Path != "/login/otp") {
			err = fmt.Errorf("%s: no OTP was sent: %s %s", b.id(), answer.Status, answer.Request.URL)
		}
		if err != nil {
			return 0, err
		}
		select {
		case at := <-arrived:
			return at.Sub(before), nil
		case <-time.After(mailFor):
			return 0, fmt.Errorf("%s: no mail", b.id())
		}
	}, nil
}

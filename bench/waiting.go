package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

var hold = flag.String("hold", "", "hold waiting pages open at this address: bench starts itself so, to be another process than the one that takes the times")

// perCase is how many event streams a case may have (SSE-4).
const perCase = 2

// held are waiting pages that another process keeps open.
type held struct {
	process *exec.Cmd
	in      io.Closer
	out     *bufio.Reader
}

// holdOpen opens n waiting pages of the cases that makeCases has made, and
// returns when all of them listen.
func (s *server) holdOpen(n int) (*held, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	h := &held{process: exec.Command(self, "-hold", fmt.Sprintf("127.0.0.1:%d", s.port), "-pages", fmt.Sprint(n), s.base())}
	h.process.Stderr = os.Stderr
	if h.in, err = h.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := h.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	h.out = bufio.NewReader(out)
	if err := h.process.Start(); err != nil {
		return nil, err
	}
	if line, err := h.out.ReadString('\n'); line != "open\n" {
		return nil, errors.Join(fmt.Errorf("the waiting pages do not open: %q", line), err, h.process.Wait())
	}
	return h, nil
}

// release closes the pages; it is an error if any was closed before.
func (h *held) release() error {
	h.in.Close()
	return h.process.Wait()
}

// holdPages is the other process. It opens pages from several addresses, because
// each has no more than some 28,000 ports.
func holdPages() error {
	host := strings.TrimPrefix(flag.Arg(0), "http://")
	var ended atomic.Int64
	fault := make(chan error, *pages)
	var opening sync.WaitGroup
	work := make(chan int)
	for range 32 {
		opening.Go(func() {
			for i := range work {
				fault <- holdPage(i, host, &ended)
			}
		})
	}
	for i := range *pages {
		work <- i
	}
	close(work)
	opening.Wait()
	close(fault)
	for err := range fault {
		if err != nil {
			return err
		}
	}
	fmt.Println("open")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	if n := ended.Load(); n > 0 {
		return fmt.Errorf("%d of %d waiting pages were closed", n, *pages)
	}
	return nil
}

func holdPage(i int, host string, ended *atomic.Int64) error {
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i/10_000))}
	conn, err := (&net.Dialer{LocalAddr: from}).DialContext(context.Background(), "tcp", *hold)
	if err != nil {
		return err
	}
	flow, token := caseOf(i / perCase)
	if _, err := fmt.Fprintf(conn, "GET /wait/events?flow=%s HTTP/1.1\r\nHost: %s\r\nCookie: warifu-browser=%s\r\nSec-Fetch-Site: same-origin\r\n\r\n", flow, host, token); err != nil {
		return err
	}
	lines := bufio.NewReaderSize(conn, 2048)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.HasPrefix(line, "HTTP/1.1 ") && !strings.HasPrefix(line, "HTTP/1.1 200") {
			return errors.New(line)
		}
		if line == "event: waiting\n" {
			break
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, conn)
		ended.Add(1)
	}()
	return nil
}

// caseOf returns the flow of the i-th made-up case, and the token of its browser.
func caseOf(i int) (flow, token string) {
	return fmt.Sprintf("bench-flow-%06d", i), fmt.Sprintf("bench-browser-%06d", i)
}

// otherFiles are those that the server has open beside its waiting pages.
const otherFiles = 300

// mayWait returns how many of n pages may wait at one process, which the limit of
// open files bounds; it is raised as far as may be, here and for the processes
// that this one starts.
func mayWait(n int) (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	most := limit.Max
	limit.Max = max(most, uint64(n+otherFiles))
	limit.Cur = limit.Max
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		return n, nil
	}
	limit.Cur, limit.Max = most, most
	return min(n, int(most)-otherFiles), syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}

// follow is a way in which the caller's page learns what becomes of the case: it
// tells when the state of this name comes.
type follow func(b *browser, flow, state string) (<-chan error, error)

// listen reads the events of the caller's page.
func (b *browser) listen(flow, state string) (<-chan error, error) {
	request, err := http.NewRequest(http.MethodGet, b.s.base()+"/wait/events?flow="+url.QueryEscape(flow), http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := b.http.Do(request)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewReader(answer.Body)
	if line, err := lines.ReadString('\n'); err != nil || answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, errors.Join(fmt.Errorf("no events: %s %s", answer.Status, line), err)
	}
	came := make(chan error, 1)
	go func() {
		defer answer.Body.Close()
		for {
			line, err := lines.ReadString('\n')
			if err != nil || line == "event: "+state+"\n" {
				came <- err
				return
			}
		}
	}()
	return came, nil
}

// ask is what the page does once its event stream is refused: it asks for the
// state, at first for any, then for another than it has seen.
func (b *browser) ask(flow, state string) (<-chan error, error) {
	if came, err := b.listen(flow, state); err == nil {
		return came, errors.New("the event stream gets through")
	}
	came := make(chan error, 1)
	go func() {
		for seen := ""; ; {
			answer, err := b.get(b.s.base() + "/wait/state?" + url.Values{"flow": {flow}, "seen": {seen}}.Encode())
			var now struct{ State string }
			if err == nil {
				err = json.Unmarshal([]byte(answer.text), &now)
			}
			if err != nil || now.State == state {
				came <- err
				return
			}
			seen = now.State
		}
	}()
	return came, nil
}

// withoutStreams passes on to the server what is no event stream.
func (s *server) withoutStreams(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/wait/events" {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", s.port)})
		r.Out.Host = r.In.Host
	}}
	proxy.ServeHTTP(w, r)
}

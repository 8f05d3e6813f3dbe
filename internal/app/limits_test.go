package app

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// listening serves with the limits of the application, changed by a test, and
// returns the address.
func listening(t *testing.T, change func(*http.Server)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, "cut", http.StatusRequestTimeout)
			return
		}
		_, _ = io.WriteString(w, "served")
	}), slog.New(slog.DiscardHandler))
	change(server)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

// TestA58Limits: the server waits for header, body, and the next request a bounded
// time, and takes no header above 16 KiB. A58, WEB-3.
func TestA58Limits(t *testing.T) {
	s := Server(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	for name, limit := range map[string]time.Duration{"header": s.ReadHeaderTimeout, "read": s.ReadTimeout, "write": s.WriteTimeout, "idle": s.IdleTimeout} {
		if limit <= 0 || limit > 2*time.Minute {
			t.Errorf("%s: %s", name, limit)
		}
	}
	if s.ReadHeaderTimeout > 10*time.Second || s.MaxHeaderBytes <= 0 || s.MaxHeaderBytes > 16<<10 {
		t.Errorf("header: %s, %d bytes", s.ReadHeaderTimeout, s.MaxHeaderBytes)
	}
}

// TestA58Slowloris: who sends header or body drop by drop is cut off, and the others
// are served meanwhile. The limits are the application's, made shorter. A58, WEB-3.
func TestA58Slowloris(t *testing.T) {
	address := listening(t, func(s *http.Server) { s.ReadHeaderTimeout, s.ReadTimeout = s.ReadHeaderTimeout/100, s.ReadTimeout/100 })
	var slow []net.Conn
	for _, begin := range []string{
		"GET / HTTP/1.1\r\nHost: localhost\r\nX-Drop: ",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\nx",
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, begin); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, conn)
	}
	answer, err := http.Get("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the others: %d", answer.StatusCode)
	}
	for n, conn := range slow {
		text, err := io.ReadAll(conn) // ends when the server hangs up
		if err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%d: %v", n, err)
		}
		if strings.Contains(string(text), "served") {
			t.Errorf("%d was served: %s", n, text)
		}
	}
}

// TestA58LargeHeader: ten thousand header fields are refused, and the handler does not
// see them. A58, WEB-3.
func TestA58LargeHeader(t *testing.T) {
	address := listening(t, func(*http.Server) {})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		w := bufio.NewWriter(conn)
		fmt.Fprint(w, "GET / HTTP/1.1\r\nHost: localhost\r\n")
		for n := range 10_000 {
			fmt.Fprintf(w, "X-%d: y\r\n", n)
		}
		fmt.Fprint(w, "\r\n")
		_ = w.Flush() // fails where the server has hung up
	}()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", answer.StatusCode)
	}
}

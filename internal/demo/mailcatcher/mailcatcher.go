// Package mailcatcher receives the mails of the demonstration and of tests: SMTP
// in, a page and /messages.json out. It sends nothing on and keeps the newest
// mails in memory only.
//
// It has no protection of its own; who serves it binds it to loopback.
package mailcatcher

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	maxMessages   = 500     // the oldest go first
	maxSize       = 1 << 20 // bytes of one message
	maxRecipients = 50
	timeout       = time.Minute // of a client that says nothing
)

// Message is a mail that was received, decoded.
type Message struct {
	ID      string    `json:"id"`
	From    string    `json:"from"`
	To      []string  `json:"to"` // of the envelope
	Subject string    `json:"subject"`
	Date    time.Time `json:"date"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
}

// Catcher keeps what it receives. Use [New].
type Catcher struct {
	now    func() time.Time
	server *smtp.Server
	mux    *http.ServeMux

	mu      sync.Mutex
	kept    []Message     // oldest first
	last    int           // number of the newest message
	changed chan struct{} // closed when a message comes

	listeners []net.Listener // the server itself forgets one on which it is closed too early
	closed    bool
}

// New returns an empty catcher.
func New(now func() time.Time) *Catcher {
	c := &Catcher{now: now, changed: make(chan struct{})}
	c.mux = c.routes()
	c.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{catcher: c}, nil
	}))
	c.server.Domain = "localhost"
	c.server.MaxMessageBytes = maxSize
	c.server.MaxRecipients = maxRecipients
	c.server.ReadTimeout = timeout
	c.server.WriteTimeout = timeout
	c.server.ErrorLog = log.New(io.Discard, "", 0) // of clients that hang up
	return c
}

// Serve receives mail on a listener, which it closes, until [Catcher.Close].
func (c *Catcher) Serve(listener net.Listener) error {
	defer listener.Close()
	if !c.listen(listener) {
		return nil
	}
	err := c.server.Serve(listener)
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (c *Catcher) listen(listener net.Listener) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listeners = append(c.listeners, listener)
	return !c.closed
}

// Close ends all that is served. What was received stays. Closing twice, or
// before anything is served, is harmless.
func (c *Catcher) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	err := c.server.Close()
	for _, listener := range c.listeners {
		_ = listener.Close() // mostly for the second time
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Messages returns what is kept, newest first.
func (c *Catcher) Messages() []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Clone(c.kept)
	slices.Reverse(all)
	return all
}

// Clear forgets all messages.
func (c *Catcher) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = nil
}

// Wait returns the newest message that matches; if there is none, it waits for one.
func (c *Catcher) Wait(ctx context.Context, match func(Message) bool) (Message, error) {
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		if all := c.Messages(); slices.ContainsFunc(all, match) {
			return all[slices.IndexFunc(all, match)], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		}
	}
}

func (c *Catcher) message(id string) (m Message, ok bool) {
	for _, m := range c.Messages() {
		if m.ID == id {
			return m, true
		}
	}
	return m, false
}

func (c *Catcher) keep(m Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	m.ID = strconv.Itoa(c.last)
	c.kept = append(c.kept, m)
	if len(c.kept) > maxMessages {
		c.kept = slices.Delete(c.kept, 0, len(c.kept)-maxMessages)
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// session is one conversation of SMTP.
type session struct {
	catcher *Catcher
	from    string
	to      []string
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = append(s.to, to); return nil }

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r) // the server ends it at maxSize
	if err != nil {
		return err
	}
	m := parse(raw)
	m.To = s.to
	if m.From == "" {
		m.From = s.from
	}
	if m.Date.IsZero() {
		m.Date = s.catcher.now()
	}
	s.catcher.keep(m)
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error { return nil }

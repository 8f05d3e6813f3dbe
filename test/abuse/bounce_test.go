package abuse

import (
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"warifu/internal/config"
	"warifu/internal/mail"
)

// relay is a mail relay on loopback that refuses one address for good.
type relay struct {
	heard chan string // whom each mail was for

	mu      sync.Mutex
	refuses string
	policy  bool // refuses everybody, by a decision of its own
}

func (r *relay) NewSession(*smtp.Conn) (smtp.Session, error) { return relaySession{r}, nil }

type relaySession struct{ *relay }

func (s relaySession) Mail(string, *smtp.MailOptions) error { return nil }
func (s relaySession) Reset()                               {}
func (s relaySession) Logout() error                        { return nil }

func (s relaySession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.heard <- to
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.policy {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "relaying denied"}
	}
	if to == s.refuses {
		return &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 2, 2}, Message: "full"}
	}
	return nil
}

func (s relaySession) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func (r *relay) refuse(address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuses = address
}

func (r *relay) refuseAll(all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.policy = all
}

func newRelay(t *testing.T) (r *relay, port int) {
	t.Helper()
	r = &relay{heard: make(chan string, 100)}
	server := smtp.NewServer(r)
	server.ErrorLog = log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with the listener
	}()
	t.Cleanup(func() {
		server.Close()
		listener.Close()
		<-served
	})
	return r, listener.Addr().(*net.TCPAddr).Port
}

// onRelays runs a test on both engines, each world with a relay of its own.
func onRelays(t *testing.T, test func(t *testing.T, w *world, r *relay)) {
	template.Each(t, func(t *testing.T, newURL func(t *testing.T) string) {
		t.Parallel()
		r, port := newRelay(t)
		w := newWorld(t, newURL(t), func(c *config.Config) {
			c.Mail.Host, c.Mail.Port, c.Mail.Encryption = "localhost", port, mail.Plain
		})
		test(t, w, r)
	})
}

// hear waits until the relay was asked to take a mail for an address.
func (r *relay) hear(t *testing.T, address string) {
	t.Helper()
	for {
		select {
		case to := <-r.heard:
			if to == address {
				return
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("no mail for %s", address)
		}
	}
}

// TestBouncedAddress: a relay refuses the notification address for good. Its
// person is told once signed in, and not before; the next mail that arrives ends
// it. MAIL-10.
func TestBouncedAddress(t *testing.T) {
	onRelays(t, func(t *testing.T, w *world, r *relay) {
		who, b := seeded(1), w.newBrowser()
		address := w.addresses(who.id)[0]
		told := "Email to " + mail.MaskAddress(address) + " could not be delivered. Check the address."
		deliver := func() { // what is going on at the end is settled
			t.Helper()
			w.must(w.app.Start(t.Context()))
			r.hear(t, address)
			w.app.Stop()
		}
		r.refuse(address)
		b.signIn(who) // from a new device, which is told by mail
		if b.get("/home").says("could not be delivered") {
			t.Error("told before anything was refused")
		}
		deliver()
		if w.count(`SELECT COUNT(*) FROM notification_address WHERE bounced_at > 0`) != 1 || !b.get("/home").says(told) {
			t.Errorf("not told: %s", b.get("/home").Body)
		}
		fresh := w.newBrowser()
		for _, p := range []page{fresh.get("/login"), fresh.totpPage(who.id)} {
			if p.says("could not be delivered") || p.says(strings.TrimPrefix(told, "Email to ")) {
				t.Errorf("told before the sign-in: %s", p.Body)
			}
		}
		r.refuse("")
		w.pass(time.Minute)
		deliver()
		if w.count(`SELECT COUNT(*) FROM notification_address WHERE bounced_at > 0`) != 0 || b.get("/home").says("could not be delivered") {
			t.Error("still told after a mail has arrived")
		}
	})
}

// TestRelayThatRefusesAll: a relay that takes no mail from us says nothing of the
// addresses: nobody is told that his own does not work, and what is queued waits
// until somebody has mended the relay. MAIL-10, NOT-2.
func TestRelayThatRefusesAll(t *testing.T) {
	onRelays(t, func(t *testing.T, w *world, r *relay) {
		who, b := seeded(1), w.newBrowser()
		address := w.addresses(who.id)[0]
		r.refuseAll(true)
		b.signIn(who) // from a new device, which is told by mail
		w.must(w.app.Start(t.Context()))
		r.hear(t, address)
		w.app.Stop()
		if w.count(`SELECT COUNT(*) FROM notification_address WHERE bounced_at > 0`) != 0 || b.get("/home").says("could not be delivered") {
			t.Error("the address is blamed for the relay")
		}
		if w.count(`SELECT COUNT(*) FROM mail_outbox WHERE state = 'queued'`) == 0 {
			t.Error("nothing waits for the relay")
		}
		r.refuseAll(false)
		w.pass(time.Minute)
		w.must(w.app.Start(t.Context()))
		r.hear(t, address)
		w.app.Stop()
		if w.count(`SELECT COUNT(*) FROM mail_outbox WHERE state = 'sent'`) == 0 {
			t.Error("nothing was sent when the relay took it")
		}
	})
}

package mail

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"mime"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// relay is a mail relay on loopback. It keeps what it was given.
type relay struct {
	rcpt error // its answer to RCPT
	data error // and to DATA, once it has the message

	mu         sync.Mutex
	helo       string
	encrypted  bool
	user       string
	from       string
	recipients []string
	messages   []string
}

func (r *relay) NewSession(c *smtp.Conn) (smtp.Session, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.helo = c.Hostname()
	_, r.encrypted = c.TLSConnectionState()
	return &relaySession{r}, nil
}

type relaySession struct{ *relay }

func (s *relaySession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *relaySession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "warifu" || password != "hunter2" {
			return smtp.ErrAuthFailed
		}
		s.user = username
		return nil
	}), nil
}

func (s *relaySession) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *relaySession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recipients = append(s.recipients, to)
	return s.rcpt
}

func (s *relaySession) Data(r io.Reader) error {
	message, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.data != nil {
		return s.data
	}
	s.messages = append(s.messages, string(message))
	return err
}

func (s *relaySession) Reset()        {}
func (s *relaySession) Logout() error { return nil }

// start serves the relay until the test ends, and returns a policy that fits.
// With a certificate it offers STARTTLS, or speaks TLS from the first byte.
func (r *relay) start(t *testing.T, certificate *tls.Certificate, encryption Encryption) Policy {
	t.Helper()
	server := smtp.NewServer(r)
	server.Domain = "localhost"
	server.ErrorLog = log.New(io.Discard, "", 0) // a client that hangs up is part of these tests
	server.AllowInsecureAuth = true
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if certificate != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}}
		if encryption == ImplicitTLS {
			listener = tls.NewListener(listener, server.TLSConfig)
		}
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with the listener
	}()
	t.Cleanup(func() {
		server.Close()
		listener.Close() // the server does not know it yet if nobody has called
		<-served
	})
	p := DefaultPolicy()
	p.Host, p.Port, p.Encryption = "localhost", port, encryption
	p.From = "みやこ大学認証 <no-reply@miyako.example>"
	p.HELO, p.MessageIDDomain = "sso.miyako.example", "id.miyako.example"
	return p
}

// newCertificate returns a certificate for localhost and a file that trusts it.
func newCertificate(t *testing.T) (*tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func testMessage() Message {
	return Message{
		ID: "abc123", Date: time.Date(2026, 11, 22, 4, 45, 0, 0, tokyo), To: "hanako@gmail.example", Lang: Japanese,
		Subject: "【みやこ大学認証】パスキーの作成とそのほかの長い件名のための試験", Body: "一行目\n.\n二行目\n",
	}
}

func send(t *testing.T, p Policy, m Message) error {
	t.Helper()
	sender, err := NewSMTP(p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return sender.Send(ctx, m)
}

// TestSend looks at every header of a message that a relay was given: none may
// tell the host or the library.
func TestSend(t *testing.T) {
	var r relay
	p := r.start(t, nil, Plain)
	if err := send(t, p, testMessage()); err != nil {
		t.Fatal(err)
	}
	if r.helo != "sso.miyako.example" || r.from != "no-reply@miyako.example" || !slices.Equal(r.recipients, []string{"hanako@gmail.example"}) {
		t.Errorf("envelope %q %q %q", r.helo, r.from, r.recipients)
	}
	m, err := netmail.ReadMessage(strings.NewReader(r.messages[0]))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Date":                      "Sat, 21 Nov 2026 19:45:00 +0000",
		"Message-Id":                "<abc123@id.miyako.example>",
		"From":                      "みやこ大学認証 <no-reply@miyako.example>",
		"To":                        "<hanako@gmail.example>",
		"Subject":                   testMessage().Subject,
		"Auto-Submitted":            "auto-generated",
		"Content-Language":          "ja",
		"Mime-Version":              "1.0",
		"Content-Type":              "text/plain; charset=UTF-8",
		"Content-Transfer-Encoding": "base64",
	}
	var words mime.WordDecoder
	for name, values := range m.Header {
		got, err := words.DecodeHeader(values[0])
		got = strings.ReplaceAll(got, `"`, "")
		if err != nil || len(values) != 1 || got != want[name] {
			t.Errorf("%s: %q (%d), %v, want %q", name, got, len(values), err, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, m.Body))
	if err != nil || string(body) != "一行目\r\n.\r\n二行目\r\n" {
		t.Errorf("body %q, %v", body, err)
	}
}

// TestEncryption tries every policy at relays that can and cannot do it.
func TestEncryption(t *testing.T) {
	certificate, ca := newCertificate(t)
	for name, test := range map[string]struct {
		relay           *tls.Certificate
		encryption      Encryption
		ca              string
		sent, encrypted bool
	}{
		"starttls":                        {certificate, StartTLS, ca, true, true},
		"not said is starttls":            {certificate, "", ca, true, true},
		"starttls not offered":            {nil, StartTLS, ca, false, false},
		"starttls with an unknown issuer": {certificate, StartTLS, "", false, false},
		"tls":                             {certificate, ImplicitTLS, ca, true, true},
		"tls with an unknown issuer":      {certificate, ImplicitTLS, "", false, false},
		"opportunistic":                   {certificate, Opportunistic, ca, true, true},
		"opportunistic not offered":       {nil, Opportunistic, "", true, false},
		"none":                            {certificate, Plain, "", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			var r relay
			p := r.start(t, test.relay, test.encryption)
			p.CAFile = test.ca
			err := send(t, p, testMessage())
			if sent := err == nil; sent != test.sent || sent && r.encrypted != test.encrypted || sent != (len(r.messages) == 1) {
				t.Errorf("sent %t, encrypted %t: %v", sent, r.encrypted, err)
			}
		})
	}
}

func TestAuthentication(t *testing.T) {
	certificate, ca := newCertificate(t)
	for password, want := range map[string]bool{"hunter2\n": true, "wrong": false} {
		var r relay
		p := r.start(t, certificate, StartTLS)
		p.CAFile, p.Username, p.PasswordFile = ca, "warifu", filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(p.PasswordFile, []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
		if faults := p.Validate(); len(faults) > 0 {
			t.Fatal(faults)
		}
		err := send(t, p, testMessage())
		if sent := err == nil && r.user == "warifu"; sent != want || err != nil && strings.Contains(err.Error(), "wrong") {
			t.Errorf("%q: sent %t, %v", password, sent, err)
		}
	}
}

// TestRefusals tells an address that does not exist, and a mailbox that takes no
// mail, from what is the matter of the relay (MAIL-10), and repeats no address in an error, which goes into the log.
func TestRefusals(t *testing.T) {
	refuse := func(code int, enhanced smtp.EnhancedCode) *smtp.SMTPError {
		return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: "<hanako@gmail.example>: no"}
	}
	for name, test := range map[string]struct {
		answer       *smtp.SMTPError
		atRcpt, data error
	}{
		"unknown mailbox":    {refuse(550, smtp.EnhancedCode{5, 1, 1}), ErrRefused, ErrBounced},
		"null MX":            {refuse(556, smtp.EnhancedCode{5, 1, 10}), ErrRefused, ErrBounced},
		"disabled":           {refuse(550, smtp.EnhancedCode{5, 2, 1}), ErrBounced, ErrBounced},
		"full for good":      {refuse(552, smtp.EnhancedCode{5, 2, 2}), ErrBounced, ErrBounced},
		"unknown, no code":   {refuse(550, smtp.NoEnhancedCode), ErrBounced, nil},
		"moved, no code":     {refuse(551, smtp.NoEnhancedCode), ErrBounced, nil},
		"no name, no code":   {refuse(553, smtp.NoEnhancedCode), ErrBounced, nil},
		"failed, no code":    {refuse(554, smtp.NoEnhancedCode), nil, nil},
		"relaying denied":    {refuse(550, smtp.EnhancedCode{5, 7, 1}), nil, nil},
		"not authenticated":  {refuse(530, smtp.EnhancedCode{5, 7, 0}), nil, nil},
		"sender refused":     {refuse(550, smtp.EnhancedCode{5, 1, 8}), nil, nil},
		"content refused":    {refuse(554, smtp.EnhancedCode{5, 6, 0}), nil, nil},
		"too long":           {refuse(552, smtp.EnhancedCode{5, 2, 3}), nil, nil},
		"system says no":     {refuse(550, smtp.EnhancedCode{5, 3, 2}), nil, nil},
		"nothing in general": {refuse(550, smtp.EnhancedCode{5, 0, 0}), nil, nil},
		"greylisted":         {refuse(451, smtp.EnhancedCode{4, 7, 1}), nil, nil},
		"full":               {refuse(452, smtp.EnhancedCode{4, 2, 2}), nil, nil},
	} {
		for at, r := range map[string]*relay{"RCPT": {rcpt: test.answer}, "DATA": {data: test.answer}} {
			want := test.atRcpt
			if at == "DATA" {
				want = test.data
			}
			err := send(t, r.start(t, nil, Plain), testMessage())
			if err == nil || errors.Is(err, ErrRefused) != (want == ErrRefused) || errors.Is(err, ErrBounced) != (want == ErrBounced) || strings.Contains(err.Error(), "hanako") { //nolint:errorlint // the table's own values
				t.Errorf("%s at %s: %v, want %v", name, at, err, want)
			}
		}
	}
}

// TestInjection gives the sender hostile recipients and headers: nothing
// reaches the relay (ADR-1, L23).
func TestInjection(t *testing.T) {
	var r relay
	p := r.start(t, nil, Plain)
	for name, change := range map[string]func(*Message){
		"recipient, line":      func(m *Message) { m.To = "a@b.example\r\nRCPT TO:<c@d.example>" },
		"recipient, parameter": func(m *Message) { m.To = "a@b.example> SIZE=1" },
		"recipient, second":    func(m *Message) { m.To = "a@b.example,c@d.example" },
		"recipient, quoted":    func(m *Message) { m.To = "\"a\r\nBcc: c@d.example\"@b.example" },
		"recipient, name":      func(m *Message) { m.To = "A <a@b.example>" },
		"recipient, literal":   func(m *Message) { m.To = "a@[127.0.0.1]" },
		"recipient, two @":     func(m *Message) { m.To = "a@b@c.example" },
		"recipient, long":      func(m *Message) { m.To = strings.Repeat("a", 250) + "@b.example" },
		"recipient, empty":     func(m *Message) { m.To = "" },
		"subject, CRLF":        func(m *Message) { m.Subject = "a\r\nBcc: c@d.example" },
		"subject, LF":          func(m *Message) { m.Subject = "a\n\nbody" },
		"subject, NUL":         func(m *Message) { m.Subject = "a\x00" },
		"language":             func(m *Message) { m.Lang = "ja\r\nBcc: c@d.example" },
		"ID":                   func(m *Message) { m.ID = "a>\r\nBcc: c@d.example" },
	} {
		m := testMessage()
		change(&m)
		if err := send(t, p, m); err == nil {
			t.Errorf("%s: sent", name)
		}
	}
	if len(r.recipients) > 0 || len(r.messages) > 0 {
		t.Errorf("reached the relay: %q %q", r.recipients, r.messages)
	}
}

// FuzzAddress wants every address that passes to be one recipient in SMTP.
func FuzzAddress(f *testing.F) {
	f.Add("hanako@gmail.example")
	f.Add("a@b\r\n")
	f.Fuzz(func(t *testing.T, address string) {
		if CheckAddress(address) != nil {
			return
		}
		parsed, err := netmail.ParseAddressList(address)
		if err != nil || len(parsed) != 1 || strings.ContainsAny(address, " \r\n\t<>,;\"\x00") || strings.Count(address, "@") != 1 {
			t.Errorf("%q passes: %v, %v", address, parsed, err)
		}
	})
}

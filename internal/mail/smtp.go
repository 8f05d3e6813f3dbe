package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// SMTP sends messages through a relay, each over a connection of its own.
type SMTP struct {
	host    string
	from    string
	domain  string // of the Message-ID
	options []gomail.Option
}

// NewSMTP returns a sender. The policy must be valid; the files that it names
// are read now.
func NewSMTP(p Policy) (*SMTP, error) {
	from, err := p.sender()
	if err != nil {
		return nil, fmt.Errorf("mail: from: %w", err)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	s := &SMTP{host: p.Host, from: from.String(), domain: or(p.MessageIDDomain, domain)}
	s.options = []gomail.Option{
		gomail.WithPort(p.port()), gomail.WithTimeout(p.Timeout), gomail.WithHELO(or(p.HELO, domain)), gomail.WithoutNoop(),
	}
	encryption, err := p.encryption()
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	s.options = append(s.options, encryption...)
	if p.Username != "" {
		password, err := p.password()
		if err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
		s.options = append(s.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(p.Username), gomail.WithPassword(password))
	}
	_, err = s.client()
	return s, err
}

func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}

func (p Policy) encryption() ([]gomail.Option, error) {
	config := &tls.Config{ServerName: p.Host, MinVersion: tls.VersionTLS12}
	if p.CAFile != "" {
		pem, err := os.ReadFile(p.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file: no certificate in %s", p.CAFile)
		}
	}
	options := []gomail.Option{gomail.WithTLSConfig(config)}
	switch p.Encryption {
	case ImplicitTLS:
		return append(options, gomail.WithSSL()), nil
	case Opportunistic:
		return append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic)), nil
	case Plain:
		return append(options, gomail.WithTLSPolicy(gomail.NoTLS)), nil
	}
	return append(options, gomail.WithTLSPolicy(gomail.TLSMandatory)), nil
}

func (s *SMTP) client() (*gomail.Client, error) {
	client, err := gomail.NewClient(s.host, s.options...)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return client, nil
}

// Send implements [Sender].
func (s *SMTP) Send(ctx context.Context, m Message) error {
	message, err := s.message(m)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, message)
	if err == nil || message.IsDelivered() { // a relay that fails to say goodbye has it all the same
		return nil
	}
	return failure(err)
}

// message gives the message its headers. Besides these the library adds only
// MIME-Version: no header tells the host, its software or its time zone.
func (s *SMTP) message(m Message) (*gomail.Msg, error) {
	if err := CheckAddress(m.To); err != nil {
		return nil, fmt.Errorf("mail: recipient: %w", err)
	}
	if strings.ContainsFunc(m.Subject+m.Lang+m.ID, isControl) { //guard:ADR-1
		return nil, fmt.Errorf("mail: header: %w", errLines)
	}
	message := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingB64), gomail.WithNoDefaultUserAgent())
	if err := errors.Join(message.From(s.from), message.To(m.To)); err != nil {
		return nil, fmt.Errorf("mail: %w", errAddress) // the library's words repeat the address
	}
	message.Subject(m.Subject)
	message.SetDateWithValue(m.Date.UTC())
	message.SetMessageIDWithValue(m.ID + "@" + s.domain)
	message.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5
	message.SetGenHeader("Content-Language", m.Lang)         // RFC 3282
	message.SetBodyString(gomail.TypeTextPlain, strings.ReplaceAll(m.Body, "\n", "\r\n"))
	return message, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// atRecipient are the steps at which a refusal is about the recipient, or about
// what he takes.
var atRecipient = []gomail.SendErrReason{gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose}

// mailbox are the enhanced status codes (RFC 3463 §3.2, §3.3, RFC 7505) that say of
// the recipient's own mailbox that mail does not reach it. All others are about the
// relay, what it may do, and what it takes: they say nothing of an address, however
// many of them a relay refuses.
var mailbox = append([]string{"5.1.0", "5.1.4", "5.1.5", "5.2.0", "5.2.1", "5.2.2"}, unknown...)

// unknownReplies are the replies to RCPT that say the same without such a code
// (RFC 5321 §4.2.3).
var unknownReplies = []int{550, 551, 553}

// unknown are the enhanced status codes (RFC 3463, RFC 7505) of an address that
// does not exist. Another refusal may be a fault in the relay's configuration
// that somebody mends, so that trying again is worth it.
var unknown = []string{"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"}

// bounced reports whether a refusal says that the mailbox itself takes no mail.
func bounced(e *gomail.SendError) bool {
	if e.EnhancedStatusCode() == "" {
		return e.Reason == gomail.ErrSMTPRcptTo && slices.Contains(unknownReplies, e.ErrorCode()) //guard:MAIL-10
	}
	return slices.Contains(atRecipient, e.Reason) && slices.Contains(mailbox, e.EnhancedStatusCode()) //guard:MAIL-10
}

// failure says why a message was not sent, without any address.
func failure(err error) error {
	e, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return fmt.Errorf("mail: smtp: %w", err)
	}
	if e.Reason == gomail.ErrSMTPRcptTo && slices.Contains(unknown, e.EnhancedStatusCode()) {
		return fmt.Errorf("%w: %d %s", ErrRefused, e.ErrorCode(), e.EnhancedStatusCode())
	}
	if bounced(e) {
		return fmt.Errorf("%w: %s: %d %s", ErrBounced, e.Reason, e.ErrorCode(), e.EnhancedStatusCode())
	}
	return fmt.Errorf("mail: smtp: %s: %d %s", e.Reason, e.ErrorCode(), e.EnhancedStatusCode())
}

package mail

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Encryption is how the connection to the relay is protected.
type Encryption string

// The ways to protect it.
const (
	StartTLS      Encryption = "starttls"      // required; the default
	ImplicitTLS   Encryption = "tls"           // from the first byte on
	Opportunistic Encryption = "opportunistic" // STARTTLS if the relay offers it; anybody on the way can take the offer away
	Plain         Encryption = "none"          // for a relay on the same machine
)

// Policy says how mail leaves the system.
type Policy struct {
	// Host is the name or address of the mail relay.
	Host string `yaml:"host"`
	// Port of the relay. 0 means 587, or 465 with encryption "tls".
	Port int `yaml:"port"`
	// Encryption is "starttls" (required), "tls" (from the start),
	// "opportunistic" or "none". Empty means "starttls".
	Encryption Encryption `yaml:"encryption"`
	// CAFile names a PEM file of the authorities that may have signed the
	// relay's certificate, instead of those of the machine.
	CAFile string `yaml:"ca_file"`
	// Username for the relay, if it wants one. Sent over encrypted connections only.
	Username string `yaml:"username"`
	// PasswordFile names the file that holds the password of Username.
	PasswordFile string `yaml:"password_file"`
	// From is the sender, with or without a name: みやこ大学認証 <no-reply@miyako.example>.
	// SPF, DKIM and DMARC of its domain should allow the relay.
	From string `yaml:"from"`
	// HELO is the name by which the server greets the relay. Empty means the domain of From.
	HELO string `yaml:"helo"`
	// MessageIDDomain is the right side of every Message-ID. Empty means the domain of From.
	MessageIDDomain string `yaml:"message_id_domain"`
	// Timeout of connecting to the relay and of each of its answers, 1s to 1m.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultPolicy returns the policy of which a configuration file changes what it names.
func DefaultPolicy() Policy {
	return Policy{Host: "localhost", Encryption: StartTLS, Timeout: 15 * time.Second}
}

var domainName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

// Validate returns everything that is wrong with the policy.
func (p Policy) Validate() []error {
	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	_, err := p.sender()
	fault(err != nil, "from: %w", err)
	fault(p.Host == "" || strings.ContainsAny(p.Host, " \t\r\n/"), "host: %q is not the name of a mail relay", p.Host)
	fault(p.Port < 0 || 65535 < p.Port, "port: %d is not a port", p.Port)
	ways := []Encryption{"", StartTLS, ImplicitTLS, Opportunistic, Plain}
	fault(!slices.Contains(ways, p.Encryption), `encryption: %q is not "starttls", "tls", "opportunistic" or "none"`, p.Encryption)
	fault((p.Username == "") != (p.PasswordFile == ""), "username and password_file: one needs the other")
	unsafe := p.Encryption == Opportunistic || p.Encryption == Plain
	fault(p.Username != "" && unsafe, `username: is not sent with encryption %q; use "starttls" or "tls"`, p.Encryption) //guard:OPS-3
	fault(p.HELO != "" && !domainName.MatchString(p.HELO), "helo: %q is not a domain name", p.HELO)
	fault(p.MessageIDDomain != "" && !domainName.MatchString(p.MessageIDDomain), "message_id_domain: %q is not a domain name", p.MessageIDDomain)
	fault(p.Timeout < time.Second || time.Minute < p.Timeout, "timeout: %s is not between 1s and 1m", p.Timeout)
	return faults
}

// sender returns the parsed From.
func (p Policy) sender() (*netmail.Address, error) {
	from, err := netmail.ParseAddress(p.From)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address", p.From)
	}
	return from, CheckAddress(from.Address)
}

// Domain returns the domain that mails come from; empty if From cannot be read.
func (p Policy) Domain() string {
	sender, err := p.sender()
	if err != nil {
		return ""
	}
	_, domain, _ := strings.Cut(sender.Address, "@")
	return domain
}

func (p Policy) port() int {
	switch {
	case p.Port != 0:
		return p.Port
	case p.Encryption == ImplicitTLS:
		return 465
	}
	return 587
}

func (p Policy) password() (string, error) {
	if p.PasswordFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(p.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("password_file: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

const maxAddress = 254 // RFC 5321 §4.5.3.1.3

var errAddress = errors.New("not an address that mail is sent to")

// CheckAddress lets through a plain ASCII dot-atom address and nothing else, so
// that no address can bring a line, a parameter or a second recipient (ADR-1).
// The error does not repeat it.
func CheckAddress(address string) error {
	plain := func(r rune) bool { return '!' <= r && r <= '~' && !strings.ContainsRune(`"(),:;<>[\]`, r) }
	if len(address) > maxAddress || strings.ContainsFunc(address, func(r rune) bool { return !plain(r) }) { //guard:ADR-1
		return errAddress
	}
	_, domain, ok := strings.Cut(address, "@")
	parsed, err := netmail.ParseAddress(address)
	if !ok || err != nil || parsed.Address != address || !domainName.MatchString(domain) {
		return errAddress
	}
	return nil
}

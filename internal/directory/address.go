package directory

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/text/width"
)

// NotificationAddress is a confirmed address at which mail reaches a person who
// cannot use the Authenticator.
type NotificationAddress struct {
	Address     string // as [ParseAddress] returns it
	ConfirmedAt time.Time
	// CodesFrom is from when codes and links may be sent there: at once, or, where
	// it replaces, joins or follows another one, a day later (ADR-8). Notices are
	// sent from the beginning.
	CodesFrom time.Time
	BouncedAt time.Time // when the last mail did not arrive; zero if it did
}

// MaxAddresses is how many notification addresses a person may have (ADR-6).
const MaxAddresses = 2

var (
	// ErrAddressEmpty means that no address was typed.
	ErrAddressEmpty = errors.New("directory: empty address")
	// ErrAddressFormat means that what was typed is not one plain address.
	ErrAddressFormat = errors.New("directory: not an address")
)

const (
	maxAddress = 254 // characters, RFC 5321 §4.5.3.1.3
	maxLocal   = 64  // RFC 5321 §4.5.3.1.1
)

// localPart is a dot-atom (RFC 5322 §3.2.3), without capitals.
var localPart = regexp.MustCompile("^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$")

// domainPart is a name with at least two labels, of which the last is no number:
// so it is no address of a network.
var domainPart = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ParseAddress returns the one spelling of an address that was typed: a dot-atom
// and a domain of ASCII, in lower case, full-width letters of an input method
// folded (ADR-1). What passes is one recipient, and passes again unchanged.
// Providers do not tell capitals of the local part apart, and so neither do the
// rules about shared addresses.
func ParseAddress(typed string) (string, error) {
	if len(typed) > 4*maxAddress { // in full width
		return "", ErrAddressFormat
	}
	folded := strings.TrimSpace(width.Narrow.String(typed))
	if folded == "" {
		return "", ErrAddressEmpty
	}
	local, domain, _ := strings.Cut(folded, "@")
	local, domain = strings.ToLower(local), FoldDomain(domain)
	address := local + "@" + domain
	if len(local) > maxLocal || len(address) > maxAddress || !localPart.MatchString(local) || !domainPart.MatchString(domain) { //guard:ADR-1
		return "", ErrAddressFormat
	}
	return address, nil
}

// FoldDomain returns the one spelling of a domain: its ASCII form by IDNA2008
// lookup, in lower case and without the trailing dot. It is empty if the domain
// has none.
func FoldDomain(domain string) string {
	folded, err := idna.Lookup.ToASCII(strings.TrimSpace(domain))
	if err != nil {
		return ""
	}
	folded = strings.TrimSuffix(strings.ToLower(folded), ".")
	if again, err := idna.Lookup.ToASCII(folded); err != nil || again != folded {
		return ""
	}
	return folded
}

// Refuses returns the domain of an address that [ParseAddress] returned, if it is
// one of the refused domains or lies below one (ADR-3): its mail cannot be read
// without this sign-on. Otherwise it is empty.
func Refuses(refused []string, address string) string {
	_, domain, _ := strings.Cut(address, "@")
	for _, r := range refused {
		if r = FoldDomain(r); r != "" && (domain == r || strings.HasSuffix(domain, "."+r)) { //guard:ADR-3
			return domain
		}
	}
	return ""
}

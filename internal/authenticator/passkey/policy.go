package passkey

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Policy says for which site passkeys are made. Passkeys belong to RPID for as
// long as they live: with another one, all of them are lost.
type Policy struct {
	// RPID is the domain that passkeys are bound to: the host of all origins, or
	// a domain above it. Without one it is the host of base_url.
	RPID string `yaml:"rp_id"`
	// Origins are the addresses whose pages may use them, such as
	// https://sso.example.ac.jp; compared byte by byte. Without any it is base_url.
	Origins []string `yaml:"origins"`
	// Name of the site, which some devices show; without one that of the system.
	Name string `yaml:"name"`
}

// Validate returns everything that is wrong with the policy.
func (p Policy) Validate() []error {
	var faults []error
	if !isDomain(p.RPID) {
		faults = append(faults, fmt.Errorf("rp_id: %q is not a domain in lower case", p.RPID))
	}
	if strings.TrimSpace(p.Name) == "" {
		faults = append(faults, errors.New("name: missing"))
	}
	if len(p.Origins) == 0 {
		faults = append(faults, errors.New("origins: missing"))
	}
	for _, origin := range p.Origins {
		if err := p.checkOrigin(origin); err != nil {
			faults = append(faults, fmt.Errorf("origins: %q %w", origin, err))
		}
	}
	return faults
}

// checkOrigin wants an origin as browsers write it (RFC 6454 §6.2), which is
// what it will be compared with.
func (p Policy) checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme+"://"+u.Host != origin || !isDomain(u.Hostname()) {
		return errors.New("is not scheme, host in lower case, and port where it is not the usual one")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost") { //guard:WAN-1
		return errors.New("is not https")
	}
	if u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" || strings.HasSuffix(origin, ":") {
		return errors.New("has a port that browsers leave out")
	}
	if u.Hostname() != p.RPID && !strings.HasSuffix(u.Hostname(), "."+p.RPID) { //guard:WAN-1
		return fmt.Errorf("is not within %q", p.RPID)
	}
	return nil
}

// isDomain reports whether s is a host name in ASCII and lower case, and not an
// address: passkeys need a name.
func isDomain(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil || s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

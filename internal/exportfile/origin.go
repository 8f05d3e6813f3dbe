package exportfile

import (
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// schemes are those that have origins of their own, with their default ports
// (URL Standard, "special scheme").
var schemes = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}

// isOrigin reports whether a browser writes the text so when it is asked for the
// origin of that very text: scheme, host and port in their one spelling
// (URL Standard, "origin").
func isOrigin(text string) bool {
	scheme, rest, ok := strings.Cut(text, "://")
	defaultPort, special := schemes[scheme]
	if !ok || !special {
		return false
	}
	host, port := rest, ""
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		host, port = rest[:i], rest[i+1:]
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || strconv.FormatUint(number, 10) != port || port == defaultPort {
			return false
		}
	}
	return isHost(host)
}

// isHost reports whether a host is in the spelling that a browser gives it.
func isHost(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		address, err := netip.ParseAddr(inner)
		return closed && err == nil && address.Is6() && address.Zone() == "" && spellIPv6(address) == inner
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	if last := labels[len(labels)-1]; last != "" && isNumber(last) {
		address, err := netip.ParseAddr(host)
		return err == nil && address.Is4()
	}
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return false
	}
	ascii, err := hostProfile.ToASCII(host)
	return err == nil && ascii == host
}

// hostProfile is the "domain to ASCII" of the URL Standard with beStrict false.
var hostProfile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.CheckHyphens(false), idna.BidiRule())

// isNumber reports whether a browser takes a host for an IPv4 address because of
// its last label (URL Standard, "ends in a number").
func isNumber(label string) bool {
	if strings.Trim(label, "0123456789") == "" {
		return true
	}
	digits, hex := strings.CutPrefix(label, "0x")
	return hex && strings.Trim(digits, "0123456789abcdef") == ""
}

// spellIPv6 writes an address as browsers do: without the dotted form of mapped
// IPv4 addresses.
func spellIPv6(address netip.Addr) string {
	if !address.Is4In6() {
		return address.String()
	}
	b := address.As16()
	high, low := uint64(b[12])<<8|uint64(b[13]), uint64(b[14])<<8|uint64(b[15])
	return "::ffff:" + strconv.FormatUint(high, 16) + ":" + strconv.FormatUint(low, 16)
}

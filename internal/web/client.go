package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Address returns the network address of the client: the rightmost hop that is
// not a trusted proxy, else the peer (THR-6). What the client itself writes
// into the header is to the left of that and is never read.
func (s *Site) Address(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !within(s.TrustedProxies, address) {
			break
		}
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		address = next.Unmap()
	}
	return address
}

// OnCampus reports whether the client is in a network of the institution.
func (s *Site) OnCampus(r *http.Request) bool { return within(s.Campus, s.Address(r)) }

// InCampus reports whether an address is in a network of the institution.
func (s *Site) InCampus(address netip.Addr) bool { return within(s.Campus, address) }

func within(networks []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(address) })
}

// Client is the browser that sent a request, in the words of no language.
type Client struct {
	Browser string // "Firefox"; empty if unknown
	System  string // "Windows"; empty if unknown
	Address netip.Addr
	Campus  bool
	Agent   string // the whole header
}

// Client returns the browser that sent r.
func (s *Site) Client(r *http.Request) Client {
	agent := r.UserAgent()
	return Client{Browser: first(browsers, agent), System: first(systems, agent), Address: s.Address(r), Campus: s.OnCampus(r), Agent: agent}
}

// mark is a word in the header User-Agent and what it tells. The order counts:
// most browsers also name those that they descend from.
type mark struct{ word, name string }

var browsers = []mark{
	{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
	{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
}

var systems = []mark{
	{"Windows", "Windows"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"},
	{"CrOS", "ChromeOS"}, {"Macintosh", "macOS"}, {"Linux", "Linux"},
}

func first(marks []mark, agent string) string {
	for _, m := range marks {
		if strings.Contains(agent, m.word) {
			return m.name
		}
	}
	return ""
}

// Name returns the browser and its system in one line, as sessions keep it.
func (c Client) Name() string {
	switch {
	case c.Browser == "":
		return c.System
	case c.System == "":
		return c.Browser
	}
	return c.Browser + between + c.System
}

const between = "・" // the parts of a name that is kept

// DeviceName says in the language of r what [Client.Name] has kept.
func (s *Site) DeviceName(r *http.Request, kept string) string {
	browser, system, both := strings.Cut(kept, between)
	if !both {
		return kept
	}
	return s.Text(r, "common.device", "browser", browser, "os", system)
}

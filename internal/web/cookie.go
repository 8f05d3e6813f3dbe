package web

import (
	"crypto/sha256"
	"net/http"
	"time"

	"warifu/internal/i18n"
	"warifu/internal/secret"
)

// Cookies are set and read in this file only. By https their names carry the
// prefix __Host-, so that no other host can set them.
const (
	browserCookie = "browser" // a random token; the flows of a browser belong to it
	sessionCookie = "session"
	knownCookie   = "dev" // the token of a known browser (THR-4)
	langCookie    = "lang"
	methodCookie  = "method" // the second factor that was used last in this browser; gives no right
	trustCookie   = "trust"  // the token of a trusted browser (SES-13)
	ticketCookie  = "ticket" // says that it is worth asking for a ticket of this browser; gives no right

	browserLifetime = 30 * 24 * time.Hour
	langLifetime    = 365 * 24 * time.Hour
	methodLifetime  = 180 * 24 * time.Hour
)

func (s *Site) cookieName(name string) string {
	if s.Secure() {
		return "__Host-" + name
	}
	return "warifu-" + name // cookies ignore ports: other servers of this machine have theirs
}

func (s *Site) readCookie(r *http.Request, name string) string {
	cookies := r.CookiesNamed(s.cookieName(name))
	if len(cookies) != 1 { // two of one name are a trick
		return ""
	}
	return cookies[0].Value
}

// setCookie keeps value for a lifetime; without one until the browser is closed.
func (s *Site) setCookie(w http.ResponseWriter, name, value string, lifetime time.Duration) {
	http.SetCookie(w, &http.Cookie{Name: s.cookieName(name), Value: value, Path: "/", MaxAge: int(lifetime.Seconds()),
		Secure: s.Secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (s *Site) dropCookie(w http.ResponseWriter, name string) {
	s.setCookie(w, name, "", -time.Second)
}

// Browser returns the SHA-256 of the browser's token, or nil if r brings none.
// Only the digest is stored.
func Browser(r *http.Request) []byte {
	token := visitOf(r).browser
	if token == "" {
		return nil
	}
	digest := sha256.Sum256([]byte(token))
	return digest[:]
}

// EnsureBrowser gives the browser a token if it has none.
func (s *Site) EnsureBrowser(w http.ResponseWriter, r *http.Request) error {
	v := visitOf(r)
	if v.browser != "" {
		return nil
	}
	token, err := secret.Token(s.Random)
	if err != nil {
		return err
	}
	v.browser = token
	s.setCookie(w, browserCookie, token, browserLifetime)
	return nil
}

// Session returns the token of the browser's session, or the empty string.
func (s *Site) Session(r *http.Request) string { return s.readCookie(r, sessionCookie) }

// SetSession gives the browser the token of its session, and takes it back if
// the token is empty. The cookie ends with the browser; the row has the limits.
func (s *Site) SetSession(w http.ResponseWriter, token string) {
	if token == "" {
		s.dropCookie(w, sessionCookie)
		return
	}
	s.setCookie(w, sessionCookie, token, 0)
}

// Known returns the token by which the browser is known, or the empty string.
func (s *Site) Known(r *http.Request) string { return s.readCookie(r, knownCookie) }

// SetKnown gives the browser the token by which it is known.
func (s *Site) SetKnown(w http.ResponseWriter, token string, lifetime time.Duration) {
	s.setCookie(w, knownCookie, token, lifetime)
}

// Trusted returns the token by which the browser is trusted, or the empty string.
func (s *Site) Trusted(r *http.Request) string { return s.readCookie(r, trustCookie) }

// SetTrusted gives the browser the token by which it is trusted.
func (s *Site) SetTrusted(w http.ResponseWriter, token string, lifetime time.Duration) {
	s.setCookie(w, trustCookie, token, lifetime)
}

// Method returns which second factor was used last in this browser: whatever the
// cookie says.
func (s *Site) Method(r *http.Request) string { return s.readCookie(r, methodCookie) }

// SetMethod notes which second factor was used last in this browser.
func (s *Site) SetMethod(w http.ResponseWriter, r *http.Request, method string) {
	if s.Method(r) != method {
		s.setCookie(w, methodCookie, method, methodLifetime)
	}
}

// HasTicket reports whether the browser may hold a ticket. It says nothing more,
// and saves the look-up for all who don't.
func (s *Site) HasTicket(r *http.Request) bool { return s.readCookie(r, ticketCookie) != "" }

// SetTicket notes that the browser was given a ticket for a time; that it has
// none any more, if the time is zero.
func (s *Site) SetTicket(w http.ResponseWriter, lifetime time.Duration) {
	if lifetime == 0 {
		s.dropCookie(w, ticketCookie)
		return
	}
	s.setCookie(w, ticketCookie, "1", lifetime)
}

// negotiate returns the language of a request: asked for in the address, kept
// in the cookie, or preferred by the browser.
func (s *Site) negotiate(r *http.Request, asked string) i18n.Lang {
	return i18n.Negotiate(asked, s.readCookie(r, langCookie), r.Header.Get("Accept-Language"))
}

// SetLang answers r, and whatever the browser asks for next, in a language.
func (s *Site) SetLang(w http.ResponseWriter, r *http.Request, lang i18n.Lang) {
	visitOf(r).lang = lang
	s.setCookie(w, langCookie, string(lang), langLifetime)
}

// rememberLang keeps the language that a person has asked for with ?lang=.
func (s *Site) rememberLang(w http.ResponseWriter, r *http.Request) {
	if Query(r, "lang") != "" {
		s.setCookie(w, langCookie, string(s.Lang(r)), langLifetime)
	}
}

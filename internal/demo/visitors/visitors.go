package visitors

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	loginLifetime = 24 * time.Hour // a person may wait for the help desk meanwhile
	visitLife     = 12 * time.Hour
	// MostKept is how many values a shelf of a service keeps; the oldest go first.
	MostKept = 10_000
)

// Service is one that people visit.
type Service struct {
	BaseURL  string                             // without a slash at the end
	Cookies  string                             // what their names begin with; cookies ignore ports, so that no other part may use it
	Name     [2]string                          // shown on the page, in Japanese and English
	Received [2]string                          // what the server has told, as a heading
	Login    func(lang string, mfa bool) string // address that asks the server, perhaps for multi-factor authentication
	Random   io.Reader                          // such as crypto/rand.Reader
	Now      func() time.Time
}

// Failure is why nobody is signed in. Code and Description are the server's own
// words if it gave any.
type Failure struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

func (f *Failure) Error() string { return f.Code + ": " + f.Description }

// reason turns an error into what the page and /me.json tell.
func reason(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{"server_unreachable", err.Error()}
}

// Visit is a browser that has an answer: what was received, or why nothing was.
type Visit[T any] struct {
	Received map[string]any // nil if nobody is signed in
	Proof    T              // what the protocol needs at the logout

	failure *Failure
	at      time.Time
}

// Site is a service with its visits. Use [New].
type Site[T any] struct {
	Service
	visits *Shelf[Visit[T]] // by cookie
}

// New returns a service that nobody has visited.
func New[T any](s Service) *Site[T] {
	return &Site[T]{Service: s, visits: NewShelf[Visit[T]](MostKept)}
}

// Mount registers the page, its style, and /me.json.
func (s *Site[T]) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /style.css", style)
	mux.HandleFunc("GET /me.json", s.me)
}

// SetHeaders sets those of every answer.
func SetHeaders(header http.Header) {
	header.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
}

// Browser tells which browser asks to be signed in, whom [Site.Asked] knows again.
// Several of its tabs may ask at the same time.
func (s *Site[T]) Browser(w http.ResponseWriter, r *http.Request) (string, error) {
	browser, err := s.Token()
	if err != nil {
		return "", err
	}
	if c, err := r.Cookie(s.Cookies + "_login"); err == nil && len(c.Value) == len(browser) {
		browser = c.Value
	}
	s.setCookie(w, "_login", browser, loginLifetime)
	return browser, nil
}

// Asked reports whether a request comes from a browser that has asked at a time.
func (s *Site[T]) Asked(r *http.Request, browser string, at time.Time) bool {
	c, err := r.Cookie(s.Cookies + "_login")
	return err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(browser)) == 1 && s.Now().Sub(at) <= loginLifetime
}

// Begin gives the browser a visit with a new id, and shows the page: who asked again
// and was refused is not signed in any more.
func (s *Site[T]) Begin(w http.ResponseWriter, r *http.Request, visit Visit[T], err error) {
	if err != nil {
		visit = Visit[T]{failure: reason(err)}
	}
	visit.at = s.Now()
	id, err := s.Token()
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if c, err := r.Cookie(s.Cookies + "_session"); err == nil {
		s.visits.Take(c.Value)
	}
	s.visits.Put(id, visit)
	s.setCookie(w, "_session", id, visitLife)
	http.Redirect(w, r, s.BaseURL+"/", http.StatusSeeOther)
}

// End ends the browser's visit, and returns it.
func (s *Site[T]) End(w http.ResponseWriter, r *http.Request) Visit[T] {
	current, id := s.current(r)
	s.visits.Take(id)
	s.setCookie(w, "_session", "", -time.Second)
	return current
}

// EndIf ends the visits of those who are signed in and of whom this was received.
func (s *Site[T]) EndIf(match func(received map[string]any) bool) {
	s.visits.RemoveIf(func(one Visit[T]) bool { return one.Received != nil && match(one.Received) })
}

// current returns the browser's visit; the zero visit if it has none.
func (s *Site[T]) current(r *http.Request) (current Visit[T], id string) {
	c, err := r.Cookie(s.Cookies + "_session")
	if err != nil {
		return Visit[T]{}, ""
	}
	current, ok := s.visits.Get(c.Value)
	if !ok || s.Now().Sub(current.at) > visitLife {
		return Visit[T]{}, ""
	}
	return current, c.Value
}

// me answers with what was received, or 401 and why nothing was.
func (s *Site[T]) me(w http.ResponseWriter, r *http.Request) {
	current, _ := s.current(r)
	switch {
	case current.Received != nil:
		WriteJSON(w, http.StatusOK, current.Received)
	case current.failure != nil:
		WriteJSON(w, http.StatusUnauthorized, current.failure)
	default:
		WriteJSON(w, http.StatusUnauthorized, Failure{Code: "not_signed_in"})
	}
}

// WriteJSON answers with a value.
func WriteJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a client that has gone away is not our failure
}

func (s *Site[T]) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // G124: plain http on loopback
		Name: s.Cookies + name, Value: value, Path: "/", MaxAge: int(life.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(s.BaseURL, "https:"),
	})
}

// Token returns 256 random bits: 43 characters that need no escaping.
func (s *Site[T]) Token() (string, error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(s.Random, raw); err != nil {
		return "", fmt.Errorf("visitors: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

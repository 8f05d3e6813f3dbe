// Package web is the HTTP plumbing that the pages of every package share:
// routing, forms, cookies, rendering, language, and the way from an error to an
// error page.
package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"warifu/internal/i18n"
	"warifu/internal/secret"
)

// A Handler answers a request, or returns why it could not.
type Handler func(w http.ResponseWriter, r *http.Request) error

// A Problem is an error that the person may see. Any other error is shown as
// an internal one.
type Problem struct {
	Status int
	Stop   string // a key of the catalogue, without _title and _text
	Args   []any  // of its texts; one with a method In(lang string) string is shown in the language of the page
	Next   string // address of the way on; empty for the home page
	Label  string // key of the words of that way; empty for the home page
	Err    error  // for the log
}

func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %v", p.Status, p.Stop, p.Err) }
func (p *Problem) Unwrap() error { return p.Err }

var (
	errNoPage      = errors.New("web: no such page")
	errCrossOrigin = errors.New("web: request from another site")
	errHost        = errors.New("web: request for another host")
	errRepeated    = errors.New("web: repeated parameter in the address")
)

// Config is what a site needs. All nodes need the same FormKey.
type Config struct {
	Log            *slog.Logger
	Catalogue      *i18n.Catalogue
	Brand          Brand
	BaseURL        *url.URL // the public address; only its host is answered, and that of the console
	ConsoleURL     *url.URL // the address of the console, where it is another one; else nil
	FormKey        *secret.MAC
	Random         io.Reader
	Now            func() time.Time
	Zone           *time.Location
	TrustedProxies []netip.Prefix
	Campus         []netip.Prefix
	Hours          func(time.Time) (open bool, next time.Time) // of the help desk; may be nil
	Closure        func(time.Time, i18n.Lang) string           // why it is closed now, where that is an exception; may be nil
	DemoMail       string                                      // the demonstration's mail page; empty outside of it
	Observe        func(route string, status int)              // told of every answer; may be nil
	MostStreams    int                                         // event streams that are open at the same time
}

// Site serves pages.
type Site struct {
	Config
	mux        *http.ServeMux
	protection *http.CrossOriginProtection
	sameOrigin http.Handler // route, for requests of the site itself
	templates  map[i18n.Lang]*template.Template
	assets     *assets
	identify   func(*http.Request) (*Person, error)
	helping    func(page string, messages []string, lang i18n.Lang) []Link
	streams    streams
	holds      streams
	stopping   context.Context // ends when the node stops
	stop       context.CancelFunc
}

// NewSite returns a site without pages. It fails if a template does not parse.
func NewSite(config Config) (*Site, error) {
	assets, err := loadAssets(config.Brand)
	if err != nil {
		return nil, err
	}
	templates, err := ParseTemplates(config.Catalogue, config.Brand, assets.address)
	if err != nil {
		return nil, err
	}
	s := &Site{Config: config, mux: http.NewServeMux(), protection: http.NewCrossOriginProtection(), templates: templates, assets: assets,
		streams: streams{byKey: make(map[string]int)}, holds: streams{byKey: make(map[string]int)}}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serveError(w, r, &Problem{Status: http.StatusForbidden, Stop: "stop.csrf", Err: errCrossOrigin})
	}))
	s.sameOrigin = s.protection.Handler(http.HandlerFunc(s.route))
	s.mux.Handle("GET /static/{name}", s.assets)
	return s, nil
}

// Secure reports whether browsers reach the site by https. Only the
// demonstration and tests are reached otherwise.
func (s *Site) Secure() bool { return s.BaseURL.Scheme == "https" }

// ServeHTTP serves the site. A request that changes something is refused
// unless it comes from the site itself.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	r = r.WithContext(context.WithValue(r.Context(), visitKey{}, s.newVisit(r)))
	defer func() {
		if p := recover(); p != nil {
			s.serveError(answer, r, fmt.Errorf("web: panic: %v\n%s", p, debug.Stack()))
		}
		if s.Observe != nil {
			s.Observe(r.Pattern, answer.status)
		}
	}()
	s.setHeaders(answer.Header())
	s.rememberLang(answer, r)
	switch {
	case !s.ownHost(r): //guard:WEB-4
		s.serveError(answer, r, &Problem{Status: http.StatusMisdirectedRequest, Stop: "stop.request", Err: errHost})
	case s.misplaced(r): //guard:HD-5
		s.serveMisplaced(answer, r)
	case repeated(visitOf(r).query): //guard:WEB-3
		s.serveError(answer, r, &Problem{Status: http.StatusBadRequest, Stop: "stop.request", Err: errRepeated})
	default:
		s.sameOrigin.ServeHTTP(answer, r)
	}
}

func (s *Site) setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy(nil))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-create=(self), publickey-credentials-get=(self)")
	h.Set("Cache-Control", "no-store")
	if s.Secure() {
		h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
}

// contentPolicy lets a page load its own assets only, and its forms go to this
// site, from where a redirect may lead on to the given origins (browsers check
// redirects after a POST, too).
func contentPolicy(origins []string) string {
	return "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
		"form-action " + strings.Join(append([]string{"'self'"}, origins...), " ") + "; base-uri 'none'; frame-ancestors 'none'"
}

// ownHost compares the host that the browser wanted with the public addresses.
func (s *Site) ownHost(r *http.Request) bool {
	return strings.EqualFold(r.Host, s.BaseURL.Host) || s.atConsole(r)
}

func (s *Site) atConsole(r *http.Request) bool {
	return s.ConsoleURL != nil && strings.EqualFold(r.Host, s.ConsoleURL.Host)
}

// consoleOnly are the beginnings of the paths that answer at the console's address
// alone, if it has one. With those of bothHosts it has all that its people need:
// a session of their own, and their passkeys.
var (
	consoleOnly = []string{"/desk", "/admin"}
	bothHosts   = []string{"/static", "/login", "/account", "/logout", "/logged-out", "/session", "/home", "/accessibility"}
)

// misplaced reports whether a page is asked for at the wrong one of two addresses.
func (s *Site) misplaced(r *http.Request) bool {
	if s.ConsoleURL == nil {
		return false
	}
	console := below(consoleOnly, r.URL.Path)
	if s.atConsole(r) {
		return !console && !below(bothHosts, r.URL.Path)
	}
	return console
}

func below(paths []string, path string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

// serveMisplaced leads whoever opens the console to its address; all else does not
// exist at the wrong one.
func (s *Site) serveMisplaced(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodGet && !s.atConsole(r):
		http.Redirect(w, r, s.ConsoleURL.String()+"/desk", http.StatusSeeOther)
	case r.Method == http.MethodGet && r.URL.Path == "/":
		http.Redirect(w, r, "/desk", http.StatusSeeOther)
	default:
		s.serveError(w, r, &Problem{Status: http.StatusNotFound, Stop: "stop.not_found", Err: errNoPage})
	}
}

func repeated(values url.Values) bool {
	for _, v := range values {
		if len(v) > 1 {
			return true
		}
	}
	return false
}

func (s *Site) route(w http.ResponseWriter, r *http.Request) {
	if _, pattern := s.mux.Handler(r); pattern == "" {
		s.serveError(w, r, &Problem{Status: http.StatusNotFound, Stop: "stop.not_found", Err: errNoPage})
		return
	}
	s.mux.ServeHTTP(w, r)
}

// Handle serves pattern ("GET /login") with h.
func (s *Site) Handle(pattern string, h Handler) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.serveError(w, r, err)
		}
	})
}

// HandleForeign serves what other sites and programs call, which prove
// themselves otherwise: no origin and no form token is asked for (WEB-2).
func (s *Site) HandleForeign(pattern string, h Handler) {
	_, path, _ := strings.Cut(pattern, " ")
	s.protection.AddInsecureBypassPattern(path)
	s.Handle(pattern, h)
}

// Redirect sends the browser on to an address of this site, or to one that a
// registered service has (WEB-5).
func (s *Site) Redirect(w http.ResponseWriter, r *http.Request, address string) error {
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}

// JSON answers a script of ours.
func (s *Site) JSON(w http.ResponseWriter, status int, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a browser that has gone away is not our failure
	return nil
}

// Attachment answers with a file that the browser saves under a name, or takes as
// what its kind says.
func (s *Site) Attachment(w http.ResponseWriter, kind, name string, content []byte) error {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content) // a browser that has gone away is not our failure
	return nil
}

// File answers with a text that the browser saves under a name.
func (s *Site) File(w http.ResponseWriter, name, text string) error {
	return s.Attachment(w, "text/plain; charset=utf-8", name, []byte(text))
}

// Nothing answers the script of a page that there is nothing to tell. It ends an
// event stream for good (HTML, section 9.2).
func (s *Site) Nothing(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// CSV answers with a table that the browser saves under a name. It begins with
// the mark that spreadsheets know UTF-8 by.
func (s *Site) CSV(w http.ResponseWriter, name string, write func(http.ResponseWriter) error) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	_, _ = io.WriteString(w, "\ufeff")
	return write(w)
}

// ErrorPage is the page "error".
type ErrorPage struct {
	Title, Text string // in the language of the page
	Reference   string // the person reads it to the help desk; the log has it too
	Next, Label string // the way on
}

// serveError is the only place that shows an error.
func (s *Site) serveError(w http.ResponseWriter, r *http.Request, err error) {
	p := asProblem(err)
	args := []any{"host", s.BaseURL.Host}
	for _, arg := range p.Args {
		if text, ok := arg.(interface{ In(lang string) string }); ok {
			arg = text.In(string(s.Lang(r)))
		}
		args = append(args, arg)
	}
	page := ErrorPage{
		Title:     s.Text(r, p.Stop+"_title", args...),
		Text:      s.Text(r, p.Stop+"_text", args...),
		Reference: rand.Text()[:8],
		Next:      p.Next,
		Label:     p.Label,
	}
	if page.Next == "" {
		page.Next, page.Label = "/home", "stop.home"
	}
	level := slog.LevelInfo
	gone := r.Context().Err() != nil && errors.Is(err, context.Canceled) // the browser, before the answer
	if p.Status >= http.StatusInternalServerError && !gone {
		level = slog.LevelError
	}
	s.Log.Log(r.Context(), level, "request refused", "reference", page.Reference, "route", r.Pattern, "status", p.Status, "err", err)
	if p.Status == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "10")
	}
	if err := s.render(w, r, p.Status, "error", page, nil); err != nil {
		http.Error(w, "internal error "+page.Reference, http.StatusInternalServerError)
	}
}

// asProblem returns what a person may see of err. What says that it cannot
// answer now, such as a database that is gone, is shown as that.
func asProblem(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	var gone interface{ Unavailable() bool }
	if errors.As(err, &gone) && gone.Unavailable() { //guard:OPS-3
		return &Problem{Status: http.StatusServiceUnavailable, Stop: "stop.unavailable", Err: err}
	}
	return &Problem{Status: http.StatusInternalServerError, Stop: "stop.server", Err: err}
}

// statusWriter remembers the status of the answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap gives [http.ResponseController] the writer beneath.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

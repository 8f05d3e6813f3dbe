package oidcservice

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config describes the service and the server that it asks.
type Config struct {
	Issuer       string // of the server
	BaseURL      string // of this service, without a slash at the end
	ClientID     string
	ClientSecret string // empty for a public client
	NameJa       string // shown on the page
	NameEn       string
	Random       io.Reader // such as crypto/rand.Reader
	Now          func() time.Time
	HTTP         *http.Client // nil for one with a timeout that follows no redirect
}

// RedirectURI is where the server sends its answers.
func (c Config) RedirectURI() string { return c.BaseURL + "/callback" }

// PostLogoutRedirectURI is where the server sends people after a logout.
func (c Config) PostLogoutRedirectURI() string { return c.BaseURL + "/" }

// BackchannelLogoutURI is where the server tells of a logout.
func (c Config) BackchannelLogoutURI() string { return c.BaseURL + "/backchannel-logout" }

const (
	sessionCookie = "demo_oidc_session" // cookies ignore ports: no other part may use these names
	loginCookie   = "demo_oidc_login"
	loginLifetime = 24 * time.Hour // a person may wait for the help desk meanwhile
	sessionLife   = 12 * time.Hour
	maxKept       = 10_000 // of each kind; the oldest go first
	callTimeout   = 10 * time.Second
	defaultScope  = "openid profile email"
)

// login is a request that has not been answered yet.
type login struct {
	browser  string // value of the cookie of the browser that asked
	nonce    string
	verifier string // RFC 7636
	maxAge   string // as asked, or empty
	at       time.Time
}

// session is a browser that has an answer: claims, or why there are none.
type session struct {
	claims  map[string]any
	idToken string
	failure *failure
	at      time.Time
}

// failure is why nobody is signed in. Code and Description are the server's
// own words if it gave any.
type failure struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

func (f *failure) Error() string { return f.Code + ": " + f.Description }

// Service is the service. Use [New].
type Service struct {
	config   Config
	provider *provider
	mux      *http.ServeMux
	logins   *shelf[login]   // by state
	sessions *shelf[session] // by cookie
	seen     *shelf[bool]    // jti of logout tokens
}

// New returns the service. It does not ask the server before it must.
func New(config Config) *Service {
	if config.HTTP == nil {
		config.HTTP = &http.Client{
			Timeout:       callTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	s := &Service{
		config: config, provider: &provider{issuer: config.Issuer, client: config.HTTP, now: config.Now},
		logins: newShelf[login](maxKept), sessions: newShelf[session](maxKept), seen: newShelf[bool](maxKept),
	}
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("GET /{$}", s.home)
	s.mux.HandleFunc("GET /style.css", s.style)
	s.mux.HandleFunc("GET /login", s.login)
	s.mux.HandleFunc("GET /callback", s.callback)
	s.mux.HandleFunc("GET /me.json", s.me)
	s.mux.HandleFunc("GET /logout", s.logout)
	s.mux.HandleFunc("POST /backchannel-logout", s.backchannelLogout)
	return s
}

// ServeHTTP serves the addresses of the service.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	s.mux.ServeHTTP(w, r)
}

// passedOn are the parameters of /login that go to the server unchanged.
var passedOn = []string{"acr_values", "prompt", "max_age", "ui_locales", "claims", "login_hint"}

// login asks the server: authorization code with PKCE, state and nonce.
func (s *Service) login(w http.ResponseWriter, r *http.Request) {
	metadata, err := s.provider.discover(r.Context())
	if err != nil {
		s.render(w, r, http.StatusServiceUnavailable, session{failure: reason(err)})
		return
	}
	var tokens [4]string
	for i := range tokens {
		if tokens[i], err = s.token(); err != nil {
			s.render(w, r, http.StatusServiceUnavailable, session{failure: reason(err)})
			return
		}
	}
	state, browser := tokens[0], tokens[1]
	if c, err := r.Cookie(loginCookie); err == nil && len(c.Value) == len(browser) {
		browser = c.Value // several tabs may ask at the same time
	}
	l := login{browser: browser, nonce: tokens[2], verifier: tokens[3], maxAge: r.FormValue("max_age"), at: s.config.Now()}
	s.logins.put(state, l)
	s.setCookie(w, loginCookie, browser, loginLifetime)
	http.Redirect(w, r, withQuery(metadata.Authorization, s.request(r, state, l)), http.StatusSeeOther)
}

func (s *Service) request(r *http.Request, state string, l login) url.Values {
	challenge := sha256.Sum256([]byte(l.verifier))
	q := url.Values{
		"response_type":         {"code"},
		"client_id":             {s.config.ClientID},
		"redirect_uri":          {s.config.RedirectURI()},
		"scope":                 {defaultScope},
		"state":                 {state},
		"nonce":                 {l.nonce},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
	}
	if scope := r.FormValue("scope"); scope != "" {
		q.Set("scope", scope)
	}
	for _, name := range passedOn {
		if value := r.FormValue(name); value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// callback takes the server's answer. Whatever it is, it replaces the session:
// who asked again and was refused is not signed in any more. Anything that this
// browser did not ask for changes nothing.
func (s *Service) callback(w http.ResponseWriter, r *http.Request) {
	l, err := s.asked(r)
	if err != nil {
		s.render(w, r, http.StatusBadRequest, session{failure: reason(err)})
		return
	}
	next, err := s.redeem(r, l)
	if err != nil {
		next = session{failure: reason(err), at: s.config.Now()}
	}
	s.startSession(w, r, next)
}

// asked returns the request that an answer belongs to, and spends it.
func (s *Service) asked(r *http.Request) (login, error) {
	for name, values := range r.URL.Query() {
		if len(values) > 1 {
			return login{}, &failure{"invalid_response", "repeated parameter " + name}
		}
	}
	l, ok := s.logins.take(r.FormValue("state"))
	c, err := r.Cookie(loginCookie)
	if !ok || err != nil || !same(c.Value, l.browser) || s.config.Now().Sub(l.at) > loginLifetime {
		return login{}, &failure{"invalid_response", "this browser has no such request"}
	}
	return l, nil
}

// redeem checks the answer and exchanges its code for claims.
func (s *Service) redeem(r *http.Request, l login) (session, error) {
	metadata, err := s.provider.discover(r.Context())
	if err != nil {
		return session{}, err
	}
	issuer := r.FormValue("iss")
	if issuer != s.config.Issuer && (issuer != "" || metadata.SendsIssuer) { // RFC 9207 §2.4
		return session{}, &failure{"invalid_response", "the answer is from another issuer"}
	}
	if code := r.FormValue("error"); code != "" {
		return session{}, &failure{code, r.FormValue("error_description")}
	}
	tokens, err := s.exchange(r.Context(), metadata, r.FormValue("code"), l.verifier)
	if err != nil {
		return session{}, err
	}
	claims, err := s.verifyIDToken(r.Context(), tokens, l)
	if err != nil {
		return session{}, err
	}
	if err := s.addUserinfo(r.Context(), metadata, tokens.Access, claims); err != nil {
		return session{}, err
	}
	return session{claims: claims, idToken: tokens.ID, at: s.config.Now()}, nil
}

// startSession gives the browser a session with a new id, and shows the page.
func (s *Service) startSession(w http.ResponseWriter, r *http.Request, next session) {
	id, err := s.token()
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if c, err := r.Cookie(sessionCookie); err == nil {
		s.sessions.take(c.Value)
	}
	s.sessions.put(id, next)
	s.setCookie(w, sessionCookie, id, sessionLife)
	http.Redirect(w, r, s.config.BaseURL+"/", http.StatusSeeOther)
}

// reason turns an error into what the page and /me.json tell.
func reason(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return &failure{"server_unreachable", err.Error()}
}

// current returns the browser's session; the zero session if it has none.
func (s *Service) current(r *http.Request) (current session, id string) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return session{}, ""
	}
	current, ok := s.sessions.get(c.Value)
	if !ok || s.config.Now().Sub(current.at) > sessionLife {
		return session{}, ""
	}
	return current, c.Value
}

// me answers with the claims that were received, or 401 and why there are none.
func (s *Service) me(w http.ResponseWriter, r *http.Request) {
	current, _ := s.current(r)
	switch {
	case current.claims != nil:
		writeJSON(w, http.StatusOK, current.claims)
	case current.failure != nil:
		writeJSON(w, http.StatusUnauthorized, current.failure)
	default:
		writeJSON(w, http.StatusUnauthorized, failure{Code: "not_signed_in"})
	}
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a client that has gone away is not our failure
}

func (s *Service) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(s.config.BaseURL, "https:"),
	})
}

// token returns 256 random bits: 43 characters that need no escaping.
func (s *Service) token() (string, error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(s.config.Random, raw); err != nil {
		return "", fmt.Errorf("oidcservice: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// withQuery adds parameters to an endpoint, which may have some of its own
// (RFC 6749 §3.1).
func withQuery(endpoint string, values url.Values) string {
	if strings.Contains(endpoint, "?") {
		return endpoint + "&" + values.Encode()
	}
	return endpoint + "?" + values.Encode()
}

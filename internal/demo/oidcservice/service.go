package oidcservice

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"warifu/internal/demo/visitors"
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
	callTimeout  = 10 * time.Second
	defaultScope = "openid profile email"
)

// login is a request that has not been answered yet.
type login struct {
	browser  string // value of the cookie of the browser that asked
	nonce    string
	verifier string // RFC 7636
	maxAge   string // as asked, or empty
	at       time.Time
}

// Service is the service. Use [New].
type Service struct {
	config   Config
	provider *provider
	mux      *http.ServeMux
	site     *visitors.Site[string]  // with ID tokens
	logins   *visitors.Shelf[login]  // by state
	seen     *visitors.Shelf[string] // jti of logout tokens
}

// mfaRequest asks for multi-factor authentication as an essential claim, which
// the server must meet or refuse (OpenID Connect Core 1.0 §5.5.1.1).
const mfaRequest = `{"id_token":{"acr":{"essential":true,"value":"https://refeds.org/profile/mfa"}}}`

// loginAddress is where the links of the page lead.
func loginAddress(lang string, mfa bool) string {
	q := url.Values{"ui_locales": {lang}}
	if mfa {
		q.Set("claims", mfaRequest)
	}
	return "/login?" + q.Encode()
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
		site: visitors.New[string](visitors.Service{BaseURL: config.BaseURL, Cookies: "demo_oidc",
			Name:     [2]string{cmp.Or(config.NameJa, "OIDC の実演サービス"), cmp.Or(config.NameEn, "OIDC demonstration service")},
			Received: [2]string{"受け取った属性", "Claims received"}, Login: loginAddress, Random: config.Random, Now: config.Now}),
		logins: visitors.NewShelf[login](visitors.MostKept), seen: visitors.NewShelf[string](visitors.MostKept),
	}
	s.mux = http.NewServeMux()
	s.site.Mount(s.mux)
	s.mux.HandleFunc("GET /login", s.login)
	s.mux.HandleFunc("GET /callback", s.callback)
	s.mux.HandleFunc("GET /logout", s.logout)
	s.mux.HandleFunc("POST /backchannel-logout", s.backchannelLogout)
	return s
}

// ServeHTTP serves the addresses of the service.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	visitors.SetHeaders(w.Header())
	s.mux.ServeHTTP(w, r)
}

// passedOn are the parameters of /login that go to the server unchanged.
var passedOn = []string{"acr_values", "prompt", "max_age", "ui_locales", "claims", "login_hint"}

// login asks the server: authorization code with PKCE, state and nonce.
func (s *Service) login(w http.ResponseWriter, r *http.Request) {
	address, err := s.ask(w, r)
	if err != nil {
		s.site.Fail(w, r, http.StatusServiceUnavailable, err)
		return
	}
	http.Redirect(w, r, address, http.StatusSeeOther) //nolint:gosec // G710: the address is of the server's metadata
}

func (s *Service) ask(w http.ResponseWriter, r *http.Request) (address string, err error) {
	metadata, err := s.provider.discover(r.Context())
	if err != nil {
		return "", err
	}
	var tokens [3]string
	for i := range tokens {
		if tokens[i], err = s.site.Token(); err != nil {
			return "", err
		}
	}
	browser, err := s.site.Browser(w, r)
	if err != nil {
		return "", err
	}
	l := login{browser: browser, nonce: tokens[1], verifier: tokens[2], maxAge: r.FormValue("max_age"), at: s.config.Now()}
	s.logins.Put(tokens[0], l)
	return withQuery(metadata.Authorization, s.request(r, tokens[0], l)), nil
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

// callback takes the server's answer. Whatever it is, it replaces the visit.
// Anything that this browser did not ask for changes nothing.
func (s *Service) callback(w http.ResponseWriter, r *http.Request) {
	l, err := s.asked(r)
	if err != nil {
		s.site.Fail(w, r, http.StatusBadRequest, err)
		return
	}
	visit, err := s.redeem(r, l)
	s.site.Begin(w, r, visit, err)
}

// asked returns the request that an answer belongs to, and spends it.
func (s *Service) asked(r *http.Request) (login, error) {
	for name, values := range r.URL.Query() {
		if len(values) > 1 {
			return login{}, &visitors.Failure{Code: "invalid_response", Description: "repeated parameter " + name}
		}
	}
	l, ok := s.logins.Take(r.FormValue("state"))
	if !ok || !s.site.Asked(r, l.browser, l.at) {
		return login{}, &visitors.Failure{Code: "invalid_response", Description: "this browser has no such request"}
	}
	return l, nil
}

// redeem checks the answer and exchanges its code for claims.
func (s *Service) redeem(r *http.Request, l login) (visitors.Visit[string], error) {
	metadata, err := s.provider.discover(r.Context())
	if err != nil {
		return visitors.Visit[string]{}, err
	}
	issuer := r.FormValue("iss")
	if issuer != s.config.Issuer && (issuer != "" || metadata.SendsIssuer) { // RFC 9207 §2.4
		return visitors.Visit[string]{}, &visitors.Failure{Code: "invalid_response", Description: "the answer is from another issuer"}
	}
	if code := r.FormValue("error"); code != "" {
		return visitors.Visit[string]{}, &visitors.Failure{Code: code, Description: r.FormValue("error_description")}
	}
	tokens, err := s.exchange(r.Context(), metadata, r.FormValue("code"), l.verifier)
	if err != nil {
		return visitors.Visit[string]{}, err
	}
	claims, err := s.verifyIDToken(r.Context(), tokens, l)
	if err != nil {
		return visitors.Visit[string]{}, err
	}
	if err := s.addUserinfo(r.Context(), metadata, tokens.Access, claims); err != nil {
		return visitors.Visit[string]{}, err
	}
	return visitors.Visit[string]{Received: claims, Proof: tokens.ID}, nil
}

// withQuery adds parameters to an endpoint, which may have some of its own
// (RFC 6749 §3.1).
func withQuery(endpoint string, values url.Values) string {
	if strings.Contains(endpoint, "?") {
		return endpoint + "&" + values.Encode()
	}
	return endpoint + "?" + values.Encode()
}

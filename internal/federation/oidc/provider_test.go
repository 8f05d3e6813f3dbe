package oidc_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	openid "github.com/zitadel/oidc/v3/pkg/oidc"

	"warifu/internal/assurance"
	"warifu/internal/authenticator"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/federation/consent"
	"warifu/internal/federation/oidc"
	"warifu/internal/i18n"
	"warifu/internal/keyring"
	"warifu/internal/secret"
	"warifu/internal/session"
	"warifu/internal/store"
	"warifu/internal/web"
)

const (
	issuer   = "https://sso.example"
	callback = "https://lms.example/cb"
	password = "the-secret-of-the-client-which-is-long-enough"
	verifier = "0123456789-0123456789-0123456789-0123456789"
	mfa      = assurance.MFA
)

var start = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

// clock stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a provider on a database of its own, one person, and one browser.
type world struct {
	t        testing.TB
	clock    *clock
	db       *store.DB
	site     *web.Site
	provider *oidc.Provider
	sessions *session.Service
	pending  federation.Pending
	cookie   string                   // token of the session in the browser
	browser  string                   // token of the browser itself
	gives    []authenticator.Kind     // what the person proves at /login
	reach    []authenticator.Evidence // what he could prove
	asked    federation.Need          // what /login was asked for
	who      string                   // who signs in
}

type oidcTx = oidc.Tx

// seedTx is what the tests store and change beside the provider.
type seedTx interface {
	session.Tx
	CreateSubscriber(ctx context.Context, s directory.Subscriber) error
	ReplaceRecoveryCodes(ctx context.Context, subscriberID string, digests [][]byte, now time.Time) error
	UpdateSubscriber(ctx context.Context, s directory.Subscriber) error
	DetachGrants(ctx context.Context, now time.Time) error
}

var person = directory.Subscriber{
	ID: "u1", PublicID: "PUBLIC1", SPSID: "sps00001", Display: "Hanako Miyako",
	Latin: directory.Name{Family: "Miyako", Given: "Hanako"}, Japanese: directory.Name{Family: "都", Given: "花子"},
	Kana: directory.Name{Family: "ミヤコ", Given: "ハナコ"}, Affiliation: "student", Groups: []string{"students"},
	Status: directory.Active, Role: directory.RoleSubscriber, Mailbox: "hanako@miyako.example", CreatedAt: start, UpdatedAt: start,
}

func services() []federation.Service {
	name := federation.Text{Japanese: "学習支援", English: "Learning"}
	web := federation.RelyingParty{RedirectURIs: []string{callback}, Secrets: []string{digest(password)},
		PostLogoutRedirectURIs: []string{"https://lms.example/bye"}}
	with := func(id string, change func(*federation.Service)) federation.Service {
		s := federation.Service{ID: id, Name: name, Protocol: federation.OIDC, RelyingParty: web,
			Release: federation.Release{Optional: []string{"name", "email", "username", "principal_name", "affiliation", "scoped_affiliation", "home_organization"}}}
		if change != nil {
			change(&s)
		}
		return s
	}
	return []federation.Service{
		with("lms", nil),
		with("other", nil),
		with("rsa", func(s *federation.Service) { s.IDTokenAlg, s.IDTokenClaims = "RS256", true }),
		with("strict", func(s *federation.Service) { s.Require = federation.RequireMFA }),
		with("open", func(s *federation.Service) { s.AcceptFallback = true }),
		with("post", func(s *federation.Service) { s.Auth = federation.AuthPost }),
		with("public", func(s *federation.Service) { s.Subject = federation.Public; s.Release = federation.Release{} }),
		with("staff", func(s *federation.Service) { s.Groups = []string{"staff"} }),
		with("par", func(s *federation.Service) { s.RequirePAR = true }),
		with("api", func(s *federation.Service) { s.Introspect = true }),
		with("for-api", func(s *federation.Service) { s.Audience = "api" }),
		with("spa2", nil),
		with("asks", func(s *federation.Service) {
			s.Consent, s.Release.Required = federation.ConsentOnChange, []string{"username"}
		}),
		with("asks-once", func(s *federation.Service) { s.Consent = federation.ConsentOnce }),
		with("asks-always", func(s *federation.Service) { s.Consent, s.AcceptFallback = federation.ConsentAlways, true }),
		with("off", func(s *federation.Service) { s.Disabled = true }),
		with("spa", func(s *federation.Service) {
			s.Type, s.Auth, s.Secrets, s.RedirectURIs = federation.TypeSPA, federation.AuthNone, nil, []string{"https://spa.example/cb"}
		}),
		with("native", func(s *federation.Service) {
			s.Type, s.Auth, s.Secrets = federation.TypeNative, federation.AuthNone, nil
			s.RedirectURIs = []string{"http://127.0.0.1/cb", "http://[::1]/cb", "https://app.example/cb"}
			s.Sector = "native"
		}),
	}
}

var digest = federation.SecretDigest

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func key(b byte) map[int][]byte {
	k := make([]byte, secret.KeySize)
	k[0] = b
	return map[int][]byte{1: k}
}

// newWorld returns a world on SQLite in which nobody is signed in, and who
// signs in gives password and TOTP.
func newWorld(t testing.TB, more ...federation.Service) *world {
	t.Helper()
	return newWorldAt(t, "sqlite:"+t.TempDir()+"/test.db", more...)
}

func newWorldAt(t testing.TB, database string, more ...federation.Service) *world {
	t.Helper()
	w := &world{t: t, who: person.ID, clock: &clock{now: start}, gives: []authenticator.Kind{authenticator.Password, authenticator.TOTP},
		reach: []authenticator.Evidence{{Kind: authenticator.TOTP}}}
	w.db = must[*store.DB](t)(store.Open(database))
	t.Cleanup(func() { w.db.Close() })
	w.db.SetAuditKey(must[*secret.MAC](t)(secret.NewMAC(1, key(1))))
	if err := w.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	base, _ := url.Parse(issuer)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	w.site = must[*web.Site](t)(web.NewSite(web.Config{Log: log, Catalogue: must[*i18n.Catalogue](t)(i18n.New(nil, nil)),
		BaseURL: base, FormKey: must[*secret.MAC](t)(secret.NewMAC(1, key(2))), Random: rand.Reader, Now: w.clock.Now, Zone: time.UTC}))
	w.pending = federation.Pending{Box: must[*secret.Box](t)(secret.NewBox(1, key(3))), Now: w.clock.Now}
	w.sessions = &session.Service{InTx: store.In[session.Tx](w.db), View: store.View[session.Reader](w.db),
		Policy: session.DefaultPolicy(), Random: rand.Reader, Now: w.clock.Now}
	signing := &keyring.Signing{InTx: store.In[keyring.SigningTx](w.db), View: store.View[keyring.SigningReader](w.db),
		Box: must[*secret.Box](t)(secret.NewBox(1, key(4))), Random: rand.Reader, Now: w.clock.Now}
	if err := signing.Ensure(t.Context(), keyring.ES256); err != nil {
		t.Fatal(err)
	}
	w.provider = &oidc.Provider{
		Site: w.site, Pending: w.pending, Sessions: w.sessions, Signing: signing,
		Services: &federation.Services{Configured: append(services(), more...), View: store.View[federation.ServiceReader](w.db), Now: w.clock.Now},
		Reach:    func(context.Context, string) ([]authenticator.Evidence, error) { return w.reach, nil },
		Tokens:   must[*secret.Box](t)(secret.NewBox(1, key(5))), Subjects: []byte("pairwise"),
		InTx: store.In[oidc.Tx](w.db), View: store.View[oidc.Reader](w.db),
		Assurance: assurance.Policy{BaseURL: issuer}, Policy: oidc.Policy{Scope: "miyako.example"}, Random: rand.Reader, Now: w.clock.Now,
	}
	w.provider.Mount()
	w.provider.Farewell = &federation.Farewell{Site: w.site, Sessions: w.sessions, Services: w.provider.Services, Pending: w.pending,
		View: store.View[federation.ParticipationReader](w.db)}
	w.provider.Consent = consent.Book{View: store.View[consent.Reader](w.db)}
	(&consent.Pages{Site: w.site, Services: w.provider.Services, Pending: w.pending, Sessions: w.sessions, Reach: w.provider.Reach, Policy: w.provider.Assurance, InTx: store.In[consent.Tx](w.db), Now: w.clock.Now,
		Tellers: map[federation.Protocol]consent.Teller{federation.OIDC: w.provider.Told}}).Mount()
	w.site.Handle("GET /login", w.login)
	w.tx(func(tx seedTx) error { return tx.CreateSubscriber(t.Context(), person) })
	w.tx(func(tx seedTx) error { return tx.ReplaceRecoveryCodes(t.Context(), person.ID, nil, w.clock.Now()) }) // he has had a second factor: none is set up on the way
	return w
}

func (w *world) tx(fn func(seedTx) error) {
	w.t.Helper()
	if err := store.In[seedTx](w.db)(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// login stands for the sign-in: the person gives what he gives, and the browser
// goes on.
func (w *world) login(rw http.ResponseWriter, r *http.Request) error {
	request, err := w.pending.Open(r.URL.Query().Get("p"))
	if err != nil {
		return err
	}
	w.asked = request.Need
	w.signIn(w.gives...)
	sealed, err := w.pending.Seal(request)
	if err != nil {
		return err
	}
	return w.site.Redirect(rw, r, request.Resume(sealed))
}

// signIn opens or raises the browser's session.
func (w *world) signIn(kinds ...authenticator.Kind) {
	w.t.Helper()
	w.signInAs(w.who, kinds...)
}

func (w *world) signInAs(who string, kinds ...authenticator.Kind) {
	w.t.Helper()
	now := w.clock.Now()
	var evidence []authenticator.Evidence
	for _, kind := range kinds {
		evidence = append(evidence, authenticator.Evidence{Kind: kind, At: now})
	}
	w.tx(func(tx seedTx) error {
		_, token, err := session.DefaultPolicy().Open(w.t.Context(), tx, rand.Reader, w.cookie,
			session.Start{SubscriberID: who, Evidence: evidence}, now)
		w.cookie = token
		return err
	})
}

// send sends a request as the browser does.
func (w *world) send(method, address string, body url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	w.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = issuer + address
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, address, strings.NewReader(body.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept-Language", "en")
	if w.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: w.cookie})
	}
	if w.browser != "" {
		r.AddCookie(&http.Cookie{Name: "__Host-browser", Value: w.browser})
	}
	for _, c := range change {
		c(r)
	}
	rw := httptest.NewRecorder()
	w.site.ServeHTTP(rw, r)
	for _, cookie := range rw.Result().Cookies() {
		if cookie.Name == "__Host-browser" {
			w.browser = cookie.Value
		}
	}
	return rw
}

// basic proves a confidential client.
func basic(client, text string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(client, text) }
}

func withBearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// request returns a good authorization request, changed.
func request(client string, change map[string]string) url.Values {
	values := url.Values{
		"client_id": {client}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"xyz"},
		"nonce": {"n-1"}, "code_challenge": {openid.NewSHACodeChallenge(verifier)}, "code_challenge_method": {"S256"},
	}
	for name, value := range change {
		values.Set(name, value)
		if value == "" {
			values.Del(name)
		}
	}
	return values
}

// authorize follows the browser until it leaves us, and returns the answer.
func (w *world) authorize(client string, change map[string]string) url.Values {
	w.t.Helper()
	return w.follow(w.send("GET", "/oidc/authorize?"+request(client, change).Encode(), nil))
}

func (w *world) follow(rw *httptest.ResponseRecorder) url.Values {
	w.t.Helper()
	for range 10 {
		location := rw.Header().Get("Location")
		if rw.Code != http.StatusSeeOther {
			w.t.Fatalf("%d %s", rw.Code, rw.Body)
		}
		if !strings.HasPrefix(location, "/") {
			u, err := url.Parse(location)
			if err != nil {
				w.t.Fatal(err)
			}
			return u.Query()
		}
		rw = w.send("GET", location, nil)
	}
	w.t.Fatal("the browser never leaves")
	return nil
}

// code signs in at the client and returns a code.
func (w *world) code(client string, change map[string]string) string {
	w.t.Helper()
	answer := w.authorize(client, change)
	if answer.Get("code") == "" {
		w.t.Fatalf("no code: %v", answer)
	}
	return answer.Get("code")
}

// redemption is a good request for tokens, changed.
func redemption(code string, change map[string]string) url.Values {
	values := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	for name, value := range change {
		values.Set(name, value)
		if value == "" {
			values.Del(name)
		}
	}
	return values
}

type tokens struct {
	Access    string `json:"access_token"`
	ID        string `json:"id_token"`
	Refresh   string `json:"refresh_token"`
	Type      string `json:"token_type"`
	ExpiresIn int    `json:"expires_in"`
	Scope     string `json:"scope"`
	Error     string `json:"error"`
}

func (w *world) token(client string, form url.Values) (tokens, int) {
	w.t.Helper()
	rw := w.send("POST", "/oidc/token", form, basic(client, password))
	var all tokens
	decode(w.t, rw, &all)
	return all, rw.Code
}

func decode(t testing.TB, rw *httptest.ResponseRecorder, into any) {
	t.Helper()
	if err := json.Unmarshal(rw.Body.Bytes(), into); err != nil {
		t.Fatalf("%d %s: %v", rw.Code, rw.Body, err)
	}
}

// tokens signs in at the client and returns its tokens.
func (w *world) tokens(client, scope string) tokens {
	w.t.Helper()
	all, status := w.token(client, redemption(w.code(client, map[string]string{"scope": scope}), nil))
	if status != http.StatusOK {
		w.t.Fatalf("%d %+v", status, all)
	}
	return all
}

// claims returns what a token of ours says, verified by the published keys.
func (w *world) claims(token string) map[string]any {
	w.t.Helper()
	payload := must[[]byte](w.t)(w.provider.Signing.Verify(w.t.Context(), "JWT", token))
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		w.t.Fatal(err)
	}
	return claims
}

func (w *world) userinfo(token string) (map[string]any, int) {
	w.t.Helper()
	rw := w.send("GET", "/oidc/userinfo", nil, withBearer(token))
	var claims map[string]any
	decode(w.t, rw, &claims)
	return claims, rw.Code
}

// TestSignInAtAService tells the whole story: the service sends the browser,
// the person signs in, the service gets a code, tokens, and claims. OIDC-4,
// OIDC-5, OIDC-7, OIDC-9.
func TestSignInAtAService(t *testing.T) {
	w := newWorld(t)
	answer := w.authorize("lms", map[string]string{"scope": "openid profile email eduperson", "claims": `{"id_token":{"acr":{"essential":true,"value":"` + mfa + `"}}}`})
	if answer.Get("state") != "xyz" || answer.Get("iss") != issuer || answer.Get("code") == "" {
		t.Fatalf("%v", answer)
	}
	all, status := w.token("lms", redemption(answer.Get("code"), nil))
	if status != http.StatusOK || all.Type != "Bearer" || all.ExpiresIn != 600 || all.Refresh != "" {
		t.Fatalf("%d %+v", status, all)
	}
	claims := w.claims(all.ID)
	for name, want := range map[string]any{"iss": issuer, "nonce": "n-1", "acr": mfa, "azp": "lms",
		"exp": float64(start.Add(5 * time.Minute).Unix()), "auth_time": float64(start.Unix())} {
		if claims[name] != want {
			t.Errorf("%s = %v, want %v", name, claims[name], want)
		}
	}
	sub, _ := claims["sub"].(string)
	if len(sub) != 32 || claims["sid"] == "" || claims["at_hash"] == "" || claims["name"] != nil {
		t.Errorf("%v", claims)
	}
	info, status := w.userinfo(all.Access)
	for name, want := range map[string]any{"sub": sub, "name": "Hanako Miyako", "family_name": "Miyako", "family_name#ja-Hani-JP": "都",
		"given_name#ja-Kana-JP": "ハナコ", "email": "hanako@miyako.example", "email_verified": true, "preferred_username": "sps00001",
		"eduperson_principal_name": "sps00001@miyako.example", "schac_home_organization": "miyako.example"} {
		if info[name] != want {
			t.Errorf("userinfo %s = %v, want %v", name, info[name], want)
		}
	}
	if status != http.StatusOK {
		t.Errorf("userinfo: %d", status)
	}
}

// TestSingleSignOn goes to two services with one sign-in; each has a subject
// and a sid of its own only if its sector is another one. OIDC-9.
func TestSingleSignOn(t *testing.T) {
	w := newWorld(t)
	first := w.claims(w.tokens("lms", "openid").ID)
	w.gives = nil // whoever asks again gets nothing
	second, public := w.claims(w.tokens("other", "openid").ID), w.claims(w.tokens("public", "openid").ID)
	again := w.claims(w.tokens("lms", "openid").ID)
	if first["sub"] != second["sub"] || first["sid"] == second["sid"] { // both are at lms.example
		t.Errorf("sub %v, %v; sid %v, %v", first["sub"], second["sub"], first["sid"], second["sid"])
	}
	if again["sid"] != first["sid"] || again["sub"] != first["sub"] {
		t.Errorf("%v, then %v", first, again)
	}
	if public["sub"] != person.PublicID {
		t.Errorf("public sub %v", public["sub"])
	}
}

package oidcservice

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/demo/visitors"
)

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

const (
	clientID = "demo oidc" // needs escaping in HTTP Basic
	secret   = "s3cret&"
)

var ecKey, rsaKey, foreignKey = mustEC(), mustRSA(), mustEC()

func mustEC() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func mustRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// sign makes a signed token, with these differences from a good header.
func sign(key crypto.Signer, claims, header map[string]any) string {
	whole := map[string]any{"alg": "ES256", "kid": "ec", "typ": "JWT"}
	if _, ok := key.(*rsa.PrivateKey); ok {
		whole["alg"], whole["kid"] = "RS256", "rsa"
	}
	maps.Copy(whole, header)
	h, _ := json.Marshal(whole)
	c, _ := json.Marshal(claims)
	signed := encode(h) + "." + encode(c)
	digest := sha256.Sum256([]byte(signed))
	var signature []byte
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			panic(err)
		}
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case *rsa.PrivateKey:
		var err error
		if signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:]); err != nil {
			panic(err)
		}
	}
	return signed + "." + encode(signature)
}

// server is a tiny provider. A test changes how it answers.
type server struct {
	*httptest.Server

	mu       sync.Mutex
	down     bool                               // answers nothing
	asked    url.Values                         // the last request
	answer   func(q url.Values)                 // changes the answer to the browser
	token    func(claims map[string]any)        // changes the ID token
	mint     func(claims map[string]any) string // signs it
	userinfo string
	keyLooks int
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{userinfo: `{"sub":"p1","name":"MIYAKO Hanako","acr":"forged"}`}
	s.mint = func(claims map[string]any) string { return sign(ecKey, claims, nil) }
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		visitors.WriteJSON(w, 200, map[string]any{
			"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize?a=b", "token_endpoint": s.URL + "/token",
			"userinfo_endpoint": s.URL + "/userinfo", "jwks_uri": s.URL + "/jwks", "end_session_endpoint": s.URL + "/logout",
			"authorization_response_iss_parameter_supported": true,
		})
	})
	mux.HandleFunc("GET /authorize", s.authorize)
	mux.HandleFunc("POST /token", s.tokens)
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer access" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, s.userinfo)
	})
	mux.HandleFunc("GET /jwks", s.keys)
	mux.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) {
		s.asked = r.URL.Query()
		http.Redirect(w, r, r.FormValue("post_logout_redirect_uri"), http.StatusSeeOther)
	})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) authorize(w http.ResponseWriter, r *http.Request) {
	s.asked = r.URL.Query()
	q := url.Values{"code": {"the code"}, "state": {s.asked.Get("state")}, "iss": {s.URL}}
	if s.answer != nil {
		s.answer(q)
	}
	http.Redirect(w, r, s.asked.Get("redirect_uri")+"?"+q.Encode(), http.StatusSeeOther)
}

func (s *server) tokens(w http.ResponseWriter, r *http.Request) {
	id, password, _ := r.BasicAuth()
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if id != url.QueryEscape(clientID) || password != url.QueryEscape(secret) || r.PostFormValue("code") != "the code" ||
		encode(challenge[:]) != s.asked.Get("code_challenge") || r.PostFormValue("redirect_uri") != s.asked.Get("redirect_uri") {
		visitors.WriteJSON(w, 400, visitors.Failure{Code: "invalid_grant", Description: "no"})
		return
	}
	claims := map[string]any{
		"iss": s.URL, "aud": clientID, "sub": "p1", "nonce": s.asked.Get("nonce"), "acr": "https://refeds.org/profile/mfa",
		"amr": []string{"pwd", "otp", "mfa"}, "sid": "session1", "at_hash": halfHash("access"),
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "auth_time": now.Unix(),
	}
	if s.token != nil {
		s.token(claims)
	}
	visitors.WriteJSON(w, 200, map[string]any{"id_token": s.mint(claims), "access_token": "access", "token_type": "Bearer", "expires_in": 600})
}

func (s *server) keys(w http.ResponseWriter, _ *http.Request) {
	s.keyLooks++
	point, err := ecKey.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	visitors.WriteJSON(w, 200, map[string]any{"keys": []map[string]string{
		{"kid": "ec", "kty": "EC", "use": "sig", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])},
		{"kid": "rsa", "kty": "RSA", "n": encode(rsaKey.N.Bytes()), "e": encode(big.NewInt(int64(rsaKey.E)).Bytes())},
		{"kid": "enc", "kty": "RSA", "use": "enc", "n": encode(rsaKey.N.Bytes()), "e": encode(big.NewInt(int64(rsaKey.E)).Bytes())},
		{"kid": "odd", "kty": "oct"},
	}})
}

// newService returns the service, its address, and a browser.
func newService(t *testing.T, s *server) (*Service, string, *http.Client) {
	t.Helper()
	var service *Service
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { service.ServeHTTP(w, r) }))
	t.Cleanup(site.Close)
	service = New(Config{
		Issuer: s.URL, BaseURL: site.URL, ClientID: clientID, ClientSecret: secret, NameJa: "学習支援", NameEn: "Learning",
		Random: rand.Reader, Now: func() time.Time { return now },
	})
	return service, site.URL, newBrowser(t)
}

func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func get(t *testing.T, browser *http.Client, address string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

// me returns what /me.json says.
func me(t *testing.T, browser *http.Client, base string) (status int, claims map[string]any) {
	t.Helper()
	status, body := get(t, browser, base+"/me.json")
	if err := json.Unmarshal([]byte(body), &claims); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return status, claims
}

// TestSignIn signs in with either kind of key, and out again.
func TestSignIn(t *testing.T) {
	for name, key := range map[string]crypto.Signer{"ES256": ecKey, "RS256": rsaKey} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.mint = func(claims map[string]any) string { return sign(key, claims, nil) }
			_, base, browser := newService(t, s)
			if status, claims := me(t, browser, base); status != 401 || claims["error"] != "not_signed_in" {
				t.Errorf("before: %d %v", status, claims)
			}
			status, body := get(t, browser, base+"/login?ui_locales=ja")
			if status != 200 || !strings.Contains(body, "MIYAKO Hanako") || !strings.Contains(body, "ログアウト") {
				t.Errorf("page: %d %s", status, body)
			}
			status, claims := me(t, browser, base)
			if status != 200 || claims["sub"] != "p1" || claims["acr"] != "https://refeds.org/profile/mfa" ||
				fmt.Sprint(claims["amr"]) != "[pwd otp mfa]" || claims["name"] != "MIYAKO Hanako" {
				t.Errorf("%d %v", status, claims)
			}
			if status, _ := me(t, newBrowser(t), base); status != 401 {
				t.Errorf("another browser: %d", status)
			}
			get(t, browser, base+"/logout")
			if s.asked.Get("id_token_hint") == "" || s.asked.Get("post_logout_redirect_uri") != base+"/" {
				t.Errorf("logout asked %v", s.asked)
			}
			if status, _ := me(t, browser, base); status != 401 {
				t.Errorf("after the logout: %d", status)
			}
		})
	}
}

// TestRequest looks at what the server is asked.
func TestRequest(t *testing.T) {
	s := newServer(t)
	_, base, browser := newService(t, s)
	passed := url.Values{"acr_values": {"a b"}, "prompt": {"login"}, "max_age": {"60"}, "ui_locales": {"en"}, "claims": {`{"id_token":{}}`}}
	get(t, browser, base+"/login?evil=1&redirect_uri=x&"+passed.Encode())
	for name := range passed {
		if s.asked.Get(name) != passed.Get(name) {
			t.Errorf("%s: %q", name, s.asked[name])
		}
	}
	for name, want := range map[string]string{
		"a": "b", "response_type": "code", "client_id": clientID, "redirect_uri": base + "/callback",
		"scope": "openid profile email", "code_challenge_method": "S256", "evil": "",
	} {
		if s.asked.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, s.asked[name], want)
		}
	}
	first := s.asked
	get(t, browser, base+"/login?scope=openid")
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(s.asked.Get(name)) != 43 || s.asked.Get(name) == first.Get(name) {
			t.Errorf("%s: %q after %q", name, s.asked.Get(name), first.Get(name))
		}
	}
	if s.asked.Get("scope") != "openid" {
		t.Errorf("scope %q", s.asked.Get("scope"))
	}
}

// TestIDToken refuses every token that is not for this service, this request and now.
func TestIDToken(t *testing.T) {
	for name, test := range map[string]struct {
		token func(claims map[string]any)
		mint  func(claims map[string]any) string
		login string
		want  string // words of the refusal; empty if it is accepted
	}{
		"good":                  {want: ""},
		"audience list":         {token: func(c map[string]any) { c["aud"], c["azp"] = []string{"x", clientID}, clientID }},
		"no at_hash":            {token: func(c map[string]any) { delete(c, "at_hash") }},
		"max_age met":           {login: "?max_age=60"},
		"another issuer":        {token: func(c map[string]any) { c["iss"] = "https://evil.example" }, want: "another issuer"},
		"another audience":      {token: func(c map[string]any) { c["aud"] = "other" }, want: "another service"},
		"audience list, no azp": {token: func(c map[string]any) { c["aud"] = []string{"x", clientID} }, want: "another service"},
		"another azp":           {token: func(c map[string]any) { c["azp"] = "other" }, want: "another service"},
		"no audience":           {token: func(c map[string]any) { delete(c, "aud") }, want: "another service"},
		"expired":               {token: func(c map[string]any) { c["exp"] = now.Add(-2 * time.Minute).Unix() }, want: "expired"},
		"no exp":                {token: func(c map[string]any) { delete(c, "exp") }, want: "expired"},
		"exp as text":           {token: func(c map[string]any) { c["exp"] = "9999999999" }, want: "expired"},
		"from the future":       {token: func(c map[string]any) { c["iat"] = now.Add(time.Hour).Unix() }, want: "issued"},
		"old":                   {token: func(c map[string]any) { c["iat"] = now.Add(-time.Hour).Unix() }, want: "issued"},
		"another nonce":         {token: func(c map[string]any) { c["nonce"] = "x" }, want: "another request"},
		"no nonce":              {token: func(c map[string]any) { delete(c, "nonce") }, want: "another request"},
		"no subject":            {token: func(c map[string]any) { delete(c, "sub") }, want: "nobody"},
		"another at_hash":       {token: func(c map[string]any) { c["at_hash"] = halfHash("x") }, want: "access token"},
		"max_age not met":       {login: "?max_age=60", token: func(c map[string]any) { c["auth_time"] = now.Add(-3 * time.Minute).Unix() }, want: "older"},
		"max_age, no auth_time": {login: "?max_age=60", token: func(c map[string]any) { delete(c, "auth_time") }, want: "older"},
		"foreign key":           {mint: func(c map[string]any) string { return sign(foreignKey, c, nil) }, want: "signature"},
		"unknown kid":           {mint: func(c map[string]any) string { return sign(ecKey, c, map[string]any{"kid": "x"}) }, want: "unknown key"},
		"key for encryption":    {mint: func(c map[string]any) string { return sign(rsaKey, c, map[string]any{"kid": "enc"}) }, want: "unknown key"},
		"alg none":              {mint: func(c map[string]any) string { return sign(ecKey, c, map[string]any{"alg": "none"}) }, want: "signature"},
		"alg HS256":             {mint: func(c map[string]any) string { return sign(ecKey, c, map[string]any{"alg": "HS256"}) }, want: "signature"},
		"EC key said to be RSA": {mint: func(c map[string]any) string { return sign(ecKey, c, map[string]any{"alg": "RS256"}) }, want: "signature"},
		"crit":                  {mint: func(c map[string]any) string { return sign(ecKey, c, map[string]any{"crit": []string{"exp"}}) }, want: "header"},
		"logout token":          {mint: func(c map[string]any) string { return sign(ecKey, c, map[string]any{"typ": "logout+jwt"}) }, want: "no ID token"},
		"no signature":          {mint: func(c map[string]any) string { return sign(ecKey, c, nil)[:80] }, want: "not a signed token"},
		"signature taken away":  {mint: func(c map[string]any) string { s := sign(ecKey, c, nil); return s[:strings.LastIndex(s, ".")+1] }, want: "signature"},
		"signature in DER":      {mint: der, want: "signature"},
		"claims changed":        {mint: changed, want: "signature"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.token = test.token
			if test.mint != nil {
				s.mint = test.mint
			}
			_, base, browser := newService(t, s)
			get(t, browser, base+"/login"+test.login)
			status, claims := me(t, browser, base)
			why := fmt.Sprint(claims["error_description"])
			if (status == 200) != (test.want == "") || test.want != "" && !strings.Contains(why, test.want) {
				t.Errorf("%d %v, want %q", status, claims, test.want)
			}
		})
	}
}

func der(claims map[string]any) string {
	good := sign(ecKey, claims, nil)
	signed := good[:strings.LastIndex(good, ".")]
	digest := sha256.Sum256([]byte(signed))
	signature, err := ecKey.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		panic(err)
	}
	return signed + "." + encode(signature)
}

func changed(claims map[string]any) string {
	parts := strings.Split(sign(ecKey, claims, nil), ".")
	claims["sub"] = "p2"
	c, _ := json.Marshal(claims)
	return parts[0] + "." + encode(c) + "." + parts[2]
}

// TestAnswer refuses answers that are not the server's to this browser's request.
func TestAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		answer      func(q url.Values)
		code, words string
	}{
		"error": {func(q url.Values) {
			q.Del("code")
			q.Set("error", "login_required")
			q.Set("error_description", "none")
		}, "login_required", "none"},
		"another issuer":   {func(q url.Values) { q.Set("iss", "https://evil.example") }, "invalid_response", "issuer"},
		"no issuer":        {func(q url.Values) { q.Del("iss") }, "invalid_response", "issuer"},
		"another code":     {func(q url.Values) { q.Set("code", "x") }, "invalid_grant", "no"},
		"error, no issuer": {func(q url.Values) { q.Del("iss"); q.Set("error", "x") }, "invalid_response", "issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.answer = test.answer
			_, base, browser := newService(t, s)
			_, body := get(t, browser, base+"/login")
			status, claims := me(t, browser, base)
			if status != 401 || claims["error"] != test.code || !strings.Contains(fmt.Sprint(claims["error_description"]), test.words) {
				t.Errorf("%d %v", status, claims)
			}
			if !strings.Contains(body, test.code) || !strings.Contains(body, "ログインできませんでした。") {
				t.Errorf("page: %s", body)
			}
		})
	}
}

// TestStray answers that this browser did not ask for change nothing.
func TestStray(t *testing.T) {
	s := newServer(t)
	_, base, browser := newService(t, s)
	get(t, browser, base+"/login")
	used := s.asked.Get("state")
	get(t, newBrowser(t), base+"/login")
	others := s.asked.Get("state")
	for name, query := range map[string]string{
		"none": "", "made up": "?state=x&code=the+code&iss=" + s.URL, "used": "?state=" + used + "&code=the+code&iss=" + s.URL,
		"repeated": "?state=a&state=b", "another browser's": "?state=" + others + "&code=the+code&iss=" + s.URL,
	} {
		if status, _ := get(t, browser, base+"/callback"+query); status != 400 {
			t.Errorf("%s: %d, want 400", name, status)
		}
		if status, _ := me(t, browser, base); status != 200 {
			t.Errorf("%s: signed out", name)
		}
	}
}

// TestStepUpRefused ends the session: who was asked for more and gave less is
// not signed in.
func TestStepUpRefused(t *testing.T) {
	s := newServer(t)
	_, base, browser := newService(t, s)
	get(t, browser, base+"/login")
	s.answer = func(q url.Values) { q.Del("code"); q.Set("error", "unmet_authentication_requirements") }
	get(t, browser, base+"/login?acr_values=x")
	if status, claims := me(t, browser, base); status != 401 || claims["error"] != "unmet_authentication_requirements" {
		t.Errorf("%d %v", status, claims)
	}
}

// TestServerStartsLater shows why, and works as soon as the server does.
func TestServerStartsLater(t *testing.T) {
	s := newServer(t)
	s.down = true
	_, base, browser := newService(t, s)
	status, body := get(t, browser, base+"/login?lang=en")
	if status != 503 || !strings.Contains(body, "You could not be logged in.") {
		t.Errorf("%d %s", status, body)
	}
	s.mu.Lock()
	s.down = false
	s.mu.Unlock()
	get(t, browser, base+"/login")
	if status, _ := me(t, browser, base); status != 200 {
		t.Errorf("later: %d", status)
	}
}

// TestUserinfo refuses that of another person.
func TestUserinfo(t *testing.T) {
	for answer, want := range map[string]int{`{"sub":"p1"}`: 200, `{"sub":"p2"}`: 401, `{}`: 401, `x`: 401} {
		s := newServer(t)
		s.userinfo = answer
		_, base, browser := newService(t, s)
		get(t, browser, base+"/login")
		if status, claims := me(t, browser, base); status != want {
			t.Errorf("%s: %d %v, want %d", answer, status, claims, want)
		}
	}
}

// TestBackchannelLogout ends the named session alone, and refuses every token
// that is not a fresh logout token.
func TestBackchannelLogout(t *testing.T) {
	event := map[string]any{backchannelEvent: map[string]any{}}
	typ := map[string]any{"typ": "logout+jwt"}
	for name, test := range map[string]struct {
		change func(claims map[string]any)
		header map[string]any
		status int
		out    bool
	}{
		"by sid":            {nil, typ, 200, true},
		"by sub":            {func(c map[string]any) { delete(c, "sid") }, typ, 200, true},
		"another session":   {func(c map[string]any) { c["sid"] = "session2" }, typ, 200, false},
		"another person":    {func(c map[string]any) { c["sub"] = "p2" }, typ, 200, false},
		"nobody":            {func(c map[string]any) { delete(c, "sub"); delete(c, "sid") }, typ, 400, false},
		"with a nonce":      {func(c map[string]any) { c["nonce"] = "x" }, typ, 400, false},
		"no event":          {func(c map[string]any) { delete(c, "events") }, typ, 400, false},
		"another event":     {func(c map[string]any) { c["events"] = map[string]any{"x": map[string]any{}} }, typ, 400, false},
		"no jti":            {func(c map[string]any) { delete(c, "jti") }, typ, 400, false},
		"expired":           {func(c map[string]any) { c["exp"] = now.Add(-time.Hour).Unix() }, typ, 400, false},
		"another issuer":    {func(c map[string]any) { c["iss"] = "https://evil.example" }, typ, 400, false},
		"another service":   {func(c map[string]any) { c["aud"] = "x" }, typ, 400, false},
		"type of ID tokens": {nil, nil, 400, false},
		"foreign signature": {nil, map[string]any{"typ": "logout+jwt", "kid": "rsa"}, 400, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			_, base, browser := newService(t, s)
			get(t, browser, base+"/login")
			claims := map[string]any{
				"iss": s.URL, "aud": clientID, "sub": "p1", "sid": "session1", "jti": "j1", "events": event,
				"iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(),
			}
			if test.change != nil {
				test.change(claims)
			}
			token := sign(ecKey, claims, test.header)
			if status := postLogout(t, base, token); status != test.status {
				t.Errorf("answered %d, want %d", status, test.status)
			}
			if status, _ := me(t, browser, base); (status == 401) != test.out {
				t.Errorf("afterwards %d", status)
			}
			if status := postLogout(t, base, token); status != 400 {
				t.Errorf("again: %d, want 400", status)
			}
		})
	}
}

func postLogout(t *testing.T, base, token string) int {
	t.Helper()
	form := url.Values{"logout_token": {token}}.Encode()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/backchannel-logout", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

// TestKeysAreNotAskedForAtWill bounds what made-up key ids cost the server.
func TestKeysAreNotAskedForAtWill(t *testing.T) {
	s := newServer(t)
	service, base, _ := newService(t, s)
	for range 10 {
		postLogout(t, base, sign(ecKey, map[string]any{}, map[string]any{"kid": "x"}))
	}
	if s.keyLooks != 1 {
		t.Errorf("%d looks at the keys, want 1", s.keyLooks)
	}
	later := now.Add(keysAtMost)
	service.provider.now = func() time.Time { return later }
	postLogout(t, base, sign(ecKey, map[string]any{}, map[string]any{"kid": "x"}))
	if s.keyLooks != 2 {
		t.Errorf("%d looks at the keys, want 2", s.keyLooks)
	}
}

// TestPageEscapes shows what a hostile server says as text.
func TestPageEscapes(t *testing.T) {
	s := newServer(t)
	s.answer = func(q url.Values) { q.Set("error", "<script>"); q.Set("error_description", `"><img src=x>`) }
	_, base, browser := newService(t, s)
	if _, body := get(t, browser, base+"/login"); strings.Contains(body, "<script") || strings.Contains(body, "<img") {
		t.Errorf("%s", body)
	}
}

// FuzzVerify wants no panic and no acceptance of what the server did not sign.
func FuzzVerify(f *testing.F) {
	f.Add(sign(foreignKey, map[string]any{"iss": "x"}, nil))
	s := New(Config{Issuer: "x", Random: rand.Reader, Now: func() time.Time { return now }})
	s.provider.metadata = &metadata{}
	s.provider.keysAt = now
	s.provider.keys = map[string]crypto.PublicKey{"ec": &ecKey.PublicKey, "rsa": &rsaKey.PublicKey}
	f.Fuzz(func(t *testing.T, token string) {
		if claims, _, err := s.verifyJWT(t.Context(), token); err == nil {
			t.Errorf("%q: %v", token, claims)
		}
	})
}

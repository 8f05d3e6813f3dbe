package samlservice

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"html"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/crewjam/saml"

	"warifu/internal/demo/visitors"
)

// server is an identity provider of the library's.
type server struct {
	*httptest.Server
	idp     saml.IdentityProvider
	service *Service
	asked   *saml.AuthnRequest // the last request
	down    bool
}

// GetServiceProvider knows the service by its metadata.
func (s *server) GetServiceProvider(*http.Request, string) (*saml.EntityDescriptor, error) {
	text, err := s.service.Metadata()
	if err != nil {
		return nil, err
	}
	var found saml.EntityDescriptor
	return &found, xml.Unmarshal([]byte(text), &found)
}

// GetSession finds one person signed in.
func (s *server) GetSession(_ http.ResponseWriter, _ *http.Request, asked *saml.IdpAuthnRequest) *saml.Session {
	s.asked = &asked.Request
	return &saml.Session{ID: "s", CreateTime: time.Now(), ExpireTime: time.Now().Add(time.Hour), Index: "i", NameID: "n", UserName: "hanako", UserEmail: "hanako@miyako.example"}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.down:
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/metadata":
			s.idp.ServeMetadata(w, r)
		default:
			s.idp.ServeSSO(w, r)
		}
	}))
	t.Cleanup(s.Close)
	base, err := url.Parse(s.URL)
	check(t, err)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	certificate, err := x509.ParseCertificate(der)
	check(t, err)
	s.idp = saml.IdentityProvider{Key: key, Certificate: certificate, MetadataURL: *base.JoinPath("metadata"), SSOURL: *base.JoinPath("sso"),
		ServiceProviderProvider: s, SessionProvider: s}
	return s
}

// browser keeps cookies and follows no redirect of its own accord.
type browser struct {
	t *testing.T
	*http.Client
}

func newBrowser(t *testing.T) browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	check(t, err)
	return browser{t, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b browser) get(address string) (int, string, string) {
	return b.send(http.MethodGet, address, nil)
}

func (b browser) send(method, address string, form url.Values) (status int, location, body string) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(form.Encode()))
	check(b.t, err)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := b.Do(request)
	check(b.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(b.t, err)
	return answer.StatusCode, answer.Header.Get("Location"), string(text)
}

func newService(t *testing.T) (*server, *httptest.Server) {
	t.Helper()
	idp := newServer(t)
	sp := httptest.NewUnstartedServer(nil)
	base := "http://" + sp.Listener.Addr().String()
	service, err := New(Config{MetadataURL: idp.URL + "/metadata", BaseURL: base, NameJa: "図書館", NameEn: "Library", Random: rand.Reader, Now: time.Now})
	check(t, err)
	idp.service, sp.Config.Handler = service, service
	sp.Start()
	t.Cleanup(sp.Close)
	return idp, sp
}

var field = regexp.MustCompile(`name="(SAMLResponse|RelayState)" value="([^"]*)"`)

// answer asks by /login and returns the form that the server answers with.
func (b browser) answer(sp *httptest.Server, parameters string) url.Values {
	b.t.Helper()
	_, to, _ := b.get(sp.URL + "/login?" + parameters)
	_, _, page := b.get(to)
	form := make(url.Values)
	for _, f := range field.FindAllStringSubmatch(page, -1) {
		form.Set(f[1], html.UnescapeString(f[2]))
	}
	if form.Get("SAMLResponse") == "" {
		b.t.Fatalf("%s", page)
	}
	return form
}

func (b browser) me(sp *httptest.Server) (status int, all map[string]any) {
	b.t.Helper()
	status, _, text := b.get(sp.URL + "/me.json")
	check(b.t, json.Unmarshal([]byte(text), &all))
	return status, all
}

// TestLogin asks what it is told to ask, and takes one good answer once.
func TestLogin(t *testing.T) {
	idp, sp := newService(t)
	b := newBrowser(t)
	if status, all := b.me(sp); status != http.StatusUnauthorized || all["error"] != "not_signed_in" {
		t.Errorf("%d %v", status, all)
	}
	form := b.answer(sp, "authnContext=urn:a,urn:b&comparison=minimum&forceAuthn=1&isPassive=0&nameID=persistent")
	r := idp.asked
	if c := r.RequestedAuthnContext; c == nil || c.Comparison != "minimum" || len(c.AuthnContextClassRefs) != 2 || r.ForceAuthn == nil || !*r.ForceAuthn ||
		r.IsPassive == nil || *r.IsPassive || !strings.HasSuffix(*r.NameIDPolicy.Format, ":persistent") {
		t.Errorf("asked %+v", r)
	}
	other := newBrowser(t)
	if status, _, _ := other.send(http.MethodPost, sp.URL+"/acs", form); status != http.StatusBadRequest {
		t.Errorf("another browser: %d", status)
	}
	form = b.answer(sp, "")
	if r := idp.asked; r.RequestedAuthnContext != nil || r.ForceAuthn != nil || r.IsPassive != nil {
		t.Errorf("asked %+v", r)
	}
	if status, to, _ := b.send(http.MethodPost, sp.URL+"/acs", form); status != http.StatusSeeOther || to != sp.URL+"/" {
		t.Fatalf("%d %s", status, to)
	}
	status, all := b.me(sp)
	if values, _ := all["uid"].([]any); status != http.StatusOK || len(values) != 1 || values[0] != "hanako" || all["NameID"] != "n" || all["AuthnContextClassRef"] == nil {
		t.Errorf("%d %v", status, all)
	}
	if _, _, page := b.get(sp.URL + "/?lang=en"); !strings.Contains(page, "hanako") || !strings.Contains(page, "Log out") {
		t.Errorf("%s", page)
	}
	if status, _, _ := b.send(http.MethodPost, sp.URL+"/acs", form); status != http.StatusBadRequest {
		t.Errorf("again: %d", status)
	}
	if _, to, _ := b.get(sp.URL + "/logout"); to != sp.URL+"/" { // this server has no single logout
		t.Errorf("logout leads to %s", to)
	}
	if status, _ := b.me(sp); status != http.StatusUnauthorized {
		t.Errorf("after the logout: %d", status)
	}
}

// TestRefused signs nobody in by a wrong answer, nor leaves anybody signed in.
func TestRefused(t *testing.T) {
	idp, sp := newService(t)
	changed := func(change func(string) string) func(url.Values) {
		return func(form url.Values) {
			text, _ := base64.StdEncoding.DecodeString(form.Get("SAMLResponse"))
			form.Set("SAMLResponse", base64.StdEncoding.EncodeToString([]byte(change(string(text)))))
		}
	}
	for name, change := range map[string]func(url.Values){
		"not base64": func(form url.Values) { form.Set("SAMLResponse", "!") },
		"changed":    changed(func(s string) string { return strings.Replace(s, "CipherValue>", "CipherValue>A", 1) }),
		"no success": changed(func(s string) string { return strings.Replace(s, "status:Success", "status:Responder", 1) }),
		"nothing":    func(form url.Values) { form.Del("SAMLResponse") },
	} {
		b := newBrowser(t)
		b.send(http.MethodPost, sp.URL+"/acs", b.answer(sp, ""))
		form := b.answer(sp, "")
		change(form)
		b.send(http.MethodPost, sp.URL+"/acs", form)
		if status, all := b.me(sp); status != http.StatusUnauthorized || all["error"] == "" || all["NameID"] != nil {
			t.Errorf("%s: %d %v", name, status, all)
		}
	}
	b := newBrowser(t)
	if status, _, _ := b.send(http.MethodPost, sp.URL+"/acs", url.Values{"SAMLResponse": {"PHgvPg=="}}); status != http.StatusBadRequest {
		t.Errorf("not asked: %d", status)
	}
	if status, _, _ := b.get(sp.URL + "/slo?SAMLResponse=x"); status != http.StatusBadRequest {
		t.Errorf("a logout that is none: %d", status)
	}
	idp.down = true
	if status, _, _ := b.get(sp.URL + "/login"); status != http.StatusServiceUnavailable {
		t.Errorf("without the server: %d", status)
	}
}

// TestBadStatus tells the innermost code, in the server's own words.
func TestBadStatus(t *testing.T) {
	const head = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"><samlp:Status><samlp:StatusCode Value="` + statusPrefix + `Responder">`
	for text, want := range map[string]visitors.Failure{
		head + `<samlp:StatusCode Value="` + statusPrefix + `NoPassive"/></samlp:StatusCode></samlp:Status></samlp:Response>`: {Code: "NoPassive", Description: "Responder"},
		head + `</samlp:StatusCode></samlp:Status></samlp:Response>`:                                                          {Code: "Responder"},
		"": {Code: "otherwise"},
	} {
		if got := badStatus([]byte(text), "otherwise"); *got != want {
			t.Errorf("%v, want %v", *got, want)
		}
	}
}

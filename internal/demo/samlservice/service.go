package samlservice

import (
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/crewjam/saml"

	"warifu/internal/demo/visitors"
)

// Config describes the service and the server that it asks.
type Config struct {
	MetadataURL string // of the server
	BaseURL     string // of this service, without a slash at the end
	NameJa      string // shown on the page
	NameEn      string
	Random      io.Reader // such as crypto/rand.Reader
	Now         func() time.Time
	HTTP        *http.Client // nil for one with a timeout
}

// EntityID is the name of the service, and the address of its metadata.
func (c Config) EntityID() string { return c.BaseURL + "/metadata" }

const (
	keyLife      = 365 * 24 * time.Hour
	keyBits      = 2048
	maxForm      = 256 << 10
	maxMetadata  = 1 << 20
	callTimeout  = 10 * time.Second
	statusPrefix = "urn:oasis:names:tc:SAML:2.0:status:"
	rsaSHA256    = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
)

// login is a request that has not been answered yet.
type login struct {
	browser string // value of the cookie of the browser that asked
	id      string // of the message
	at      time.Time
}

// Service is the service. Use [New].
type Service struct {
	config  Config
	sp      saml.ServiceProvider // with what does not change
	mux     *http.ServeMux
	site    *visitors.Site[*saml.Assertion]
	logins  *visitors.Shelf[login]  // by RelayState
	leaving *visitors.Shelf[string] // ids of requests for a logout, by RelayState
}

// mfaLevel is multi-factor authentication, which the server must meet or refuse.
const mfaLevel = "https://refeds.org/profile/mfa"

// loginAddress is where the links of the page lead.
func loginAddress(_ string, mfa bool) string {
	if mfa {
		return "/login?authnContext=" + url.QueryEscape(mfaLevel)
	}
	return "/login"
}

// New returns the service with a new key. It does not ask the server before it
// must.
func New(config Config) (*Service, error) {
	if config.HTTP == nil {
		config.HTTP = &http.Client{Timeout: callTimeout}
	}
	s := &Service{
		config: config, logins: visitors.NewShelf[login](visitors.MostKept), leaving: visitors.NewShelf[string](visitors.MostKept),
		site: visitors.New[*saml.Assertion](visitors.Service{BaseURL: config.BaseURL, Cookies: "demo_saml",
			Name:     [2]string{cmp.Or(config.NameJa, "SAML の実演サービス"), cmp.Or(config.NameEn, "SAML demonstration service")},
			Received: [2]string{"受け取った属性", "Attributes received"}, Login: loginAddress, Random: config.Random, Now: config.Now}),
	}
	if err := s.buildProvider(); err != nil {
		return nil, err
	}
	s.mux = http.NewServeMux()
	s.site.Mount(s.mux)
	s.mux.HandleFunc("GET /login", s.login)
	s.mux.HandleFunc("POST /acs", s.consume)
	s.mux.HandleFunc("GET /logout", s.logout)
	s.mux.HandleFunc("GET /slo", s.loggedOut)
	s.mux.HandleFunc("GET /metadata", s.metadata)
	return s, nil
}

func (s *Service) buildProvider() error {
	key, err := rsa.GenerateKey(s.config.Random, keyBits)
	if err != nil {
		return fmt.Errorf("samlservice: %w", err)
	}
	now := s.config.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: now, NotAfter: now.Add(keyLife)}
	der, err := x509.CreateCertificate(s.config.Random, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("samlservice: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("samlservice: %w", err)
	}
	base, err := url.Parse(s.config.BaseURL)
	if err != nil {
		return fmt.Errorf("samlservice: %w", err)
	}
	s.sp = saml.ServiceProvider{EntityID: s.config.EntityID(), Key: key, Certificate: certificate, MetadataURL: *base.JoinPath("metadata"),
		AcsURL: *base.JoinPath("acs"), SloURL: *base.JoinPath("slo"), SignatureMethod: rsaSHA256, RejectSHA1Signatures: true,
		MetadataOmitValidUntil: true, LogoutBindings: []string{saml.HTTPRedirectBinding},
		AssertionConsumerServiceBindings: []string{saml.HTTPPostBinding}}
	return nil
}

// Metadata describes the service, as XML.
func (s *Service) Metadata() (string, error) {
	text, err := xml.MarshalIndent(s.sp.Metadata(), "", " ")
	if err != nil {
		return "", fmt.Errorf("samlservice: %w", err)
	}
	return string(text), nil
}

// ServeHTTP serves the addresses of the service.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	visitors.SetHeaders(w.Header())
	s.mux.ServeHTTP(w, r)
}

// provider returns the service provider with the present metadata of the server:
// its keys may have changed.
func (s *Service) provider(ctx context.Context) (saml.ServiceProvider, error) {
	sp := s.sp
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.config.MetadataURL, nil)
	if err != nil {
		return sp, err
	}
	response, err := s.config.HTTP.Do(request)
	if err != nil {
		return sp, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxMetadata))
	if err != nil {
		return sp, err
	}
	if response.StatusCode != http.StatusOK {
		return sp, fmt.Errorf("the metadata of the server: status %d", response.StatusCode)
	}
	sp.IDPMetadata = &saml.EntityDescriptor{}
	return sp, xml.Unmarshal(text, sp.IDPMetadata)
}

// nameIDFormats are the values of the parameter nameID.
var nameIDFormats = map[string]saml.NameIDFormat{"transient": saml.TransientNameIDFormat, "persistent": saml.PersistentNameIDFormat}

// login asks the server, by HTTP-Redirect.
func (s *Service) login(w http.ResponseWriter, r *http.Request) {
	address, err := s.ask(w, r)
	if err != nil {
		s.site.Fail(w, r, http.StatusServiceUnavailable, err)
		return
	}
	http.Redirect(w, r, address, http.StatusSeeOther) //nolint:gosec // G710: the address is of the server's metadata
}

func (s *Service) ask(w http.ResponseWriter, r *http.Request) (address string, err error) {
	sp, err := s.provider(r.Context())
	if err != nil {
		return "", err
	}
	if format, ok := nameIDFormats[r.FormValue("nameID")]; ok {
		sp.AuthnNameIDFormat = format
	}
	if levels := r.FormValue("authnContext"); levels != "" {
		sp.RequestedAuthnContext = &saml.RequestedAuthnContext{Comparison: r.FormValue("comparison"), AuthnContextClassRefs: strings.Split(levels, ",")}
	}
	request, err := sp.MakeAuthenticationRequest(sp.GetSSOBindingLocation(saml.HTTPRedirectBinding), saml.HTTPRedirectBinding, saml.HTTPPostBinding)
	if err != nil {
		return "", err
	}
	request.ForceAuthn, request.IsPassive = flag(r, "forceAuthn"), flag(r, "isPassive")
	state, err := s.site.Token()
	if err != nil {
		return "", err
	}
	browser, err := s.site.Browser(w, r)
	if err != nil {
		return "", err
	}
	s.logins.Put(state, login{browser: browser, id: request.ID, at: s.config.Now()})
	to, err := request.Redirect(state, &sp)
	if err != nil {
		return "", err
	}
	return to.String(), nil
}

// flag reads a parameter that is 1 or true; nil if it is not there.
func flag(r *http.Request, name string) *bool {
	value := r.FormValue(name)
	if value == "" {
		return nil
	}
	on := value == "1" || value == "true"
	return &on
}

// consume takes the server's answer. Whatever it is, it replaces the visit.
// Anything that this browser did not ask for changes nothing.
func (s *Service) consume(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	l, ok := s.logins.Take(r.PostFormValue("RelayState"))
	if !ok || !s.site.Asked(r, l.browser, l.at) {
		s.site.Fail(w, r, http.StatusBadRequest, &visitors.Failure{Code: "invalid_response", Description: "this browser has no such request"})
		return
	}
	assertion, err := s.verify(r, l)
	visit := visitors.Visit[*saml.Assertion]{Proof: assertion}
	if err == nil {
		visit.Received = received(assertion)
	}
	s.site.Begin(w, r, visit, err)
}

// verify lets the library check signatures, times and addresses, and decrypt.
func (s *Service) verify(r *http.Request, l login) (*saml.Assertion, error) {
	sp, err := s.provider(r.Context())
	if err != nil {
		return nil, err
	}
	text, err := base64.StdEncoding.DecodeString(r.PostFormValue("SAMLResponse"))
	if err != nil {
		return nil, &visitors.Failure{Code: "invalid_response", Description: "not base64"}
	}
	assertion, err := sp.ParseXMLResponse(text, []string{l.id}, sp.AcsURL)
	if err == nil {
		return assertion, nil
	}
	if refused, ok := errors.AsType[*saml.InvalidResponseError](err); ok {
		err = refused.PrivateErr
	}
	if bad, ok := errors.AsType[saml.ErrBadStatus](err); ok {
		return nil, badStatus(text, bad.Status)
	}
	return nil, &visitors.Failure{Code: "invalid_response", Description: err.Error()}
}

// badStatus says in the server's own words why not: the innermost code.
func badStatus(text []byte, otherwise string) *visitors.Failure {
	var response struct {
		Status struct {
			StatusCode struct {
				Value      string `xml:",attr"`
				StatusCode struct {
					Value string `xml:",attr"`
				}
			}
		}
	}
	if err := xml.Unmarshal(text, &response); err != nil { //nolint:gosec // G709: three attributes, for a message
		return &visitors.Failure{Code: otherwise}
	}
	code := response.Status.StatusCode
	first, second := strings.TrimPrefix(code.Value, statusPrefix), strings.TrimPrefix(code.StatusCode.Value, statusPrefix)
	if second == "" {
		return &visitors.Failure{Code: first}
	}
	return &visitors.Failure{Code: second, Description: first}
}

// received is what /me.json tells.
func received(a *saml.Assertion) map[string]any {
	all := make(map[string]any)
	for _, statement := range a.AttributeStatements {
		for _, attribute := range statement.Attributes {
			name := attribute.FriendlyName
			if name == "" {
				name = attribute.Name
			}
			all[name] = values(attribute)
		}
	}
	if id := a.Subject.NameID; id != nil {
		all["NameID"], all["NameIDFormat"] = id.Value, id.Format
	}
	for _, statement := range a.AuthnStatements {
		all["SessionIndex"], all["AuthnInstant"] = statement.SessionIndex, statement.AuthnInstant
		if ref := statement.AuthnContext.AuthnContextClassRef; ref != nil {
			all["AuthnContextClassRef"] = ref.Value
		}
	}
	return all
}

func values(attribute saml.Attribute) []string {
	all := make([]string, 0, len(attribute.Values))
	for _, value := range attribute.Values {
		if value.NameID != nil {
			all = append(all, value.NameID.Value)
			continue
		}
		all = append(all, value.Value)
	}
	return slices.Clip(all)
}

func (s *Service) metadata(w http.ResponseWriter, _ *http.Request) {
	text, err := s.Metadata()
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	_, _ = io.WriteString(w, text)
}

// logout ends the session here and asks the server to end its own.
func (s *Service) logout(w http.ResponseWriter, r *http.Request) {
	ended := s.site.End(w, r)
	target := s.config.BaseURL + "/"
	if ended.Proof != nil { // without an answer it ends here alone
		if to, err := s.leave(r.Context(), ended.Proof); err == nil {
			target = to
		}
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

func (s *Service) leave(ctx context.Context, a *saml.Assertion) (string, error) {
	sp, err := s.provider(ctx)
	if err != nil {
		return "", err
	}
	if sp.GetSLOBindingLocation(saml.HTTPRedirectBinding) == "" {
		return s.config.BaseURL + "/", nil
	}
	sp.AuthnNameIDFormat = saml.NameIDFormat(a.Subject.NameID.Format)
	request, err := sp.MakeLogoutRequest(sp.GetSLOBindingLocation(saml.HTTPRedirectBinding), a.Subject.NameID.Value, saml.WithSessionIndex(a.AuthnStatements[0].SessionIndex))
	if err != nil {
		return "", err
	}
	state, err := s.site.Token()
	if err != nil {
		return "", err
	}
	to, err := sp.RedirectLogoutRequestURL(request, state)
	if err != nil {
		return "", err
	}
	s.leaving.Put(state, request.ID)
	return to.String(), nil
}

// loggedOut hears how the logout ended.
func (s *Service) loggedOut(w http.ResponseWriter, r *http.Request) {
	id, _ := s.leaving.Take(r.FormValue("RelayState"))
	sp, err := s.provider(r.Context())
	if err == nil {
		_, err = sp.ParseLogoutResponse(r, []string{id})
	}
	if err != nil {
		if refused, ok := errors.AsType[*saml.InvalidResponseError](err); ok {
			err = refused.PrivateErr
		}
		s.site.Fail(w, r, http.StatusBadRequest, &visitors.Failure{Code: "logout_failed", Description: err.Error()})
		return
	}
	http.Redirect(w, r, s.config.BaseURL+"/", http.StatusSeeOther)
}

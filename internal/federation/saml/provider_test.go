package saml_test

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/assurance"
	"warifu/internal/authenticator"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/federation/consent"
	"warifu/internal/federation/saml"
	"warifu/internal/i18n"
	"warifu/internal/keyring"
	"warifu/internal/secret"
	"warifu/internal/session"
	"warifu/internal/store"
	"warifu/internal/web"
)

const (
	base  = "https://sso.example"
	proto = "urn:oasis:names:tc:SAML:2.0:protocol"
	ns    = "urn:oasis:names:tc:SAML:2.0:assertion"
	md    = "urn:oasis:names:tc:SAML:2.0:metadata"
	code  = "urn:oasis:names:tc:SAML:2.0:status:"
)

// keys are two of ours, which never change.
type keys []keyring.LongLived

func (k keys) LongLived(context.Context) ([]keyring.LongLived, error) { return k, nil }

var ourKeys = sync.OnceValue(func() keys {
	var all keys
	for _, state := range []keyring.SigningState{keyring.Active, keyring.Next} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		all = append(all, keyring.LongLived{KID: "kid-" + string(state), State: state, Signer: key, CreatedAt: saml.Start})
	}
	return all
})

// world is a provider on a database of its own, one person, and one browser.
type world struct {
	t        testing.TB
	now      time.Time
	db       *store.DB
	site     *web.Site
	provider *saml.Provider
	sessions *session.Service
	pending  federation.Pending
	cookie   string                   // token of the session in the browser
	gives    []authenticator.Kind     // what the person proves at /login
	reach    []authenticator.Evidence // what he could prove
	asked    []federation.Need        // what /login was asked for
}

type seedTx interface {
	session.Tx
	CreateSubscriber(ctx context.Context, s directory.Subscriber) error
	ReplaceRecoveryCodes(ctx context.Context, subscriberID string, digests [][]byte, now time.Time) error
	CreatePairwiseSubject(ctx context.Context, sector, subscriberID, value string, now time.Time) (string, error)
	Participations(ctx context.Context, subscriberID, sessionID string) ([]federation.Participation, error)
}

var person = directory.Subscriber{
	ID: "u1", PublicID: "PUBLIC1", SPSID: "SPS00001", Display: "Hanako Miyako",
	Latin: directory.Name{Family: "Miyako", Given: "Hanako"}, Japanese: directory.Name{Family: "都", Given: "花子"},
	Affiliation: "student", Department: directory.Department{English: "Letters", Japanese: "文学部"}, Groups: []string{"students"},
	Academic: directory.Academic{ORCID: "0000-0002-1825-0097", PersonCode: "student:12345", Entitlements: []string{"urn:mace:dir:entitlement:common-lib-terms"},
		Assurance: []string{"https://www.gakunin.jp/profile/IAL2"}, UniqueCodes: []string{"urn:schac:personalUniqueCode:int:esi:miyako.example:123"}},
	Status: directory.Active, Role: directory.RoleSubscriber, Mailbox: "hanako@miyako.example", CreatedAt: saml.Start, UpdatedAt: saml.Start,
}

// services are five that differ in their records; sp is that of most tests.
func services() []federation.Service {
	with := func(id string, change func(*federation.Service), replace ...string) federation.Service {
		entity := "https://" + id + ".example/shibboleth"
		s := federation.Service{ID: id, Name: federation.Text{Japanese: "図書館", English: "Library"}, Protocol: federation.SAML}
		s.EntityID = entity
		s.Metadata = saml.Metadata(append([]string{saml.TheirEntity, entity, `AuthnRequestsSigned="1"`, ""}, replace...)...)
		s.Encryption = federation.EncryptionOff
		s.Release = federation.Release{Required: []string{"name"}, Optional: []string{"email", "principal_name", "scoped_affiliation", "targeted_id",
			"pairwise_id", "subject_id", "organization", "department", "home_organization", "groups", "affiliation", "unique_id", "person_code", "entitlement", "assurance", "orcid", "unique_code", "home_organization_type"}}
		if change != nil {
			change(&s)
		}
		return s
	}
	return []federation.Service{
		with("sp", nil),
		with("bare", func(s *federation.Service) { s.Release = federation.Release{} }),
		with("sealed", func(s *federation.Service) { s.Encryption = federation.EncryptionAuto }),
		with("strict", func(s *federation.Service) { s.Require = federation.RequireMFA }),
		with("open", func(s *federation.Service) { s.AcceptFallback = true }),
		with("signed", func(s *federation.Service) { s.SignedRequests = true }),
		with("staff", func(s *federation.Service) { s.Groups = []string{"staff"} }),
		with("named", func(s *federation.Service) { s.NameID = federation.Persistent }),
		with("cbc", func(s *federation.Service) { s.Encryption = federation.EncryptionAuto }, "http://www.w3.org/2009/xmlenc11#aes128-gcm", "http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
		with("pairs", func(s *federation.Service) { s.Release.Required = []string{"pairwise_id"} }),
		with("poor", func(s *federation.Service) { s.Release.Required = []string{"locale"} }),
		with("late", nil, "2026-05-01", "2026-04-01"),
		with("asks", func(s *federation.Service) { s.Consent = federation.ConsentAlways }),
		with("off", func(s *federation.Service) { s.Disabled = true }),
	}
}

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

// newWorld returns a world on SQLite in which nobody is signed in, and who signs
// in gives password and TOTP.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, now: saml.Start, gives: []authenticator.Kind{authenticator.Password, authenticator.TOTP},
		reach: []authenticator.Evidence{{Kind: authenticator.TOTP}}}
	now := func() time.Time { return w.now }
	w.db = must[*store.DB](t)(store.Open("sqlite:" + t.TempDir() + "/test.db"))
	t.Cleanup(func() { w.db.Close() })
	w.db.SetAuditKey(must[*secret.MAC](t)(secret.NewMAC(1, key(1))))
	if err := w.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	address, _ := url.Parse(base)
	w.site = must[*web.Site](t)(web.NewSite(web.Config{Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Catalogue: must[*i18n.Catalogue](t)(i18n.New(nil, nil)),
		BaseURL: address, FormKey: must[*secret.MAC](t)(secret.NewMAC(1, key(2))), Random: rand.Reader, Now: now, Zone: time.UTC}))
	w.pending = federation.Pending{Box: must[*secret.Box](t)(secret.NewBox(1, key(3))), Now: now}
	w.sessions = &session.Service{InTx: store.In[session.Tx](w.db), View: store.View[session.Reader](w.db),
		Policy: session.DefaultPolicy(), Random: rand.Reader, Now: now}
	w.provider = &saml.Provider{
		Site: w.site, Pending: w.pending, Sessions: w.sessions, Keys: ourKeys(), Subjects: []byte("pairwise"),
		Services: &federation.Services{Configured: services(), View: store.View[federation.ServiceReader](w.db), Now: now},
		Reach:    func(context.Context, string) ([]authenticator.Evidence, error) { return w.reach, nil },
		InTx:     store.In[saml.Tx](w.db), View: store.View[saml.Reader](w.db), Assurance: assurance.Policy{BaseURL: base},
		Policy: saml.Policy{Scopes: []string{"miyako.example"}, HomeTypes: []string{"urn:schac:homeOrganizationType:int:university"}, BaseURL: base, Institution: federation.Text{Japanese: "みやこ大学", English: "Miyako University"},
			App: federation.Text{Japanese: "認証", English: "Login"}},
		Random: rand.Reader, Now: now,
	}
	w.provider.Farewell = &federation.Farewell{Site: w.site, Sessions: w.sessions, Services: w.provider.Services, Pending: w.pending,
		View: store.View[federation.ParticipationReader](w.db)}
	w.provider.Consent = consent.Book{View: store.View[consent.Reader](w.db)}
	(&consent.Pages{Site: w.site, Services: w.provider.Services, Pending: w.pending, Sessions: w.sessions, Reach: w.provider.Reach, Policy: w.provider.Assurance, InTx: store.In[consent.Tx](w.db), Now: now,
		Tellers: map[federation.Protocol]consent.Teller{federation.SAML: w.provider.Told}}).Mount()
	w.provider.Mount()
	w.site.Handle("GET /login", w.login)
	w.tx(func(tx seedTx) error { return tx.CreateSubscriber(t.Context(), person) })
	w.tx(func(tx seedTx) error { return tx.ReplaceRecoveryCodes(t.Context(), person.ID, nil, w.now) }) // he has had a second factor: none is set up on the way
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
	w.asked = append(w.asked, request.Need)
	w.prove(request.Need.Kind == federation.StepUp, w.gives...)
	sealed, err := w.pending.Seal(request)
	if err != nil {
		return err
	}
	return w.site.Redirect(rw, r, request.Resume(sealed))
}

// signIn opens a session in the browser.
func (w *world) signIn(kinds ...authenticator.Kind) {
	w.t.Helper()
	w.prove(false, kinds...)
}

// prove opens a session, or raises the one that there is.
func (w *world) prove(raise bool, kinds ...authenticator.Kind) {
	w.t.Helper()
	var evidence []authenticator.Evidence
	for _, kind := range kinds {
		evidence = append(evidence, authenticator.Evidence{Kind: kind, At: w.now})
	}
	w.tx(func(tx seedTx) error {
		_, token, err := session.DefaultPolicy().Open(w.t.Context(), tx, rand.Reader, w.cookie,
			session.Start{SubscriberID: person.ID, Evidence: evidence, Raise: raise}, w.now)
		w.cookie = token
		return err
	})
}

// send sends a request as the browser does; one from another site has no cookie.
func (w *world) send(method, address, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = base + address
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, address, strings.NewReader(body))
	r.Header.Set("Accept-Language", "en")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	} else if w.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: w.cookie})
	}
	rw := httptest.NewRecorder()
	w.site.ServeHTTP(rw, r)
	return rw
}

// follow lets the browser go on until there is a page or it leaves us.
func (w *world) follow(rw *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	w.t.Helper()
	for range 10 {
		location := rw.Header().Get("Location")
		if rw.Code != http.StatusSeeOther || !strings.HasPrefix(location, "/") || location == "/logged-out" {
			return rw
		}
		rw = w.send("GET", location, "")
	}
	w.t.Fatal("the browser never arrives")
	return nil
}

// by is a request of a service, in which old is replaced by new.
func by(service string, replace ...string) string {
	return saml.Request(append([]string{saml.TheirEntity, "https://" + service + ".example/shibboleth"}, replace...)...)
}

// ask sends a request by HTTP-Redirect and follows the browser.
func (w *world) ask(message string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.follow(w.send("GET", "/saml/sso?"+saml.Query(message, "the state/&<", nil, ""), ""))
}

var fields = regexp.MustCompile(`<input type="hidden" name="(SAMLResponse|RelayState)" value="([^"]*)">`)

// answer is what the page that a browser has arrived at would send on.
type answer struct {
	action, state string
	response      []byte
}

func (w *world) answer(rw *httptest.ResponseRecorder) (a answer) {
	w.t.Helper()
	page := rw.Body.String()
	action := regexp.MustCompile(`<form method="post" action="([^"]*)" data-goes-on>`).FindStringSubmatch(page)
	if rw.Code != http.StatusOK || action == nil {
		w.t.Fatalf("%d %s %s", rw.Code, rw.Header().Get("Location"), page)
	}
	a.action = html.UnescapeString(action[1])
	for _, field := range fields.FindAllStringSubmatch(page, -1) {
		value := html.UnescapeString(field[2])
		if field[1] == "RelayState" {
			a.state = value
			continue
		}
		a.response = must[[]byte](w.t)(base64.StdEncoding.DecodeString(value))
	}
	return a
}

// certificate is the one that our metadata have at a place.
func (w *world) certificate(at int) saml.Credential {
	w.t.Helper()
	all := regexp.MustCompile(`<ds:X509Certificate>([^<]*)<`).FindAllStringSubmatch(w.send("GET", "/saml/metadata", "").Body.String(), -1)
	return saml.Credential{Certificate: must[[]byte](w.t)(base64.StdEncoding.DecodeString(all[at][1]))}
}

// signing is the place of the certificate that signs: that of the metadata's own
// signature is the first.
const signing = 1

// status is what the answer says, as "First/Second".
func (a answer) status() string {
	var codes []string
	for _, el := range saml.Parse(a.response).FindElements("//StatusCode") {
		codes = append(codes, strings.TrimPrefix(el.SelectAttrValue("Value", ""), code))
	}
	return strings.Join(codes, "/")
}

// TestSignInAtAService tells the whole story: the service sends the browser, the
// person signs in, the service gets what it may know. SAML-3, SAML-4, SAML-9, A53.
func TestSignInAtAService(t *testing.T) {
	w := newWorld(t)
	rw := w.ask(by("sp"))
	a := w.answer(rw)
	if a.action != saml.TheirACS || a.state != "the state/&<" || a.status() != "Success" {
		t.Fatalf("%+v %s", a, a.status())
	}
	if policy := rw.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https://sp.example;") {
		t.Errorf("the form may not leave: %s", policy)
	}
	for _, element := range []string{"Response", "Assertion"} {
		if err := saml.VerifiedBy(t, w.certificate(signing), a.response, element); err != nil {
			t.Errorf("%s: %v", element, err)
		}
	}
	for _, c := range []struct{ got, want string }{
		{saml.Text(a.response, ns, "Audience"), "https://sp.example/shibboleth"},
		{saml.Text(a.response, ns, "Issuer"), base + "/saml/metadata"},
		{saml.Text(a.response, ns, "AuthnContextClassRef"), assurance.MFA},
		{saml.Attr(a.response, ns, "NameID", "Format"), saml.FormatTransient},
		{saml.Attr(a.response, ns, "SubjectConfirmationData", "InResponseTo"), "_r1"},
		{saml.Attr(a.response, ns, "SubjectConfirmationData", "Recipient"), saml.TheirACS},
		{saml.Attr(a.response, ns, "AuthnStatement", "AuthnInstant"), "2026-04-01T09:00:00.000Z"},
		{saml.Attr(a.response, ns, "AuthnStatement", "SessionNotOnOrAfter"), "2026-04-01T21:00:00.000Z"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	got := attributes(a.response)
	for name, want := range map[string]string{"displayName": "Hanako Miyako", "jaDisplayName": "都 花子", "mail": "hanako@miyako.example",
		"eduPersonPrincipalName": "sps00001@miyako.example", "eduPersonScopedAffiliation": "student@miyako.example member@miyako.example",
		"jaou": "文学部", "o": "Miyako University", "schacHomeOrganization": "miyako.example", "isMemberOf": "students", "subject-id": "PUBLIC1@miyako.example",
		"eduPersonOrcid": "https://orcid.org/0000-0002-1825-0097", "eduPersonEntitlement": "urn:mace:dir:entitlement:common-lib-terms",
		"eduPersonAssurance": "https://www.gakunin.jp/profile/IAL2", "gakuninScopedPersonalUniqueCode": "student:12345@miyako.example",
		"schacPersonalUniqueCode": "urn:schac:personalUniqueCode:int:esi:miyako.example:123", "schacHomeOrganizationType": "urn:schac:homeOrganizationType:int:university"} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
	if id := got["eduPersonTargetedID"]; len(id) != 32 || got["pairwise-id"] != id+"@miyako.example" {
		t.Errorf("%q, %q", id, got["pairwise-id"])
	}
}

// attributes are those of an answer, their values joined.
func attributes(response []byte) map[string]string {
	got := make(map[string]string)
	for _, el := range saml.Parse(response).FindElements("//Attribute") {
		var values []string
		for _, value := range el.SelectElements("AttributeValue") {
			text := value.Text()
			if id := value.SelectElement("NameID"); id != nil {
				text = id.Text()
			}
			values = append(values, text)
		}
		got[el.SelectAttrValue("FriendlyName", "")] = strings.Join(values, " ")
	}
	return got
}

// TestPostedRequest goes on by a GET, since a POST from another site has no
// cookie, and signs nobody in anew. WEB-2.
func TestPostedRequest(t *testing.T) {
	w := newWorld(t)
	w.signIn(authenticator.Password, authenticator.TOTP)
	rw := w.send("POST", "/saml/sso", saml.Form(saml.Signed(t, by("signed"), saml.Theirs), "s"))
	if rw.Code != http.StatusSeeOther || !strings.HasPrefix(rw.Header().Get("Location"), "/saml/continue?p=") {
		t.Fatalf("%d %s", rw.Code, rw.Body)
	}
	if a := w.answer(w.follow(rw)); a.status() != "Success" || a.state != "s" || len(w.asked) != 0 {
		t.Errorf("%s, asked %v", a.status(), w.asked)
	}
}

// TestStaysHere keeps what is not proven on our own pages, and nobody is sent
// anywhere. A52, SAML-1, SAML-2, SAML-7.
func TestStaysHere(t *testing.T) {
	w := newWorld(t)
	w.signIn(authenticator.Password, authenticator.TOTP)
	signedBy := func(c saml.Credential) string { return saml.Query(by("signed"), "", &c, saml.RSASHA256) }
	for name, query := range map[string]string{
		"nothing":                     "",
		"an unknown service":          saml.Query(by("nobody"), "", nil, ""),
		"one that is off":             saml.Query(by("off"), "", nil, ""),
		"metadata that have run out":  saml.Query(by("late"), "", nil, ""),
		"another address":             saml.Query(by("sp", saml.TheirACS, "https://evil.example/acs"), "", nil, ""),
		"a script":                    saml.Query(by("sp", saml.TheirACS, "javascript:alert(1)"), "", nil, ""),
		"another binding":             saml.Query(by("sp", "HTTP-POST", "HTTP-Artifact"), "", nil, ""),
		"unsigned where it is due":    saml.Query(by("signed"), "", nil, ""),
		"signed by another":           signedBy(saml.Foreign),
		"signed wrongly, not due":     saml.Query(by("sp"), "", &saml.Foreign, saml.RSASHA256),
		"signed for another receiver": saml.Query(by("signed", base+"/saml/sso", "https://idp.example/sso"), "", &saml.Theirs, saml.RSASHA256),
		"a document type":             saml.Query("<!DOCTYPE x>"+by("sp"), "", nil, ""),
		"a logout":                    saml.Query(saml.LogoutMessage(), "", &saml.Theirs, saml.RSASHA256),
	} {
		rw := w.send("GET", "/saml/sso?"+query, "")
		if rw.Code != http.StatusBadRequest || strings.Contains(rw.Body.String(), "SAMLResponse") {
			t.Errorf("%s: %d %s", name, rw.Code, rw.Header().Get("Location"))
		}
		post := w.send("POST", "/saml/sso", query)
		if post.Code != http.StatusBadRequest {
			t.Errorf("%s, posted: %d", name, post.Code)
		}
	}
	if a := w.answer(w.follow(w.send("GET", "/saml/sso?"+signedBy(saml.Theirs), ""))); a.status() != "Success" {
		t.Errorf("the good one: %s", a.status())
	}
	if rw := w.send("GET", "/saml/continue?p=x", ""); rw.Code != http.StatusForbidden {
		t.Errorf("a request that we have not sealed: %d", rw.Code)
	}
	w.tx(func(tx seedTx) error {
		found := must[session.Session](t)(w.sessions.Find(t.Context(), w.cookie))
		all := must[[]federation.Participation](t)(tx.Participations(t.Context(), person.ID, found.ID))
		if len(all) != 1 || all[0].Service != "signed" {
			t.Errorf("told: %+v", all)
		}
		return nil
	})
}

// levels asks for these, by a comparison.
func levels(comparison string, wanted ...string) []string {
	text := `<samlp:RequestedAuthnContext Comparison="` + comparison + `">`
	for _, level := range wanted {
		text += "<saml:AuthnContextClassRef>" + level + "</saml:AuthnContextClassRef>"
	}
	return []string{`<samlp:NameIDPolicy AllowCreate="1"/>`, text + "</samlp:RequestedAuthnContext>"}
}

// TestLevels answers with a level that was asked for and is true, or with the
// error that says why not; never with a weaker one. SAML-5, A13, A15.
func TestLevels(t *testing.T) {
	const force, passive = ` ForceAuthn="true" Version`, ` IsPassive="1" Version`
	fallback := []authenticator.Kind{authenticator.Password, authenticator.OTP}
	both := []authenticator.Kind{authenticator.Password, authenticator.TOTP}
	passwordAlone := []authenticator.Kind{authenticator.Password}
	for name, c := range map[string]struct {
		service string
		replace []string
		has     []authenticator.Kind // in the session
		gives   []authenticator.Kind // if he is asked
		reach   bool                 // he has a TOTP
		want    string               // status, or the level
		asked   int
	}{
		"nobody":                               {"sp", nil, nil, both, true, assurance.MFA, 1},
		"signed in":                            {"sp", nil, both, nil, true, assurance.MFA, 0},
		"exact – the weaker one":               {"sp", levels("exact", assurance.PasswordProtected), both, nil, true, assurance.PasswordProtected, 0},
		"exact – in their order":               {"sp", levels("exact", "urn:x", assurance.MFA, assurance.PasswordProtected), both, nil, true, assurance.MFA, 0},
		"minimum":                              {"sp", levels("minimum", assurance.SFA), both, nil, true, assurance.MFA, 0},
		"better":                               {"sp", levels("better", assurance.SFA), both, nil, true, "Responder/NoAuthnContext", 0},
		"unknown":                              {"sp", levels("exact", "urn:x"), both, nil, true, "Responder/NoAuthnContext", 0},
		"step-up":                              {"sp", levels("exact", assurance.MFA), passwordAlone, []authenticator.Kind{authenticator.TOTP}, true, assurance.MFA, 1},
		"out of reach":                         {"sp", levels("exact", assurance.MFA), passwordAlone, nil, false, "Responder/NoAuthnContext", 0},
		"fallback at one that demands":         {"strict", nil, fallback, nil, false, "Responder/NoAuthnContext", 0},
		"fallback at one that takes it":        {"open", nil, fallback, nil, false, assurance.PasswordProtected, 0},
		"fallback – and MFA is asked":          {"open", levels("exact", assurance.MFA), fallback, nil, false, "Responder/NoAuthnContext", 0},
		"force":                                {"sp", []string{` Version`, force}, both, both, true, assurance.MFA, 1},
		"passive – nobody":                     {"sp", []string{` Version`, passive}, nil, nil, true, "Responder/NoPassive", 0},
		"passive – signed in":                  {"sp", []string{` Version`, passive}, both, nil, true, assurance.MFA, 0},
		"passive and force":                    {"sp", []string{` Version`, ` IsPassive="true"` + force}, both, nil, true, "Responder/NoPassive", 0},
		"passive – too weak":                   {"strict", []string{` Version`, passive}, passwordAlone, nil, true, "Responder/NoPassive", 0},
		"not for this person":                  {"staff", nil, both, nil, true, "Responder/RequestDenied", 0},
		"a format that we do not have":         {"sp", []string{`AllowCreate="1"`, `Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"`}, both, nil, true, "Requester/InvalidNameIDPolicy", 0},
		"a name for another":                   {"sp", []string{`AllowCreate="1"`, `SPNameQualifier="https://other.example"`}, both, nil, true, "Requester/InvalidNameIDPolicy", 0},
		"passive – and an attribute is absent": {"poor", []string{` Version`, passive}, both, nil, true, "Responder/RequestDenied", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if len(c.has) > 0 {
				w.signIn(c.has...)
			}
			w.now = w.now.Add(time.Minute)
			w.gives, w.reach = c.gives, nil
			if c.reach {
				w.reach = []authenticator.Evidence{{Kind: authenticator.TOTP}}
			}
			a := w.answer(w.ask(by(c.service, c.replace...)))
			got := a.status()
			if got == "Success" {
				got = saml.Text(a.response, ns, "AuthnContextClassRef")
			}
			if got != c.want || len(w.asked) != c.asked {
				t.Errorf("%q, asked %v; want %q, %d", got, w.asked, c.want, c.asked)
			}
			if err := saml.VerifiedBy(t, w.certificate(signing), a.response, "Response"); err != nil {
				t.Error(err)
			}
			if want := c.want == a.status(); want == bytes.Contains(a.response, []byte("Assertion>")) {
				t.Errorf("%s", a.response)
			}
		})
	}
}

// TestMissingAttribute names what a service would need, and tells it nothing.
func TestMissingAttribute(t *testing.T) {
	w := newWorld(t)
	rw := w.ask(by("poor"))
	if rw.Code != http.StatusConflict || !strings.Contains(rw.Body.String(), "Language") || strings.Contains(rw.Body.String(), "SAMLResponse") {
		t.Errorf("%d %s", rw.Code, rw.Body)
	}
}

// TestNames gives a service another name for the person with every session, or
// always its own; no other service has the same.
func TestNames(t *testing.T) {
	w := newWorld(t)
	name := func(service string, replace ...string) (string, string) {
		a := w.answer(w.ask(by(service, replace...)))
		return saml.Text(a.response, ns, "NameID"), saml.Attr(a.response, ns, "NameID", "Format")
	}
	persistent := []string{`AllowCreate="1"`, `Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"`}
	first, _ := name("sp")
	again, _ := name("sp")
	kept, format := name("sp", persistent...)
	named, _ := name("named")
	asked, _ := name("named", `AllowCreate="1"`, `Format="`+saml.FormatTransient+`"`)
	if first != again || !strings.HasPrefix(first, "_") || len(kept) != 32 || !strings.HasSuffix(format, ":persistent") || len(named) != 32 || named == kept || !strings.HasPrefix(asked, "_") {
		t.Errorf("%q, %q, %q, %q, %q", first, again, kept, named, asked)
	}
	w.cookie = ""
	later, _ := name("sp")
	still, _ := name("sp", persistent...)
	if later == first || still != kept {
		t.Errorf("in another session: %q, %q", later, still)
	}
	subject := func(value string) []string {
		const policy = `<samlp:NameIDPolicy AllowCreate="1"/>`
		return []string{policy, `<saml:Subject><saml:NameID>` + value + `</saml:NameID></saml:Subject>` + policy}
	}
	for value, want := range map[string]string{kept: "Success", later: "Success", named: "Responder/UnknownPrincipal"} {
		if got := w.answer(w.ask(by("sp", subject(value)...))).status(); got != want {
			t.Errorf("%s: %s, want %s", value, got, want)
		}
	}
	if bare := attributes(w.answer(w.ask(by("bare"))).response); len(bare) != 0 {
		t.Errorf("released: %v", bare)
	}
}

// TestEncrypted can be read by the service alone. SAML-3.
func TestEncrypted(t *testing.T) {
	w := newWorld(t)
	a := w.answer(w.ask(by("sealed")))
	if bytes.Contains(a.response, []byte("Hanako")) || a.status() != "Success" {
		t.Fatalf("%s", a.response)
	}
	opened := saml.Decrypted(t, saml.Theirs, a.response)
	if err := saml.VerifiedBy(t, w.certificate(signing), opened, "Assertion"); err != nil || attributes(opened)["displayName"] != "Hanako Miyako" {
		t.Errorf("%v %s", err, opened)
	}
}

// TestNothingReadable tells a service that cannot be encrypted for that its request
// is at fault, and nothing of the person; the trail says why. SAML-3.
func TestNothingReadable(t *testing.T) {
	w := newWorld(t)
	a := w.answer(w.ask(by("cbc")))
	if a.status() != "Requester" || bytes.Contains(a.response, []byte("Assertion>")) {
		t.Errorf("%s", a.response)
	}
	present, err := w.sessions.Find(t.Context(), w.cookie)
	if err != nil {
		t.Fatal(err)
	}
	w.tx(func(tx seedTx) error {
		parts, err := tx.Participations(t.Context(), person.ID, present.ID)
		if len(parts) != 0 {
			t.Errorf("%v", parts)
		}
		return err
	})
}

// TestMisfitPairwiseID stops where a service must have a value that the person's own,
// taken over from a former identity provider, has not the form of.
func TestMisfitPairwiseID(t *testing.T) {
	w := newWorld(t)
	w.tx(func(tx seedTx) error {
		_, err := tx.CreatePairwiseSubject(t.Context(), "https://pairs.example/shibboleth", person.ID, "old+value/1=", w.now)
		return err
	})
	if rw := w.ask(by("pairs")); !strings.Contains(rw.Body.String(), "is missing") || strings.Contains(rw.Body.String(), "SAMLResponse") {
		t.Errorf("%d %s", rw.Code, rw.Body)
	}
	w.cookie = ""
	other := newWorld(t)
	if got := attributes(other.answer(other.ask(by("pairs"))).response)["pairwise-id"]; !strings.HasSuffix(got, "@miyako.example") {
		t.Errorf("pairwise-id %q", got)
	}
}

// TestMetadata verifies with an independent peer and says what there is.
func TestMetadata(t *testing.T) {
	w := newWorld(t)
	w.provider.Policy.Security, w.provider.Policy.Technical = "cert@miyako.example", "it@miyako.example"
	w.provider.Policy.OrganizationURL = federation.Text{English: "https://miyako.example/en"}
	w.provider.Policy.EntityAttributes = saml.EntityAttributes{Certifications: []string{"https://refeds.org/sirtfi"}, Supports: []string{"http://refeds.org/category/research-and-scholarship", "https://refeds.org/category/personalized"}}
	rw := w.send("GET", "/saml/metadata", "")
	text := rw.Body.Bytes()
	if err := saml.VerifiedBy(t, w.certificate(0), text, "EntityDescriptor"); err != nil || rw.Header().Get("Content-Type") != "application/samlmetadata+xml" {
		t.Errorf("%v", err)
	}
	if got := saml.Attr(text, md, "EntityDescriptor", "validUntil"); got != "2026-04-15T00:00:00.000Z" {
		t.Errorf("validUntil %s", got)
	}
	for _, want := range []string{`regexp="false">miyako.example</shibmd:Scope>`, `xml:lang="ja">みやこ大学<`, `xml:lang="en">Miyako University<`,
		`errorURL="https://sso.example/saml/error?code=ERRORURL_CODE&amp;`, `Location="https://sso.example/saml/slo"`, "mailto:cert@miyako.example", "rsa-sha256",
		"http://refeds.org/metadata/contactType/security", "<md:OrganizationURL", "<saml:AttributeValue>https://refeds.org/sirtfi</saml:AttributeValue></saml:Attribute>",
		`Name="http://macedir.org/entity-category-support"`, "category/personalized</saml:AttributeValue></saml:Attribute></mdattr:EntityAttributes></md:Extensions>"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	certificates := [2]saml.Credential{w.certificate(1), w.certificate(2)}
	if bytes.Equal(certificates[0].Certificate, certificates[1].Certificate) || bytes.Count(text, []byte("<md:KeyDescriptor")) != 2 {
		t.Errorf("not both certificates: %s", text)
	}
	parsed, err := saml.Certificate(base64.StdEncoding.EncodeToString(certificates[0].Certificate))
	if err != nil || parsed.Subject.CommonName != "sso.example" || parsed.VerifyHostname("sso.example") != nil || parsed.CheckSignatureFrom(parsed) != nil && parsed.CheckSignature(parsed.SignatureAlgorithm, parsed.RawTBSCertificate, parsed.Signature) != nil {
		t.Errorf("%v %v", parsed, err)
	}
	if again := w.send("GET", "/saml/metadata", "").Body.Bytes(); !bytes.Equal(again, text) {
		t.Error("they change within a day")
	}
	other := newWorld(t) // another node, which made its certificates itself
	if !bytes.Equal(other.certificate(signing).Certificate, certificates[0].Certificate) {
		t.Error("another node has another certificate")
	}
}

// TestErrorPage says in words what a service could not use, and nothing that the
// address brings.
func TestErrorPage(t *testing.T) {
	w := newWorld(t)
	for code, want := range map[string]string{"IDENTIFICATION_FAILURE": "did not receive", "AUTHENTICATION_FAILURE": "another way", "AUTHORIZATION_FAILURE": "may not use",
		"OTHER_ERROR": "a problem in the service", "ERRORURL_CODE": "a problem in the service", "": "a problem in the service"} {
		rw := w.send("GET", "/saml/error?code="+code+"&rp=%3Cscript%3Eevil&ts=ERRORURL_TS", "")
		if rw.Code != http.StatusOK || !strings.Contains(rw.Body.String(), want) || strings.Contains(rw.Body.String(), "<script>") {
			t.Errorf("%s: %d %s", code, rw.Code, rw.Body)
		}
	}
}

// leave asks for a logout, as a service that knows this name and session.
func leave(service, name, index string, replace ...string) string {
	return saml.LogoutMessage(append([]string{saml.TheirEntity, "https://" + service + ".example/shibboleth", "_n<", name + "<", "s1<", index + "<",
		`<samlp:Extensions><aslo:Asynchronous xmlns:aslo="urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo"/></samlp:Extensions>`, ""}, replace...)...)
}

// logoutStatus verifies a LogoutResponse in an address, and returns its status
// and its RelayState.
func (w *world) logoutStatus(rw *httptest.ResponseRecorder) (status, state string) {
	w.t.Helper()
	location, err := url.Parse(rw.Header().Get("Location"))
	if err != nil || location.Path != "/slo-back" || location.Host != "sp.example" {
		w.t.Fatalf("%d %s %s", rw.Code, location, rw.Body)
	}
	octets, signature, _ := strings.Cut(location.RawQuery, "&Signature=")
	signature = must[string](w.t)(url.QueryUnescape(signature))
	certificate, err := saml.Certificate(base64.StdEncoding.EncodeToString(w.certificate(signing).Certificate))
	if err != nil {
		w.t.Fatal(err)
	}
	public, _ := certificate.PublicKey.(*rsa.PublicKey)
	digest := sha256.Sum256([]byte(octets))
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], must[[]byte](w.t)(base64.StdEncoding.DecodeString(signature))); err != nil {
		w.t.Error(err)
	}
	deflated := must[[]byte](w.t)(base64.StdEncoding.DecodeString(location.Query().Get("SAMLResponse")))
	text := must[[]byte](w.t)(io.ReadAll(flate.NewReader(bytes.NewReader(deflated))))
	if saml.Attr(text, proto, "LogoutResponse", "InResponseTo") != "_l1" {
		w.t.Errorf("%s", text)
	}
	return answer{response: text}.status(), location.Query().Get("RelayState")
}

// TestLogout ends the session for the service that has a part in it, and for
// nobody else. SAML-8.
func TestLogout(t *testing.T) {
	w := newWorld(t)
	a := w.answer(w.ask(by("sp")))
	name, index := saml.Text(a.response, ns, "NameID"), saml.Attr(a.response, ns, "AuthnStatement", "SessionIndex")
	redirect := func(message string, c *saml.Credential) *httptest.ResponseRecorder {
		return w.follow(w.send("GET", "/saml/slo?"+saml.Query(message, "st", c, saml.RSASHA256), ""))
	}
	for wrong, rw := range map[string]*httptest.ResponseRecorder{
		"unsigned":          redirect(leave("sp", name, index), nil),
		"signed by another": redirect(leave("sp", name, index), &saml.Foreign),
		"unknown":           redirect(leave("nobody", name, index), &saml.Theirs),
		"for another":       redirect(leave("sp", name, index, base, "https://idp.example"), &saml.Theirs),
		"unsigned, posted":  w.send("POST", "/saml/slo", saml.Form(leave("sp", name, index), "")),
		"not sealed by us":  w.send("GET", "/saml/slo?p=x", ""),
	} {
		if rw.Code != http.StatusBadRequest && rw.Code != http.StatusForbidden {
			t.Errorf("%s: %d", wrong, rw.Code)
		}
	}
	for wrong, message := range map[string]string{"another name": leave("sp", "_other", index), "another session": leave("sp", name, "_other"),
		"another service": leave("bare", name, index), "no name": leave("sp", "", index)} {
		if got, _ := w.logoutStatus(redirect(message, &saml.Theirs)); got != "Responder/UnknownPrincipal" {
			t.Errorf("%s: %s", wrong, got)
		}
	}
	if _, err := w.sessions.Find(t.Context(), w.cookie); err != nil {
		t.Fatalf("ended by a wrong request: %v", err)
	}
	if got, state := w.logoutStatus(redirect(leave("sp", name, index), &saml.Theirs)); got != "Success" || state != "st" {
		t.Errorf("%s %s", got, state)
	}
	if _, err := w.sessions.Find(t.Context(), w.cookie); err == nil {
		t.Error("the session lives")
	}
	if got, _ := w.logoutStatus(redirect(leave("sp", name, index), &saml.Theirs)); got != "Success" {
		t.Errorf("once more: %s", got)
	}
}

// TestLogoutByEitherName ends the session for a service that was told both names in
// it, in either order. SAML-8.
func TestLogoutByEitherName(t *testing.T) {
	persistent := []string{`AllowCreate="1"`, `Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"`}
	for i, order := range [][][]string{{nil, persistent}, {persistent, nil}, {persistent, nil}, {nil, persistent}} {
		w := newWorld(t)
		var names []string
		var index string
		for _, replace := range order {
			a := w.answer(w.ask(by("sp", replace...)))
			names, index = append(names, saml.Text(a.response, ns, "NameID")), saml.Attr(a.response, ns, "AuthnStatement", "SessionIndex")
		}
		rw := w.follow(w.send("GET", "/saml/slo?"+saml.Query(leave("sp", names[i%2], index), "st", &saml.Theirs, saml.RSASHA256), ""))
		if got, _ := w.logoutStatus(rw); got != "Success" {
			t.Errorf("%v by %s: %s", names, names[i%2], got)
		}
	}
}

// TestPartialLogout says that another service stays open, which nobody tells.
func TestPartialLogout(t *testing.T) {
	w := newWorld(t)
	w.answer(w.ask(by("bare")))
	a := w.answer(w.ask(by("named")))
	name := saml.Text(a.response, ns, "NameID")
	rw := w.follow(w.send("POST", "/saml/slo", saml.Form(saml.Signed(t, leave("named", name, "x", "<samlp:SessionIndex>s1</samlp:SessionIndex>", ""), saml.Theirs), "")))
	if got, _ := w.logoutStatus(rw); got != "Success/PartialLogout" {
		t.Errorf("%s", got)
	}
}

// TestSilentLogout owes no answer to a service that wants none.
func TestSilentLogout(t *testing.T) {
	w := newWorld(t)
	a := w.answer(w.ask(by("sp")))
	message := saml.LogoutMessage("_n<", saml.Text(a.response, ns, "NameID")+"<", "s1<", saml.Attr(a.response, ns, "AuthnStatement", "SessionIndex")+"<")
	message = strings.ReplaceAll(message, saml.TheirEntity, "https://sp.example/shibboleth")
	rw := w.send("GET", "/saml/slo?"+saml.Query(message, "", &saml.Theirs, saml.RSASHA256), "")
	if rw.Header().Get("Location") != "/logged-out" {
		t.Errorf("%d %s", rw.Code, rw.Header().Get("Location"))
	}
	if _, err := w.sessions.Find(t.Context(), w.cookie); err == nil {
		t.Error("the session lives")
	}
}

// TestFarewell tells, after the end, of the other services that nobody has told, and
// of no more than is sealed into the address.
func TestFarewell(t *testing.T) {
	w := newWorld(t)
	w.answer(w.ask(by("named")))
	a := w.answer(w.ask(by("sp")))
	message := saml.LogoutMessage("_n<", saml.Text(a.response, ns, "NameID")+"<", "s1<", saml.Attr(a.response, ns, "AuthnStatement", "SessionIndex")+"<")
	message = strings.ReplaceAll(message, saml.TheirEntity, "https://sp.example/shibboleth")
	page := w.send("GET", "/saml/slo?"+saml.Query(message, "", &saml.Theirs, saml.RSASHA256), "").Header().Get("Location")
	w.site.Handle("GET /logged-out", func(rw http.ResponseWriter, r *http.Request) error {
		names, err := w.provider.Farewell.Left(r)
		_, _ = io.WriteString(rw, strings.Join(names, ", "))
		return err
	})
	if got := w.send("GET", page, "").Body.String(); got != "Library" {
		t.Errorf("%s tells of %q", page, got)
	}
	for _, other := range []string{"/logged-out", "/logged-out?p=x", page + "A"} {
		if got := w.send("GET", other, "").Body.String(); got != "" {
			t.Errorf("%s tells of %q", other, got)
		}
	}
	w.now = w.now.Add(time.Hour)
	if got := w.send("GET", page, "").Body.String(); got != "" {
		t.Errorf("an hour later: %q", got)
	}
}

// TestKeyRollOver is the drill: a service that has read our metadata once goes on
// through a rotation, since the next certificate was in them; and it believes the
// metadata that are signed by that one. SAML-7.
func TestKeyRollOver(t *testing.T) {
	w := newWorld(t)
	kept := []saml.Credential{w.certificate(signing), w.certificate(signing + 1)}
	verifies := func(c saml.Credential, document []byte, element string) bool {
		return saml.VerifiedBy(t, c, document, element) == nil
	}
	before := w.answer(w.ask(by("sp"))).response
	if !verifies(kept[0], before, "Response") || verifies(kept[1], before, "Response") {
		t.Error("the active key does not sign")
	}
	old := ourKeys()
	fresh, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	active, next := old[1], keyring.LongLived{KID: "kid-3", State: keyring.Next, Signer: fresh, CreatedAt: w.now}
	active.State = keyring.Active
	w.provider.Keys = keys{active, next}
	after := w.answer(w.ask(by("sp"))).response
	if !verifies(kept[1], after, "Response") || verifies(kept[0], after, "Response") {
		t.Error("the service that kept our metadata is left behind")
	}
	metadata := w.send("GET", "/saml/metadata", "").Body.Bytes()
	if !verifies(kept[1], metadata, "EntityDescriptor") {
		t.Error("the new metadata are not signed by the certificate that was in the old ones")
	}
	if now := w.certificate(signing + 1); bytes.Equal(now.Certificate, kept[0].Certificate) || bytes.Equal(now.Certificate, kept[1].Certificate) {
		t.Error("there is no new certificate for the next time")
	}
}

// TestCheckService finds at the desk what would fail at the door.
func TestCheckService(t *testing.T) {
	good := services()[0]
	if err := (saml.Policy{}).CheckService(good, false); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*federation.Service){
		"no metadata": func(s *federation.Service) { s.Metadata = "<x/>" },
		"of another":  func(s *federation.Service) { s.EntityID = "https://other.example" },
		"no key": func(s *federation.Service) {
			s.Encryption = federation.EncryptionRequired
			s.Metadata = strings.ReplaceAll(s.Metadata, "<md:KeyDescriptor>", `<md:KeyDescriptor use="signing">`)
		},
		"no verifying": func(s *federation.Service) {
			s.SignedRequests = true
			s.Metadata = regexp.MustCompile(`(?s)<md:KeyDescriptor.*</md:KeyDescriptor>`).ReplaceAllString(s.Metadata, "")
		},
		"no encryption": func(s *federation.Service) {
			s.Encryption = ""
			s.Metadata = strings.ReplaceAll(s.Metadata, "xmlenc11#aes128-gcm", "xmlenc11#aes128-cbc")
		},
	} {
		s := good
		change(&s)
		if err := (saml.Policy{}).CheckService(s, false); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	faults := saml.Policy{EntityID: "x", Scopes: []string{"a@b"}, HomeTypes: []string{"university"}, EntityAttributes: saml.EntityAttributes{Certifications: []string{"sirtfi"}}, InformationURL: federation.Text{English: "x"}, Technical: "x"}.Validate()
	if len(faults) != 6 || !slices.IsSortedFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) }) {
		t.Errorf("%v", faults)
	}
}

// BenchmarkSingleSignOn is an answer to a service in a session that there is; it
// stands beside [BenchmarkSignatures].
func BenchmarkSingleSignOn(b *testing.B) {
	w := newWorld(b)
	w.signIn(authenticator.Password, authenticator.TOTP)
	address := "/saml/sso?" + saml.Query(by("sp"), "", nil, "")
	for b.Loop() {
		if rw := w.send("GET", address, ""); rw.Code != http.StatusOK {
			b.Fatal(rw.Code)
		}
	}
}

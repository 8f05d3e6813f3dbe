package federation

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func goodService() Service {
	return Service{ID: "lms", Name: Text{Japanese: "学習支援", English: "Learning"}, Protocol: OIDC, RelyingParty: RelyingParty{
		RedirectURIs: []string{"https://lms.example/cb"}, Secrets: []string{strings.Repeat("0a", 32)}}}
}

// TestValidate tells every fault of a service. OIDC-1, OIDC-2, OIDC-8.
func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Service)
		want   string // part of the fault; empty if there is none
	}{
		"good":                   {func(*Service) {}, ""},
		"no id":                  {func(s *Service) { s.ID = "" }, "the id must"},
		"an id with a space":     {func(s *Service) { s.ID = "l ms" }, "the id must"},
		"no name":                {func(s *Service) { s.Name.English = "" }, "name.ja and name.en"},
		"unknown protocol":       {func(s *Service) { s.Protocol = "ws-fed" }, "protocol"},
		"unknown require":        {func(s *Service) { s.Require = "much" }, "require"},
		"fallback and MFA":       {func(s *Service) { s.Require, s.AcceptFallback = RequireMFA, true }, "accept_fallback"},
		"fallback and any":       {func(s *Service) { s.Require, s.AcceptFallback = RequireAny, true }, ""},
		"no secret":              {func(s *Service) { s.Secrets = nil }, "secret is missing"},
		"secret in clear":        {func(s *Service) { s.Secrets = []string{"secret"} }, "secret_sha256"},
		"no keys":                {func(s *Service) { s.Auth = AuthPrivateKey }, "jwks is missing"},
		"public web client":      {func(s *Service) { s.Auth = AuthNone }, "auth: none"},
		"public SPA":             {func(s *Service) { s.Auth, s.Type, s.Secrets = AuthNone, TypeSPA, nil }, ""},
		"HS256":                  {func(s *Service) { s.IDTokenAlg = "HS256" }, "id_token_alg"},
		"none":                   {func(s *Service) { s.IDTokenAlg = "none" }, "id_token_alg"},
		"no return point":        {func(s *Service) { s.RedirectURIs = nil }, "redirect_uris are missing"},
		"plain http":             {func(s *Service) { s.RedirectURIs = []string{"http://lms.example/cb"} }, "https"},
		"loopback of a web app":  {func(s *Service) { s.RedirectURIs = []string{"http://127.0.0.1/cb"} }, "https"},
		"loopback of a native":   {func(s *Service) { s.Type, s.RedirectURIs = TypeNative, []string{"http://127.0.0.1/cb"} }, ""},
		"fragment":               {func(s *Service) { s.RedirectURIs = []string{"https://lms.example/cb#x"} }, "absolute address"},
		"wildcard":               {func(s *Service) { s.RedirectURIs = []string{"https://*.lms.example/cb"} }, "absolute address"},
		"user":                   {func(s *Service) { s.RedirectURIs = []string{"https://u@lms.example/cb"} }, "absolute address"},
		"relative":               {func(s *Service) { s.RedirectURIs = []string{"/cb"} }, "absolute address"},
		"script":                 {func(s *Service) { s.RedirectURIs = []string{"javascript:alert(1)"} }, "absolute address"},
		"several hosts":          {func(s *Service) { s.RedirectURIs = append(s.RedirectURIs, "https://x.example/cb") }, "sector"},
		"several hosts, sector":  {func(s *Service) { s.RedirectURIs, s.Sector = append(s.RedirectURIs, "https://x.example/cb"), "x" }, ""},
		"several hosts, public":  {func(s *Service) { s.RedirectURIs, s.Subject = append(s.RedirectURIs, "https://x.example/cb"), Public }, ""},
		"logout by plain http":   {func(s *Service) { s.BackchannelLogoutURI = "http://lms.example/bcl" }, "backchannel_logout_uri"},
		"origin with a path":     {func(s *Service) { s.Origins = []string{"https://lms.example/"} }, "origins"},
		"an API without returns": {func(s *Service) { s.RedirectURIs, s.Introspect = nil, true }, ""},
		"every attribute":        {func(s *Service) { s.Release.Optional = Attributes() }, ""},
		"required, no attribute": {func(s *Service) { s.Release.Required = []string{AttrName, "shoes"} }, `release.required must be of affiliation, assurance, department,`},
		"optional, no attribute": {func(s *Service) { s.Release.Optional = []string{"naem"} }, `username; "naem" is not`},
		"a label, no attribute":  {func(s *Service) { s.Release.Optional = []string{Label(AttrName)} }, "release.optional must be of"},
	} {
		s := goodService()
		test.change(&s)
		faults := errors.Join(s.Validate(false)...)
		if (faults == nil) != (test.want == "") || faults != nil && !strings.Contains(faults.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, faults, test.want)
		}
	}
	s := goodService()
	s.RedirectURIs = []string{"http://lms.example/cb"}
	if faults := s.Validate(true); faults != nil {
		t.Errorf("on loopback: %v", faults)
	}
}

// TestServiceIsStored as JSON, whole.
func TestServiceIsStored(t *testing.T) {
	s := goodService()
	s.Require, s.Groups, s.Release, s.DefaultMaxAge = RequireMFA, []string{"staff"}, Release{Required: []string{"name"}}, Age(time.Hour)
	stored, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var again Service
	if err := json.Unmarshal(stored, &again); err != nil || !reflect.DeepEqual(again, s) {
		t.Errorf("%+v, %v", again, err)
	}
	if !s.Release.Allows("name") || s.Release.Allows("email") {
		t.Error("release")
	}
}

// TestReadFiles keeps the digest of a secret, not the secret.
func TestReadFiles(t *testing.T) {
	files := map[string]string{"secret": "text\n", "keys": `{"keys":[]}`}
	read := func(name string) ([]byte, error) {
		text, ok := files[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	}
	s := Service{ID: "s", RelyingParty: RelyingParty{SecretFile: "secret", JWKSFile: "keys"}}
	if err := s.ReadFiles(read); err != nil || !slices.Equal(s.Secrets, []string{SecretDigest("text")}) || s.JWKS != files["keys"] {
		t.Errorf("%+v, %v", s, err)
	}
	for _, s := range []Service{{RelyingParty: RelyingParty{SecretFile: "x"}}, {RelyingParty: RelyingParty{JWKSFile: "x"}}} {
		if err := s.ReadFiles(read); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v", err)
		}
	}
}

// shelf is the services of a database, and counts how often it is asked.
type shelf struct {
	all   []Service
	asked int
}

func (s *shelf) Services(context.Context) ([]Service, error) {
	s.asked++
	return s.all, nil
}

// TestServicesAreCached reads the database at most every few seconds. P6.
func TestServicesAreCached(t *testing.T) {
	now, stored := noon, &shelf{}
	services := &Services{Configured: []Service{{ID: "a"}, {ID: "both"}}, Now: func() time.Time { return now },
		View: func(_ context.Context, fn func(ServiceReader) error) error { return fn(stored) }}
	find := func(id string) bool {
		t.Helper()
		_, err := services.Find(t.Context(), id)
		if err != nil && !errors.Is(err, ErrNoService) {
			t.Fatal(err)
		}
		return err == nil
	}
	if !find("a") || find("b") || stored.asked != 1 {
		t.Errorf("asked %d times", stored.asked)
	}
	spa := Service{ID: "b", RelyingParty: RelyingParty{Type: TypeSPA, RedirectURIs: []string{"https://spa.example/cb"}}}
	stored.all = []Service{spa, {ID: "off", Disabled: true, RelyingParty: RelyingParty{Origins: []string{"https://off.example"}}}, {ID: "both"}}
	if find("b") {
		t.Error("too early")
	}
	now = now.Add(servicesRefresh)
	if !find("b") || find("off") || stored.asked != 2 {
		t.Errorf("asked %d times", stored.asked)
	}
	for origin, want := range map[string]bool{"https://spa.example": true, "https://off.example": false, "https://x.example": false} {
		if got, err := services.IsOrigin(t.Context(), origin); got != want || err != nil {
			t.Errorf("%s: %v, %v", origin, got, err)
		}
	}
	faults, err := services.Check(t.Context())
	if err != nil || len(faults) != 1 || !strings.Contains(faults[0].Error(), `"both"`) {
		t.Errorf("%v, %v", faults, err)
	}
	all, err := services.All(t.Context())
	ids := make([]string, 0, len(all))
	for _, s := range all {
		ids = append(ids, s.ID)
	}
	if err != nil || !slices.Equal(ids, []string{"a", "b", "both", "off"}) {
		t.Errorf("%v, %v", ids, err)
	}
}

// TestFindEntity finds services that speak SAML by their entityID; where two have
// the same, neither is found, and both are named, until one is switched off.
func TestFindEntity(t *testing.T) {
	sp := func(id, entity string) Service {
		return Service{ID: id, Protocol: SAML, ServiceProvider: ServiceProvider{EntityID: entity, Metadata: "<x/>"}}
	}
	off := func(s Service) Service {
		s.Disabled = true
		return s
	}
	services := &Services{Configured: []Service{sp("a", "urn:a"), sp("b", "urn:twice"), sp("c", "urn:twice"), off(sp("d", "urn:twice")), off(sp("off", "urn:off")),
		sp("former2", "urn:once"), off(sp("former1", "urn:once")), off(sp("former3", "urn:once")), off(sp("x", "urn:gone")), off(sp("y", "urn:gone")), {ID: "oidc", Protocol: OIDC}},
		Now: func() time.Time { return noon }, View: func(_ context.Context, fn func(ServiceReader) error) error { return fn(&shelf{}) }}
	for entity, want := range map[string]string{"urn:a": "a", "urn:twice": "", "urn:off": "", "urn:once": "former2", "urn:gone": "", "": "", "a": ""} {
		got, err := services.FindEntity(t.Context(), entity)
		if got.ID != want || (want == "") != errors.Is(err, ErrNoService) {
			t.Errorf("%s: %q, %v", entity, got.ID, err)
		}
	}
	if _, err := services.FindEntity(t.Context(), "urn:twice"); !strings.Contains(err.Error(), `"urn:twice" is the entityID of several services: b, c`) {
		t.Errorf("the log will not say why: %v", err)
	}
	if faults, err := services.Check(t.Context()); err != nil || len(faults) != 0 {
		t.Errorf("the server would not start: %v, %v", faults, err)
	}
	if all, err := services.Doubled(t.Context()); err != nil || !reflect.DeepEqual(all, []Double{{"urn:twice", []string{"b", "c"}}}) {
		t.Errorf("%v, %v", all, err)
	}
	if got := sp("a", "urn:a").SectorOf(); got != "urn:a" {
		t.Errorf("sector %s", got)
	}
}

// TestCheckEntityID holds a service to an entityID of its own, unless one of the two
// is switched off.
func TestCheckEntityID(t *testing.T) {
	sp := func(id, entity string, off bool) Service {
		return Service{ID: id, Protocol: SAML, Disabled: off, ServiceProvider: ServiceProvider{EntityID: entity}}
	}
	others := []Service{{ID: "oidc", Protocol: OIDC}, sp("a", "urn:a", false), sp("off", "urn:off", true)}
	for name, test := range map[string]struct {
		s    Service
		want string
	}{
		"alone":              {sp("b", "urn:b", false), ""},
		"itself":             {sp("a", "urn:a", false), ""},
		"another's":          {sp("b", "urn:a", false), `service "b": the entityID "urn:a" is that of the service "a" already`},
		"one switched off's": {sp("b", "urn:off", false), ""},
		"switched off":       {sp("b", "urn:a", true), ""},
		"of no SAML":         {Service{ID: "b", Protocol: OIDC}, ""},
	} {
		err := test.s.CheckEntityID(others)
		if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestServiceProviderFaults names what a service that speaks SAML lacks.
func TestServiceProviderFaults(t *testing.T) {
	s := Service{ID: "s", Name: Text{Japanese: "あ", English: "A"}, Protocol: SAML, ServiceProvider: ServiceProvider{Encryption: "maybe", NameID: "mail"}}
	if faults := s.Validate(false); len(faults) != 3 {
		t.Errorf("%v", faults)
	}
	s.ServiceProvider = ServiceProvider{EntityID: "urn:s", MetadataFile: "s.xml"}
	if err := s.ReadFiles(func(string) ([]byte, error) { return []byte("<x/>"), nil }); err != nil || s.Metadata != "<x/>" {
		t.Errorf("%v", err)
	}
	if faults := s.Validate(false); len(faults) != 0 {
		t.Errorf("%v", faults)
	}
	if err := s.ReadFiles(func(string) ([]byte, error) { return nil, fs.ErrNotExist }); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

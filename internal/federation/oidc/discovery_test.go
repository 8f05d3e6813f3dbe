package oidc_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// document is what the discovery document says.
func (w *world) document() map[string]any {
	w.t.Helper()
	rw := w.send("GET", "/.well-known/openid-configuration", nil)
	if rw.Code != http.StatusOK || rw.Header().Get("Content-Type") != "application/json" {
		w.t.Fatalf("%d %v", rw.Code, rw.Header())
	}
	var all map[string]any
	decode(w.t, rw, &all)
	return all
}

func words(t *testing.T, document map[string]any, name string) (all []string) {
	t.Helper()
	list, ok := document[name].([]any)
	if !ok {
		t.Fatalf("%s: %v", name, document[name])
	}
	for _, one := range list {
		word, _ := one.(string)
		all = append(all, word)
	}
	return all
}

// TestDiscoveryIsTrue compares what the document says with what happens.
func TestDiscoveryIsTrue(t *testing.T) {
	w := newWorld(t)
	document := w.document()
	if document["issuer"] != issuer {
		t.Errorf("issuer %v", document["issuer"])
	}
	for name, value := range document { // each endpoint is there
		address, _ := value.(string)
		if !strings.HasSuffix(name, "_endpoint") && name != "jwks_uri" {
			continue
		}
		method := "POST"
		if name == "authorization_endpoint" || name == "jwks_uri" || name == "userinfo_endpoint" || name == "end_session_endpoint" {
			method = "GET"
		}
		if rw := w.send(method, address, url.Values{}); rw.Code == http.StatusNotFound || rw.Code == http.StatusMethodNotAllowed || rw.Code >= 500 {
			t.Errorf("%s %s: %d", name, address, rw.Code)
		}
	}
	all, supported := w.tokens("lms", "openid profile email eduperson offline_access"), words(t, document, "claims_supported")
	for _, claims := range []map[string]any{w.claims(all.ID), first(w.userinfo(all.Access))} {
		for name := range claims {
			if plain, _, _ := strings.Cut(name, "#"); !slices.Contains(supported, plain) {
				t.Errorf("claim %s is given, and not in the document", name)
			}
		}
	}
	for _, acr := range words(t, document, "acr_values_supported") {
		if acr != issuer+"/ac/fallback" && !strings.Contains(acr, ":") {
			t.Errorf("acr %s", acr)
		}
	}
	for _, name := range []string{"grant_types_supported", "response_types_supported", "token_endpoint_auth_methods_supported",
		"code_challenge_methods_supported", "id_token_signing_alg_values_supported", "subject_types_supported", "prompt_values_supported"} {
		if joined := strings.Join(words(t, document, name), " "); strings.Contains(joined, "implicit") || strings.Contains(joined, "plain") ||
			strings.Contains(joined, "none client") || strings.Contains(joined, "jwt-bearer") || strings.Contains(joined, "HS256") {
			t.Errorf("%s: %s", name, joined)
		}
	}
	for name, want := range map[string]bool{"request_parameter_supported": false, "request_uri_parameter_supported": false, "claims_parameter_supported": true,
		"authorization_response_iss_parameter_supported": true, "backchannel_logout_supported": true, "backchannel_logout_session_supported": true} {
		if document[name] != want {
			t.Errorf("%s = %v", name, document[name])
		}
	}
}

func first[T any](value T, _ int) T { return value }

// TestPublishedKeys are public, and nobody needs to ask for an hour. OIDC-7.
func TestPublishedKeys(t *testing.T) {
	w := newWorld(t)
	rw := w.send("GET", "/oidc/jwks", nil)
	if rw.Header().Get("Cache-Control") != "public, max-age=3600" || rw.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%v", rw.Header())
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(rw.Body.Bytes(), &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("%v %s", err, rw.Body)
	}
	for _, k := range set.Keys {
		if !k.IsPublic() || k.KeyID == "" || k.Use != "sig" || k.Algorithm == "" {
			t.Errorf("%+v", k)
		}
	}
	token := w.tokens("lms", "openid").ID
	signed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signed.Verify(set); err != nil {
		t.Errorf("a service cannot verify: %v", err)
	}
}

// TestOrigins lets the scripts of registered origins read, and never with
// credentials.
func TestOrigins(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/oidc/token", "/oidc/userinfo", "/oidc/revoke"} {
		for origin, want := range map[string]string{"https://spa.example": "https://spa.example", "https://lms.example": "", "https://evil.example": "", "null": "",
			"https://spa.example.evil.example": "", "http://spa.example": ""} {
			for _, method := range []string{"OPTIONS", "POST"} {
				rw := w.send(method, path, url.Values{}, func(r *http.Request) {
					r.Header.Set("Origin", origin)
					r.Header.Set("Sec-Fetch-Site", "cross-site")
					r.Header.Set("Access-Control-Request-Method", "POST")
				})
				h := rw.Header()
				if h.Get("Access-Control-Allow-Origin") != want || h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Vary") != "Origin" {
					t.Errorf("%s %s from %s: %d %v", method, path, origin, rw.Code, h)
				}
				if method == "OPTIONS" && (rw.Code != http.StatusNoContent || (h.Get("Access-Control-Allow-Headers") != "") != (want != "")) {
					t.Errorf("%s %s from %s: %d %v", method, path, origin, rw.Code, h)
				}
			}
		}
	}
	for _, path := range []string{"/oidc/introspect", "/oidc/par"} {
		rw := w.send("POST", path, url.Values{}, func(r *http.Request) { r.Header.Set("Origin", "https://spa.example") })
		if rw.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is shared", path)
		}
	}
}

// TestUserinfoRequests takes the token from the header or a form, not from the
// address (RFC 6750).
func TestUserinfoRequests(t *testing.T) {
	w := newWorld(t)
	access := w.tokens("lms", "openid").Access
	for name, test := range map[string]struct {
		method, address string
		body            url.Values
		change          func(*http.Request)
		status          int
	}{
		"header":             {"GET", "", nil, withBearer(access), http.StatusOK},
		"header, POST":       {"POST", "", nil, withBearer(access), http.StatusOK},
		"lower case":         {"GET", "", nil, func(r *http.Request) { r.Header.Set("Authorization", "bearer "+access) }, http.StatusOK},
		"form":               {"POST", "", url.Values{"access_token": {access}}, func(*http.Request) {}, http.StatusOK},
		"address":            {"GET", "?access_token=" + access, nil, func(*http.Request) {}, http.StatusUnauthorized},
		"address of a POST":  {"POST", "?access_token=" + access, nil, func(*http.Request) {}, http.StatusBadRequest},
		"nothing":            {"GET", "", nil, func(*http.Request) {}, http.StatusUnauthorized},
		"cut":                {"GET", "", nil, withBearer(access[:len(access)-1]), http.StatusUnauthorized},
		"as basic":           {"GET", "", nil, basic("lms", access), http.StatusUnauthorized},
		"the browser cookie": {"GET", "", nil, withBearer(w.cookie), http.StatusUnauthorized},
	} {
		rw := w.send(test.method, "/oidc/userinfo"+test.address, test.body, test.change)
		if rw.Code != test.status || rw.Code == http.StatusUnauthorized && !strings.HasPrefix(rw.Header().Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: %d %s %v", name, rw.Code, rw.Body, rw.Header())
		}
	}
}

// TestRelease gives no attribute that the policy of the service does not name.
func TestRelease(t *testing.T) {
	w := newWorld(t)
	info, _ := w.userinfo(w.tokens("public", "openid profile email eduperson").Access)
	if len(info) != 1 || info["sub"] != person.PublicID {
		t.Errorf("%v", info)
	}
}

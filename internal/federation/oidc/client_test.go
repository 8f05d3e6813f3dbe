package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"warifu/internal/federation"
)

// TestClientAuthentication takes the one registered way, and no other. OIDC-8.
func TestClientAuthentication(t *testing.T) {
	w := newWorld(t)
	post := url.Values{"client_id": {"post"}, "client_secret": {password}}
	for _, test := range []struct {
		name   string
		form   url.Values
		change func(*http.Request)
		ok     bool
	}{
		{"basic", nil, basic("lms", password), true},
		{"basic with its client_id", url.Values{"client_id": {"lms"}}, basic("lms", password), true},
		{"post", post, nil, true},
		{"wrong secret", nil, basic("lms", password+"x"), false},
		{"no secret", nil, basic("lms", ""), false},
		{"the digest as secret", nil, basic("lms", digest(password)), false},
		{"unknown client", nil, basic("nobody", password), false},
		{"client switched off", nil, basic("off", password), false},
		{"another client_id", url.Values{"client_id": {"other"}}, basic("lms", password), false},
		{"post by a basic client", url.Values{"client_id": {"lms"}, "client_secret": {password}}, nil, false},
		{"basic by a post client", nil, basic("post", password), false},
		{"both", post, basic("post", password), false},
		{"nothing by a confidential client", url.Values{"client_id": {"lms"}}, nil, false},
		{"a secret by a public client", nil, basic("spa", password), false},
		{"a bearer token", url.Values{"client_id": {"spa"}}, withBearer("x"), false},
		{"nothing at all", nil, nil, false},
	} {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}
		for name, values := range test.form {
			form[name] = values
		}
		change := test.change
		if change == nil {
			change = func(*http.Request) {}
		}
		rw := w.send("POST", "/oidc/token", form, change)
		var got tokens
		decode(t, rw, &got)
		if want := map[bool]string{true: "invalid_grant", false: "invalid_client"}[test.ok]; got.Error != want {
			t.Errorf("%s: %d %s, want %s", test.name, rw.Code, got.Error, want)
		}
		if !test.ok && (rw.Code != http.StatusUnauthorized || rw.Header().Get("WWW-Authenticate") == "") {
			t.Errorf("%s: %d %v", test.name, rw.Code, rw.Header())
		}
	}
}

// TestPublicClient has nothing but its verifier.
func TestPublicClient(t *testing.T) {
	w := newWorld(t)
	code := w.code("spa", map[string]string{"redirect_uri": "https://spa.example/cb"})
	form := redemption(code, map[string]string{"client_id": "spa", "redirect_uri": "https://spa.example/cb"})
	if rw := w.send("POST", "/oidc/token", form); rw.Code != http.StatusOK {
		t.Errorf("%d %s", rw.Code, rw.Body)
	}
}

// TestTokenRequests that are not ones. OIDC-1, OIDC-11.
func TestTokenRequests(t *testing.T) {
	w := newWorld(t)
	good := redemption(w.code("lms", nil), nil)
	for name, test := range map[string]struct {
		address, body, kind, want string
	}{
		"parameters in the address": {"?client_secret=x", good.Encode(), "", "invalid_request"},
		"repeated parameter":        {"", good.Encode() + "&code=x", "", "invalid_request"},
		"JSON":                      {"", `{"grant_type":"authorization_code"}`, "application/json", "invalid_request"},
		"more than 8 KiB":           {"", good.Encode() + "&x=" + strings.Repeat("x", 8<<10), "", "invalid_request"},
		"no grant type":             {"", "code=x", "", "invalid_request"},
		"password":                  {"", "grant_type=password&username=x&password=y", "", "unsupported_grant_type"},
		"client credentials":        {"", "grant_type=client_credentials", "", "unsupported_grant_type"},
		"JWT bearer":                {"", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=x", "", "unsupported_grant_type"},
		"no code":                   {"", "grant_type=authorization_code", "", "invalid_grant"},
	} {
		rw := w.send("POST", "/oidc/token"+test.address, nil, basic("lms", password), func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(test.body))
			if test.kind != "" {
				r.Header.Set("Content-Type", test.kind)
			}
		})
		var got tokens
		decode(t, rw, &got)
		if rw.Code != http.StatusBadRequest || got.Error != test.want || rw.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s, want %s", name, rw.Code, rw.Body, test.want)
		}
	}
	if got, status := w.token("lms", good); status != http.StatusOK {
		t.Errorf("afterwards: %d %+v", status, got)
	}
}

// signer is a client that signs its assertions.
type signer struct {
	key  *ecdsa.PrivateKey
	kid  string
	jwks string
}

func newSigner(t *testing.T, kid string) signer {
	t.Helper()
	k := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.Public(), KeyID: kid, Algorithm: "ES256", Use: "sig"}}}
	return signer{key: k, kid: kid, jwks: string(must[[]byte](t)(json.Marshal(set)))}
}

func (s signer) service() federation.Service {
	service := services()[0]
	service.ID, service.Auth, service.Secrets, service.JWKS = "signs", federation.AuthPrivateKey, nil, s.jwks
	return service
}

func (s signer) sign(t *testing.T, key jose.SigningKey, headers map[jose.HeaderKey]any, claims map[string]any) string {
	t.Helper()
	made := must[jose.Signer](t)(jose.NewSigner(key, &jose.SignerOptions{ExtraHeaders: headers}))
	signed := must[*jose.JSONWebSignature](t)(made.Sign(must[[]byte](t)(json.Marshal(claims))))
	return must[string](t)(signed.CompactSerialize())
}

// TestClientAssertions of every wrong kind. OIDC-8, A51.
func TestClientAssertions(t *testing.T) {
	own, foreign := newSigner(t, "k1"), newSigner(t, "k1")
	w := newWorld(t, own.service())
	es256 := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: own.key, KeyID: "k1"}}
	jti := 0
	claims := func(change map[string]any) map[string]any {
		jti++
		all := map[string]any{"iss": "signs", "sub": "signs", "aud": issuer + "/oidc/token", "jti": fmt.Sprint("j", jti),
			"exp": w.clock.Now().Add(time.Minute).Unix(), "iat": w.clock.Now().Unix()}
		for name, value := range change {
			all[name] = value
			if value == nil {
				delete(all, name)
			}
		}
		return all
	}
	send := func(assertion string) string {
		rw := w.send("POST", "/oidc/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}})
		var got tokens
		decode(t, rw, &got)
		return got.Error
	}
	good := own.sign(t, es256, nil, claims(nil))
	for name, aud := range map[string]any{"token endpoint": issuer + "/oidc/token", "issuer": issuer, "list of one": []string{issuer}} {
		if got := send(own.sign(t, es256, nil, claims(map[string]any{"aud": aud}))); got != "invalid_grant" {
			t.Errorf("good, %s: %s", name, got)
		}
	}
	if got := send(good); got != "invalid_grant" {
		t.Fatalf("good: %s", got)
	}
	public := must[[]byte](t)(x509.MarshalPKIXPublicKey(own.key.Public()))
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	now := w.clock.Now()
	for name, assertion := range map[string]string{
		"replayed":                  good,
		"alg none":                  none + "." + parts[1] + ".",
		"alg none, signed":          none + "." + parts[1] + "." + parts[2],
		"HS256 with the public key": own.sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: public}, nil, claims(nil)),
		"HS256 with the JWKS":       own.sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(own.jwks)}, nil, claims(nil)),
		"foreign key, our kid":      own.sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: foreign.key, KeyID: "k1"}}, nil, claims(nil)),
		"foreign kid":               own.sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: own.key, KeyID: "k2"}}, nil, claims(nil)),
		"foreign jku":               own.sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: foreign.key}, map[jose.HeaderKey]any{"jku": "https://evil.example/jwks"}, claims(nil)),
		"audience list":             own.sign(t, es256, nil, claims(map[string]any{"aud": []string{issuer, "https://evil.example"}})),
		"foreign audience":          own.sign(t, es256, nil, claims(map[string]any{"aud": "https://evil.example"})),
		"no audience":               own.sign(t, es256, nil, claims(map[string]any{"aud": nil})),
		"expired":                   own.sign(t, es256, nil, claims(map[string]any{"exp": now.Unix()})),
		"an hour long":              own.sign(t, es256, nil, claims(map[string]any{"exp": now.Add(time.Hour).Unix()})),
		"no expiry":                 own.sign(t, es256, nil, claims(map[string]any{"exp": nil})),
		"not yet":                   own.sign(t, es256, nil, claims(map[string]any{"nbf": now.Add(time.Minute).Unix()})),
		"from the future":           own.sign(t, es256, nil, claims(map[string]any{"iat": now.Add(time.Minute).Unix()})),
		"another client":            own.sign(t, es256, nil, claims(map[string]any{"iss": "lms", "sub": "lms"})),
		"another subject":           own.sign(t, es256, nil, claims(map[string]any{"sub": "lms"})),
		"no jti":                    own.sign(t, es256, nil, claims(map[string]any{"jti": nil})),
		"a long jti":                own.sign(t, es256, nil, claims(map[string]any{"jti": strings.Repeat("j", 257)})),
		"cut":                       good[:len(good)-2],
		"empty":                     " ",
	} {
		if got := send(assertion); got != "invalid_client" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestAssertionIsSpentOnce sends one assertion at once from many sides.
func TestAssertionIsSpentOnce(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		own := newSigner(t, "k1")
		w.provider.Services.Configured = append(w.provider.Services.Configured, own.service())
		assertion := own.sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: own.key, KeyID: "k1"}}, nil,
			map[string]any{"iss": "signs", "sub": "signs", "aud": issuer, "jti": "once", "exp": w.clock.Now().Add(time.Minute).Unix()})
		n := race(16, func() bool {
			rw := w.send("POST", "/oidc/introspect", url.Values{"token": {"x"}, "client_assertion": {assertion},
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}})
			return rw.Code == http.StatusOK
		})
		if n != 1 {
			t.Errorf("accepted %d times", n)
		}
	})
}

// TestForgedHints are no ID tokens of ours. A51.
func TestForgedHints(t *testing.T) {
	w := newWorld(t)
	all := w.tokens("lms", "openid")
	foreign := newSigner(t, "k1")
	set := must[jose.JSONWebKeySet](t)(w.provider.Signing.Published(t.Context()))
	var kid string
	var public []byte
	for _, k := range set.Keys {
		if k.Algorithm == "ES256" {
			kid, public = k.KeyID, must[[]byte](t)(x509.MarshalPKIXPublicKey(k.Key))
		}
	}
	claims := w.claims(all.ID)
	parts := strings.Split(all.ID, ".")
	typ := map[jose.HeaderKey]any{"typ": "JWT", "kid": kid}
	logoutType := must[string](t)(w.provider.Signing.Sign(t.Context(), "ES256", "logout+jwt", must[[]byte](t)(json.Marshal(claims))))
	foreignIssuer := must[string](t)(w.provider.Signing.Sign(t.Context(), "ES256", "JWT", []byte(`{"iss":"https://evil.example","sub":"x","aud":"lms"}`)))
	for name, token := range map[string]string{
		"alg none":                  base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + ".",
		"HS256 with the public key": foreign.sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: public}, typ, claims),
		"foreign key, our kid":      foreign.sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: foreign.key, KeyID: kid}}, map[jose.HeaderKey]any{"typ": "JWT"}, claims),
		"foreign kid":               foreign.sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: foreign.key, KeyID: "x"}}, map[jose.HeaderKey]any{"typ": "JWT"}, claims),
		"foreign jku":               foreign.sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: foreign.key}, map[jose.HeaderKey]any{"typ": "JWT", "jku": "https://evil.example/jwks"}, claims),
		"a logout token":            logoutType,
		"another issuer":            foreignIssuer,
		"an access token":           all.Access,
		"other claims":              parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"`+issuer+`","sub":"x","aud":"lms"}`)) + "." + parts[2],
	} {
		if answer := w.authorize("lms", map[string]string{"id_token_hint": token}); answer.Get("error") != "invalid_request" {
			t.Errorf("%s: %v", name, answer)
		}
	}
}

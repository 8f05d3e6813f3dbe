package oidc_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"warifu/internal/federation"
)

// TestNamedClaims come one by one, where they are asked for, if the service may
// have them (OIDC Core 1.0 §5.5).
func TestNamedClaims(t *testing.T) {
	w := newWorld(t)
	code := w.code("lms", map[string]string{"claims": `{"userinfo":{"email":{"essential":true},"locale":null,"birthdate":null},"id_token":{"given_name#ja-Hani-JP":null,"auth_time":{"essential":true}}}`})
	all, status := w.token("lms", redemption(code, nil))
	if status != http.StatusOK {
		t.Fatal(status)
	}
	info, _ := w.userinfo(all.Access)
	if len(info) != 2 || info["email"] != person.Mailbox {
		t.Errorf("userinfo %v", info)
	}
	claims := w.claims(all.ID)
	if claims["given_name#ja-Hani-JP"] != "花子" || claims["name"] != nil || claims["email"] != nil || claims["auth_time"] == nil {
		t.Errorf("ID token %v", claims)
	}
	public, _ := w.token("public", redemption(w.code("public", map[string]string{"claims": `{"userinfo":{"email":{"essential":true}}}`}), nil))
	if info, _ := w.userinfo(public.Access); len(info) != 1 {
		t.Errorf("without release: %v", info)
	}
}

// TestSubjectInClaims wants this person, or an error.
func TestSubjectInClaims(t *testing.T) {
	w := newWorld(t)
	sub, _ := w.claims(w.tokens("lms", "openid").ID)["sub"].(string)
	for value, want := range map[string]string{sub: "code", "other": "error"} {
		answer := w.authorize("lms", map[string]string{"prompt": "none", "claims": `{"id_token":{"sub":{"value":"` + value + `"}}}`})
		if !answer.Has(want) {
			t.Errorf("%s: %v", value, answer)
		}
	}
}

// TestNameScript puts the Japanese name where services look first.
func TestNameScript(t *testing.T) {
	japanese := services()[0]
	japanese.ID, japanese.NameScript = "japanese", "ja"
	w := newWorld(t, japanese)
	info, _ := w.userinfo(w.tokens("japanese", "openid profile eduperson").Access)
	if info["name"] != "都 花子" || info["family_name"] != "都" || fmt.Sprint(info["eduperson_scoped_affiliation"]) != "[student@miyako.example member@miyako.example]" {
		t.Errorf("%v", info)
	}
}

// TestRequiredAttribute that the person lacks is named on a page, and nothing
// is asserted (federation.md 1.4).
func TestRequiredAttribute(t *testing.T) {
	wants := services()[0]
	wants.ID, wants.Release = "wants", federation.Release{Required: []string{"email", "locale"}}
	w := newWorld(t, wants)
	if answer := w.authorize("lms", nil); !answer.Has("code") {
		t.Fatal(answer)
	}
	rw := w.send("GET", "/oidc/authorize?"+request("wants", nil).Encode(), nil)
	if rw.Code != http.StatusConflict || rw.Header().Get("Location") != "" {
		t.Errorf("%d %s", rw.Code, rw.Body)
	}
	if answer := w.authorize("wants", map[string]string{"prompt": "none"}); answer.Get("error") != "access_denied" {
		t.Errorf("%v", answer)
	}
	known := person
	known.Language = "ja"
	w.tx(func(tx seedTx) error { return tx.UpdateSubscriber(t.Context(), known) })
	w.code("wants", nil)
}

// TestSignedAccessToken can be read by its audience, and ends wherever we are
// asked like any other (RFC 9068). OIDC-7.
func TestSignedAccessToken(t *testing.T) {
	signs := services()[0]
	signs.ID, signs.AccessToken, signs.Audience = "jwt", federation.AccessJWT, "api"
	w := newWorld(t, signs)
	all := w.tokens("jwt", "openid email")
	payload := must[[]byte](t)(w.provider.Signing.Verify(t.Context(), "at+jwt", all.Access))
	for _, want := range []string{`"aud":["api"]`, `"client_id":"jwt"`, `"scope":"openid email"`, `"acr":"` + mfa + `"`,
		fmt.Sprint(`"exp":`, start.Add(10*time.Minute).Unix())} {
		if !strings.Contains(string(payload), want) {
			t.Errorf("%s in %s", want, payload)
		}
	}
	if info, status := w.userinfo(all.Access); status != http.StatusOK || info["email"] != person.Mailbox {
		t.Errorf("userinfo: %d %v", status, info)
	}
	if got := w.introspect(all.Access); got["active"] != true {
		t.Errorf("introspection: %v", got)
	}
	if answer := w.authorize("jwt", map[string]string{"id_token_hint": all.Access}); answer.Get("error") != "invalid_request" {
		t.Errorf("as an ID token: %v", answer)
	}
	if _, status := w.userinfo(all.ID); status != http.StatusUnauthorized {
		t.Errorf("an ID token as access token: %d", status)
	}
	if rw := w.send("POST", "/oidc/revoke", url.Values{"token": {all.Access}}, basic("jwt", password)); rw.Code != http.StatusOK {
		t.Errorf("revoke: %d", rw.Code)
	}
	if _, status := w.userinfo(all.Access); status != http.StatusUnauthorized {
		t.Errorf("afterwards: %d", status)
	}
}

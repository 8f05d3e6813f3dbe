package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/directory"
	"warifu/internal/keyring"
)

// TestCodeIsRefused uses a right code in wrong ways; none gives a token, each
// burns the code, and what was not touched still works. OIDC-1, OIDC-3, A50.
func TestCodeIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		client string
		change map[string]string
		wait   time.Duration
	}{
		"other client":           {client: "other"},
		"no verifier":            {change: map[string]string{"code_verifier": ""}},
		"wrong verifier":         {change: map[string]string{"code_verifier": strings.Repeat("a", 43)}},
		"short verifier":         {change: map[string]string{"code_verifier": verifier[:42]}},
		"long verifier":          {change: map[string]string{"code_verifier": strings.Repeat("a", 129)}},
		"challenge as verifier":  {change: map[string]string{"code_verifier": request("lms", nil).Get("code_challenge")}},
		"other redirect_uri":     {change: map[string]string{"redirect_uri": callback + "/"}},
		"no redirect_uri":        {change: map[string]string{"redirect_uri": ""}},
		"after 61 s":             {wait: 61 * time.Second},
		"at its very end, 60 s":  {wait: time.Minute},
		"case of redirect_uri":   {change: map[string]string{"redirect_uri": strings.ToUpper(callback)}},
		"verifier with a dollar": {change: map[string]string{"code_verifier": verifier[:42] + "$"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			code := w.code("lms", nil)
			w.clock.advance(test.wait)
			client := "lms"
			if test.client != "" {
				client = test.client
			}
			if all, status := w.token(client, redemption(code, test.change)); status != http.StatusBadRequest || all.Error != "invalid_grant" || all.Access != "" {
				t.Errorf("%d %+v", status, all)
			}
			if all, status := w.token("lms", redemption(code, nil)); status != http.StatusBadRequest || all.Access != "" {
				t.Errorf("afterwards it is not burnt: %d %+v", status, all)
			}
		})
	}
}

// TestCodeJustInTime holds the other side of the limit.
func TestCodeJustInTime(t *testing.T) {
	w := newWorld(t)
	code := w.code("lms", nil)
	w.clock.advance(time.Minute - time.Millisecond)
	if all, status := w.token("lms", redemption(code, nil)); status != http.StatusOK {
		t.Errorf("%d %+v", status, all)
	}
}

// TestMangledCodes wants a refusal of every code that we did not make, and that
// the right one is not touched by them. A26, A27.
func TestMangledCodes(t *testing.T) {
	w := newWorld(t)
	code := w.code("lms", nil)
	mangled := []string{"", "x", code + "=", code + "A", " " + code, strings.ToLower(code), strings.ToUpper(code)}
	for i := range code {
		mangled = append(mangled, code[:i])
	}
	for _, text := range mangled {
		if all, status := w.token("lms", redemption(text, nil)); status == http.StatusOK {
			t.Errorf("%q: %+v", text, all)
		}
	}
	all, status := w.token("lms", redemption(code, nil))
	if status != http.StatusOK {
		t.Fatalf("%d %+v", status, all)
	}
	for _, text := range []string{code, all.ID} { // nothing passes for an access token
		if _, status := w.userinfo(text); status != http.StatusUnauthorized {
			t.Errorf("%d for %.20s", status, text)
		}
	}
	if _, status := w.token("lms", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {all.Access}}); status != http.StatusBadRequest {
		t.Errorf("access token as refresh token: %d", status)
	}
}

// TestSecondUseRevokes redeems a code twice: the tokens of the first time die. A50.
func TestSecondUseRevokes(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		code := w.code("lms", map[string]string{"scope": "openid offline_access"})
		first, _ := w.token("lms", redemption(code, nil))
		if _, status := w.userinfo(first.Access); status != http.StatusOK {
			t.Fatalf("%d", status)
		}
		if _, status := w.token("lms", redemption(code, nil)); status != http.StatusBadRequest {
			t.Errorf("second use: %d", status)
		}
		if _, status := w.userinfo(first.Access); status != http.StatusUnauthorized {
			t.Errorf("access token afterwards: %d", status)
		}
		if _, status := w.refresh("lms", first.Refresh); status != http.StatusBadRequest {
			t.Errorf("refresh token afterwards: %d", status)
		}
	})
}

func (w *world) refresh(client, token string) (tokens, int) {
	w.t.Helper()
	return w.token(client, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// race runs fn so many times at once, and returns how many times it was true.
func race(n int, fn func() bool) (yes int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range n {
		wg.Go(func() {
			ok := fn()
			mu.Lock()
			defer mu.Unlock()
			if ok {
				yes++
			}
		})
	}
	wg.Wait()
	return yes
}

// TestCodeIsRedeemedOnce redeems one code in parallel. OIDC-3.
func TestCodeIsRedeemedOnce(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		code := w.code("lms", nil)
		if n := race(16, func() bool { _, status := w.token("lms", redemption(code, nil)); return status == http.StatusOK }); n != 1 {
			t.Errorf("redeemed %d times", n)
		}
	})
}

// TestRefreshIsRotatedOnce uses one refresh token 64 times at once: one gets an
// answer, and the family is revoked, because somebody has a copy. OIDC-6.
func TestRefreshIsRotatedOnce(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		first := w.tokens("lms", "openid offline_access")
		var mu sync.Mutex
		var won tokens
		n := race(64, func() bool {
			all, status := w.refresh("lms", first.Refresh)
			if status != http.StatusOK {
				return false
			}
			mu.Lock()
			defer mu.Unlock()
			won = all
			return true
		})
		if n != 1 {
			t.Fatalf("rotated %d times", n)
		}
		if _, status := w.refresh("lms", won.Refresh); status != http.StatusBadRequest {
			t.Errorf("the family lives: %d", status)
		}
		if _, status := w.userinfo(won.Access); status != http.StatusUnauthorized {
			t.Errorf("its access token lives: %d", status)
		}
	})
}

// TestRefresh rotates for 30 days and no longer, with the same person, level
// and session in the ID token, and no nonce. OIDC-5, OIDC-6.
func TestRefresh(t *testing.T) {
	w := newWorld(t)
	if err := w.provider.Signing.Ensure(t.Context(), keyring.RS256); err != nil {
		t.Fatal(err)
	}
	all := w.tokens("rsa", "openid email offline_access")
	first := w.claims(all.ID)
	for day := range 29 {
		w.clock.advance(24 * time.Hour)
		w.tx(func(tx seedTx) error { return tx.DetachGrants(t.Context(), w.clock.Now()) })
		next, status := w.refresh("rsa", all.Refresh)
		if status != http.StatusOK || next.Refresh == all.Refresh {
			t.Fatalf("day %d: %d %+v", day, status, next)
		}
		all = next
	}
	again := w.claims(all.ID)
	for _, name := range []string{"sub", "acr", "auth_time", "sid", "email"} {
		if fmt.Sprint(again[name]) != fmt.Sprint(first[name]) || again[name] == nil {
			t.Errorf("%s = %v, then %v", name, first[name], again[name])
		}
	}
	if again["nonce"] != nil {
		t.Errorf("nonce %v", again["nonce"])
	}
	w.clock.advance(24 * time.Hour)
	if _, status := w.refresh("rsa", all.Refresh); status != http.StatusBadRequest {
		t.Errorf("after 30 days: %d", status)
	}
}

// TestAccessTokenEnds after 10 minutes, whatever lives longer. OIDC-7.
func TestAccessTokenEnds(t *testing.T) {
	w := newWorld(t)
	for _, scope := range []string{"openid", "openid offline_access"} {
		all := w.tokens("lms", scope)
		w.clock.advance(10*time.Minute - time.Millisecond)
		if _, status := w.userinfo(all.Access); status != http.StatusOK {
			t.Errorf("%s: in time: %d", scope, status)
		}
		w.clock.advance(time.Millisecond)
		if _, status := w.userinfo(all.Access); status != http.StatusUnauthorized {
			t.Errorf("%s: too late: %d", scope, status)
		}
	}
}

// gone is a database that cannot answer.
type gone struct{}

func (gone) Error() string     { return "gone" }
func (gone) Unavailable() bool { return true }

// TestTroubleIsNoAnswer says to programs that they may come again, and gives
// nothing. OPS-3.
func TestTroubleIsNoAnswer(t *testing.T) {
	w := newWorld(t)
	code := w.code("lms", nil)
	whole := w.provider.InTx
	for err, want := range map[error]int{gone{}: http.StatusServiceUnavailable, errors.New("broken"): http.StatusInternalServerError} {
		w.provider.InTx = func(context.Context, func(oidcTx) error) error { return err }
		rw := w.send("POST", "/oidc/token", redemption(code, nil), basic("lms", password))
		if rw.Code != want || (rw.Header().Get("Retry-After") != "") != (want == http.StatusServiceUnavailable) || strings.Contains(rw.Body.String(), err.Error()) {
			t.Errorf("%d %s %v", rw.Code, rw.Body, rw.Header())
		}
	}
	w.provider.InTx = whole
	if _, status := w.token("lms", redemption(code, nil)); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}
}

func TestRefreshScopes(t *testing.T) {
	w := newWorld(t)
	if all := w.tokens("lms", "openid"); all.Refresh != "" {
		t.Errorf("a refresh token without offline_access")
	}
	all := w.tokens("lms", "openid email offline_access")
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {all.Refresh}, "scope": {"openid profile"}}
	if got, status := w.token("lms", form); status != http.StatusBadRequest || got.Error != "invalid_scope" {
		t.Fatalf("more scopes: %d %+v", status, got)
	}
	form.Set("scope", "openid")
	got, status := w.token("lms", form)
	if status != http.StatusOK || got.Scope != "openid" {
		t.Fatalf("fewer scopes: %d %+v", status, got)
	}
	if info, _ := w.userinfo(got.Access); info["email"] != nil {
		t.Errorf("%v", info)
	}
	if _, status := w.refresh("other", got.Refresh); status != http.StatusBadRequest {
		t.Errorf("other client: %d", status)
	}
}

// TestPersonIsCheckedEachTime suspends, moves and deletes the person: code,
// refresh, userinfo and introspection refuse at once. SES-9, OIDC-6, A25.
func TestPersonIsCheckedEachTime(t *testing.T) {
	suspended, moved := person, person
	suspended.Status, moved.Groups = directory.Suspended, []string{"alumni"}
	for name, changed := range map[string]directory.Subscriber{"suspended": suspended, "left the group": moved} {
		t.Run(name, func(t *testing.T) {
			staff := services()[7]
			staff.ID, staff.Groups, staff.Audience = "students", []string{"students"}, "api"
			w := newWorld(t, staff)
			all, code := w.tokens("students", "openid offline_access"), w.code("students", nil)
			w.tx(func(tx seedTx) error { return tx.UpdateSubscriber(t.Context(), changed) })
			if _, status := w.userinfo(all.Access); status != http.StatusUnauthorized {
				t.Errorf("userinfo: %d", status)
			}
			if got := w.introspect(all.Access); got["active"] != false || len(got) != 1 {
				t.Errorf("introspection: %v", got)
			}
			if _, status := w.token("students", redemption(code, nil)); status != http.StatusBadRequest {
				t.Errorf("code: %d", status)
			}
			if _, status := w.refresh("students", all.Refresh); status != http.StatusBadRequest {
				t.Errorf("refresh: %d", status)
			}
		})
	}
}

// TestEndOfSessionEndsTokens logs out: code, access and refresh token are dead.
// A session that has run out leaves the refresh token alive. SES-4, OIDC-6.
func TestEndOfSessionEndsTokens(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		all, code := w.tokens("lms", "openid offline_access"), w.code("lms", nil)
		if err := w.sessions.End(t.Context(), w.cookie); err != nil {
			t.Fatal(err)
		}
		if _, status := w.userinfo(all.Access); status != http.StatusUnauthorized {
			t.Errorf("userinfo: %d", status)
		}
		if _, status := w.token("lms", redemption(code, nil)); status != http.StatusBadRequest {
			t.Errorf("code: %d", status)
		}
		if _, status := w.refresh("lms", all.Refresh); status != http.StatusBadRequest {
			t.Errorf("refresh: %d", status)
		}
	})
}

func (w *world) introspect(token string) map[string]any {
	w.t.Helper()
	return w.introspectAs("api", token)
}

func (w *world) introspectAs(client, token string) map[string]any {
	w.t.Helper()
	rw := w.send("POST", "/oidc/introspect", url.Values{"token": {token}}, basic(client, password))
	var got map[string]any
	decode(w.t, rw, &got)
	return got
}

// TestIntrospection tells a service about tokens for it alone, with the level of
// the session. OIDC-7, A13.
func TestIntrospection(t *testing.T) {
	w := newWorld(t)
	mine, others := w.tokens("for-api", "openid email"), w.tokens("lms", "openid")
	got := w.introspect(mine.Access)
	for name, want := range map[string]any{"active": true, "client_id": "for-api", "scope": "openid email", "acr": mfa, "token_type": "Bearer",
		"exp": float64(start.Add(10 * time.Minute).Unix()), "sub": w.claims(mine.ID)["sub"]} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	for name, got := range map[string]map[string]any{
		"for another":       w.introspect(others.Access),
		"not allowed":       w.introspectAs("lms", others.Access),
		"not a token":       w.introspect("x"),
		"an ID token":       w.introspect(mine.ID),
		"without any token": w.introspect(""),
	} {
		if got["active"] != false || len(got) != 1 {
			t.Errorf("%s: %v", name, got)
		}
	}
	w.clock.advance(10 * time.Minute)
	if got := w.introspect(mine.Access); got["active"] != false {
		t.Errorf("expired: %v", got)
	}
	if rw := w.send("POST", "/oidc/introspect", url.Values{"token": {mine.Access}}); rw.Code != http.StatusUnauthorized {
		t.Errorf("nobody: %d", rw.Code)
	}
}

// TestRevocation gives tokens back. OIDC-6.
func TestRevocation(t *testing.T) {
	w := newWorld(t)
	revoke := func(client, token string) int {
		return w.send("POST", "/oidc/revoke", url.Values{"token": {token}, "token_type_hint": {"access_token"}}, basic(client, password)).Code
	}
	all, plain := w.tokens("lms", "openid offline_access"), w.tokens("lms", "openid")
	for name, status := range map[string]int{"unknown": revoke("lms", "x"), "of another client": revoke("other", all.Refresh)} {
		if status != http.StatusOK {
			t.Errorf("%s: %d", name, status)
		}
	}
	if _, status := w.userinfo(all.Access); status != http.StatusOK {
		t.Fatalf("revoked by a stranger: %d", status)
	}
	if status := revoke("lms", all.Refresh); status != http.StatusOK {
		t.Errorf("%d", status)
	}
	if _, status := w.refresh("lms", all.Refresh); status != http.StatusBadRequest {
		t.Errorf("refresh afterwards: %d", status)
	}
	if _, status := w.userinfo(all.Access); status != http.StatusUnauthorized {
		t.Errorf("its access token afterwards: %d", status)
	}
	if status := revoke("lms", plain.Access); status != http.StatusOK {
		t.Errorf("%d", status)
	}
	if _, status := w.userinfo(plain.Access); status != http.StatusUnauthorized {
		t.Errorf("access token afterwards: %d", status)
	}
}

// TestFallbackSession gets no MFA anywhere. SES-10, A13, A15.
func TestFallbackSession(t *testing.T) {
	w := newWorld(t)
	w.reach = nil // the Authenticator is lost
	w.signIn(authenticator.Password, authenticator.OTP)
	api := services()[4]
	api.ID, api.Audience = "open-api", "api"
	w.provider.Services.Configured = append(w.provider.Services.Configured, api)
	all := w.tokens("open-api", "openid email")
	claims := w.claims(all.ID)
	if claims["acr"] != issuer+"/ac/fallback" || fmt.Sprint(claims["amr"]) != "[pwd otp]" {
		t.Errorf("%v", claims)
	}
	if got := w.introspect(all.Access); got["acr"] != issuer+"/ac/fallback" || fmt.Sprint(got["amr"]) != "[pwd otp]" {
		t.Errorf("%v", got)
	}
	info, _ := w.userinfo(all.Access)
	if strings.Contains(fmt.Sprint(info), "mfa") {
		t.Errorf("%v", info)
	}
	essential := map[string]string{"claims": `{"id_token":{"acr":{"essential":true,"values":["` + mfa + `"]}}}`}
	w.gives = []authenticator.Kind{authenticator.Password, authenticator.OTP}
	for client, change := range map[string]map[string]string{"strict": nil, "open": essential} {
		if answer := w.authorize(client, change); answer.Get("error") != "unmet_authentication_requirements" || answer.Get("code") != "" {
			t.Errorf("%s: %v", client, answer)
		}
	}
	essential["prompt"] = "none"
	if answer := w.authorize("open", essential); answer.Get("error") != "login_required" {
		t.Errorf("%v", answer)
	}
}

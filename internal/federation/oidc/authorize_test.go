package oidc_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/directory"
	"warifu/internal/federation"
)

// TestRedirectURIs sends some 300 return points that look like the registered
// ones: all errors stay on our own page. OIDC-2, OIDC-4, A49.
func TestRedirectURIs(t *testing.T) {
	w := newWorld(t)
	w.signIn(authenticator.Password, authenticator.TOTP)
	hosts := []string{
		"evil.example", "lms.example.evil.example", "evil.example/lms.example", "user@lms.example", "user:pw@lms.example", "lms.example@evil.example",
		"lms.example@@evil.example", "lms.example:443", "lms.example:8443", "lms.example.", "LMS.example", "lms.EXAMPLE", "xn--lms-example", "lms%2eexample",
		"lms.example%2f", "lms.example%00", "lms.example%0d%0a", "lms.example\\evil.example", "lms.example#", "lms.example?", "*.example", "*", "127.0.0.1",
		"[::1]", "[::1]:80", "localhost", "lms。example", "ｌｍｓ.example", "lms.example ", " lms.example", "lms\texample", "sub.lms.example",
	}
	paths := []string{
		"/cb/", "/cb//", "//cb", "/CB", "/c%62", "/%63b", "/cb%2f", "/cb%00", "/cb%0d%0aLocation:x", "/cb\r\nx", "/cb/..", "/cb/../evil", "/x/../cb",
		"/..;/cb", "/cb;x", "/cb?", "/cb?x=1", "/cb#", "/cb#x", "/cb/%2e%2e/evil", "/cb\\", "/cb/*", "/cb*", "/cb ", "/cb%20", "/./cb", "/", "", "/cb@evil", "/cb&x=1",
	}
	schemes := []string{"http://", "HTTPS://", "https:/", "https:", "//", "javascript://", "data:", "ftp://", "https:\\\\", "https:///", "", "hTTps://", "com.example:"}
	var all []string
	for _, host := range hosts {
		all = append(all, "https://"+host+"/cb", "http://"+host+"/cb", "https://"+host+"/cb/", "https://"+host, "//"+host+"/cb")
	}
	for _, path := range paths {
		all = append(all, "https://lms.example"+path, "http://lms.example"+path, "https://evil.example"+path, "//lms.example"+path)
	}
	for _, scheme := range schemes {
		all = append(all, scheme+"lms.example/cb", scheme+"evil.example/cb")
	}
	all = append(all, "", " "+callback, callback+" ", callback+"\x00", "\ufeff"+callback, callback+","+callback, callback+" "+callback)
	if len(all) < 300 {
		t.Fatalf("only %d addresses", len(all))
	}
	for _, address := range all {
		rw := w.send("GET", "/oidc/authorize?"+request("lms", map[string]string{"redirect_uri": address}).Encode(), nil)
		if rw.Code != http.StatusBadRequest || rw.Header().Get("Location") != "" {
			t.Errorf("%q: %d, Location %q", address, rw.Code, rw.Header().Get("Location"))
		}
	}
	w.code("lms", nil) // the registered one works
}

// TestLoopback lets native clients use any port, and nothing else that differs.
func TestLoopback(t *testing.T) {
	w := newWorld(t)
	w.signIn(authenticator.Password, authenticator.TOTP)
	for address, want := range map[string]bool{
		"http://127.0.0.1/cb": true, "http://127.0.0.1:1/cb": true, "http://127.0.0.1:65535/cb": true, "http://[::1]:8080/cb": true, "https://app.example/cb": true,
		"http://127.0.0.1:0/cb": false, "http://127.0.0.1:080/cb": false, "http://127.0.0.1:65536/cb": false, "http://127.0.0.1:/cb": false,
		"http://127.0.0.1:80@evil.example/cb": false, "http://127.0.0.1:80/evil/cb": false, "http://127.0.0.1:80/cb/": false, "http://127.0.0.1:8a/cb": false,
		"https://127.0.0.1:80/cb": false, "http://localhost:80/cb": false, "http://127.0.0.2:80/cb": false, "http://127.0.0.1:+1/cb": false,
		"https://app.example:8080/cb": false, "http://127.0.0.1:80:80/cb": false, "http://127.0.0.1:８０/cb": false,
	} {
		rw := w.send("GET", "/oidc/authorize?"+request("native", map[string]string{"redirect_uri": address}).Encode(), nil)
		if got := rw.Code == http.StatusSeeOther && strings.HasPrefix(rw.Header().Get("Location"), address+"?"); got != want {
			t.Errorf("%s: %v, want %v (%d %s)", address, got, want, rw.Code, rw.Header().Get("Location"))
		}
	}
	rw := w.send("GET", "/oidc/authorize?"+request("lms", map[string]string{"redirect_uri": "http://127.0.0.1:80/cb"}).Encode(), nil)
	if rw.Code != http.StatusBadRequest {
		t.Errorf("not a native client: %d", rw.Code)
	}
}

// TestErrorsStayHere until client and return point are proven. OIDC-4.
func TestErrorsStayHere(t *testing.T) {
	w := newWorld(t)
	for name, query := range map[string]string{
		"unknown client":        request("nobody", nil).Encode(),
		"client switched off":   request("off", nil).Encode(),
		"no client":             request("lms", map[string]string{"client_id": ""}).Encode(),
		"client_id twice":       request("lms", nil).Encode() + "&client_id=lms",
		"redirect_uri twice":    request("lms", nil).Encode() + "&redirect_uri=x",
		"more than 8 KiB":       request("lms", map[string]string{"state": strings.Repeat("x", 8<<10)}).Encode(),
		"badly encoded":         request("lms", nil).Encode() + "&x=%zz",
		"not UTF-8":             request("lms", nil).Encode() + "&x=%ff",
		"a NUL":                 request("lms", nil).Encode() + "&x=%00",
		"a pushed one, unknown": request("lms", map[string]string{"request_uri": "urn:ietf:params:oauth:request_uri:x"}).Encode(),
	} {
		for _, method := range []string{"GET", "POST"} {
			rw := w.send("GET", "/oidc/authorize?"+query, nil)
			if method == "POST" {
				body, _ := url.ParseQuery(query)
				rw = w.send("POST", "/oidc/authorize", body)
				if strings.Contains(name, "badly") {
					continue
				}
			}
			if rw.Code != http.StatusBadRequest || rw.Header().Get("Location") != "" || !strings.Contains(rw.Body.String(), "<html") {
				t.Errorf("%s %s: %d %s", method, name, rw.Code, rw.Header().Get("Location"))
			}
		}
	}
}

// TestErrorsOfAKnownService go back to it, with state and iss. OIDC-1, OIDC-5,
// OIDC-11, federation.md 1.3.
func TestErrorsOfAKnownService(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		change map[string]string
		want   string
	}{
		{map[string]string{"response_type": "token"}, "unsupported_response_type"},
		{map[string]string{"response_type": "code id_token"}, "unsupported_response_type"},
		{map[string]string{"response_type": ""}, "invalid_request"},
		{map[string]string{"response_mode": "form_post"}, "invalid_request"},
		{map[string]string{"response_mode": "fragment"}, "invalid_request"},
		{map[string]string{"scope": "profile"}, "invalid_scope"},
		{map[string]string{"scope": ""}, "invalid_scope"},
		{map[string]string{"code_challenge": ""}, "invalid_request"},
		{map[string]string{"code_challenge": "short"}, "invalid_request"},
		{map[string]string{"code_challenge_method": "plain"}, "invalid_request"},
		{map[string]string{"code_challenge_method": ""}, "invalid_request"},
		{map[string]string{"code_challenge": verifier, "code_challenge_method": "plain"}, "invalid_request"},
		{map[string]string{"prompt": "none login"}, "invalid_request"},
		{map[string]string{"prompt": "dance"}, "invalid_request"},
		{map[string]string{"max_age": "-1"}, "invalid_request"},
		{map[string]string{"max_age": "1e3"}, "invalid_request"},
		{map[string]string{"claims": "{"}, "invalid_request"},
		{map[string]string{"request": "x"}, "request_not_supported"},
		{map[string]string{"request_uri": "https://lms.example/request"}, "request_uri_not_supported"},
		{map[string]string{"registration": "{}"}, "registration_not_supported"},
		{map[string]string{"id_token_hint": "x.y.z"}, "invalid_request"},
		{map[string]string{"prompt": "none"}, "login_required"},
		{map[string]string{"prompt": "none", "max_age": "0"}, "login_required"},
	} {
		answer := w.authorize("lms", test.change)
		if answer.Get("error") != test.want || answer.Get("state") != "xyz" || answer.Get("iss") != issuer || answer.Has("code") {
			t.Errorf("%v: %v, want %s", test.change, answer, test.want)
		}
	}
	if answer := w.authorize("par", nil); answer.Get("error") != "invalid_request" {
		t.Errorf("without a pushed request: %v", answer)
	}
	w.signIn(authenticator.Password, authenticator.TOTP)
	if answer := w.authorize("staff", nil); answer.Get("error") != "access_denied" {
		t.Errorf("not for this person: %v", answer)
	}
	body := request("lms", nil)
	body.Add("scope", "openid")
	if answer := w.follow(w.send("POST", "/oidc/authorize", body)); answer.Get("error") != "invalid_request" || answer.Get("state") != "xyz" {
		t.Errorf("scope twice: %v", answer)
	}
	body = request("lms", nil)
	body.Add("state", "abc")
	if answer := w.follow(w.send("POST", "/oidc/authorize", body)); answer.Get("error") != "invalid_request" || answer.Has("state") {
		t.Errorf("state twice: %v", answer)
	}
}

// TestUnknownParametersAreIgnored as RFC 6749 §3.1 wants it.
func TestUnknownParametersAreIgnored(t *testing.T) {
	w := newWorld(t)
	w.code("lms", map[string]string{"foo": "bar", "display": "page", "scope": "openid unheard-of", "claims": `{"userinfo":{"email":null}}`})
}

// TestPost goes on by a GET, because another site's POST brings no cookie. OIDC-11.
func TestPost(t *testing.T) {
	w := newWorld(t)
	w.signIn(authenticator.Password, authenticator.TOTP)
	crossSite := func(r *http.Request) {
		r.Header.Del("Cookie")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", "https://lms.example")
	}
	rw := w.send("POST", "/oidc/authorize", request("lms", nil), crossSite)
	if rw.Code != http.StatusSeeOther || !strings.HasPrefix(rw.Header().Get("Location"), "/oidc/continue?p=") {
		t.Fatalf("%d %s", rw.Code, rw.Header().Get("Location"))
	}
	if answer := w.follow(rw); answer.Get("code") == "" {
		t.Errorf("%v", answer)
	}
	if rw := w.send("POST", "/oidc/authorize?client_id=lms", request("lms", nil)); rw.Code != http.StatusBadRequest {
		t.Errorf("with a query: %d", rw.Code)
	}
}

// TestHalfASignIn gives nothing: a session that has no whole evidence, a made-up
// cookie, a request that came from nowhere. A1, A48, SES-7.
func TestHalfASignIn(t *testing.T) {
	w := newWorld(t)
	toLogin := func(name string) {
		t.Helper()
		rw := w.send("GET", "/oidc/authorize?"+request("lms", nil).Encode(), nil)
		if !strings.HasPrefix(rw.Header().Get("Location"), "/login?p=") {
			t.Errorf("%s: %d %s", name, rw.Code, rw.Header().Get("Location"))
		}
	}
	for _, cookie := range []string{"", "x", strings.Repeat("A", 43)} {
		w.cookie = cookie
		toLogin("cookie " + cookie)
	}
	for _, kinds := range [][]authenticator.Kind{nil, {authenticator.TOTP}, {authenticator.OTP}, {authenticator.Trusted}, {authenticator.RecoveryCode}} {
		w.cookie = ""
		w.signIn(kinds...)
		w.clock.advance(time.Second)
		toLogin(fmt.Sprint(kinds))
	}
	for _, p := range []string{"", "x", strings.Repeat("A", 80)} {
		if rw := w.send("GET", "/oidc/continue?p="+p, nil); rw.Code != http.StatusForbidden {
			t.Errorf("continue %q: %d", p, rw.Code)
		}
	}
}

// TestAnonymousRequestsWriteNothing counts what the database has. P6.
func TestAnonymousRequestsWriteNothing(t *testing.T) {
	w := newWorld(t)
	w.provider.InTx = func(context.Context, func(tx oidcTx) error) error {
		t.Error("a transaction that writes")
		return nil
	}
	sent := w.send("GET", "/oidc/authorize?"+request("lms", nil).Encode(), nil)
	if !strings.HasPrefix(sent.Header().Get("Location"), "/login?p=") {
		t.Errorf("%d %s", sent.Code, sent.Header().Get("Location"))
	}
	w.authorize("lms", map[string]string{"prompt": "none"})
	w.authorize("lms", map[string]string{"scope": ""})
}

// TestFresh redoes what the request wants fresh, once. OIDC-5, rule 6.
func TestFresh(t *testing.T) {
	for name, change := range map[string]map[string]string{
		"prompt=login": {"prompt": "login"}, "max_age=0": {"max_age": "0"}, "max_age": {"max_age": "600"},
		"select_account": {"prompt": "select_account"}, "login and select_account": {"prompt": "login select_account"},
	} {
		w := newWorld(t)
		w.signIn(authenticator.Password, authenticator.TOTP)
		w.clock.advance(15 * time.Minute)
		all, status := w.token("lms", redemption(w.code("lms", change), nil))
		if status != http.StatusOK {
			t.Fatalf("%s: %d", name, status)
		}
		if got, want := w.claims(all.ID)["auth_time"], float64(w.clock.Now().Unix()); got != want || w.asked.Kind != federation.SignIn {
			t.Errorf("%s: auth_time %v, want %v; asked %v", name, got, want, w.asked)
		}
	}
	w := newWorld(t)
	w.signIn(authenticator.Password, authenticator.TOTP)
	w.clock.advance(15 * time.Minute)
	if answer := w.authorize("lms", map[string]string{"prompt": "none", "max_age": "899"}); answer.Get("error") != "login_required" {
		t.Errorf("%v", answer)
	}
	if answer := w.authorize("lms", map[string]string{"prompt": "none", "max_age": "900"}); answer.Get("code") == "" {
		t.Errorf("%v", answer)
	}
}

// TestStepUp asks a person with one factor for the second one only.
func TestStepUp(t *testing.T) {
	w := newWorld(t)
	w.signIn(authenticator.Password)
	if answer := w.authorize("strict", map[string]string{"prompt": "none"}); answer.Get("error") != "login_required" {
		t.Errorf("%v", answer)
	}
	w.code("strict", nil)
	if w.asked.Kind != federation.StepUp || len(w.asked.Methods) != 1 || w.asked.Methods[0] != authenticator.TOTP {
		t.Errorf("asked for %+v", w.asked)
	}
}

// TestHint wants the person of an ID token, or an error. A51.
func TestHint(t *testing.T) {
	w := newWorld(t)
	all, others := w.tokens("lms", "openid"), w.tokens("spa2", "openid")
	w.clock.advance(10 * time.Minute) // it has expired, and that is no matter
	if answer := w.authorize("lms", map[string]string{"prompt": "none", "id_token_hint": all.ID}); answer.Get("code") == "" {
		t.Errorf("%v", answer)
	}
	if answer := w.authorize("lms", map[string]string{"id_token_hint": others.ID}); answer.Get("error") != "invalid_request" {
		t.Errorf("of another client: %v", answer)
	}
	another := person
	another.ID, another.PublicID, another.SPSID, another.Status = "u2", "PUBLIC2", "sps00002", directory.Active
	w.tx(func(tx seedTx) error { return tx.CreateSubscriber(t.Context(), another) })
	w.signInAs("u2", authenticator.Password, authenticator.TOTP)
	w.clock.advance(time.Minute)
	if answer := w.authorize("lms", map[string]string{"prompt": "none", "id_token_hint": all.ID}); answer.Get("error") != "login_required" {
		t.Errorf("another person: %v", answer)
	}
	if answer := w.authorize("lms", map[string]string{"id_token_hint": all.ID}); answer.Get("code") == "" {
		t.Errorf("the right person signs in: %v", answer)
	}
	w.clock.advance(time.Minute)
	w.signInAs("u2", authenticator.Password, authenticator.TOTP)
	w.clock.advance(time.Minute)
	w.who = "u2"
	if answer := w.authorize("lms", map[string]string{"id_token_hint": all.ID}); answer.Get("error") != "login_required" {
		t.Errorf("the wrong person signs in: %v", answer)
	}
}

// TestRedirectURIIsTakenAway while somebody signs in: the answer goes nowhere.
func TestRedirectURIIsTakenAway(t *testing.T) {
	w := newWorld(t)
	w.signIn(authenticator.Password, authenticator.TOTP)
	sealed, err := w.pending.Seal(federation.Request{Protocol: federation.OIDC, Service: "lms", ReturnTo: "https://evil.example/cb", IssuedAt: start})
	if err != nil {
		t.Fatal(err)
	}
	if rw := w.send("GET", "/oidc/continue?p="+sealed, nil); rw.Code != http.StatusBadRequest {
		t.Errorf("%d %s", rw.Code, rw.Header().Get("Location"))
	}
	w.clock.advance(federation.PendingLifetime)
	if rw := w.send("GET", "/oidc/continue?p="+sealed, nil); rw.Code != http.StatusForbidden {
		t.Errorf("after its time: %d", rw.Code)
	}
}

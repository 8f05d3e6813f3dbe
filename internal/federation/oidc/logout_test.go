package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/federation"
	"warifu/internal/federation/oidc"
	"warifu/internal/session"
	"warifu/internal/store"
)

func (w *world) logout(change map[string]string) *httptest.ResponseRecorder {
	w.t.Helper()
	values := make(url.Values)
	for name, value := range change {
		values.Set(name, value)
	}
	return w.send("GET", "/oidc/logout?"+values.Encode(), nil)
}

func (w *world) signedIn() bool {
	_, err := w.sessions.Find(w.t.Context(), w.cookie)
	return !errors.Is(err, session.ErrNone)
}

const bye = "https://lms.example/bye"

// TestLogoutByService ends the session of its ID token, expired or not, without
// a question. OIDC-10, SES-4.
func TestLogoutByService(t *testing.T) {
	w := newWorld(t)
	all := w.tokens("lms", "openid")
	w.clock.advance(30 * time.Minute)
	rw := w.logout(map[string]string{"id_token_hint": all.ID, "post_logout_redirect_uri": bye, "state": "s 1"})
	if rw.Code != http.StatusSeeOther || rw.Header().Get("Location") != bye+"?state=s+1" || rw.Header().Get("Clear-Site-Data") == "" {
		t.Errorf("%d %v", rw.Code, rw.Header())
	}
	if w.signedIn() {
		t.Error("the session goes on")
	}
	rw = w.logout(map[string]string{"id_token_hint": all.ID, "post_logout_redirect_uri": bye}) // once more: nobody is there
	if rw.Header().Get("Location") != bye {
		t.Errorf("%d %v", rw.Code, rw.Header())
	}
}

// TestLogoutAsks where nothing proves that the person wants it. OIDC-10.
func TestLogoutAsks(t *testing.T) {
	w := newWorld(t)
	old := w.tokens("lms", "openid")
	if err := w.sessions.End(t.Context(), w.cookie); err != nil {
		t.Fatal(err)
	}
	w.cookie = ""
	w.signIn(authenticator.Password, authenticator.TOTP)
	for name, change := range map[string]map[string]string{
		"nothing":                       nil,
		"client and return point":       {"client_id": "lms", "post_logout_redirect_uri": bye},
		"not an ID token":               {"id_token_hint": "x.y.z"},
		"ID token of another session":   {"id_token_hint": old.ID, "post_logout_redirect_uri": bye},
		"access token as ID token hint": {"id_token_hint": old.Access},
	} {
		rw := w.logout(change)
		if rw.Code != http.StatusOK || !strings.Contains(rw.Body.String(), "Log out?") {
			t.Errorf("%s: %d %s", name, rw.Code, rw.Body)
		}
	}
	if !w.signedIn() {
		t.Fatal("the session has ended")
	}
	rw := w.logout(map[string]string{"client_id": "lms", "post_logout_redirect_uri": bye, "state": "s1"})
	if !strings.Contains(rw.Header().Get("Content-Security-Policy"), "form-action 'self' https://lms.example;") {
		t.Errorf("%s", rw.Header().Get("Content-Security-Policy"))
	}
	form, cookies := fill(rw), rw.Result().Cookies()
	withCookies := func(r *http.Request) {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		for _, c := range cookies {
			r.AddCookie(c)
		}
	}
	crossSite := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	if rw := w.send("POST", "/oidc/logout/confirm", form, withCookies, crossSite); rw.Code != http.StatusForbidden || !w.signedIn() {
		t.Errorf("by another site: %d", rw.Code)
	}
	changed := url.Values{"flow": form["flow"], "token": form["token"], "p": {form.Get("p") + "A"}}
	if rw := w.send("POST", "/oidc/logout/confirm", changed, withCookies); rw.Code != http.StatusForbidden || !w.signedIn() {
		t.Errorf("another address: %d", rw.Code)
	}
	rw = w.send("POST", "/oidc/logout/confirm", form, withCookies)
	if rw.Header().Get("Location") != bye+"?state=s1" || w.signedIn() {
		t.Errorf("confirmed: %d %s", rw.Code, rw.Header().Get("Location"))
	}
}

var hidden = regexp.MustCompile(`type="hidden" name="(\w+)" value="([^"]*)"`)

// fill returns the form of a page.
func fill(page *httptest.ResponseRecorder) url.Values {
	form := make(url.Values)
	for _, field := range hidden.FindAllStringSubmatch(page.Body.String(), -1) {
		form.Set(field[1], field[2])
	}
	return form
}

// TestLogoutReturnPoints are byte for byte the registered ones, else nothing
// happens. OIDC-10.
func TestLogoutReturnPoints(t *testing.T) {
	w := newWorld(t)
	all := w.tokens("lms", "openid")
	for name, change := range map[string]map[string]string{
		"not registered":      {"id_token_hint": all.ID, "post_logout_redirect_uri": "https://evil.example/"},
		"a redirect_uri":      {"id_token_hint": all.ID, "post_logout_redirect_uri": callback},
		"a longer one":        {"id_token_hint": all.ID, "post_logout_redirect_uri": bye + "/x"},
		"no client":           {"post_logout_redirect_uri": bye},
		"another client":      {"id_token_hint": all.ID, "client_id": "other", "post_logout_redirect_uri": bye},
		"a client without it": {"client_id": "spa", "post_logout_redirect_uri": "https://spa.example/cb/x"},
	} {
		if rw := w.logout(change); rw.Code != http.StatusBadRequest || rw.Header().Get("Location") != "" {
			t.Errorf("%s: %d %s", name, rw.Code, rw.Header().Get("Location"))
		}
	}
	if !w.signedIn() {
		t.Error("the session has ended")
	}
	if rw := w.send("POST", "/oidc/logout", url.Values{"id_token_hint": {all.ID}}); rw.Code != http.StatusSeeOther || !w.signedIn() {
		t.Errorf("POST: %d", rw.Code)
	} else if rw = w.send("GET", rw.Header().Get("Location"), nil); rw.Header().Get("Location") != "/logged-out" || w.signedIn() {
		t.Errorf("after POST: %d %s", rw.Code, rw.Header().Get("Location"))
	}
}

// listener is a service that hears of logouts, without a network.
type listener struct {
	status []int // of its answers, the last one for ever
	tokens []string
}

func (l *listener) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost || r.URL.String() != "https://lms.example/bcl" {
		return nil, errors.New("not the address")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	l.tokens = append(l.tokens, form.Get("logout_token"))
	status := l.status[0]
	if len(l.status) > 1 {
		l.status = l.status[1:]
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: r, Header: http.Header{"Location": {"https://evil.example/"}}}, nil
}

func (w *world) logouts(l *listener) *oidc.Logouts {
	client := oidc.NewLogoutClient()
	client.Transport = l
	return &oidc.Logouts{Issuer: issuer, InTx: store.In[oidc.LogoutTx](w.db), Services: w.provider.Services, Signing: w.provider.Signing,
		Client: client, Log: slog.New(slog.NewTextHandler(w.t.Output(), nil)), Now: w.clock.Now}
}

func listening() federation.Service {
	s := services()[0]
	s.ID, s.BackchannelLogoutURI = "listens", "https://lms.example/bcl"
	return s
}

// TestBackChannelLogout tells the services that took part, once, with a token
// that is for this alone. OIDC-10, SES-4.
func TestBackChannelLogout(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.provider.Services.Configured = append(w.provider.Services.Configured, listening())
		l := &listener{status: []int{http.StatusOK}}
		job := w.logouts(l)
		id := w.claims(w.tokens("listens", "openid").ID)
		w.tokens("lms", "openid") // it does not listen
		if err := job.Deliver(t.Context()); err != nil || len(l.tokens) != 0 {
			t.Fatalf("%v, told %d times while the session lives", err, len(l.tokens))
		}
		if err := w.sessions.End(t.Context(), w.cookie); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := job.Deliver(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if len(l.tokens) != 1 {
			t.Fatalf("told %d times", len(l.tokens))
		}
		payload, err := w.provider.Signing.Verify(t.Context(), "logout+jwt", l.tokens[0])
		if err != nil {
			t.Fatal(err)
		}
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		now := w.clock.Now()
		for name, want := range map[string]any{"iss": issuer, "sub": id["sub"], "sid": id["sid"], "iat": float64(now.Unix()), "exp": float64(now.Add(2 * time.Minute).Unix())} {
			if claims[name] != want {
				t.Errorf("%s = %v, want %v", name, claims[name], want)
			}
		}
		events, _ := claims["events"].(map[string]any)
		if _, ok := events["http://schemas.openid.net/event/backchannel-logout"]; !ok || claims["jti"] == nil || claims["nonce"] != nil {
			t.Errorf("%v", claims)
		}
	})
}

// TestBackChannelRetries goes on for a day, each time with a fresh token, and
// stops at a final answer. OIDC-10.
func TestBackChannelRetries(t *testing.T) {
	for name, test := range map[string]struct {
		status []int
		least  int
		most   int
	}{
		"comes back":        {[]int{500, 302, 503, 200}, 4, 4},
		"refuses":           {[]int{400}, 1, 1},
		"never comes back":  {[]int{503}, 20, 80},
		"empty but content": {[]int{204}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, listening())
			w.tokens("listens", "openid")
			if err := w.sessions.End(t.Context(), w.cookie); err != nil {
				t.Fatal(err)
			}
			l := &listener{status: test.status}
			job := w.logouts(l)
			for range 26 * 60 * 2 { // 26 hours, every 30 s
				if err := job.Deliver(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.clock.advance(30 * time.Second)
			}
			if n := len(l.tokens); n < test.least || n > test.most {
				t.Errorf("%d tries, want %d to %d", n, test.least, test.most)
			}
			seen := make(map[string]bool)
			for _, token := range l.tokens {
				if seen[token] {
					t.Error("the same token again")
				}
				seen[token] = true
			}
		})
	}
}

// TestLogoutsStartAndStop holds the contract of background services.
func TestLogoutsStartAndStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		claims := make(chan struct{})
		job := &oidc.Logouts{Log: slog.New(slog.DiscardHandler), Now: time.Now, InTx: func(ctx context.Context, _ func(oidc.LogoutTx) error) error {
			select {
			case claims <- struct{}{}:
			case <-ctx.Done():
			}
			return nil
		}}
		job.Stop() // before the start it is harmless
		if err := job.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-claims
		<-claims // the second time after the pause
		job.Stop()
		job.Stop()
	})
}

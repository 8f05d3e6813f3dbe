package e2e

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Levels that a service may ask for.
const (
	mfaLevel = "https://refeds.org/profile/mfa"
	// farLevel is one that nobody reaches.
	farLevel = "https://level.example/out-of-reach"
)

// askFor sends the browser to the demonstration's service, which passes these
// parameters on to the server.
func (b *browser) askFor(parameters url.Values) {
	b.t.Helper()
	b.open(server.Service() + "/login?" + parameters.Encode())
}

// essential is the parameter claims that makes a level a condition (OpenID
// Connect Core 1.0 §5.5.1.1).
func essential(level string) string {
	text, _ := json.Marshal(map[string]any{"id_token": map[string]any{"acr": map[string]any{"essential": true, "value": level}}})
	return string(text)
}

// isRefused wants the browser to be back at the service, which knows nobody and
// was told this error.
func (b *browser) isRefused(want string) {
	b.t.Helper()
	b.at(server.Service())
	if claims := b.claims(); claims["error"] != want || claims["sub"] != nil {
		b.t.Errorf("the service has %v, want the error %s and nobody", claims, want)
	}
}

// isSignedIn wants the service to know the person with two factors, and returns
// when the last of them was given, as the service was told: whole seconds.
func (b *browser) isSignedIn() (authTime time.Time) {
	b.t.Helper()
	b.at(server.Service())
	claims := b.claims()
	if claims["acr"] != mfaLevel || claims["sub"] == nil {
		b.t.Errorf("the service has %v, want somebody with %s", claims, mfaLevel)
	}
	seconds, _ := claims["auth_time"].(float64)
	return time.Unix(int64(seconds), 0)
}

// signedIn is a browser in which a person has reached the service.
func signedIn(t *testing.T) (*browser, person) {
	t.Helper()
	b, p := newBrowser(t, desktop), nextPerson()
	b.openIn("/accessibility")
	b.askFor(nil)
	b.signIn(p, time.Now())
	b.isSignedIn()
	return b, p
}

// TestPromptNone shows nothing, whatever there would be to do: without a session
// it is refused; with one it passes, and proves nothing anew. OIDC-5.
func TestPromptNone(t *testing.T) {
	stranger := newBrowser(t, desktop)
	stranger.askFor(url.Values{"prompt": {"none"}})
	stranger.isRefused("login_required")

	b, _ := signedIn(t)
	first := b.isSignedIn()
	b.askFor(url.Values{"prompt": {"none"}})
	if second := b.isSignedIn(); !second.Equal(first) {
		t.Errorf("auth_time went from %v to %v", first, second)
	}
	b.askFor(url.Values{"prompt": {"none"}, "max_age": {"0"}})
	b.isRefused("login_required")
	b.askFor(url.Values{"prompt": {"none"}, "claims": {essential(mfaLevel)}})
	b.isSignedIn()
}

// TestEverythingAnew asks for both factors again, although there is a session;
// until they are given, the service is told nothing. OIDC-5.
func TestEverythingAnew(t *testing.T) {
	for _, parameters := range []url.Values{{"prompt": {"login"}}, {"max_age": {"0"}}} {
		t.Run(parameters.Encode(), func(t *testing.T) {
			b, p := signedIn(t)
			first := b.isSignedIn()
			time.Sleep(time.Until(first.Add(time.Second))) // so that the times differ
			for range 2 {                                  // coming again is no way around it
				b.askFor(parameters)
				b.at(server.Base() + "/login?p=")
				b.do(chromedp.WaitVisible(field("current-password")))
			}
			// the number of the next half minute, since each is taken once
			b.signIn(p, time.Now().Add(30*time.Second))
			if second := b.isSignedIn(); !second.After(first) {
				t.Errorf("auth_time went from %v to %v", first, second)
			}
		})
	}
}

// TestLevels asks for levels as a wish and as a condition. What is out of reach
// is refused, with a session, without one, and in silence, and never answered
// with less. OIDC-5, A15 (without the fallback session, which is a story of its own).
func TestLevels(t *testing.T) {
	b, _ := signedIn(t)
	for _, parameters := range []url.Values{
		{"acr_values": {mfaLevel}}, {"acr_values": {farLevel + " " + mfaLevel}}, {"acr_values": {farLevel}},
		{"claims": {essential(mfaLevel)}},
	} {
		b.askFor(parameters)
		b.isSignedIn() // of a wish out of reach the service learns the truth
	}
	b.askFor(url.Values{"claims": {essential(farLevel)}})
	b.isRefused("unmet_authentication_requirements")
	b.askFor(url.Values{"claims": {essential(farLevel)}, "prompt": {"none"}})
	b.isRefused("login_required")
	b.open(server.Base() + "/home")
	b.at(server.Base() + "/home") // a refusal ends nobody's session

	other, p := newBrowser(t, desktop), nextPerson()
	other.openIn("/accessibility")
	other.askFor(url.Values{"claims": {essential(farLevel)}})
	other.signIn(p, time.Now())
	other.isRefused("unmet_authentication_requirements")
}

// TestLanguageOfTheService begins in the language that the service asks for,
// until the person chooses one. OIDC-5.
func TestLanguageOfTheService(t *testing.T) {
	b := newBrowser(t, desktop)
	for _, test := range []struct{ locales, want string }{
		{"en", "You are logging in to Academic Affairs (demonstration)."},
		{"fr en ja", "You are logging in to Academic Affairs (demonstration)."},
		{"ja", "学務情報システム（実演） にログインします。"},
	} {
		b.askFor(url.Values{"ui_locales": {test.locales}})
		b.shows(test.want)
	}
	b.openIn("/accessibility")
	b.askFor(url.Values{"ui_locales": {"en"}})
	b.shows("学務情報システム（実演） にログインします。")
}

// TestLogoutByTheService ends our session from the service, comes back to it,
// and a service that was signed out is not signed in again by itself. OIDC-10.
func TestLogoutByTheService(t *testing.T) {
	b, _ := signedIn(t)
	b.open(server.Service() + "/logout")
	b.at(server.Service() + "/")
	if claims := b.claims(); claims["sub"] != nil {
		t.Errorf("the service still has %v", claims)
	}
	b.open(server.Base() + "/home")
	b.at(server.Base() + "/login")
	b.askFor(url.Values{"prompt": {"none"}})
	b.isRefused("login_required")
}

// TestForeignLogout sends a person to the end of the session without a token of
// it, as another site could: he is asked, and stays. OIDC-10.
func TestForeignLogout(t *testing.T) {
	b, _ := signedIn(t)
	b.open(server.Base() + "/oidc/logout?client_id=demo-oidc&post_logout_redirect_uri=" + url.QueryEscape(server.Service()+"/"))
	b.at(server.Base() + "/oidc/logout")
	b.shows("ログアウトしますか？")
	b.open(server.Base() + "/home")
	b.at(server.Base() + "/home")
	b.open(server.Base() + "/oidc/logout?client_id=demo-oidc&post_logout_redirect_uri=https%3A%2F%2Fevil.example%2F")
	b.at(server.Base() + "/oidc/logout")
	b.shows("お問い合わせ番号: ")
}

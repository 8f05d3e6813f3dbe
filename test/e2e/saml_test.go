package e2e

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"
)

// askLibrary sends the browser to the library, which passes these parameters on
// to the server.
func (b *browser) askLibrary(parameters url.Values) {
	b.t.Helper()
	b.open(server.Library() + "/login?" + parameters.Encode())
}

// received returns what the library knows of this browser.
func (b *browser) received() map[string]any {
	b.t.Helper()
	b.comesTo(server.Library() + "/") // our page goes on by itself
	b.open(server.Library() + "/me.json")
	var all map[string]any
	if err := json.Unmarshal([]byte(b.text()), &all); err != nil {
		b.t.Fatalf("/me.json: %v", err)
	}
	return all
}

// isRefusedAtLibrary wants the library to know nobody, and the status why.
func (b *browser) isRefusedAtLibrary(want string) {
	b.t.Helper()
	if all := b.received(); all["error"] != want || all["NameID"] != nil {
		b.t.Errorf("the library has %v, want the error %s and nobody", all, want)
	}
}

// TestLibrary signs in at a service that speaks SAML, from there at the other one
// without being asked, and ends all from the library. SAML-3 to SAML-5, SAML-8.
func TestLibrary(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	b.openIn("/accessibility")
	b.askLibrary(url.Values{"isPassive": {"1"}})
	b.isRefusedAtLibrary("NoPassive")

	b.askLibrary(nil)
	b.signIn(p, time.Now())
	first := b.received()
	if first["AuthnContextClassRef"] != mfaLevel || first["eduPersonPrincipalName"] == nil || first["mail"] == nil || first["eduPersonTargetedID"] == nil {
		t.Errorf("the library has %v", first)
	}
	b.picture("library")
	b.askFor(nil) // the other service
	b.isSignedIn()

	b.askLibrary(url.Values{"authnContext": {mfaLevel}, "nameID": {"persistent"}})
	again := b.received()
	if again["AuthnInstant"] != first["AuthnInstant"] || again["SessionIndex"] != first["SessionIndex"] || again["NameIDFormat"] == first["NameIDFormat"] {
		t.Errorf("first %v, then %v", first, again)
	}
	b.askLibrary(url.Values{"authnContext": {farLevel}})
	b.isRefusedAtLibrary("NoAuthnContext")
	b.askLibrary(url.Values{"authnContext": {mfaLevel}, "comparison": {"better"}})
	b.isRefusedAtLibrary("NoAuthnContext")

	b.askLibrary(url.Values{"forceAuthn": {"1"}})
	b.at(server.Base() + "/login?p=")
	b.signIn(p, time.Now().Add(30*time.Second))
	if forced := b.received(); forced["AuthnInstant"] == first["AuthnInstant"] {
		t.Errorf("nothing was proven anew: %v", forced)
	}

	b.open(server.Library() + "/logout")
	b.comesTo(server.Library() + "/")
	b.askLibrary(url.Values{"isPassive": {"true"}})
	b.isRefusedAtLibrary("NoPassive")
	b.askFor(url.Values{"prompt": {"none"}})
	b.isRefused("login_required")
}

// TestLibraryWithoutScript goes on by the button that is always there; who leaves us
// is told that the library knows nothing of it.
func TestLibraryWithoutScript(t *testing.T) {
	b, p := newBrowser(t, look{lang: "ja", width: 1280, noScript: true}), nextPerson()
	b.openIn("/accessibility")
	b.askLibrary(nil)
	b.signIn(p, time.Now())
	b.at(server.Base() + "/saml/continue?p=")
	b.picture("saml-post")
	b.press(words(b.lang, "続ける", "Continue"))
	if all := b.received(); all["AuthnContextClassRef"] != mfaLevel {
		t.Errorf("the library has %v", all)
	}
	b.open(server.Base() + "/logout")
	b.press("ログアウト")
	b.shows("次のサービスには、ログインしたままの場合があります。", "電子図書館")
	b.picture("logged out with a service left")
}

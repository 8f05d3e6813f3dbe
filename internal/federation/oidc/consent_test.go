package oidc_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"warifu/internal/account"
	"warifu/internal/authenticator"
	"warifu/internal/federation"
	"warifu/internal/federation/consent"
	"warifu/internal/store"
)

const wide = "openid profile email"

// consentPage follows the browser to the page that asks.
func (w *world) consentPage(client string, change map[string]string) (address string, page *httptest.ResponseRecorder) {
	w.t.Helper()
	rw := w.send("GET", "/oidc/authorize?"+request(client, change).Encode(), nil)
	for range 5 {
		address = rw.Header().Get("Location")
		if rw.Code != http.StatusSeeOther || !strings.HasPrefix(address, "/") {
			break
		}
		if rw = w.send("GET", address, nil); rw.Code == http.StatusOK {
			return address, rw
		}
	}
	w.t.Fatalf("nobody asks: %d %s", rw.Code, address)
	return "", nil
}

// say answers at the page.
func (w *world) say(address string, page *httptest.ResponseRecorder, fields ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	form := fill(page)
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return w.send("POST", address, form)
}

// told are the claims of userinfo.
func (w *world) told(answer url.Values, client string) map[string]any {
	w.t.Helper()
	info, status := w.userinfo(w.access(client, answer))
	if status != http.StatusOK {
		w.t.Errorf("userinfo: %d", status)
	}
	return info
}

// access redeems the code of an answer.
func (w *world) access(client string, answer url.Values) string {
	w.t.Helper()
	all, status := w.token(client, redemption(answer.Get("code"), nil))
	if status != http.StatusOK {
		w.t.Fatalf("%v: %d %+v", answer, status, all)
	}
	return all.Access
}

// TestConsent asks before a service is told, shows names and values, tells nothing
// of what is withheld, now and by a later token, and remembers only if that is
// wanted. OIDC Core 1.0 §3.1.2.4.
func TestConsent(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.signIn(authenticator.Password, authenticator.TOTP)
		scope := map[string]string{"scope": wide}
		address, page := w.consentPage("asks", scope)
		for _, want := range []string{"Learning", "Hanako Miyako", "都 花子", "sps00001", "hanako@miyako.example", `name="send_email"`, `name="remember"`} {
			if !strings.Contains(page.Body.String(), want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		if strings.Contains(page.Body.String(), `name="send_username"`) {
			t.Error("what is required can be left out")
		}
		info := w.told(w.follow(w.say(address, page, "act", "allow", "send_name", "yes")), "asks")
		if info["name"] != "Hanako Miyako" || info["email"] != nil || info["preferred_username"] != "sps00001" {
			t.Errorf("userinfo tells %v", info)
		}
		address, page = w.consentPage("asks", scope) // it was not remembered
		if answer := w.follow(w.say(address, page, "act", "deny")); answer.Get("error") != "access_denied" {
			t.Errorf("refused: %v", answer)
		}
		address, page = w.consentPage("asks", scope)
		w.follow(w.say(address, page, "act", "allow", "send_email", "yes", "remember", "yes"))
		info = w.told(w.authorize("asks", scope), "asks")
		if info["name"] != nil || info["email"] != "hanako@miyako.example" {
			t.Errorf("remembered: userinfo tells %v", info)
		}
		if answer := w.authorize("asks", map[string]string{"scope": "openid", "prompt": "none"}); answer.Get("error") != "consent_required" {
			t.Errorf("something else is told, and nobody is asked: %v", answer)
		}
		w.consentPage("asks", map[string]string{"scope": wide, "prompt": "consent"})
		w.consentPage("lms", map[string]string{"scope": wide, "prompt": "consent"})
	})
}

// TestGoneBack tells a service that the person has not given the proof that it asks
// for, and nothing of the person. OpenID Connect Core 1.0 §3.1.2.6.
func TestGoneBack(t *testing.T) {
	w := newWorld(t)
	w.signIn(authenticator.Password, authenticator.TOTP)
	service, err := w.provider.Services.Find(t.Context(), "lms")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := w.pending.Seal(federation.Request{Protocol: federation.OIDC, Service: "lms", ReturnTo: service.RedirectURIs[0], State: "xyz",
		Scopes: []string{"openid"}, IssuedAt: w.clock.Now(), Cancelled: true})
	if err != nil {
		t.Fatal(err)
	}
	if answer := w.follow(w.send("GET", "/oidc/continue?p="+sealed, nil)); answer.Get("error") != "access_denied" || answer.Get("state") != "xyz" || answer.Has("code") {
		t.Errorf("%v", answer)
	}
}

// TestConsentOnce is not asked for again when something has changed.
func TestConsentOnce(t *testing.T) {
	w := newWorld(t)
	w.signIn(authenticator.Password, authenticator.TOTP)
	address, page := w.consentPage("asks-once", map[string]string{"scope": wide})
	w.follow(w.say(address, page, "act", "allow", "remember", "yes"))
	if answer := w.authorize("asks-once", map[string]string{"prompt": "none"}); answer.Get("code") == "" {
		t.Errorf("%v", answer)
	}
}

// TestConsentCountsHere wants an answer to count in the session in which it was
// given, and for what was shown.
func TestConsentCountsHere(t *testing.T) {
	w := newWorld(t)
	w.signIn(authenticator.Password, authenticator.TOTP)
	scope := map[string]string{"scope": wide}
	address, page := w.consentPage("asks-always", scope)
	answered := w.say(address, page, "act", "allow", "send_email", "yes").Header().Get("Location")
	if answer := w.follow(w.send("GET", answered, nil)); answer.Get("code") == "" {
		t.Errorf("%v", answer)
	}
	changed := person
	changed.Mailbox = "other@miyako.example"
	w.tx(func(tx seedTx) error { return tx.UpdateSubscriber(t.Context(), changed) })
	if rw := w.send("GET", answered, nil); !strings.HasPrefix(rw.Header().Get("Location"), federation.ConsentPath) {
		t.Errorf("another value: %d %s", rw.Code, rw.Header().Get("Location"))
	}
	w.tx(func(tx seedTx) error { return tx.UpdateSubscriber(t.Context(), person) })
	w.cookie = ""
	w.signIn(authenticator.Password, authenticator.TOTP)
	if rw := w.send("GET", answered, nil); !strings.HasPrefix(rw.Header().Get("Location"), federation.ConsentPath) {
		t.Errorf("another session: %d %s", rw.Code, rw.Header().Get("Location"))
	}
	if rw := w.send("GET", federation.ConsentPath+"?p=forged", nil); rw.Code != http.StatusForbidden {
		t.Errorf("a forged request: %d", rw.Code)
	}
}

// TestConsentOfATemporaryLogin is not taken, neither by the way nor at the page
// itself. SES-10.
func TestConsentOfATemporaryLogin(t *testing.T) {
	w := newWorld(t)
	scope := map[string]string{"scope": wide}
	w.signIn(authenticator.Password, authenticator.TOTP)
	address, page := w.consentPage("asks-always", scope)
	w.cookie = ""
	w.clock.advance(time.Minute)
	w.signIn(authenticator.Password, authenticator.OTP)
	for name, rw := range map[string]*httptest.ResponseRecorder{"the page": w.send("GET", address, nil), "the answer": w.say(address, page, "act", "allow")} {
		if rw.Code != http.StatusSeeOther || !strings.HasPrefix(rw.Header().Get("Location"), "/oidc/continue?p=") || strings.Contains(rw.Body.String(), person.Mailbox) {
			t.Errorf("%s: %d %s", name, rw.Code, rw.Header().Get("Location"))
		}
	}
	w.gives = []authenticator.Kind{authenticator.Password, authenticator.TOTP}
	w.consentPage("asks-always", scope)
	if w.asked.Kind != federation.StepUp {
		t.Errorf("asked for %+v", w.asked)
	}
}

// TestConsentPageShowsNoMore gives a session that is too weak for the service nothing
// to read at the page, whatever address it has got hold of. A13.
func TestConsentPageShowsNoMore(t *testing.T) {
	w := newWorld(t)
	scope := map[string]string{"scope": wide, "prompt": "consent"}
	w.signIn(authenticator.Password, authenticator.TOTP)
	address, _ := w.consentPage("strict", scope)
	w.cookie = ""
	w.signIn(authenticator.Password)
	if rw := w.send("GET", address, nil); rw.Code != http.StatusSeeOther || strings.Contains(rw.Body.String(), person.Mailbox) {
		t.Errorf("%d %s", rw.Code, rw.Body)
	}
}

// TestWithheldNow ends what an earlier answer has allowed: a token of then tells
// nothing of what is withheld now, or refused.
func TestWithheldNow(t *testing.T) {
	w := newWorld(t)
	w.signIn(authenticator.Password, authenticator.TOTP)
	scope := map[string]string{"scope": wide}
	for _, now := range [][]string{{"act", "allow", "send_name", "yes"}, {"act", "deny"}} {
		address, page := w.consentPage("asks-always", scope)
		access := w.access("asks-always", w.follow(w.say(address, page, "act", "allow", "send_name", "yes", "send_email", "yes", "send_username", "yes")))
		if info, _ := w.userinfo(access); info["email"] == nil {
			t.Errorf("what is allowed is not told: %v", info)
		}
		address, page = w.consentPage("asks-always", scope)
		w.say(address, page, now...)
		if rw := w.send("GET", "/oidc/userinfo", nil, withBearer(access)); rw.Code != http.StatusUnauthorized {
			t.Errorf("%v: the token of before tells %s", now, rw.Body)
		}
	}
}

// TestWithdrawnConsent ends the tokens of the service, and nobody else's.
func TestWithdrawnConsent(t *testing.T) {
	w := newWorld(t)
	w.signIn(authenticator.Password, authenticator.TOTP)
	address, page := w.consentPage("asks", map[string]string{"scope": wide})
	access := w.access("asks", w.follow(w.say(address, page, "act", "allow", "remember", "yes")))
	other := w.tokens("lms", wide).Access
	consents := &account.Consents{InTx: store.In[consent.Tx](w.db), View: store.View[account.ConsentReader](w.db), Now: w.clock.Now}
	actor := account.Actor{SubscriberID: person.ID}
	all, err := consents.Of(t.Context(), actor)
	if err != nil || len(all) != 1 || all[0].Service != "asks" || !all[0].Since.Equal(start) {
		t.Errorf("%+v, %v", all, err)
	}
	if err := consents.Withdraw(t.Context(), actor, "asks"); err != nil {
		t.Fatal(err)
	}
	if rw := w.send("GET", "/oidc/userinfo", nil, withBearer(access)); rw.Code != http.StatusUnauthorized {
		t.Errorf("its token still tells: %d", rw.Code)
	}
	if rw := w.send("GET", "/oidc/userinfo", nil, withBearer(other)); rw.Code != http.StatusOK {
		t.Errorf("that of another service does not: %d", rw.Code)
	}
	if err := consents.Withdraw(t.Context(), actor, "asks"); err == nil {
		t.Error("withdrawn twice")
	}
	w.consentPage("asks", map[string]string{"scope": wide})
}

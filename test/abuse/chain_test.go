package abuse

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"warifu/internal/config"
	"warifu/internal/demo/people"
)

// TestA59Chain goes the chain of security.md part 1: a stolen password, an OTP that
// an impostor has talked an agent into, the fallback session, a new address, and an
// initialization at leisure. It stops at the first step in the settings, nothing of
// the person has changed, and by then the person has been told three times. A59, SES-10.
func TestA59Chain(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		x, desk := w.newBrowser(), w.atDesk(agent01)
		x.address = "203.0.113.66"
		waiting := x.cannotDesk(taro)
		shown := desk.approve(desk.open(taro.id, waiting.number()))
		if got := x.submit("/login/otp", waiting.form("/login/otp"), "otp", shown.number()); got.Header().Get("Location") != "/home" {
			t.Fatalf("the impostor does not come in at all: %d %s", got.Code, got.main())
		}
		before := w.count(`SELECT COUNT(*) FROM totp_authenticator`)
		for _, path := range []string{"/account/address", "/account/authenticators", "/account/passkeys", "/account/recovery-codes", "/account/password"} {
			if p := x.follow(x.get(path)); p.Code != http.StatusConflict {
				t.Errorf("%s in a fallback session: %d %s", path, p.Code, p.main())
			}
		}
		home := x.get("/home")
		x.submit("/account/address", page{flow: home.flow, token: home.token}, "email", "x@evil.example")
		reset := x.follow(x.reset(taro.id))
		if !reset.says("No notification email address is registered.") {
			t.Errorf("the initialization finds an address: %s", reset.main())
		}
		x.submit("/reset/wait", reset.form("/reset/wait"), "to", "0")
		if got := w.addresses(taro.id); len(got) != 0 || w.count(`SELECT COUNT(*) FROM pending_address`) != 0 || w.count(`SELECT COUNT(*) FROM recovery_link`) != 0 {
			t.Errorf("an address or a link of the impostor: %v", got)
		}
		if w.count(`SELECT COUNT(*) FROM totp_authenticator`) != before || w.active(taro.id) != 1 {
			t.Error("the Authenticators have changed")
		}
		told := w.mailsTo("sps00002@miyako.example")
		subjects := make(map[string]bool)
		for _, m := range told {
			subjects[m.Subject] = true
			if strings.Contains(m.Body, shown.number()[:4]) {
				t.Errorf("a notice with the number: %s", m.Subject)
			}
		}
		if len(subjects) < 3 {
			t.Errorf("the person was told of %d: %+v", len(subjects), told)
		}
		w.pass(time.Minute)
		w.newBrowser().signIn(taro) // nothing was taken away
	}, anyFactor)
}

// TestA43Flood: attempts for made-up IDs fill the store with no more counters than a
// network has attempts, push nobody's count out, and are gone a day later. A43, THR-10.
func TestA43Flood(t *testing.T) {
	const most = 20
	onEngines(t, func(t *testing.T, w *world) {
		victim := w.newBrowser()
		victim.address = "198.51.100.7"
		for range 3 {
			victim.password(hanako.id, "wrong")
		}
		counts := func() int { return w.count(`SELECT COUNT(*) FROM throttle`) }
		before := counts()
		b := w.newBrowser()
		for n := range 10 * most {
			b.password(fmt.Sprintf("nobody%d", n), "guess")
		}
		if grown := counts() - before; grown > 2*most {
			t.Errorf("%d attempts made %d counters", 10*most, grown)
		}
		if n := w.count(`SELECT COUNT(*) FROM throttle WHERE account = $1 AND counter = 'password' AND failures = 3`, w.subscriber(hanako.id)); n != 1 {
			t.Error("the count of a person is gone")
		}
		w.pass(25 * time.Hour)
		w.sweep()
		if n := counts(); n != 0 {
			t.Errorf("a day later %d counters are left", n)
		}
		w.newBrowser().password(hanako.id, people.Password)
	}, func(c *config.Config) { c.Throttle.AddressFailures = most })
}

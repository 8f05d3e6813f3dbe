package abuse

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"warifu/internal/config"
	"warifu/internal/demo/people"
	"warifu/internal/secret"
)

// TestTrustedBrowser: a browser that a person trusts is not asked for the second
// factor for seven days; the session claims the password alone, and settings ask
// for the factor. SES-13, A66.
func TestTrustedBrowser(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.totpPage(hanako.id)
		if got := b.submit("/login/totp", p, "totp", hanako.code(w.Now()), "trust", "1"); got.Header().Get("Location") != "/home" {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		w.pass(13 * time.Hour) // the session is over
		if got := b.password(hanako.id, people.Password); got.Header().Get("Location") != "/home" || !b.signedIn() {
			t.Fatalf("the trusted browser was asked again: %d %s", got.Code, got.Header().Get("Location"))
		}
		if n := w.count(`SELECT COUNT(*) FROM session WHERE evidence LIKE '%"trusted"%' AND evidence NOT LIKE '%"totp"%'`); n != 1 {
			t.Error("the evidence of the session is not that of a trusted browser")
		}
		step := b.follow(b.get("/account"))
		if !step.says("Confirm again that it is you") && !step.says("This is needed to change a setting.") {
			t.Errorf("settings did not ask for the second factor: %d %s", step.Code, step.Body)
		}
		other := w.newBrowser() // the cookie in another account, and in nobody's
		other.cookies["__Host-trust"] = b.cookies["__Host-trust"]
		if got := other.password(seeded(1).id, people.Password); !strings.HasPrefix(got.Header().Get("Location"), "/login/totp") {
			t.Errorf("another account: %s", got.Header().Get("Location"))
		}
		if got := w.newBrowser().password(hanako.id, people.Password); !strings.HasPrefix(got.Header().Get("Location"), "/login/totp") {
			t.Errorf("another browser: %s", got.Header().Get("Location"))
		}
		w.pass(7 * 24 * time.Hour)
		if got := b.password(hanako.id, people.Password); !strings.HasPrefix(got.Header().Get("Location"), "/login/totp") {
			t.Errorf("after seven days: %s", got.Header().Get("Location"))
		}
	}, func(c *config.Config) { c.SignIn.TrustedBrowser = 7 * 24 * time.Hour })
}

// TestTrustEnds: a recovery, a mailed one-time password, and a new password end the
// trust in all browsers. SES-13, A66.
func TestTrustEnds(t *testing.T) {
	for name, end := range map[string]func(w *world) (password string){
		"initialization": func(w *world) string {
			b := w.newBrowser()
			path := b.askLink(hanako.id)
			b.follow(b.confirm(path, hanako.id, people.Password))
			return people.Password
		},
		"mailed OTP": func(w *world) string {
			b := w.newBrowser()
			p := b.cannot(hanako.id)
			b.submit("/login/otp", p, "otp", w.lastOTP())
			return people.Password
		},
		"password change": func(w *world) string {
			b := w.newBrowser()
			w.pass(30 * time.Second)
			b.signIn(hanako)
			if p := b.follow(b.submit("/account/password", b.get("/account/password"), "present", people.Password, "chosen", newPassword)); !p.says("The password has been changed.") {
				w.t.Fatalf("%d %s", p.Code, p.Body)
			}
			return newPassword
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, w *world) {
				b := w.newBrowser()
				b.submit("/login/totp", b.totpPage(hanako.id), "totp", hanako.code(w.Now()), "trust", "1")
				if w.count(`SELECT COUNT(*) FROM trusted_browser`) != 1 {
					t.Fatal("not trusted")
				}
				password := end(w)
				w.pass(13 * time.Hour)
				if got := b.password(hanako.id, password); got.Code != http.StatusSeeOther || got.Header().Get("Location") == "/home" || w.count(`SELECT COUNT(*) FROM trusted_browser`) != 0 {
					t.Errorf("still trusted: %d %s", got.Code, got.Header().Get("Location"))
				}
			}, func(c *config.Config) { c.SignIn.TrustedBrowser = 24 * time.Hour })
		})
	}
}

// TestTrustIsOff: where it is not configured, asking for it has no effect, and what
// was trusted while it was counts no more. SES-13.
func TestTrustIsOff(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.totpPage(hanako.id)
		if p.says("Trust this browser") {
			t.Error("it is offered")
		}
		if got := b.submit("/login/totp", p, "totp", hanako.code(w.Now()), "trust", "1"); got.Code != http.StatusSeeOther || b.cookies["__Host-trust"] != "" || w.count(`SELECT COUNT(*) FROM trusted_browser`) != 0 {
			t.Errorf("%d %v", got.Code, b.cookies)
		}
		const token = "a token of former times"
		w.exec(`INSERT INTO trusted_browser (subscriber_id, id, digest, browser, created_at, expires_at)
			SELECT id, 'x', $1, '', 0, $2 FROM subscriber WHERE sps_id = $3`, secret.Digest(token), w.Now().Add(24*time.Hour).UnixMilli(), hanako.id)
		other := w.newBrowser()
		other.cookies["__Host-trust"] = token
		if got := other.password(hanako.id, people.Password); !strings.HasPrefix(got.Header().Get("Location"), "/login/totp") {
			t.Errorf("trusted of old: %d %s", got.Code, got.Header().Get("Location"))
		}
	})
}

// TestTrustIsListed: the list names the browsers that are trusted, and ends the
// trust of one; of somebody else's it ends none. SES-13.
func TestTrustIsListed(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, other := w.newBrowser(), w.newBrowser()
		b.submit("/login/totp", b.totpPage(hanako.id), "totp", hanako.code(w.Now()), "trust", "1")
		other.signIn(seeded(1))
		list := b.get("/account/sessions")
		id := regexp.MustCompile(`name="trust" value="([^"]+)"`).FindStringSubmatch(list.Body.String())
		if id == nil || !list.says("Trusted browsers") {
			t.Fatalf("%d %s", list.Code, list.Body)
		}
		other.submit("/account/sessions", other.get("/account/sessions"), "trust", id[1])
		if w.count(`SELECT COUNT(*) FROM trusted_browser`) != 1 {
			t.Error("another person ended the trust")
		}
		if p := b.submit("/account/sessions", list, "trust", id[1]); p.Code != http.StatusSeeOther || w.count(`SELECT COUNT(*) FROM trusted_browser`) != 0 {
			t.Errorf("%d %s", p.Code, p.Body)
		}
	}, func(c *config.Config) { c.SignIn.TrustedBrowser = 24 * time.Hour })
}

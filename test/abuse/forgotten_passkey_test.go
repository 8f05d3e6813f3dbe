package abuse

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warifu/internal/authenticator/passkey"
	"warifu/internal/authenticator/passkey/passkeytest"
	"warifu/internal/config"
)

// beginAt asks for a passkey on the page of a link for a new password.
func (b *browser) beginAt(path string) asked {
	b.w.t.Helper()
	return b.begin(path+"/passkey", b.get(path))
}

// answerAt sends what a device says to the page of a link.
func (b *browser) answerAt(path string, a asked, response []byte) page {
	form := a.page.hidden()
	form.Set("id", a.ID)
	form.Set("response", string(response))
	return b.post(path, form)
}

// proveAt lets a device answer at a link.
func (b *browser) proveAt(path string, d *passkeytest.Device) page {
	b.w.t.Helper()
	a := b.beginAt(path)
	response, err := d.Get(a.Options)
	b.w.must(err)
	return b.answerAt(path, a, response)
}

func (p page) opens() bool { return p.Header().Get("Location") == "/reset/password" }

// TestForgottenPasswordByPasskey: at the mailed link a passkey opens the choice of a
// new password, whatever waits guesses have earned, and ends every count. The link
// is spent. Decisions §3.8, THR-5, RST-1.
func TestForgottenPasswordByPasskey(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		d := passkeytest.New(base)
		w.givePasskey(hanako, d)
		b := w.newBrowser()
		for range 7 {
			b.password(hanako.id, "wrong")
		}
		b.forgot(hanako.id)
		path := w.lastForgot()
		if p := b.proveAt(path, d); !p.opens() {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		if n := w.count(`SELECT COUNT(*) FROM throttle WHERE account = '` + w.subscriber(hanako.id) + `'`); n != 0 {
			t.Errorf("%d counts are left", n)
		}
		if n := w.count(`SELECT COUNT(*) FROM audit_event WHERE body LIKE '%second factor accepted%'`); n != 1 {
			t.Errorf("%d acceptances are recorded", n)
		}
		if p := w.newBrowser().proveAt(path, d); p.Code != http.StatusUnprocessableEntity || !p.says("the URL can no longer be used") {
			t.Errorf("the link again: %d %s", p.Code, p.Body)
		}
		if p := b.submit("/reset/password", b.get("/reset/password"), "password", betterPassword); p.Header().Get("Location") != "/login?new=1" {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		if p := b.follow(b.password(hanako.id, betterPassword)); !p.says("Log in with a passkey") && !p.says("Enter the one-time password") {
			t.Errorf("the new password: %d %s", p.Code, p.Body)
		}
		if b.signedIn() {
			t.Error("the link has signed somebody in")
		}
	})
}

// TestForgottenPasskeyRefused tries at a link what must not open it: it gives no
// ticket, the link stays alive, and the page says the same each time. WAN-1, WAN-3,
// RST-4, RST-10, MAIL-11, SES-9, A55.
func TestForgottenPasskeyRefused(t *testing.T) {
	for name, try := range map[string]func(w *world, b *browser, path string, mine, others *passkeytest.Device) page{
		"another person's passkey": func(_ *world, b *browser, path string, _, others *passkeytest.Device) page {
			return b.proveAt(path, others)
		},
		"no user verification": func(_ *world, b *browser, path string, mine, _ *passkeytest.Device) page {
			mine.Flags = passkeytest.UP
			defer func() { mine.Flags = passkeytest.UP | passkeytest.UV }()
			return b.proveAt(path, mine)
		},
		"another signature": func(_ *world, b *browser, path string, mine, _ *passkeytest.Device) page {
			mine.Signature = func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
			defer func() { mine.Signature = nil }()
			return b.proveAt(path, mine)
		},
		"the question of the sign-in": func(w *world, b *browser, path string, mine, _ *passkeytest.Device) page {
			a, here := b.beginAlone(), b.beginAt(path)
			response, err := mine.Get(a.Options)
			w.must(err)
			here.ID = a.ID
			return b.answerAt(path, here, response)
		},
		"the question of another link": func(w *world, b *browser, path string, mine, _ *passkeytest.Device) page {
			a := b.beginAt("/forgot/" + strings.Repeat("A", 43))
			response, err := mine.Get(a.Options)
			w.must(err)
			return b.answerAt(path, a, response)
		},
		"the question of another browser": func(w *world, b *browser, path string, mine, _ *passkeytest.Device) page {
			a, here := w.newBrowser().beginAt(path), b.beginAt(path)
			response, err := mine.Get(a.Options)
			w.must(err)
			here.ID = a.ID
			return b.answerAt(path, here, response)
		},
		"a question of five minutes ago": func(w *world, b *browser, path string, mine, _ *passkeytest.Device) page {
			a := b.beginAt(path)
			response, err := mine.Get(a.Options)
			w.must(err)
			w.pass(passkey.Lifetime)
			return b.answerAt(path, a, response)
		},
		"a link that never was": func(_ *world, b *browser, _ string, mine, _ *passkeytest.Device) page {
			return b.proveAt("/forgot/"+strings.Repeat("A", 43), mine)
		},
		"a person who may not come back by mail": func(w *world, b *browser, path string, mine, _ *passkeytest.Device) page {
			w.exec(`UPDATE subscriber SET frozen_at = 1 WHERE sps_id = 'sps00001'`)
			defer w.exec(`UPDATE subscriber SET frozen_at = 0 WHERE sps_id = 'sps00001'`)
			return b.proveAt(path, mine)
		},
		"a suspended person": func(w *world, b *browser, path string, mine, _ *passkeytest.Device) page {
			w.exec(`UPDATE subscriber SET status = 'suspended' WHERE sps_id = 'sps00001'`)
			defer w.exec(`UPDATE subscriber SET status = 'active' WHERE sps_id = 'sps00001'`)
			return b.proveAt(path, mine)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, w *world) {
				mine, others := passkeytest.New(base), passkeytest.New(base)
				w.givePasskey(hanako, mine)
				w.givePasskey(seeded(1), others)
				b := w.newBrowser()
				b.forgot(hanako.id)
				path := w.lastForgot()
				p := try(w, b, path, mine, others)
				if p.Code != http.StatusUnprocessableEntity || !p.says("The passkey could not be checked, or the URL can no longer be used.") {
					t.Errorf("%d %s", p.Code, p.Body)
				}
				if n := w.count(`SELECT COUNT(*) FROM ticket`); n != 0 {
					t.Errorf("%d tickets", n)
				}
				if n := w.count(`SELECT COUNT(*) FROM throttle WHERE account = '` + w.subscriber(hanako.id) + `'`); n != 0 {
					t.Error("it was counted against a person")
				}
				if p := b.proveAt(path, mine); !p.opens() {
					t.Errorf("the right one afterwards: %d %s", p.Code, p.Body)
				}
			})
		})
	}
}

// TestForgottenPasskeyTellsNothing: whoever has no more than an address of the form
// of a link is asked the same, with no passkey named; and a copied passkey is
// refused, with a notice. WAN-2, WAN-3.
func TestForgottenPasskeyTellsNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		d := passkeytest.New(base)
		w.givePasskey(hanako, d)
		b := w.newBrowser()
		b.forgot(hanako.id)
		path := w.lastForgot()
		for _, path := range []string{path, "/forgot/" + strings.Repeat("A", 43)} {
			if a := b.beginAt(path); strings.Contains(string(a.Options), `allowCredentials":[{`) || !strings.Contains(string(a.Options), `"userVerification":"required"`) {
				t.Errorf("%s: %s", path, a.Options)
			}
		}
		d.SignCount = 5 // the sign-in ends the link (RST-9)
		if got := b.device(b.beginAlone(), d); !got.in() {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		w.pass(time.Minute)
		d.SignCount = 2
		b.forgot(hanako.id)
		path = w.lastForgot()
		if p := b.proveAt(path, d); p.Code != http.StatusUnprocessableEntity || w.count(`SELECT COUNT(*) FROM ticket`) != 0 {
			t.Errorf("a copy: %d %s", p.Code, p.Body)
		}
		if n := w.mailed("The passkey “MacBook” may have been copied and was refused."); n == 0 {
			t.Error("nobody was told of the copy")
		}
	})
}

// TestForgottenPasskeyOnce answers at one link from four browsers at once: one leads
// on, with one ticket. RST-1.
func TestForgottenPasskeyOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		d := passkeytest.New(base)
		d.Counts, d.SignCount = false, 0 // so that nothing but the link can refuse
		w.givePasskey(hanako, d)
		w.newBrowser().forgot(hanako.id)
		path := w.lastForgot()
		var wg sync.WaitGroup
		var led atomic.Int64
		for range 4 {
			b := w.newBrowser()
			a := b.beginAt(path)
			response, err := d.Get(a.Options)
			w.must(err)
			wg.Go(func() {
				if b.answerAt(path, a, response).opens() {
					led.Add(1)
				}
			})
		}
		wg.Wait()
		if n := w.count(`SELECT COUNT(*) FROM ticket`); led.Load() != 1 || n != 1 {
			t.Errorf("%d browsers led on, %d tickets", led.Load(), n)
		}
	})
}

// TestForgottenPasskeyIsBounded: a network that answers wrongly too often, or that
// only asks, is stopped for a while; another one goes on. THR-6.
func TestForgottenPasskeyIsBounded(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		d := passkeytest.New(base)
		w.givePasskey(hanako, d)
		b, path := w.newBrowser(), "/forgot/"+strings.Repeat("A", 43)
		for range 10 {
			if p := b.proveAt(path, d); p.Code != http.StatusUnprocessableEntity {
				t.Fatalf("%d %s", p.Code, p.Body)
			}
		}
		b.forgot(hanako.id)
		if p := b.proveAt(w.lastForgot(), d); p.Code != http.StatusTooManyRequests || w.count(`SELECT COUNT(*) FROM ticket`) != 0 {
			t.Errorf("after ten wrong ones: %d %s", p.Code, p.Body)
		}
		asked := 0
		for p := b.get(path); asked < 200; asked++ {
			if b.post(path+"/passkey", p.hidden()).Code == http.StatusTooManyRequests {
				break
			}
		}
		if asked == 200 {
			t.Error("a network may ask without an end")
		}
		other := w.newBrowser()
		other.address = "198.51.100.4"
		if p := other.proveAt(w.lastForgot(), d); !p.opens() {
			t.Errorf("another network: %d %s", p.Code, p.Body)
		}
	}, func(c *config.Config) { c.Throttle.AddressFailures = 10 })
}

package abuse

import (
	"encoding/base32"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/config"
	"warifu/internal/demo/people"
)

var (
	otpauth = regexp.MustCompile(`secret=([A-Z2-7]+)`)
	qrPath  = regexp.MustCompile(`<path d="(M[^"]{200,})"`)
)

// shown is the person whose secret a page of enrolment shows.
func shown(t *testing.T, id string, p page) person {
	t.Helper()
	found := otpauth.FindStringSubmatch(p.Body.String())
	if found == nil {
		t.Fatalf("no secret is shown: %d %s", p.Code, p.Body)
	}
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return person{id: id, secret: key}
}

// enrol goes from the QR code to the end, and returns the person with the new secret.
func (b *browser) enrol(id string, scan page) person {
	b.w.t.Helper()
	who := shown(b.w.t, id, scan)
	verify := b.follow(b.submit("/enrol", scan))
	done := b.follow(b.submit("/enrol/verify", verify, "totp", who.code(b.w.Now())))
	if !done.says("The setup of one-time password authentication is complete.") {
		b.w.t.Fatalf("after the first code: %d %s", done.Code, done.Body)
	}
	return who
}

// TestEnrolment sets up the first Authenticator of a newcomer, and signs in with
// the next code; the confirming one is used up. ENR-1, ENR-3, ENR-4, TOTP-8, A23.
func TestEnrolment(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		scan := b.follow(b.password(newcomer, people.Password))
		if scan.says("To continue, set up") || scan.says("Your identity has been confirmed.") {
			t.Errorf("nothing forces the person, and no help desk was asked: %s", scan.main())
		}
		if qrPath.FindString(scan.Body.String()) == "" || scan.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("no QR code, or one that is kept: %v", scan.Header())
		}
		if again := b.get("/enrol"); shown(t, newcomer, b.follow(again)).code(w.Now()) != shown(t, newcomer, scan).code(w.Now()) {
			t.Error("the secret differs after a reload")
		}
		who := b.enrol(newcomer, scan)
		if b.signedIn() {
			t.Error("enrolment alone signed in")
		}
		done := b.get("/enrol/done?flow=" + url.QueryEscape(scan.flow))
		for _, want := range []string{`<a href="/account">Register a notification email address</a>`, `<a href="/account/authenticators">Add an Authenticator for another`} {
			if !done.says(want) {
				t.Errorf("no %s: %s", want, done.main())
			}
		}
		if done.says("You can register or change the notification email address after") {
			t.Errorf("held without a recovery: %s", done.main())
		}
		if p := b.submitTOTP(b.totpPage(newcomer), who.code(w.Now())); p.Code != http.StatusUnprocessableEntity || !p.says("already been used") {
			t.Errorf("the confirming code: %d %s", p.Code, p.Body)
		}
		w.pass(30 * time.Second)
		b.signIn(who)
		if n := w.count(`SELECT COUNT(*) FROM totp_authenticator a JOIN subscriber s ON s.id = a.subscriber_id
			WHERE s.sps_id = 'sps00003' AND s.had_factor AND a.state = 'active' AND a.bound_by = 'window' AND a.name = 'Authenticator'`); n != 1 {
			t.Errorf("%d authenticators", n)
		}
		if w.count(`SELECT COUNT(*) FROM ticket`) != 0 || w.count(`SELECT COUNT(*) FROM mail_outbox`) == 0 {
			t.Error("the ticket is still there, or nobody was told")
		}
	})
}

// TestA21TicketStaysInItsBrowser tries the enrolment of one browser in another. A21, RST-5.
func TestA21TicketStaysInItsBrowser(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b1, b2 := w.newBrowser(), w.newBrowser()
		scan := b1.follow(b1.password(newcomer, people.Password))
		who := shown(t, newcomer, scan)
		b2.get("/login") // a cookie of its own
		if p := b2.get("/enrol"); p.Header().Get("Location") != "/mfa" {
			t.Errorf("without a flow: %d %s", p.Code, p.Header().Get("Location"))
		}
		if p := b2.get("/enrol?flow=" + url.QueryEscape(scan.flow)); p.Code != http.StatusForbidden || otpauth.MatchString(p.Body.String()) {
			t.Errorf("the QR page: %d %s", p.Code, p.Body)
		}
		for path, fields := range map[string][]string{"/enrol": nil, "/enrol/verify": {"totp", who.code(w.Now())}, "/enrol/again": nil, "/enrol/done": {"name", "x"}} {
			if p := b2.submit(path, scan, fields...); p.Code != http.StatusForbidden {
				t.Errorf("%s: %d", path, p.Code)
			}
		}
		if w.count(`SELECT COUNT(*) FROM totp_authenticator a JOIN subscriber s ON s.id = a.subscriber_id WHERE s.sps_id = 'sps00003' AND a.state = 'active'`) != 0 {
			t.Error("something was bound")
		}
	})
}

// TestA22OnePendingSecret begins the enrolment in two browsers: the later one
// goes on, and the earlier one is told why it cannot. A22, TOTP-9.
func TestA22OnePendingSecret(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b1, b2 := w.newBrowser(), w.newBrowser()
		first := b1.follow(b1.password(newcomer, people.Password))
		old := shown(t, newcomer, first)
		verify := b1.follow(b1.submit("/enrol", first))
		second := b2.follow(b2.password(newcomer, people.Password))
		if n := w.count(`SELECT COUNT(*) FROM totp_authenticator WHERE state = 'pending'`); n != 1 {
			t.Errorf("%d pending secrets", n)
		}
		p := b1.follow(b1.submit("/enrol/verify", verify, "totp", old.code(w.Now())))
		if p.Code != http.StatusConflict || !p.says("The registration was opened elsewhere") {
			t.Errorf("the earlier one: %d %s", p.Code, p.Body)
		}
		if p := b1.get("/enrol?flow=" + url.QueryEscape(first.flow)); p.Code != http.StatusConflict || otpauth.MatchString(p.Body.String()) {
			t.Errorf("the earlier QR page: %d", p.Code)
		}
		b2.enrol(newcomer, second)
	})
}

// TestTicketLapses lets the time of a ticket pass: it enrols nobody, says so,
// and the password opens a new one only while nothing was ever bound. RST-7, A20.
func TestTicketLapses(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		scan := b.follow(b.password(newcomer, people.Password))
		who := shown(t, newcomer, scan)
		verify := b.follow(b.submit("/enrol", scan))
		w.pass(15 * time.Minute)
		p := b.follow(b.submit("/enrol/verify", verify, "totp", who.code(w.Now())))
		if p.Code != http.StatusConflict || !p.says("The time for the registration has passed") {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		if n := w.count(`SELECT COUNT(*) FROM totp_authenticator WHERE state = 'active' AND subscriber_id = (SELECT id FROM subscriber WHERE sps_id = 'sps00003')`); n != 0 {
			t.Error("a lapsed ticket bound an authenticator")
		}
	})
}

// TestA63NeverTwiceByPassword: after the window, and after an authenticator was
// once bound, the password alone enrols nobody. A63, ENR-1.
func TestA63NeverTwiceByPassword(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.enrol(newcomer, b.follow(b.password(newcomer, people.Password)))
		w.exec(`DELETE FROM totp_authenticator WHERE subscriber_id = (SELECT id FROM subscriber WHERE sps_id = 'sps00003')`)
		p := b.follow(b.password(newcomer, people.Password))
		if p.Code != http.StatusConflict || !p.says("Start the initialization again") {
			t.Errorf("who once had one: %d %s", p.Code, p.Body)
		}
		w.exec(`UPDATE subscriber SET had_factor = FALSE WHERE sps_id = 'sps00003'`)
		w.pass(31 * 24 * time.Hour)
		p = b.follow(b.password(newcomer, people.Password))
		if !p.says("The period for the first setup has ended") || otpauth.MatchString(p.Body.String()) {
			t.Errorf("after the window: %d %s", p.Code, p.Body)
		}
		if got := b.submit("/enrol", p); got.Code != http.StatusForbidden {
			t.Errorf("the QR step without the code: %d", got.Code)
		}
		if got := b.get("/enrol?flow=" + url.QueryEscape(p.flow)); !strings.HasPrefix(got.Header().Get("Location"), "/enrol/activation") {
			t.Errorf("the QR page without the code: %d", got.Code)
		}
	})
}

// TestActivationCode enrols outside of the window: wrong codes are counted and
// wait, a right one works once, in any spelling. ENR-1, ENR-3, THR-5.
func TestActivationCode(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		code, _, err := w.app.Directory.ActivationCode(t.Context(), newcomer, "test of the code")
		w.must(err)
		b := w.newBrowser()
		p := b.follow(b.password(newcomer, people.Password))
		if !p.says("The first setup needs the activation code") {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		if got := b.submit("/enrol/activation", p, "code", "short"); got.Code != http.StatusUnprocessableEntity || w.count(`SELECT COUNT(*) FROM throttle WHERE counter = 'code'`) != 0 {
			t.Errorf("a slip: %d, or counted", got.Code)
		}
		for range 5 {
			if got := b.submit("/enrol/activation", p, "code", "0000-0000-0000-0000"); got.Code != http.StatusUnprocessableEntity || !got.says("The activation code is not correct") {
				t.Errorf("a wrong code: %d %s", got.Code, got.Body)
			}
		}
		if got := b.submit("/enrol/activation", p, "code", code); !got.says("this is paused") {
			t.Errorf("the right code in the wait: %d %s", got.Code, got.Body)
		}
		w.pass(30 * time.Second)
		scan := b.follow(b.submit("/enrol/activation", p, "code", strings.ToLower(strings.ReplaceAll(code, "-", " "))))
		b.enrol(newcomer, scan)
		if w.count(`SELECT COUNT(*) FROM activation_code`) != 0 || w.count(`SELECT COUNT(*) FROM totp_authenticator WHERE bound_by = 'activation_code'`) != 1 {
			t.Error("the code is still there, or not what it was bound by")
		}
	}, func(c *config.Config) { c.Enrolment.Window = 0 })
}

// TestEnrolmentSlips: wrong first codes do no harm, help with the clock, and the
// QR code can be shown again; the name can be chosen afterwards. RST-6.
func TestEnrolmentSlips(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		scan := b.follow(b.password(newcomer, people.Password))
		who := shown(t, newcomer, scan)
		verify := b.follow(b.submit("/enrol", scan))
		for typed, want := range map[string]string{
			"":                                     "Enter the one-time password.",
			"12345":                                "Enter 6 digits.",
			who.code(w.Now().Add(3 * time.Minute)): "off by about 3 minutes",
		} {
			if p := b.submit("/enrol/verify", verify, "totp", typed); p.Code != http.StatusUnprocessableEntity || !p.says(want) {
				t.Errorf("%q: %d %s", typed, p.Code, p.Body)
			}
		}
		if again := b.follow(b.submit("/enrol/again", verify)); string(shown(t, newcomer, again).secret) != string(who.secret) {
			t.Error("another secret")
		}
		if p := b.submit("/enrol/verify", verify, "totp", who.code(w.Now())); !strings.HasPrefix(p.Header().Get("Location"), "/enrol?flow=") {
			t.Errorf("a code while the QR code is shown: %d %s", p.Code, p.Header().Get("Location"))
		}
		b.enrol(newcomer, b.get("/enrol?flow="+url.QueryEscape(scan.flow)))
		done := b.get("/enrol/done?flow=" + url.QueryEscape(scan.flow))
		for name, want := range map[string]string{"": "Enter a name.", strings.Repeat("あ", 41): "Use at most 40 characters."} {
			if p := b.submit("/enrol/done", done, "name", name); p.Code != http.StatusUnprocessableEntity || !p.says(want) {
				t.Errorf("%q: %d %s", name, p.Code, p.Body)
			}
		}
		if p := b.follow(b.submit("/enrol/done", done, "name", " 研究室の PC  ")); !p.says(`value="研究室の PC"`) || !p.says("Saved.") {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		if w.count(`SELECT COUNT(*) FROM throttle`) != 0 {
			t.Error("slips were counted against the person")
		}
	})
}

// TestOneTicketOneAuthenticator opens the QR page, and confirms the first code, from
// sixteen requests at once: one secret, one authenticator. TOTP-8, TOTP-9, RST-6.
func TestOneTicketOneAuthenticator(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.password(newcomer, people.Password)
		together := func(do func()) {
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(do)
			}
			wg.Wait()
		}
		together(func() {
			if p := b.follow(b.get("/enrol")); p.Code != http.StatusOK {
				t.Errorf("the QR page: %d %s", p.Code, p.Body)
			}
		})
		scan := b.follow(b.get("/enrol"))
		who := shown(t, newcomer, scan)
		verify := b.follow(b.submit("/enrol", scan))
		together(func() {
			if p := b.follow(b.submit("/enrol/verify", verify, "totp", who.code(w.Now()))); !p.says("authentication is complete") {
				t.Errorf("the first code: %d %s", p.Code, p.Body)
			}
		})
		const of = `SELECT COUNT(*) FROM totp_authenticator WHERE subscriber_id = (SELECT id FROM subscriber WHERE sps_id = 'sps00003') AND state = `
		if active, pending := w.count(of+`'active'`), w.count(of+`'pending'`); active != 1 || pending != 0 {
			t.Errorf("%d active authenticators, %d pending", active, pending)
		}
	})
}

// TestNoAuthenticatorWithoutRight confirms the right code when something has come
// between: nothing is bound, and it is said why. Afterwards the same code binds. SES-9, OPS-4.
func TestNoAuthenticatorWithoutRight(t *testing.T) {
	for name, test := range map[string]struct {
		before, after func(w *world)
		status        int
	}{
		"suspended": {
			func(w *world) { w.exec(`UPDATE subscriber SET status = 'suspended' WHERE sps_id = $1`, newcomer) },
			func(w *world) { w.exec(`UPDATE subscriber SET status = 'active' WHERE sps_id = $1`, newcomer) },
			http.StatusConflict,
		},
		"clock set back": {
			func(w *world) {
				w.pass(time.Hour)
				w.must(w.app.Clock.Note(w.t.Context()))
				w.pass(-time.Hour)
				w.must(w.app.Clock.Note(w.t.Context()))
			},
			func(w *world) {}, http.StatusServiceUnavailable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, w *world) {
				b := w.newBrowser()
				scan := b.follow(b.password(newcomer, people.Password))
				who := shown(t, newcomer, scan)
				verify := b.follow(b.submit("/enrol", scan))
				test.before(w)
				p := b.follow(b.submit("/enrol/verify", verify, "totp", who.code(w.Now())))
				test.after(w)
				if p.Code != test.status || w.active(newcomer) != 0 {
					t.Errorf("%d, %d bound: %s", p.Code, w.active(newcomer), p.Body)
				}
			})
		})
	}
}

// TestTicketForSomethingElse opens the QR page with a right that is not one to
// enrol, and with one more Authenticator than may be. RST-10, TOTP-7.
func TestTicketForSomethingElse(t *testing.T) {
	for name, spoil := range map[string]string{
		"no right to enrol": `UPDATE ticket SET enrol = FALSE`,
		"as many as may be": `UPDATE totp_authenticator SET state = 'active' WHERE state = 'suspended'`,
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, w *world) {
				path, b := w.newBrowser().askLink(hanako.id), w.newBrowser()
				if p := b.confirm(path, hanako.id, people.Password); p.Header().Get("Location") != "/reset/done" {
					t.Fatalf("%d %s", p.Code, p.Body)
				}
				w.exec(spoil)
				if p := b.follow(b.get("/enrol")); otpauth.MatchString(p.Body.String()) {
					t.Errorf("%d %s", p.Code, p.Body)
				}
				if n := w.count(`SELECT COUNT(*) FROM totp_authenticator WHERE state = 'pending'`); n != 0 {
					t.Errorf("%d secrets were made", n)
				}
			}, func(c *config.Config) { c.TOTP.MaxActive = 1 })
		})
	}
}

package abuse

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warifu/internal/config"
	"warifu/internal/demo/people"
	"warifu/internal/keyring"
	"warifu/internal/secret"
)

// letter is a mail that waits to be sent.
type letter struct {
	To, Subject, Body string
}

// letters returns the mails of the queue, the oldest first.
func (w *world) letters() (all []letter) {
	w.t.Helper()
	rows, err := w.raw.QueryContext(w.t.Context(), `SELECT subscriber_id, id, sealed FROM mail_outbox WHERE state = 'queued' ORDER BY created_at`)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var subscriber, id string
		var sealed []byte
		w.must(rows.Scan(&subscriber, &id, &sealed))
		plain, err := w.app.Ring.Box(keyring.Outbox).Open(secret.Place{Table: "mail_outbox", Column: "sealed", Row: subscriber + "/" + id}, sealed)
		w.must(err)
		var l letter
		w.must(json.Unmarshal(plain, &l))
		all = append(all, l)
	}
	w.must(rows.Err())
	return all
}

var (
	eight = regexp.MustCompile(`\b(\d{4}) (\d{4})\b`)
	link  = regexp.MustCompile(regexp.QuoteMeta(base) + `(/r/[A-Za-z0-9_-]{43})\s`)
)

// lastOTP is what the newest mail with a one-time password says.
func (w *world) lastOTP() (otp string) {
	w.t.Helper()
	for _, l := range w.letters() {
		if found := eight.FindStringSubmatch(strings.SplitN(l.Body, "\n", 2)[0]); found != nil {
			otp = found[1] + found[2]
		}
	}
	if otp == "" {
		w.t.Fatal("no one-time password was sent")
	}
	return otp
}

// lastLink is the path of the newest link that was sent.
func (w *world) lastLink() (path string) {
	w.t.Helper()
	for _, l := range w.letters() {
		if found := link.FindStringSubmatch(l.Body); found != nil {
			path = found[1]
		}
	}
	if path == "" {
		w.t.Fatal("no link was sent")
	}
	return path
}

// cannot goes from the code's page to the page of the mailed one-time password.
func (b *browser) cannot(id string) page {
	b.w.t.Helper()
	p := b.totpPage(id)
	ask := b.get("/login/cannot?flow=" + url.QueryEscape(p.flow))
	otp := b.follow(b.submit("/login/cannot", ask, "to", "0"))
	if !otp.says("An email has been sent.") {
		b.w.t.Fatalf("after Yes: %d %s", otp.Code, otp.Body)
	}
	return otp
}

// TestTemporaryLogin comes in by mail: the session is a fallback one, it is
// short, TOTP stays as it was, and the person is told. MAIL-1, MAIL-5, MAIL-6, MAIL-8, SES-3.
func TestTemporaryLogin(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.cannot(hanako.id)
		if !p.says("@e") || p.says("hanako@") {
			t.Errorf("the address is not masked: %s", p.Body)
		}
		for _, l := range w.letters() {
			if strings.Contains(l.Subject, w.lastOTP()[:4]) || strings.Contains(l.Body, "://") {
				t.Errorf("number in the subject, or a link: %+v", l)
			}
		}
		if got := b.submit("/login/otp", p, "otp", w.lastOTP()); got.Header().Get("Location") != "/home" || !b.signedIn() {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		if got := b.submit("/login/otp", p, "otp", w.lastOTP()); got.Header().Get("Location") != "/home" {
			t.Errorf("the form sent twice: %d %s", got.Code, got.Body)
		}
		w.pass(16 * time.Minute)
		if b.signedIn() {
			t.Error("unused for 16 minutes, and still there")
		}
		told := false
		for _, l := range w.letters() {
			told = told || strings.Contains(l.Body, "臨時ログインがありました") || strings.Contains(l.Body, "temporary login")
		}
		if !told {
			t.Error("nobody was told")
		}
		w.newBrowser().signIn(hanako) // TOTP is as it was
	})
}

// TestA11OTPExpires enters an OTP just before and just after its end. A11, MAIL-2.
func TestA11OTPExpires(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		for _, test := range []struct {
			after time.Duration
			in    bool
		}{{10*time.Minute - time.Second, true}, {10 * time.Minute, false}} {
			b := w.newBrowser()
			p := b.cannot(hanako.id)
			w.pass(test.after)
			got := b.submit("/login/otp", p, "otp", w.lastOTP())
			if in := got.Header().Get("Location") == "/home"; in != test.in || !in && !got.says("has expired") {
				t.Errorf("after %s: %d %s", test.after, got.Code, got.Body)
			}
			w.pass(time.Hour)
		}
	})
}

// TestA12NewestOTPOnly: after a resend the old one is refused, and the new one
// works once, also for two requests at once. A12, MAIL-2.
func TestA12NewestOTPOnly(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.cannot(hanako.id)
		old := w.lastOTP()
		if got := b.submit("/login/otp/again", p); !got.says("Emails were sent too many times") {
			t.Errorf("at once: %d %s", got.Code, got.Body)
		}
		w.pass(30 * time.Second)
		if p.says("earlier numbers no longer work") {
			t.Errorf("the first one: %s", p.main())
		}
		if got := b.follow(b.submit("/login/otp/again", p)); !got.says("earlier numbers no longer work") {
			t.Errorf("after the second one: %s", got.main())
		}
		if old == w.lastOTP() {
			t.Fatal("the same number again")
		}
		if got := b.submit("/login/otp", p, "otp", old); got.Code != http.StatusUnprocessableEntity || !got.says("is not correct. Use the newest email.") {
			t.Errorf("the old one: %d %s", got.Code, got.Body)
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { b.submit("/login/otp", p, "otp", w.lastOTP()) })
		}
		wg.Wait()
		if n := w.count(`SELECT COUNT(*) FROM session`); n != 1 {
			t.Errorf("%d sessions, want 1", n)
		}
	})
}

// TestOTPStaysInItsFlow enters an OTP in another browser, and the digits of an
// old flow after a newer one has asked. MAIL-3, A34.
func TestOTPStaysInItsFlow(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b1, b2 := w.newBrowser(), w.newBrowser()
		p1 := b1.cannot(hanako.id)
		first := w.lastOTP()
		w.pass(31 * time.Second)
		p2 := b2.cannot(hanako.id)
		second := w.lastOTP()
		if got := b1.submit("/login/otp", p1, "otp", second); got.Code != http.StatusUnprocessableEntity || !got.says("is not correct") {
			t.Errorf("the number of the other browser: %d %s", got.Code, got.Body)
		}
		if got := b2.submit("/login/otp", p2, "otp", first); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("the number of the older flow: %d", got.Code)
		}
		if got := b2.submit("/login/otp", p1, "otp", first); got.Code != http.StatusForbidden {
			t.Errorf("the flow of the other browser: %d", got.Code)
		}
		if w.count(`SELECT COUNT(*) FROM session`) != 0 {
			t.Error("somebody came in")
		}
	})
}

// TestOTPTries ends an OTP with the fifth wrong entry, and proves that a new one
// does not reset what is counted against the person. A10, MAIL-2, THR-5, THR-8.
func TestOTPTries(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.cannot(hanako.id)
		wrong := fmt.Sprintf("%08d", 1)
		for n := range 4 {
			got := b.submit("/login/otp", p, "otp", wrong)
			if got.Code != http.StatusUnprocessableEntity || n == 3 && !got.says("Attempts left: 1") {
				t.Fatalf("entry %d: %d %s", n, got.Code, got.Body)
			}
		}
		w.pass(30 * time.Second)
		b.follow(b.submit("/login/otp/again", p))
		if n := w.count(`SELECT failures FROM throttle WHERE counter = 'code'`); n != 4 {
			t.Errorf("after a new OTP %d are counted, want 4", n)
		}
		b.submit("/login/otp", p, "otp", wrong) // the fifth makes the next one wait
		if got := b.submit("/login/otp", p, "otp", w.lastOTP()); !got.says("this is paused") {
			t.Errorf("in the wait: %d %s", got.Code, got.Body)
		}
		for range 4 {
			w.pass(9 * time.Minute)
			b.w.exec(`UPDATE mail_otp SET expires_at = expires_at + 600000`)
			p = b.follow(p)
			if got := b.submit("/login/otp", p, "otp", wrong); got.Code == http.StatusConflict {
				break
			}
		}
		w.pass(20 * time.Minute)
		w.exec(`UPDATE mail_otp SET expires_at = expires_at + 6000000`)
		w.exec(`UPDATE signin_flow SET expires_at = expires_at + 6000000`)
		if got := b.submit("/login/otp", p, "otp", w.lastOTP()); got.Code != http.StatusConflict || !got.says("can no longer be used") {
			t.Errorf("the right one after five wrong ones: %d %s", got.Code, got.Body)
		}
	}, func(c *config.Config) { c.MailOTP.Lifetime = time.Hour })
}

// TestA44MailsAreBounded asks for a hundred mails. A44, THR-9.
func TestA44MailsAreBounded(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.cannot(hanako.id)
		for range 100 {
			w.pass(13 * time.Minute)
			b.submit("/login/otp/again", p)
			w.exec(`UPDATE signin_flow SET expires_at = expires_at + 6000000`)
		}
		sent := 0
		for _, l := range w.letters() {
			if eight.MatchString(l.Body) {
				sent++
			}
		}
		if sent < 10 || sent > 10 {
			t.Errorf("%d mails in 22 hours, want 10", sent)
		}
	})
}

// TestPrivilegedNeverByMail: agents and administrators, those who are marked so and
// the members of marked groups are told what to do instead, on both ways. Decisions
// §3.5.
func TestPrivilegedNeverByMail(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.exec(`INSERT INTO notification_address (subscriber_id, address, confirmed_at, bounced_at)
			SELECT id, 'agent@example.com', 1, 0 FROM subscriber WHERE sps_id = 'agent01'`)
		w.must(w.app.Directory.SetPrivileged(t.Context(), seeded(1).id, true, "rector"))
		w.exec(`UPDATE subscriber SET groups = '["executives","staff"]' WHERE sps_id = '` + seeded(2).id + `'`)
		for _, id := range []string{"agent01", seeded(1).id, seeded(2).id} {
			b := w.newBrowser()
			p := b.totpPage(id)
			ask := b.get("/login/cannot?flow=" + url.QueryEscape(p.flow))
			reset := b.follow(b.reset(id))
			for _, p := range []page{ask, reset} {
				if !p.says("two agents confirm your identity") || !p.says("075-000-0000") || p.says("•••@e•••.com") {
					t.Errorf("%s: %d %s", id, p.Code, p.Body)
				}
			}
			b.submit("/login/cannot", page{ResponseRecorder: ask.ResponseRecorder, flow: p.flow, token: ask.token}, "to", "0")
			b.submit("/reset/wait", reset, "to", "0")
			if n := w.count(`SELECT COUNT(*) FROM mail_otp`) + w.count(`SELECT COUNT(*) FROM recovery_link`); n != 0 {
				t.Errorf("%s: something was sent", id)
			}
		}
	}, func(c *config.Config) { c.Institution.PrivilegedGroups = []string{"executives"} })
}

// reset sends the first step of an initialization.
func (b *browser) reset(id string) page {
	b.w.t.Helper()
	return b.submit("/reset", b.get("/reset"), "username", id, "password", people.Password)
}

// askLink asks for a link, and returns its path.
func (b *browser) askLink(id string) string {
	b.w.t.Helper()
	sent := b.follow(b.submit("/reset/wait", b.follow(b.reset(id)), "to", "0"))
	if !sent.says("Open the email to") {
		b.w.t.Fatalf("after Initialize: %d %s", sent.Code, sent.Body)
	}
	return b.w.lastLink()
}

// confirm sends the form of a link's page.
func (b *browser) confirm(path, id, password string) page {
	return b.submit(path, b.get(path), "username", id, "password", password)
}

// TestInitialisationByLink goes the whole way, with the link opened in another
// browser than the one that asked: the old code is refused from then on, all
// sessions end, the new code signs in. RST-1 to RST-6, RST-11, A21, A24, A25.
func TestInitialisationByLink(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		other, pc, phone := w.newBrowser(), w.newBrowser(), w.newBrowser()
		other.signIn(hanako)
		path := pc.askLink(hanako.id)
		if !other.signedIn() {
			t.Error("asking alone ended a session")
		}
		if p := pc.get(path); !p.says(`value="sps00001"`) {
			t.Errorf("the browser that asked does not know the ID: %s", p.Body)
		}
		if p := phone.get(path); p.says(`value="sps00001"`) {
			t.Error("another browser learned the ID")
		}
		done := phone.follow(phone.confirm(path, hanako.id, people.Password))
		if !done.says("The one-time password settings have been initialized.") {
			t.Fatalf("%d %s", done.Code, done.Body)
		}
		if other.signedIn() || phone.signedIn() || pc.signedIn() {
			t.Error("a session is there after the initialization")
		}
		if p := pc.get("/enrol"); p.Header().Get("Location") != "/mfa" {
			t.Errorf("the browser that asked got the ticket: %s", p.Header().Get("Location"))
		}
		w.pass(time.Minute)
		if p := w.newBrowser().password(hanako.id, people.Password); !strings.HasPrefix(p.Header().Get("Location"), "/login/ended") {
			t.Errorf("the password alone leads to %s", p.Header().Get("Location"))
		}
		who := phone.enrol(hanako.id, phone.follow(phone.get("/enrol")))
		w.pass(30 * time.Second)
		phone.signIn(who)
		b := w.newBrowser()
		if p := b.submitTOTP(b.totpPage(hanako.id), hanako.code(w.Now())); p.Code != http.StatusUnprocessableEntity {
			t.Errorf("the old code: %d", p.Code)
		}
		if n := w.count(`SELECT COUNT(*) FROM totp_authenticator a JOIN subscriber s ON s.id = a.subscriber_id WHERE s.sps_id = 'sps00001'`); n != 1 {
			t.Errorf("%d authenticators, want the new one alone", n)
		}
	})
}

// TestA16ScannersSpendNothing looks at a link with HEAD and GET. A16, RST-3.
func TestA16ScannersSpendNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		path := b.askLink(hanako.id)
		for n := range 15 {
			scanner := w.newBrowser()
			scanner.address = fmt.Sprintf("198.51.100.%d", n+1)
			if n < 5 {
				scanner.send(httptest.NewRequest("HEAD", base+path, nil))
			} else if p := scanner.get(path); p.Code != http.StatusOK {
				t.Errorf("GET: %d", p.Code)
			}
		}
		if p := b.confirm(path, hanako.id, people.Password); p.Header().Get("Location") != "/reset/done" {
			t.Errorf("afterwards: %d %s", p.Code, p.Body)
		}
		if strings.Contains(w.log.String(), strings.TrimPrefix(path, "/r/")) {
			t.Error("the token is in the log")
		}
	})
}

// TestA17DeadLinks uses a link in every way that must not work; each looks like
// the others. A17, RST-1, RST-4, RST-9.
func TestA17DeadLinks(t *testing.T) {
	for _, test := range []struct {
		name string
		kill func(w *world, b *browser, path string)
	}{
		{"used", func(w *world, b *browser, path string) { w.newBrowser().confirm(path, hanako.id, people.Password) }},
		{"expired", func(w *world, b *browser, path string) { w.pass(30 * time.Minute) }},
		{"newer", func(w *world, b *browser, path string) { w.pass(time.Minute); b.askLink(hanako.id) }},
		{"five wrong passwords", func(w *world, b *browser, path string) {
			for range 5 {
				b.confirm(path, hanako.id, "wrong")
			}
			w.pass(time.Minute)
		}},
		{"signed in with TOTP", func(w *world, b *browser, path string) { w.newBrowser().signIn(hanako) }},
		{"never made", func(w *world, b *browser, path string) { w.exec(`DELETE FROM recovery_link`) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, w *world) {
				b := w.newBrowser()
				path := b.askLink(hanako.id)
				test.kill(w, b, path)
				n := w.count(`SELECT COUNT(*) FROM totp_authenticator WHERE state = 'suspended'`)
				p := b.confirm(path, hanako.id, people.Password)
				if p.Code != http.StatusConflict || !p.says("This URL cannot be used") {
					t.Errorf("%d %s", p.Code, p.Body)
				}
				if w.count(`SELECT COUNT(*) FROM totp_authenticator WHERE state = 'suspended'`) != n {
					t.Error("it initialized nevertheless")
				}
				if p := b.get(path); p.Code != http.StatusOK || p.says("cannot be used") {
					t.Errorf("the page tells that the link is dead: %d", p.Code)
				}
			})
		})
	}
}

// TestLinkOfAnotherPerson tries a link with the password of somebody else: it is
// refused like a wrong password, the owner is told, and the link lives. RST-4.
func TestLinkOfAnotherPerson(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		path := b.askLink(hanako.id)
		wrong := b.confirm(path, hanako.id, "wrong")
		p := b.confirm(path, seeded(1).id, people.Password)
		if p.Code != http.StatusUnprocessableEntity || !p.says("not correct for this URL") || p.Code != wrong.Code {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		told := false
		for _, l := range w.letters() {
			told = told || strings.Contains(l.Body, "was entered at your initialization URL") || strings.Contains(l.Body, "初期化の URL に、別の")
		}
		if !told {
			t.Error("the owner was not told")
		}
		if p := b.confirm(path, hanako.id, people.Password); p.Header().Get("Location") != "/reset/done" {
			t.Errorf("the owner: %d %s", p.Code, p.Body)
		}
	})
}

// TestA20Abandon stops at each point of a recovery; the password alone leads
// neither in nor to an enrolment. A20, RST-7.
func TestA20Abandon(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		path := b.askLink(hanako.id)
		done := b.follow(b.confirm(path, hanako.id, people.Password))
		scan := b.follow(b.get("/enrol"))
		verify := b.follow(b.submit("/enrol", scan))
		who := shown(t, hanako.id, scan)
		w.pass(15 * time.Minute)
		if p := b.follow(b.submit("/enrol/verify", verify, "totp", who.code(w.Now()))); !p.says("The time for the registration has passed") {
			t.Errorf("after the time of the ticket: %d %s", p.Code, p.Body)
		}
		if p := b.get("/reset/done"); p.Header().Get("Location") != "/mfa" || done.Code != http.StatusOK {
			t.Errorf("/reset/done: %d", p.Code)
		}
		for range 2 {
			fresh := w.newBrowser()
			p := fresh.follow(fresh.password(hanako.id, people.Password))
			if p.Code != http.StatusConflict || !p.says("The one-time password (TOTP) was initialized, but not registered again") {
				t.Errorf("the password: %d %s", p.Code, p.Body)
			}
			if p := fresh.get("/enrol"); p.Header().Get("Location") != "/mfa" {
				t.Errorf("/enrol: %d %s", p.Code, p.Header().Get("Location"))
			}
		}
		again := w.newBrowser().askLink(hanako.id) // the way back in is the same way
		if p := b.follow(b.confirm(again, hanako.id, people.Password)); !p.says("have been initialized") {
			t.Errorf("once more: %d %s", p.Code, p.Body)
		}
		b.enrol(hanako.id, b.follow(b.get("/enrol")))
	})
}

// TestA18LinkFromConfiguration spoofs the headers of a proxy while asking. A18, RST-2.
func TestA18LinkFromConfiguration(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		reset := b.follow(b.reset(hanako.id))
		r := httptest.NewRequest("POST", base+"/reset/wait", strings.NewReader(url.Values{"flow": {reset.flow}, "token": {reset.token}, "to": {"0"}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "Forwarded"} {
			r.Header.Set(name, "host=evil.example")
		}
		b.send(r)
		w.lastLink() // begins with the configured address
		for _, l := range w.letters() {
			if strings.Contains(l.Body, "evil") {
				t.Errorf("%+v", l)
			}
		}
	})
}

// TestNobodyToSendTo: without an address the page names the help desk before
// anything is sent, and nothing can be sent.
func TestNobodyToSendTo(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.totpPage("sps00002")
		ask := b.get("/login/cannot?flow=" + url.QueryEscape(p.flow))
		reset := b.follow(b.reset("sps00002"))
		for _, p := range []page{ask, reset} {
			if p.Code != http.StatusOK || !p.says("No notification email address is registered.") || !p.says("075-000-0000") {
				t.Errorf("%d %s", p.Code, p.Body)
			}
		}
		if w.count(`SELECT COUNT(*) FROM mail_outbox`) != 0 {
			t.Error("something was sent")
		}
	})
}

var forgotLink = regexp.MustCompile(regexp.QuoteMeta(base) + `(/forgot/[A-Za-z0-9_-]{43})\s`)

// lastForgot is the path of the newest link for a new password.
func (w *world) lastForgot() (path string) {
	w.t.Helper()
	for _, l := range w.letters() {
		if found := forgotLink.FindStringSubmatch(l.Body); found != nil {
			path = found[1]
		}
	}
	return path
}

// forgot asks for a link, and returns the answer.
func (b *browser) forgot(id string) page {
	return b.follow(b.submit("/forgot", b.get("/forgot"), "username", id))
}

const betterPassword = "correct horse battery staple 割符"

// TestForgottenPassword: the link and a second factor open the choice of a new
// password; sessions end, the old password is refused, TOTP stays. Decisions §3.8, PW-3, PW-5.
func TestForgottenPassword(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		other, b := w.newBrowser(), w.newBrowser()
		other.signIn(hanako)
		w.pass(time.Minute)
		b.forgot(hanako.id)
		path := w.lastForgot()
		if p := b.submit(path, b.get(path), "username", hanako.id, "code", hanako.wrong(w.Now(), 1)); p.Code != http.StatusUnprocessableEntity {
			t.Errorf("a wrong code: %d %s", p.Code, p.Body)
		}
		if p := b.get("/reset/password"); p.Header().Get("Location") != "/forgot" {
			t.Errorf("without a ticket: %d", p.Code)
		}
		choose := b.follow(b.submit(path, b.get(path), "username", hanako.id, "code", hanako.code(w.Now())))
		for typed, want := range map[string]string{"": "Enter your password.", "short": "Enter 8 characters or more.", "password123": "too easy to guess", "sps00001sps00001": "too easy to guess"} {
			if p := b.submit("/reset/password", choose, "password", typed); p.Code != http.StatusUnprocessableEntity || !p.says(want) {
				t.Errorf("%q: %d %s", typed, p.Code, p.Body)
			}
		}
		if p := b.get("/enrol"); p.Header().Get("Location") != "/reset/password" {
			t.Errorf("/enrol with a ticket for the password: %d %s", p.Code, p.Header().Get("Location"))
		}
		if p := b.submit("/reset/password", choose, "password", betterPassword); p.Header().Get("Location") != "/login?new=1" {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		if p := b.get("/enrol"); p.Header().Get("Location") != "/mfa" {
			t.Errorf("/enrol afterwards: %d %s", p.Code, p.Header().Get("Location"))
		}
		if other.signedIn() || b.signedIn() {
			t.Error("a session is there")
		}
		if p := b.password(hanako.id, people.Password); p.Code != http.StatusUnprocessableEntity {
			t.Errorf("the old password: %d", p.Code)
		}
		p := b.password(hanako.id, betterPassword)
		w.pass(30 * time.Second)
		if p := b.submitTOTP(b.follow(p), hanako.code(w.Now())); p.Header().Get("Location") != "/home" {
			t.Errorf("the new one: %d %s", p.Code, p.Body)
		}
	})
}

// TestForgottenTellsNothing: the answer is the same for everybody, and so is that
// of a link that is dead, of another person, or for something else. A40, RST-10, WEB-7.
func TestForgottenTellsNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		var first string
		for _, id := range []string{hanako.id, "sps00002", "sps00004", "agent01", "nobody"} {
			p := w.newBrowser().forgot(id)
			if text := strip(p, id).String(); first == "" {
				first = text
			} else if text != first {
				t.Errorf("%s gets another answer", id)
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM recovery_link`); n != 1 {
			t.Errorf("%d links, want that of the one person who may have it", n)
		}
		b := w.newBrowser()
		path := w.lastForgot()
		initialise := b.askLink(seeded(1).id)
		for _, try := range []struct{ path, id string }{
			{path, seeded(1).id},
			{strings.Replace(initialise, "/r/", "/forgot/", 1), seeded(1).id},
			{"/forgot/" + strings.Repeat("A", 43), hanako.id},
		} {
			p := b.submit(try.path, b.get(try.path), "username", try.id, "code", hanako.code(w.Now()))
			if p.Code != http.StatusUnprocessableEntity || !p.says("This does not match") {
				t.Errorf("%v: %d %s", try, p.Code, p.Body)
			}
		}
		if p := b.confirm(strings.Replace(path, "/forgot/", "/r/", 1), hanako.id, people.Password); p.Code != http.StatusConflict {
			t.Errorf("a link for the password initializes: %d", p.Code)
		}
		if n := w.count(`SELECT COUNT(*) FROM throttle WHERE counter IN ('factor', 'code')`); n != 0 {
			t.Error("attempts at dead links were counted against somebody")
		}
	})
}

// TestActivationCodeBringsBack: with a code of an administrator a privileged
// person sets up again, and a person without a password begins. Decisions §3.5, §3.8.
func TestActivationCodeBringsBack(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		code, _, err := w.app.Directory.ActivationCode(t.Context(), "agent01", "lost the telephone")
		w.must(err)
		b := w.newBrowser()
		reset := b.follow(b.reset("agent01"))
		if p := b.submit("/reset/code", reset, "code", "0000-0000-0000-0000"); p.Code != http.StatusUnprocessableEntity || !p.says("The activation code is not correct") {
			t.Errorf("a wrong code: %d %s", p.Code, p.Body)
		}
		if p := b.follow(b.submit("/reset/code", reset, "code", code)); !p.says("have been initialized") {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		b.enrol("agent01", b.follow(b.get("/enrol")))

		code, _, err = w.app.Directory.ActivationCode(t.Context(), newcomer, "first day")
		w.must(err)
		w.exec(`DELETE FROM password WHERE subscriber_id = (SELECT id FROM subscriber WHERE sps_id = 'sps00003')`)
		b = w.newBrowser()
		if p := b.submit("/forgot/code", b.get("/forgot/code"), "username", "nobody", "code", code); p.Code != http.StatusUnprocessableEntity || !p.says("The activation code is not correct") {
			t.Errorf("of nobody: %d %s", p.Code, p.Body)
		}
		choose := b.follow(b.submit("/forgot/code", b.get("/forgot/code"), "username", newcomer, "code", code))
		if p := b.get("/enrol"); p.Header().Get("Location") != "/reset/password" {
			t.Errorf("the password comes first: %s", p.Header().Get("Location"))
		}
		scan := b.follow(b.submit("/reset/password", choose, "password", betterPassword))
		who := b.enrol(newcomer, scan)
		w.pass(30 * time.Second)
		p := b.submitTOTP(b.follow(b.password(newcomer, betterPassword)), who.code(w.Now()))
		if p.Header().Get("Location") != "/home" {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		if p := w.newBrowser().submit("/forgot/code", b.get("/forgot/code"), "username", newcomer, "code", code); p.Code == http.StatusSeeOther {
			t.Error("the code worked twice")
		}
	})
}

const wrongActivation = "0000-0000-0000-0000"

// TestCodesAreBounded: wrong activation codes make a person wait, and a right one is
// refused meanwhile; so it is of a suspended person. THR-5, SES-9.
func TestCodesAreBounded(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		code, _, err := w.app.Directory.ActivationCode(t.Context(), "agent01", "lost the telephone")
		w.must(err)
		b := w.newBrowser()
		reset := b.follow(b.reset("agent01"))
		for range 5 {
			b.submit("/reset/code", reset, "code", wrongActivation)
		}
		if p := b.submit("/reset/code", reset, "code", code); p.Code != http.StatusUnprocessableEntity || !p.says("this is paused") {
			t.Errorf("in the wait: %d %s", p.Code, p.Body)
		}
		w.pass(time.Minute)
		w.must(w.app.Directory.Suspend(t.Context(), "agent01", "test"))
		if p := b.submit("/reset/code", reset, "code", code); p.Code != http.StatusConflict || !p.says("cannot be used now") {
			t.Errorf("suspended: %d %s", p.Code, p.Body)
		}
		if w.count(`SELECT COUNT(*) FROM totp_authenticator WHERE initialised`) != 0 {
			t.Error("it initialized nevertheless")
		}
	})
}

// TestCodesAreBoundedPerNetwork: wrong activation codes of many people count
// against the network that they come from. THR-6.
func TestCodesAreBoundedPerNetwork(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		code, _, err := w.app.Directory.ActivationCode(t.Context(), hanako.id, "first day")
		w.must(err)
		b := w.newBrowser()
		page := b.get("/forgot/code")
		for n := range 10 {
			b.submit("/forgot/code", page, "username", seeded(n+1).id, "code", wrongActivation)
		}
		if p := b.submit("/forgot/code", page, "username", hanako.id, "code", code); p.Code != http.StatusUnprocessableEntity || !p.says("this is paused") {
			t.Errorf("from a network of ten failures: %d %s", p.Code, p.Body)
		}
		other := w.newBrowser()
		other.address = "198.51.100.7"
		if p := other.submit("/forgot/code", other.get("/forgot/code"), "username", hanako.id, "code", code); p.Header().Get("Location") != "/reset/password" {
			t.Errorf("from another one: %d %s", p.Code, p.Body)
		}
	}, func(c *config.Config) { c.Throttle.AddressFailures = 10 })
}

// told counts the letters with one of the words.
func (w *world) told(japanese, english string) (n int) {
	w.t.Helper()
	for _, l := range w.letters() {
		if strings.Contains(l.Body, japanese) || strings.Contains(l.Body, english) {
			n++
		}
	}
	return n
}

// TestForgottenPasswordByRecoveryCode: a code opens the choice of a new password
// once, also for three requests at once; that is a recovery, the person is
// told, and the count of failures stays. REC-1, ADR-8, THR-5.
func TestForgottenPasswordByRecoveryCode(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		codes := w.giveCodes(hanako)
		b := w.newBrowser()
		b.forgot(hanako.id)
		path := w.lastForgot()
		b.submit(path, b.get(path), "username", hanako.id, "code", "0000-0000-0000-0000")
		page := b.get(path)
		var wg sync.WaitGroup
		var led atomic.Int64
		for range 3 {
			wg.Go(func() {
				if p := b.submit(path, page, "username", hanako.id, "code", codes[0]); p.Header().Get("Location") == "/reset/password" {
					led.Add(1)
				}
			})
		}
		wg.Wait()
		if n := w.count(`SELECT COUNT(*) FROM recovery_code WHERE used_at > 0`); led.Load() != 1 || n != 1 {
			t.Errorf("%d requests led on, %d codes are used", led.Load(), n)
		}
		if w.told("リカバリーコードが1つ使われました", "A recovery code was used") == 0 {
			t.Error("the person was not told")
		}
		if w.count(`SELECT COUNT(*) FROM subscriber WHERE sps_id = 'sps00001' AND recovered_at > 0`) != 1 {
			t.Error("it does not count as a recovery")
		}
		if w.count(`SELECT failures FROM throttle WHERE counter = 'factor'`) == 0 {
			t.Error("the code reset the count of failures")
		}
	})
}

// TestForgottenGuesses guesses codes at links for a new password: at the limits the
// person is told, and TOTP is suspended, as at the sign-in. THR-5, NOT-1.
func TestForgottenGuesses(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		for n := range 12 {
			w.pass(20 * time.Minute)
			b.forgot(hanako.id)
			path := w.lastForgot()
			b.submit(path, b.get(path), "username", hanako.id, "code", hanako.wrong(w.Now(), n))
		}
		if w.told("使ったことのあるブラウザだけ", "only browsers that you have used before") == 0 {
			t.Error("nobody was told at the first limit")
		}
		if n := w.count(`SELECT COUNT(*) FROM totp_authenticator a JOIN subscriber s ON s.id = a.subscriber_id WHERE s.sps_id = 'sps00001' AND a.state = 'suspended'`); n != 0 {
			t.Errorf("suspended before the second limit")
		}
		if w.count(`SELECT failures FROM throttle WHERE counter = 'factor_unknown'`) != 10 {
			t.Error("more guesses than the limit were verified")
		}
	}, func(c *config.Config) { c.Throttle.FactorUnknown, c.Throttle.MailDay = 10, 20 })
}

// TestForgottenGuessesSuspend: at the limit of all guesses TOTP is suspended. THR-5.
func TestForgottenGuessesSuspend(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		for n := range 10 {
			w.pass(20 * time.Minute)
			b.forgot(hanako.id)
			path := w.lastForgot()
			b.submit(path, b.get(path), "username", hanako.id, "code", hanako.wrong(w.Now(), n))
		}
		if w.told("ワンタイムパスワード（TOTP）を停止しました", "your one-time password (TOTP) was stopped") == 0 ||
			w.count(`SELECT COUNT(*) FROM totp_authenticator a JOIN subscriber s ON s.id = a.subscriber_id WHERE s.sps_id = 'sps00001' AND a.state = 'suspended'`) != 1 {
			t.Error("TOTP is not suspended, or nobody was told")
		}
	}, func(c *config.Config) { c.Throttle.FactorUnknown, c.Throttle.FactorAll = 10, 10 })
}

// TestOneLinkOneTicket confirms one link from sixteen browsers at once: one of them
// gets the ticket. RST-1.
func TestOneLinkOneTicket(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		path := w.newBrowser().askLink(hanako.id)
		var wg sync.WaitGroup
		var led atomic.Int64
		for range 16 {
			b := w.newBrowser()
			page := b.get(path)
			wg.Go(func() {
				if p := b.submit(path, page, "username", hanako.id, "password", people.Password); p.Header().Get("Location") == "/reset/done" {
					led.Add(1)
				}
			})
		}
		wg.Wait()
		if n := w.count(`SELECT COUNT(*) FROM ticket`); led.Load() != 1 || n != 1 {
			t.Errorf("%d browsers led on, %d tickets", led.Load(), n)
		}
	}, func(c *config.Config) { c.Throttle.PasswordFree = 10; c.Throttle.PasswordWait = 10 * time.Second })
}

// TestLinkSentAgain sends the link once more, and the page says that the mail before
// is of no more use. RST-1.
func TestLinkSentAgain(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		sent := b.follow(b.submit("/reset/wait", b.follow(b.reset(hanako.id)), "to", "0"))
		if sent.says("Use the newest email") {
			t.Errorf("the first one: %s", sent.main())
		}
		w.pass(30 * time.Second)
		if got := b.follow(b.submit("/reset/wait", sent.form("/reset/wait"), "to", "0")); !got.says("Open the email to") || !got.says("Use the newest email") {
			t.Errorf("the second one: %d %s", got.Code, got.main())
		}
	})
}

// TestLinkPauses asks for a second link in the pause after the first: nothing is
// sent, and the first still works. THR-9, A44.
func TestLinkPauses(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		path := b.askLink(hanako.id)
		w.pass(29 * time.Second)
		p := b.follow(b.submit("/reset/wait", b.follow(b.reset(hanako.id)), "to", "0"))
		if p.says("Open the email to") || w.lastLink() != path {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		if p := b.confirm(path, hanako.id, people.Password); p.Header().Get("Location") != "/reset/done" {
			t.Errorf("the first link: %d %s", p.Code, p.Body)
		}
	})
}

// TestSuspendedDoesNotRecover: a suspended person gets past no step of a recovery:
// not the password, not the mail, not a link that was sent before. SES-9.
func TestSuspendedDoesNotRecover(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		if p := b.reset("sps00004"); p.Code != http.StatusConflict || !p.says("cannot be used now") || w.count(`SELECT COUNT(*) FROM recovery_flow`) != 0 {
			t.Errorf("the password: %d %s", p.Code, p.Body)
		}
		decision, toDesk := b.follow(b.reset(seeded(1).id)), b.follow(b.reset(seeded(3).id))
		path := b.askLink(hanako.id)
		otp := b.cannot(seeded(2).id)
		number := w.lastOTP()
		for _, id := range []string{hanako.id, seeded(1).id, seeded(2).id, seeded(3).id} {
			w.must(w.app.Directory.Suspend(t.Context(), id, "test"))
		}
		links := w.count(`SELECT COUNT(*) FROM recovery_link`)
		if p := b.submit("/reset/wait", decision, "to", "0"); p.Code != http.StatusConflict || !p.says("cannot be used now") || w.count(`SELECT COUNT(*) FROM recovery_link`) != links {
			t.Errorf("the mail: %d %s", p.Code, p.Body)
		}
		if p := b.submit("/reset/wait", toDesk, "to", "desk"); p.Code != http.StatusConflict || !p.says("cannot be used now") || w.count(`SELECT COUNT(*) FROM desk_case`) != 0 {
			t.Errorf("the help desk: %d %s", p.Code, p.Body)
		}
		if p := b.confirm(path, hanako.id, people.Password); p.Code != http.StatusConflict || !p.says("cannot be used now") || w.count(`SELECT COUNT(*) FROM ticket`) != 0 {
			t.Errorf("the link: %d %s", p.Code, p.Body)
		}
		if p := b.follow(b.submit("/login/otp", otp, "otp", number)); !p.says("cannot be used now") || b.signedIn() {
			t.Errorf("the number: %d %s", p.Code, p.Body)
		}
	})
}

// TestSuspendedMeanwhile suspends a person between the right password and the way
// back in that is asked for: nothing is sent, and no case is opened. SES-9.
func TestSuspendedMeanwhile(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		for to, who := range map[string]person{"0": seeded(1), "desk": seeded(2)} {
			b := w.newBrowser()
			ask := b.get("/login/cannot?flow=" + url.QueryEscape(b.totpPage(who.id).flow) + "&to=" + to)
			w.must(w.app.Directory.Suspend(t.Context(), who.id, "test"))
			p := b.follow(b.submit("/login/cannot", ask.form("/login/cannot"), "to", to))
			if !p.says("cannot be used now") || w.count(`SELECT COUNT(*) FROM mail_otp`) != 0 || w.count(`SELECT COUNT(*) FROM desk_case`) != 0 {
				t.Errorf("to %s: %d %s", to, p.Code, p.Body)
			}
		}
	})
}

// TestForgottenMails: who may not come back by mail is sent nothing, a person not
// twice at once, and a network not without an end. MAIL-11, THR-9.
func TestForgottenMails(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.exec(`INSERT INTO notification_address (subscriber_id, address, confirmed_at, bounced_at)
			SELECT id, sps_id || '@example.com', 1, 0 FROM subscriber WHERE sps_id IN ('agent01', 'sps00004')`)
		b := w.newBrowser()
		b.forgot("agent01")
		b.forgot("sps00004")
		if n := w.count(`SELECT COUNT(*) FROM recovery_link`); n != 0 {
			t.Errorf("%d links for a privileged and a suspended person", n)
		}
		b.forgot(hanako.id)
		first := w.lastForgot()
		b.forgot(hanako.id)
		if w.lastForgot() != first {
			t.Error("a second mail at once")
		}
		for n := range 20 {
			b.forgot(seeded(n + 1).id)
		}
		if n := w.count(`SELECT COUNT(*) FROM recovery_link`); n != 7 { // of ten requests three were in vain
			t.Errorf("%d links for one network, want 7", n)
		}
		other := w.newBrowser()
		other.address = "198.51.100.4"
		other.forgot(seeded(20).id)
		if n := w.count(`SELECT COUNT(*) FROM recovery_link`); n != 8 {
			t.Errorf("%d links with that of another network, want 8", n)
		}
	}, func(c *config.Config) { c.Throttle.MailNetwork = 10 })
}

// TestForgottenIsDoneAtTheStop: what an answer did not wait for is done all the same
// when the server ends at once.
func TestForgottenIsDoneAtTheStop(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.must(w.app.Start(t.Context()))
		b := w.newBrowser()
		for n := range 5 {
			b.forgot(seeded(n + 1).id)
		}
		w.app.Stop()
		if n := w.count(`SELECT COUNT(*) FROM recovery_link`); n != 5 {
			t.Errorf("%d links, want 5", n)
		}
	})
}

// TestForgottenClock: while the clock is behind, no code is taken at a link either. OPS-4.
func TestForgottenClock(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.forgot(hanako.id)
		path := w.lastForgot()
		w.must(w.app.Clock.Note(t.Context()))
		w.pass(-10 * time.Second)
		if p := b.submit(path, b.get(path), "username", hanako.id, "code", hanako.code(w.Now())); p.Code != http.StatusServiceUnavailable {
			t.Errorf("%d %s", p.Code, p.Body)
		}
	})
}

// TestForgottenLinkOnce proves a link with a different recovery code from each of
// four browsers at once: one leads on, and only its code is used up. RST-1, REC-1.
func TestForgottenLinkOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		codes := w.giveCodes(hanako)
		w.newBrowser().forgot(hanako.id)
		path := w.lastForgot()
		var wg sync.WaitGroup
		var led atomic.Int64
		for n := range 4 {
			b := w.newBrowser()
			page := b.get(path)
			wg.Go(func() {
				if p := b.submit(path, page, "username", hanako.id, "code", codes[n]); p.Header().Get("Location") == "/reset/password" {
					led.Add(1)
				}
			})
		}
		wg.Wait()
		if n := w.count(`SELECT COUNT(*) FROM recovery_code WHERE used_at > 0`); led.Load() != 1 || n != 1 {
			t.Errorf("%d browsers led on, %d codes are used", led.Load(), n)
		}
	})
}

// TestChoiceOfPassword: a ticket chooses one password, also for eight requests at
// once; that of an initialization chooses none, nor does that of a person who is
// suspended meanwhile. RST-1, RST-10, SES-9.
func TestChoiceOfPassword(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		path := b.askLink(hanako.id)
		b.confirm(path, hanako.id, people.Password)
		if p := b.get("/reset/password"); p.Header().Get("Location") != "/forgot" {
			t.Errorf("with the ticket of an initialization: %d", p.Code)
		}
		choice := func(who person) (*browser, page) {
			b := w.newBrowser()
			b.forgot(who.id)
			path := w.lastForgot()
			return b, b.follow(b.submit(path, b.get(path), "username", who.id, "code", who.code(w.Now())))
		}
		b, page := choice(seeded(1))
		w.must(w.app.Directory.Suspend(t.Context(), seeded(1).id, "test"))
		if p := b.submit("/reset/password", page, "password", betterPassword); p.Header().Get("Location") != "/forgot" || w.count(`SELECT COUNT(*) FROM audit_event WHERE body LIKE '%password chosen%'`) != 0 {
			t.Errorf("suspended meanwhile: %d %s", p.Code, p.Header().Get("Location"))
		}
		b, page = choice(seeded(2))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { b.submit("/reset/password", page, "password", betterPassword) })
		}
		wg.Wait()
		if n := w.count(`SELECT COUNT(*) FROM audit_event WHERE body LIKE '%password chosen%'`); n != 1 {
			t.Errorf("%d passwords were chosen", n)
		}
	})
}

// TestRecoveryExpires: half an hour after the password the flow sends nothing. SES-5.
func TestRecoveryExpires(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		decision := b.follow(b.reset(hanako.id))
		w.pass(30 * time.Minute)
		p := b.submit("/reset/wait", decision, "to", "0")
		if w.count(`SELECT COUNT(*) FROM recovery_link`) != 0 || w.count(`SELECT COUNT(*) FROM mail_outbox`) != 0 {
			t.Errorf("a link was sent: %d %s", p.Code, p.Body)
		}
		if again := b.follow(p); again.says("Open the email to") || p.Code >= http.StatusInternalServerError {
			t.Errorf("%d %s", p.Code, again.Body)
		}
	})
}

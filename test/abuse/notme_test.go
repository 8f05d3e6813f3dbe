package abuse

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warifu/internal/config"
	"warifu/internal/demo/people"
)

// freeze stops settings and recovery by mail of a person, as a report does.
func (w *world) freeze(id string) {
	w.t.Helper()
	w.exec(`UPDATE subscriber SET frozen_at = $1 WHERE sps_id = $2`, w.Now().UnixMilli(), id)
}

// TestFrozenSettings: a person whose settings were stopped by a report signs in
// with the second factor, is refused by every page of settings, and changes
// nothing with a form from before; an administrator lifts it. ADR-5.
func TestFrozenSettings(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		b.signIn(who)
		form := b.get("/account").form("/account/address")
		w.freeze(who.id)
		queued := w.count(`SELECT COUNT(*) FROM mail_outbox`)
		for _, path := range settings {
			if p := b.get(path); p.Code != http.StatusConflict || !p.says("Your settings are stopped") {
				t.Errorf("GET %s: %d %s", path, p.Code, p.Body)
			}
		}
		if p := b.submit("/account/address", form, "email", "planted@example.net"); p.Code != http.StatusConflict || !p.says("Your settings are stopped") {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		if w.count(`SELECT COUNT(*) FROM pending_address`) != 0 || w.count(`SELECT COUNT(*) FROM mail_outbox`) != queued {
			t.Error("something was sent")
		}
		w.pass(time.Minute)
		again := w.newBrowser()
		again.signIn(who)
		if p := again.get("/account"); p.Code != http.StatusConflict {
			t.Errorf("after another sign-in: %d", p.Code)
		}
		w.must(w.app.Directory.Unlock(t.Context(), who.id, "came with a passport"))
		if p := again.get("/account"); p.Code != http.StatusOK {
			t.Errorf("after it was lifted: %d", p.Code)
		}
	})
}

// TestFrozenWaysBack mails nothing that lets a frozen person in, takes nothing
// that was mailed before, and asks a newcomer for an activation code. ADR-5, MAIL-11.
func TestFrozenWaysBack(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, b2, b3 := w.newBrowser(), w.newBrowser(), w.newBrowser()
		otp, digits := b.cannot(hanako.id), w.lastOTP()
		w.pass(time.Minute)
		link := b2.askLink(hanako.id)
		w.pass(time.Minute)
		b3.forgot(hanako.id)
		forgot := w.lastForgot()
		w.freeze(hanako.id)
		w.freeze(newcomer)
		w.pass(time.Minute)
		queued := w.count(`SELECT COUNT(*) FROM mail_outbox`)
		ask := w.newBrowser()
		if p := ask.get("/login/cannot?flow=" + url.QueryEscape(ask.totpPage(hanako.id).flow)); p.says("@e") || !p.says("075-000-0000") {
			t.Errorf("an OTP can be asked for: %s", p.Body)
		}
		if p := ask.follow(ask.reset(hanako.id)); p.says("@e") || !p.says("075-000-0000") {
			t.Errorf("a link can be asked for: %s", p.Body)
		}
		ask.forgot(hanako.id)
		if w.count(`SELECT COUNT(*) FROM mail_outbox`) != queued {
			t.Error("a way back was mailed")
		}
		if p := b.submit("/login/otp", otp, "otp", digits); p.Code == http.StatusSeeOther || b.signedIn() {
			t.Errorf("the OTP from before: %d %s", p.Code, p.Header().Get("Location"))
		}
		if p := b2.confirm(link, hanako.id, people.Password); p.Code != http.StatusConflict {
			t.Errorf("the link from before: %d", p.Code)
		}
		if p := b3.submit(forgot, b3.get(forgot), "username", hanako.id, "code", hanako.code(w.Now())); p.Code != http.StatusUnprocessableEntity {
			t.Errorf("the link for a password from before: %d %s", p.Code, p.Header().Get("Location"))
		}
		first := w.newBrowser()
		if p := first.follow(first.password(newcomer, people.Password)); otpauth.MatchString(p.Body.String()) || !strings.Contains(p.Body.String(), "/enrol/activation") {
			t.Errorf("the password alone enrols: %d %s", p.Code, p.Body)
		}
	})
}

var notMeLink = regexp.MustCompile(regexp.QuoteMeta(base) + `(/not-me/[\w-]{43})\s`)

// objection returns the path of the newest right to report that was mailed to an
// address.
func (w *world) objection(to string) (path string) {
	w.t.Helper()
	for _, m := range w.mailsTo(to) {
		if found := notMeLink.FindStringSubmatch(m.Body); found != nil {
			path = found[1]
		}
	}
	if path == "" {
		w.t.Fatalf("no right to report was sent to %s", to)
	}
	return path
}

// report sends the form of the page of a report.
func (b *browser) report(path, id, password string) page {
	return b.submit(path, b.get(path), "username", id, "password", password)
}

func (w *world) isFrozen(id string) bool {
	w.t.Helper()
	return w.count(`SELECT COUNT(*) FROM subscriber WHERE sps_id = $1 AND frozen_at > 0`, id) == 1
}

// TestNotMe: somebody planted an address, and its person says so by the mail to
// the former one. In the same moment sessions, refresh tokens, links, OTPs and
// tickets end; the person and the help desk are told; the password alone leads
// nowhere. ADR-5, A25, NOT-1, HD-19, THR-4.
func TestNotMe(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		x, who, second := w.newBrowser(), seeded(1), w.node()
		old := w.addresses(who.id)[0]
		x.signIn(who)
		pc := w.newBrowser()
		pc.node = second
		w.pass(30 * time.Second)
		pc.signIn(who)
		w.pass(30 * time.Second)
		x.register(who, "planted@example.net")
		w.exec(`INSERT INTO ticket (id, subscriber_id, browser, bound_by, enrol, password, locked, request, expires_at)
			SELECT 't', id, $1, 'link', TRUE, FALSE, FALSE, '', $2 FROM subscriber WHERE sps_id = 'seed0000001'`, []byte{1}, w.Now().Add(time.Hour).UnixMilli())
		path, phone := w.objection(old), w.newBrowser()
		done := phone.follow(phone.report(path, who.id, people.Password))
		if !done.says("Your report has been received.") || !done.says("075-000-0000") || !done.says("Change your password.") {
			t.Fatalf("%d %s", done.Code, done.Body)
		}
		if x.signedIn() || pc.signedIn() || phone.signedIn() {
			t.Error("a session is there after the report")
		}
		for _, table := range []string{"session", "oidc_grant", "recovery_link", "mail_otp", "ticket", "not_me_token"} {
			if n := w.count(`SELECT COUNT(*) FROM ` + table + ` WHERE subscriber_id = (SELECT id FROM subscriber WHERE sps_id = 'seed0000001')`); n != 0 {
				t.Errorf("%s: %d rows are left", table, n)
			}
		}
		for _, to := range []string{"planted@example.net", who.id + "@miyako.example"} {
			if !slices.ContainsFunc(w.mailsTo(to), func(m queuedMail) bool {
				return strings.Contains(m.Body, "心当たりのない変更の報告を受け付けました。")
			}) {
				t.Errorf("%s was not told", to)
			}
		}
		told := w.mailsTo("desk@miyako.example")
		if len(told) != 1 || told[0].subscriber != "" || !strings.Contains(told[0].Body, "心当たりのない変更の報告") ||
			strings.Contains(told[0].Body, who.id) || strings.Contains(told[0].Body, "example.net") {
			t.Errorf("the help desk was told %+v", told)
		}
		if w.count(`SELECT COUNT(*) FROM audit_event WHERE name = 'change_reported' AND body LIKE '%"outcome":"reported"%'`) != 1 {
			t.Error("not recorded")
		}
		w.pass(time.Minute)
		thief := w.newBrowser()
		if p := thief.follow(thief.password(who.id, people.Password)); !strings.Contains(p.Body.String(), "/login/totp") || thief.signedIn() {
			t.Errorf("the password alone leads on: %d %s", p.Code, p.Body)
		}
		thief.signIn(who)
		for _, path := range []string{"/home", "/logout", "/accessibility", "/mfa"} {
			if p := thief.get(path); !p.says("Because of your report, settings and recovery by email are stopped.") {
				t.Errorf("%s: no banner: %d %s", path, p.Code, p.Body)
			}
		}
		if p := w.newBrowser().get("/mfa"); p.says("Because of your report") {
			t.Error("a banner for nobody")
		}
	}, func(c *config.Config) { c.HelpDesk.Mail = "desk@miyako.example" })
}

// TestNotMeToken tries a right to report twice, by GET, by another person, with
// wrong passwords, and after 72 hours. Until the password is right, one that is
// dead looks like one that is alive; a refusal changes nothing. ADR-5, WEB-7, A16, A17, A27.
func TestNotMeToken(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who, other := w.newBrowser(), seeded(1), seeded(2)
		old := w.addresses(who.id)[0]
		b.signIn(who)
		b.register(who, "mine@example.net")
		path := w.objection(old)
		dead := "/not-me/" + strings.Repeat("A", 43)
		form := w.newBrowser()
		for range 5 {
			r := httptest.NewRequest("HEAD", base+path, nil)
			w.newBrowser().send(r)
			form.get(path)
		}
		if alive, gone := form.get(path), form.get(dead); strings.ReplaceAll(alive.Body.String(), path, "") != strings.ReplaceAll(gone.Body.String(), dead, "") || alive.Code != gone.Code {
			t.Errorf("a dead one looks different:\n%s\n%s", alive.Body, gone.Body)
		}
		for _, test := range []struct {
			name, path, id, password string
			status                   int
			says                     string
		}{
			{"empty", path, "", "", http.StatusUnprocessableEntity, "Please check the following"},
			{"wrong password", path, who.id, "wrong", http.StatusUnprocessableEntity, "is not correct for this URL"},
			{"dead, wrong password", dead, who.id, "wrong", http.StatusUnprocessableEntity, "is not correct for this URL"},
			{"another person", path, other.id, people.Password, http.StatusUnprocessableEntity, "is not correct for this URL"},
			{"dead", dead, who.id, people.Password, http.StatusConflict, "This report page has expired"},
			{"prefix", path[:len(path)-1], who.id, people.Password, http.StatusConflict, "This report page has expired"},
			{"other case", strings.Replace(strings.ToUpper(path), "/NOT-ME/", "/not-me/", 1), who.id, people.Password, http.StatusConflict, "This report page has expired"},
			{"suspended", path, "sps00004", people.Password, http.StatusConflict, "cannot be used now"},
		} {
			if p := form.report(test.path, test.id, test.password); p.Code != test.status || !p.says(test.says) {
				t.Errorf("%s: %d %s", test.name, p.Code, p.Body)
			}
		}
		if p := form.post(path, url.Values{"username": {who.id}, "password": {people.Password}}); p.Code != http.StatusForbidden {
			t.Errorf("without the form's token: %d", p.Code)
		}
		if w.isFrozen(who.id) || w.isFrozen(other.id) || !b.signedIn() || w.count(`SELECT COUNT(*) FROM not_me_token`) != 1 {
			t.Error("a refusal changed something")
		}
		w.pass(time.Minute) // the wait after the wrong ones
		if p := form.report(path, who.id, people.Password); !strings.HasPrefix(p.Header().Get("Location"), "/not-me/done?flow=") || !w.isFrozen(who.id) {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		if p := form.report(path, who.id, people.Password); p.Code != http.StatusConflict || !p.says("This report page has expired") {
			t.Errorf("twice: %d %s", p.Code, p.Body)
		}
	})
}

// TestNotMeTokenExpires: 72 hours. ADR-5.
func TestNotMeTokenExpires(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		for n, after := range map[int]time.Duration{1: 72*time.Hour - time.Second, 2: 72 * time.Hour} {
			b, who := w.newBrowser(), seeded(n)
			old := w.addresses(who.id)[0]
			b.signIn(who)
			b.register(who, "new@example.net")
			path := w.objection(old)
			w.pass(after)
			p := b.report(path, who.id, people.Password)
			if frozen := w.isFrozen(who.id); frozen != (n == 1) || !frozen && !p.says("This report page has expired") {
				t.Errorf("after %s: %d %s", after, p.Code, p.Body)
			}
		}
	})
}

// TestNotMeRace reports with one right 16 times at once: one report. ADR-5.
func TestNotMeRace(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		old := w.addresses(who.id)[0]
		b.signIn(who)
		b.register(who, "new@example.net")
		path := w.objection(old)
		var wg sync.WaitGroup
		var reported atomic.Int64
		for range 16 {
			racer := w.newBrowser()
			form := racer.get(path)
			wg.Go(func() {
				if p := racer.submit(path, form, "username", who.id, "password", people.Password); p.Code == http.StatusSeeOther {
					reported.Add(1)
				}
			})
		}
		wg.Wait()
		if reported.Load() != 1 || !w.isFrozen(who.id) {
			t.Errorf("%d reports with one right", reported.Load())
		}
	})
}

// changed makes a change in an earlier session: an address beside the first.
func (w *world) changed(who person, address string) {
	w.t.Helper()
	b := w.newBrowser()
	b.signIn(who)
	b.register(who, address, "beside", "yes")
	if p := b.get("/home"); p.says("A change was made") {
		w.t.Error("a banner in the session that made the change")
	}
	w.pass(time.Minute)
}

// TestBannerOfChanges: a change is shown at the next sign-in, on every page, until
// its person recognizes it, by a form of this site; nobody else can. NOT-2, ux P0, A19, A47.
func TestBannerOfChanges(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		who, other, b, x := seeded(1), seeded(2), w.newBrowser(), w.newBrowser()
		w.changed(who, "new@example.net")
		b.signIn(who)
		x.signIn(other)
		const text = "A change was made to your account: Notification email address registered"
		home := b.get("/home")
		if !home.says(text) || !b.get("/account").says(text) || x.get("/home").says("A change was made") || w.newBrowser().get("/login").says("A change was made") {
			t.Fatalf("%s", home.Body)
		}
		id := regexp.MustCompile(`name="id" value="([A-Z2-7]{26})"`).FindStringSubmatch(home.Body.String())[1]
		form := home.form("/account/seen")
		unseen := func() bool { return w.count(`SELECT COUNT(*) FROM notice_banner WHERE seen_at = 0`) == 1 }
		stolen := x.get("/logout") // x has a form of its own, and no banner
		for name, p := range map[string]page{
			"another person":       x.submit("/account/seen", form, "id", id),
			"another's form":       x.submit("/account/seen", stolen, "id", id),
			"no token":             b.post("/account/seen", url.Values{"id": {id}}),
			"another step":         b.submit("/account/seen", b.get("/logout").form("/logout"), "id", id),
			"unknown field":        b.submit("/account/seen", form, "id", id, "all", "yes"),
			"nobody":               w.newBrowser().submit("/account/seen", form, "id", id),
			"GET":                  b.get("/account/seen?id=" + id),
			"a change that is not": b.submit("/account/seen", form, "id", strings.Repeat("A", 26)),
		} {
			if p.Code < 400 || !unseen() {
				t.Errorf("%s: %d", name, p.Code)
			}
		}
		w.signedForm(x, id)
		if p := b.submit("/account/seen", form, "id", id); p.Header().Get("Location") != "/home" || unseen() {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		if p := b.submit("/account/seen", form, "id", id); p.Header().Get("Location") != "/home" {
			t.Errorf("twice: %d", p.Code)
		}
		if b.get("/home").says("A change was made") || w.count(`SELECT COUNT(*) FROM audit_event WHERE name = 'change_recognized'`) != 1 {
			t.Error("still shown, or not recorded")
		}
	})
}

// signedForm sends the form of a banner of one's own for the change of somebody else.
func (w *world) signedForm(x *browser, id string) {
	w.t.Helper()
	w.exec(`INSERT INTO notice_banner (subscriber_id, id, kind, at, seen_at) SELECT id, 'MINE', 'password', 1, 0 FROM subscriber WHERE sps_id = 'seed0000002'`)
	p := x.submit("/account/seen", x.get("/home").form("/account/seen"), "id", id)
	if p.Code != http.StatusNotFound || w.count(`SELECT COUNT(*) FROM notice_banner WHERE seen_at = 0`) != 2 {
		w.t.Errorf("the change of somebody else: %d", p.Code)
	}
	w.exec(`DELETE FROM notice_banner WHERE id = 'MINE'`)
}

// TestBannersAtMostTwo shows the most urgent two: the report, then the newest
// change, and an address that mail does not reach once nothing else is to be said. ux P0, MAIL-10.
func TestBannersAtMostTwo(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		who, b := seeded(1), w.newBrowser()
		bounced := "Email to s•••@e•••.com could not be delivered."
		w.exec(`UPDATE notification_address SET bounced_at = 5 WHERE address = 'seed0000001@example.com'`)
		if p := b.totpPage(who.id); p.says("could not be delivered") { // never before the sign-in
			t.Error("told after the password alone")
		}
		for n, kind := range []string{"passkey_added", "codes_made", "of a newer version"} {
			w.exec(`INSERT INTO notice_banner (subscriber_id, id, kind, at, seen_at) SELECT id, $1, $2, $3, 0 FROM subscriber WHERE sps_id = 'seed0000001'`, kind, kind, n+1)
		}
		b.signIn(who)
		shown := func(want ...string) {
			t.Helper()
			p := b.get("/home")
			for _, text := range []string{"Because of your report", "Passkey created", "Recovery codes made", bounced} {
				if p.says(text) != slices.Contains(want, text) {
					t.Errorf("want %v: %q is %t", want, text, p.says(text))
				}
			}
		}
		shown("Recovery codes made", "Passkey created")
		w.freeze(who.id)
		shown("Because of your report", "Recovery codes made")
		w.exec(`UPDATE notice_banner SET seen_at = 1`)
		shown("Because of your report", bounced)
		w.exec(`UPDATE notification_address SET bounced_at = 0`)
		shown("Because of your report")
	})
}

// TestNotMeSignedIn reports a change from its banner: with the own password, one
// of one's own changes, and whatever the form says beside that is refused. ADR-5, SES-8, A19.
func TestNotMeSignedIn(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		who, other, b, x := seeded(1), seeded(2), w.newBrowser(), w.newBrowser()
		w.changed(who, "new@example.net")
		b.signIn(who)
		x.signIn(other)
		path := regexp.MustCompile(`/not-me\?id=[A-Z2-7]{26}`).FindString(b.get("/home").Body.String())
		id := path[len("/not-me?id="):]
		ask := b.get(path)
		if !ask.says("You are reporting this: Notification email address registered") || !ask.says(`value="`+who.id+`"`) {
			t.Fatalf("%d %s", ask.Code, ask.Body)
		}
		for name, p := range map[string]page{
			"another's change":     x.get(path),
			"no change":            b.get("/not-me"),
			"free text":            b.get("/not-me?id=Your+password+is+wrong"),
			"another sends it":     x.submit("/not-me", x.get("/not-me/"+strings.Repeat("A", 43)).form("/not-me/"+strings.Repeat("A", 43)), "id", id, "username", who.id, "password", people.Password),
			"words of the browser": b.submit("/not-me", ask.form("/not-me"), "id", id, "what", "x", "username", who.id, "password", people.Password),
			"another's password":   b.submit("/not-me", ask.form("/not-me"), "id", id, "username", other.id, "password", people.Password),
			"a wrong password":     b.submit("/not-me", ask.form("/not-me"), "id", id, "username", who.id, "password", "wrong"),
		} {
			if p.Code < 400 || p.Code >= 500 || p.says("Your password is wrong") || w.isFrozen(who.id) || w.isFrozen(other.id) {
				t.Errorf("%s: %d", name, p.Code)
			}
		}
		if p := w.newBrowser().get(path); !strings.HasPrefix(p.Header().Get("Location"), "/login") {
			t.Errorf("nobody: %d", p.Code)
		}
		done := b.follow(b.submit("/not-me", ask.form("/not-me"), "id", id, "username", who.id, "password", people.Password))
		if !done.says("Your report has been received.") || !w.isFrozen(who.id) || b.signedIn() || !x.signedIn() {
			t.Errorf("%d %s", done.Code, done.Body)
		}
		if w.count(`SELECT COUNT(*) FROM notice_banner WHERE seen_at = 0`) != 0 {
			t.Error("the change is still to be recognized")
		}
	})
}

// TestNotMeFromHistory reports an entry of the history: a sign-in or a stopped one,
// not a wrong password, which anybody can type, and no other person's. A temporary
// login may not, as it may not see the history. ADR-5, SES-10, A19.
func TestNotMeFromHistory(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		who, other, b, x := seeded(1), seeded(2), w.newBrowser(), w.newBrowser()
		w.newBrowser().password(who.id, "wrong")
		thief := w.newBrowser()
		thief.submitTOTP(thief.totpPage(who.id), who.wrong(w.Now(), 1))
		w.pass(time.Minute)
		b.signIn(who)
		x.signIn(other)
		entries := regexp.MustCompile(`/not-me\?id=(history:[A-Z2-7]{26})`).FindAllStringSubmatch(b.get("/account/history").Body.String(), -1)
		if len(entries) != 2 {
			t.Fatalf("%d entries can be reported, want the sign-in and the stopped one", len(entries))
		}
		path, id := entries[1][0], entries[1][1]
		ask := b.get(path)
		if !ask.says("You are reporting this: Stopped at the second step / ") || !ask.says(`value="`+who.id+`"`) {
			t.Fatalf("%d %s", ask.Code, ask.Body)
		}
		var wrong string
		w.must(w.raw.QueryRowContext(t.Context(), `SELECT id FROM audit_event WHERE body LIKE '%password rejected%'`).Scan(&wrong))
		fallback := w.newBrowser()
		fallback.submit("/login/otp", fallback.cannot(who.id), "otp", w.lastOTP())
		for name, p := range map[string]page{
			"another's entry":   x.get(path),
			"a wrong password":  b.get("/not-me?id=history:" + wrong),
			"no entry":          b.get("/not-me?id=history:"),
			"another sends it":  x.submit("/not-me", ask.form("/not-me"), "id", id, "username", other.id, "password", people.Password),
			"another's account": b.submit("/not-me", ask.form("/not-me"), "id", id, "username", other.id, "password", people.Password),
			"not the password":  b.submit("/not-me", ask.form("/not-me"), "id", id, "username", who.id, "password", "wrong"),
		} {
			if p.Code < 400 || p.Code >= 500 || w.isFrozen(who.id) || w.isFrozen(other.id) {
				t.Errorf("%s: %d", name, p.Code)
			}
		}
		if p := fallback.get(path); p.says("You are reporting this") {
			t.Errorf("a temporary login: %d", p.Code)
		}
		if p := w.newBrowser().get(path); !strings.HasPrefix(p.Header().Get("Location"), "/login") {
			t.Errorf("nobody: %d", p.Code)
		}
		done := b.follow(b.submit("/not-me", ask.form("/not-me"), "id", id, "username", who.id, "password", people.Password))
		if !done.says("Your report has been received.") || !w.isFrozen(who.id) || b.signedIn() || fallback.signedIn() || !x.signedIn() {
			t.Errorf("%d %s", done.Code, done.Body)
		}
		if n := w.count(`SELECT COUNT(*) FROM audit_event WHERE name = 'change_reported' AND body LIKE '%"outcome":"reported"%' AND body LIKE '%' || $1 || '%'`, id); n != 1 {
			t.Errorf("the report is recorded %d times", n)
		}
	})
}

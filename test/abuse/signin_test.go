package abuse

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/config"
	"warifu/internal/demo/people"
	"warifu/internal/federation"
)

// TestA2HalfAFlowOpensNothing stops after the password and looks at every page that needs a session. A1, A2, SES-7.
func TestA2HalfAFlowOpensNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.totpPage(hanako.id)
		for _, path := range []string{"/home", "/logout"} {
			if p := b.get(path); p.Code != http.StatusSeeOther || !strings.HasPrefix(p.Header().Get("Location"), "/login") {
				t.Errorf("%s: %d %s", path, p.Code, p.Header().Get("Location"))
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM session`); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

// TestA3StepsDoNotSwap sends the form of each step to the other one. A3, SES-5.
func TestA3StepsDoNotSwap(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		first := b.get("/login")
		second := b.totpPage(hanako.id)
		code := hanako.code(w.Now())
		for _, try := range []struct {
			name, path string
			form       url.Values
			status     int
		}{
			{"the token of the password", "/login/totp", url.Values{"flow": {second.flow}, "token": {first.token}, "totp": {code}}, http.StatusForbidden},
			{"the fields of the password", "/login/totp", url.Values{"flow": {second.flow}, "token": {second.token}, "username": {hanako.id}, "password": {people.Password}}, http.StatusBadRequest},
			{"no flow", "/login/totp", url.Values{"flow": {""}, "token": {second.token}, "totp": {code}}, http.StatusForbidden},
			{"the code as a password", "/login", url.Values{"flow": {second.flow}, "token": {second.token}, "username": {hanako.id}, "password": {code}}, http.StatusForbidden},
			{"no fields", "/login/totp", url.Values{}, http.StatusForbidden},
			{"no code", "/login/totp", url.Values{"flow": {second.flow}, "token": {second.token}}, http.StatusUnprocessableEntity},
			{"code twice", "/login/totp", url.Values{"flow": {second.flow}, "token": {second.token}, "totp": {code, code}}, http.StatusBadRequest},
			{"claims of its own", "/login/totp", url.Values{"flow": {second.flow}, "token": {second.token}, "totp": {code}, "verified": {"true"}}, http.StatusBadRequest},
		} {
			if p := b.post(try.path, try.form); p.Code != try.status {
				t.Errorf("%s: %d, want %d", try.name, p.Code, try.status)
			}
		}
		if b.signedIn() || w.count(`SELECT COUNT(*) FROM throttle`) != 0 {
			t.Error("something was verified, or counted")
		}
		if p := b.submitTOTP(second, code); p.Header().Get("Location") != "/home" {
			t.Errorf("afterwards: %d %s", p.Code, p.Body)
		}
	})
}

// TestA5OneCodeOnce posts one right code from 64 flows at once. A5, TOTP-4.
func TestA5OneCodeOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		const flows = 64
		var browsers []*browser
		var pages []page
		for range flows {
			b := w.newBrowser()
			browsers = append(browsers, b)
			pages = append(pages, b.totpPage(hanako.id))
		}
		code := hanako.code(w.Now())
		var wg sync.WaitGroup
		var mu sync.Mutex
		in := 0
		for i, b := range browsers {
			wg.Go(func() {
				p := b.submitTOTP(pages[i], code)
				mu.Lock()
				defer mu.Unlock()
				if p.Header().Get("Location") == "/home" {
					in++
				}
			})
		}
		wg.Wait()
		if n := w.count(`SELECT COUNT(*) FROM session`); in != 1 || n != 1 {
			t.Errorf("%d flows signed in, %d sessions; want 1", in, n)
		}
	}, func(c *config.Config) { // no wait may hide the race
		c.Throttle.CodeFree, c.Throttle.FactorUnknown, c.Throttle.FactorAll = 1000, 1000, 1000
	})
}

// TestA6UsedCode enters a used code again, in the same browser and in another
// one, where the person is told of it. A6, TOTP-5.
func TestA6UsedCode(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.totpPage(hanako.id)
		code := hanako.code(w.Now())
		if got := b.submitTOTP(p, code); got.Header().Get("Location") != "/home" {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		if got := b.submitTOTP(p, code); got.Header().Get("Location") != "/home" {
			t.Errorf("the same form sent twice: %d %s", got.Code, got.Body)
		}
		mails := w.count(`SELECT COUNT(*) FROM mail_outbox`)
		for _, other := range []*browser{b, w.newBrowser()} {
			got := other.submitTOTP(other.totpPage(hanako.id), code)
			if got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), "has already been used. Wait for the next number (about 20 seconds)") {
				t.Errorf("%d %s", got.Code, got.Body)
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM mail_outbox`) - mails; n != 4 {
			t.Errorf("%d mails, want 2 for each of the person's 2 addresses", n)
		}
		w.pass(20 * time.Second)
		if got := b.submitTOTP(b.totpPage(hanako.id), hanako.code(w.Now())); got.Header().Get("Location") != "/home" {
			t.Errorf("the next number: %d %s", got.Code, got.Body)
		}
	})
}

// TestDrift accepts one step of drift either way and not two, and never an
// earlier step than the last one. TOTP-3, TOTP-4.
func TestDrift(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		for i, step := range []struct {
			drift time.Duration
			in    bool
		}{
			{-60 * time.Second, false}, {60 * time.Second, false}, {-30 * time.Second, true}, {0, true}, {30 * time.Second, true}, {0, false}, {-30 * time.Second, false},
		} {
			b := w.newBrowser()
			got := b.submitTOTP(b.totpPage(hanako.id), hanako.code(w.Now().Add(step.drift)))
			if in := got.Header().Get("Location") == "/home"; in != step.in {
				t.Errorf("%d: drift %s: accepted %t, want %t", i, step.drift, in, step.in)
			}
		}
	})
}

// TestA8Guessing guesses codes from many flows: at most 30 are verified from
// unknown browsers, the person's known browser comes in, and at 50 in all TOTP
// is suspended. A8, THR-5, THR-8.
func TestA8Guessing(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		known := w.newBrowser()
		known.signIn(hanako)
		guess := func(b *browser) (told string) {
			p := b.submitTOTP(b.totpPage(hanako.id), hanako.wrong(w.Now(), 1))
			w.pass(16 * time.Minute) // past every wait
			return p.Body.String()
		}
		for n := 1; n <= 30; n++ {
			if told := guess(w.newBrowser()); !strings.Contains(told, "is not correct") && !strings.Contains(told, "does not match") {
				t.Fatalf("guess %d: %s", n, told)
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM mail_outbox`); n != 4 {
			t.Errorf("%d mails, want those of the new device and one notice, each to 2 addresses", n)
		}
		if told := guess(w.newBrowser()); !strings.Contains(told, "This browser cannot be used now") {
			t.Errorf("guess 31: %s", told)
		}
		if p := known.submitTOTP(known.totpPage(hanako.id), hanako.code(w.Now())); p.Header().Get("Location") != "/home" {
			t.Fatalf("the known browser: %d %s", p.Code, p.Body)
		}
		for n := 1; n <= 50; n++ {
			if n%10 == 1 { // a known browser has ten failures only
				w.exec(`UPDATE known_browser SET failures = 0`)
			}
			guess(known)
		}
		if n := w.count(`SELECT COUNT(*) FROM totp_authenticator WHERE state = 'active' AND subscriber_id IN (SELECT id FROM subscriber WHERE sps_id = 'sps00001')`); n != 0 {
			t.Error("TOTP is still active")
		}
		p := known.submitTOTP(known.totpPage(hanako.id), hanako.code(w.Now()))
		if !strings.Contains(p.Body.String(), "The one-time password (TOTP) is stopped") {
			t.Errorf("afterwards: %d %s", p.Code, p.Body)
		}
	})
}

// TestWaits makes typed codes wait from the fifth failure on, in words, and a
// right code ends it. THR-5.
func TestWaits(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.totpPage(hanako.id)
		for range 5 {
			b.submitTOTP(p, hanako.wrong(w.Now(), 1))
		}
		got := b.submitTOTP(p, hanako.code(w.Now()))
		if !strings.Contains(got.Body.String(), "You can try again at 18:00 (in 30 s).") {
			t.Errorf("sixth: %s", got.Body)
		}
		w.pass(30 * time.Second)
		if got := b.submitTOTP(p, hanako.code(w.Now())); got.Header().Get("Location") != "/home" {
			t.Errorf("after the wait: %d %s", got.Code, got.Body)
		}
		if n := w.count(`SELECT COUNT(*) FROM throttle`); n != 0 {
			t.Errorf("%d counters after a right code", n)
		}
	})
}

// TestA9NothingHalf lets the audit trail, and so every act, fail: no session
// opens, and the count stays. A9, AUD-2, OPS-3, THR-1.
func TestA9NothingHalf(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.totpPage(hanako.id)
		w.exec(`ALTER TABLE audit_event RENAME TO gone`)
		if got := b.submitTOTP(p, hanako.code(w.Now())); got.Code < 500 {
			t.Fatalf("without an audit trail: %d %s", got.Code, got.Body)
		}
		w.exec(`ALTER TABLE gone RENAME TO audit_event`)
		if b.signedIn() || w.count(`SELECT COUNT(*) FROM session`) != 0 {
			t.Error("a session was opened")
		}
		if n := w.count(`SELECT failures FROM throttle WHERE counter = 'code'`); n != 1 {
			t.Errorf("%d attempts counted, want 1", n)
		}
		if got := b.submitTOTP(p, hanako.code(w.Now())); got.Header().Get("Location") != "/home" {
			t.Errorf("the code was spent: %d %s", got.Code, got.Body)
		}
	})
}

// TestA26StolenDatabase uses what the database holds as tokens. A26, SES-1.
func TestA26StolenDatabase(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.newBrowser().signIn(hanako)
		var digest []byte
		w.must(w.raw.QueryRowContext(t.Context(), `SELECT digest FROM session`).Scan(&digest))
		thief := w.newBrowser()
		for _, token := range []string{hex.EncodeToString(digest), base64.RawURLEncoding.EncodeToString(digest), ""} {
			thief.cookies["__Host-session"] = token
			if thief.signedIn() {
				t.Errorf("%q opened the session", token)
			}
		}
	})
}

// TestA40OneAnswer gives unknown, known, suspended and empty accounts, with
// wrong, empty and too long passwords, the same answer for the same work. A40, PW-6, WEB-7.
func TestA40OneAnswer(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		long := strings.Repeat("x", 1025)
		for _, password := range []string{"wrong password", long} {
			var want page
			var cost uint64
			for _, id := range []string{"nobody", "sps00001", "sps00003", "sps00004", "agent01"} {
				before := w.app.Hasher.Computed()
				p := w.newBrowser().password(id, password)
				p.Body = strip(p, id)
				if computed := w.app.Hasher.Computed() - before; id == "nobody" {
					want, cost = p, computed
				} else if p.Code != want.Code || p.Body.String() != want.Body.String() || computed != cost {
					t.Errorf("%s: %d with %d hashes, want %d with %d\n%s", id, p.Code, computed, want.Code, cost, p.Body)
				}
			}
			if want.Code != http.StatusUnprocessableEntity || cost != 1 {
				t.Errorf("status %d, %d hashes; want 422, 1", want.Code, cost)
			}
		}
	})
}

// TestA41NoLockOut lets an outsider fail at an account: the person's known
// browser comes in, a new one is told how long to wait. A41, THR-3, THR-4.
func TestA41NoLockOut(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		known := w.newBrowser()
		known.signIn(hanako)
		stranger := w.newBrowser()
		for range 200 {
			stranger.password(hanako.id, "guess")
		}
		if got := w.newBrowser().password(hanako.id, people.Password); !strings.Contains(got.Body.String(), "You can try again at ") {
			t.Errorf("a new browser: %d %s", got.Code, got.Body)
		}
		if p := known.password(hanako.id, people.Password); !strings.HasPrefix(p.Header().Get("Location"), "/login/totp") {
			t.Errorf("the known browser: %d %s", p.Code, p.Body)
		}
		for range 100 {
			w.pass(time.Hour)
			stranger.password(hanako.id, "guess")
		}
		w.pass(time.Hour)
		got := w.newBrowser().password(hanako.id, people.Password)
		if got.Code != http.StatusUnprocessableEntity && !strings.Contains(got.Body.String(), "You cannot log in with this browser now") {
			t.Errorf("a new browser after 100 failures: %d %s", got.Code, got.Body)
		}
	})
}

// TestKnownBrowserIsOfOneAccount shows a known browser's token at another
// account, where it means nothing. A66, THR-4.
func TestKnownBrowserIsOfOneAccount(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		known := w.newBrowser()
		known.signIn(hanako)
		other := seeded(1)
		for range 5 {
			known.password(other.id, "guess")
		}
		if got := known.password(other.id, people.Password); !strings.Contains(got.Body.String(), "You can try again at ") {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
}

// TestSpellingsAreOneAccount counts all spellings of an ID together. THR-2.
func TestSpellingsAreOneAccount(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		for _, id := range []string{"sps00001", "SPS00001", " sps00001 ", "ｓｐｓ００００１", "sps00001@miyako.example"} {
			w.newBrowser().password(id, "guess")
		}
		if got := w.newBrowser().password("sps00001", people.Password); !strings.Contains(got.Body.String(), "You can try again at ") {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		if n := w.count(`SELECT COUNT(*) FROM throttle WHERE counter = 'password'`); n != 1 {
			t.Errorf("%d counters, want 1", n)
		}
	})
}

// TestA42OneNetwork stops one network after too many failures at many accounts,
// whatever it says of itself. A42, THR-6.
func TestA42OneNetwork(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		failures := 0
		for n := range 310 {
			if got := b.password(seeded(1000+n).id, "guess"); strings.Contains(got.Body.String(), "is not correct") {
				failures++
			}
		}
		if failures != 300 {
			t.Errorf("%d attempts were verified, want 300", failures)
		}
		other := w.newBrowser()
		other.address = "198.51.100.1"
		other.signIn(hanako)
	})
}

// TestSuspensionHoldsAtOnce suspends a person between the steps, and one who is
// signed in. SES-9, A35.
func TestSuspensionHoldsAtOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		in, half := w.newBrowser(), w.newBrowser()
		in.signIn(hanako)
		w.pass(time.Minute)
		p := half.totpPage(hanako.id)
		w.exec(`UPDATE subscriber SET status = 'suspended' WHERE sps_id = 'sps00001'`)
		if in.signedIn() {
			t.Error("the session still lives")
		}
		got := half.submitTOTP(p, hanako.code(w.Now()))
		if got = half.get(got.Header().Get("Location")); !strings.Contains(got.Body.String(), "This SPS-ID cannot be used now") {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		if half.signedIn() {
			t.Error("half a flow went on")
		}
	})
}

// TestSessionEnds ends a session that is idle, one that is old, and the oldest
// of too many. SES-3, SES-11.
func TestSessionEnds(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		idle := w.newBrowser()
		idle.signIn(hanako)
		w.pass(59 * time.Minute)
		if !idle.signedIn() {
			t.Error("ended after 59 minutes")
		}
		w.pass(61 * time.Minute)
		if idle.signedIn() {
			t.Error("lives after 61 minutes without use")
		}
		old := w.newBrowser()
		old.signIn(hanako)
		for range 23 {
			w.pass(31 * time.Minute)
			if !old.signedIn() {
				t.Fatal("ended although used")
			}
		}
		w.pass(10 * time.Minute)
		if old.signedIn() {
			t.Error("lives after more than 12 hours")
		}
		var browsers []*browser
		for range 21 {
			b := w.newBrowser()
			b.signIn(hanako)
			browsers = append(browsers, b)
			w.pass(30 * time.Second)
		}
		if browsers[0].signedIn() || !browsers[1].signedIn() || !browsers[20].signedIn() {
			t.Error("of 21 sessions the oldest, and no other, must end")
		}
	})
}

// TestSessionIDChanges gives a browser another session token with each sign-in.
// SES-2, A48.
func TestSessionIDChanges(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.cookies["__Host-session"] = "chosen by an attacker"
		b.signIn(hanako)
		first := b.cookies["__Host-session"]
		w.pass(time.Minute)
		p := b.get("/login?p=")
		if p.Header().Get("Location") != "/home" {
			t.Errorf("the sign-in page while signed in: %d", p.Code)
		}
		b.signIn(seeded(1)) // somebody else, in the same browser
		if second := b.cookies["__Host-session"]; second == first || first == "chosen by an attacker" {
			t.Error("the token stayed")
		}
		thief := w.newBrowser()
		thief.cookies["__Host-session"] = first
		if thief.signedIn() {
			t.Error("the first session still lives")
		}
	})
}

// TestFlowExpires refuses a flow that lay too long. SES-5.
func TestFlowExpires(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.totpPage(hanako.id)
		w.pass(31 * time.Minute)
		if got := b.submitTOTP(p, hanako.code(w.Now())); got.Code != http.StatusForbidden || !strings.Contains(got.Body.String(), "This login has ended") {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
}

// TestA39Canaries looks for secrets in the log and in every column. A39, PW-7, TOTP-15.
func TestA39Canaries(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.password(hanako.id, "canary-password")
		p := b.totpPage(hanako.id)
		b.submitTOTP(p, "12345")
		code := hanako.code(w.Now())
		b.submitTOTP(p, code)
		canaries := []string{"canary-password", people.Password, string(hanako.secret), "JBSWY3DPEHPK3PXP",
			b.cookies["__Host-session"], b.cookies["__Host-dev"], b.cookies["__Host-browser"]}
		haystack := w.log.String()
		for _, column := range []struct{ table, column string }{
			{"audit_event", "body"}, {"session", "evidence"}, {"signin_flow", "evidence"}, {"signin_flow", "request"}, {"throttle", "account"}, {"password", "hash"},
		} {
			rows, err := w.raw.QueryContext(t.Context(), "SELECT "+column.column+" FROM "+column.table)
			w.must(err)
			for rows.Next() {
				var text string
				w.must(rows.Scan(&text))
				haystack += text + "\n"
			}
			w.must(rows.Err())
			rows.Close()
		}
		for _, column := range []struct{ table, column string }{{"mail_outbox", "sealed"}, {"totp_authenticator", "secret"}, {"signin_flow", "token"}} {
			rows, err := w.raw.QueryContext(t.Context(), "SELECT "+column.column+" FROM "+column.table)
			w.must(err)
			for rows.Next() {
				var content []byte
				w.must(rows.Scan(&content))
				haystack += string(content) + "\n"
			}
			w.must(rows.Err())
			rows.Close()
		}
		for i, canary := range canaries {
			if strings.Contains(haystack, canary) {
				t.Errorf("canary %d was found", i)
			}
		}
		if !strings.Contains(haystack, "TOTP accepted") {
			t.Error("the haystack is not what it should be")
		}
	})
}

// TestA57NoForgedLines puts line breaks and escapes into what is recorded. A57, AUD-3.
func TestA57NoForgedLines(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.agent = "x\x1b[31m Chrome"
		before := w.count(`SELECT COUNT(*) FROM audit_event`)
		b.password("nobody\r\n{\"name\":\"forged\"}\x1b[2J", "guess")
		if n := w.count(`SELECT COUNT(*) FROM audit_event`) - before; n != 1 {
			t.Errorf("%d events, want 1", n)
		}
		var body string
		w.must(w.raw.QueryRowContext(t.Context(), `SELECT body FROM audit_event ORDER BY at DESC LIMIT 1`).Scan(&body))
		if strings.ContainsAny(body+w.log.String(), "\x1b\r") || strings.Contains(body, "forged") {
			t.Errorf("%q %q", body, w.log.String())
		}
	})
}

// TestDatabaseGone answers 503 in words, and nothing is half done. OPS-3, A56.
func TestDatabaseGone(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.totpPage(hanako.id)
		w.must(w.app.DB.Close())
		for name, got := range map[string]page{
			"password": b.password(hanako.id, people.Password),
			"code":     b.submitTOTP(p, hanako.code(w.Now())),
		} {
			if got.Code != http.StatusServiceUnavailable || !strings.Contains(got.Body.String(), "The system cannot answer now") || got.Header().Get("Retry-After") == "" {
				t.Errorf("%s: %d %s", name, got.Code, got.Body)
			}
		}
	})
}

const newcomer = "sps00003" // a member of "faculty", without a second factor

// TestNoFactorYet keeps a person without a second factor from coming in by
// password alone. ENR-2.
func TestNoFactorYet(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.password(newcomer, people.Password)
		if !strings.HasPrefix(p.Header().Get("Location"), "/enrol") {
			t.Fatalf("%d %s", p.Code, p.Header().Get("Location"))
		}
		if got := b.follow(p); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "otpauth:") {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		if b.signedIn() || w.count(`SELECT COUNT(*) FROM session`) != 0 {
			t.Error("the password alone signed in")
		}
	})
}

// TestFactorFromADay lets such a person in by password alone before the day
// that the policy names, and only then. ENR-2.
func TestFactorFromADay(t *testing.T) {
	day := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		if p := b.password(newcomer, people.Password); p.Header().Get("Location") != "/home" || !b.signedIn() {
			t.Fatalf("before the day: %d %s", p.Code, p.Header().Get("Location"))
		}
		if p := b.password(hanako.id, people.Password); !strings.HasPrefix(p.Header().Get("Location"), "/login/totp") {
			t.Errorf("who has a factor: %d %s", p.Code, p.Header().Get("Location"))
		}
		w.pass(day.Sub(w.Now()))
		late := w.newBrowser()
		p := late.password(newcomer, people.Password)
		if !strings.HasPrefix(p.Header().Get("Location"), "/enrol") {
			t.Errorf("on the day: %d %s", p.Code, p.Header().Get("Location"))
		}
		if scan := late.follow(p); !scan.says("To continue, set up the one-time password (TOTP) first.") || scan.says("Your identity has been confirmed.") {
			t.Errorf("why: %s", scan.main())
		}
	}, func(c *config.Config) {
		c.SignIn.RequireTOTPFrom = map[string]time.Time{"faculty": day, "student": day}
	})
}

// TestFactorForAService has such a person set up a second factor on the way to a
// service that demands one, after the password once more, and tells a service that
// asks in silence that there is something to do. ENR-1, ENR-2, OIDC-5.
func TestFactorForAService(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.password(newcomer, people.Password)
		ask := url.Values{"client_id": {"exams"}, "redirect_uri": {"https://exams.example/cb"}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"},
			"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"}}
		form := b.follow(b.get("/oidc/authorize?" + ask.Encode()))
		if form.Code != http.StatusOK || !form.says("You are logging in to Exams") {
			t.Fatalf("%d %s", form.Code, form.Body)
		}
		next := b.submit("/login", form, "p", form.pending, "username", newcomer, "password", people.Password)
		if !strings.HasPrefix(next.Header().Get("Location"), "/enrol") {
			t.Fatalf("%d %s", next.Code, next.Header().Get("Location"))
		}
		if got := b.follow(next); !strings.Contains(got.Body.String(), "otpauth:") {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		ask.Set("prompt", "none")
		if to := b.get("/oidc/authorize?" + ask.Encode()).Header().Get("Location"); !strings.Contains(to, "error=interaction_required") {
			t.Errorf("in silence: %s", to)
		}
	}, func(c *config.Config) {
		c.SignIn.RequireTOTPFrom = map[string]time.Time{"faculty": begin.AddDate(1, 0, 0)}
		c.Services = append(c.Services, federation.Service{ID: "exams", Name: federation.Text{Japanese: "試験", English: "Exams"}, Protocol: federation.OIDC, Require: federation.RequireMFA,
			RelyingParty: federation.RelyingParty{Type: federation.TypeSPA, Auth: federation.AuthNone, RedirectURIs: []string{"https://exams.example/cb"}}})
	})
}

// TestSuspensionEndsGrants suspends a person whose refresh token has outlived
// its session, and lets him in again: the token does not come back. SES-9.
func TestSuspensionEndsGrants(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.exec(`INSERT INTO oidc_grant (subscriber_id, id, session_id, service_id, subject, sid, scopes, claims, acr, amr, auth_time,
			code_digest, redirect_uri, challenge, nonce, code_expires_at, redeemed_at, refresh_digest, created_at, expires_at)
			SELECT id, 'g-' || sps_id, NULL, 'lms', 's', 'i', '', '', '', '', 0, '', '', '', '', 0, 1, '', 0, 9999999999999
			FROM subscriber WHERE sps_id IN ('sps00001', 'sps00002')`)
		w.must(w.app.Directory.Suspend(t.Context(), hanako.id, "test"))
		w.must(w.app.Directory.Resume(t.Context(), hanako.id, "test"))
		if n := w.count(`SELECT COUNT(*) FROM oidc_grant WHERE id = 'g-sps00001'`); n != 0 {
			t.Error("the refresh token of the suspended person is still there")
		}
		if n := w.count(`SELECT COUNT(*) FROM oidc_grant`); n != 1 {
			t.Errorf("%d grants, want that of the other person", n)
		}
	})
}

// TestClosedBrowserStaysOut closes the browser of a shared computer without a
// logout: the session's cookie is gone, the browser's own is not, and the
// address of the last step is in its history. Neither that address nor the form
// of the step gives the session to whoever comes next; a form that is sent twice
// at once gets it. TOTP-5, SES-1.
func TestClosedBrowserStaysOut(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.totpPage(hanako.id)
		code := hanako.code(w.Now())
		if got := b.submitTOTP(p, code); got.Header().Get("Location") != "/home" {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		delete(b.cookies, "__Host-session") // the first answer is lost
		if b.submitTOTP(p, code); !b.signedIn() {
			t.Error("the form sent twice lost the session")
		}
		delete(b.cookies, "__Host-session") // the browser is closed
		if b.get("/login/totp?flow=" + p.flow); b.signedIn() {
			t.Error("an address of the history opened the session")
		}
		w.pass(time.Minute)
		if b.submitTOTP(p, code); b.signedIn() {
			t.Error("an old form opened the session")
		}
		if n := w.count(`SELECT COUNT(*) FROM session`); n != 1 {
			t.Errorf("%d sessions, want the one that was opened", n)
		}
	})
}

// TestAlarmStopsNobody: wrong codes all over the system, too few for any counter of
// a person, raise one alarm: by mail, in the log, in the trail. People come in all
// the while. THR-7.
func TestAlarmStopsNobody(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		for n := range 16 {
			b := w.newBrowser()
			p := b.totpPage(seeded(n + 1).id)
			for i := range 9 {
				b.submitTOTP(p, seeded(n+1).wrong(w.Now(), i))
			}
			b.submit("/forgot/code", b.get("/forgot/code"), "username", seeded(n+1).id, "code", "0000-0000-0000-0000")
		}
		w.must(w.app.Alarm.Check(t.Context()))
		w.must(w.node().Alarm.Check(t.Context()))
		sent := w.mailsTo("admin@miyako.example")
		if len(sent) != 1 || !strings.Contains(sent[0].Body, "160") || strings.Contains(sent[0].Body, "seed") || w.count(`SELECT COUNT(*) FROM audit_event WHERE name = 'alarm_raised'`) != 1 ||
			strings.Count(w.log.String(), "too many wrong codes") != 1 {
			t.Errorf("%+v", sent)
		}
		w.newBrowser().signIn(seeded(1))
		w.newBrowser().signIn(hanako)
	}, func(c *config.Config) {
		c.Institution.AlarmMail = []string{"admin@miyako.example"}
		c.Throttle.CodeFree = 1000
	})
}

// TestCeremoniesAreBounded: a network that asks for challenges of passkeys without
// an end is refused, and fills no table. THR-6.
func TestCeremoniesAreBounded(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, other := w.newBrowser(), w.newBrowser()
		other.address = "198.51.100.4"
		begin := func(b *browser) int { return b.post("/login/passkey/begin", b.get("/login/passkey").hidden()).Code }
		for range 100 {
			if code := begin(b); code != http.StatusOK {
				t.Fatalf("within the limit: %d", code)
			}
		}
		if code := begin(b); code != http.StatusTooManyRequests || w.count(`SELECT COUNT(*) FROM passkey_ceremony`) != 100 {
			t.Errorf("beyond it: %d, %d rows", code, w.count(`SELECT COUNT(*) FROM passkey_ceremony`))
		}
		if code := begin(other); code != http.StatusOK {
			t.Errorf("another network: %d", code)
		}
		if p := b.totpPage(hanako.id); p.Code != http.StatusOK {
			t.Errorf("the password from that network: %d", p.Code)
		}
	}, func(c *config.Config) { c.Throttle.AddressFailures = 10 })
}

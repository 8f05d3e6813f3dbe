package abuse

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/totp"
	"warifu/internal/demo/people"
)

// recoverer is a person with two browsers, a mailbox and an Authenticator that
// may be lost, an attacker who knows the password and nothing else, and the
// clock. What it knows of the truth, it keeps itself.
type recoverer struct {
	*world
	browsers []*browser // 0 and 1 of the person, 2 of the attacker
	who      person     // with the secret that the Authenticator has
	scanned  *person    // with a secret that was scanned and not confirmed
	scans    []*page    // the QR page that lies open in each browser
	otps     []*page    // the page of the mailed one-time password
	links    []string   // that came by mail
	used     map[string]bool
	cleared  time.Time // of the last initialization
	ticket   time.Time // when that of the person was issued; zero if there is none
}

// TestRecoveryWalks goes through sign-ins, ways back and enrolments at random
// and holds them to what must always be true. A session has a password and a
// second factor, or a mailed OTP, of its own. What one browser was given works in
// no other. The attacker, who knows the password, never holds anything. An
// initialization leaves no older session. A code, an OTP and a link serve once.
// And the person can always come back. RST-1 to RST-11, MAIL-2, MAIL-3, SES-6, TOTP-4, A20.
func TestRecoveryWalks(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := &recoverer{world: newWorld(t, template.SQLite(t)),
			who: hanako, scans: make([]*page, 3), otps: make([]*page, 3), used: make(map[string]bool)}
		for n := range 3 {
			b := w.newBrowser()
			b.address = []string{"192.0.2.1", "192.0.2.2", "198.51.100.9"}[n]
			w.browsers = append(w.browsers, b)
		}
		r.Repeat(map[string]func(*rapid.T){
			"sign in":      w.signInOnce,
			"ask for OTP":  w.askOTP,
			"enter OTP":    w.enterOTP,
			"ask for link": w.ask,
			"open link":    w.open,
			"scan":         w.scan,
			"confirm":      w.confirmCode,
			"attack":       w.attack,
			"time passes":  w.timePasses,
			"":             w.check,
		})
		w.comesBack(r)
	})
}

func (w *recoverer) mine(r *rapid.T) int { return rapid.IntRange(0, 1).Draw(r, "browser") }
func (w *recoverer) any(r *rapid.T) int  { return rapid.IntRange(0, 2).Draw(r, "browser") }

// signInOnce signs in with the Authenticator, if it is of use.
func (w *recoverer) signInOnce(r *rapid.T) {
	b := w.browsers[w.mine(r)]
	p := b.follow(b.password(w.who.id, people.Password))
	if !p.says("Enter the one-time password") {
		return
	}
	code := w.who.code(w.Now())
	got := b.submitTOTP(p, code)
	if got.Header().Get("Location") != "/home" {
		return
	}
	if w.used[code] {
		r.Fatalf("a code was taken twice")
	}
	w.used[code] = true
}

// askOTP asks for a one-time password: the attacker can do that, too.
func (w *recoverer) askOTP(r *rapid.T) {
	n := w.any(r)
	b := w.browsers[n]
	p := b.password(w.who.id, people.Password)
	if !strings.HasPrefix(p.Header().Get("Location"), "/login/totp?flow=") {
		return
	}
	flow := strings.TrimPrefix(p.Header().Get("Location"), "/login/totp?flow=")
	asked := b.follow(b.submit("/login/cannot", b.get("/login/cannot?flow="+flow), "to", "0"))
	if asked.says("An email has been sent.") {
		w.otps[n] = &asked
	}
}

// enterOTP types the number of the newest mail. Only the person can read it; the
// attacker types something else.
func (w *recoverer) enterOTP(r *rapid.T) {
	n := w.any(r)
	if w.otps[n] == nil {
		return
	}
	otp := "12345678"
	if n < 2 {
		otp = w.lastOTP()
	}
	before := w.count(`SELECT COUNT(*) FROM session`)
	p := w.browsers[n].submit("/login/otp", *w.otps[n], "otp", otp)
	if p.Header().Get("Location") != "/home" {
		if w.count(`SELECT COUNT(*) FROM session`) > before {
			r.Fatalf("a refused number opened a session")
		}
		return
	}
	if n == 2 {
		r.Fatalf("the attacker came in by mail")
	}
	w.used[otp], w.otps[n] = true, nil
}

func (w *recoverer) ask(r *rapid.T) {
	b := w.browsers[w.any(r)]
	reset := b.follow(b.reset(w.who.id))
	if !reset.says("What happens") {
		return
	}
	if p := b.follow(b.submit("/reset/wait", reset, "to", "0")); p.says("Open the email to") {
		w.links = append(w.links, w.lastLink())
	}
}

// open opens one of the links that have come, also an old one.
func (w *recoverer) open(r *rapid.T) {
	if len(w.links) == 0 {
		return
	}
	n, path := w.mine(r), rapid.SampledFrom(w.links).Draw(r, "link")
	p := w.browsers[n].confirm(path, w.who.id, people.Password)
	if p.Header().Get("Location") != "/reset/done" {
		return
	}
	if w.used[path] || path != w.links[len(w.links)-1] {
		r.Fatalf("a link that was used or replaced worked")
	}
	w.used[path], w.cleared, w.ticket, w.scanned = true, w.Now(), w.Now(), nil
	if w.count(`SELECT COUNT(*) FROM session`) != 0 {
		r.Fatalf("a session outlived the initialization")
	}
}

func (w *recoverer) scan(r *rapid.T) {
	n := w.mine(r)
	p := w.browsers[n].follow(w.browsers[n].get("/enrol"))
	if !otpauth.MatchString(p.Body.String()) {
		return
	}
	if w.ticket.IsZero() || w.Now().Sub(w.ticket) >= 15*time.Minute {
		r.Fatalf("a secret is shown without a ticket")
	}
	who := shown(w.t, w.who.id, p)
	if w.scanned != nil && string(w.scanned.secret) != string(who.secret) {
		r.Fatalf("the secret changed while the ticket lives")
	}
	w.scanned, w.scans[n] = &who, &p
}

func (w *recoverer) confirmCode(r *rapid.T) {
	n := w.mine(r)
	if w.scans[n] == nil || w.scanned == nil {
		return
	}
	b := w.browsers[n]
	verify := b.follow(b.submit("/enrol", *w.scans[n]))
	if !verify.says("Type the number that the Authenticator shows now") {
		return
	}
	code := w.scanned.code(w.Now())
	if p := b.follow(b.submit("/enrol/verify", verify, "totp", code)); p.Code != http.StatusOK || !p.says("authentication is complete") {
		return
	}
	w.who, w.ticket, w.scanned = *w.scanned, time.Time{}, nil
	w.used[code] = true
	w.scans = make([]*page, 3)
}

// attack tries what somebody with the password alone might, with whatever lies
// open in the person's browsers.
func (w *recoverer) attack(r *rapid.T) {
	x := w.browsers[2]
	for _, path := range []string{"/enrol", "/reset/done", "/reset/password", "/home"} {
		if p := x.get(path); p.Code == http.StatusOK {
			r.Fatalf("the attacker sees %s: %s", path, p.Body)
		}
	}
	for n := range 2 {
		if w.scans[n] != nil {
			if p := x.get("/enrol?flow=" + url.QueryEscape(w.scans[n].flow)); otpauth.MatchString(p.Body.String()) {
				r.Fatalf("the attacker sees the QR code of another browser")
			}
			if p := x.submit("/enrol/verify", *w.scans[n], "totp", "000000"); p.Code != http.StatusForbidden {
				r.Fatalf("an enrolment worked in another browser: %d", p.Code)
			}
		}
		if w.otps[n] != nil {
			if p := x.submit("/login/otp", *w.otps[n], "otp", w.lastOTP()); p.Code != http.StatusForbidden {
				r.Fatalf("a number worked in another browser: %d", p.Code)
			}
		}
	}
}

func (w *recoverer) timePasses(r *rapid.T) {
	w.pass(time.Duration(rapid.SampledFrom([]int{5, 31, 61, 700, 1000, 2000, 50_000}).Draw(r, "seconds")) * time.Second)
}

// check holds what is stored to what must always be true.
func (w *recoverer) check(r *rapid.T) {
	if w.browsers[2].signedIn() {
		r.Fatalf("the attacker is in")
	}
	const of = ` FROM totp_authenticator a JOIN subscriber s ON s.id = a.subscriber_id WHERE s.sps_id = 'sps00001' AND a.state = `
	active, suspended := w.count(`SELECT COUNT(*)`+of+`'active'`), w.count(`SELECT COUNT(*)`+of+`'suspended'`)
	if active+suspended != 1 || w.count(`SELECT COUNT(*)`+of+`'pending'`) > 1 {
		r.Fatalf("%d active authenticators, %d suspended", active, suspended)
	}
	if n := w.count(`SELECT COUNT(*) FROM ticket`) + w.count(`SELECT COUNT(*) FROM recovery_link`) + w.count(`SELECT COUNT(*) FROM mail_otp`); n > 3 {
		r.Fatalf("%d tickets, links and OTPs for one person", n)
	}
	rows, err := w.raw.QueryContext(w.t.Context(), `SELECT evidence, created_at FROM session`)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var text string
		var created int64
		w.must(rows.Scan(&text, &created))
		var evidence []authenticator.Evidence
		w.must(json.Unmarshal([]byte(text), &evidence))
		if len(evidence) != 2 || evidence[0].Kind != authenticator.Password || evidence[1].Kind != authenticator.TOTP && evidence[1].Kind != authenticator.OTP {
			r.Fatalf("a session with %s", text)
		}
		if time.UnixMilli(created).Before(w.cleared) {
			r.Fatalf("a session is older than the initialization")
		}
	}
	w.must(rows.Err())
}

// comesBack ends every walk: a day later the person can set up again and sign in,
// whatever happened.
func (w *recoverer) comesBack(r *rapid.T) {
	w.pass(25 * time.Hour)
	b := w.browsers[0]
	path := b.askLink(w.who.id)
	if p := b.confirm(path, w.who.id, people.Password); p.Header().Get("Location") != "/reset/done" {
		r.Fatalf("no way back: %d %s", p.Code, p.Body)
	}
	w.who = b.enrol(w.who.id, b.follow(b.get("/enrol")))
	w.pass(totp.Period)
	b.signIn(w.who)
}

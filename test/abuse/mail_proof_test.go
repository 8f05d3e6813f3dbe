package abuse

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"warifu/internal/config"
	"warifu/internal/demo/people"
	"warifu/internal/mail"
)

// TestMAIL4Stored: of an OTP a digest under a key is stored, of flow and digits
// together: not the digits, not their plain digest, and in another flow it is worth
// nothing. MAIL-4, A26.
func TestMAIL4Stored(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, x := w.newBrowser(), w.newBrowser()
		p := b.cannot(hanako.id)
		otp := w.lastOTP()
		var digest []byte
		var flow string
		w.must(w.raw.QueryRowContext(t.Context(), `SELECT digest, flow_id FROM mail_otp`).Scan(&digest, &flow))
		if len(digest) < 32 || strings.Contains(string(digest), otp) || strings.Contains(hex.EncodeToString(digest), otp) {
			t.Errorf("the digest is %x", digest)
		}
		w.pass(time.Minute)
		theirs := x.cannot(hanako.id)
		w.exec(`UPDATE mail_otp SET digest = $1`, digest) // the row of the attacker's flow gets the digest of the other
		if got := x.submit("/login/otp", theirs, "otp", otp); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("the digest works in another flow: %d", got.Code)
		}
		w.exec(`UPDATE mail_otp SET flow_id = $1`, flow)
		if got := b.submit("/login/otp", p, "otp", otp); got.Header().Get("Location") != "/home" {
			t.Errorf("and not in its own: %d %s", got.Code, got.main())
		}
	})
}

// TestMAIL7AskingIsAPost: looking at the page sends nothing, however it is asked; the
// button puts the mail into the queue, and the answer does not wait for its delivery,
// for which there is no server here. MAIL-7.
func TestMAIL7AskingIsAPost(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.totpPage(hanako.id)
		flow := url.QueryEscape(p.flow)
		ask := b.get("/login/cannot?flow=" + flow)
		for _, path := range []string{"/login/cannot?flow=" + flow + "&to=0", "/login/cannot?to=0&flow=" + flow + "&token=" + ask.token, "/login/otp?flow=" + flow, "/login/otp/again?flow=" + flow} {
			b.get(path)
		}
		if n := w.count(`SELECT COUNT(*) FROM mail_otp`) + w.count(`SELECT COUNT(*) FROM mail_outbox`); n != 0 {
			t.Errorf("a GET has sent %d", n)
		}
		b.submit("/login/cannot", ask, "to", "0")
		if w.count(`SELECT COUNT(*) FROM mail_outbox WHERE state = 'queued'`) == 0 || w.count(`SELECT COUNT(*) FROM mail_outbox WHERE state <> 'queued'`) != 0 {
			t.Error("the mail is not in the queue")
		}
	})
}

// TestMAIL9PageSurvives: the page for the OTP is there after a reload and on a node
// that was started since, and the flow lives as long as its code, though that is longer
// than a flow lives by itself. MAIL-9.
func TestMAIL9PageSurvives(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.cannot(hanako.id)
		path := "/login/otp?flow=" + url.QueryEscape(p.flow)
		b.node = w.node()
		w.pass(119 * time.Minute)
		w.sweep()
		again := b.get(path)
		if again.Code != http.StatusOK || again.form("/login/otp").flow != p.flow {
			t.Fatalf("after the restart: %d %s", again.Code, again.main())
		}
		if got := b.submit("/login/otp", again.form("/login/otp"), "otp", w.lastOTP()); got.Header().Get("Location") != "/home" {
			t.Errorf("the code in its last minute: %d %s", got.Code, got.main())
		}
	}, func(c *config.Config) { c.MailOTP.Lifetime = 2 * time.Hour })
}

// TestADR9Masked: an address is whole for its owner in a session with a second factor
// alone: not at the sign-in, not at the initialization, not in a fallback session, not
// at the help desk, not in the trail and not in the log. ADR-9.
func TestADR9Masked(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		who := seeded(1)
		whole := who.id + "@example.com"
		masked := mail.MaskAddress(whole)
		owner := w.newBrowser()
		owner.signIn(who)
		if p := owner.get("/account"); !p.says(whole) {
			t.Errorf("the owner does not see it: %s", p.main())
		}
		w.pass(time.Minute)
		b := w.newBrowser()
		cannot := b.cannot(who.id)
		b.submit("/login/otp", cannot, "otp", w.lastOTP())
		desk := w.atDesk(agent01)
		sheet := desk.open(who.id, w.newBrowser().callDesk(who.id).number())
		for name, p := range map[string]page{
			"the OTP's page": cannot, "home of a fallback session": b.get("/home"), "account of a fallback session": b.get("/account"),
			"initialization": w.newBrowser().decision(who.id), "the case": sheet,
		} {
			if p.says(whole) {
				t.Errorf("%s: the whole address: %s", name, p.main())
			}
		}
		if !cannot.says(masked) {
			t.Errorf("not even masked: %s", cannot.main())
		}
		if strings.Contains(w.log.String(), whole) || w.count(`SELECT COUNT(*) FROM audit_event WHERE body LIKE '%`+whole+`%'`) != 0 {
			t.Error("the whole address is in the log or in the trail")
		}
	}, anyFactor)
}

// TestRST8PasswordFirst: without the right password nothing is asked for, and nothing
// is said to have been sent, neither to the mailbox nor to the help desk. RST-8, A40.
func TestRST8PasswordFirst(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		for _, id := range []string{hanako.id, taro.id, "nobody"} {
			b := w.newBrowser()
			p := b.follow(b.submit("/reset", b.get("/reset"), "username", id, "password", "wrong"))
			wait := b.submit("/reset/wait", p, "to", "0")
			for _, p := range []page{p, wait, b.submit("/reset/wait", p, "to", "desk"), b.follow(b.get("/reset/wait"))} {
				if p.says("has been sent") || p.says("075-000-0000") && p.number() != "" || p.says("•••") {
					t.Errorf("%s: %d %s", id, p.Code, p.main())
				}
			}
		}
		for _, table := range []string{"recovery_link", "recovery_flow", "desk_case", "mail_outbox"} {
			if n := w.count(`SELECT COUNT(*) FROM ` + table); n != 0 {
				t.Errorf("%d in %s", n, table)
			}
		}
		if sent := w.newBrowser().askLink(hanako.id); sent == "" || w.count(`SELECT COUNT(*) FROM recovery_link`) != 1 {
			t.Error("nor with the right one")
		}
	})
}

var elsewhere = regexp.MustCompile(`(?:src|href|action|srcset|poster|data)="((?:https?:)?//[^"]*)"`)

// TestRST12NothingElsewhere: the pages of a mailed link tell no other site of their
// address, and load nothing from one. RST-12, A16.
func TestRST12NothingElsewhere(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		link := b.askLink(hanako.id)
		w.newBrowser().forgot(seeded(1).id)
		forgot := w.lastForgot()
		if forgot == "" {
			t.Fatal("no link for a new password")
		}
		for name, p := range map[string]page{"link": b.get(link), "refused": b.confirm(link, hanako.id, "wrong"), "forgotten": b.get(forgot), "done": b.follow(b.confirm(link, hanako.id, people.Password))} {
			if p.Header().Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s: Referrer-Policy %q", name, p.Header().Get("Referrer-Policy"))
			}
			found := elsewhere.FindAllStringSubmatch(p.Body.String(), -1)
			if slices.ContainsFunc(found, func(m []string) bool { return !strings.HasPrefix(m[1], base+"/") }) {
				t.Errorf("%s: %v", name, found)
			}
			if csp := p.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "http:") || strings.Contains(csp, "*") {
				t.Errorf("%s: %s", name, csp)
			}
		}
	})
}

package abuse

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

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

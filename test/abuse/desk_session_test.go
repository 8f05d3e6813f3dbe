package abuse

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"warifu/internal/secret"
)

// TestStaffSession proves that a session of the staff ends after a quarter of an
// hour without use, after eight hours in any case, and that the board, which asks by
// itself, is no use. SES-3.
func TestStaffSession(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.atDesk(agent01)
		for range 3 { // a page that is left open
			w.pass(5 * time.Minute)
			b.get("/desk/board")
		}
		w.pass(time.Second)
		if b.signedIn() {
			t.Error("a board that is left open keeps a session alive")
		}
		b = w.atDesk(agent01)
		for range 8*6 - 1 {
			w.pass(10 * time.Minute)
			if got := b.get("/desk"); got.Code != 200 {
				t.Fatalf("in use: %d", got.Code)
			}
		}
		w.pass(10 * time.Minute)
		if b.signedIn() {
			t.Error("a session of the staff is older than eight hours")
		}
		student := w.newBrowser()
		student.signIn(hanako)
		w.pass(16 * time.Minute)
		if !student.signedIn() {
			t.Error("everybody's session is as short")
		}
	}, anyFactor)
}

// TestStepUpTakesNoWayBack proves that who is signed in, and proves once more who
// it is, cannot do so by mail or by the help desk. SES-8, SES-10.
func TestStepUpTakesNoWayBack(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.signIn(hanako)
		w.pass(6 * time.Minute)
		step := b.follow(b.submit("/account/authenticators", b.get("/account/authenticators").form("/account/authenticators")))
		if !step.says("Enter the one-time password") || step.flow == "" {
			t.Fatalf("no step-up: %d %s", step.Code, step.main())
		}
		for _, to := range []string{"0", "desk"} {
			got := b.submit("/login/cannot", b.cannotForm(step.flow), "to", to)
			if strings.HasPrefix(got.Header().Get("Location"), "/login/otp") {
				t.Errorf("to %s: %s", to, got.Header().Get("Location"))
			}
		}
		if w.count(`SELECT COUNT(*) FROM mail_otp`)+w.count(`SELECT COUNT(*) FROM desk_case`) != 0 {
			t.Error("a step-up has sent an OTP, or opened a case")
		}
	})
}

// cannotForm is the form of the page of "cannot login" for a flow of the browser
// that does not lead there.
func (b *browser) cannotForm(flow string) page {
	browser := secret.Digest(b.cookies["__Host-browser"])
	return page{flow: flow, token: hex.EncodeToString(b.w.app.Site.FormKey.Sum("form", []byte("signin/cannot"), []byte(flow), browser))}
}

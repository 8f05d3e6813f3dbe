package abuse

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"warifu/internal/demo/people"
)

// TestDeskPasswordChanged proves that a new password, or the report of a change,
// ends what somebody who knew the old one has begun at the help desk. PW-5, ADR-5, RST-9.
func TestDeskPasswordChanged(t *testing.T) {
	newOne := "a longer one, by myself"
	for name, change := range map[string]func(w *world, b *browser){
		"changed": func(w *world, b *browser) {
			if got := b.submit("/account/password", b.get("/account/password"), "present", people.Password, "chosen", newOne); got.Code != http.StatusSeeOther {
				t.Fatalf("%d %s", got.Code, got.main())
			}
		},
		"forgotten": func(w *world, b *browser) {
			b.forgot(hanako.id)
			path := w.lastForgot()
			choose := b.follow(b.submit(path, b.get(path), "username", hanako.id, "code", hanako.code(w.Now())))
			if got := b.submit("/reset/password", choose, "password", newOne); got.Code != http.StatusSeeOther {
				t.Fatalf("%d %s", got.Code, got.main())
			}
		},
		"reported": func(w *world, b *browser) {
			w.exec(`INSERT INTO notice_banner (subscriber_id, id, kind, at, seen_at) SELECT id, 'change', 'passkey_added', 1, 0 FROM subscriber WHERE sps_id = $1`, hanako.id)
			if got := b.submit("/not-me", b.get("/not-me?id=change"), "id", "change", "username", hanako.id, "password", people.Password); got.Code != http.StatusSeeOther {
				t.Fatalf("%d %s", got.Code, got.main())
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, w *world) {
				b, x, y, z, half, desk := w.newBrowser(), w.newBrowser(), w.newBrowser(), w.newBrowser(), w.newBrowser(), w.atDesk(agent01)
				if name != "forgotten" {
					b.signIn(hanako)
				}
				waiting, theirs, decision, open := x.callDesk(hanako.id), y.cannotDesk(hanako), z.decision(hanako.id), half.totpPage(hanako.id)
				desk.open(hanako.id, waiting.number())
				change(w, b)
				for _, state := range []string{x.waitState(waiting), y.get("/wait/state?flow=" + url.QueryEscape(theirs.form("/login/otp").flow) + "&seen=").Body.String()} {
					if !strings.Contains(state, `"cancelled"`) {
						t.Errorf("a case lives on: %s", state)
					}
				}
				if name == "reported" {
					return // the password is still the right one
				}
				for what, got := range map[string]page{
					"the page that tells what an initialization does": z.submit("/reset/wait", decision.form("/reset/wait"), "to", "desk"),
					"the page that waited":                            x.submit("/reset/wait", waiting.form("/reset/wait"), "to", "desk"),
					"a half sign-in":                                  half.get("/login/cannot?flow=" + url.QueryEscape(open.flow) + "&to=desk"),
				} {
					if got.Code < http.StatusBadRequest {
						t.Errorf("%s goes on with the old password: %s", what, got.Header().Get("Location"))
					}
				}
				if n := w.count(`SELECT COUNT(*) FROM desk_case WHERE ended_at = 0`); n != 0 {
					t.Errorf("%d cases are open", n)
				}
			}, anyFactor)
		})
	}
}

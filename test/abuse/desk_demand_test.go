package abuse

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"warifu/internal/config"
	"warifu/internal/demo/people"
)

// TestHD7TwoAgents proves that, where the institution wants it, every initialization
// takes two agents, and a sign-in does not. HD-7.
func TestHD7TwoAgents(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		first, second := w.atDesk(agent01), w.atDesk(agent02)
		p, caller := seeded(1), w.newBrowser()
		waiting := caller.callDesk(p.id)
		first.approve(first.open(p.id, waiting.number()))
		if got := caller.waitState(waiting); !strings.Contains(got, `"working"`) {
			t.Fatalf("one agent is enough: %s", got)
		}
		if got := second.approve(second.open(p.id, waiting.number())); got.Code != http.StatusSeeOther {
			t.Fatalf("the second agent: %d %s", got.Code, got.main())
		}
		if got := caller.waitState(waiting); !strings.Contains(got, `"approved"`) {
			t.Errorf("after two agents: %s", got)
		}
		signIn := w.newBrowser().cannotDesk(taro)
		if shown := first.approve(first.open(taro.id, signIn.number())); len(shown.number()) != 8 {
			t.Errorf("a sign-in needs a second agent: %d %s", shown.Code, shown.main())
		}
	}, anyFactor, func(c *config.Config) { c.Desk.TwoAgents = true })
}

// TestHD13PerMonth proves that beyond three approvals of a person in 30 days an
// administrator approves, too, whoever of the agents is at work; and that the count
// is of 30 days. HD-13.
func TestHD13PerMonth(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.approved(w.atDesk(agent01), taro)
		for range 2 {
			w.pass(13 * 24 * time.Hour)
			w.approved(w.atDesk(agent01), taro)
		}
		w.pass(24 * time.Hour)
		first, second, admin := w.atDesk(agent01), w.atDesk(agent02), w.atDesk(admin01)
		caller := w.newBrowser()
		waiting := caller.callDesk(taro.id)
		first.approve(first.open(taro.id, waiting.number()))
		if got := caller.waitState(waiting); !strings.Contains(got, `"working"`) {
			t.Fatalf("the fourth approval by one agent: %s", got)
		}
		sheet := second.open(taro.id, waiting.number())
		if got := second.press(sheet, second.get(sheet.path()+"?confirm=approve"), "approve"); !got.says("an administrator must approve") {
			t.Errorf("another agent: %d %s", got.Code, got.main())
		}
		sheet = admin.open(taro.id, waiting.number())
		if got := admin.press(sheet, admin.get(sheet.path()+"?confirm=approve"), "approve"); got.Code != http.StatusSeeOther {
			t.Errorf("an administrator: %d %s", got.Code, got.main())
		}
		w.pass(29 * 24 * time.Hour) // the first three are out of sight
		waiting = caller.callDesk(taro.id)
		desk := w.atDesk(agent01)
		desk.approve(desk.open(taro.id, waiting.number()))
		if got := caller.waitState(waiting); !strings.Contains(got, `"approved"`) {
			t.Errorf("a month later: %s", got)
		}
	}, anyFactor)
}

// TestHD3Flags proves that the case says what speaks against the caller: a network
// that the person has never signed in from, earlier requests, a refused one, and a
// password or an address that was changed lately; and says nothing of all that
// where nothing is so. HD-3.
func TestHD3Flags(t *testing.T) {
	const (
		network  = "First request from this network"
		password = "The password was changed at"
		address  = "The notification address was changed at"
		refused  = "A request of this person was refused in the last 24 hours"
		many     = "Requests in the last 30 days: 2"
		rivals   = "two open requests"
	)
	all := []string{network, password, address, refused, many, rivals}
	cases := []struct {
		from    string // address of the caller
		prepare func(w *world, desk, b *browser, who person)
		want    []string
	}{
		{"192.0.2.1", func(*world, *browser, *browser, person) {}, nil},
		{"203.0.113.7", func(*world, *browser, *browser, person) {}, []string{network}},
		{"192.0.2.1", func(w *world, _, b *browser, who person) {
			for _, change := range [][2]string{{people.Password, newPassword}, {newPassword, people.Password}} {
				form := b.get("/account/password")
				if got := b.submit("/account/password", form, "present", change[0], "chosen", change[1]); got.Code != http.StatusSeeOther {
					w.t.Fatalf("password: %d %s", got.Code, got.main())
				}
			}
		}, []string{password}},
		{"192.0.2.1", func(w *world, _, b *browser, who person) { b.register(who, "own@example.net") }, []string{address}},
		{"192.0.2.1", func(w *world, desk, _ *browser, who person) {
			desk.refuse(desk.open(who.id, w.newBrowser().callDesk(who.id).number()), "identity")
		}, []string{refused, many}},
		{"192.0.2.1", func(w *world, _, _ *browser, who person) { w.newBrowser().callDesk(who.id) }, []string{many, rivals}},
	}
	onEngines(t, func(t *testing.T, w *world) {
		w.pass(17 * time.Hour) // in the opening hours of the next day
		desk := w.atDesk(agent01)
		for n, test := range cases {
			who, b, caller := seeded(n+1), w.newBrowser(), w.newBrowser()
			b.signIn(who)
			w.pass(time.Second)
			test.prepare(w, desk, b, who)
			caller.address = test.from
			sheet := desk.open(who.id, caller.callDesk(who.id).number())
			for _, flag := range all {
				want := false
				for _, w := range test.want {
					want = want || w == flag
				}
				if sheet.says(flag) != want {
					t.Errorf("%d: %q is shown: %t: %s", n, flag, !want, sheet.main())
				}
			}
		}
	}, anyFactor)
}

// TestHD16CheckCalls proves that an approval that chance has chosen stands in the
// list of those whom to call, with name and number, and that one that it has not
// chosen does not. HD-16.
func TestHD16CheckCalls(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		desk := w.atDesk(agent01)
		w.app.Desk.Random = bytes.NewReader([]byte{13, 12})
		w.approved(desk, seeded(1))
		admin := w.atDesk(admin01)
		if page := admin.get("/admin"); !page.says("No request was chosen.") {
			t.Errorf("one that was not chosen: %d %s", page.Code, page.main())
		}
		w.exec(`UPDATE subscriber SET telephone = '075-555-0102' WHERE sps_id = $1`, taro.id)
		w.approved(desk, taro)
		if page := admin.get("/admin"); !page.says("Initialization of TOTP, KAMO Taro, 075-555-0102") || page.says("No request was chosen.") {
			t.Errorf("one that was chosen: %d %s", page.Code, page.main())
		}
	}, anyFactor)
}

// TestDeskBoardCalls: the number of waiting cases stands in the title of the board,
// and there is a switch for a sound, which the script of the page shows. ux P22.
func TestDeskBoardCalls(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		desk := w.atDesk(agent01)
		if p := desk.get("/desk"); strings.Contains(p.Body.String(), "<title>(") {
			t.Error("a number in the title while nobody waits")
		}
		for _, who := range []person{taro, hanako} {
			w.newBrowser().callDesk(who.id)
		}
		p := desk.get("/desk")
		if !strings.Contains(p.Body.String(), "<title>(2) ") {
			t.Errorf("the title: %.400s", p.Body)
		}
		if !strings.Contains(p.Body.String(), `<button type="button" class="secondary" id="sound" data-on="`) {
			t.Error("no switch for the sound")
		}
	}, anyFactor)
}

package abuse

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/demo/people"
)

// TestDeskSecondIsAnother proves that a second account of the first agent is not a
// second agent, and that the approval of an agent who is none any more does not
// count. HD-6, A28.
func TestDeskSecondIsAnother(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, first, second, admin := w.newBrowser(), w.atDesk(agent01), w.atDesk(agent02), w.atDesk(admin01)
		waiting := caller.callDesk(taro.id)
		first.approve(first.open(taro.id, waiting.number()), "password", "yes")
		sheet := second.open(taro.id, waiting.number())
		confirm := second.get(sheet.path() + "?confirm=approve")
		w.exec(`UPDATE subscriber SET mailbox = (SELECT mailbox FROM subscriber WHERE sps_id = 'agent01') WHERE sps_id = 'agent02'`)
		if got := second.press(sheet, confirm, "approve"); !got.says("You have already approved this request") {
			t.Errorf("approved by a second account of the first agent's: %d %s", got.Code, got.main())
		}
		if got := second.entry(taro.id, waiting.number()); !got.says("You have already approved this request") {
			t.Errorf("opened by a second account of the first agent's: %d %s", got.Code, got.main())
		}
		sheet = admin.open(taro.id, waiting.number())
		confirm = admin.get(sheet.path() + "?confirm=approve")
		for _, gone := range []string{`role = 'subscriber'`, `role = 'agent', status = 'suspended'`} {
			w.exec(`UPDATE subscriber SET ` + gone + ` WHERE sps_id = 'agent01'`)
			if got := admin.press(sheet, confirm, "approve"); got.Code == http.StatusSeeOther {
				t.Errorf("the first approval counts after %s", gone)
			}
		}
		if again := admin.open(taro.id, waiting.number()); again.says("Second approval") {
			t.Errorf("the first approval is still there: %s", again.main())
		}
	}, anyFactor)
}

// TestDeskAgainIsAnApproval proves that another OTP needs as many agents as the
// one before. HD-6, HD-8.
func TestDeskAgainIsAnApproval(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, first, admin := w.newBrowser(), w.atDesk(agent01), w.atDesk(admin01)
		waiting := caller.cannotDesk(agent02)
		number := waiting.number()
		if got := first.approve(first.open(agent02.id, number)); got.number() != "" {
			t.Fatal("one agent was enough for a privileged person")
		}
		sheet := admin.open(agent02.id, number)
		if got := admin.press(sheet, admin.get(sheet.path()+"?confirm=approve"), "approve"); len(got.number()) != 8 {
			t.Fatalf("no OTP: %d %s", got.Code, got.main())
		}
		if got := admin.press(sheet, admin.get(sheet.path()+"?confirm=approve"), "approve"); got.number() != "" {
			t.Error("one agent was enough for another OTP")
		}
		state := caller.get("/wait/state?flow=" + url.QueryEscape(waiting.form("/login/otp").flow) + "&seen=").Body.String()
		if !strings.Contains(state, `"working"`) {
			t.Errorf("the caller's page: %s", state)
		}
		sheet = first.open(agent02.id, number)
		if got := first.press(sheet, first.get(sheet.path()+"?confirm=approve"), "approve"); len(got.number()) != 8 {
			t.Errorf("no OTP by the other agent: %d %s", got.Code, got.main())
		}
	}, anyFactor)
}

// TestDeskApprovedOnce proves that the approval of an initialization cannot be
// repeated, so that its quarter of an hour is not prolonged. HD-9.
func TestDeskApprovedOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		waiting := caller.callDesk(taro.id)
		sheet := desk.open(taro.id, waiting.number())
		confirm := desk.follow(desk.checked(sheet, "approve"))
		if got := desk.press(sheet, confirm, "approve"); got.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", got.Code, got.main())
		}
		w.pass(4 * time.Minute)
		if got := desk.press(sheet, confirm, "approve"); got.Code != http.StatusSeeOther || got.Header().Get("Location") != sheet.path() {
			t.Errorf("approved twice: %d %s", got.Code, got.main())
		}
		if got := desk.press(sheet, desk.get(sheet.path()+"?confirm=approve"), "approve"); !got.says("This request is closed") {
			t.Errorf("approved anew: %d %s", got.Code, got.main())
		}
		w.pass(12 * time.Minute)
		if got := caller.submit("/reset/take", waiting.form("/reset/take")); got.Header().Get("Location") == "/enrol" {
			t.Error("taken after sixteen minutes")
		}
	}, anyFactor)
}

// TestDeskConfirmedOnce proves that a confirmation is good once, for the case and the
// record that stood behind it: of 64 at once one makes an OTP, and that one works.
// HD-8, SES-5, A3.
func TestDeskConfirmedOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, other, desk := w.newBrowser(), w.newBrowser(), w.atDesk(agent01)
		waiting := caller.cannotDesk(taro)
		sheet := desk.open(taro.id, waiting.number())
		confirm := desk.follow(desk.checked(sheet, "approve"))
		theirs := desk.open(seeded(1).id, other.callDesk(seeded(1).id).number())
		desk.checked(theirs, "save")
		if got := desk.submit(theirs.path()+"/approve", confirm.form(sheet.path()+"/approve")); got.Code != http.StatusConflict || w.count(`SELECT COUNT(*) FROM desk_case WHERE state = 'approved'`) != 0 {
			t.Errorf("the confirmation of one case approved another: %d %s", got.Code, got.main())
		}
		answers := make([]page, 64)
		var all sync.WaitGroup
		for n := range answers {
			all.Go(func() { answers[n] = desk.press(sheet, confirm, "approve") })
		}
		all.Wait()
		var shown []string
		for _, got := range answers {
			if got.number() != "" {
				shown = append(shown, got.number())
			} else if got.Header().Get("Location") != sheet.path() {
				t.Errorf("%d %s", got.Code, got.main())
			}
		}
		if len(shown) != 1 {
			t.Fatalf("%d one-time passwords were shown", len(shown))
		}
		if got := caller.submit("/login/otp", waiting.form("/login/otp"), "otp", shown[0]); got.Header().Get("Location") != "/home" {
			t.Errorf("the one that was shown does not work: %d %s", got.Code, got.main())
		}
		sheet = desk.open(seeded(1).id, other.follow(other.submit("/reset", other.get("/reset"), "username", seeded(1).id, "password", people.Password)).number())
		confirm = desk.follow(desk.checked(sheet, "approve"))
		desk.checked(sheet, "save", "reason", "another reason than that")
		if got := desk.press(sheet, confirm, "approve"); got.Header().Get("Location") != sheet.path() || w.count(`SELECT COUNT(*) FROM desk_case WHERE state = 'approved'`) != 0 {
			t.Errorf("approved on another record than was confirmed: %d %s", got.Code, got.Header().Get("Location"))
		}
	}, anyFactor)
}

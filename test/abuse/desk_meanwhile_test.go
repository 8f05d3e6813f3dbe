package abuse

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/config"
	"warifu/internal/demo/people"
	"warifu/internal/directory"
	"warifu/internal/helpdesk"
)

// TestDeskEntriesAtOnce proves that no more entries are verified at once than may
// be wrong. HD-2.
func TestDeskEntriesAtOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		waiting := caller.callDesk(taro.id)
		desk.entry(seeded(1).id, "0000")
		w.exec(`UPDATE desk_entry SET wrong = 10 WHERE name LIKE 'agent:%'`) // ten are on their way
		if got := desk.entry(taro.id, waiting.number()); !got.says("You cannot open requests now") {
			t.Errorf("an eleventh one: %d %s", got.Code, got.main())
		}
	}, anyFactor)
}

// TestDeskBecomesOwn proves that an agent decides upon no case that has turned out
// to be of another account of his own. HD-6, A28.
func TestDeskBecomesOwn(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		waiting := caller.callDesk(taro.id)
		sheet := desk.open(taro.id, waiting.number())
		approve := desk.follow(desk.checked(sheet, "approve"))
		refuse := desk.get(sheet.path() + "?confirm=refuse")
		w.exec(`UPDATE subscriber SET mailbox = (SELECT mailbox FROM subscriber WHERE sps_id = 'agent01') WHERE sps_id = 'sps00002'`)
		if got := desk.press(sheet, approve, "approve"); !got.says("This request is your own") {
			t.Errorf("approved: %d %s", got.Code, got.main())
		}
		if got := desk.press(sheet, refuse, "refuse", "why", "mistake"); !got.says("This request is your own") {
			t.Errorf("refused: %d %s", got.Code, got.main())
		}
	}, anyFactor)
}

// TestDeskRefusalNeedsAReason proves it for the form alone. HD-4.
func TestDeskRefusalNeedsAReason(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		waiting := caller.callDesk(taro.id)
		sheet := desk.open(taro.id, waiting.number())
		if got := desk.press(sheet, desk.get(sheet.path()+"?confirm=refuse"), "refuse", "why", "suspicious"); got.Code != http.StatusUnprocessableEntity || !got.says("10 characters or more") {
			t.Errorf("%d %s", got.Code, got.main())
		}
		if got := caller.waitState(waiting); !strings.Contains(got, `"working"`) {
			t.Errorf("state %s", got)
		}
	}, anyFactor)
}

// TestDeskNetworks proves that the console is where the institution wants it. HD-5.
func TestDeskNetworks(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		waiting := caller.callDesk(taro.id)
		if got := desk.get("/desk"); got.Code != http.StatusOK {
			t.Fatalf("at the desk: %d %s", got.Code, got.main())
		}
		form := desk.get("/desk").form("/desk")
		desk.address = "203.0.113.5"
		for _, path := range []string{"/desk", "/desk/board", "/desk/person", "/desk/events"} {
			if got := desk.get(path); got.Code != http.StatusForbidden {
				t.Errorf("%s elsewhere: %d", path, got.Code)
			}
		}
		if got := desk.submit("/desk", form, "id", taro.id, "number", waiting.number()); got.Code != http.StatusForbidden || !got.says("cannot be used from here") {
			t.Errorf("a case elsewhere: %d %s", got.Code, got.main())
		}
	}, anyFactor, func(c *config.Config) { c.Desk.Networks = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} })
}

// TestDeskLapsedUnnoted proves that the time of a case is over when it is over,
// whether a job has noted it or not. HD-11, HD-18.
func TestDeskLapsedUnnoted(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller := w.newBrowser()
		waiting := caller.callDesk(taro.id)
		w.pass(24*time.Hour - 2*time.Minute)
		caller.waitState(waiting)
		desk := w.atDesk(agent01)
		sheet := desk.open(taro.id, waiting.number())
		confirm := desk.follow(desk.checked(sheet, "approve"))
		w.pass(3 * time.Minute)
		if got := desk.checked(sheet, "leave"); got.Code == http.StatusSeeOther {
			t.Error("worked upon after a day")
		}
		if got := desk.press(sheet, confirm, "approve"); got.Code == http.StatusSeeOther {
			t.Error("approved after a day")
		}
	}, anyFactor)
}

// TestDeskAskedMeanwhile proves that nobody asks the help desk who is suspended
// meanwhile, is signed in already, or may set up without. SES-9, SES-10, ENR-1.
func TestDeskAskedMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		begin     func(w *world, b *browser) func() page
		meanwhile string
	}{
		"suspended, for an initialization": {func(w *world, b *browser) func() page {
			p := b.decision(taro.id)
			return func() page { return b.submit("/reset/wait", p.form("/reset/wait"), "to", "desk") }
		}, `UPDATE subscriber SET status = 'suspended'`},
		"suspended, for a sign-in": {askSignIn, `UPDATE subscriber SET status = 'suspended'`},
		"signed in already":        {askSignIn, `UPDATE signin_flow SET step_up = TRUE`},
		"unlocked by a code":       {askFirst, `UPDATE ticket SET locked = FALSE`},
		"had a factor":             {askFirst, `UPDATE subscriber SET had_factor = TRUE`},
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, w *world) {
				ask := test.begin(w, w.newBrowser())
				w.exec(test.meanwhile)
				ask()
				if n := w.count(`SELECT COUNT(*) FROM desk_case`); n != 0 {
					t.Errorf("%d cases", n)
				}
			}, anyFactor)
		})
	}
}

func askSignIn(_ *world, b *browser) func() page {
	p := b.totpPage(taro.id)
	ask := b.get("/login/cannot?flow=" + url.QueryEscape(p.flow) + "&to=desk")
	return func() page { return b.submit("/login/cannot", ask.form("/login/cannot"), "to", "desk") }
}

func askFirst(w *world, b *browser) func() page {
	w.pass(31 * 24 * time.Hour)
	b.submit("/reset", b.get("/reset"), "username", "sps00003", "password", people.Password)
	ask := b.get("/reset/first")
	return func() page { return b.submit("/reset/first", ask.form("/reset/first")) }
}

// TestDeskBoardRows proves that the rows of the board have no person and no
// number, before any page leaves them out. A65, HD-19.
func TestDeskBoardRows(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.newBrowser().callDesk(taro.id)
		rows, err := w.app.Desk.Board(t.Context(), helpdesk.Agent{Subscriber: directory.Subscriber{ID: w.subscriber(agent01.id)}})
		w.must(err)
		if len(rows) != 1 || rows[0].Case.SubscriberID != "" || rows[0].Case.Number != "" {
			t.Errorf("%+v", rows)
		}
	}, anyFactor)
}

// TestDeskFallbackWatches proves that an agent who came in with an OTP of the help
// desk sees neither the board nor its events. SES-10.
func TestDeskFallbackWatches(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, first, admin := w.newBrowser(), w.atDesk(agent01), w.atDesk(admin01)
		waiting := caller.cannotDesk(agent02)
		first.approve(first.open(agent02.id, waiting.number()))
		sheet := admin.open(agent02.id, waiting.number())
		otp := admin.press(sheet, admin.get(sheet.path()+"?confirm=approve"), "approve").number()
		if got := caller.submit("/login/otp", waiting.form("/login/otp"), "otp", otp); got.Header().Get("Location") != "/home" {
			t.Fatalf("%d %s", got.Code, got.main())
		}
		for _, path := range []string{"/desk", "/desk/board", "/desk/events", "/desk/person"} {
			if got := caller.get(path); got.Code == http.StatusOK {
				t.Errorf("%s in a fallback session: %d", path, got.Code)
			}
		}
	}, anyFactor)
}

// TestDeskKeepsReasons proves that a reason is not lost to a step-up, and neither
// lost nor kept where it is too long. HD-4, HD-17.
func TestDeskKeepsReasons(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		waiting := caller.callDesk(taro.id)
		sheet := desk.open(taro.id, waiting.number())
		long := strings.Repeat("the same again ", 40)
		if got := desk.checked(sheet, "leave", "reason", long); got.Code != http.StatusUnprocessableEntity || !got.says("at most 500 characters") || !got.says(long[:50]) {
			t.Errorf("a long reason of a decision: %d %s", got.Code, got.main())
		}
		person := desk.get("/desk/person")
		if got := desk.submit("/desk/person", person.form("/desk/person"), "id", taro.id, "reason", long); got.Code != http.StatusUnprocessableEntity || !got.says("at most 500 characters") {
			t.Errorf("a long reason of a look-up: %d %s", got.Code, got.main())
		}
		if w.count(`SELECT COUNT(*) FROM audit_event WHERE name IN ('desk.look_up', 'desk.case') AND body LIKE '%the same again%'`) != 0 {
			t.Error("a long reason is kept")
		}
		w.pass(6 * time.Minute)
		step := desk.follow(desk.submit("/desk/person/act", desk.get("/desk/person").form("/desk/person"), "id", taro.id, "act", "sessions", "reason", "the caller asked for it"))
		if got := desk.follow(desk.submitTOTP(step, agent01.code(w.Now()))); !got.says(`value="`+taro.id+`"`) || !got.says(`value="the caller asked for it"`) {
			t.Errorf("after the step-up: %d %s", got.Code, got.Body)
		}
	}, anyFactor)
}

// TestDeskResumed proves that a browser whose waiting page has ended with a
// suspension is not led back to it once the person may come in again. SES-9, ux.md P9.
func TestDeskResumed(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, other, desk := w.newBrowser(), w.newBrowser(), w.atDesk(agent01)
		waiting, theirs := caller.cannotDesk(taro), other.callDesk(seeded(1).id)
		desk.approve(desk.open(seeded(1).id, theirs.number()))
		for _, id := range []string{taro.id, seeded(1).id} {
			w.must(w.app.Directory.Suspend(t.Context(), id, "left"))
		}
		caller.submit("/login/otp", waiting.form("/login/otp"), "otp", "12345678")
		other.submit("/reset/take", theirs.form("/reset/take"))
		for _, id := range []string{taro.id, seeded(1).id} {
			w.must(w.app.Directory.Resume(t.Context(), id, "back"))
		}
		caller.signIn(taro)
		other.signIn(seeded(1))
	}, anyFactor)
}

// TestDeskTakeRace has a caller take what was approved while the person signs in
// elsewhere, after which nothing is to be taken: one of both happens. HD-18.
func TestDeskTakeRace(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		desk := w.atDesk(agent01)
		for n := range 8 {
			p, caller, elsewhere := seeded(n+1), w.newBrowser(), w.newBrowser()
			waiting, open := caller.callDesk(p.id), elsewhere.totpPage(p.id)
			if got := desk.approve(desk.open(p.id, waiting.number())); got.Code != http.StatusSeeOther {
				t.Fatalf("%d %s", got.Code, got.main())
			}
			code := p.code(w.Now())
			var both sync.WaitGroup
			both.Go(func() { caller.submit("/reset/take", waiting.form("/reset/take")) })
			both.Go(func() { elsewhere.submitTOTP(open, code) })
			both.Wait()
			tickets := w.count(`SELECT COUNT(*) FROM ticket t JOIN subscriber s ON s.id = t.subscriber_id WHERE s.sps_id = $1`, p.id)
			used := w.count(`SELECT COUNT(*) FROM desk_case c JOIN subscriber s ON s.id = c.subscriber_id WHERE s.sps_id = $1 AND c.state = 'used'`, p.id)
			if tickets != used {
				t.Errorf("%d tickets, %d cases used", tickets, used)
			}
		}
	}, anyFactor)
}

package abuse

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/audit"
	"warifu/internal/authenticator/passkey/passkeytest"
	"warifu/internal/config"
	"warifu/internal/demo/people"
)

// TestDeskEntry proves that a case opens by SPS-ID and number together only, with
// one text for all that is wrong, and that an agent who guesses is stopped until
// an administrator lifts it. HD-2.
func TestDeskEntry(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, other, desk := w.newBrowser(), w.newBrowser(), w.atDesk(agent01)
		waiting, theirs := caller.callDesk(taro.id), other.callDesk(seeded(1).id)
		wrong := theirs.number() // right for somebody else
		var texts []string
		for _, entry := range [][2]string{{taro.id, wrong}, {seeded(2).id, waiting.number()}, {"nobody", waiting.number()}, {"sps00004", waiting.number()}} {
			got := desk.entry(entry[0], entry[1])
			if got.Code != http.StatusUnprocessableEntity {
				t.Errorf("%v: %d %s", entry, got.Code, got.Body)
			}
			text := strings.NewReplacer(entry[0], "ID", entry[1], "NUMBER", got.token, "TOKEN").Replace(got.Body.String())
			texts = append(texts, text)
			if got.says("KAMO") || got.says("賀茂") {
				t.Errorf("%v: shows a person", entry)
			}
		}
		for _, text := range texts[1:] {
			if text != texts[0] {
				t.Error("what was wrong can be told apart")
			}
		}
		if got := desk.entry(taro.id, "12"); got.Code != http.StatusUnprocessableEntity || !got.says("4") {
			t.Errorf("a slip: %d", got.Code)
		}
		for n := range 6 {
			got := desk.entry(taro.id, wrong)
			want := fmt.Sprintf("stopped: %d", 10-5-n)
			if n == 5 {
				want = "You cannot open requests now"
			}
			if n >= 2 && !got.says(want) {
				t.Errorf("after %d wrong ones not %q: %d", 5+n, want, got.Code)
			}
		}
		if got := desk.entry(taro.id, waiting.number()); !got.says("You cannot open requests now") {
			t.Errorf("the right one after ten wrong ones: %d %s", got.Code, got.main())
		}
		w.pass(2 * time.Hour)
		desk = w.atDesk(agent01)
		if got := desk.entry(taro.id, waiting.number()); !got.says("You cannot open requests now") {
			t.Errorf("time alone has lifted the stop: %d", got.Code)
		}
		if w.count(`SELECT COUNT(*) FROM audit_event WHERE name = 'alarm_raised'`) != 2 { // of the agent, and for the person
			t.Error("no alarm")
		}
		var about []string // of whom the trail tells, by id, and nothing of what was typed
		for _, e := range w.events(audit.DeskEntry) {
			if about = append(about, e.Subscriber); e.Outcome != "no match" || strings.Contains(fmt.Sprint(e), "nobody") {
				t.Errorf("a wrong entry: %+v", e)
			}
		}
		taroID := w.subscriber(taro.id)
		want := append([]string{taroID, w.subscriber(seeded(2).id), "", w.subscriber("sps00004")}, slices.Repeat([]string{taroID}, 6)...)
		if !slices.Equal(about, want) {
			t.Errorf("wrong entries for %q, want %q", about, want)
		}
		if found := w.alarms("wrong entries for one person"); len(found) != 1 || found[0].Subscriber != taroID {
			t.Errorf("the alarm for the person: %+v", found)
		}
		if sent := fmt.Sprint(w.mailsTo("security@miyako.example")); strings.Count(sent, "Scope: one account, named in the audit log") != 2 || strings.Contains(sent, "the whole system") || strings.Contains(sent, taro.id) {
			t.Errorf("the mails: %s", sent)
		}
		admin := w.atDesk(admin01)
		if page := admin.get("/admin"); !page.says("agent01") && !page.says("SATO Keiko") {
			t.Errorf("the administrator does not see it: %d %s", page.Code, page.Body)
		}
		stopped := w.subscriber(agent01.id)
		ask := admin.get("/admin/lift?agent=" + stopped)
		if got := admin.submit("/admin/lift", ask.form("/admin/lift"), "agent", stopped); got.Code != http.StatusSeeOther {
			t.Fatalf("lift: %d %s", got.Code, got.main())
		}
		if e := w.events(audit.DeskLift); len(e) != 1 || e[0].Subscriber != stopped || e[0].Actor != w.subscriber(admin01.id) || e[0].Address != admin.address || e[0].AgentHash == "" {
			t.Errorf("the trail of the lift: %+v", e)
		}
		if got := admin.get("/admin/lift?agent=" + stopped); got.Header().Get("Location") != "/admin" {
			t.Errorf("lifting who is not stopped: %d %s", got.Code, got.main())
		}
		caller.waitState(waiting) // the page is still there
		desk.open(taro.id, waiting.number())
	}, anyFactor, alarmMail)
}

// TestDeskLiftsOthers proves that an administrator who was stopped at the console
// is let go on by another one. HD-2, HD-6.
func TestDeskLiftsOthers(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		admin := w.atDesk(admin01)
		for range 10 {
			admin.entry(taro.id, "0000")
		}
		own := w.subscriber(admin01.id)
		ask := admin.get("/admin/lift?agent=" + own)
		if got := admin.submit("/admin/lift", ask.form("/admin/lift"), "agent", own); got.Code == http.StatusSeeOther {
			t.Errorf("lifted by himself: %s", got.Header().Get("Location"))
		}
		if got := admin.entry(taro.id, "0000"); !got.says("You cannot open requests now") {
			t.Errorf("%d %s", got.Code, got.main())
		}
		w.exec(`UPDATE subscriber SET role = 'administrator' WHERE sps_id = 'agent02'`)
		other := w.atDesk(agent02)
		ask = other.get("/admin/lift?agent=" + own)
		if got := other.submit("/admin/lift", ask.form("/admin/lift"), "agent", own); got.Header().Get("Location") != "/admin?lifted=true" {
			t.Errorf("not lifted by another one: %d %s", got.Code, got.main())
		}
	}, anyFactor)
}

// TestDeskEntryRight proves that a right entry never counts as a wrong one, also
// where another agent is at work, or where the case is the agent's own, which is
// recorded. HD-2, HD-16.
func TestDeskEntryRight(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, own, first, second := w.newBrowser(), w.newBrowser(), w.atDesk(agent01), w.atDesk(agent02)
		waiting, mine := caller.callDesk(taro.id), own.callDesk(agent02.id)
		first.open(taro.id, waiting.number())
		for n := range 6 {
			if got := second.entry(taro.id, waiting.number()); !got.says("Another agent is working") {
				t.Fatalf("%d: %d %s", n, got.Code, got.main())
			}
			if got := second.entry(agent02.id, mine.number()); !got.says("This request is your own") {
				t.Fatalf("%d: %d %s", n, got.Code, got.main())
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM audit_event WHERE name = 'desk.entry' AND body LIKE '%"outcome":"own case"%'`); n != 6 {
			t.Errorf("%d of 6 entries of the agent's own case are recorded", n)
		}
		if n := w.count(`SELECT COUNT(*) FROM audit_event WHERE name = 'alarm_raised'`); n != 0 {
			t.Errorf("%d alarms", n)
		}
	}, anyFactor)
}

// TestDeskSelf proves that nobody approves himself or is second to himself, and
// that privileged persons need two agents. A28, A31, HD-6.
func TestDeskSelf(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, first, second := w.newBrowser(), w.atDesk(agent01), w.atDesk(agent02)
		waiting := caller.callDesk("agent01")
		if got := first.entry("agent01", waiting.number()); !got.says("This request is your own") {
			t.Errorf("the agent's own case: %d %s", got.Code, got.main())
		}
		w.exec(`UPDATE subscriber SET mailbox = 'agent01@miyako.example' WHERE sps_id = 'sps00002'`)
		alias := w.newBrowser()
		page := alias.callDesk(taro.id)
		if got := first.entry(taro.id, page.number()); !got.says("This request is your own") {
			t.Errorf("another account of the agent's: %d", got.Code)
		}
		sheet := second.open("agent01", waiting.number())
		if !sheet.says("a second agent must approve") {
			t.Errorf("no flag: %s", sheet.main())
		}
		if got := second.approve(sheet); got.Code != http.StatusSeeOther {
			t.Fatalf("asking for a second agent: %d %s", got.Code, got.main())
		}
		if got := caller.waitState(waiting); !strings.Contains(got, `"working"`) {
			t.Errorf("one agent was enough for a privileged person: %s", got)
		}
		if got := second.entry("agent01", waiting.number()); !got.says("You have already approved this request") {
			t.Errorf("the same agent twice: %d %s", got.Code, got.main())
		}
		if got := second.submit(sheet.path()+"/approve", second.get(sheet.path()+"?confirm=approve").form(sheet.path()+"/approve")); !got.says("You have already approved") {
			t.Errorf("the same agent twice, by the form: %d %s", got.Code, got.main())
		}
		admin := w.atDesk(admin01)
		again := admin.open("agent01", waiting.number())
		if !again.says("Second approval") || !again.says("SUZUKI Ken") {
			t.Errorf("the record of the first agent: %s", again.main())
		}
		confirm := admin.follow(admin.submit(again.path(), again.form(again.path()), "act", "approve"))
		if got := admin.press(again, confirm, "approve"); got.Code != http.StatusSeeOther {
			t.Fatalf("second approval: %d %s", got.Code, got.main())
		}
		if got := caller.waitState(waiting); !strings.Contains(got, `"approved"`) {
			t.Errorf("two agents were not enough: %s", got)
		}
	}, anyFactor)
}

// TestDeskSelfMeanwhile proves that a case which the agent has at hand is out of
// reach once its person turns out to be the agent: for approval and refusal. A28, HD-6.
func TestDeskSelfMeanwhile(t *testing.T) {
	for _, act := range []string{"approve", "refuse"} {
		t.Run(act, func(t *testing.T) {
			onEngines(t, func(t *testing.T, w *world) {
				caller, desk := w.newBrowser(), w.atDesk(agent01)
				waiting := caller.callDesk(taro.id)
				sheet := desk.open(taro.id, waiting.number())
				confirm := desk.follow(desk.checked(sheet, act))
				w.exec(`UPDATE subscriber SET mailbox = 'agent01@miyako.example' WHERE sps_id = 'sps00002'`)
				if got := desk.press(sheet, confirm, act, map[string][]string{"refuse": {"why", "identity"}}[act]...); !got.says("This request is your own") {
					t.Errorf("%d %s", got.Code, got.main())
				}
				if got := caller.waitState(waiting); !strings.Contains(got, `"working"`) {
					t.Errorf("state %s", got)
				}
			}, anyFactor)
		})
	}
}

// TestDeskSecondLapses proves that the second agent has a quarter of an hour. HD-6.
func TestDeskSecondLapses(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, first, second := w.newBrowser(), w.atDesk(agent01), w.atDesk(agent02)
		waiting := caller.callDesk(taro.id)
		sheet := first.open(taro.id, waiting.number())
		if got := first.approve(sheet, "password", "yes"); got.Code != http.StatusSeeOther {
			t.Fatal(got.Code)
		}
		open := second.open(taro.id, waiting.number())
		w.pass(16 * time.Minute)
		second = w.atDesk(agent02)
		confirm := second.get(open.path() + "?confirm=approve")
		if got := second.press(open, confirm, "approve"); got.Code == http.StatusSeeOther {
			t.Errorf("after sixteen minutes: %d %s", got.Code, got.Header().Get("Location"))
		}
		if got := caller.waitState(waiting); !strings.Contains(got, `"working"`) {
			t.Errorf("state %s", got)
		}
		if sheet := second.open(taro.id, waiting.number()); sheet.says("Second approval") {
			t.Error("the first approval is still there")
		}
	}, anyFactor)
}

// TestDeskPasswordToo proves that password and TOTP together take two agents, and
// that the person chooses the password. A31, HD-12.
func TestDeskPasswordToo(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, first, second := w.newBrowser(), w.atDesk(agent01), w.atDesk(agent02)
		waiting := caller.callDesk(taro.id)
		first.approve(first.open(taro.id, waiting.number()), "password", "yes")
		sheet := second.open(taro.id, waiting.number())
		if got := second.approve(sheet); got.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", got.Code, got.main())
		}
		taken := caller.submit("/reset/take", waiting.form("/reset/take"))
		if taken.Header().Get("Location") != "/reset/password" {
			t.Fatalf("%d %s", taken.Code, taken.Header().Get("Location"))
		}
		if p := caller.follow(caller.get("/enrol")); p.says("otpauth:") {
			t.Error("the QR code came before the password")
		}
		choose := caller.get("/reset/password")
		if got := caller.submit("/reset/password", choose, "password", "a new one, by myself"); got.Header().Get("Location") != "/enrol" {
			t.Errorf("%d %s", got.Code, got.main())
		}
		if p := caller.follow(caller.get("/enrol")); !p.says("otpauth:") {
			t.Errorf("no QR code: %d %s", p.Code, p.Body)
		}
	}, anyFactor)
}

// TestDeskFreshness proves that an approval needs the agent's second factor of
// the last five minutes, in the same network. A29, HD-5.
func TestDeskFreshness(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		waiting := caller.callDesk(taro.id)
		sheet := desk.open(taro.id, waiting.number())
		confirm := desk.follow(desk.checked(sheet, "approve"))
		refused := func(what string) {
			t.Helper()
			got := desk.press(sheet, confirm, "approve")
			if !strings.HasPrefix(got.Header().Get("Location"), "/login") {
				t.Errorf("%s: %d %s", what, got.Code, got.Header().Get("Location"))
			}
			if state := caller.waitState(waiting); !strings.Contains(state, `"working"`) {
				t.Fatalf("%s: %s", what, state)
			}
		}
		was := desk.address
		desk.address = "203.0.113.77"
		refused("in another network")
		desk.address = was
		w.pass(6 * time.Minute)
		refused("six minutes later")
		step := desk.follow(desk.get(sheet.path() + "?confirm=approve"))
		for _, p := range []page{step, desk.get("/login/choose?flow=" + url.QueryEscape(step.flow))} {
			if !p.says("This is needed to approve a request.") || p.says("This is needed to change a setting.") {
				t.Errorf("why it is asked once more: %s", p.main())
			}
		}
		if got := desk.follow(desk.submitTOTP(step, agent01.code(w.Now()))); !got.says("Initialize the TOTP of") {
			t.Fatalf("after the step-up: %d %s", got.Code, got.main())
		}
		if got := desk.press(sheet, desk.get(sheet.path()+"?confirm=approve"), "approve"); got.Header().Get("Location") != sheet.path() {
			t.Errorf("%d %s", got.Code, got.main())
		}
	}, anyFactor)
}

// TestDeskPasskey proves that nobody works at the console, or administers, who has
// not signed in with a passkey. HD-5, WAN-5.
func TestDeskPasskey(t *testing.T) {
	pages := map[string]string{"/desk": agent01.id, "/desk/board": agent01.id, "/desk/person": agent01.id, "/admin": admin01.id, "/admin/desk.csv": admin01.id}
	onEngines(t, func(t *testing.T, w *world) {
		for path, id := range pages {
			if id != agent01.id {
				continue
			}
			if got := w.atDesk(agent01).get(path); got.Code == http.StatusOK {
				t.Errorf("%s without a passkey: %d", path, got.Code)
			}
			w.pass(time.Minute)
		}
		devices := map[string]*passkeytest.Device{}
		for _, who := range []person{agent01, admin01} {
			devices[who.id] = passkeytest.New(base)
			w.givePasskey(who, devices[who.id])
		}
		for _, who := range []person{agent01, admin01} {
			b := w.atDesk(who)
			for path, id := range pages {
				if got := b.get(path); id == who.id && got.Code != http.StatusForbidden {
					t.Errorf("%s with a passkey that was not used: %d", path, got.Code)
				}
			}
			b = w.newBrowser()
			b.device(b.beginAlone(), devices[who.id])
			for path, id := range pages {
				if got := b.get(path); id == who.id && got.Code != http.StatusOK {
					t.Errorf("%s with a passkey: %d %s", path, got.Code, got.main())
				}
			}
		}
	})
}

// TestDeskFallback proves that what the console asks for by itself is told to no
// agent whose session has no second factor. A14, SES-10.
func TestDeskFallback(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		desk := w.atDesk(agent01)
		if p := desk.get("/desk/board"); p.Code != http.StatusOK {
			t.Fatalf("the board: %d %s", p.Code, p.Body)
		}
		w.fallback(agent01.id)
		if p := desk.get("/desk/board"); p.Code != http.StatusForbidden {
			t.Errorf("without a second factor: %d %s", p.Code, p.Body)
		}
	}, anyFactor)
}

// TestDeskMatrix proves who may see and do what. A32.
func TestDeskMatrix(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.exec(`UPDATE subscriber SET role = 'auditor' WHERE sps_id = 'seed0000003'`)
		caller, owner := w.newBrowser(), w.atDesk(agent01)
		waiting := caller.callDesk(taro.id)
		path := owner.open(taro.id, waiting.number()).path()
		stopped := w.subscriber(agent02.id)
		w.exec(`INSERT INTO desk_entry (name, wrong, since, stopped_at) VALUES ('agent:' || '` + stopped + `', 10, 1, 1)`)
		lift := "/admin/lift?agent=" + stopped
		none, nobody, second := w.newBrowser(), w.newBrowser(), w.atDesk(agent02)
		none.signIn(hanako)
		auditor := w.newBrowser()
		auditor.signIn(seeded(3))
		const ok, nothing, no, gone = http.StatusOK, http.StatusNoContent, http.StatusForbidden, http.StatusConflict
		for _, row := range []struct {
			who  string
			b    *browser
			want map[string]int
		}{
			{"nobody", nobody, map[string]int{"/desk": 303, "/desk/person": 303, path: 303, "/admin": 303, "/admin/desk.csv": 303, "/desk/board": no, path + "/caller": no}},
			{"subscriber", none, map[string]int{"/desk": no, "/desk/person": no, path: no, "/admin": no, "/admin/desk.csv": no, "/desk/board": no, path + "/caller": no, lift: no}},
			{"auditor", auditor, map[string]int{"/desk": no, "/desk/person": no, path: no, "/admin": ok, "/admin/desk.csv": ok, "/desk/board": no, path + "/caller": no, lift: no}},
			{"the agent of the case", owner, map[string]int{"/desk": ok, "/desk/person": ok, path: ok, "/admin": no, "/admin/desk.csv": no, "/desk/board": ok, path + "/caller": ok, lift: no}},
			{"another agent", second, map[string]int{"/desk": ok, path: gone, path + "/caller": nothing, path + "?confirm=approve": gone, "/desk/events?case=" + path[len("/desk/cases/"):]: nothing}},
			{"administrator", w.atDesk(admin01), map[string]int{"/desk": ok, path: gone, "/admin": ok, "/admin/desk.csv": ok, lift: ok}},
		} {
			for address, want := range row.want {
				if got := row.b.get(address); got.Code != want {
					t.Errorf("%s at %s: %d, want %d", row.who, address, got.Code, want)
				}
			}
		}
		form := second.get("/desk").form("/desk") // a token of another step
		for _, act := range []string{"", "/approve", "/refuse", "/other"} {
			if got := second.submit(path+act, form); got.Code != no {
				t.Errorf("another agent at %s: %d", act, got.Code)
			}
		}
	}, anyFactor)
}

// TestDeskRace has approve, refuse, cancel and expire meet a hundred times: one
// outcome each. A30, HD-18.
func TestDeskRace(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		first, second := w.atDesk(agent01), w.atDesk(agent02)
		for n := range 8 {
			p := seeded(n + 1)
			caller := w.newBrowser()
			waiting := caller.callDesk(p.id)
			sheet := first.open(p.id, waiting.number())
			confirm := first.follow(first.checked(sheet, "approve"))
			refuse := first.get(sheet.path() + "?confirm=refuse")
			var all sync.WaitGroup
			for _, act := range []func() page{
				func() page { return first.submit(sheet.path()+"/approve", confirm.form(sheet.path()+"/approve")) },
				func() page {
					return first.submit(sheet.path()+"/refuse", refuse.form(sheet.path()+"/refuse"), "why", "suspicious")
				},
				func() page { return caller.submit("/reset/cancel", waiting.form("/reset/cancel")) },
				func() page { return caller.submit("/reset/take", waiting.form("/reset/take")) },
				func() page { return second.entry(p.id, waiting.number(), "take", "yes") },
			} {
				all.Go(func() { act() })
			}
			all.Wait()
			no := sheet.path()[len("/desk/cases/"):]
			ends := w.count(`SELECT COUNT(*) FROM audit_event WHERE name = 'desk.case' AND body LIKE '%"target":"` + no + `"%' AND
				(body LIKE '%"outcome":"refused"%' OR body LIKE '%"outcome":"cancelled"%' OR body LIKE '%"outcome":"used"%')`)
			ended := w.count(`SELECT COUNT(*) FROM desk_case WHERE no = ` + no + ` AND ended_at > 0`)
			tickets := w.count(`SELECT COUNT(*) FROM ticket t JOIN subscriber s ON s.id = t.subscriber_id WHERE s.sps_id = $1`, p.id)
			used := w.count(`SELECT COUNT(*) FROM desk_case WHERE no = ` + no + ` AND state = 'used'`)
			if ends != ended || tickets != used {
				t.Errorf("%d ends, %d ended, %d tickets, %d used", ends, ended, tickets, used)
			}
		}
	}, anyFactor)
}

// TestDeskSuspendedMeanwhile suspends a person between case and approval, and
// between approval and redemption. A35, HD-18, L15.
func TestDeskSuspendedMeanwhile(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		waiting := caller.callDesk(taro.id)
		sheet := desk.open(taro.id, waiting.number())
		confirm := desk.follow(desk.checked(sheet, "approve"))
		w.must(w.app.Directory.Suspend(t.Context(), taro.id, "left"))
		if got := desk.press(sheet, confirm, "approve"); got.Code == http.StatusSeeOther {
			t.Errorf("approved a suspended person: %s", got.Header().Get("Location"))
		}
		w.must(w.app.Directory.Resume(t.Context(), taro.id, "back"))
		if got := desk.press(sheet, confirm, "approve"); got.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", got.Code, got.main())
		}
		w.must(w.app.Directory.Suspend(t.Context(), taro.id, "left"))
		if got := caller.submit("/reset/take", waiting.form("/reset/take")); got.Header().Get("Location") == "/enrol" || w.count(`SELECT COUNT(*) FROM ticket`) != 0 {
			t.Error("taken by a suspended person")
		}
	}, anyFactor)
}

// TestDeskTwoCases proves that two open cases of one person freeze each other
// until one is refused, and that the refused browser opens no other. A64, HD-20.
func TestDeskTwoCases(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		mine, theirs, desk := w.newBrowser(), w.newBrowser(), w.atDesk(agent01)
		theirs.address = "203.0.113.9"
		impostor, waiting := theirs.callDesk(taro.id), mine.callDesk(taro.id)
		sheet := desk.open(taro.id, waiting.number())
		if !sheet.says("two open requests") {
			t.Errorf("the agent is not told: %s", sheet.main())
		}
		if got := desk.checked(sheet, "approve"); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("a frozen case can be approved: %d", got.Code)
		}
		confirm := desk.get(sheet.path() + "?confirm=approve")
		if got := desk.press(sheet, confirm, "approve"); got.Code == http.StatusSeeOther {
			t.Error("a frozen case was approved by the form alone")
		}
		other := regexp.MustCompile(`value="(other:(\d+))"`).FindStringSubmatch(sheet.Body.String())
		if other == nil {
			t.Fatalf("no way to refuse the other one: %s", sheet.main())
		}
		no := other[2]
		if got := desk.checked(sheet, other[1], "reason", "short"); got.Code != http.StatusUnprocessableEntity || !got.says("10 characters or more") {
			t.Errorf("the other one refused without a reason: %d %s", got.Code, got.main())
		}
		if got := desk.press(sheet, desk.get(sheet.path()+"?confirm=other&no="+no), "other", "other", no); got.Code == http.StatusSeeOther {
			t.Error("the other one was refused without a reason by the form alone")
		}
		confirm = desk.follow(desk.checked(sheet, other[1]))
		if got := desk.press(sheet, confirm, "other", "other", no); got.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", got.Code, got.main())
		}
		if got := theirs.waitState(impostor); !strings.Contains(got, `"refused"`) {
			t.Errorf("state %s", got)
		}
		for _, e := range w.caseEvents() {
			if e.Outcome == "refused" && (e.Reason != "called back, student card seen" || e.Detail["checks"] != "") {
				t.Errorf("the trail says of the other one: %+v", e)
			}
		}
		if got := desk.approve(sheet); got.Code != http.StatusSeeOther { // a refusal of the last day: two agents
			t.Errorf("%d %s", got.Code, got.main())
		}
		p := theirs.decision(taro.id)
		if got := theirs.submit("/reset/wait", p.form("/reset/wait"), "to", "desk"); got.Code != http.StatusConflict || !got.says("24 hours") {
			t.Errorf("the refused browser opens another case: %d %s", got.Code, got.main())
		}
		w.pass(24*time.Hour + time.Minute)
		theirs.callDesk(taro.id)
	}, anyFactor)
}

// TestDeskRefusesOthersMeanwhile proves that the other case of a person is refused
// only from one that is open: afterwards it is no business of that agent. HD-20, A32.
func TestDeskRefusesOthersMeanwhile(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, other, desk := w.newBrowser(), w.newBrowser(), w.atDesk(agent01)
		sheet := desk.open(taro.id, caller.callDesk(taro.id).number())
		desk.refuse(sheet, "mistake")
		waiting := other.callDesk(taro.id)
		no := strconv.Itoa(w.count(`SELECT MAX(no) FROM desk_case`))
		desk.press(sheet, desk.get(sheet.path()+"?confirm=other&no="+no), "other", "other", no)
		if got := other.waitState(waiting); !strings.Contains(got, `"waiting"`) {
			t.Errorf("refused by the agent of a case that is over: %s", got)
		}
	}, anyFactor)
}

// TestDeskHourly proves that a person has at most three new cases an hour, also
// from many browsers at once, and that asking again in one browser replaces its
// case. HD-20.
func TestDeskHourly(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		same := w.newBrowser()
		first := same.callDesk(taro.id)
		again := same.get("/reset/wait?flow=" + url.QueryEscape(first.form("/reset/take").flow))
		second := same.follow(same.submit("/reset/wait", again.form("/reset/wait"), "to", "desk"))
		if second.number() == "" || w.count(`SELECT COUNT(*) FROM desk_case WHERE ended_at = 0`) != 1 {
			t.Errorf("asked again in one browser: %d living cases: %s", w.count(`SELECT COUNT(*) FROM desk_case WHERE ended_at = 0`), second.Body)
		}
		var all sync.WaitGroup
		for range 16 {
			b := w.newBrowser()
			p := b.decision(taro.id)
			all.Go(func() { b.submit("/reset/wait", p.form("/reset/wait"), "to", "desk") })
		}
		all.Wait()
		if n := w.count(`SELECT COUNT(*) FROM desk_case`); n != 3 {
			t.Errorf("%d cases in an hour", n)
		}
		w.pass(61 * time.Minute)
		w.newBrowser().callDesk(taro.id)
	}, anyFactor)
}

// TestDeskDormant proves that a case whose page is gone sleeps, freezes nobody and
// cannot be approved, wakes in its browser, and ends after a day. HD-11, A61.
func TestDeskDormant(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		gone, caller := w.newBrowser(), w.newBrowser()
		left := gone.callDesk(taro.id)
		path := "/reset/wait?flow=" + url.QueryEscape(left.form("/reset/take").flow)
		w.pass(31 * time.Minute)
		desk := w.atDesk(agent01)
		sheet := desk.open(taro.id, left.number())
		if got := desk.checked(sheet, "approve"); got.Code != http.StatusUnprocessableEntity || !got.says("screen is not there") {
			t.Errorf("a dormant case: %d %s", got.Code, got.main())
		}
		fresh := caller.callDesk(taro.id)
		if sheet := desk.open(taro.id, fresh.number()); sheet.says("two open requests") {
			t.Error("a dormant case freezes another one")
		}
		if p := gone.get(path); !p.says("Your request is active again.") || p.number() != left.number() {
			t.Errorf("not woken: %s", p.main())
		}
		if sheet := desk.open(taro.id, left.number()); !sheet.says("two open requests") {
			t.Error("the woken case freezes nobody")
		}
		w.pass(19 * time.Hour)
		if p := gone.get(path); p.number() != left.number() { // 2.2.1: a page that has slept for long
			t.Errorf("after 19 hours: %s", p.main())
		}
		w.pass(5 * time.Hour)
		if p := gone.get(path); !p.says("because 24 hours have passed") || p.number() != "" {
			t.Errorf("after a day: %s", p.main())
		}
		w.must(w.app.Desk.Lapse(t.Context()))
		if n := w.count(`SELECT COUNT(*) FROM desk_case WHERE state = 'expired'`); n != 2 {
			t.Errorf("%d cases are noted as expired", n)
		}
		told := false
		for _, l := range w.letters() {
			told = told || l.To == "sps00002@miyako.example" && strings.Contains(l.Body, "expired")
		}
		if !told {
			t.Error("the person was not told")
		}
	}, anyFactor)
}

// TestDeskComeBack closes the page and signs in again, in the same browser and in
// another one. ux.md P9.
func TestDeskComeBack(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, other := w.newBrowser(), w.newBrowser()
		waiting, fallback := caller.callDesk(taro.id), other.cannotDesk(hanako)
		if p := caller.follow(caller.password(taro.id, people.Password)); p.number() != waiting.number() {
			t.Errorf("not back at the page that waits: %s", p.main())
		}
		if p := caller.follow(caller.submit("/reset", caller.get("/reset"), "username", taro.id, "password", people.Password)); p.number() != waiting.number() {
			t.Errorf("not back by the setting page: %s", p.main())
		}
		if p := other.follow(other.password(hanako.id, people.Password)); p.number() != fallback.number() {
			t.Errorf("not back at the OTP's page: %s", p.main())
		}
		if p := w.newBrowser().follow(w.newBrowser().password(taro.id, people.Password)); p.number() != "" {
			t.Error("the number is shown in another browser")
		}
		w.newBrowser().signIn(hanako) // who has found the Authenticator
		if got := other.get("/wait/state?flow=" + url.QueryEscape(fallback.form("/login/otp").flow) + "&seen=").Body.String(); !strings.Contains(got, `"cancelled"`) {
			t.Errorf("a case that is not needed any more: %s", got)
		}
	}, anyFactor)
}

// TestDeskChecklist proves that facts alone never suffice, that one wrong answer
// is enough to refuse, and that a reason is needed. HD-4.
func TestDeskChecklist(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		waiting := caller.callDesk(taro.id)
		sheet := desk.open(taro.id, waiting.number())
		for name, fields := range map[string][]string{
			"nothing":            {"reason", "no items at all"},
			"facts alone":        {"check_dept", "yes", "check_number", "yes", "reason", "facts alone"},
			"one wrong":          {"check_callback", "yes", "check_inperson", "no", "reason", "one is wrong"},
			"a made-up value":    {"check_callback", "maybe", "reason", "a made-up value"},
			"without a reason":   {"check_callback", "yes", "reason", " too short "},
			"reason only spaces": {"check_callback", "yes", "reason", "                "},
		} {
			got := desk.submit(sheet.path(), sheet.form(sheet.path()), append(fields, "act", "approve")...)
			if got.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", name, got.Code)
			}
			if got := desk.press(sheet, desk.get(sheet.path()+"?confirm=approve"), "approve"); got.Code == http.StatusSeeOther {
				t.Errorf("%s: approved by the form alone", name)
			}
			if !strings.Contains(name, "reason") {
				continue
			}
			if got := desk.press(sheet, desk.get(sheet.path()+"?confirm=refuse"), "refuse", "why", "identity"); got.Code == http.StatusSeeOther {
				t.Errorf("%s: refused by the form alone", name)
			}
		}
		if got := desk.submit(sheet.path(), sheet.form(sheet.path()), "check_birthday", "yes", "act", "approve"); got.Code != http.StatusBadRequest {
			t.Errorf("an item that is not on the list: %d", got.Code)
		}
		if got := caller.waitState(waiting); !strings.Contains(got, `"working"`) {
			t.Errorf("state %s", got)
		}
	}, anyFactor)
}

// TestDeskLimits proves that an agent who has approved too often, and a person who
// was let in too often, need an administrator, too. HD-13.
func TestDeskLimits(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		desk, second := w.atDesk(agent01), w.atDesk(agent02)
		for n := range 2 {
			p := seeded(n + 1)
			caller := w.newBrowser()
			if got := desk.approve(desk.open(p.id, caller.callDesk(p.id).number())); got.Code != http.StatusSeeOther {
				t.Fatalf("%d %s", got.Code, got.main())
			}
		}
		if found := w.alarms("approvals of one agent"); len(found) != 1 || found[0].Subscriber != w.subscriber(agent01.id) {
			t.Errorf("alarms: %+v", found)
		}
		p, caller := seeded(5), w.newBrowser()
		waiting := caller.callDesk(p.id)
		desk.approve(desk.open(p.id, waiting.number()))
		if got := caller.waitState(waiting); !strings.Contains(got, `"working"`) {
			t.Fatalf("beyond the limit: %s", got)
		}
		sheet := second.open(p.id, waiting.number())
		if got := second.press(sheet, second.get(sheet.path()+"?confirm=approve"), "approve"); !got.says("an administrator must approve") {
			t.Errorf("another agent: %d %s", got.Code, got.main())
		}
		admin := w.atDesk(admin01)
		sheet = admin.open(p.id, waiting.number())
		if got := admin.press(sheet, admin.get(sheet.path()+"?confirm=approve"), "approve"); got.Code != http.StatusSeeOther {
			t.Errorf("an administrator: %d %s", got.Code, got.main())
		}
	}, anyFactor, func(c *config.Config) { c.Desk.AlarmAt, c.Desk.StopAt = 2, 2 })
}

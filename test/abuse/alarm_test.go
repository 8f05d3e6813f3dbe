package abuse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"warifu/internal/audit"
	"warifu/internal/config"
)

// alarms returns the alarms of a rule that the trail has.
func (w *world) alarms(rule string) (all []audit.Event) {
	w.t.Helper()
	for _, e := range w.events(audit.AlarmRaised) {
		if e.Target == rule {
			all = append(all, e)
		}
	}
	return all
}

// approved has an agent approve a person's initialization.
func (w *world) approved(desk *browser, who person) {
	w.t.Helper()
	caller := w.newBrowser()
	if got := desk.approve(desk.open(who.id, caller.callDesk(who.id).number())); got.Code >= 400 {
		w.t.Fatalf("approval: %d %s", got.Code, got.main())
	}
}

func alarmMail(c *config.Config) { c.Institution.AlarmMail = []string{"security@miyako.example"} }

// TestAlarmOfPairs: an agent who approves the same person again within a month is
// told to the administrators; another agent who does is not, and neither is the
// same one a month later. AUD-6.
func TestAlarmOfPairs(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		const rule = "same agent and person again"
		w.approved(w.atDesk(agent01), taro)
		w.pass(2 * time.Hour)
		w.approved(w.atDesk(agent02), taro)
		if found := w.alarms(rule); len(found) != 0 {
			t.Errorf("two agents: %+v", found)
		}
		w.pass(29 * 24 * time.Hour)
		w.approved(w.atDesk(agent01), taro)
		if found := w.alarms(rule); len(found) != 1 || found[0].Subscriber != w.subscriber(taro.id) || found[0].Detail["failures"] != "2" {
			t.Errorf("the same agent: %+v", found)
		}
		if sent := w.mailsTo("security@miyako.example"); !strings.Contains(fmt.Sprint(sent), "Approvals of one person by the same agent") {
			t.Errorf("not told: %+v", sent)
		}
		w.pass(31 * 24 * time.Hour)
		w.approved(w.atDesk(agent01), taro)
		if found := w.alarms(rule); len(found) != 1 {
			t.Errorf("a month later: %+v", found)
		}
	}, anyFactor, alarmMail)
}

// TestAlarmOfHours: approvals outside of the opening hours are told, once a day for
// each agent; those within them are not. AUD-6.
func TestAlarmOfHours(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		const rule = "approvals outside of the hours"
		desk := w.atDesk(agent01)
		w.approved(desk, taro)
		w.approved(desk, seeded(1))
		w.approved(w.atDesk(agent02), seeded(2))
		if found := w.alarms(rule); len(found) != 2 || found[0].Subscriber != w.subscriber(agent01.id) || found[1].Subscriber != w.subscriber(agent02.id) {
			t.Errorf("in the evening: %+v", found)
		}
		w.pass(16 * time.Hour) // Wednesday, 10:00
		w.approved(w.atDesk(agent01), seeded(3))
		if found := w.alarms(rule); len(found) != 2 {
			t.Errorf("in the morning: %+v", found)
		}
	}, anyFactor)
}

// TestAlarmOfAddresses: who has come back in and then changes where mail goes is
// told to the administrators, within a week. AUD-6.
func TestAlarmOfAddresses(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		const rule = "recovery, then another address"
		change := func(who person, address string) {
			b := w.newBrowser()
			b.signIn(who)
			b.register(who, address)
		}
		change(seeded(1), "usual@example.net")
		if found := w.alarms(rule); len(found) != 0 {
			t.Errorf("without a recovery: %+v", found)
		}
		codes := w.giveCodes(hanako)
		b := w.newBrowser()
		b.submitCode(b.codePage(hanako.id), codes[0])
		if w.count(`SELECT COUNT(*) FROM subscriber WHERE sps_id = 'sps00001' AND recovered_at > 0`) != 1 {
			t.Fatal("no recovery")
		}
		w.pass(6 * 24 * time.Hour)
		change(hanako, "other@example.net")
		if found := w.alarms(rule); len(found) != 1 || found[0].Subscriber != w.subscriber(hanako.id) {
			t.Errorf("after a recovery: %+v", found)
		}
		w.pass(2 * 24 * time.Hour)
		change(hanako, "third@example.net")
		if found := w.alarms(rule); len(found) != 1 {
			t.Errorf("eight days after it: %+v", found)
		}
	})
}

// TestAlarmOfTrail: the daily verification tells of a row that was changed and of
// an end that was cut off, once a day, and of nothing where a node has died
// before it sealed. AUD-6.
func TestAlarmOfTrail(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		const rule = "broken trail"
		w.blocks()
		daily := w.app.Verification()
		w.pass(time.Hour) // the last row should have been sealed by now
		w.must(daily.Check(t.Context()))
		if found := w.alarms(rule); len(found) != 0 {
			t.Errorf("of a whole trail: %+v", found)
		}
		w.unprotect()
		w.exec(`DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_seal WHERE block = (SELECT MAX(no) FROM audit_block))`)
		w.exec(`DELETE FROM audit_seal WHERE block = (SELECT MAX(no) FROM audit_block)`)
		w.exec(`DELETE FROM audit_block WHERE no = (SELECT MAX(no) FROM audit_block)`)
		w.must(daily.Check(t.Context()))
		w.must(w.node().Verification().Check(t.Context()))
		if found := w.alarms(rule); len(found) != 1 {
			t.Errorf("of an end that was cut off: %+v", found)
		}
		w.exec(`UPDATE audit_event SET body = '{}' WHERE id = (SELECT MIN(event_id) FROM audit_seal WHERE block = 1)`)
		w.pass(25 * time.Hour)
		w.must(w.node().Verification().Check(t.Context()))
		if found := w.alarms(rule); len(found) != 2 || len(w.mailsTo("security@miyako.example")) != 2 {
			t.Errorf("of a row that was changed: %+v", found)
		}
	}, alarmMail)
}

// TestDeskFlood: who knows the password and asks the help desk without end fills
// neither the trail nor the person's mailbox. HD-20, NOT-1.
func TestDeskFlood(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		for range 3 {
			w.newBrowser().callDesk(taro.id)
		}
		b := w.newBrowser()
		p := b.decision(taro.id)
		for range 40 {
			b.submit("/reset/wait", p.form("/reset/wait"), "to", "desk")
		}
		away := 0
		for _, e := range w.caseEvents() {
			if e.Outcome == "too many cases" {
				away++
			}
		}
		if away != 6 { // the first, and each doubling to 32
			t.Errorf("%d events of 40 that were turned away", away)
		}
		for range 6 {
			w.pass(61 * time.Minute)
			for range 3 {
				caller := w.newBrowser()
				waiting := caller.callDesk(taro.id)
				caller.submit("/reset/cancel", waiting.form("/reset/cancel"))
			}
		}
		opened, ended := 0, 0
		for _, m := range w.mailsTo("sps00002@miyako.example") {
			switch {
			case strings.HasSuffix(m.Subject, "ヘルプデスクへの受付"):
				opened++
			case strings.HasSuffix(m.Subject, "受付を終了しました"):
				ended++
			}
		}
		if opened != 6 || ended != 3 { // of 21 cases the first three, and each doubling; the first three were not cancelled
			t.Errorf("%d letters of new cases, %d of ends", opened, ended)
		}
	}, anyFactor)
}

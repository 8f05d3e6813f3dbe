package abuse

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"warifu/internal/audit"
)

// caseEvents returns what the trail has of the help desk's cases, the oldest first.
func (w *world) caseEvents() []audit.Event { return w.events(audit.DeskCase) }

// events returns what the trail has of a name, the oldest first.
func (w *world) events(name audit.Name) (all []audit.Event) {
	w.t.Helper()
	rows, err := w.raw.QueryContext(w.t.Context(), `SELECT body FROM audit_event WHERE name = $1 ORDER BY at`, name)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var body []byte
		var e audit.Event
		w.must(rows.Scan(&body))
		w.must(json.Unmarshal(body, &e))
		all = append(all, e)
	}
	w.must(rows.Err())
	return all
}

// TestDeskRecord proves that the trail says of each decision who has made it,
// from where, why, and upon which items of the checklist; and that the person's
// own history tells of the caller's browser, and not of the agent's network.
// HD-16, AUD-2, AUD-3.
func TestDeskRecord(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, first, second := w.newBrowser(), w.atDesk(agent01), w.atDesk(agent02)
		waiting := caller.callDesk(taro.id)
		first.approve(first.open(taro.id, waiting.number()), "password", "yes", "check_dept", "yes")
		second.approve(second.open(taro.id, waiting.number()))
		other := w.newBrowser()
		first.refuse(first.open(hanako.id, other.callDesk(hanako.id).number()), "suspicious")
		events := map[string]audit.Event{}
		for _, e := range w.caseEvents() {
			events[e.Outcome] = e
		}
		for outcome, want := range map[string]struct{ by, address, checks, more string }{
			"approved, second agent asked for": {agent01.id, first.address, "callback=yes dept=yes", ""},
			"approved":                         {agent02.id, second.address, "callback=yes dept=yes", agent01.id},
			"refused":                          {agent01.id, first.address, "callback=yes", "suspicious"},
		} {
			e := events[outcome]
			if w.subscriber(want.by) != e.Actor || e.Address != want.address || e.AgentHash == "" || e.Detail["caller"] == "" || e.Detail["caller"] == want.address {
				t.Errorf("%s: by whom, from where: %+v", outcome, e)
			}
			if e.Reason != "called back, student card seen" || e.Detail["checks"] != want.checks {
				t.Errorf("%s: upon what: %+v", outcome, e)
			}
			switch outcome {
			case "approved":
				if e.Detail["first"] != w.subscriber(want.more) || e.Detail["password"] != "yes" {
					t.Errorf("the first agent, or the password: %+v", e)
				}
			case "refused":
				if e.Detail["why"] != want.more {
					t.Errorf("the kind of the refusal: %+v", e)
				}
			}
		}
		b := w.newBrowser()
		b.signIn(hanako)
		if p := b.get("/account/history"); p.Code != http.StatusOK || !p.says("Request closed by the help desk") || strings.Contains(p.Body.String(), first.address) {
			t.Errorf("the person's history: %d %s", p.Code, p.main())
		}
	}, anyFactor)
}

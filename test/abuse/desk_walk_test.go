package abuse

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"warifu/internal/demo/people"
)

// telephone is a person with two browsers, an attacker who knows the password and
// telephones, too, two agents and an administrator, and the clock. What it knows of
// the truth, it keeps itself.
type telephone struct {
	*world
	browsers []*browser  // 0 and 1 of the person, 2 of the attacker
	waits    []*page     // the page that waits in each
	agents   []*browser  // at the desk
	who      []person    // who they are
	proved   []time.Time // when each gave the second factor last
	sheets   []*page     // the case that lies open before each
	caller   []int       // whose browser that is
	cases    []int       // the case behind the page that waits in each browser
	taken    int         // approved cases that were taken
	through  *int        // most tickets of one walk
}

// TestDeskWalks has callers and agents do at random what they can do, and holds it
// to what must always be true: a case has one end, and the trail has it once; a
// ticket is held by the browser whose case was approved, and by no other; who
// approved is not the person and not one agent twice; a frozen or sleeping case is
// never approved; a person has at most three new cases an hour; the attacker, whom
// no agent ever confirms, holds nothing. HD-1 to HD-20, A30, A64, SES-5.
func TestDeskWalks(t *testing.T) {
	through := 0
	rapid.Check(t, func(r *rapid.T) {
		w := &telephone{through: &through, world: newWorld(t, template.SQLite(t), anyFactor), waits: make([]*page, 3), sheets: make([]*page, 3),
			caller: make([]int, 3), cases: make([]int, 3), proved: make([]time.Time, 3), who: []person{agent01, agent02, admin01}}
		for n := range 3 {
			b := w.newBrowser()
			b.address = []string{"192.0.2.1", "192.0.2.2", "198.51.100.9"}[n]
			w.browsers = append(w.browsers, b)
			w.agents = append(w.agents, w.newBrowser())
			w.signInAgent(n)
		}
		r.Repeat(map[string]func(*rapid.T){
			"call":        w.call,
			"whole call":  w.whole,
			"open":        w.open,
			"approve":     w.approve,
			"refuse":      w.refuse,
			"take":        w.take,
			"cancel":      w.cancel,
			"look":        w.look,
			"time passes": w.timePasses,
			"":            w.check,
		})
	})
	if through == 0 {
		t.Error("no walk has come to the end of a call")
	}
}

func (w *telephone) signInAgent(n int) {
	w.agents[n].cookies = make(map[string]string)
	w.agents[n].signIn(w.who[n])
	w.proved[n] = w.Now()
}

func (w *telephone) any(r *rapid.T) int { return rapid.IntRange(0, 2).Draw(r, "browser") }

// call asks for an initialization by the help desk.
func (w *telephone) call(r *rapid.T) {
	n := w.any(r)
	b := w.browsers[n]
	p := b.follow(b.submit("/reset", b.get("/reset"), "username", taro.id, "password", people.Password))
	if w.waiting(n, p) { // back at the page that waits
		return
	}
	if !p.says("What happens") {
		return
	}
	w.waiting(n, b.follow(b.submit("/reset/wait", p.form("/reset/wait"), "to", "desk")))
}

// waiting keeps a page that waits, with the case behind it.
func (w *telephone) waiting(n int, p page) bool {
	if p.number() == "" {
		return false
	}
	w.waits[n] = &p
	w.cases[n] = w.count(`SELECT no FROM desk_case WHERE number = $1 AND ended_at = 0`, p.number())
	return true
}

// takes presses the button of the page that waits in browser n, in the browser in,
// and says whether it leads to the QR code.
func (w *telephone) takes(n, in int) bool {
	approved := w.count(`SELECT COUNT(*) FROM desk_case WHERE no = $1 AND state = 'approved' AND expires_at > $2`, w.cases[n], w.Now().UnixMilli())
	got := w.browsers[in].submit("/reset/take", w.waits[n].form("/reset/take"))
	if got.Header().Get("Location") != "/enrol" {
		return false
	}
	w.taken += approved // the button of a case that was taken leads on again
	return true
}

// open has an agent type what a caller reads out.
func (w *telephone) open(r *rapid.T) {
	a, n := w.any(r), w.any(r)
	if w.waits[n] == nil {
		return
	}
	w.awake(a)
	p := w.agents[a].follow(w.agents[a].entry(taro.id, w.waits[n].number(), "take", "yes"))
	if p.path() == "" {
		return
	}
	w.sheets[a], w.caller[a] = &p, n
	for other := range w.sheets { // what was before another agent is in these hands now
		if other != a && w.sheets[other] != nil && w.sheets[other].path() == p.path() {
			w.sheets[other] = nil
		}
	}
}

// whole is a call without disturbance: open, approve, take.
func (w *telephone) whole(r *rapid.T) {
	n, a := rapid.IntRange(0, 1).Draw(r, "browser"), w.any(r)
	if w.waits[n] == nil {
		return
	}
	w.awake(a)
	b := w.agents[a]
	p := b.follow(b.entry(taro.id, w.waits[n].number(), "take", "yes"))
	if p.path() == "" {
		return
	}
	w.sheets[a], w.caller[a] = nil, n
	b.checked(p, "save")
	action := p.path() + "/approve"
	if confirm := b.get(p.path() + "?confirm=approve"); confirm.form(action).token != "" {
		b.submit(action, confirm.form(action))
	}
	w.takes(n, n)
}

// awake signs an agent in again whose second factor is too old for an approval.
func (w *telephone) awake(a int) {
	if w.Now().Sub(w.proved[a]) < 4*time.Minute {
		return
	}
	w.signInAgent(a)
}

// approve confirms the identity: never that of the attacker, who cannot answer.
func (w *telephone) approve(r *rapid.T) {
	a := w.any(r)
	if w.sheets[a] == nil {
		return
	}
	w.awake(a)
	if w.caller[a] == 2 {
		p := w.agents[a].submit(w.sheets[a].path(), w.sheets[a].form(w.sheets[a].path()), "check_callback", "no", "reason", "could not be confirmed", "act", "approve")
		if p.Code == 303 {
			r.Fatalf("a case can be approved although an answer was wrong")
		}
		return
	}
	b := w.agents[a]
	b.checked(*w.sheets[a], "save")
	confirm := b.get(w.sheets[a].path() + "?confirm=approve")
	action := w.sheets[a].path() + "/approve"
	if confirm.form(action).token == "" {
		return
	}
	frozen := w.count(`SELECT COUNT(*) FROM desk_case WHERE ended_at = 0 AND state IN ('waiting', 'working', 'second') AND expires_at > $1 AND seen_at > $2`,
		w.Now().UnixMilli(), w.Now().Add(-30*time.Minute).UnixMilli())
	before := w.count(`SELECT COUNT(*) FROM desk_case WHERE state IN ('approved', 'second')`)
	b.submit(action, confirm.form(action))
	if frozen > 1 && w.count(`SELECT COUNT(*) FROM desk_case WHERE state IN ('approved', 'second')`) > before {
		r.Fatalf("approved while %d cases were open", frozen)
	}
}

// refuse refuses, with a reason that is the caller's fault or not.
func (w *telephone) refuse(r *rapid.T) {
	a := w.any(r)
	if w.sheets[a] == nil {
		return
	}
	why := rapid.SampledFrom([]string{"identity", "ended", "suspicious", "mistake"}).Draw(r, "why")
	w.awake(a)
	b := w.agents[a]
	b.checked(*w.sheets[a], "save")
	action := w.sheets[a].path() + "/refuse"
	if confirm := b.get(w.sheets[a].path() + "?confirm=refuse"); confirm.form(action).token != "" {
		b.submit(action, confirm.form(action), "why", why)
	}
	w.sheets[a] = nil
}

// take asks for what may have been approved, in the right browser or in another.
func (w *telephone) take(r *rapid.T) {
	n, in := w.any(r), w.any(r)
	if w.waits[n] == nil {
		return
	}
	if !w.takes(n, in) {
		return
	}
	switch {
	case in != n:
		r.Fatalf("browser %d took the case of %d", in, n)
	case n == 2:
		r.Fatalf("the attacker took a case")
	}
}

func (w *telephone) cancel(r *rapid.T) {
	n, in := w.any(r), w.any(r)
	if w.waits[n] == nil {
		return
	}
	before := w.count(`SELECT COUNT(*) FROM desk_case WHERE state = 'cancelled'`)
	w.browsers[in].submit("/reset/cancel", w.waits[n].form("/reset/cancel"))
	if in != n && w.count(`SELECT COUNT(*) FROM desk_case WHERE state = 'cancelled'`) != before {
		r.Fatalf("browser %d cancelled the case of %d", in, n)
	}
}

// look is what a page that waits does by itself.
func (w *telephone) look(r *rapid.T) {
	if n := w.any(r); w.waits[n] != nil {
		w.browsers[n].waitState(*w.waits[n])
	}
}

func (w *telephone) timePasses(r *rapid.T) {
	w.pass(rapid.SampledFrom([]time.Duration{31 * time.Second, 4 * time.Minute, 16 * time.Minute, 31 * time.Minute, 13 * time.Hour}).Draw(r, "time"))
	w.must(w.app.Desk.Lapse(w.t.Context()))
}

// check holds the truth to what must always be.
func (w *telephone) check(r *rapid.T) {
	for what, n := range map[string]int{
		"cases that have ended and have a number": w.count(`SELECT COUNT(*) FROM desk_case WHERE ended_at > 0 AND number <> ''`),
		"cases approved by nobody":                w.count(`SELECT COUNT(*) FROM desk_case WHERE state IN ('approved', 'used') AND decided_id = ''`),
		"cases approved by one agent twice":       w.count(`SELECT COUNT(*) FROM desk_case WHERE decided_id <> '' AND refusal = '' AND decided_id = first_id`),
		"cases approved by their person":          w.count(`SELECT COUNT(*) FROM desk_case WHERE decided_id = subscriber_id`),
		"tickets too many":                        max(0, w.count(`SELECT COUNT(*) FROM ticket`)-1),
		"tickets without a used case in their browser": w.count(`SELECT COUNT(*) FROM ticket t WHERE NOT EXISTS
			(SELECT 1 FROM desk_case c WHERE c.state = 'used' AND c.browser = t.browser)`),
		"living cases of one browser too many": max(0, w.count(`SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM desk_case WHERE ended_at = 0 GROUP BY browser) AS all_of`)-1),
	} {
		if n != 0 {
			r.Fatalf("%d %s", n, what)
		}
	}
	if n := w.count(`SELECT COUNT(*) FROM desk_case WHERE opened_at > $1`, w.Now().Add(-time.Hour).UnixMilli()); n > 3 {
		r.Fatalf("%d cases in an hour", n)
	}
	used := w.count(`SELECT COUNT(*) FROM desk_case WHERE state = 'used'`)
	*w.through = max(*w.through, used)
	if used != w.taken {
		r.Fatalf("%d cases used, %d taken", used, w.taken)
	}
	for outcome, state := range map[string]string{"used": "used", "refused": "refused", "expired": "expired"} {
		told := w.count(fmt.Sprintf(`SELECT COUNT(*) FROM audit_event WHERE name = 'desk.case' AND body LIKE '%%"outcome":"%s"%%'`, outcome))
		ended := w.count(`SELECT COUNT(*) FROM desk_case WHERE state = $1`, state)
		if told != ended {
			r.Fatalf("%s: %d in the trail, %d cases", outcome, told, ended)
		}
	}
}

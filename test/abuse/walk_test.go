package abuse

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/totp"
	"warifu/internal/demo/people"
)

// walker is a person with two browsers, an attacker who knows the password and
// sees every code that the person has typed, an administrator, and the clock.
// What it knows of the truth, it keeps itself.
type walker struct {
	*world
	browsers []*browser // 0 and 1 of the person, 2 of the attacker
	pages    []*page    // the second step that lies open in each
	in       []bool     // signed in
	used     map[int64]bool
	lastStep int64
	active   bool
	seen     []string // codes that the person has typed
	opened   int      // sessions
}

// TestWalks goes through sign-ins at random and holds them to what must always
// be true: a session has password and TOTP of its own, no time step serves
// twice, nobody comes in without the Authenticator, a suspended person is out,
// and every refused step leaves things as they were. SES-5, SES-6, SES-7, TOTP-4.
func TestWalks(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := &walker{world: newWorld(t, template.SQLite(t)),
			pages: make([]*page, 3), in: make([]bool, 3), used: make(map[int64]bool), active: true}
		for n := range 3 {
			b := w.newBrowser()
			b.address = []string{"192.0.2.1", "192.0.2.2", "198.51.100.9"}[n]
			w.browsers = append(w.browsers, b)
		}
		r.Repeat(map[string]func(*rapid.T){
			"password":     w.password,
			"wrong":        w.wrongPassword,
			"code":         w.code,
			"replay":       w.replay,
			"guess":        w.guess,
			"steal a flow": w.stealFlow,
			"log out":      w.logOut,
			"time passes":  w.timePasses,
			"suspend":      w.suspend,
			"resume":       w.resume,
			"":             w.check,
		})
	})
}

func (w *walker) any(r *rapid.T) int { return rapid.IntRange(0, 2).Draw(r, "browser") }

// password gives the right password; the second step then lies open.
func (w *walker) password(r *rapid.T) {
	n := w.any(r)
	p := w.browsers[n].password(hanako.id, people.Password)
	address := p.Header().Get("Location")
	if !strings.HasPrefix(address, "/login/totp?flow=") {
		return // has to wait, or is suspended
	}
	if !w.active {
		r.Fatalf("a suspended person got to the second step")
	}
	second := w.browsers[n].get(address)
	w.pages[n] = &second
}

func (w *walker) wrongPassword(r *rapid.T) {
	n := w.any(r)
	if p := w.browsers[n].password(hanako.id, "wrong"); p.Code == http.StatusSeeOther {
		r.Fatalf("a wrong password led on")
	}
}

// code is what only the person can do: type what the Authenticator shows.
func (w *walker) code(r *rapid.T) {
	n := rapid.IntRange(0, 1).Draw(r, "browser")
	if w.pages[n] == nil {
		return
	}
	at := w.Now().Add(time.Duration(rapid.IntRange(-1, 1).Draw(r, "drift")) * totp.Period)
	code := hanako.code(at)
	w.seen = append(w.seen, code)
	w.submit(r, n, code)
}

// replay types a code that the person has typed before.
func (w *walker) replay(r *rapid.T) {
	n := w.any(r)
	if w.pages[n] == nil || len(w.seen) == 0 {
		return
	}
	w.submit(r, n, rapid.SampledFrom(w.seen).Draw(r, "code"))
}

func (w *walker) guess(r *rapid.T) {
	n := w.any(r)
	if w.pages[n] == nil {
		return
	}
	if w.submit(r, n, hanako.wrong(w.Now(), rapid.IntRange(0, 900).Draw(r, "guess"))) {
		r.Fatalf("a wrong code signed in")
	}
}

// submit sends a code and holds the answer to what may be.
func (w *walker) submit(r *rapid.T, n int, code string) (accepted bool) {
	b := w.browsers[n]
	before := w.count(`SELECT COUNT(*) FROM session`)
	step, matches := totp.Match(hanako.secret, code, w.Now())
	had := b.cookies["__Host-session"]
	p := b.submitTOTP(*w.pages[n], code)
	accepted = p.Header().Get("Location") == "/home" && b.cookies["__Host-session"] != had
	if !accepted {
		if after := w.count(`SELECT COUNT(*) FROM session`); after > before {
			r.Fatalf("a refused code opened a session")
		}
		return false
	}
	switch {
	case !matches || step <= w.lastStep || w.used[step]:
		r.Fatalf("code of step %d accepted; last %d, used %t", step, w.lastStep, w.used[step])
	case !w.active:
		r.Fatalf("a suspended person signed in")
	}
	w.used[step], w.lastStep, w.in[n], w.pages[n] = true, step, true, nil
	w.opened++
	return true
}

// stealFlow opens the page of another browser's second step.
func (w *walker) stealFlow(r *rapid.T) {
	if w.pages[0] == nil {
		return
	}
	stolen := *w.pages[0]
	if p := w.browsers[2].submitTOTP(stolen, hanako.code(w.Now())); p.Code != http.StatusForbidden {
		r.Fatalf("a flow worked in another browser: %d", p.Code)
	}
}

func (w *walker) logOut(r *rapid.T) {
	n := w.any(r)
	p := w.browsers[n].get("/logout")
	if p.Code != http.StatusOK {
		return
	}
	w.browsers[n].post("/logout", map[string][]string{"flow": {p.flow}, "token": {p.token}})
	w.in[n] = false
}

func (w *walker) timePasses(r *rapid.T) {
	w.pass(time.Duration(rapid.SampledFrom([]int{5, 30, 61, 600, 2000, 4000, 50_000}).Draw(r, "seconds")) * time.Second)
}

func (w *walker) suspend(*rapid.T) {
	w.must(w.app.Directory.Suspend(w.t.Context(), hanako.id, "walk"))
	w.active = false
}

func (w *walker) resume(*rapid.T) {
	w.must(w.app.Directory.Resume(w.t.Context(), hanako.id, "walk"))
	w.active = true
}

// check holds what is stored to what must always be true.
func (w *walker) check(r *rapid.T) {
	for n, b := range w.browsers {
		if b.signedIn() && (!w.in[n] || !w.active) {
			r.Fatalf("browser %d is signed in; was it ever: %t, active: %t", n, w.in[n], w.active)
		}
	}
	if w.in[2] && !w.anyReplay() {
		r.Fatalf("the attacker is in")
	}
	rows, err := w.raw.QueryContext(w.t.Context(), `SELECT evidence FROM session`)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var text string
		w.must(rows.Scan(&text))
		var evidence []authenticator.Evidence
		w.must(json.Unmarshal([]byte(text), &evidence))
		if len(evidence) != 2 || evidence[0].Kind != authenticator.Password || evidence[1].Kind != authenticator.TOTP || !w.used[evidence[1].Step] {
			r.Fatalf("a session with %s", text)
		}
	}
	w.must(rows.Err())
	if n := w.count(`SELECT COUNT(*) FROM audit_event WHERE body LIKE '%TOTP accepted%'`); n != w.opened {
		r.Fatalf("%d acceptances are recorded, %d happened", n, w.opened)
	}
}

// anyReplay reports whether the attacker may have come in with a code that the
// person typed and that was refused for another reason than its use, such as a
// wait: it was right, and nobody had used it.
func (w *walker) anyReplay() bool { return len(w.seen) > 0 }

package abuse

import (
	"bufio"
	"context"

	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"warifu/internal/app"
	"warifu/internal/audit"
	"warifu/internal/config"
	"warifu/internal/demo/people"
	"warifu/internal/federation"
)

// live is an event stream that a browser has open.
type live struct {
	t      *testing.T
	status int
	header http.Header
	lines  chan string
	all    *strings.Builder
	close  context.CancelFunc
}

// serve has a node answer on the loopback, since a stream needs a connection.
func (w *world) serve(node *app.App) *httptest.Server {
	server := httptest.NewServer(node.Handler())
	w.t.Cleanup(server.Close)
	w.t.Cleanup(node.Site.EndStreams) // before, or the server would wait for them
	return server
}

// stream opens an address of events. More headers come in pairs.
func (b *browser) stream(server *httptest.Server, path string, headers ...string) *live {
	b.w.t.Helper()
	ctx, cancel := context.WithCancel(b.w.t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
	b.w.must(err)
	r.Host = strings.TrimPrefix(base, "https://")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	b.mu.Lock()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	b.mu.Unlock()
	answer, err := server.Client().Do(r)
	b.w.must(err)
	b.w.t.Cleanup(cancel)
	s := &live{t: b.w.t, status: answer.StatusCode, header: answer.Header, lines: make(chan string, 100), all: &strings.Builder{}, close: cancel}
	go func() {
		defer close(s.lines)
		defer answer.Body.Close()
		lines := bufio.NewScanner(answer.Body)
		for lines.Scan() {
			s.lines <- lines.Text()
		}
	}()
	return s
}

// event returns the name of the next event, or the empty string at the end.
func (s *live) event() string {
	s.t.Helper()
	for {
		select {
		case line, open := <-s.lines:
			if !open {
				return ""
			}
			s.all.WriteString(line + "\n")
			if name, is := strings.CutPrefix(line, "event: "); is {
				return name
			}
		case <-time.After(20 * time.Second):
			s.t.Fatal("no event came")
		}
	}
}

// until reads events until one has this name.
func (s *live) until(name string) {
	s.t.Helper()
	for got := s.event(); got != name; got = s.event() {
		if got == "" {
			s.t.Fatalf("the stream ended before %q:\n%s", name, s.all)
		}
	}
}

func events(p page) string {
	return "/wait/events?flow=" + url.QueryEscape(p.form("/reset/take").flow)
}

// TestDeskStream follows a whole initialization over the stream: each change
// comes at once, and nothing else is told. A36, SSE-1, SSE-2, SSE-5.
func TestDeskStream(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.listen(w.app)
		server := w.serve(w.app)
		caller, other, desk := w.newBrowser(), w.newBrowser(), w.atDesk(agent01)
		other.get("/login")
		waiting := caller.callDesk(taro.id)
		if got := other.stream(server, events(waiting)); got.status != http.StatusForbidden {
			t.Errorf("another browser listens: %d", got.status)
		}
		for _, site := range []string{"cross-site", "same-site", "none"} {
			if got := caller.stream(server, events(waiting), "Sec-Fetch-Site", site); got.status != http.StatusForbidden {
				t.Errorf("%s: %d", site, got.status)
			}
		}
		s := caller.stream(server, events(waiting))
		if h := s.header; h.Get("Cache-Control") != "no-store" || h.Get("X-Accel-Buffering") != "no" || h.Get("Content-Type") != "text/event-stream" {
			t.Errorf("headers: %v", s.header)
		}
		s.until("waiting")
		sheet := desk.open(taro.id, waiting.number())
		s.until("working")
		if got := desk.approve(sheet); got.Code != http.StatusSeeOther {
			t.Fatal(got.Code)
		}
		s.until("approved")
		caller.follow(caller.submit("/reset/take", waiting.form("/reset/take")))
		s.until("used")
		if last := s.event(); last != "" {
			t.Errorf("after the end: %q", last)
		}
		told := regexp.MustCompile(`^((event: (waiting|working|approved|used)|data: \d+|:|)\n)+$`)
		if !told.MatchString(s.all.String()) {
			t.Errorf("the stream tells more than it should:\n%s", s.all)
		}
	}, anyFactor)
}

// listen has a node hear the announcements of others, as a running one does.
func (w *world) listen(node *app.App) {
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := node.DB.Listen(ctx); err != nil {
			w.t.Error(err)
		}
	}()
	w.t.Cleanup(func() { cancel(); <-ended })
}

// TestDeskOutcomesStream tells the page how a case ends otherwise. SSE-2, HD-11.
func TestDeskOutcomesStream(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.listen(w.app)
		server := w.serve(w.app)
		desk := w.atDesk(agent01)
		for n, end := range []string{"refused", "cancelled", "expired"} {
			p, caller := seeded(n+1), w.newBrowser()
			waiting := caller.callDesk(p.id)
			s := caller.stream(server, events(waiting))
			s.until("waiting")
			switch end {
			case "refused":
				if got := desk.refuse(desk.open(p.id, waiting.number()), "identity"); got.Code != http.StatusSeeOther {
					t.Fatalf("%d %s", got.Code, got.main())
				}
			case "cancelled":
				caller.submit("/reset/cancel", waiting.form("/reset/cancel"))
			case "expired":
				w.pass(24*time.Hour + time.Second)
				w.must(w.app.Desk.Lapse(t.Context()))
			}
			s.until(end)
			if got := caller.submit("/reset/take", waiting.form("/reset/take")); got.Header().Get("Location") == "/enrol" {
				t.Errorf("%s, and taken all the same", end)
			}
		}
	}, anyFactor)
}

// TestDeskStreamLimits proves how many streams there are at most, that a page
// that is turned away can still ask, and that the sign-in is served beside.
// A37, SSE-4.
func TestDeskStreamLimits(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.app.Site.MostStreams = 5
		server := w.serve(w.app)
		caller := w.newBrowser()
		waiting := caller.callDesk(taro.id)
		first, second := caller.stream(server, events(waiting)), caller.stream(server, events(waiting))
		first.until("waiting")
		second.until("waiting")
		if got := caller.stream(server, events(waiting)); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("a third stream of one flow: %d", got.status)
		}
		for n := range 2 {
			b := w.newBrowser()
			p := b.callDesk(seeded(n + 1).id)
			for m := range 2 {
				if got := b.stream(server, events(p)); (got.status == http.StatusOK) != (2*n+m < 3) {
					t.Errorf("stream %d of 5: %d", 2*n+m+3, got.status)
				} else if got.status == http.StatusOK {
					got.until("waiting")
				}
			}
		}
		if got := caller.waitState(waiting); !strings.Contains(got, `"waiting"`) {
			t.Errorf("a page without a stream cannot ask: %s", got)
		}
		w.newBrowser().signIn(hanako)
	}, anyFactor)
}

// TestDeskPollLimits proves that no more than two questions of one flow are kept
// waiting for an answer, and that a third one is answered at once. SSE-4.
func TestDeskPollLimits(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.listen(w.app)
		caller := w.newBrowser()
		waiting := caller.callDesk(taro.id)
		answers := make(chan string, 3)
		for range 3 {
			go func() {
				answers <- caller.get("/wait/state?flow=" + url.QueryEscape(waiting.form("/reset/take").flow) + "&seen=waiting").Body.String()
			}()
		}
		if got := <-answers; !strings.Contains(got, `"waiting"`) {
			t.Errorf("the third question: %s", got)
		}
		caller.submit("/reset/cancel", waiting.form("/reset/cancel"))
		for range 2 {
			if got := <-answers; !strings.Contains(got, `"cancelled"`) {
				t.Errorf("a question that was kept waiting: %s", got)
			}
		}
	}, anyFactor)
}

// TestDeskBoardTellsNobody proves that neither the board, nor its events, nor the
// mails to the desk name a person or a number. A65, HD-1, HD-19.
func TestDeskBoardTellsNobody(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.listen(w.app)
		server := w.serve(w.app)
		desk, watcher := w.atDesk(agent01), w.atDesk(agent02)
		s := watcher.stream(server, "/desk/events")
		s.until("changed")
		callers := map[string]string{}
		for _, p := range []person{taro, hanako} {
			b := w.newBrowser()
			callers[p.id] = b.callDesk(p.id).number()
		}
		s.until("changed")
		desk.open(taro.id, callers[taro.id])
		s.until("changed")
		text := watcher.get("/desk").Body.String() + watcher.get("/desk/board").Body.String() + s.all.String()
		mails := 0
		for _, l := range w.letters() {
			if l.To == "desk@miyako.example" {
				mails++
				text += l.Subject + l.Body
			}
		}
		if mails != 2 {
			t.Errorf("%d mails to the desk", mails)
		}
		for id, number := range callers {
			for _, word := range []string{id, number, number[:2] + " " + number[2:], "KAMO", "賀茂", "MIYAKO Hanako", "都 花子", "hanako@"} {
				if strings.Contains(text, ">"+word) || len(word) > 4 && strings.Contains(text, word) {
					t.Errorf("%q is told", word)
				}
			}
		}
		if strings.Contains(text, "/desk/cases/") {
			t.Error("a row of somebody else's leads to a case")
		}
	}, anyFactor, func(c *config.Config) { c.HelpDesk.Mail = "desk@miyako.example" })
}

// TestDeskStreamEndsWithTheSession closes the console's stream after a logout. SSE-3.
func TestDeskStreamEndsWithTheSession(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.listen(w.app)
		server := w.serve(w.app)
		desk := w.atDesk(agent01)
		s := desk.stream(server, "/desk/events")
		s.until("changed")
		logout := desk.get("/logout")
		desk.submit("/logout", logout.form("/logout"))
		w.newBrowser().callDesk(taro.id) // the next event
		for s.event() != "" {
		}
	}, anyFactor)
}

// TestDeskTwoNodes has the caller's page hang on one node while the agent works
// at another, which then dies. SSE-2, decisions §3.6.
func TestDeskTwoNodes(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		if !w.postgres {
			return // one node
		}
		near, far := w.app, w.node()
		w.listen(near)
		server := w.serve(near)
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		desk.node = far
		waiting := caller.callDesk(taro.id)
		s := caller.stream(server, events(waiting))
		s.until("waiting")
		sheet := desk.open(taro.id, waiting.number())
		s.until("working")
		if got := desk.approve(sheet); got.Code != http.StatusSeeOther {
			t.Fatal(got.Code)
		}
		s.until("approved")
		w.must(far.Close())
		if got := caller.submit("/reset/take", waiting.form("/reset/take")); got.Header().Get("Location") != "/enrol" {
			t.Errorf("%d %s", got.Code, got.main())
		}
	}, anyFactor)
}

// TestDeskTellsNoSecret searches all that the console and the callers' pages show
// in both kinds for what they must not. A33, A36, A39.
func TestDeskTellsNoSecret(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		waiting := caller.callDesk(taro.id)
		sheet := desk.open(taro.id, waiting.number())
		done := desk.approve(sheet)
		shown := sheet.Body.String() + done.Body.String() + desk.follow(done).Body.String()
		shown += desk.submit("/desk/person", desk.get("/desk/person").form("/desk/person"), "id", taro.id, "reason", "why does it not work").Body.String()
		qr := caller.follow(caller.submit("/reset/take", waiting.form("/reset/take"))).Body.String()
		shown += desk.get(sheet.path()).Body.String()
		key := regexp.MustCompile(`secret=([A-Z2-7]+)`).FindStringSubmatch(qr)
		if key == nil {
			t.Fatal("no key on the caller's page")
		}
		for _, secret := range []string{key[1], "otpauth", "KRSXG5CT", "$argon2id$", waiting.number()[:2] + "</span><span>" + waiting.number()[2:], "hanako@example.com"} {
			if strings.Contains(shown, secret) {
				t.Errorf("the console shows %q", secret)
			}
		}
		if strings.Contains(w.log.String(), key[1]) || strings.Contains(w.log.String(), taro.id) {
			t.Error("the log tells")
		}
	}, anyFactor)
}

// TestDeskCSV proves that no field of the report can be a formula, and that it
// names nobody. A57, HD-17.
func TestDeskCSV(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.exec(`UPDATE subscriber SET department_ja = '=cmd|calc', department = '=cmd|calc' WHERE sps_id = 'sps00002'`)
		caller := w.newBrowser()
		caller.agent = "@SUM(1+1) Chrome/156.0 Windows"
		caller.callDesk(taro.id)
		admin := w.atDesk(admin01)
		text := admin.get("/admin/desk.csv").Body.String()
		if !strings.Contains(text, "'=cmd|calc") || strings.Contains(text, ",=cmd") || strings.Contains(text, taro.id) || strings.Contains(text, "賀茂") {
			t.Errorf("%s", text)
		}
		if page := admin.get("/admin"); !page.says("Initialization of TOTP") || !page.says("=cmd|calc") {
			t.Errorf("the report: %s", page.main())
		}
	}, anyFactor)
}

// TestDeskProtects proves what an agent may do without a case: only protect, with
// reason and fresh second factor, never on himself or an administrator. HD-17, A32.
func TestDeskProtects(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		victim, desk := w.newBrowser(), w.atDesk(agent01)
		victim.signIn(taro)
		form := func() page { return desk.get("/desk/person").form("/desk/person") }
		act := func(id, what string, more ...string) page {
			return desk.submit("/desk/person/act", form(), append([]string{"id", id, "act", what, "reason", "the caller asked for it"}, more...)...)
		}
		if got := desk.submit("/desk/person", form(), "id", taro.id, "reason", "short"); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("a look-up without a reason: %d", got.Code)
		}
		found := desk.submit("/desk/person", form(), "id", taro.id, "reason", "why does it not work")
		if !found.says("KAMO Taro (sps00002)") || !found.says("Active") || w.count(`SELECT COUNT(*) FROM audit_event WHERE name = 'desk.look_up'`) != 1 {
			t.Errorf("%d %s", found.Code, found.main())
		}
		if got := act(taro.id, "sessions", "reason", "short"); got.Code != http.StatusUnprocessableEntity || !victim.signedIn() {
			t.Errorf("without a reason: %d", got.Code)
		}
		if got := act(taro.id, "sessions"); got.Code != http.StatusOK || victim.signedIn() {
			t.Errorf("sessions: %d %s", got.Code, got.main())
		}
		if e := w.events(audit.SessionEnded); len(e) != 1 || e[0].Actor != w.subscriber(agent01.id) || e[0].Address != desk.address || e[0].AgentHash == "" {
			t.Errorf("the trail does not say from where: %+v", e)
		}
		for _, id := range []string{"agent01", "admin01"} {
			if got := act(id, "suspend"); got.Code == http.StatusOK || w.count(`SELECT COUNT(*) FROM subscriber WHERE status = 'suspended' AND sps_id = '`+id+`'`) != 0 {
				t.Errorf("%s: %d", id, got.Code)
			}
		}
		for range 6 {
			w.newBrowser().password(taro.id, "wrong")
		}
		if got := act(taro.id, "wait"); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("a wait cleared without an identity check: %d", got.Code)
		}
		if got := act(taro.id, "wait", "check_inperson", "yes"); got.Code != http.StatusOK {
			t.Errorf("%d %s", got.Code, got.main())
		}
		if w.count(`SELECT COUNT(*) FROM audit_event WHERE name = 'subscriber.unlocked' AND body LIKE '%(inperson=yes)%'`) != 1 {
			t.Error("the trail does not say upon what a wait was cleared")
		}
		w.newBrowser().totpPage(taro.id)
		w.pass(6 * time.Minute)
		if got := act(taro.id, "suspend"); !strings.HasPrefix(got.Header().Get("Location"), "/login") || w.count(`SELECT COUNT(*) FROM subscriber WHERE status = 'suspended' AND sps_id = 'sps00002'`) != 0 {
			t.Errorf("with an old second factor: %d", got.Code)
		}
	}, anyFactor)
}

// TestDeskClosed says before anything is sent when somebody answers, why not now,
// and what else the person can do meanwhile. Issue 4.1.
func TestDeskClosed(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		ask := func() page {
			b := w.newBrowser()
			p := b.totpPage(hanako.id)
			return b.get("/login/cannot?flow=" + url.QueryEscape(p.flow) + "&to=desk")
		}
		for _, test := range []struct {
			after      time.Duration
			says, not  string
			otherFirst bool
		}{
			{0, "Next opening: Wed 25 Nov 2026, 09:00", "Open now", true},     // Tuesday, 18:00 there
			{15 * time.Hour, "Open now", "Next opening", false},               // Wednesday, 09:00
			{2 * time.Hour, "Moving to the new building", "Open now", true},   // exceptionally closed
			{26 * time.Hour, "Open now", "Moving to the new building", false}, // Thursday, 13:00
			{20 * time.Hour, "Next opening: Mon 30 Nov", "Open now", true},    // Friday is a holiday
		} {
			w.pass(test.after)
			p := ask()
			if !p.says(test.says) || p.says(test.not) {
				t.Errorf("%s: not %q, or %q: %s", w.Now(), test.says, test.not, p.main())
			}
			if p.says("While the help desk is closed") != test.otherFirst {
				t.Errorf("%s: the other ways: %s", w.Now(), p.main())
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM desk_case`); n != 0 {
			t.Errorf("%d cases by looking", n)
		}
	}, func(c *config.Config) {
		c.HelpDesk.Holidays = []string{"2026-11-27"}
		c.HelpDesk.Closures = []config.Closure{{From: "2026-11-25 11:00", To: "2026-11-26 12:00",
			Text: federation.Text{Japanese: "移転のため", English: "Moving to the new building"}}}
	})
}

// TestDeskOutsideHours proves that approvals outside of the opening hours are
// marked, or left to the agents on duty. HD-15.
func TestDeskOutsideHours(t *testing.T) {
	for _, rule := range []string{"mark", "duty"} {
		t.Run(rule, func(t *testing.T) {
			onEngines(t, func(t *testing.T, w *world) {
				off, duty, caller := w.atDesk(agent01), w.atDesk(agent02), w.newBrowser()
				waiting := caller.callDesk(taro.id)
				got := off.approve(off.open(taro.id, waiting.number()))
				if rule == "duty" {
					if !got.says("Only agents on duty can approve now") {
						t.Errorf("%d %s", got.Code, got.main())
					}
					got = duty.approve(duty.follow(duty.entry(taro.id, waiting.number(), "take", "yes")))
				}
				if got.Code != http.StatusSeeOther || w.count(`SELECT COUNT(*) FROM desk_case WHERE outside_hours`) != 1 {
					t.Errorf("%d, or not marked: %s", got.Code, got.main())
				}
			}, anyFactor, func(c *config.Config) { c.Desk.OutsideHours, c.Desk.Duty = rule, []string{"agent02"} })
		})
	}
}

// TestDeskFirst lets a newcomer set up whose first weeks are over. Kind first, ENR-1.
func TestDeskFirst(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.pass(31 * 24 * time.Hour)
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		p := caller.follow(caller.submit("/reset", caller.get("/reset"), "username", "sps00003", "password", people.Password))
		if !p.says("Enter the activation code") {
			t.Fatalf("%d %s", p.Code, p.main())
		}
		ask := caller.get("/reset/first")
		waiting := caller.follow(caller.submit("/reset/first", ask.form("/reset/first")))
		if waiting.number() == "" {
			t.Fatalf("%d %s", waiting.Code, waiting.main())
		}
		if got := desk.approve(desk.open("sps00003", waiting.number())); got.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", got.Code, got.main())
		}
		if p := caller.follow(caller.submit("/reset/take", waiting.form("/reset/take"))); !p.says("otpauth:") {
			t.Errorf("%d %s", p.Code, p.main())
		}
		if again := w.newBrowser().get("/reset/first"); again.Header().Get("Location") != "/mfa" {
			t.Errorf("without a ticket: %d", again.Code)
		}
	}, anyFactor)
}

// TestDeskReport lets an agent lift what a report has stopped, and nobody else. ADR-5.
func TestDeskReport(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, desk := w.newBrowser(), w.atDesk(agent01)
		b.signIn(hanako)
		w.exec(`INSERT INTO notice_banner (subscriber_id, id, kind, at, seen_at) SELECT id, 'change', 'passkey_added', 1, 0 FROM subscriber WHERE sps_id = $1`, hanako.id)
		page := b.get("/not-me?id=change")
		done := b.follow(b.submit("/not-me", page.form("/not-me"), "id", "change", "username", hanako.id, "password", people.Password))
		if len(done.number()) != 4 || !w.isFrozen(hanako.id) {
			t.Fatalf("%d %s", done.Code, done.main())
		}
		sheet := desk.open(hanako.id, done.number())
		if !sheet.says("reported something not recognized") {
			t.Errorf("no flag: %s", sheet.main())
		}
		if got := desk.approve(sheet); got.Code != http.StatusSeeOther || w.isFrozen(hanako.id) {
			t.Errorf("%d, or still frozen: %s", got.Code, got.main())
		}
	}, anyFactor)
}

// TestDeskOwnHost has the console answer at its own address alone, and nothing
// else there but what its people need. HD-5, WEB-4.
func TestDeskOwnHost(t *testing.T) {
	const console = "desk.sso.miyako.example"
	onEngines(t, func(t *testing.T, w *world) {
		at := func(b *browser, host, path string) page {
			r := httptest.NewRequest(http.MethodGet, "https://"+host+path, http.NoBody)
			return b.send(r)
		}
		b := w.newBrowser()
		for _, test := range []struct {
			host, path string
			code       int
			location   string
		}{
			{"sso.miyako.example", "/desk", 303, "https://" + console + "/desk"},
			{"sso.miyako.example", "/desk/events", 303, "https://" + console + "/desk"},
			{"sso.miyako.example", "/admin", 303, "https://" + console + "/desk"},
			{"sso.miyako.example", "/desktop", 404, ""},
			{console, "/", 303, "/desk"},
			{console, "/login", 200, ""},
			{console, "/reset", 404, ""},
			{console, "/wait/state", 404, ""},
			{console, "/oidc/authorize", 404, ""},
			{console, "/.well-known/openid-configuration", 404, ""},
			{"evil.example", "/desk", 421, ""},
		} {
			if got := at(b, test.host, test.path); got.Code != test.code || got.Header().Get("Location") != test.location {
				t.Errorf("%s%s: %d %s", test.host, test.path, got.Code, got.Header().Get("Location"))
			}
		}
		if got := at(b, console, "/desk"); !strings.HasPrefix(got.Header().Get("Location"), "/login?") {
			t.Errorf("%d %s", got.Code, got.Header().Get("Location"))
		}
		if got := b.post("/desk", url.Values{}); got.Code != http.StatusNotFound {
			t.Errorf("a form of the console at the other address: %d", got.Code)
		}
	}, anyFactor, func(c *config.Config) { c.ConsoleURL = "https://" + console })
}

// TestDeskUndo turns changes of the notification address back that its person has
// reported, and lifts the stop. What the thief has added and replaced himself does
// not come back. ADR-5, P23.
func TestDeskUndo(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.pass(4 * 24 * time.Hour)
		b, desk := w.newBrowser(), w.atDesk(agent01)
		b.signIn(hanako)
		for _, address := range []string{"robber@example.net", "thief@example.net"} {
			if got := b.register(hanako, address); got.Code != http.StatusSeeOther {
				t.Fatalf("%s: %d %s", address, got.Code, got.main())
			}
			w.pass(time.Minute)
		}
		token := regexp.MustCompile(`/not-me/[A-Za-z0-9_-]{43}`)
		path := ""
		for _, l := range w.letters() {
			if found := token.FindString(l.Body); found != "" && l.To == "hanako@example.com" {
				path = found
			}
		}
		owner := w.newBrowser()
		page := owner.get(path)
		done := owner.follow(owner.submit(path, page, "username", hanako.id, "password", people.Password))
		if !w.isFrozen(hanako.id) || len(done.number()) != 4 {
			t.Fatalf("%d %s", done.Code, done.main())
		}
		sheet := desk.open(hanako.id, done.number())
		confirm := desk.follow(desk.checked(sheet, "undo"))
		if !confirm.says("Return to h•••@e•••.com and remove t•••@e•••.net?") {
			t.Errorf("the question: %s", confirm.main())
		}
		if got := desk.press(sheet, confirm, "undo"); got.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", got.Code, got.main())
		}
		if got := w.addresses(hanako.id); len(got) != 1 || got[0] != "hanako@example.com" || w.isFrozen(hanako.id) {
			t.Errorf("addresses %v, frozen %t", got, w.isFrozen(hanako.id))
		}
	}, anyFactor)
}

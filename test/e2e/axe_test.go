package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axe is the script of axe-core (npm ci in this folder brings it).
func axe(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("axe-core: %v (npm ci --ignore-scripts in test/e2e)", err)
	}
	return string(script)
}

// finding is a rule of axe-core and where it is broken, or undecided.
type finding struct {
	ID    string
	Help  string
	Nodes []struct {
		HTML    string
		Message string `json:"failureSummary"`
	}
}

// undecided are rules that axe-core cannot judge on our pages, with the reason
// why they hold.
var undecided = map[string]string{
	"color-contrast": "the title bar of a focused field is drawn outside of it; the colours themselves are computed in internal/web",
}

// TestEveryPage goes through every page and state, in both languages, light and
// dark, narrow and wide, and wants of each: nothing found by axe-core, no
// horizontal scroll, one heading, the language, a title with the system's name,
// and nothing refused by the content policy. U9, U11, U14, A60.
func TestEveryPage(t *testing.T) {
	script := axe(t)
	for _, lang := range []string{"ja", "en"} {
		for _, dark := range []bool{false, true} {
			for _, width := range []int64{320, 1280} {
				l := look{lang: lang, width: width, dark: dark}
				t.Run(l.String(), func(t *testing.T) {
					w := &walk{browser: newBrowser(t, l), look: l, axe: script}
					w.collectRefusals()
					w.everyPage()
				})
			}
		}
	}
}

// walk is a browser that looks closely at each page.
type walk struct {
	*browser
	look
	axe string

	mu       sync.Mutex
	refusals []string
}

func (w *walk) refused(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refusals = append(w.refusals, what)
}

// taken returns what the browser has complained of since the last time.
func (w *walk) taken() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.refusals
	w.refusals = nil
	return taken
}

// collectRefusals notes what the browser itself complains of.
func (w *walk) collectRefusals() {
	w.must(chromedp.Listen(w.ctx, func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded:
			// the status of a page is no fault of it, nor is what we have asked for
			if e.Entry.Level != log.EntryLevelInfo && !strings.Contains(e.Entry.Text, "the server responded with a status of") {
				w.refused(e.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			w.refused(e.ExceptionDetails.Text)
		}
	}))
	w.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, log.Enable, cdp.Empty{})
		return err
	}))
}

func (w *walk) everyPage() {
	login, p := words(w.look.lang, "ログイン", "Login"), nextPerson()
	w.openIn("/accessibility")
	w.inspect("accessibility")
	w.openIn("/login")
	w.inspect("password")
	w.fits(login)
	w.press(login)
	w.inspect("password empty")
	w.fill("username", p.id)
	w.fill("current-password", "wrong")
	w.press(login)
	w.inspect("password wrong")
	w.fill("username", suspended.id)
	w.fill("current-password", password)
	w.press(login)
	w.inspect("suspended")
	w.openIn("/login")
	w.fill("username", newcomer.id)
	w.fill("current-password", password)
	w.press(login)
	w.inspect("newcomer")
	w.open(server.base() + "/login/totp?flow=none")
	w.inspect("flow ended")
	w.open(server.base() + "/nowhere")
	w.inspect("not found")
	w.open(server.base() + "/oidc/authorize?client_id=unknown&response_type=code&scope=openid&redirect_uri=https://evil.example/cb")
	w.inspect("unknown service")
	w.open(server.service() + "/login")
	w.inspect("password with service")
	w.fill("username", p.id)
	w.fill("current-password", password)
	w.press(login)
	w.inspect("totp")
	w.fits(login)
	w.fill("one-time-code", "12345")
	w.press(login)
	w.inspect("totp malformed")
	w.fill("one-time-code", p.wrongCode(w.t))
	w.press(login)
	w.inspect("totp wrong")
	w.fill("one-time-code", p.code(w.t, time.Now()))
	w.press(login)
	w.at(server.service())
	w.open(server.base() + "/home")
	w.inspect("home")
	w.do(chromedp.Click(chromedp.CSS("summary")))
	w.inspect("menu")
	w.open(server.base() + "/oidc/logout")
	w.inspect("oidc logout")
	w.open(server.base() + "/logout")
	w.inspect("logout")
	w.press(words(w.look.lang, "ログアウト", "Log out"))
	w.inspect("logged out")
}

// inspect looks at the page that is open.
func (w *walk) inspect(name string) {
	w.t.Helper()
	w.picture(fmt.Sprintf("%s %s", name, w.look))
	report := get(w.browser, chromedp.Evaluate[string](w.axe+`;axe.run(document, {resultTypes: ["violations", "incomplete"]}).then(r => JSON.stringify({violations: r.violations, incomplete: r.incomplete}))`, chromedp.EvalAwaitPromise))
	var found struct{ Violations, Incomplete []finding }
	w.must(json.Unmarshal([]byte(report), &found))
	for _, f := range found.Violations {
		w.t.Errorf("%s: %s: %s\n%s", name, f.ID, f.Help, f.Nodes[0].HTML)
	}
	for _, f := range found.Incomplete {
		if undecided[f.ID] == "" {
			w.t.Errorf("%s: undecided: %s: %s\n%s\n%s", name, f.ID, f.Help, f.Nodes[0].HTML, f.Nodes[0].Message)
		}
	}
	facts := get(w.browser, chromedp.Evaluate[map[string]any](`({
		scroll: document.documentElement.scrollWidth - document.documentElement.clientWidth,
		headings: document.querySelectorAll("h1").length,
		lang: document.documentElement.lang, title: document.title, focus: document.activeElement.tagName})`))
	app := words(w.look.lang, "統合認証システム", "Integrated Authentication System")
	if facts["scroll"] != 0.0 || facts["headings"] != 1.0 || facts["lang"] != w.look.lang || !strings.HasSuffix(fmt.Sprint(facts["title"]), " – "+app) {
		w.t.Errorf("%s: %v", name, facts)
	}
	for _, refusal := range w.taken() {
		w.t.Errorf("%s: the browser says: %s", name, refusal)
	}
}

// fits wants the last field and the button of a form on a small telephone
// without scrolling. U11.
func (w *walk) fits(button string) {
	w.t.Helper()
	if w.width != 320 {
		return
	}
	bottom := get(w.browser, chromedp.Evaluate[float64](`document.querySelector("main form button:not([type=button])").getBoundingClientRect().bottom`))
	if bottom > 568 {
		w.t.Errorf("%s: the button %q ends at %.0f px, below a screen of 568 px", w.address(), button, bottom)
	}
}

// TestWeight holds the first view to U12: bytes of HTML, style and script.
func TestWeight(t *testing.T) {
	page := fetch(t, server.base()+"/login")
	if len(page) > 4<<10 {
		t.Errorf("the page has %d bytes, want at most 4096", len(page))
	}
	t.Logf("/login: %d bytes of HTML", len(page))
}

func fetch(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

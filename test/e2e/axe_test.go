package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
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

func (f finding) String() string {
	return fmt.Sprintf("%s: %s\n%s\n%s", f.ID, f.Help, f.Nodes[0].HTML, f.Nodes[0].Message)
}

// accepted are rules that axe-core cannot judge in a state, or finds broken,
// with the reason why that is borne.
var accepted = map[string]string{
	"menu: color-contrast": "the open menu lies over what is below it; that is judged with the menu closed, in the state home",
}

// needed notes which of them were, in any look.
var needed sync.Map

// TestEveryPage goes through every page and state, in both languages, light and
// dark, narrow and wide, and wants of each: nothing found by axe-core, no
// horizontal scroll, one heading, the language, a title with the system's name,
// and no complaint of the browser about content policy, scripts or files.
// U9, U11, U14, A60.
func TestEveryPage(t *testing.T) {
	script := axe(t)
	t.Run("looks", func(t *testing.T) {
		for _, l := range everyLook() {
			t.Run(l.String(), func(t *testing.T) {
				t.Parallel()
				newWalk(t, l, script).everyPage()
			})
		}
	})
	for key := range accepted {
		if _, ok := needed.Load(key); !ok {
			t.Logf("%s was not needed", key)
		}
	}
}

// everyLook returns all looks in make thorough, and otherwise three of the eight:
// both languages on a small screen, where words run out of room, and a wide one.
func everyLook() (all []look) {
	for n, l := range []look{
		{lang: "ja", width: 320}, {lang: "ja", width: 1280, dark: true}, {lang: "en", width: 320, dark: true}, {lang: "en", width: 1280},
		{lang: "ja", width: 320, dark: true}, {lang: "ja", width: 1280}, {lang: "en", width: 320}, {lang: "en", width: 1280, dark: true},
	} {
		if n < 3 || os.Getenv("TEST_THOROUGH") != "" {
			all = append(all, l)
		}
	}
	return all
}

// smallScreen is the height of the smallest telephone, 320 px wide.
const smallScreen = 568

// walk is a browser that looks closely at each page.
type walk struct {
	*browser
	look
	axe string

	mu         sync.Mutex
	complaints []complaint
}

// complaint is what the browser itself finds wrong.
type complaint struct{ text, url string }

func newWalk(t *testing.T, l look, script string) *walk {
	t.Helper()
	return walkIn(newBrowser(t, l), l, script)
}

// walkIn is a walk in a tab that is there.
func walkIn(b *browser, l look, script string) *walk {
	b.t.Helper()
	w := &walk{browser: b, look: l, axe: script}
	if l.width == 320 {
		w.do(chromedp.EmulateViewport(l.width, smallScreen))
	}
	w.must(chromedp.Listen(w.ctx, w.note))
	w.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, log.Enable, cdp.Empty{}) // the content policy's refusals are here, too
		return err
	}))
	return w
}

// note keeps what the browser complains of.
func (w *walk) note(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelInfo && e.Entry.Level != log.EntryLevelVerbose {
			w.complain(e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		w.complain(e.ExceptionDetails.Text, "")
	case *runtime.EventConsoleAPICalled:
		switch e.Type {
		case runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert:
			w.complain(fmt.Sprintf("console %s: %s", e.Type, e.Args[0].Value), "")
		}
	}
}

func (w *walk) complain(text, url string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.complaints = append(w.complaints, complaint{text, url})
}

// taken returns the complaints since the last time. That the page itself
// answers with 404 or 422 is none.
func (w *walk) taken(page string) (taken []complaint) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.complaints {
		if !strings.Contains(c.text, "the server responded with a status of 4") || withoutQuery(c.url) != withoutQuery(page) {
			taken = append(taken, c)
		}
	}
	w.complaints = nil
	return taken
}

func withoutQuery(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address
}

// everyPage goes from state to state, as one person would who does everything
// wrong first.
func (w *walk) everyPage() {
	p := nextPerson()
	w.beforePassword(p)
	w.stops()
	w.beforeCode(p)
	w.demonstration(p)
	code := w.means()
	w.inSession()
	w.byMeans(p, code)
	w.waysBack(nextPerson())
	w.faq()
	w.byDesk()
}

// faq looks at the page that explains the Authenticator, at the entries, at what a search finds, and at what it does not.
func (w *walk) faq() {
	w.t.Helper()
	for _, state := range []struct{ name, path string }{{"authenticator", "/authenticator"}, {"faq", "/faq"}, {"faq category", "/faq?category=mfa"}, {"faq found", "/faq?q=QR"},
		{"faq none", "/faq?q=%E7%B5%A6%E9%A3%9F"}, {"faq entry", "/faq/totp-not-working"}, {"faq short entry", "/faq/clock"}} {
		w.openIn(state.path)
		w.inspect(state.name)
	}
	w.press(words(w.look.lang, "はい", "Yes"))
	w.inspect("faq thanks")
}

// login presses the button of both steps.
func (w *walk) login() { w.t.Helper(); w.press(words(w.look.lang, "ログイン", "Login")) }

// password fills in the first step and presses its button.
func (w *walk) password(id, typed string) {
	w.t.Helper()
	w.fill("username", id)
	w.fill("current-password", typed)
	w.login()
}

func (w *walk) beforePassword(p person) {
	w.openIn("/accessibility")
	w.inspect("accessibility")
	w.openIn("/login")
	w.inspect("password")
	w.fits()
	w.do(chromedp.Click(chromedp.CSS("button.reveal")))
	w.inspect("password shown")
	w.login()
	w.inspect("password empty")
	w.password(p.ID, "wrong")
	w.inspect("password wrong")
	w.openIn("/login?ended=1")
	w.inspect("session ended")
}

// stops are the pages at which nothing goes on.
func (w *walk) stops() {
	w.openIn("/login")
	w.password(suspended.ID, password)
	w.inspect("suspended")
	w.open(server.Base() + "/login/totp?flow=none")
	w.inspect("flow ended")
	w.open(server.Base() + "/nowhere")
	w.inspect("not found")
	w.open(server.Base() + "/oidc/authorize?client_id=unknown&response_type=code&scope=openid&redirect_uri=https://evil.example/cb")
	w.inspect("unknown service")
}

func (w *walk) beforeCode(p person) {
	w.open(server.Service() + "/login")
	w.inspect("password with service")
	w.fits()
	w.password(p.ID, password)
	w.inspect("totp")
	w.fits()
	for _, wrong := range []struct{ name, code string }{{"totp empty", ""}, {"totp malformed", "12345"}, {"totp wrong", p.WrongCode(w.t)}} {
		w.fill("one-time-code", wrong.code)
		w.login()
		w.inspect(wrong.name)
	}
	w.fill("one-time-code", p.Code(w.t, time.Now()))
	w.login()
	w.at(server.Service())
}

// waysBack looks at "cannot login", and at the whole way of an initialization.
func (w *walk) waysBack(p person) {
	w.open(server.Base() + "/login")
	w.password(p.ID, password)
	w.press(words(w.look.lang, "別の方法でログインする", "Use another method"))
	w.inspect("choose")
	w.press(words(w.look.lang, "メールまたはヘルプデスク上の方法を使えないときに選びます。", "Email or help deskFor when you cannot use any of the above."))
	w.inspect("cannot")
	w.press("Yes")
	w.inspect("otp")
	w.fits()
	w.fill("one-time-code", "123456")
	w.login()
	w.inspect("otp malformed")
	w.fill("one-time-code", "12345678")
	w.login()
	w.unfold(words(w.look.lang, "メールが届かない場合", "If the email does not arrive"))
	w.inspect("otp wrong")
	initialised := nextPerson()
	path := w.askInitialisation(initialised)
	w.inspect("reset sent")
	w.open(server.Base() + path)
	w.inspect("link")
	w.fill("current-password", "wrong")
	w.login()
	w.inspect("link wrong")
	w.fill("current-password", password)
	w.login()
	w.inspect("initialised")
	w.press(words(w.look.lang, "続けて登録する", "Continue to registration"))
	w.unfold(words(w.look.lang, "QRコードを読み取れない場合", "If you cannot scan the QR code"))
	w.inspect("enrol")
	secret := get(w.browser, chromedp.Evaluate[string](`new URL(document.querySelector("a[href^='otpauth:']").href).searchParams.get("secret")`))
	w.press(words(w.look.lang, "登録", "Register (登録)"))
	w.inspect("verify")
	w.fill("one-time-code", person{Secret: secret}.WrongCode(w.t))
	w.press(words(w.look.lang, "確認", "Confirm (確認)"))
	w.inspect("verify wrong")
	w.fill("one-time-code", person{Secret: secret}.Code(w.t, time.Now()))
	w.press(words(w.look.lang, "確認", "Confirm (確認)"))
	w.inspect("enrolled")
	w.reported(person{ID: initialised.ID, Secret: secret})
	for _, page := range []string{"/mfa", "/reset", "/forgot", "/forgot?sent=1", "/forgot/code", "/forgot/" + strings.Repeat("A", 43)} {
		w.open(server.Base() + page)
		w.inspect(strings.NewReplacer("/", " ", "?", " ").Replace(page[:min(len(page), 14)]))
	}
}

// reported looks at the banner of a change, and at the report of it.
func (w *walk) reported(p person) {
	w.open(server.Base() + "/login")
	w.signIn(p, time.Now().Add(30*time.Second))
	w.inspect("change")
	w.pressIn("section", words(w.look.lang, "心当たりがない", "I do not recognize this"))
	w.inspect("not me")
	report := words(w.look.lang, "報告する", "Report")
	w.press(report)
	w.inspect("not me empty")
	w.fill("username", p.ID)
	w.fill("current-password", password)
	w.press(report)
	w.inspect("reported")
	w.open(server.Base() + "/not-me/" + strings.Repeat("A", 43))
	w.inspect("not me mailed")
}

// demonstration looks at the pages of the demonstration's own parts.
func (w *walk) demonstration(p person) {
	w.open(server.Service() + "/?lang=" + w.look.lang)
	w.inspect("service")
	w.open(server.Service() + "/login?prompt=none&max_age=0")
	w.open(server.Service() + "/?lang=" + w.look.lang)
	w.inspect("service refused")
	waitMail(w.t, p, "")
	w.open(server.MailPage() + "/?lang=" + w.look.lang)
	w.inspect("mails")
	w.submit(chromedp.Click(chromedp.CSS("main li a")))
	w.inspect("mail")
}

func (w *walk) inSession() {
	w.open(server.Base() + "/home")
	w.inspect("home")
	w.do(chromedp.Click(chromedp.CSS("summary")))
	w.inspect("menu")
	w.settings()
	w.open(server.Service() + "/login?prompt=consent")
	w.inspect("consent")
	w.open(server.Base() + "/oidc/logout?client_id=demo-oidc")
	w.inspect("oidc logout")
	w.idle()
	w.open(server.Base() + "/logout")
	w.inspect("logout")
	w.press(words(w.look.lang, "ログアウト", "Log out"))
	w.inspect("logged out")
	w.open(server.Service() + "/?lang=" + w.look.lang)
	w.inspect("service left")
}

// settings looks at the settings of the person who is signed in.
func (w *walk) settings() {
	w.open(server.Base() + "/account")
	w.inspect("account")
	send := words(w.look.lang, "確認メール送信", "Send confirmation email (確認メール送信)")
	w.open(server.Base() + "/account/address")
	w.inspect("address")
	w.fill("email", "somebody@st.miyako.example")
	w.press(send)
	w.inspect("address refused")
	w.fill("email", "axe-"+w.look.lang+"@example.net")
	w.press(send)
	w.inspect("address sent")
	w.press(words(w.look.lang, "更新", "Update (更新)"))
	w.inspect("address number empty")
	for _, page := range []string{"authenticators", "sessions", "services", "history", "password"} {
		w.open(server.Base() + "/account/" + page)
		w.inspect(page)
	}
	w.press(words(w.look.lang, "変更する", "Change"))
	w.inspect("password change empty")
	w.open(server.Base() + "/account")
	w.press(words(w.look.lang, "このアドレスを削除", "Remove this address"))
	w.inspect("remove")
	w.open(server.Base() + "/account/authenticators")
	w.press(words(w.look.lang, "名前を変更", "Rename"))
	w.inspect("rename")
}

// idle lets the page believe that the session ends soon, and takes that back.
func (w *walk) idle() {
	script := get(w.browser, func(ctx context.Context, target *chromedp.Target) (page.ScriptIdentifier, error) {
		added, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: `const now = Date.now; Date.now = () => now() + 58.5 * 60_000;`})
		return added.Identifier, err
	})
	w.open(server.Base() + "/home")
	w.do(chromedp.WaitVisible(chromedp.CSS("dialog[open]")))
	w.inspect("idle")
	w.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.RemoveScriptToEvaluateOnNewDocument, page.RemoveScriptToEvaluateOnNewDocumentParams{Identifier: script})
		return err
	}))
}

// inspect looks at the page that is open.
func (w *walk) inspect(state string) {
	w.t.Helper()
	w.picture(fmt.Sprintf("%s %s", state, w.look))
	w.weigh()
	for _, fault := range w.faults(state) {
		w.t.Errorf("%s: %s", state, fault)
	}
}

// faults are all that is wrong with the page that is open.
func (w *walk) faults(state string) (faults []string) {
	report := get(w.browser, chromedp.Evaluate[string](w.axe+`;axe.run(document, {resultTypes: ["violations", "incomplete"]}).then(r => JSON.stringify({violations: r.violations, incomplete: r.incomplete}))`, chromedp.EvalAwaitPromise))
	var found struct{ Violations, Incomplete []finding }
	w.must(json.Unmarshal([]byte(report), &found))
	for _, f := range append(found.Violations, found.Incomplete...) {
		key := state + ": " + f.ID
		needed.Store(key, true)
		if accepted[key] == "" {
			faults = append(faults, "axe-core: "+f.String())
		}
	}
	faults = append(faults, w.frame()...)
	for _, c := range w.taken(w.address()) {
		faults = append(faults, fmt.Sprintf("the browser says: %s %s", c.text, c.url))
	}
	return faults
}

// frame are the faults in what all pages have in common.
func (w *walk) frame() (faults []string) {
	facts := get(w.browser, chromedp.Evaluate[struct {
		Scroll, Headings       int
		Lang, Title, Base, Cut string
	}](`({Scroll: document.documentElement.scrollWidth - document.documentElement.clientWidth,
		Cut: [...document.querySelectorAll("a:not(.skip), button, input, select, summary")].filter((e) => {
			const box = e.getBoundingClientRect();
			return e.checkVisibility() && box.width > 0 && (box.left < 0 || box.right > document.documentElement.clientWidth);
		}).map((e) => e.outerHTML).join("\n"),
		Headings: document.querySelectorAll("h1").length,
		Lang: document.documentElement.lang, Title: document.title, Base: location.origin})`))
	end := ""
	if facts.Base == server.Base() {
		end = " – " + words(w.look.lang, "統合認証システム", "Integrated Authentication System")
	}
	if facts.Scroll > 0 {
		faults = append(faults, fmt.Sprintf("it is %d px wider than the screen", facts.Scroll))
	}
	if facts.Cut != "" {
		faults = append(faults, "beyond the edge of the screen: "+facts.Cut)
	}
	if facts.Headings != 1 {
		faults = append(faults, fmt.Sprintf("it has %d main headings", facts.Headings))
	}
	if facts.Lang != w.look.lang {
		faults = append(faults, fmt.Sprintf("its language is %q", facts.Lang))
	}
	if facts.Title == end || !strings.HasSuffix(facts.Title, end) {
		faults = append(faults, fmt.Sprintf("its title is %q, want the end %q", facts.Title, end))
	}
	return faults
}

// fits wants the fields and the button of a form on a small telephone without
// scrolling. U11.
func (w *walk) fits() {
	w.t.Helper()
	if w.width != 320 {
		return
	}
	for _, element := range []string{"main form input:not([type=hidden])", "main form button:not([type=button])"} {
		bottom := get(w.browser, chromedp.Evaluate[float64](fmt.Sprintf(`document.querySelector(%q).getBoundingClientRect().bottom + scrollY`, element)))
		if bottom > smallScreen {
			w.t.Errorf("%s: %s ends at %.0f px, below a screen of %d px", w.address(), element, bottom, smallScreen)
		}
	}
}

// TestFaultsAreSeen spoils a page and wants each fault to be found: what
// [TestEveryPage] does not find is not there.
func TestFaultsAreSeen(t *testing.T) {
	w := newWalk(t, look{lang: "en", width: 320}, axe(t))
	w.openIn("/accessibility")
	if faults := w.faults("accessibility"); len(faults) > 0 {
		t.Errorf("of a good page: %q", faults)
	}
	get(w.browser, chromedp.Evaluate[any](`document.title = ""; document.documentElement.lang = "fr";
		document.querySelector("main").insertAdjacentHTML("beforeend", '<h1>Another</h1><img src="https://evil.example/x.png"><p style="color: red">x</p><pre>'+"x".repeat(500)+"</pre>");
		console.error("spoiled"); setTimeout(() => { throw new Error("thrown"); }); fetch("/nowhere").then(() => {})`))
	all := strings.Join(w.faults("spoiled"), "\n")
	for _, want := range []string{"image-alt", "evil.example", "inline style", "wider than the screen", "2 main headings", `language is "fr"`, "its title", "console error", "Uncaught", "status of 404"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not among what was found:\n%s", want, all)
		}
	}
}

// TestWeight holds the first view to U12: bytes of HTML, style and script when
// compressed, and nothing from anywhere else.
func TestWeight(t *testing.T) {
	page := fetch(t, server.Base()+"/login")
	files := map[string]int{"html": compressed(t, page)}
	count := 1
	for _, match := range regexp.MustCompile(`<(?:link rel="stylesheet"|script)[^>]* (?:href|src)="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(match[1], "/") || strings.HasPrefix(match[1], "//") {
			t.Errorf("%s is from elsewhere", match[1])
			continue
		}
		files[strings.TrimPrefix(path.Ext(match[1]), ".")] += compressed(t, fetch(t, server.Base()+match[1]))
		count++
	}
	for kind, limit := range map[string]int{"html": 4 << 10, "css": 8 << 10, "js": 8 << 10} {
		if files[kind] == 0 || files[kind] > limit {
			t.Errorf("%s: %d bytes, want at most %d", kind, files[kind], limit)
		}
	}
	if count > 4 {
		t.Errorf("%d requests, want at most 4", count)
	}
}

func compressed(t *testing.T, text string) int {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
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

package extension

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/extensions"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"warifu/test/stage"
)

// speaker lets a page speak the protocol of the hand-over by hand: ask returns the
// nonce, and what comes back is kept in answers.
const speaker = `window.answers = {}; window.heard = 0;
addEventListener("message", ({data}) => { if (data?.from === "warifu-authenticator") { heard++; answers[data.n] = data; } });
window.ask = (op, more = {}, n = crypto.randomUUID(), to = window) => {
	to.postMessage({v: 1, n, to: "warifu-authenticator", op, ...more}, "*");
	return n;
};`

// speaking is a page of the sign-on that speaks by hand.
func (c *chromium) speaking() *tab {
	c.t.Helper()
	b := c.newTab()
	b.open(server.Base() + "/accessibility")
	eval[any](b, "%s; null", speaker)
	b.until(`(() => { const n = ask("hello"); return new Promise((resolve) => setTimeout(() => resolve(answers[n]?.ok === true), 50)); })()`)
	return b
}

// offer has the page hand over an account, and returns the nonce.
func (b *tab) offer(p stage.Person) (nonce string) {
	b.t.Helper()
	return eval[string](b, `ask("enrol", {uri: %q, reason: "first"})`, uri(p))
}

// answered waits for the answer to a nonce, and wants this reason for a refusal,
// or none.
func (b *tab) answered(nonce, reason string) {
	b.t.Helper()
	b.until(`answers[%q] !== undefined`, nonce)
	if got := eval[string](b, `JSON.stringify([answers[%q].ok, answers[%q].reason ?? ""])`, nonce, nonce); got != fmt.Sprintf("[%v,%q]", reason == "", reason) {
		b.t.Errorf("the page is told %s, want the reason %q", got, reason)
	}
}

// TestDeclined tells the page so, whether the person presses the button or closes
// the window.
func TestDeclined(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	b := c.speaking()
	nonce := b.offer(nextPerson())
	c.shown("confirm.html").dismiss("追加しない")
	b.answered(nonce, "declined")
	nonce = b.offer(nextPerson())
	confirm := c.shown("confirm.html")
	confirm.shows("追加する")
	eval[any](confirm, `setTimeout(() => chrome.windows.getCurrent().then(({id}) => chrome.windows.remove(id))); null`)
	b.answered(nonce, "declined")
}

// TestInvalid refuses at once what is no account that the sign-on could hand over.
func TestInvalid(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.speaking()
	for _, more := range []string{`{uri: "https://example.org/", reason: "first"}`, `{uri: "otpauth://hotp/A?secret=JBSWY3DPEHPK3PXP", reason: "first"}`,
		`{uri: "otpauth://totp/A?secret=1", reason: "first"}`, `{uri: "otpauth://totp/A?secret=JBSWY3DPEHPK3PXP", reason: "other"}`, `{uri: 1, reason: "first"}`} {
		b.answered(eval[string](b, `ask("enrol", %s)`, more), "invalid")
	}
	if n := c.count("confirm.html"); n != 0 {
		t.Errorf("%d windows ask about it", n)
	}
}

// TestBusy lets one request of a tab wait, and three in all.
func TestBusy(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	first := c.speaking()
	waiting := first.offer(nextPerson())
	confirm := c.shown("confirm.html")
	first.answered(first.offer(nextPerson()), "busy")
	for range 2 {
		c.speaking().offer(nextPerson())
		c.shown("confirm.html")
	}
	fourth := c.speaking()
	fourth.answered(fourth.offer(nextPerson()), "busy")
	confirm.press("追加する")
	first.answered(waiting, "")
	nonce := fourth.offer(nextPerson())
	c.shown("confirm.html").dismiss("追加しない")
	fourth.answered(nonce, "declined")
}

// TestExpired answers by the alarm, and a press that comes too late adds nothing.
func TestExpired(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	b := c.speaking()
	nonce := b.offer(nextPerson())
	confirm := c.shown("confirm.html")
	confirm.shows("追加する")
	due := eval[float64](confirm, `chrome.alarms.getAll().then((all) => (all.find(({name}) => name.startsWith("expire:")).scheduledTime - Date.now()) / 1000)`)
	if due < 100 || due > 120 {
		t.Errorf("it expires in %.0f s, want 120", due)
	}
	eval[any](confirm, `chrome.alarms.getAll().then((all) => chrome.alarms.create(all.find(({name}) => name.startsWith("expire:")).name, {when: Date.now()})).then(() => null)`)
	b.answered(nonce, "expired")
	confirm.press("追加する")
	confirm.shows("時間が過ぎました。")
	if names := c.accounts(); names != "Example hanako" {
		t.Errorf("the accounts are %s", names)
	}
}

// TestLockedHandOver asks for the passphrase before the person decides, and tells
// the page nothing of that.
func TestLockedHandOver(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.holdLocked().press("ロック")
	b := c.speaking()
	nonce := b.offer(nextPerson())
	confirm := c.shown("confirm.html")
	confirm.shows("ロックされています")
	confirm.hides("追加する")
	if heard := eval[int](b, `heard`); heard != eval[int](b, `Object.keys(answers).length`) || eval[bool](b, `%q in answers`, nonce) {
		t.Errorf("the page has heard %d answers", heard)
	}
	confirm.unlock(passphrase)
	confirm.press("追加する")
	b.answered(nonce, "")
}

// TestDeadWorker ends the service worker while the person reads: the page gets its
// answer all the same, and only one.
func TestDeadWorker(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	b := c.speaking()
	p := nextPerson()
	nonce := b.offer(p)
	confirm := c.shown("confirm.html")
	confirm.shows("追加する")
	c.endWorker()
	confirm.press("追加する")
	b.answered(nonce, "")
	if code := eval[string](b, `answers[%q].code`, nonce); code != p.Code(t, time.Now()) {
		t.Errorf("the code is %s", code)
	}
	left := eval[float64](b, `(answers[%q].validUntil - Date.now()) / 1000`, nonce)
	if left < 20 || left > 56 {
		t.Errorf("the code may be filled in for %.0f s more, want the rest of the step and 25 s", left)
	}
	confirm.dismiss("OK")
	before := eval[int](b, `heard`)
	again := eval[string](b, `ask("hello")`)
	b.until(`%q in answers`, again)
	if heard := eval[int](b, `heard`); heard != before+1 {
		t.Errorf("the page has heard %d answers more than one", heard-before-1)
	}
}

// TestNavigatedSince drops the request of a page that is gone: the window closes,
// and the page that follows gets nothing.
func TestNavigatedSince(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	b := c.speaking()
	b.offer(nextPerson())
	c.shown("confirm.html").shows("追加する")
	b.open(server.Base() + "/faq")
	eval[any](b, "%s; null", speaker)
	b.until(`true`)
	c.gone("confirm.html")
	again := eval[string](b, `ask("hello")`)
	b.until(`%q in answers`, again)
	if heard := eval[int](b, `heard`); heard != 1 {
		t.Errorf("the page has heard %d answers, want the one to its hello", heard)
	}
}

// TestDeaf: the bridge answers nobody but the page itself, on an origin of the
// sign-on, in the form of the protocol; and there is nothing to ask but hello and
// enrol.
func TestDeaf(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	b := c.speaking()
	before := eval[int](b, `heard`)
	for _, send := range []string{
		`ask("hello", {}, "short")`, `ask("hello", {}, "under_score_under_score")`, `ask("hello", {}, "x".repeat(65))`,
		`ask("hello", {v: 2})`, `ask("hello", {v: "1"})`, `ask("hello", {to: "another"})`, `ask("hello", {n: 12345678901234567890})`,
		`ask("list")`, `ask("code")`, `ask("state")`, `postMessage(null, "*")`, `postMessage("warifu-authenticator", "*")`,
	} {
		eval[any](b, "%s; null", send)
	}
	eval[any](b, `new Promise((resolve) => {
		const frame = document.createElement("iframe");
		frame.onload = () => resolve(null);
		document.body.append(frame);
	})`)
	hello := `{v: 1, n: "from-an-inner-frame", to: "warifu-authenticator", op: "hello"}`
	b.inFrame(`parent.postMessage(` + hello + `, "*")`)
	b.inFrame(`addEventListener("message", ({data}) => data.from && parent.postMessage(data, "*")); postMessage(` + hello + `, "*")`)
	again := eval[string](b, `ask("hello")`)
	b.until(`%q in answers`, again)
	if got := eval[string](b, `Object.keys(answers).filter((n) => n.includes("inner-frame")).join()`); got != "" {
		t.Errorf("frames are answered: %s", got)
	}
	if heard := eval[int](b, `heard`); heard != before+1 {
		t.Errorf("the page has heard %d answers to what is not the protocol", heard-before-1)
	}
}

// inFrame evaluates an expression in the frame that the page has.
func (b *tab) inFrame(expression string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		tree, err := cdp.Call(ctx, t, page.GetFrameTree, cdp.Empty{})
		if err != nil {
			return err
		}
		frame := tree.FrameTree.ChildFrames[0].Frame.ID
		world, err := cdp.Call(ctx, t, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: frame})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, t, runtime.Evaluate, runtime.EvaluateParams{Expression: expression, ContextID: world.ExecutionContextID})
		return err
	}))
}

// TestDeafElsewhere: on any other origin there is no bridge, and no file of the
// extension can be loaded.
func TestDeafElsewhere(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><title>Elsewhere</title>")
	}))
	defer elsewhere.Close()
	b := c.newTab()
	b.open(strings.Replace(elsewhere.URL, "127.0.0.1", "sign-on.localhost", 1))
	eval[any](b, "%s; null", speaker)
	eval[any](b, `ask("hello"); ask("enrol", {uri: %q, reason: "first"}); null`, uri(nextPerson()))
	for _, file := range []string{"popup.html", "bridge.js", "icons/48.png", "manifest.json"} {
		if eval[bool](b, `fetch(%q).then(() => true, () => false)`, c.address(file)) {
			t.Errorf("%s can be loaded", file)
		}
	}
	if heard := eval[int](b, `heard`); heard != 0 {
		t.Errorf("the page has heard %d answers", heard)
	}
	if n := c.count("confirm.html"); n != 0 {
		t.Errorf("%d windows ask about it", n)
	}
}

// TestDeafToExtensions: another extension gets no answer, cannot tell whether this
// one is there, and has nobody asked; the page of the sign-on itself has no other
// way in than the bridge.
func TestDeafToExtensions(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	folder := t.TempDir()
	for name, content := range map[string]string{
		"manifest.json": `{"manifest_version": 3, "name": "Another", "version": "1", "permissions": ["storage"]}`,
		"page.html":     "<!DOCTYPE html><title>Another</title>",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	another, err := chromedp.CallBrowser(c.ctx, extensions.LoadUnpacked, extensions.LoadUnpackedParams{Path: folder})
	if err != nil {
		t.Fatal(err)
	}
	page := c.speaking()
	if eval[bool](page, `Boolean(globalThis.chrome?.runtime?.sendMessage)`) {
		t.Error("the page of the sign-on can speak to extensions")
	}
	nonce := page.offer(nextPerson())
	confirm := c.shown("confirm.html")
	id := eval[string](confirm, `new URLSearchParams(location.search).get("id")`)
	b := c.newTab()
	b.open("chrome-extension://" + another.ID + "/page.html")
	absent := `"Could not establish connection. Receiving end does not exist."`
	for _, message := range []string{
		fmt.Sprintf(`{op: "enrol", n: crypto.randomUUID(), uri: %q, reason: "first"}`, uri(nextPerson())), fmt.Sprintf(`{op: "request", id: %q}`, id),
		fmt.Sprintf(`{op: "answer", id: %q, answer: {ok: false, reason: "declined"}}`, id), `{op: "opened"}`,
	} {
		if got := eval[string](b, `chrome.runtime.sendMessage(%q, %s).then(JSON.stringify, ({message}) => JSON.stringify(message))`, c.id, message); got != absent {
			t.Errorf("the other extension is told %s of %s", got, message)
		}
	}
	if got := eval[string](b, `new Promise((resolve) => chrome.runtime.connect(%q).onDisconnect.addListener(() => resolve(JSON.stringify(chrome.runtime.lastError.message))))`, c.id); got != absent {
		t.Errorf("the other extension is connected, and told %s", got)
	}
	if eval[bool](b, `fetch(%q).then(() => true, () => false)`, c.address("manifest.json")) {
		t.Error("the other extension can load files of this one")
	}
	confirm.press("追加する")
	page.answered(nonce, "")
	if n := c.count("confirm.html"); n != 1 {
		t.Errorf("%d windows ask", n)
	}
}

// count returns how many pages of the extension with this name are open.
func (c *chromium) count(page string) (n int) {
	c.t.Helper()
	all, err := chromedp.Targets(c.ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, found := range all {
		if strings.HasPrefix(found.URL, c.address(page)) {
			n++
		}
	}
	return n
}

// gone waits until no page of the extension with this name is open.
func (c *chromium) gone(page string) {
	c.t.Helper()
	for deadline := time.Now().Add(pageTime); c.count(page) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("%s is still open", page)
		}
	}
}

// accounts returns the names of what the extension holds, joined by commas.
func (c *chromium) accounts() string {
	c.t.Helper()
	b := c.manage("accounts")
	b.until(`document.querySelector("#view h2") !== null`)
	return eval[string](b, `[...document.querySelectorAll("ol.rows .names")].map((name) => name.textContent.trim()).join()`)
}

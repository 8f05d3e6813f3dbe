package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// pageTime bounds everything that a page may take.
const pageTime = 15 * time.Second

// browser is one tab of Chromium with a profile of its own.
type browser struct {
	t    *testing.T
	ctx  context.Context
	lang string
	site string // that it is at; empty for the demonstration that all stories share

	effort // so far
}

// look is how a person looks at a page.
type look struct {
	lang     string // ja, en
	width    int64
	dark     bool
	noScript bool
}

var desktop = look{lang: "ja", width: 1280}

// chromium is started once; each story has a browser context of its own.
var chromium = sync.OnceValues(func() (context.Context, error) {
	allocatorOptions := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
	}
	for _, flag := range []string{"disable-gpu", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		allocatorOptions = append(allocatorOptions, chromedp.Flag(flag, true))
	}
	allocatorOptions = append(allocatorOptions, chromedp.Flag("host-resolver-rules", "MAP *.miyako.example 127.0.0.1"))
	allocator, _ := chromedp.NewExecAllocator(context.Background(), allocatorOptions...)
	ctx, _ := chromedp.NewContext(allocator)
	return ctx, chromedp.Do(ctx)
})

// newBrowser opens a browser that nobody has used before.
func newBrowser(t *testing.T, l look) *browser {
	t.Helper()
	b, cancel := newLastingBrowser(t, l)
	t.Cleanup(cancel)
	return b
}

// newLastingBrowser is newBrowser for one that outlives the test.
func newLastingBrowser(t *testing.T, l look) (*browser, context.CancelFunc) {
	t.Helper()
	parent, err := chromium()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	return (&browser{t: t, ctx: ctx}).with(l), cancel
}

// with has the tab show pages in a look.
func (b *browser) with(l look) *browser {
	b.t.Helper()
	b.lang = l.lang
	b.must(chromedp.Do(b.ctx)) // the tab lives as long as the context of the first call
	b.do(chromedp.EmulateViewport(l.width, 800))
	if l.dark {
		b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
			return err
		}))
	}
	if l.noScript {
		b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			return err
		}))
	}
	return b
}

// tab opens another tab of the same browser.
func (b *browser) tab() *browser {
	b.t.Helper()
	return b.tabFor(b.t, look{lang: b.lang, width: desktop.width})
}

// tabFor opens another tab of the same browser for a test, in a look of its own.
func (b *browser) tabFor(t *testing.T, l look) *browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	return (&browser{t: t, ctx: ctx, site: b.site}).with(l)
}

// base is the address of the site that the browser is at.
func (b *browser) base() string { return cmp.Or(b.site, server.Base()) }

func (b *browser) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%v", err)
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageTime)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v", err)
	}
}

// open goes to an address, in the browser's language.
func (b *browser) open(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address))
}

// openIn goes to an address of ours in the language of the look.
func (b *browser) openIn(path string) {
	b.t.Helper()
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	b.open(b.base() + path + separator + "lang=" + b.lang)
}

// press clicks what has these words, waits for the page that follows, and
// returns its status.
func (b *browser) press(words string) int64 {
	b.t.Helper()
	return b.pressIn("main", words)
}

// pressIn is press in another part of the page: header, main, footer.
func (b *browser) pressIn(part, words string) int64 {
	b.t.Helper()
	b.presses++
	xpath := fmt.Sprintf(`//%s//*[(self::a or self::button) and normalize-space(.)=%q]`, part, words)
	return b.submit(chromedp.Click(chromedp.Search(xpath)))
}

// unfold opens what is folded away under these words.
func (b *browser) unfold(words string) {
	b.t.Helper()
	b.presses++
	b.do(chromedp.Click(chromedp.Search(fmt.Sprintf(`//main//summary[normalize-space(.)=%q]`, words))))
}

// submit does something that leads to another page, and returns its status.
func (b *browser) submit(step chromedp.Action[chromedp.Void]) int64 {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageTime)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		b.t.Fatalf("%v on %s", err, b.text())
	}
	b.pages++
	return answer.Status
}

// openMailed presses the link of a mail that leads to a path of ours.
func (b *browser) openMailed(path string) {
	b.t.Helper()
	b.presses++
	b.open(b.base() + path)
}

// choose presses a radio button or a check box.
func (b *browser) choose(id string) {
	b.t.Helper()
	b.presses++
	b.do(chromedp.Click(chromedp.CSS("#" + id)))
}

// enter presses the Enter key.
func (b *browser) enter() int64 {
	b.t.Helper()
	b.presses++
	return b.submit(chromedp.KeyEvent(kb.Enter))
}

// field is the one with this autocomplete value (decisions.md §2.2).
func field(autocomplete string) chromedp.CSS {
	return chromedp.CSS(fmt.Sprintf(`input[autocomplete~="%s"]`, autocomplete))
}

// fill types into the field with this autocomplete value, in place of what is there.
func (b *browser) fill(autocomplete, text string) {
	b.t.Helper()
	// as a person does; Clear and SendKeys of chromedp 0.23 race with each other
	b.do(chromedp.Focus(field(autocomplete), chromedp.NodeVisible))
	get(b, chromedp.Evaluate[bool]("document.activeElement.select(); true"))
	if text == "" {
		text = kb.Delete
	}
	b.typed(text)
}

// focused waits until the page itself has put the focus into this field.
func (b *browser) focused(autocomplete string) {
	b.t.Helper()
	get(b, chromedp.Poll[bool](fmt.Sprintf(`document.hasFocus() && document.activeElement.autocomplete.includes(%q)`, autocomplete)))
}

// typed types where the focus is.
func (b *browser) typed(text string) {
	b.t.Helper()
	b.keys += utf8.RuneCountInString(text)
	b.do(chromedp.KeyEvent(text))
}

func (b *browser) text() string {
	b.t.Helper()
	return lines(get(b, chromedp.Evaluate[string]("document.body.innerText")))
}

func (b *browser) address() string { b.t.Helper(); return get(b, chromedp.Location()) }
func (b *browser) title() string   { b.t.Helper(); return get(b, chromedp.Title()) }

func get[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageTime)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("%v", err)
	}
	return value
}

// shows wants all of these words on the page.
func (b *browser) shows(words ...string) {
	b.t.Helper()
	text := b.text()
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.t.Fatalf("%s does not show %q:\n%s", b.address(), w, text)
		}
	}
}

// at wants the address to begin so.
func (b *browser) at(address string) {
	b.t.Helper()
	if got := b.address(); !strings.HasPrefix(got, address) {
		b.t.Fatalf("the browser is at %s, want %s:\n%s", got, address, b.text())
	}
}

// claims returns what the demonstration's service knows of this browser.
func (b *browser) claims() map[string]any {
	b.t.Helper()
	b.open(server.Service() + "/me.json")
	var claims map[string]any
	if err := json.Unmarshal([]byte(b.text()), &claims); err != nil {
		b.t.Fatalf("/me.json: %v", err)
	}
	return claims
}

// picture keeps what the page looks like, where E2E_PICTURES says.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("E2E_PICTURES")
	if dir == "" {
		return
	}
	b.must(os.WriteFile(filepath.Join(dir, name+".png"), get(b, chromedp.FullScreenshot(100)), 0o644))
}

// signIn signs a person in from the page of the password on.
func (b *browser) signIn(p person, at time.Time) {
	b.t.Helper()
	b.fill("username", p.ID)
	b.fill("current-password", password)
	b.press(words(b.lang, "ログイン", "Login"))
	b.at(b.base() + "/login/totp")
	b.fill("one-time-code", p.Code(b.t, at))
	b.press(words(b.lang, "ログイン", "Login"))
}

func words(lang, japanese, english string) string {
	if lang == "ja" {
		return japanese
	}
	return english
}

package extension

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"warifu/test/stage"
)

// tab is a page that a person sees: of the sign-on, or of the extension.
type tab struct {
	c   *chromium
	t   testing.TB
	ctx context.Context
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageTime)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func get[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageTime)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

// eval returns the value of an expression, of a promise what it comes to.
func eval[T any](b *tab, expression string, arguments ...any) T {
	b.t.Helper()
	return get(b, chromedp.Evaluate[T](fmt.Sprintf(expression, arguments...), chromedp.EvalAwaitPromise))
}

// until waits until an expression is true. A page that is just being replaced has
// no answer yet.
func (b *tab) until(expression string, arguments ...any) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageTime)
	defer cancel()
	condition := fmt.Sprintf(expression, arguments...)
	for {
		if holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool](condition, chromedp.EvalAwaitPromise)); err == nil && holds {
			return
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("not so: %s on %s:\n%s", condition, b.address(), b.text())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (b *tab) open(address string) { b.t.Helper(); b.do(chromedp.Navigate(address)) }
func (b *tab) address() string     { b.t.Helper(); return get(b, chromedp.Location()) }

func (b *tab) text() string {
	b.t.Helper()
	return strings.Join(strings.Fields(eval[string](b, "document.body.innerText")), " ")
}

// shows waits until the page shows these words.
func (b *tab) shows(words string) {
	b.t.Helper()
	b.until(`document.body.innerText.replace(/\s+/g, " ").includes(%q)`, words)
}

// hides waits until these words are not on the page.
func (b *tab) hides(words string) {
	b.t.Helper()
	b.until(`!document.body.innerText.includes(%q)`, words)
}

// press clicks the visible button or link with these words.
func (b *tab) press(words string) {
	b.t.Helper()
	b.until(`(() => { const e = %s; return e !== undefined && !e.disabled; })()`, stage.Named(words))
	b.do(b.click(stage.Named(words)))
}

// click is a click into the middle of the element that an expression gives.
func (b *tab) click(element string) chromedp.Action[chromedp.Void] {
	b.t.Helper()
	middle := eval[struct{ X, Y float64 }](b, `(() => {
		const element = %s;
		element.scrollIntoView({block: "center"});
		const {x, y, width, height} = element.getBoundingClientRect();
		return {X: x + width / 2, Y: y + height / 2};
	})()`, element)
	return chromedp.MouseClickXY(middle.X, middle.Y)
}

// dismiss is press of what closes the window of the page.
func (b *tab) dismiss(words string) {
	b.t.Helper()
	b.until(`%s !== undefined`, stage.Named(words))
	eval[any](b, `setTimeout(() => %s.click()); null`, stage.Named(words))
}

// follow is press, and waits for the page that comes.
func (b *tab) follow(words string) {
	b.t.Helper()
	b.until(`%s !== undefined`, stage.Named(words))
	ctx, cancel := context.WithTimeout(b.ctx, pageTime)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, b.click(stage.Named(words))); err != nil {
		b.t.Fatalf("%q: %v on %s", words, err, b.text())
	}
}

// fill types into the field that a selector names, in place of what is there.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.until(`document.querySelector(%q)?.checkVisibility() === true`, selector)
	eval[any](b, `document.querySelector(%q).focus(); document.activeElement.select(); null`, selector)
	b.do(chromedp.KeyEvent(text))
}

// choose takes an option of a list.
func (b *tab) choose(selector, value string) {
	b.t.Helper()
	b.until(`document.querySelector(%q) !== null`, selector)
	eval[bool](b, `(() => { const list = document.querySelector(%q); list.value = %q; return list.dispatchEvent(new Event("change", {bubbles: true})); })()`, selector, value)
}

// enter presses the Enter key.
func (b *tab) enter() { b.t.Helper(); b.do(chromedp.KeyEvent(kb.Enter)) }

// picture keeps what the page looks like, where E2E_PICTURES says.
func (b *tab) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("E2E_PICTURES")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), get(b, chromedp.FullScreenshot(100)), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// downloadsTo has the browser save files in a folder.
func (b *tab) downloadsTo(folder string) {
	b.t.Helper()
	if _, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder}); err != nil {
		b.t.Fatal(err)
	}
}

// downloaded waits for the one file that is saved in a folder.
func downloaded(t testing.TB, folder string) string {
	t.Helper()
	for deadline := time.Now().Add(pageTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(folder, "*"))
		if err == nil && len(files) == 1 && !strings.HasSuffix(files[0], ".crdownload") {
			return files[0]
		}
	}
	t.Fatal("nothing is saved")
	return ""
}

// tabKey presses the Tab key.
func (b *tab) tabKey() { b.t.Helper(); b.do(chromedp.KeyEvent(kb.Tab)) }

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// ownClock gives the pages that are opened from now on a clock which the test sets
// forward: what they wait for longer than a minute comes due by that alone.
func (b *browser) ownClock() {
	b.t.Helper()
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		const now = Date.now, real = setTimeout, late = new Set();
		let ahead = 0;
		Date.now = () => now() + ahead;
		globalThis.setTimeout = (f, ms, ...more) => ms < 50_000 ? real(f, ms, ...more) : void late.add({ at: Date.now() + ms, f });
		globalThis.forward = (minutes) => {
			ahead += minutes * 60_000;
			for (const one of [...late]) if (one.at <= Date.now()) { late.delete(one); one.f(); }
		};`})
}

// forward sets that clock forward.
func (b *browser) forward(minutes int) {
	b.t.Helper()
	get(b, chromedp.Evaluate[any](fmt.Sprintf(`forward(%d)`, minutes)))
}

// told wants a part of the page to say how many minutes are left.
func (b *browser) told(part string, minutes int) {
	b.t.Helper()
	if got := get(b, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q).textContent`, part))); !strings.HasSuffix(got, words(b.lang, fmt.Sprintf("あと%d分です。", minutes), fmt.Sprintf("expires: %d", minutes))) &&
		got != fmt.Sprintf("あと%d分でログアウトします。", minutes) {
		b.t.Errorf("with %d minutes left %s says %q", minutes, part, got)
	}
}

// TestTimeLeft hears 5, 2 and 1 minutes before that the OTP of a mail, and the
// session, will end. WCAG 2.2, 2.2.1.
func TestTimeLeft(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	b.ownClock()
	b.openIn("/login")
	b.giveID(p)
	b.press("ログインできない方はこちらへ")
	b.press("Yes")
	for _, step := range []struct{ forward, left int }{{5, 5}, {3, 2}, {1, 1}} {
		b.forward(step.forward)
		b.told("#left", step.left)
	}
	b.picture("otp one minute left")
	b.openIn("/login")
	b.signIn(p, time.Now())
	b.at(server.Base() + "/home")
	b.forward(55)
	b.told("#session-left", 5)
	for _, step := range []struct{ forward, left int }{{3, 2}, {1, 1}} {
		b.forward(step.forward)
		b.told("dialog[open] [role=status]", step.left)
	}
	b.picture("session one minute left")
}

// TestIdleDialog moves the page's clock to two minutes before the end of the
// session: the page asks, one press gives more time, and at the end it says why
// the person has to sign in again. SES-3, ACC-3.
func TestIdleDialog(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	b.openIn("/login")
	b.signIn(p, time.Now())
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: `const now = Date.now; let ahead = 58.5 * 60_000; Date.now = () => now() + ahead; globalThis.setAhead = (minutes) => { ahead = minutes * 60_000; };`})
		return err
	}))
	b.open(server.Base() + "/home")
	b.do(chromedp.WaitVisible(chromedp.CSS("dialog[open]")))
	b.shows("時間を延長しますか？", "安全のため、")
	b.picture("idle dialog")
	get(b, chromedp.Evaluate[any](`setAhead(0)`))
	b.do(chromedp.Click(chromedp.CSS("dialog button")), chromedp.WaitNotVisible(chromedp.CSS("dialog")))
	get(b, chromedp.Evaluate[any](`setAhead(61)`))
	b.submit(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := chromedp.Evaluate[any](`document.dispatchEvent(new Event("visibilitychange"))`)(ctx, target)
		return err
	}))
	b.at(server.Base() + "/home") // the server's own clock says that the session lives
}

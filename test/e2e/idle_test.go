package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

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

package extension

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// look is how a person looks at a page.
type look struct {
	lang  string // ja, en
	width int64
	dark  bool
}

func (l look) String() string {
	shade := "light"
	if l.dark {
		shade = "dark"
	}
	return fmt.Sprintf("%s %d %s", l.lang, l.width, shade)
}

// with has the page appear in a look; its language is that of the settings.
func (b *tab) with(l look) *tab {
	b.t.Helper()
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	b.do(chromedp.EmulateViewport(l.width, 800), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	}))
	eval[any](b, `chrome.storage.local.set({settings: {language: %q}}).then(() => null)`, l.lang)
	return b
}

// TestEveryPage goes through every page and state in both languages, light and
// dark, narrow and wide, and wants of each: nothing found by axe-core, no
// horizontal scroll, also not at 200 %, one main heading, its language, and a title.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../e2e/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("axe-core: %v (npm ci --ignore-scripts in test/e2e)", err)
	}
	c := newChromium(t)
	looks := []look{{lang: "ja", width: 320}, {lang: "ja", width: 1280, dark: true}, {lang: "en", width: 320, dark: true}, {lang: "en", width: 1280}}
	b := c.newTab()
	b.open(c.address("popup.html"))
	inspect := func(state string) {
		t.Helper()
		for _, l := range looks {
			if l.width > 320 && os.Getenv("TEST_THOROUGH") == "" {
				continue // where there is room for all, make thorough looks
			}
			b.with(l)
			b.do(chromedp.Reload())
			b.until(`document.readyState === "complete" && document.documentElement.lang === %q && document.querySelector("main").innerText.trim() !== ""`, l.lang)
			b.inspect(state, l, string(script))
		}
	}
	inspect("popup empty")
	b.open(c.address("confirm.html?id=none"))
	inspect("confirm gone")
	b.open(c.address("manage.html"))
	inspect("first passphrase")
	b.with(looks[0])
	b.do(chromedp.Reload())
	b.choosePassphrase("correct horse")
	b.shows("アカウントはまだありません。")
	for _, view := range []string{"accounts", "add", "export", "settings"} {
		b.open(c.address("manage.html#" + view))
		inspect(view + " empty")
	}
	b.with(looks[1])
	b.open(c.address("manage.html?again#add"))
	b.takeText(uri(held) + "\notpauth://hotp/Counter?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ\notpauth://totp/Broken?secret=1")
	b.shows("追加 2、置き換え 0、同じ 0、失敗 1")
	b.inspect("import report", looks[1], string(script))
	for _, view := range []string{"accounts", "add", "export", "settings"} {
		b.open(c.address("manage.html#" + view))
		inspect(view)
	}
	b.open(c.address("popup.html"))
	inspect("popup")
	page := c.speaking()
	p := nextPerson()
	page.offer(p)
	first := b
	b = c.shown("confirm.html")
	inspect("confirm")
	b.press("Add")
	b.shows("added.")
	b.inspect("added", looks[3], string(script))
	b.with(look{lang: "en", width: 320, dark: true})
	b.inspect("added", looks[2], string(script))
	b.dismiss("OK")
	b = first
	b.open(c.address("manage.html#accounts"))
	for _, words := range []string{"Edit", "Show QR code", "Delete"} {
		b.with(looks[2])
		b.press(words)
		b.inspect(words, looks[2], string(script))
		b.do(chromedp.KeyEvent(kb.Escape))
	}
	b.press("Show QR code")
	b.fill("#current", "correct horse")
	b.press("Show QR code")
	b.until(`document.querySelector("dialog svg") !== null`)
	b.inspect("QR code", looks[2], string(script))
	b.open(c.address("popup.html"))
	b.press("Lock")
	b.shows("Locked")
	inspect("popup locked")
}

// inspect looks at the page as it is.
func (b *tab) inspect(state string, l look, script string) {
	b.t.Helper()
	b.picture(state + " " + l.String())
	report := eval[string](b, "%s;axe.run(document, {resultTypes: ['violations', 'incomplete']}).then(r => JSON.stringify([...r.violations, ...r.incomplete]))", script)
	var found []struct {
		ID, Help string
		Nodes    []struct {
			HTML    string
			Message string `json:"failureSummary"`
		}
	}
	if err := json.Unmarshal([]byte(report), &found); err != nil {
		b.t.Fatal(err)
	}
	for _, f := range found {
		b.t.Errorf("%s, %s: axe-core: %s: %s\n%s\n%s", state, l, f.ID, f.Help, f.Nodes[0].HTML, f.Nodes[0].Message)
	}
	for _, fault := range b.frameFaults(l) {
		b.t.Errorf("%s, %s: %s", state, l, fault)
	}
	for _, fault := range b.zoomFaults(l) {
		b.t.Errorf("%s, %s, at 200 %%: %s", state, l, fault)
	}
}

// windows are how large the windows of the extension are, the popup at most, in
// pixels without zoom.
var windows = map[string]struct{ width, height int64 }{"popup.html": {800, 600}, "confirm.html": {480, 680}, "manage.html": {1280, 800}}

// zoomFaults are what is wrong at 200 % (WCAG 1.4.4). The browser's zoom leaves a
// window half of its pixels, and paints each twice as large: all lengths and media
// queries of the page are of that viewport, hence it is set in place of the zoom.
func (b *tab) zoomFaults(l look) []string {
	b.t.Helper()
	window := windows[eval[string](b, `location.pathname.slice(1)`)]
	b.do(chromedp.EmulateViewport(window.width/2, window.height/2, chromedp.EmulateScale(2)))
	faults := b.frameFaults(l)
	if cut := eval[string](b, `[...document.querySelectorAll("body *")].filter((e) => {
		if (!e.checkVisibility() || e.closest(".away, svg")) return false;
		const {left, right} = e.getBoundingClientRect();
		const {overflowX, overflowY} = getComputedStyle(e);
		return left < 0 || right > document.documentElement.clientWidth + 0.5
			|| overflowX !== "visible" && !e.matches("input, select, textarea") && e.scrollWidth > e.clientWidth
			|| ["hidden", "clip"].includes(overflowY) && e.scrollHeight > e.clientHeight;
	}).map((e) => e.outerHTML.slice(0, 100)).join("\n")`); cut != "" {
		faults = append(faults, "these are cut:\n"+cut)
	}
	b.do(chromedp.EmulateViewport(l.width, 800))
	return faults
}

// frameFaults are what is wrong with what all pages have in common.
func (b *tab) frameFaults(l look) (faults []string) {
	b.t.Helper()
	facts := eval[struct {
		Scroll, Headings int
		Lang, Title      string
	}](b, `({Scroll: document.documentElement.scrollWidth - document.documentElement.clientWidth,
		Headings: document.querySelectorAll("h1").length, Lang: document.documentElement.lang, Title: document.title})`)
	if facts.Scroll > 0 {
		faults = append(faults, fmt.Sprintf("it is %d px wider than the screen", facts.Scroll))
	}
	if facts.Headings != 1 {
		faults = append(faults, fmt.Sprintf("it has %d main headings", facts.Headings))
	}
	if facts.Lang != l.lang {
		faults = append(faults, fmt.Sprintf("its language is %q", facts.Lang))
	}
	if strings.TrimSpace(facts.Title) == "" {
		faults = append(faults, "it has no title")
	}
	return faults
}

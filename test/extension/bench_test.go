package extension

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// shownCode is true once the list shows a code.
const shownCode = `(document.querySelector("#accounts .code")?.checkVisibility() && /^\d{3} \d{3}$/.test(document.querySelector("#accounts .code").textContent))`

// noteShown notes in a page that begins when it has painted the first code.
const noteShown = `new MutationObserver((_, observer) => {
	if (!` + shownCode + `) return;
	observer.disconnect();
	requestAnimationFrame(() => setTimeout(() => { window.shownAt = performance.now(); }));
}).observe(document, {subtree: true, childList: true, characterData: true, attributes: true});`

// BenchmarkPopup prints how long the popup takes, from its navigation to the first
// code that is painted, with the vault open: as a tab, whose start can be seen. And
// what it and the background keep in memory: of JavaScript each, and the process of
// both (PSS), with the popup of the button open.
func BenchmarkPopup(b *testing.B) {
	for _, accounts := range []int{1, 10, 200} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			c := newChromium(b)
			c.holdMany(accounts)
			tab := c.newTab()
			tab.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
				_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: noteShown})
				return err
			}))
			tab.open(c.address("popup.html"))
			tab.until(`window.shownAt > 0`)
			var took []float64
			for b.Loop() {
				tab.do(chromedp.Reload())
				tab.until(`window.shownAt > 0`)
				took = append(took, eval[float64](tab, `window.shownAt`))
			}
			reportTimes(b, took)
			tab.open("about:blank")
			worker := c.worker()
			popup := tab.popup()
			popup.until(shownCode)
			b.ReportMetric(popup.heap(), "MiB-popup")
			b.ReportMetric(worker.heap(), "MiB-background")
			b.ReportMetric(c.processMemory(), "MiB-process")
		})
	}
}

// BenchmarkScan prints how long a scan takes, from the press of the button to the
// words about what was found, of a page of 1280 × 900 with a code 240 px wide. Each
// is a popup's first: the decoder is loaded anew.
func BenchmarkScan(b *testing.B) {
	c := newChromium(b)
	c.hold(uri(held))
	tab := c.tab()
	tab.open("http://localhost" + pages(b, map[string]string{"": "<p>" + strings.Repeat("Lorem ipsum dolor sit amet. ", 40) + "</p>" + drawn(b, uri(held), 240, "#000", "#fff")}) + "/")
	var took []float64
	for b.Loop() {
		popup := tab.popup()
		popup.until(shownCode)
		took = append(took, popup.timed(`document.getElementById("scan").click()`, `document.getElementById("status").textContent.includes("は登録済みです。")`))
		popup.dismissPopup()
		time.Sleep(time.Second / 2) // without a press of a person, the browser lets an extension take two pictures in a second
	}
	reportTimes(b, took)
}

// BenchmarkUnlock prints how long the vault takes to open, from the press of the
// button to the first code; nearly all of it is Argon2id.
func BenchmarkUnlock(b *testing.B) {
	c := newChromium(b)
	c.holdLocked()
	tab := c.newTab()
	tab.open(c.address("popup.html"))
	var took []float64
	for b.Loop() {
		tab.press("ロック")
		tab.fill("#passphrase", passphrase)
		took = append(took, tab.timed(`document.getElementById("passphrase").form.requestSubmit()`, shownCode))
	}
	reportTimes(b, took)
}

// holdMany has the extension hold accounts under the passphrase, unlocked.
func (c *chromium) holdMany(n int) {
	c.t.Helper()
	b := c.manage("add")
	b.choosePassphrase(passphrase)
	var all []string
	for i := range n {
		all = append(all, strings.Replace(uri(held), held.ID, fmt.Sprintf("%s%03d", held.ID, i), 1)+fmt.Sprintf("&digits=6&period=%d", 30+i))
	}
	b.until(`document.getElementById("text") !== null`)
	eval[any](b, `document.getElementById("text").value = %q; null`, strings.Join(all, "\n"))
	b.press("文字を取り込む")
	if n == 1 {
		b.press("OK")
		return
	}
	b.shows(fmt.Sprintf("追加 %d、置き換え 0、同じ 0、失敗 0", n))
}

// timed does something in a page, and returns the milliseconds until something else
// is true there.
func (b *tab) timed(act, then string) float64 {
	b.t.Helper()
	return eval[float64](b, `new Promise((resolve) => {
		const begin = performance.now();
		new MutationObserver((_, observer) => {
			if (!(%s)) return;
			observer.disconnect();
			resolve(performance.now() - begin);
		}).observe(document, {subtree: true, childList: true, characterData: true, attributes: true});
		%s;
	})`, then, act)
}

// dismissPopup closes the popup, and waits until it is gone.
func (b *tab) dismissPopup() {
	b.t.Helper()
	eval[any](b, `setTimeout(() => window.close()); null`)
	b.c.gone("popup.html")
}

func reportTimes(b *testing.B, took []float64) {
	slices.Sort(took)
	b.ReportMetric(0, "ns/op") // what the driver takes is in it
	b.ReportMetric(took[len(took)/2], "ms-p50")
	b.ReportMetric(took[len(took)*95/100], "ms-p95")
}

// heap returns the MiB of JavaScript that a page or a worker keeps once the
// garbage is collected.
func (b *tab) heap() float64 {
	b.t.Helper()
	var used float64
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			return err
		}
		usage, err := cdp.Call(ctx, t, runtime.GetHeapUsage, cdp.Empty{})
		used = usage.UsedSize / (1 << 20)
		return err
	}))
	return used
}

var pss = regexp.MustCompile(`(?m)^Pss: +(\d+) kB`)

// processMemory returns the MiB of the extension's process, whose share of what
// others use as well is divided (proportional set size).
func (c *chromium) processMemory() float64 {
	c.t.Helper()
	browser := chromedp.FromContext(c.ctx).Browser.Process().Pid
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		c.t.Fatal(err)
	}
	var total float64
	for _, line := range lines {
		words, err := os.ReadFile(line)
		if err != nil || !strings.Contains(string(words), "--extension-process") || !below(filepath.Dir(line), browser) {
			continue // of another browser, or gone
		}
		rollup, err := os.ReadFile(filepath.Join(filepath.Dir(line), "smaps_rollup"))
		if err != nil {
			c.t.Fatal(err)
		}
		kib, err := strconv.ParseFloat(pss.FindStringSubmatch(string(rollup))[1], 64)
		if err != nil {
			c.t.Fatal(err)
		}
		total += kib / 1024
	}
	return total
}

var parent = regexp.MustCompile(`(?m)^PPid:\s+(\d+)`)

// below reports whether a folder of /proc is of a process that this one has started.
func below(folder string, pid int) bool {
	status, err := os.ReadFile(filepath.Join(folder, "status"))
	if err != nil {
		return false
	}
	above, err := strconv.Atoi(parent.FindStringSubmatch(string(status))[1])
	return err == nil && above > 1 && (above == pid || below(fmt.Sprintf("/proc/%d", above), pid))
}

package extension

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/extensions"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// pageTime bounds everything that a page may take; deriving a key is among it.
const pageTime = 20 * time.Second

// chromium is a browser with a profile of its own and the extension in it.
type chromium struct {
	t       testing.TB
	ctx     context.Context
	stop    context.CancelFunc
	id      string // of the extension
	profile string
	seen    map[target.ID]bool // pages of the extension that were found already
}

// newChromium starts a browser whose extension has never been used.
func newChromium(t testing.TB) *chromium {
	t.Helper()
	c := startChromium(t, t.TempDir(), dist+"/chromium")
	t.Cleanup(c.close)
	return c
}

// startChromium starts a browser on a profile, with a build of the extension.
func startChromium(t testing.TB, profile, build string, more ...chromedp.ExecAllocatorOption) *chromium {
	t.Helper()
	c := startBare(t, profile, more...)
	loaded, err := chromedp.CallBrowser(c.ctx, extensions.LoadUnpacked, extensions.LoadUnpackedParams{Path: build})
	if err != nil {
		t.Fatalf("load the extension: %v", err)
	}
	c.id = loaded.ID
	return c
}

// startBare starts a browser on a profile, without the extension.
func startBare(t testing.TB, profile string, more ...chromedp.ExecAllocatorOption) *chromium {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.UserDataDir(profile),
		chromedp.Flag("headless", "new"), chromedp.Flag("disable-extensions", false), chromedp.Flag("accept-lang", "ja"),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("host-resolver-rules", "MAP *.evil.example 127.0.0.1"), chromedp.WindowSize(1280, 900))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	ctx, _ := chromedp.NewContext(allocator)
	c := &chromium{t: t, ctx: ctx, stop: stop, profile: profile, seen: make(map[target.ID]bool)}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return c
}

// close ends the browser as a person does, so that its files are whole.
func (c *chromium) close() {
	_ = chromedp.Cancel(c.ctx)
	c.stop()
}

// tab is the first tab of the browser.
func (c *chromium) tab() *tab { return &tab{c: c, t: c.t, ctx: c.ctx} }

// newTab opens another tab.
func (c *chromium) newTab() *tab {
	c.t.Helper()
	return c.attach()
}

func (c *chromium) attach(options ...chromedp.ContextOption) *tab {
	c.t.Helper()
	ctx, cancel := chromedp.NewContext(c.ctx, options...)
	c.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as the context of the first call
		c.t.Fatal(err)
	}
	return &tab{c: c, t: c.t, ctx: ctx}
}

// address is that of a page of the extension.
func (c *chromium) address(page string) string { return "chrome-extension://" + c.id + "/" + page }

// find waits for a target of this kind whose address begins so, and that was not
// found before.
func (c *chromium) find(kind, address string) *target.Info {
	c.t.Helper()
	deadline := time.Now().Add(pageTime)
	for {
		all, err := chromedp.Targets(c.ctx)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, found := range all {
			if found.Type == kind && strings.HasPrefix(found.URL, address) && !c.seen[found.TargetID] {
				c.seen[found.TargetID] = true
				return found
			}
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("no %s at %s", kind, address)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// shown is the page of the extension that has opened by itself.
func (c *chromium) shown(page string) *tab {
	c.t.Helper()
	found := c.find("page", c.address(page))
	return c.attach(chromedp.WithTargetID(found.TargetID))
}

// popup presses the button of the extension in the toolbar, while b is the tab.
func (b *tab) popup() *tab {
	b.t.Helper()
	shown := chromedp.FromContext(b.ctx).Target.TargetID
	tabs, err := chromedp.CallBrowser(b.c.ctx, target.GetTargets, target.GetTargetsParams{Filter: target.Filter{{Type: "tab"}}})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, info := range tabs.TargetInfos {
		if info.URL != b.address() {
			continue
		}
		if _, err := chromedp.CallBrowser(b.c.ctx, extensions.TriggerAction, extensions.TriggerActionParams{ID: b.c.id, TargetID: string(info.TargetID)}); err != nil {
			b.t.Fatalf("press the button of the toolbar: %v", err)
		}
		return b.c.shown("popup.html")
	}
	b.t.Fatalf("no tab of %s", shown)
	return nil
}

// endWorker ends the extension's service worker, as the browser does at its own
// discretion.
func (c *chromium) endWorker() {
	c.t.Helper()
	all, err := chromedp.Targets(c.ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, found := range all {
		if found.Type == "service_worker" && strings.HasPrefix(found.URL, c.address("")) {
			if _, err := chromedp.CallBrowser(c.ctx, target.CloseTarget, target.CloseTargetParams{TargetID: found.TargetID}); err != nil {
				c.t.Fatal(err)
			}
			return
		}
	}
	c.t.Fatal("no service worker is running")
}

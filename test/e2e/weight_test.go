package e2e

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/chromedp"
)

// weight is what a browser that was never here has to load for a page: bytes of
// HTML, of styles and of scripts, and of all three as they are sent: the last two
// are compressed.
type weight struct{ HTML, CSS, JS, Sent int }

func (w weight) sum() int { return w.HTML + w.CSS + w.JS }

// weights are those of the pages that [TestEveryPage] has seen, the heaviest state
// of each.
var weights struct {
	sync.Mutex
	all map[string]weight
}

var tokenInPath = regexp.MustCompile(`/[A-Za-z0-9_-]{43}$`)

// weigh notes the weight of the page that is open, if it is one of ours.
func (w *walk) weigh() {
	w.t.Helper()
	address := withoutQuery(w.address())
	path, ours := strings.CutPrefix(address, server.Base())
	if !ours {
		return
	}
	found := get(w.browser, chromedp.Evaluate[weight](`(async () => {
		const packed = async (text) => (await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer()).byteLength;
		const html = performance.getEntriesByType("navigation")[0].encodedBodySize;
		const sum = {HTML: html, CSS: 0, JS: 0, Sent: html};
		for (const e of document.querySelectorAll("link[rel=stylesheet], script[src]")) {
			const text = await (await fetch(e.href || e.src)).text();
			sum[e.href ? "CSS" : "JS"] += new Blob([text]).size;
			sum.Sent += await packed(text);
		}
		return sum;
	})()`, chromedp.EvalAwaitPromise))
	path = tokenInPath.ReplaceAllString(path, "/{token}")
	weights.Lock()
	defer weights.Unlock()
	if weights.all == nil {
		weights.all = make(map[string]weight)
	}
	if found.sum() > weights.all[path].sum() {
		weights.all[path] = found
	}
}

// printWeights prints the weights of all pages.
func printWeights(w io.Writer) {
	weights.Lock()
	defer weights.Unlock()
	fmt.Fprintf(w, "%-34s %7s %7s %7s %8s %8s\n", "page, first view, bytes", "HTML", "CSS", "JS", "all", "sent")
	for _, path := range slices.Sorted(maps.Keys(weights.all)) {
		one := weights.all[path]
		fmt.Fprintf(w, "%-34s %7d %7d %7d %8d %8d\n", path, one.HTML, one.CSS, one.JS, one.sum(), one.Sent)
	}
}

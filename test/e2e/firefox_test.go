package e2e

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"warifu/test/stage/firefox"
)

// TestHelpDeskInFirefox has callers in Firefox and the agent in Chromium: the page
// tells what becomes of the request, and comes to the QR code by itself with the
// focus on its heading, by the event stream, and by asking where a proxy lets none
// through; also when the machine sleeps while the agent approves, when there is no
// network then, and when another tab is in front. One who is refused is told so. U7.
func TestHelpDeskInFirefox(t *testing.T) {
	route := newRoute(t)
	proxy := route.Listener.Addr().(*net.TCPAddr)
	f := firefox.Start(t, firefox.Program, map[string]any{
		"network.proxy.type": 1, "network.proxy.http": proxy.IP.String(), "network.proxy.http_port": proxy.Port,
		"network.proxy.allow_hijacking_localhost": true,
	})
	waits := func(t *testing.T) (caller, *browser) {
		p, desk := nextPerson(), agent01(t, desktop)
		b := caller{t, f.In(t).NewPerson(server.Base() + "/mfa?lang=ja")}
		number := b.askDesk(p)
		b.live("ヘルプデスクの対応を待っています。")
		desk.openCase(p, number)
		b.live("ヘルプデスクが対応しています。")
		return b, desk
	}
	for name, streams := range map[string]bool{"event stream": true, "no event stream gets through": false} {
		t.Run(name, func(t *testing.T) {
			var took []time.Duration
			for range approvals() {
				route.begin(streams)
				b, desk := waits(t)
				desk.approve("初期化を承認")
				approved := time.Now()
				b.comesToCode()
				took = append(took, time.Since(approved))
				desk.open(desk.address())
				desk.shows("承認しました。相手の画面が次に進みました。")
				if through, asked := route.streams.Load(), route.asked.Load(); (through > 0) != streams || (asked > 0) == streams {
					t.Errorf("%d event streams got through, and the page has asked %d times", through, asked)
				}
			}
			slices.Sort(took)
			t.Logf("from the answer to the agent to the focus on the QR page, of %d: p50 %v, p95 %v", len(took), took[len(took)/2], took[len(took)*95/100])
		})
	}
	t.Run("asleep", func(t *testing.T) {
		route.begin(true)
		b, desk := waits(t)
		f.In(t).Sleep()
		desk.approve("初期化を承認")
		f.In(t).Wake()
		b.comesToCode()
	})
	t.Run("nothing gets through", func(t *testing.T) {
		route.begin(true)
		b, desk := waits(t)
		route.lose()
		b.live("通信が切れました。再接続しています。受付はそのまま残っています。")
		desk.approve("初期化を承認")
		route.begin(true)
		b.comesToCode()
	})
	t.Run("another tab is in front", func(t *testing.T) {
		route.begin(true)
		b, desk := waits(t)
		f.In(t).NewPerson("about:blank")
		b.Until(`document.visibilityState === "hidden"`)
		desk.approve("初期化を承認")
		b.comesToCode()
	})
	t.Run("refused", func(t *testing.T) {
		route.begin(true)
		b, desk := waits(t)
		desk.identify()
		desk.press("承認しない")
		desk.press("承認しない")
		b.live("本人確認ができなかったため、受付を終了しました。")
		b.Until(`document.title.startsWith("■ ")`)
		b.Shows("もう一度手続きする")
	})
}

// approvals are how many are timed: one, or as many as a p95 wants.
func approvals() int {
	if os.Getenv("E2E_EFFORT") != "" {
		return 20
	}
	return 1
}

// caller is a person's tab in Firefox.
type caller struct {
	t *testing.T
	*firefox.Tab
}

// askDesk goes from the setting page to the page that waits for the help desk, and
// returns the number to be read out.
func (c caller) askDesk(p person) (number string) {
	c.t.Helper()
	c.Follow("ワンタイムパスワード（TOTP）の初期設定がお済みでない方はこちら")
	c.Fill("input[autocomplete~=username]", p.ID)
	c.Fill("input[autocomplete=current-password]", password)
	c.Follow("ログイン")
	c.Follow("メールを受け取れない方（ヘルプデスクで手続き）")
	c.Follow("初期化")
	c.Shows("ヘルプデスク宛てに送信しました。")
	return c.Eval(`document.querySelector(".readout").textContent.replace(/\s/g, "")`)
}

// comesToCode waits until the page has moved on to the QR code by itself, with the
// focus on its heading.
func (c caller) comesToCode() {
	c.t.Helper()
	c.Until(`location.pathname === "/enrol" && document.activeElement === document.querySelector("h1")`)
}

// live waits until the page says what has become of the request.
func (c caller) live(text string) {
	c.t.Helper()
	c.Until(`document.getElementById("live").textContent === %q`, text)
}

// route is a proxy of Firefox's, which lets event streams through or not.
type route struct {
	*httptest.Server
	open    atomic.Bool
	lost    atomic.Bool
	streams atomic.Int64 // that got through
	asked   atomic.Int64 // questions for the state
}

func newRoute(t *testing.T) *route {
	t.Helper()
	w := &route{}
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

// begin says whether event streams get through from now on.
func (w *route) begin(streams bool) {
	w.lost.Store(false)
	w.open.Store(streams)
	w.streams.Store(0)
	w.asked.Store(0)
}

// lose breaks what is under way, and lets nothing through until the next beginning.
func (w *route) lose() {
	w.lost.Store(true)
	w.CloseClientConnections()
}

func (w *route) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	switch {
	case w.lost.Load():
		panic(http.ErrAbortHandler) // the connection ends without an answer
	case strings.HasPrefix(r.URL.Path, "/wait/state"):
		w.asked.Add(1)
	case strings.HasPrefix(r.URL.Path, "/wait/events") && w.open.Load():
		w.streams.Add(1)
	case strings.HasPrefix(r.URL.Path, "/wait/events"):
		answer.WriteHeader(http.StatusBadGateway)
		return
	}
	(&httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}).ServeHTTP(answer, r)
}

package e2e

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"warifu/test/stage/firefox"
)

// TestHelpDeskInFirefox has callers in Firefox and the agent in Chromium: the page
// tells what becomes of the request, and comes to the QR code by itself with the
// focus on its heading, by the event stream, and by asking where a proxy lets none
// through. One who is refused is told so. U7.
func TestHelpDeskInFirefox(t *testing.T) {
	route := newRoute(t)
	proxy := route.Listener.Addr().(*net.TCPAddr)
	f := firefox.Start(t, firefox.Program, map[string]any{
		"network.proxy.type": 1, "network.proxy.http": proxy.IP.String(), "network.proxy.http_port": proxy.Port,
		"network.proxy.allow_hijacking_localhost": true,
	})
	for _, story := range []struct {
		name    string
		streams bool
	}{{"event stream", true}, {"no event stream gets through", false}} {
		t.Run(story.name, func(t *testing.T) {
			route.begin(story.streams)
			p, desk := nextPerson(), agent01(t, desktop)
			b := caller{t, f.In(t).NewPerson(server.Base() + "/mfa?lang=ja")}
			number := b.askDesk(p)
			b.live("ヘルプデスクの対応を待っています。")
			desk.openCase(p, number)
			b.live("ヘルプデスクが対応しています。")
			desk.approve("初期化を承認")
			approved := time.Now()
			b.Until(`location.pathname === "/enrol" && document.activeElement === document.querySelector("h1")`)
			t.Logf("from the answer to the agent to the focus on the QR page: %d ms", time.Since(approved).Milliseconds())
			desk.open(desk.address())
			desk.shows("承認しました。相手の画面が次に進みました。")
			if streams, asked := route.streams.Load(), route.asked.Load(); (streams > 0) != story.streams || (asked > 0) == story.streams {
				t.Errorf("%d event streams got through, and the page has asked %d times", streams, asked)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		route.begin(true)
		p, desk := nextPerson(), agent01(t, desktop)
		b := caller{t, f.In(t).NewPerson(server.Base() + "/mfa?lang=ja")}
		desk.openCase(p, b.askDesk(p))
		desk.identify()
		desk.press("承認しない")
		desk.press("承認しない")
		b.live("本人確認ができなかったため、受付を終了しました。")
		b.Until(`document.title.startsWith("■ ")`)
		b.Shows("もう一度手続きする")
	})
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

// live waits until the page says what has become of the request.
func (c caller) live(text string) {
	c.t.Helper()
	c.Until(`document.getElementById("live").textContent === %q`, text)
}

// route is a proxy of Firefox's, which lets event streams through or not.
type route struct {
	*httptest.Server
	open    atomic.Bool
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
	w.open.Store(streams)
	w.streams.Store(0)
	w.asked.Store(0)
}

func (w *route) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	switch {
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

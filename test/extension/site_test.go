package extension

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestLookAlike hides the codes on a site that looks like the registered one, and
// shows them on demand.
func TestLookAlike(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	password := `<input type="password">`
	port := pages(t, map[string]string{"": codeField, "asks": password, "reads": "<p>news</p>"})
	b := c.tab()
	b.open("http://127.0.0.1" + port + "/")
	b.popup().press("http://127.0.0.1" + port + " に結び付ける")
	b.open("http://127.0.0.1.evil.example" + port + "/")
	popup := b.popup()
	popup.shows("登録されたサイトではありません。")
	popup.hides(grouped(held.Code(t, time.Now())))
	popup.picture("not the site")
	popup.press("それでも表示")
	popup.shows(grouped(held.Code(t, time.Now())))
	popup.hides("このページに入力")
	for path, title := range map[string]string{"reads": "Example", "asks": "Another"} {
		b.open("http://news.evil.example" + port + "/" + path)
		eval[any](b, `document.title = %q; null`, title)
		popup := b.popup()
		popup.shows(grouped(held.Code(t, time.Now())))
		popup.hides("登録されたサイトではありません。")
	}
	b.open("http://news.evil.example" + port + "/asks")
	eval[any](b, `document.title = "Welcome to EXAMPLE"; null`)
	b.popup().shows("登録されたサイトではありません。")
}

// TestClock tells by how much this device's clock is off, corrects the codes of
// that site alone, and drops the correction when a later page shows that the clock
// is right.
func TestClock(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.hold(uri(held))
	elsewhere := nextPerson()
	b.takeText(uri(elsewhere))
	b.press("OK")
	var ahead atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><title>Page</title><meta name="server-time" content="%d">`, time.Now().UnixMilli()+ahead.Load())
	}))
	t.Cleanup(s.Close)
	site := "http://localhost" + s.URL[strings.LastIndex(s.URL, ":"):]
	visit := func(drift time.Duration) *tab {
		b := c.newTab()
		ahead.Store(drift.Milliseconds())
		b.open(site)
		return b.popup()
	}
	visit(0).press(site + " に結び付ける") // the first of the two

	popup := visit(3 * time.Second)
	popup.shows("残り")
	popup.hides("時計")
	popup = visit(-7 * time.Second)
	popup.shows("このサイトのコードを補正する")
	popup.hides("進んでいます")
	popup = visit(-time.Minute)
	popup.shows("この端末の時計が 60 秒進んでいます。")
	popup = visit(time.Hour)
	popup.shows("この端末の時計が 3600 秒遅れています。")
	popup.picture("clock")
	popup.press("このサイトのコードを補正する")
	popup.shows("このサイトのコードを 3600 秒補正しています。")
	popup.shows(grouped(held.Code(t, time.Now().Add(time.Hour))))
	popup.shows(grouped(elsewhere.Code(t, time.Now())))
	popup = visit(2 * time.Second)
	popup.shows(grouped(held.Code(t, time.Now())))
	popup.hides("補正")
}

// TestKeyboard goes the whole way by keys alone: into the popup, to the code, which
// is copied without its gap.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	b := c.tab()
	b.open("http://localhost" + pages(t, map[string]string{"": ""}) + "/")
	popup := b.popup()
	popup.shows(grouped(held.Code(t, time.Now())))
	for range 10 {
		if eval[bool](popup, `document.activeElement.classList.contains("copy")`) {
			break
		}
		popup.tabKey()
	}
	popup.until(`document.activeElement.matches(".copy:focus-visible")`)
	eval[any](popup, `navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }; null`)
	popup.enter()
	popup.shows("コピーしました")
	if copied := eval[string](popup, `copied`); copied != held.Code(t, time.Now()) {
		t.Errorf("copied is %q", copied)
	}
}

// TestCounter shows the code of a counter only once the next one is stored.
func TestCounter(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold("otpauth://hotp/Counter?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&counter=1") // RFC 4226, appendix D
	b := c.newTab()
	for _, code := range []string{"287 082", "359 152", "969 429"} {
		b.open(c.address("popup.html"))
		b.shows("Counter")
		b.hides(code)
		b.press("次へ")
		b.shows(code)
	}
}

// TestSearch appears from eight accounts on.
func TestSearch(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.hold(uri(held))
	all := ""
	for n := range 7 {
		p := nextPerson()
		p.ID = fmt.Sprintf("person%d", n)
		all += uri(p) + "\n"
	}
	popup := c.newTab()
	popup.open(c.address("popup.html"))
	popup.shows("hanako")
	popup.hides("検索")
	b.takeText(all)
	b.shows("追加 7、置き換え 0、同じ 0、失敗 0")
	popup.shows("検索")
	popup.fill("#search", "ＰＥＲＳＯＮ3")
	popup.until(`document.querySelectorAll("#accounts > li").length === 1`)
	popup.shows("person3")
	popup.fill("#search", "nobody")
	popup.shows("一致するアカウントはありません。")
}

package extension

import (
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"warifu/test/stage"
)

// agent is the help desk's, in a browser session of his own.
var agent = stage.Person{ID: "agent01", Secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}

// TestInitialisedByHelpDesk is the whole way of a person whose account was
// initialised by telephone: the page that waits goes to the QR code by itself, the
// account is handed over, and takes the place of the old one.
func TestInitialisedByHelpDesk(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	caller := stage.Person{ID: "sps00002", Secret: "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"}
	c.hold("otpauth://totp/Miyako%20Login:" + caller.ID + "?secret=" + caller.Secret + "&issuer=Miyako%20Login")
	b := c.tab()
	b.initialised(c.attach(chromedp.WithNewBrowserContext()), caller)
	b.press("このブラウザの Authenticator に追加")
	confirm := c.shown("confirm.html")
	confirm.press("追加する")
	confirm.shows("同じアカウントがあります。置き換えますか？")
	if first := eval[string](confirm, `document.activeElement.textContent`); first != "置き換える" {
		t.Errorf("the first choice is %s", first)
	}
	confirm.press("置き換える")
	confirm.shows("追加されました。")
	confirm.dismiss("OK")
	b.follow("登録")
	b.until(`document.activeElement.textContent.trim() === "確認"`)
	b.follow("確認")
	b.shows("ワンタイムパスワード認証の設定が完了しました。")
	if names := c.accounts(); names != "Miyako Login "+caller.ID {
		t.Errorf("the accounts are %s", names)
	}
}

// TestInitialisedAndScanned is the same way with the scan in place of the hand-over.
func TestInitialisedAndScanned(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	caller := nextPerson()
	c.hold("otpauth://totp/Miyako%20Login:" + caller.ID + "?secret=" + caller.Secret + "&issuer=Miyako%20Login")
	b := c.tab()
	b.initialised(c.attach(chromedp.WithNewBrowserContext()), caller)
	popup := b.popup()
	popup.press("QRコード読み取り")
	popup.press("置き換える")
	popup.press("OK")
	b.follow("登録")
	again := b.popup()
	again.press("このページに入力")
	again.shows("入力しました。")
	b.follow("確認")
	b.shows("ワンタイムパスワード認証の設定が完了しました。")
}

// initialised telephones the help desk, whose agent approves at his own browser;
// the caller's page comes to the QR code by itself.
func (b *tab) initialised(desk *tab, caller stage.Person) {
	b.t.Helper()
	b.open(server.Base() + "/mfa?lang=ja")
	b.follow("ワンタイムパスワード（TOTP）の初期設定がお済みでない方はこちら")
	b.fill("input[autocomplete~=username]", caller.ID)
	b.fill("input[autocomplete=current-password]", stage.Password)
	b.follow("ログイン")
	if eval[bool](b, `document.body.innerText.includes("メールを受け取れない方")`) {
		b.follow("メールを受け取れない方（ヘルプデスクで手続き）")
	}
	b.follow("初期化")
	number := eval[string](b, `document.querySelector(".readout").textContent.replace(/\s/g, "")`)

	desk.open(server.Base() + "/login?lang=ja")
	desk.fill("input[autocomplete~=username]", agent.ID)
	desk.fill("input[autocomplete=current-password]", stage.Password)
	desk.follow("ログイン")
	desk.fill("input[autocomplete=one-time-code]", agentCode(desk.t))
	desk.follow("ログイン")
	desk.open(server.Base() + "/desk")
	desk.fill("#id", caller.ID)
	desk.fill("#number", number)
	desk.follow("開く")
	eval[any](desk, `document.querySelector("[name=check_callback][value=yes]").click(); null`)
	desk.fill("#reason", "登録番号へ折り返し、学生証を確認した")
	desk.follow("初期化を承認")
	desk.follow("初期化を承認")
	b.until(`location.pathname === "/enrol" && document.getElementById("handover") !== null`)
}

// agentCode is one that the agent has not used: the sign-on takes each once.
var agentCode = func() func(t testing.TB) string {
	var mu sync.Mutex
	var last time.Time
	return func(t testing.TB) string {
		mu.Lock()
		defer mu.Unlock()
		at := time.Now().Add(-30 * time.Second)
		if next := last.Add(30 * time.Second); next.After(at) {
			at = next
		}
		last = at
		return agent.Code(t, at)
	}
}()

package extension

import (
	"testing"
	"time"

	"warifu/test/stage"
	"warifu/test/stage/firefox"
)

const (
	geckoUUID      = "11111111-2222-4333-8444-555555555555"
	geckoAddresses = `{"authenticator@warifu.example":"` + geckoUUID + `"}` // so that the pages have known ones
)

// newFirefox starts a browser with a build of the extension.
func newFirefox(t *testing.T, build string) *firefox.Browser {
	t.Helper()
	f := firefox.Start(t, firefox.Program, map[string]any{"extensions.webextensions.uuids": geckoAddresses})
	f.Call("webExtension.install", map[string]any{"extensionData": map[string]any{"type": "path", "path": dist + "/" + build}}, nil)
	return f
}

// inFirefox is the address of a page of the extension.
func inFirefox(page string) string { return "moz-extension://" + geckoUUID + "/" + page }

// TestFirefox is the story in Firefox: installed, an account handed over and
// another scanned, the file of Chromium imported, and all of it locked.
func TestFirefox(t *testing.T) {
	t.Parallel()
	file := newChromium(t).exportedFile(t.TempDir())
	f := newFirefox(t, "firefox-test")
	p := nextPerson()
	b := f.NewTab("tab", server.Base()+"/login?lang=ja")
	b.Fill("input[autocomplete~=username]", p.ID)
	b.Fill("input[autocomplete=current-password]", stage.Password)
	b.Press("ログイン")
	b.Fill("input[autocomplete=one-time-code]", p.Code(t, time.Now()))
	b.Press("ログイン")
	b.Until(`location.pathname === "/home"`)
	b.Open(server.Base() + "/account/authenticators")
	b.Press("Authenticator を追加")
	b.Press("このブラウザの Authenticator に追加")
	confirm := f.Shown(inFirefox("confirm.html"))
	confirm.Shows("アカウントを保護します")
	confirm.Fill("#new", passphrase)
	confirm.Fill("#again", passphrase)
	confirm.Press("パスフレーズを設定")
	confirm.Shows(server.Base())
	confirm.Press("追加する")
	confirm.Shows("追加されました。")
	confirm.Dismiss("OK")
	b.Until(`document.activeElement.textContent.trim() === "登録"`)
	b.Press("登録")
	b.Until(`document.activeElement.textContent.trim() === "確認"`)
	b.Press("確認")
	b.Shows("ワンタイムパスワード認証の設定が完了しました。")

	scanned := nextPerson()
	b.Open("http://localhost" + pages(t, map[string]string{"": drawn(t, uri(scanned), 240, "#000", "#fff")}) + "/")
	popup := f.NewTab("window", inFirefox("popup.html"))
	shown := popup.Eval(`chrome.tabs.query({}).then((all) => all.find(({url}) => url?.startsWith("http://localhost")).windowId)`)
	popup.Open(inFirefox("popup.html?window=" + shown))
	popup.Press("QRコード読み取り")
	popup.Shows("Example（" + scanned.ID + "） 追加されました。")
	popup.Press("OK")
	popup.Shows(grouped(scanned.Code(t, time.Now())))

	manage := f.NewTab("tab", inFirefox("manage.html#add"))
	manage.ChooseFile("#files", file)
	manage.Fill("#file-passphrase", "another passphrase")
	manage.Press("開く")
	manage.Shows("追加 1、置き換え 0、同じ 0、失敗 0")
	popup.Shows(grouped(held.Code(t, time.Now())))
	manage.Press("ロック")
	manage.Shows("ロックされています")
	popup.Shows("ロックされています")
	popup.Fill("#passphrase", passphrase)
	popup.Press("ロックを解除")
	popup.Shows(grouped(held.Code(t, time.Now())))
}

package extension

import (
	"testing"
	"time"

	"warifu/test/stage"
)

// signIn signs a person in at the sign-on.
func (b *tab) signIn(p stage.Person) {
	b.t.Helper()
	b.open(server.Base() + "/login?lang=ja")
	b.fill("input[autocomplete~=username]", p.ID)
	b.fill("input[autocomplete=current-password]", stage.Password)
	b.follow("ログイン")
	b.fill("input[autocomplete=one-time-code]", p.Code(b.t, time.Now()))
	b.follow("ログイン")
}

// enrol opens the QR code of one more Authenticator of a person, and returns its secret.
func (b *tab) enrol() (secret string) {
	b.t.Helper()
	b.signIn(nextPerson())
	b.open(server.Base() + "/account/authenticators")
	b.follow("Authenticator を追加")
	return eval[string](b, `new URL(document.getElementById("otpauth").href).searchParams.get("secret")`)
}

// TestHandOver is the first story: with the extension never used before, the
// button of the page leads to the choice of a passphrase, the account and its
// site, 「… 追加されました。」, and the code in the field of the next page.
func TestHandOver(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.tab()
	secret := b.enrol()
	b.press("このブラウザの Authenticator に追加")
	confirm := c.shown("confirm.html")
	confirm.choosePassphrase("correct horse")
	confirm.shows(server.Base())
	confirm.press("追加する")
	confirm.shows("追加されました。")
	confirm.shows(grouped(stage.Person{Secret: secret}.Code(t, time.Now())))
	confirm.dismiss("OK")
	b.shows("追加されました。")
	b.until(`document.activeElement.textContent.trim() === "登録"`)
	b.follow("登録")
	b.until(`document.activeElement.textContent.trim() === "確認"`)
	b.follow("確認")
	b.shows("ワンタイムパスワード認証の設定が完了しました。")
}

// choosePassphrase answers the question that comes before the first account.
func (b *tab) choosePassphrase(passphrase string) {
	b.t.Helper()
	b.shows("アカウントを保護します")
	b.fill("#new", passphrase)
	b.fill("#again", passphrase)
	b.press("パスフレーズを設定")
}

// grouped is a code as the extension shows it.
func grouped(code string) string { return code[:3] + " " + code[3:] }

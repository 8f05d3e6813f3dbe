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

// TestHandOverOfTheSameName hands over accounts whose name and issuer are here
// already, with another key: replaced, kept beside the old one, or left, as the
// person chooses. What stands first is to replace it, unless it is one more
// Authenticator. With the same key there is nothing to choose.
func TestHandOverOfTheSameName(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.manage("add")
	b.press("ロックしない")
	b.takeText(uri(held) + "\n" + uri(stage.Person{ID: "taro", Secret: nextPerson().Secret}))
	b.shows("追加 2、置き換え 0、同じ 0、失敗 0")
	page := c.speaking()
	handOver := func(p stage.Person, reason string) (nonce string, confirm *tab) {
		t.Helper()
		nonce = eval[string](page, `ask("enrol", {uri: %q, reason: %q})`, uri(p), reason)
		confirm = c.shown("confirm.html")
		confirm.press("追加する")
		return nonce, confirm
	}
	offersFirst := func(confirm *tab, words string) {
		t.Helper()
		confirm.shows("同じアカウントがあります。置き換えますか？")
		if first := eval[string](confirm, `document.activeElement.textContent`); first != words {
			t.Errorf("the first choice is %s, want %s", first, words)
		}
	}
	told := func(nonce string, p stage.Person) {
		t.Helper()
		page.answered(nonce, "")
		if code := eval[string](page, `answers[%q].code`, nonce); code != p.Code(t, time.Now()) {
			t.Errorf("the page is told %s", code)
		}
	}
	has := func(want string) {
		t.Helper()
		if names := c.accounts(); names != want {
			t.Errorf("the accounts are %s, want %s", names, want)
		}
	}

	hanako := stage.Person{ID: "hanako", Secret: nextPerson().Secret}
	nonce, confirm := handOver(hanako, "first")
	offersFirst(confirm, "置き換える")
	confirm.dismiss("キャンセル")
	page.answered(nonce, "declined")
	has("Example hanako,Example taro")

	nonce, confirm = handOver(hanako, "initialised")
	offersFirst(confirm, "置き換える")
	confirm.press("置き換える")
	told(nonce, hanako)
	confirm.dismiss("OK")
	b = c.newTab()
	b.open(c.address("popup.html"))
	b.shows(grouped(hanako.Code(t, time.Now())))
	b.hides(grouped(held.Code(t, time.Now())))
	b = c.manage("accounts")
	b.shows("Example（hanako） を戻す")

	taro := stage.Person{ID: "taro", Secret: nextPerson().Secret}
	nonce, confirm = handOver(taro, "added")
	offersFirst(confirm, "両方残す")
	confirm.press("両方残す")
	told(nonce, taro)
	confirm.dismiss("OK")
	nonce, confirm = handOver(taro, "added")
	confirm.shows("Example（taro） は登録済みです。")
	told(nonce, taro)
	has("Example hanako,Example taro,Example taro")
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

package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// enrol sets up an Authenticator from the QR code on, and returns its secret.
func (b *browser) enrol() (secret string) {
	b.t.Helper()
	b.at(server.base() + "/enrol?flow=")
	secret = get(b, chromedp.Evaluate[string](`new URL(document.querySelector("a[href^='otpauth:']").href).searchParams.get("secret")`))
	b.press(words(b.lang, "登録", "Register (登録)"))
	b.at(server.base() + "/enrol/verify")
	b.fill("one-time-code", person{secret: secret}.code(b.t, time.Now()))
	b.press(words(b.lang, "確認", "Confirm (確認)"))
	b.at(server.base() + "/enrol/done")
	b.shows(words(b.lang, "ワンタイムパスワード認証の設定が完了しました。", "The setup of one-time password authentication is complete. (ワンタイムパスワード認証の設定が完了しました。)"))
	return secret
}

// TestFirstSetup: a person without a second factor sets it up on the way to a
// service, and reaches the service with the next code. ENR-1, ENR-4.
func TestFirstSetup(t *testing.T) {
	b, p := newBrowser(t, desktop), newcomer
	b.openIn("/accessibility") // keeps the language
	b.open(server.service() + "/login")
	b.fill("username", p.id)
	b.fill("current-password", password)
	b.press("ログイン")
	p.secret = b.enrol()
	b.press("学務情報システム（実演） に戻る")
	b.fill("username", p.id)
	b.fill("current-password", password)
	b.press("ログイン")
	b.fill("one-time-code", p.code(t, time.Now().Add(30*time.Second)))
	b.press("ログイン")
	b.at(server.service())
	if claims := b.claims(); claims["acr"] != "https://refeds.org/profile/mfa" {
		t.Errorf("the service knows %v", claims)
	}
}

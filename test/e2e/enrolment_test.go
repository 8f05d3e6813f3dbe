package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// enrol sets up an Authenticator from the QR code on, and returns its secret.
func (b *browser) enrol() (secret string) {
	b.t.Helper()
	b.at(server.Base() + "/enrol?flow=")
	before := b.effort
	secret = get(b, chromedp.Evaluate[string](`new URL(document.querySelector("a[href^='otpauth:']").href).searchParams.get("secret")`))
	b.press(words(b.lang, "登録", "Register (登録)"))
	b.at(server.Base() + "/enrol/verify")
	b.fill("one-time-code", person{Secret: secret}.Code(b.t, time.Now()))
	b.press(words(b.lang, "確認", "Confirm (確認)"))
	b.at(server.Base() + "/enrol/done")
	b.went("enrolment, once the QR code is shown", "U5: 2 presses, 1 field", before, effort{presses: 2})
	b.shows(words(b.lang, "ワンタイムパスワード認証の設定が完了しました。", "The setup of one-time password authentication is complete. (ワンタイムパスワード認証の設定が完了しました。)"))
	return secret
}

// TestFirstSetup: a person without a second factor sets it up on the way to a
// service, and reaches the service with the next code. ENR-1, ENR-4.
func TestFirstSetup(t *testing.T) {
	b, p := newBrowser(t, desktop), newcomer
	b.openIn("/accessibility") // keeps the language
	b.open(server.Service() + "/login")
	before := b.effort
	b.fill("username", p.ID)
	b.fill("current-password", password)
	b.press("ログイン")
	p.Secret = b.enrol()
	b.press("学務情報システム（実演） に戻る")
	b.fill("username", p.ID)
	b.fill("current-password", password)
	b.press("ログイン")
	b.fill("one-time-code", p.Code(t, time.Now().Add(30*time.Second)))
	b.press("ログイン")
	b.at(server.Service())
	b.went("first set-up on the way to a service, and into it", "", before, effort{})
	if claims := b.claims(); claims["acr"] != "https://refeds.org/profile/mfa" {
		t.Errorf("the service knows %v", claims)
	}
}

// TestHandOver hands the key to an extension: a stand-in that speaks its protocol
// (authenticator.md part 2) from the page itself. The code that it returns fills
// the field of the next page.
func TestHandOver(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	path := b.askInitialisation(p)
	b.open(server.Base() + path)
	b.fill("current-password", password)
	b.press("ログイン")
	b.press("続けて登録する")
	if get(b, chromedp.Evaluate[bool](`document.getElementById("handover").hidden`)) != true {
		t.Error("a button without an extension")
	}
	secret := get(b, chromedp.Evaluate[string](`new URL(document.querySelector("a[href^='otpauth:']").href).searchParams.get("secret")`))
	code := person{Secret: secret}.Code(t, time.Now())
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
			addEventListener("message", (event) => {
				const m = event.data;
				if (m?.to !== "warifu-authenticator") return;
				const answer = { v: 1, n: m.n, from: "warifu-authenticator", ok: true };
				if (m.op === "hello") answer.version = "1";
				if (m.op === "enrol") {
					document.documentElement.dataset.asked = m.reason + " " + m.uri;
					answer.code = "` + code + `";
					answer.validUntil = Date.now() + 30000;
				}
				postMessage(answer, location.origin);
			});`})
		return err
	}))
	b.do(chromedp.Reload())
	get(b, chromedp.Poll[bool](`!document.getElementById("handover").hidden`))
	b.picture("hand-over")
	b.do(chromedp.Click(chromedp.CSS("#handover button")))
	get(b, chromedp.Poll[bool](`document.activeElement.textContent.trim() === "登録"`))
	b.shows("Miyako Login（" + p.ID + "） 追加されました。")
	if asked := get(b, chromedp.Evaluate[string](`document.documentElement.dataset.asked`)); !strings.HasPrefix(asked, "initialised otpauth://totp/Miyako%20Login:"+p.ID+"?secret="+secret) {
		t.Errorf("the extension was given %q", asked)
	}
	b.press("登録")
	get(b, chromedp.Poll[bool](`document.activeElement.textContent.trim() === "確認"`))
	b.press("確認")
	b.at(server.Base() + "/enrol/done")
}

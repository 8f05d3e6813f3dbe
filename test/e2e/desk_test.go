package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const staffSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

// atDesk signs an agent in, once for all stories: they share his browser, each in
// a tab of its own.
func atDesk(id string) func(t *testing.T, l look) *browser {
	var mu sync.Mutex
	var first *browser
	return func(t *testing.T, l look) *browser {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first, _ = newLastingBrowser(t, desktop)
			first.openIn("/login")
			first.signIn(person{id, staffSecret}, time.Now())
			first.at(server.base() + "/home")
		}
		return first.tabFor(t, l)
	}
}

var (
	agent01 = atDesk("agent01")
	agent02 = atDesk("agent02")
	admin01 = atDesk("admin01")
)

// askDesk goes from the setting page to the page that waits for the help desk,
// of a person whose mail does not help.
func (b *browser) askDesk(p person) {
	b.t.Helper()
	b.openIn("/mfa")
	b.press(words(b.lang, "ワンタイムパスワード（TOTP）の初期設定がお済みでない方はこちら", "Click here if you have not initialized your one-time password (TOTP) yet."))
	b.giveID(p)
	b.press(words(b.lang, "メールを受け取れない方（ヘルプデスクで手続き）", "If no email arrives (help desk)"))
	b.shows("075-000-0000") // before anything is sent
	b.picture("reset desk " + b.lang)
	b.press(words(b.lang, "初期化", "Initialize (初期化)"))
	b.shows(words(b.lang, "ヘルプデスク宛てに送信しました。", "Your request has been sent to the help desk. (ヘルプデスク宛てに送信しました。)"))
}

// readOut is the number that a page shows for reading out.
func (b *browser) readOut() string {
	b.t.Helper()
	return strings.Join(strings.Fields(get(b, chromedp.Evaluate[string](`document.querySelector(".readout")?.innerText ?? ""`))), "")
}

// fillLabelled types into the field with a label.
func (b *browser) fillLabelled(id, text string) {
	b.t.Helper()
	get(b, chromedp.Evaluate[bool](`document.getElementById("`+id+`").focus(); document.activeElement.select?.(); true`))
	b.typed(text)
}

// openCase types what the caller says.
func (b *browser) openCase(p person, number string) {
	b.t.Helper()
	b.openIn("/desk")
	b.picture("desk board " + b.lang)
	b.fillLabelled("id", p.id)
	b.fillLabelled("number", number)
	b.press(words(b.lang, "開く", "Open"))
	b.shows(p.id)
}

// identify marks that the call back matched, and writes the reason.
func (b *browser) identify() {
	b.t.Helper()
	get(b, chromedp.Evaluate[bool](`document.querySelector("[name=check_callback][value=yes]").click(); true`))
	b.fillLabelled("reason", "登録番号へ折り返し、学生証を確認した")
}

// approve presses the button of the case's page and that of the confirmation.
func (b *browser) approve(button string) {
	b.t.Helper()
	b.identify()
	b.press(button)
	b.picture("desk confirm " + b.lang)
	b.press(button)
}

// live waits until the page says what has become of the request.
func (b *browser) live(text string) {
	b.t.Helper()
	get(b, chromedp.Poll[bool](fmt.Sprintf(`document.getElementById("live").textContent === %q`, text)))
}

// TestHelpDeskInitialization is one telephone call: the caller keeps the page
// open, and the QR code appears by itself, or, without script, at a press.
// U6, U7, HD-9, HD-10.
func TestHelpDeskInitialization(t *testing.T) {
	for _, story := range []struct{ caller, agent look }{
		{desktop, desktop},
		{look{lang: "en", width: 320}, look{lang: "en", width: 1280}},
		{look{lang: "ja", width: 320, noScript: true}, look{lang: "ja", width: 1280, noScript: true}},
	} {
		t.Run(story.caller.String(), func(t *testing.T) {
			b, p, desk := newBrowser(t, story.caller), nextPerson(), agent01(t, story.agent)
			b.askDesk(p)
			number := b.readOut()
			if len(number) != 4 {
				t.Fatalf("no comparison number on %s", b.text())
			}
			b.picture("wait " + story.caller.String())
			desk.openCase(p, number)
			desk.picture("desk case " + story.agent.String())
			if !story.caller.noScript {
				b.live(words(b.lang, "ヘルプデスクが対応しています。", "The help desk is working on your request."))
			}
			desk.approve(words(desk.lang, "初期化を承認", "Approve the initialization"))
			if story.caller.noScript {
				b.press("今すぐ確認する")
			}
			b.comesTo(server.base() + "/enrol")
			b.picture("enrol by desk " + story.caller.String())
			p.secret = b.enrol()
			desk.openIn(strings.TrimPrefix(desk.address(), server.base()))
			desk.shows(words(desk.lang, "承認しました。相手の画面が次に進みました。", "Approved. The caller’s screen has moved on."))
			desk.picture("desk approved " + story.agent.String())
			b.press(words(b.lang, "ログインする", "Log in"))
			b.signIn(p, time.Now().Add(30*time.Second))
			b.at(server.base() + "/home")
		})
	}
}

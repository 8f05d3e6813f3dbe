package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
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
			first.signIn(person{ID: id, Secret: staffSecret}, time.Now())
			first.at(server.Base() + "/home")
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
	b.fillLabelled("id", p.ID)
	b.fillLabelled("number", number)
	b.press(words(b.lang, "開く", "Open"))
	b.shows(p.ID)
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
	b.decide(button)
	b.picture("desk confirm " + b.lang)
	b.press(button)
}

// decide presses the button of an approval. Whose second factor is older than
// five minutes gives it once more, and comes to the confirmation from there.
func (b *browser) decide(button string) {
	b.t.Helper()
	b.press(button)
	b.proved()
}

func (b *browser) proved() {
	b.t.Helper()
	if !strings.HasPrefix(b.address(), server.Base()+"/login/totp") {
		return
	}
	b.fill("one-time-code", person{Secret: staffSecret}.Code(b.t, time.Now()))
	b.press(words(b.lang, "ログイン", "Login"))
}

// status is what the page says of the request.
func (b *browser) status() string {
	b.t.Helper()
	return get(b, chromedp.Evaluate[string](`document.getElementById("live").textContent`))
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
			before := b.sofar()
			b.askDesk(p)
			number := b.readOut()
			if len(number) != 4 {
				t.Fatalf("no comparison number on %s", b.text())
			}
			b.picture("wait " + story.caller.String())
			work := desk.sofar()
			desk.openCase(p, number)
			desk.picture("desk case " + story.agent.String())
			if !story.caller.noScript {
				b.live(words(b.lang, "ヘルプデスクが対応しています。", "The help desk is working on your request."))
			}
			desk.approve(words(desk.lang, "初期化を承認", "Approve the initialization"))
			desk.went("the agent's part of it, items marked besides", "", work, effort{})
			if story.caller.noScript {
				b.press("今すぐ確認する")
			}
			b.comesTo(server.Base() + "/enrol")
			b.went("initialization by the help desk, from /mfa to the QR code", "", before, effort{})
			b.picture("enrol by desk " + story.caller.String())
			p.Secret = b.enrol()
			if !story.agent.noScript {
				get(desk, chromedp.Poll[bool](fmt.Sprintf(`document.querySelector("#caller [role=status]").textContent === %q`, words(desk.lang, "相手の設定が完了しました。", "The caller has finished the setup."))))
			}
			desk.openIn(strings.TrimPrefix(desk.address(), server.Base()))
			desk.shows(words(desk.lang, "承認しました。", "Approved."), words(desk.lang, "相手の設定が完了しました。", "The caller has finished the setup."))
			desk.picture("desk approved " + story.agent.String())
			b.press(words(b.lang, "ログインする", "Log in"))
			b.signIn(p, time.Now().Add(30*time.Second))
			b.at(server.Base() + "/home")
		})
	}
}

// askDeskSignIn goes from the service to the page that waits for the OTP by
// telephone.
func (b *browser) askDeskSignIn(p person) {
	b.t.Helper()
	b.openIn("/accessibility") // keeps the language
	b.open(server.Service() + "/login")
	b.giveID(p)
	b.press(words(b.lang, "ログインできない方はこちらへ", "Click here if you cannot login"))
	b.press(words(b.lang, "このアドレスのメールを読めない方（ヘルプデスクで手続き）", "If you cannot read mail at this address (help desk)"))
	b.shows("075-000-0000") // before anything is sent
	b.press("Yes")
	b.shows(words(b.lang, "ヘルプデスク宛てに送信しました。", "Your request has been sent to the help desk. (ヘルプデスク宛てに送信しました。)"))
}

// TestHelpDeskOTP is the other telephone call: the agent reads out eight digits,
// and the service learns that it is a temporary login. HD-8, A13, A34.
func TestHelpDeskOTP(t *testing.T) {
	for _, story := range []struct{ caller, agent look }{
		{desktop, desktop},
		{look{lang: "en", width: 320}, desktop},
		{look{lang: "en", width: 320, noScript: true}, look{lang: "en", width: 1280, noScript: true}},
	} {
		t.Run(story.caller.String(), func(t *testing.T) {
			b, p, desk := newBrowser(t, story.caller), nextPerson(), agent01(t, story.agent)
			call(b, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "America/St_Johns"})
			if !story.caller.noScript {
				b.ownClock()
			}
			before := b.sofar()
			b.askDeskSignIn(p)
			desk.openCase(p, b.readOut())
			desk.approve(words(desk.lang, "承認して OTP を表示", "Approve and show the OTP"))
			otp := desk.readOut()
			if len(otp) != 8 {
				t.Fatalf("no OTP on %s", desk.text())
			}
			if !story.caller.noScript { // the page tells it, and stays as it is
				get(b, chromedp.Poll[bool](`document.title.startsWith("✓")`))
				ready := b.status()
				b.offline(true)
				b.live(words(b.lang, "通信が切れました。再接続しています。受付はそのまま残っています。", "The connection was lost. Trying again. Your request is kept."))
				b.offline(false)
				b.live(ready)
				b.forward(5)
				b.told("#live", 5)
				b.picture("otp by desk ready " + story.caller.String())
				b.open(b.address())
				b.live(ready) // whichever clock and zone the browser has
				b.forward(5)
				b.told("#live", 5)
			}
			b.fill("one-time-code", otp)
			b.press(words(b.lang, "ログイン", "Login"))
			b.at(server.Service())
			b.went("sign-in to a service by an OTP of the help desk", "", before, effort{})
			if claims := b.claims(); claims["acr"] != server.Base()+"/ac/fallback" {
				t.Errorf("the service knows %v", claims)
			}
			desk.press(words(desk.lang, "次へ", "Next"))
			desk.shows(words(desk.lang, "相手がログインしました。", "The caller has logged in."))
		})
	}
}

// TestHelpDeskImpostor is somebody with the password who telephones while the
// person does, too: the agent refuses the case whose number nobody read out, and
// a second agent confirms. A64, HD-6, HD-20.
func TestHelpDeskImpostor(t *testing.T) {
	impostor, b, p := newBrowser(t, desktop), newBrowser(t, desktop), nextPerson()
	desk, second := agent01(t, desktop), agent02(t, desktop)
	impostor.askDesk(p)
	b.askDesk(p)
	desk.openCase(p, b.readOut())
	desk.shows("この利用者の受付が2件あります。")
	desk.picture("desk frozen")
	desk.identify()
	desk.press("もう一方を承認しない")
	desk.shows("相手が、この受付の照合番号を読み上げたことを確かめてください。")
	desk.press("もう一方を承認しない")
	impostor.live("本人確認ができなかったため、受付を終了しました。")
	desk.decide("2人目に承認を依頼")
	desk.press("2人目に承認を依頼")
	desk.shows("2人目の承認を待っています。")
	b.live("ヘルプデスクが対応しています。")
	second.openCase(p, b.readOut())
	second.shows("佐藤 恵子 が")
	second.decide("2人目として承認")
	second.press("2人目として承認")
	b.comesTo(server.Base() + "/enrol")
	impostor.press("もう一度手続きする")
	impostor.shows("ヘルプデスクの窓口へお越しください")
}

// TestHelpDeskWrongPage is a caller who is on another page: there is no number to
// read out, and the agent gets no further with a made-up one. HD-2.
func TestHelpDeskWrongPage(t *testing.T) {
	b, p, desk := newBrowser(t, desktop), nextPerson(), agent01(t, desktop)
	b.openIn("/login")
	b.giveID(p)
	desk.openIn("/desk")
	desk.fillLabelled("id", p.ID)
	desk.fillLabelled("number", "0000")
	desk.press("開く")
	desk.shows("この SPS-ID と照合番号に合う受付がありません。相手にもう一度読み上げてもらってください。")
	b.askDesk(p)
	desk.fillLabelled("number", b.readOut()) // the ID is still there
	desk.press("開く")
	desk.shows(p.ID)
}

// TestNoNewsIsNotDrawn wants a part of the console that has not changed to be left
// as it is: what is drawn anew, a screen reader says again.
func TestNoNewsIsNotDrawn(t *testing.T) {
	b, p, desk := newBrowser(t, desktop), nextPerson(), agent01(t, desktop)
	b.askDesk(p)
	desk.openCase(p, b.readOut())
	get(desk, chromedp.Evaluate[bool](`(() => { // what the page asks for, and what it has then
		window.kept = document.querySelector("#caller h2");
		window.asked = 0;
		const real = window.fetch;
		window.fetch = async (...request) => {
			const answer = await real(...request);
			setTimeout(() => { window.asked++; }, 100);
			return answer;
		};
		return true;
	})()`))
	change := `fetch(work.action, {method: "POST", body: new URLSearchParams([...new FormData(work), ["act", "approve"]])}).then(() => true)`
	get(desk, chromedp.Evaluate[bool](change, chromedp.EvalAwaitPromise)) // is kept, and not enough yet: the case is another
	get(desk, chromedp.Poll[bool](`asked > 1`))
	if !get(desk, chromedp.Evaluate[bool](`document.querySelector("#caller h2") === kept`)) {
		t.Error("a part that says the same was drawn anew")
	}
	b.unfold("この受付を取り消す")
	b.press("この受付を取り消す")
	get(desk, chromedp.Poll[bool](`document.querySelector("#caller h2") !== kept`))
	desk.shows("相手が受付を取り消しました。")
}

// TestHelpDeskByKeyboard is the agent's work without a mouse. U6, U10.
func TestHelpDeskByKeyboard(t *testing.T) {
	b, p, desk := newBrowser(t, desktop), nextPerson(), agent01(t, desktop)
	b.askDesk(p)
	desk.openIn("/desk")
	desk.typed(p.ID) // the field has the focus
	desk.typed("\t")
	desk.typed(b.readOut())
	desk.enter()
	desk.shows(p.ID)
	help := func() { // the keys are told wherever they work
		t.Helper()
		desk.typed("?")
		if !get(desk, chromedp.Evaluate[bool](`document.getElementById("keys")?.open === true`)) {
			t.Errorf("no help at %s", desk.address())
		}
		desk.shows("? キーボード操作")
	}
	help()
	desk.picture("desk keys")
	desk.typed("e") // to the first item
	for range 6 {
		desk.typed("1")
	}
	desk.typed("折り返しの電話で確認しました")
	ctrlEnter := chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl))
	desk.submit(ctrlEnter)
	desk.proved()
	desk.shows("初期化しますか？")
	help()
	desk.picture("desk confirm keys")
	desk.submit(ctrlEnter)
	b.comesTo(server.Base() + "/enrol")
}

// TestHelpDeskPageSurvives reloads the waiting page, opens it in a second tab,
// takes its network away, closes it and signs in again: the request and its
// number stay, and the page still moves on by itself. U7.
func TestHelpDeskPageSurvives(t *testing.T) {
	b, p, desk := newBrowser(t, desktop), nextPerson(), agent01(t, desktop)
	b.askDesk(p)
	number, address := b.readOut(), b.address()
	same := func(what string, tab *browser) {
		t.Helper()
		if got := tab.readOut(); got != number {
			t.Errorf("%s: the number is %q, was %q", what, got, number)
		}
	}
	b.open(address)
	same("reloaded", b)
	tab := b.tab()
	tab.open(address)
	same("a second tab", tab)
	b.offline(true)
	b.live("通信が切れました。再接続しています。受付はそのまま残っています。")
	b.picture("wait offline")
	desk.openCase(p, number)
	b.offline(false)
	b.live("ヘルプデスクが対応しています。")
	b.open("about:blank")
	b.openIn("/login")
	b.giveID(p)
	same("closed, and signed in again", b)
	desk.approve("初期化を承認")
	for _, one := range []*browser{b, tab} { // whichever asks first gets the ticket, and the other is told
		one.comesTo(server.Base() + "/enrol")
	}
}

// offline takes the network of the tab away, or gives it back.
func (b *browser) offline(gone bool) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		conditions := []*network.Conditions{{Offline: gone, DownloadThroughput: -1, UploadThroughput: -1}}
		if _, err := cdp.Call(ctx, target, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: conditions}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: gone, DownloadThroughput: -1, UploadThroughput: -1})
		return err
	}))
}

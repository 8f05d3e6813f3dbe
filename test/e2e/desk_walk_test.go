package e2e

import (
	"fmt"
	"strings"
	"sync"

	"github.com/chromedp/chromedp"
)

// deskTurn has one look at a time at the console: the agents' browsers are shared,
// and so is their language.
var deskTurn sync.Mutex

// byDesk looks at the pages of the caller and of the console, in all that may
// become of a case.
func (w *walk) byDesk() {
	w.t.Helper()
	deskTurn.Lock()
	defer deskTurn.Unlock()
	a := walkIn(agent01(w.t, w.look), w.look, w.axe)
	second := walkIn(agent02(w.t, w.look), w.look, w.axe)
	ja := func(japanese, english string) string { return words(w.look.lang, japanese, english) }
	a.openIn("/desk")
	a.inspect("board")
	a.press(ja("開く", "Open"))
	a.inspect("board empty")
	a.fillLabelled("id", "nobody")
	a.fillLabelled("number", "0000")
	a.press(ja("開く", "Open"))
	a.inspect("board no match")

	p := nextPerson()
	w.askDesk(p)
	w.inspect("wait")
	w.inSight("wait", ".readout", ".box.warn a")
	a.openIn("/desk")
	late := ja("59分59秒</span> <strong>お待たせしています", "59 min 59 s</span> <strong>Waiting long")
	get(a.browser, chromedp.Evaluate[bool](`(() => { // a copy, since the board draws itself anew
		const old = document.querySelector("#board table").cloneNode(true);
		old.querySelector("td").innerHTML = '<span class="late-age">`+late+`</strong>';
		document.getElementById("board").after(old);
		return true;
	})()`))
	a.inspect("board late")
	a.openCase(p, w.readOut())
	a.inspect("case")
	w.live(ja("ヘルプデスクが対応しています。", "The help desk is working on your request."))
	w.inspect("wait working")
	a.press(ja("初期化を承認", "Approve the initialization"))
	a.inspect("case not yet")
	a.identify()
	get(a.browser, chromedp.Evaluate[bool](`document.querySelector("[name=password]").click(); true`))
	a.decide(ja("初期化を承認", "Approve the initialization"))
	a.inspect("confirm second")
	a.press(ja("2人目に承認を依頼", "Ask for a second agent"))
	a.inspect("case second asked")
	second.openCase(p, w.readOut())
	second.inspect("case second")
	second.press(ja("承認しない", "Refuse"))
	second.inspect("confirm refuse")
	second.press(ja("承認しない", "Refuse"))
	second.inspect("case refused")
	w.live(ja("本人確認ができなかったため、受付を終了しました。", "The help desk could not confirm your identity. The request is closed."))
	if get(w.browser, chromedp.Evaluate[bool](`document.querySelector("h1.done") !== null`)) {
		w.t.Error("what was sent and refused has still the mark of what is done")
	}
	w.inspect("wait refused")
	w.press(ja("もう一度手続きする", "Start again"))
	w.inspect("case turned away")

	p = nextPerson()
	w.open(server.Base() + "/login")
	w.password(p.ID, password)
	w.press(ja("ログインできない方はこちらへ", "Click here if you cannot login"))
	w.press(ja("このアドレスのメールを読めない方（ヘルプデスクで手続き）", "If you cannot read mail at this address (help desk)"))
	w.inspect("cannot by desk")
	w.press("Yes")
	w.inspect("otp by desk")
	a.openCase(p, w.readOut())
	a.approve(ja("承認して OTP を表示", "Approve and show the OTP"))
	a.inspect("desk otp")
	get(w.browser, chromedp.Poll[bool](`document.title.startsWith("✓")`))
	w.inspect("otp by desk ready")
	w.fill("one-time-code", "12345678")
	w.login()
	w.inspect("otp by desk wrong")
	w.unfold(ja("この受付を取り消す", "Cancel this request"))
	w.inspect("wait cancel")

	a.openIn("/desk/person")
	a.inspect("person")
	a.fillLabelled("id", p.ID)
	a.fillLabelled("reason", "電話での問い合わせ: ログインできない")
	a.press(ja("照会する", "Look up"))
	a.inspect("person found")
	a.open(server.Base() + "/admin")
	a.inspect("admin denied")
	admin := walkIn(admin01(w.t, w.look), w.look, w.axe)
	admin.openIn("/admin")
	admin.inspect("admin desk")
	admin.openIn("/admin/faq")
	admin.inspect("admin faq")
	admin.openIn("/desk")
	stopped := ja("現在、受付を開けません", "You cannot open requests now")
	for !strings.Contains(admin.text(), stopped) { // ten wrong entries; the next look finds it so
		admin.fillLabelled("id", "nobody")
		admin.fillLabelled("number", "0000")
		admin.press(ja("開く", "Open"))
	}
	admin.inspect("desk stopped")
	admin.openIn("/admin")
	admin.inspect("admin desk with who is stopped")
	admin.press(ja("停止を解除", "Lift the stop"))
	admin.proved()
	admin.inspect("admin lift")
}

// inSight wants parts of the page to be seen on a small telephone without
// scrolling. U11.
func (w *walk) inSight(name string, parts ...string) {
	w.t.Helper()
	if w.look.width != 320 {
		return
	}
	script := fmt.Sprintf(`scrollTo(0, 0); [%s].filter((s) => document.querySelector(s).getBoundingClientRect().bottom > innerHeight).join()`, `"`+strings.Join(parts, `","`)+`"`)
	if below := get(w.browser, chromedp.Evaluate[string](script)); below != "" {
		w.t.Errorf("%s: %s is below the edge of the screen", name, below)
	}
}

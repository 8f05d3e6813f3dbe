package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var reportLink = regexp.MustCompile(`http://localhost:\d+(/not-me/[A-Za-z0-9_-]{43})`)

// toAddresses signs a person in and goes to the notification address, by the
// menu, as the FAQ says.
func (b *browser) toAddresses(p person) {
	b.t.Helper()
	b.openIn("/login")
	b.signIn(p, time.Now())
	b.at(server.Base() + "/home")
	b.openMenu()
	b.pressIn("header", words(b.lang, "アカウント設定", "Account Setting"))
	b.at(server.Base() + "/account")
}

// openMenu opens the menu of three lines.
func (b *browser) openMenu() {
	b.t.Helper()
	b.presses++
	b.do(chromedp.Click(chromedp.CSS("header summary")))
}

// sendConfirmation asks for the confirmation mail to an address, and returns the
// status of the answer.
func (b *browser) sendConfirmation(address string) int64 {
	b.t.Helper()
	b.fill("email", address)
	return b.press(words(b.lang, "確認メール送信", "Send confirmation email (確認メール送信)"))
}

// confirmAddress types the number that came to an address, and presses a button.
func (b *browser) confirmAddress(address, button string) {
	b.t.Helper()
	found := eightDigits.FindStringSubmatch(waitMailTo(b.t, address, "メールアドレスの確認").Text)
	if found == nil {
		b.t.Fatal("no number in the mail")
	}
	b.fill("one-time-code", found[1]+found[2])
	b.press(button)
	b.at(server.Base() + "/account?done=setting")
	b.shows(words(b.lang, "設定が完了しました。", "Setting has been completed."), address)
}

// TestNotificationAddress is the FAQ's entry of that name: menu, アカウント設定, own
// address, 「確認メール送信」, the number of the mail, 「更新」. An address whose mail
// needs this very sign-on is refused with the reason, in one round trip, however it
// is written. The address takes the place of the former one, which is told. U8,
// ADR-3, ADR-4, ADR-5.
func TestNotificationAddress(t *testing.T) {
	for _, l := range looks {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			b, p := newBrowser(t, l), nextPerson()
			b.toAddresses(p)
			b.picture("account " + l.String())
			for refused, domain := range map[string]string{"somebody@miyako.example": "miyako.example",
				"somebody@st.miyako.example": "st.miyako.example", "somebody@ST.Miyako.Example.": "st.miyako.example"} {
				if status := b.sendConfirmation(refused); status != http.StatusUnprocessableEntity {
					t.Errorf("%s: status %d, want 422", refused, status)
				}
				b.shows(words(l.lang, " "+domain+" のメールを読むには TOTP が必要なため、登録できません。", "You cannot register "+domain+": reading its mail needs the TOTP."))
				if got := get(b, chromedp.Value(field("email"))); got != refused {
					t.Errorf("the field has %q, want %q kept", got, refused)
				}
			}
			b.picture("address refused " + l.String())
			own := p.ID + "@example.net"
			b.open(server.Base() + "/home")
			before := b.effort
			b.openMenu()
			b.pressIn("header", words(l.lang, "アカウント設定", "Account Setting"))
			b.sendConfirmation(own)
			b.shows(words(l.lang, own+" に確認メールを送信しました。", "A confirmation email has been sent to "+own+"."))
			b.picture("address sent " + l.String())
			b.apart(func() {
				b.fill("one-time-code", "12345678")
				b.press(words(l.lang, "更新", "Update (更新)"))
			})
			b.shows(words(l.lang, "確認番号が正しくありません。最新のメールを確認してください。", "The confirmation number is not correct. Use the newest email."))
			b.confirmAddress(own, words(l.lang, "更新", "Update (更新)"))
			b.went("notification address, from the menu on", "U8: at most 4 presses", before, effort{presses: 4})
			if strings.Contains(b.text(), p.ID+"@example.com") {
				t.Error("the former address is still there")
			}
			b.picture("address updated " + l.String())
			waitMail(t, p, "通知用メールアドレスの変更")
			waitMailTo(t, own, "通知用メールアドレスの登録")
		})
	}
}

// TestSecondAddress puts an address beside the first (「追加」). There is no room for
// a third one. Either is removed after a question, and the last with a warning;
// who was removed is told. ADR-6, NOT-2.
func TestSecondAddress(t *testing.T) {
	for _, l := range everyWay {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			b, p := newBrowser(t, l), nextPerson()
			first, second := p.ID+"@example.com", p.ID+"@example.net"
			b.toAddresses(p)
			b.sendConfirmation(second)
			b.confirmAddress(second, words(l.lang, "追加", "Add"))
			b.shows(first, second, words(l.lang, "アドレスは2件まで登録できます。", "You can register up to 2 addresses."))
			b.picture("two addresses " + l.String())
			remove := words(l.lang, "このアドレスを削除", "Remove this address")
			b.press(remove) // the first of them
			b.shows(words(l.lang, first+" を削除しますか？", "Remove "+first+"?"))
			b.press(words(l.lang, "キャンセル", "Cancel"))
			b.shows(first, second)
			b.press(remove)
			b.press(words(l.lang, "削除", "Remove"))
			b.shows(words(l.lang, "削除しました。", "Removed."), second)
			if strings.Contains(b.text(), first) {
				t.Error("the removed address is still there")
			}
			waitMailTo(t, first, "通知用メールアドレスの変更")
			b.press(remove)
			b.shows(words(l.lang, "登録されているアドレスはこれだけです。", "This is your only address."))
			b.picture("last address " + l.String())
			b.press(words(l.lang, "削除", "Remove"))
			b.shows(words(l.lang, "未登録", "Not registered"))
			waitMailTo(t, second, "通知用メールアドレスの変更")
		})
	}
}

// TestFormerAddressSaysNotMe has somebody at the person's open browser put another
// address in place of the person's. The mail to the former one leads to the report,
// in any browser: the session ends, and nothing can be changed any more until the
// help desk has looked at it. The link works once. ADR-5.
func TestFormerAddressSaysNotMe(t *testing.T) {
	for _, l := range everyWay {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			thief, p := newBrowser(t, l), nextPerson()
			thief.toAddresses(p)
			planted := "thief-of-" + p.ID + "@example.org"
			thief.sendConfirmation(planted)
			thief.confirmAddress(planted, words(l.lang, "更新", "Update (更新)"))
			found := reportLink.FindStringSubmatch(waitMail(t, p, "通知用メールアドレスの変更").Text)
			if found == nil {
				t.Fatal("no link in the mail to the former address")
			}
			b := newBrowser(t, l)
			b.openIn("/accessibility") // keeps the language
			b.openMailed(found[1])
			b.picture("not me mailed " + l.String())
			b.fill("username", p.ID)
			b.fill("current-password", password)
			b.press(words(l.lang, "報告する", "Report"))
			b.went("\"not me\" by the mail to the former address", "", effort{}, effort{})
			b.shows(words(l.lang, "報告を受け付けました。", "Your report has been received."), "075-000-0000")
			b.picture("reported " + l.String())
			thief.open(server.Base() + "/account")
			thief.at(server.Base() + "/login")
			b.openIn("/login")
			b.signIn(p, time.Now().Add(30*time.Second))
			b.shows(words(l.lang, "報告を受けたため、設定の変更とメールでの復旧を止めています。", "Because of your report, settings and recovery by email are stopped."))
			b.picture("frozen " + l.String())
			b.open(server.Base() + "/account/address")
			b.shows(words(l.lang, "ヘルプデスクにお電話ください。", "Telephone the help desk."))
			if get(b, chromedp.Evaluate[bool](`!!document.querySelector("main input[type=email]")`)) {
				t.Error("there is a form for an address while everything is stopped")
			}
			b.openIn(found[1])
			b.fill("username", p.ID)
			b.fill("current-password", password)
			b.press(words(l.lang, "報告する", "Report"))
			b.shows(words(l.lang, "お問い合わせ番号: ", "Number for inquiry: "))
		})
	}
}

// TestHistorySaysNotMe has somebody sign in with the password alone, as far as that
// goes: the person finds it in the login history, and reports it from there. NOT-4.
func TestHistorySaysNotMe(t *testing.T) {
	for _, l := range everyWay {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			thief, b, p := newBrowser(t, desktop), newBrowser(t, l), nextPerson()
			thief.openIn("/login")
			thief.giveID(p)
			b.openIn("/login")
			b.signIn(p, time.Now())
			b.openMenu()
			b.pressIn("header", words(l.lang, "ログイン履歴", "Login history"))
			stopped := words(l.lang, "2段階目で停止", "Stopped at the second step")
			b.shows(stopped, words(l.lang, "Chrome・Linux", "Chrome, Linux"))
			b.picture("history to report " + l.String())
			xpath := fmt.Sprintf(`//main//tr[contains(., %q)]//a[normalize-space(.)=%q]`, stopped, words(l.lang, "心当たりがない", "I do not recognize this"))
			b.submit(chromedp.Click(chromedp.Search(xpath)))
			b.shows(words(l.lang, "報告する内容: "+stopped, "You are reporting this: "+stopped))
			b.picture("report of an entry " + l.String())
			b.fill("current-password", password)
			b.press(words(l.lang, "報告する", "Report"))
			b.shows(words(l.lang, "報告を受け付けました。", "Your report has been received."))
		})
	}
}

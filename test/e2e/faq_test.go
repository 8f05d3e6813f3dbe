package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// pictures is where the FAQ has the pictures of our screens: NAME.LANG.webp, and in
// NAME.LANG.txt the words that the screen had when its picture was made.
const pictures = "../../internal/faq/pictures"

// changing is what differs each time that a screen is shown.
var changing = regexp.MustCompile(`(\d+年\d+月\d+日（.）)?\d+:\d+|((Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ [A-Z][a-z]{2} \d+, )?\d+:\d+|` +
	`\d+年\d+月\d+日（.）|(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ [A-Z][a-z]{2} \d+|\d+|[A-Z2-7]{4}( [A-Z2-7]{4})+|[Ss]eed\S*|SEED`)

// pictured makes the picture of the screen that is shown, if E2E_FAQ says so. If
// not, the words of the screen have to be those of the picture: a screen that has
// changed wants a new picture.
func (b *browser) pictured(name string) {
	b.t.Helper()
	b.steady()
	words := changing.ReplaceAllString(lines(get(b, chromedp.Evaluate[string](`document.querySelector("main").innerText`))), "#")
	file := filepath.Join(pictures, name+"."+b.lang)
	if os.Getenv("E2E_FAQ") != "" {
		b.must(os.WriteFile(file+".txt", []byte(words+"\n"), 0o644))
		b.must(os.WriteFile(file+".webp", b.main(), 0o644))
		return
	}
	kept, err := os.ReadFile(file + ".txt")
	b.must(err)
	if got := strings.TrimSpace(string(kept)); got != words {
		b.t.Errorf("the picture %s.%s of the FAQ is of another screen; make it anew with E2E_FAQ=1 go test -run TestFAQPictures\nscreen:  %s\npicture: %s", name, b.lang, words, got)
	}
	if content, err := os.ReadFile(file + ".webp"); err != nil || !bytes.HasPrefix(content, []byte("RIFF")) {
		b.t.Errorf("no picture %s.%s: %v", name, b.lang, err)
	}
}

// steady leaves on the screen what does not depend on the hour and on the FAQ: the
// help desk is neither open nor closed.
func (b *browser) steady() {
	b.t.Helper()
	call := words(b.lang, "ヘルプデスクにお電話ください。この画面は開いたままにしてください。", "Telephone the help desk now. Keep this screen open.")
	get(b, chromedp.Evaluate[bool](`(() => {
		document.activeElement?.blur();
		for (const e of document.querySelectorAll(".help, .state")) e.hidden = true;
		for (const e of document.querySelectorAll(".warn[data-open] strong")) e.textContent = "`+call+`";
		return true;
	})()`))
}

// main is the picture of the main part of the screen.
func (b *browser) main() (content []byte) {
	b.t.Helper()
	box := get(b, chromedp.Evaluate[[]float64](`(() => {
		const box = document.querySelector("main").getBoundingClientRect();
		return [box.x + scrollX, box.y + scrollY, box.width, box.height];
	})()`))
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		quality, beyond := int64(60), true
		shot, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: &quality,
			CaptureBeyondViewport: &beyond, Clip: &page.Viewport{X: box[0], Y: box[1], Width: box[2], Height: box[3], Scale: 1}})
		content = shot.Data
		return err
	}))
	return content
}

// TestFAQPictures goes through the screens that entries of the FAQ show.
func TestFAQPictures(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			ja := func(japanese, english string) string { return words(lang, japanese, english) }
			b, p := newBrowser(t, look{lang: lang, width: 480}), nextPerson()
			b.openIn("/login")
			b.giveID(p)
			b.pictured("totp")
			b.press(ja("ログインできない方はこちらへ", "Click here if you cannot login"))
			b.pictured("cannot")
			b.press("Yes")
			b.pictured("otp")

			b, p = newBrowser(t, look{lang: lang, width: 480}), nextPerson()
			b.openIn("/mfa")
			b.pictured("mfa")
			b.press(ja("ワンタイムパスワード（TOTP）の初期設定がお済みでない方はこちら", "Click here if you have not initialized your one-time password (TOTP) yet."))
			b.giveID(p)
			b.pictured("reset")
			b.press(ja("初期化", "Initialize (初期化)"))
			b.shows(ja("メールを送信しました。", "An email has been sent. (メールを送信しました。)"))
			b.pictured("sent")
			b.openMailed(link(t, p, "TOTP 初期化のご案内"))
			b.fill("current-password", password)
			b.press(ja("ログイン", "Login"))
			b.pictured("initialised")
			b.press(ja("続けて登録する", "Continue to registration"))
			b.pictured("enrol")
			b, p = newBrowser(t, look{lang: lang, width: 480}), nextPerson()
			b.openIn("/login")
			b.signIn(p, time.Now())
			b.openIn("/account")
			b.pictured("account")
			b.openIn("/account/authenticators")
			b.pictured("authenticators")

			b, p = newBrowser(t, look{lang: lang, width: 480}), nextPerson()
			b.askDesk(p)
			b.pictured("wait")
		})
	}
}

// TestFAQ is a person who is stuck at the second step: the entries that fit stand
// beside it and open in a tab of their own, the search finds what is typed, and
// the step is still there. Issue 6.
func TestFAQ(t *testing.T) {
	for _, l := range everyWay {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			b, p := newBrowser(t, l), nextPerson()
			b.openIn("/login")
			b.giveID(p)
			b.fill("one-time-code", p.WrongCode(t))
			b.press(words(l.lang, "ログイン", "Login"))
			b.shows(words(l.lang, "正しい数字なのに使えない", "The number is refused as wrong"))

			tab := b.tabFor(t, l)
			tab.open(server.Base() + "/faq/clock")
			tab.shows(words(l.lang, "端末の時計を自動設定にします。", "Set the clock of the device to automatic."), "075-000-0000")
			tab.press(words(l.lang, "いいえ", "No"))
			tab.shows(words(l.lang, "ご回答ありがとうございました。", "Thank you for your answer."))
			tab.open(server.Base() + "/faq")
			tab.fillLabelled("q", words(l.lang, "無線", "wireles"))
			tab.enter()
			tab.shows(words(l.lang, "「無線」の検索結果", "Results for “wireles”"), words(l.lang, "Wi-Fi の使い方", "How to use Wi-Fi"))
			tab.press(words(l.lang, "Wi-Fi の使い方", "How to use Wi-Fi"))
			tab.shows("eduroam")
			tab.open(server.Base() + "/faq?q=%E7%B5%A6%E9%A3%9F")
			tab.shows(words(l.lang, "「給食」に合う質問はありませんでした。", "Nothing was found for “給食”."), "075-000-0000")

			b.fill("one-time-code", p.Code(t, time.Now()))
			b.press(words(l.lang, "ログイン", "Login"))
			b.at(server.Base() + "/home")
		})
	}
}

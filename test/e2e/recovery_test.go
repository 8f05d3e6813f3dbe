package e2e

import (
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// everyWay are the looks in which the ways back must work.
var everyWay = []look{{lang: "ja", width: 1280}, {lang: "en", width: 320}, {lang: "ja", width: 320, noScript: true}}

var (
	eightDigits = regexp.MustCompile(`(\d{4}) (\d{4})`)
	mailedLink  = regexp.MustCompile(`http://localhost:\d+(/(?:r|forgot)/[A-Za-z0-9_-]{43})`)
)

// mailedOTP waits for the mail with the one-time password.
func mailedOTP(t *testing.T, p person) string {
	t.Helper()
	found := eightDigits.FindStringSubmatch(waitMail(t, p, "ワンタイムパスワードのお知らせ").Text)
	if found == nil {
		t.Fatal("no number in the mail")
	}
	return found[1] + found[2]
}

// link waits for a mail with a link, and returns its path.
func link(t *testing.T, p person, subject string) string {
	t.Helper()
	found := mailedLink.FindStringSubmatch(waitMail(t, p, subject).Text)
	if found == nil {
		t.Fatal("no link in the mail")
	}
	return found[1]
}

// giveID types SPS-ID and password where a page asks for both.
func (b *browser) giveID(p person) {
	b.t.Helper()
	b.fill("username", p.ID)
	b.fill("current-password", password)
	b.press(words(b.lang, "ログイン", "Login"))
}

// TestNoAuthenticatorAtHand is the FAQ's entry of that name: after the password,
// 「ログインできない方はこちらへ」, Yes, and the number of the mail; the service
// learns that it is a temporary login. U3, A13.
func TestNoAuthenticatorAtHand(t *testing.T) {
	for _, l := range everyWay {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			b, p := newBrowser(t, l), nextPerson()
			b.openIn("/accessibility") // keeps the language
			b.open(server.Service() + "/login")
			b.giveID(p)
			before := b.effort
			b.press(words(l.lang, "ログインできない方はこちらへ", "Click here if you cannot login"))
			b.shows(words(l.lang, "メールを送信しますか？", "Send the email?"))
			b.picture("cannot " + l.String())
			b.press(words(l.lang, "Yes", "Yes"))
			b.shows(words(l.lang, "メールを送信しました。", "An email has been sent. (メールを送信しました。)"))
			b.picture("otp " + l.String())
			b.fill("one-time-code", mailedOTP(t, p))
			b.press(words(l.lang, "ログイン", "Login"))
			b.at(server.Service())
			b.went("OTP by mail, after the password", "U3: 3 presses", before, effort{presses: 3})
			if claims := b.claims(); claims["acr"] != server.Base()+"/ac/fallback" {
				t.Errorf("the service knows %v", claims)
			}
		})
	}
}

// TestOTPMailMissing is the FAQ's entry of that name: the person looks where the
// page says, and sends the mail again. The former number is of no more use.
func TestOTPMailMissing(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	b.openIn("/login")
	b.giveID(p)
	b.press("ログインできない方はこちらへ")
	b.press("Yes")
	old := mailedOTP(t, p)
	b.fill("one-time-code", p.Code(t, time.Now()))
	b.press("ログイン")
	b.shows("6桁の数字が入力されました。ここでは、メールに書かれた8桁の数字を入力してください。")
	b.unfold("メールが届かない場合")
	b.shows("2～3分待ち、迷惑メールフォルダも確認してください。", "075-000-0000")
	b.picture("otp not arrived")
	b.press("もう一度送信する")
	b.shows("メールの送信回数が上限に達しました")
	b.press("今の手続きに進む")
	b.fill("one-time-code", old)
	b.press("ログイン")
	b.at(server.Base() + "/home")
}

// TestTOTPNotWorking is the FAQ's entry of that name, by its short path: the
// setting page, the mail, the URL, and on with the registration. U4, U5.
func TestTOTPNotWorking(t *testing.T) {
	for _, l := range everyWay {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			b, p := newBrowser(t, l), nextPerson()
			b.openMailed(b.askInitialisation(p))
			b.picture("link " + l.String())
			b.fill("current-password", password) // the ID is there
			b.press(words(l.lang, "ログイン", "Login"))
			b.shows(words(l.lang, "ワンタイムパスワード認証の設定を初期化しました。", "The one-time password settings have been initialized. (ワンタイムパスワード認証の設定を初期化しました。)"))
			b.picture("initialised " + l.String())
			b.press(words(l.lang, "続けて登録する", "Continue to registration"))
			b.picture("enrol " + l.String())
			p.Secret = b.enrol()
			b.picture("enrolled " + l.String())
			b.went("initialization by mail, from /mfa, the mail's link included", "U4: at most 8 presses", effort{}, effort{presses: 8})
			b.press(words(l.lang, "ログインする", "Log in"))
			b.signIn(p, time.Now().Add(30*time.Second))
			b.at(server.Base() + "/home")
			waitMail(t, p, "TOTP を初期化しました")
			waitMail(t, p, "TOTP の設定が完了しました")
		})
	}
}

// TestTOTPNotWorkingByTheHouse is the same entry by the path that the FAQ
// describes: from the page that says so, the house button, the method, 「選択」, and
// the link of those who have not initialized yet, which now opens the QR code at
// once. It works after the person has looked at another page, too. U4.
func TestTOTPNotWorkingByTheHouse(t *testing.T) {
	for _, l := range looks {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			b, p := newBrowser(t, l), nextPerson()
			b.openMailed(b.askInitialisation(p))
			b.fill("current-password", password)
			b.press(words(l.lang, "ログイン", "Login"))
			b.shows(words(l.lang, "ワンタイムパスワード認証の設定を初期化しました。", "The one-time password settings have been initialized. (ワンタイムパスワード認証の設定を初期化しました。)"))
			b.open(server.Base() + "/accessibility")
			b.pressIn("header", words(l.lang, "ホーム", "Home"))
			b.shows(words(l.lang, "続けるには、「ワンタイムパスワード(トークン)」を選び、「選択」を押してください。", "To continue, choose the one-time password (token) and press Select."))
			if n := get(b, chromedp.Evaluate[int](`document.querySelectorAll("main input[type=radio]").length`)); n != 1 {
				t.Errorf("%d methods to choose from before anything is registered, want 1", n)
			}
			b.picture("home with a ticket " + l.String())
			b.choose("method-totp")
			b.press(words(l.lang, "選択", "Select (選択)"))
			b.at(server.Base() + "/mfa")
			b.press(words(l.lang, "ワンタイムパスワード（TOTP）の初期設定がお済みでない方はこちら", "Click here if you have not initialized your one-time password (TOTP) yet."))
			p.Secret = b.enrol()
			b.went("initialization by mail, by the FAQ's longer path", "U4: works unchanged", effort{}, effort{})
			b.press(words(l.lang, "ログインする", "Log in"))
			b.signIn(p, time.Now().Add(30*time.Second))
			b.at(server.Base() + "/home")
		})
	}
}

// askInitialisation goes from the setting page to the mail, and returns the path
// of its link.
func (b *browser) askInitialisation(p person) string {
	b.t.Helper()
	b.openIn("/mfa")
	b.picture("mfa " + b.lang)
	b.press(words(b.lang, "ワンタイムパスワード（TOTP）の初期設定がお済みでない方はこちら", "Click here if you have not initialized your one-time password (TOTP) yet."))
	b.giveID(p)
	b.picture("reset " + b.lang)
	b.press(words(b.lang, "初期化", "Initialize (初期化)"))
	b.shows(words(b.lang, "メールを送信しました。", "An email has been sent. (メールを送信しました。)"))
	b.picture("sent " + b.lang)
	return link(b.t, p, "TOTP 初期化のご案内")
}

// TestForgottenPassword is the FAQ's entry of that name: the link of the mail and
// the number of the Authenticator open the choice of a new password.
func TestForgottenPassword(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	b.openIn("/login")
	before := b.effort
	b.press("パスワードをお忘れの方")
	b.fill("username", p.ID)
	b.picture("forgot")
	b.press("メールを送信する")
	b.shows("通知用メールアドレスが登録されている場合は、メールを送信しました。")
	b.openMailed(link(t, p, "パスワードの再設定のご案内"))
	b.focused("username")
	b.fill("username", p.ID)
	b.fill("one-time-code", p.Code(t, time.Now()))
	b.picture("proof")
	b.press("次へ")
	b.apart(func() {
		b.fill("new-password", "password")
		b.press("変更する")
	})
	b.shows("このパスワードは推測されやすいものです")
	b.picture("new password")
	const better = "馬と電池とホチキスの割符"
	b.fill("new-password", better)
	b.press("変更する")
	b.at(server.Base() + "/login")
	b.went("forgotten password, from /login, the mail's link included", "", before, effort{})
	b.fill("username", p.ID)
	b.fill("current-password", better)
	b.press("ログイン")
	b.fill("one-time-code", p.Code(t, time.Now().Add(30*time.Second)))
	b.press("ログイン")
	b.at(server.Base() + "/home")
}

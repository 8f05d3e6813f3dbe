package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// looks are how the main story is told: in both languages, with and without
// scripts, on a computer and on a telephone.
var looks = []look{
	{lang: "ja", width: 1280}, {lang: "en", width: 1280, noScript: true},
	{lang: "en", width: 320, dark: true}, {lang: "ja", width: 320, noScript: true},
}

func (l look) String() string {
	name := fmt.Sprintf("%s %d", l.lang, l.width)
	if l.dark {
		name += " dark"
	}
	if l.noScript {
		name += " no script"
	}
	return name
}

// TestSignInToAService is the main job: a person reaches a service with SPS-ID,
// password and TOTP, and the service learns the truth of it. U1.
func TestSignInToAService(t *testing.T) {
	for _, l := range looks {
		t.Run(l.String(), func(t *testing.T) {
			b, p := newBrowser(t, l), nextPerson()
			b.openIn("/accessibility") // keeps the language
			b.open(server.Service() + "/login")
			b.at(server.Base() + "/login?p=")
			b.shows(words(l.lang, "学務情報システム（実演） にログインします。", "You are logging in to Academic Affairs (demonstration)."))
			b.picture("password " + l.String())
			before := b.effort
			b.signIn(p, time.Now())
			b.at(server.Service())
			b.went("sign-in with password and TOTP", "U1: 2 pages, 2 presses", before, effort{pages: 2, presses: 2})
			claims := b.claims()
			if claims["acr"] != "https://refeds.org/profile/mfa" || fmt.Sprint(claims["amr"]) != "[pwd otp mfa]" {
				t.Errorf("acr %v, amr %v, want multi-factor", claims["acr"], claims["amr"])
			}
			if claims["sub"] == "" || claims["sub"] == p.ID {
				t.Errorf("sub = %v, want an opaque value", claims["sub"])
			}
		})
	}
}

// TestByKeyboardAlone signs in without a mouse and without Tab: the focus is
// where it is needed. U1, U10.
func TestByKeyboardAlone(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	b.openIn("/login")
	before := b.effort
	b.focused("username")
	b.typed(p.ID)
	b.typed("\t")
	b.focused("current-password")
	b.typed(password)
	b.enter()
	b.at(server.Base() + "/login/totp")
	b.focused("one-time-code")
	b.typed(p.Code(t, time.Now()))
	b.enter()
	b.at(server.Base() + "/home")
	b.went("sign-in with password and TOTP, by keyboard alone", "U1: 2 pages, 2 presses", before, effort{pages: 2, presses: 2})
	b.shows(p.ID)
}

// TestSecondServiceNeedsNoPassword is single sign-on, in another tab.
func TestSecondServiceNeedsNoPassword(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	b.openIn("/login")
	b.signIn(p, time.Now())
	b.at(server.Base() + "/home")
	other := b.tab()
	other.open(server.Service() + "/login")
	other.at(server.Service())
	if claims := other.claims(); claims["acr"] != "https://refeds.org/profile/mfa" {
		t.Errorf("claims %v", claims)
	}
}

// TestWrongPassword tells the same for every wrong credential, keeps the ID, and
// lets the person go on. WEB-7, PW-6.
func TestWrongPassword(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	b.openIn("/login")
	var texts []string
	for _, id := range []string{p.ID, "nobody", suspended.ID} {
		b.fill("username", id)
		b.fill("current-password", "not the password")
		if status := b.press("ログイン"); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d, want 422", id, status)
		}
		b.shows("SPS-ID またはパスワードが正しくありません。両方を確かめて、もう一度入力してください。")
		if got := get(b, chromedp.Value(field("username"))); got != id {
			t.Errorf("the ID is %q, want %q kept", got, id)
		}
		if got := get(b, chromedp.Value(field("current-password"))); got != "" {
			t.Error("the password was kept")
		}
		if !strings.HasPrefix(b.title(), "エラー: ") {
			t.Errorf("title %q", b.title())
		}
		texts = append(texts, strings.ReplaceAll(b.text(), id, ""))
	}
	for _, text := range texts[1:] {
		if text != texts[0] {
			t.Errorf("the pages differ:\n%s\n%s", texts[0], text)
		}
	}
	b.signIn(p, time.Now())
	b.at(server.Base() + "/home")
}

// TestEmptyFields names what is missing, beside the fields and in a summary.
func TestEmptyFields(t *testing.T) {
	b := newBrowser(t, look{lang: "en", width: 1280})
	b.openIn("/login")
	if status := b.press("Login"); status != http.StatusUnprocessableEntity {
		t.Errorf("status %d", status)
	}
	b.shows("Please check the following", "Enter your SPS-ID.", "Enter your password.")
}

// TestWrongCodes walks through what can be wrong with a code: too short, not
// the one that is shown, the clock, and the one that was used before. TOTP-5, TOTP-6.
func TestWrongCodes(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	b.openIn("/login")
	b.fill("username", p.ID)
	b.fill("current-password", password)
	b.press("ログイン")
	for _, step := range []struct{ typed, want string }{
		{"", "ワンタイムパスワードを入力してください。"},
		{"12345", "6桁の数字を入力してください。"},
		{p.WrongCode(t), "ワンタイムパスワードが正しくありません。"},
		{p.WrongCode(t), "端末の時計がずれている可能性があります。"},
		{p.Code(t, time.Now().Add(5*time.Minute)), "端末の時計が約5分ずれているようです。"},
	} {
		b.fill("one-time-code", step.typed)
		if status := b.press("ログイン"); status != http.StatusUnprocessableEntity {
			t.Errorf("%q: status %d, want 422", step.typed, status)
		}
		b.shows(step.want)
		b.at(server.Base() + "/login/totp")
	}
	now := time.Now()
	full := strings.NewReplacer("0", "０", "1", "１", "2", "２", "3", "３", "4", "４", "5", "５", "6", "６", "7", "７", "8", "８", "9", "９")
	code := p.Code(t, now)
	b.fill("one-time-code", full.Replace(code[:3]+"　"+code[3:]))
	b.press("ログイン")
	b.at(server.Base() + "/home")

	other := newBrowser(t, desktop)
	other.openIn("/login")
	other.fill("username", p.ID)
	other.fill("current-password", password)
	other.press("ログイン")
	other.fill("one-time-code", code)
	other.press("ログイン")
	other.shows("このワンタイムパスワードは使用済みです。")
	waitMail(t, p, "使用済みの数字の入力")
}

// TestSuspended tells a suspended person so, after the right password only.
func TestSuspended(t *testing.T) {
	b := newBrowser(t, desktop)
	b.openIn("/login")
	b.fill("username", suspended.ID)
	b.fill("current-password", password)
	b.press("ログイン")
	b.shows("この SPS-ID は現在ご利用になれません", "お問い合わせ番号: ")
}

// TestTabsAndBack opens the sign-in in two tabs, finishes one, goes back, and
// sends an old page once more. SES-12.
func TestTabsAndBack(t *testing.T) {
	first, p := newBrowser(t, desktop), nextPerson()
	first.openIn("/login")
	second := first.tab()
	second.openIn("/login")
	for _, b := range []*browser{first, second} {
		b.fill("username", p.ID)
		b.fill("current-password", password)
		b.press("ログイン")
		b.at(server.Base() + "/login/totp")
	}
	if first.address() == second.address() {
		t.Error("two tabs share a flow")
	}
	first.fill("one-time-code", p.Code(t, time.Now()))
	first.press("ログイン")
	first.at(server.Base() + "/home")
	second.at(server.Base() + "/login/totp") // not finished by the other
	second.fill("one-time-code", p.Code(t, time.Now().Add(30*time.Second)))
	second.press("ログイン")
	second.at(server.Base() + "/home")
	first.do(chromedp.NavigateBack())
	first.at(server.Base() + "/home")
}

// TestForeignFlow brings the address of a step to another browser, where it
// means nothing. A48.
func TestForeignFlow(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	b.openIn("/login")
	b.fill("username", p.ID)
	b.fill("current-password", password)
	b.press("ログイン")
	other := newBrowser(t, desktop)
	other.openIn("/accessibility")
	other.open(b.address())
	other.shows("このログイン手続きは終了しました", "最初からやり直す")
	other.press("最初からやり直す")
	other.at(server.Base() + "/login")
}

// TestNewBrowserIsTold reads the notice that a sign-in from a new browser sends
// to the notification address and the university mailbox. NOT-1, NOT-2, NOT-3.
func TestNewBrowserIsTold(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	b.openIn("/login")
	b.signIn(p, time.Now())
	m := waitMail(t, p, "新しい端末からのログイン")
	for _, want := range []string{"Chrome", "ワンタイムパスワード（TOTP）", "075-000-0000", p.ID[:3] + "•••" + p.ID[len(p.ID)-2:]} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the mail does not say %q:\n%s", want, m.Text)
		}
	}
	if strings.Contains(m.Text, "http") {
		t.Error("the notice has a link")
	}
}

// TestLogout ends the session here and, by the back channel, at the service.
// SES-4, OIDC-10.
func TestLogout(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	b.openIn("/accessibility")
	b.open(server.Service() + "/login")
	b.signIn(p, time.Now())
	if claims := b.claims(); claims["sub"] == nil {
		t.Fatalf("claims %v", claims)
	}
	b.open(server.Base() + "/home")
	b.press("ログアウト")
	b.press("ログアウト")
	b.shows("ログアウトしました。")
	b.open(server.Base() + "/home")
	b.at(server.Base() + "/login")
	deadline := time.Now().Add(pageTime)
	for b.claims()["sub"] != nil {
		if time.Now().After(deadline) {
			t.Fatal("the service has not been told")
		}
	}
}

// TestUnknownService shows a request of an unknown service, or with another
// return point, here, and goes nowhere. OIDC-2, OIDC-4.
func TestUnknownService(t *testing.T) {
	b := newBrowser(t, look{lang: "en", width: 320})
	b.openIn("/accessibility")
	for _, request := range []string{
		"/oidc/authorize?client_id=unknown&response_type=code&scope=openid&redirect_uri=https://evil.example/cb",
		"/oidc/authorize?client_id=demo-oidc&response_type=code&scope=openid&redirect_uri=https://evil.example/cb",
	} {
		b.open(server.Base() + request)
		b.at(server.Base() + "/oidc/authorize")
		b.shows("Number for inquiry: ")
	}
}

// mail is one of the mail catcher's messages.
type mail struct {
	To      []string
	Subject string
	Text    string
}

// waitMail returns a mail to the person's notification address with this in
// its subject.
func waitMail(t *testing.T, p person, subject string) mail {
	t.Helper()
	return waitMailTo(t, p.ID+"@example.com", subject)
}

// waitMailTo returns a mail to an address with this in its subject.
func waitMailTo(t *testing.T, address, subject string) mail {
	t.Helper()
	deadline := time.Now().Add(pageTime)
	for {
		answer, err := http.Get(server.MailPage() + "/messages.json")
		if err != nil {
			t.Fatal(err)
		}
		var all []mail
		err = json.NewDecoder(answer.Body).Decode(&all)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			if strings.Contains(m.Subject, subject) && slices.Contains(m.To, address) {
				return m
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no mail %q to %s among %d", subject, address, len(all))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

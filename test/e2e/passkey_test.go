package e2e

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"warifu/test/stage"
)

// device is an authenticator of Chromium's own, without hardware.
type device struct {
	b  *browser
	id webauthn.AuthenticatorID
}

// call sends a command of the browser's protocol.
func call[P, R any](b *browser, command cdp.Command[P, R], p P) (result R) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) (err error) {
		result, err = cdp.Call(ctx, target, command, p)
		return err
	}))
	return result
}

// device gives the browser an authenticator. As long as nobody touches it, it
// answers nothing.
func (b *browser) device() *device {
	b.t.Helper()
	call(b, webauthn.Enable, webauthn.EnableParams{})
	added := call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, DefaultBackupEligibility: true, DefaultBackupState: true}})
	return &device{b: b, id: added.AuthenticatorID}
}

// touch says whether the person answers what the device asks.
func (d *device) touch(yes bool) {
	d.b.t.Helper()
	call(d.b, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: d.id, Enabled: yes})
}

// verifies says whether the device recognises the person.
func (d *device) verifies(yes bool) {
	d.b.t.Helper()
	call(d.b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: d.id, IsUserVerified: yes})
}

// passkeyButton is the button or the link of a passkey.
var passkeyButton = chromedp.CSS("[data-passkey] button, [data-passkey] a")

// press presses the button of a passkey, lets the person answer what the device
// asks, and waits until the script has led to an address. What a device was asked
// while nobody touched it, it never answers.
func (d *device) press(address string) {
	d.b.t.Helper()
	d.touch(true)
	d.b.presses++
	d.b.do(chromedp.Click(passkeyButton))
	d.b.comesTo(address)
	d.b.pages++
	d.touch(false)
}

// withoutAutofill makes a browser of this one that offers no passkeys in fields,
// until the returned function is called: otherwise the device, which answers at
// once, would be faster than the press of a button.
func (b *browser) withoutAutofill() func() {
	b.t.Helper()
	added := call(b, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{
		Source: `PublicKeyCredential.isConditionalMediationAvailable = async () => false;`})
	return func() {
		call(b, cdppage.RemoveScriptToEvaluateOnNewDocument, cdppage.RemoveScriptToEvaluateOnNewDocumentParams(added))
	}
}

// says waits until the page says something of the passkey.
func (b *browser) says(text string) {
	b.t.Helper()
	get(b, chromedp.Poll[bool](fmt.Sprintf(`document.querySelector("[data-passkey] [role=status]").textContent === %q`, text)))
}

// createPasskey makes a passkey in the account of a person who is signed in.
func (b *browser) createPasskey(d *device) {
	b.t.Helper()
	b.open(b.base() + "/account/passkeys")
	before := b.effort
	d.press(b.base() + "/account/passkeys?done=passkey")
	b.went("a passkey made, from its page on", "", before, effort{})
	b.shows(words(b.lang, "パスキーを作成しました。", "The passkey has been created."))
}

func (b *browser) logOut() {
	b.t.Helper()
	b.open(b.base() + "/logout")
	b.press(words(b.lang, "ログアウト", "Log out"))
}

var passkeyLooks = []look{{lang: "ja", width: 1280}, {lang: "en", width: 320}}

// TestPasskey makes a passkey, signs in with one press of the button, in the field
// of the ID where the browser offers it, on the page of its own, and beside the
// password; the service learns the truth of it. U2, ACC-2.
func TestPasskey(t *testing.T) {
	for _, l := range passkeyLooks {
		t.Run(l.String(), func(t *testing.T) {
			b, p := newBrowser(t, l), nextPerson()
			d := b.device()
			b.openIn("/login")
			b.signIn(p, time.Now())
			b.open(server.Base() + "/account/passkeys")
			b.picture("passkeys none " + l.String())
			b.createPasskey(d)
			b.picture("passkeys one " + l.String())
			b.shows(words(l.lang, "端末メーカーのアカウントに保存", "Saved in your account of the device maker"))
			b.logOut()

			t.Run("by the button of the first page", func(t *testing.T) {
				b.t = t
				defer b.withoutAutofill()()
				b.open(server.Service() + "/login")
				b.at(server.Base() + "/login?p=")
				b.picture("login " + l.String())
				before := b.effort
				d.press(server.Service())
				b.went("sign-in with a passkey", "U2: 1 page, 1 press", before, effort{pages: 1, presses: 1})
				claims := b.claims()
				if claims["acr"] != "https://refeds.org/profile/mfa" || fmt.Sprint(claims["amr"]) != "[pop user mfa]" {
					t.Errorf("acr %v, amr %v", claims["acr"], claims["amr"])
				}
				b.logOut()
			})
			t.Run("in the field of the ID", func(t *testing.T) {
				b.t = t
				d.touch(true)
				call(b, cdppage.Navigate, cdppage.NavigateParams{URL: server.Base() + "/login"}) // and no more: the script goes on by itself
				b.comesTo(server.Base() + "/home")
				d.touch(false)
				b.shows(p.ID)
				b.logOut()
			})
			t.Run("on the page of its own", func(t *testing.T) {
				b.t = t
				b.open(server.Base() + "/login/passkey")
				b.picture("passkey " + l.String())
				b.do(chromedp.Click(passkeyButton))
				b.says(words(l.lang, "端末の操作を待っています。", "Waiting for your device."))
				b.picture("passkey waiting " + l.String())
				b.open(server.Base() + "/login/passkey")
				d.verifies(false)
				d.touch(true)
				b.do(chromedp.Click(passkeyButton))
				b.says(words(l.lang, "パスキーを確認できませんでした。もう一度お試しいただくか、別の方法をお使いください。", "The passkey could not be checked. Try again, or use another method."))
				b.picture("passkey refused " + l.String())
				d.verifies(true)
				d.press(server.Base() + "/home")
				b.logOut()
			})
			t.Run("beside the password", func(t *testing.T) {
				b.t = t
				b.open(server.Base() + "/login")
				b.fill("username", p.ID)
				b.fill("current-password", password)
				b.press(words(l.lang, "ログイン", "Login"))
				b.press(words(l.lang, "別の方法でログインする", "Use another method"))
				b.picture("choose " + l.String())
				b.submit(chromedp.Click(chromedp.CSS(`a[href^="/login/passkey"]`)))
				d.press(server.Base() + "/home")
				b.shows(p.ID)
			})
		})
	}
}

// TestForgottenPasswordByPasskey is the FAQ's entry of the forgotten password for a
// person with a passkey: at the URL of the mail one press is enough, and no ID is
// typed. A device that does not recognise the person opens nothing. Decisions §3.8,
// WAN-1.
func TestForgottenPasswordByPasskey(t *testing.T) {
	for _, l := range passkeyLooks {
		t.Run(l.String(), func(t *testing.T) {
			b, p := newBrowser(t, l), nextPerson()
			d := b.device()
			b.openIn("/login")
			b.signIn(p, time.Now())
			b.createPasskey(d)
			b.logOut()
			before := b.effort
			b.open(server.Base() + "/forgot")
			b.fill("username", p.ID)
			b.press(words(l.lang, "メールを送信する", "Send the email"))
			b.openMailed(link(t, p, "パスワードの再設定のご案内"))
			b.picture("proof by passkey " + l.String())
			address := b.address()
			b.apart(func() {
				d.verifies(false)
				d.touch(true)
				b.do(chromedp.Click(passkeyButton))
				b.says(words(l.lang, "パスキーを確認できませんでした。もう一度お試しいただくか、別の方法をお使いください。", "The passkey could not be checked. Try again, or use another method."))
				d.touch(false)
				d.verifies(true)
			})
			b.at(address)
			d.press(server.Base() + "/reset/password")
			const better = "馬と電池とホチキスの割符"
			b.fill("new-password", better)
			b.press(words(l.lang, "変更する", "Change"))
			b.at(server.Base() + "/login")
			b.went("forgotten password with a passkey, from /forgot", "", before, effort{})
			b.open(address)
			d.touch(true)
			b.submit(chromedp.Click(passkeyButton))
			b.shows(words(l.lang, "URL が使えなくなっています。", "the URL can no longer be used."))
			b.picture("proof refused " + l.String())
		})
	}
}

// TestPasskeyNeedsAFreshProof presses the button when the second factor was given
// too long ago: the script follows to that step, which leads back. WAN-4, TOTP-12.
func TestPasskeyNeedsAFreshProof(t *testing.T) {
	dir := t.TempDir()
	own, err := startDemo(program, "--data", dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Stop)
	b, p := newBrowser(t, desktop), stage.Seeded(1)
	d := b.device()
	b.open(own.Base() + "/login?lang=ja")
	b.fill("username", p.ID)
	b.fill("current-password", password)
	b.press("ログイン")
	b.fill("one-time-code", p.Code(t, time.Now()))
	b.press("ログイン")
	b.open(own.Base() + "/account/passkeys")
	age(t, filepath.Join(dir, "warifu.db"), 10*time.Minute)
	b.do(chromedp.Click(passkeyButton))
	b.comesTo(own.Base() + "/login/totp")
	b.shows("設定を変更するために必要です。")
	b.fill("one-time-code", p.Code(t, time.Now().Add(30*time.Second)))
	b.press("ログイン")
	b.at(own.Base() + "/account/passkeys")
	d.press(own.Base() + "/account/passkeys?done=passkey")
	b.shows("パスキーを作成しました。")
}

// age makes every proof that was given in a session older.
func age(t *testing.T, database string, by time.Duration) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+database+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var text string
	if err := db.QueryRowContext(t.Context(), `SELECT evidence FROM session`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	var evidence []map[string]any
	if err := json.Unmarshal([]byte(text), &evidence); err != nil {
		t.Fatal(err)
	}
	for _, proof := range evidence {
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(proof["at"]))
		if err != nil {
			t.Fatal(err)
		}
		proof["at"] = at.Add(-by)
	}
	older, err := json.Marshal(evidence)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `UPDATE session SET evidence = $1`, string(older)); err != nil {
		t.Fatal(err)
	}
}

// TestPasskeyIsRemoved renames a passkey and removes it. TOTP-12.
func TestPasskeyIsRemoved(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	d := b.device()
	b.openIn("/login")
	b.signIn(p, time.Now())
	b.createPasskey(d)
	b.press("名前を変更")
	get(b, chromedp.Evaluate[bool](`document.getElementById("name").select(); true`))
	b.typed("研究室の PC")
	b.picture("passkey rename")
	b.press("保存")
	b.shows("名前を変更しました。", "研究室の PC")
	b.press("削除")
	b.picture("passkey remove")
	b.shows("パスキー「研究室の PC」を削除しますか？", "端末の設定からも削除してください。")
	b.press("削除")
	b.shows("削除しました。")
}

// TestPasskeyWithoutScript says that passkeys need JavaScript, and offers the other
// way. U10.
func TestPasskeyWithoutScript(t *testing.T) {
	b := newBrowser(t, look{lang: "ja", width: 1280, noScript: true})
	b.openIn("/login")
	b.press("パスキーでログイン")
	b.shows("パスキーの利用には JavaScript が必要です。")
	b.press("パスワードでログインする")
	b.at(server.Base() + "/login")
	b.open(server.Base() + "/forgot/" + strings.Repeat("A", 43))
	if strings.Contains(b.text(), "パスキー") {
		t.Error("a passkey is offered that could not be used")
	}
}

var codeShape = regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){3}`)

// TestRecoveryCodes makes codes, saves them as a file, and uses one in place of the
// Authenticator, in both languages, with and without scripts. REC-1.
func TestRecoveryCodes(t *testing.T) {
	for _, l := range looks {
		t.Run(l.String(), func(t *testing.T) {
			b, p := newBrowser(t, l), nextPerson()
			b.openIn("/login")
			b.signIn(p, time.Now())
			b.open(server.Base() + "/account/recovery-codes")
			b.picture("codes none " + l.String())
			before := b.effort
			b.press(words(l.lang, "リカバリーコードを作る", "Make recovery codes"))
			b.picture("codes " + l.String())
			codes := codeShape.FindAllString(b.text(), -1)
			if len(codes) != 10 {
				t.Fatalf("%d codes: %s", len(codes), b.text())
			}
			file := b.download(words(l.lang, "テキストファイルに保存", "Save as a text file"))
			for _, want := range append(codes, words(l.lang, "みやこ大学", "Miyako University"), "075-000-0000") {
				if !strings.Contains(file, want) {
					t.Errorf("the file lacks %q:\n%s", want, file)
				}
			}
			if strings.Contains(file, p.ID) {
				t.Error("the file says whose codes they are")
			}
			b.apart(func() { // they outlast the choice of the other language, and back
				b.pressIn("header", words(l.lang, "English", "日本語"))
				b.shows(words(l.lang, "These codes are shown only now.", "このコードは今だけ表示されます。"), codes[0], codes[9])
				b.picture("codes in the other language " + l.String())
				b.pressIn("header", words(l.lang, "日本語", "English"))
				b.shows(words(l.lang, "このコードは今だけ表示されます。", "These codes are shown only now."), codes[0], codes[9])
			})
			b.apart(func() {
				b.press(words(l.lang, "完了", "Finish"))
				b.shows(words(l.lang, "コードを保存してから、チェックを付けてください。", "Save the codes, then select the check box."), codes[9])
			})
			b.picture("codes unsaved " + l.String())
			b.choose("saved")
			b.press(words(l.lang, "完了", "Finish"))
			b.went("recovery codes made, saved and kept, from their page on", "", before, effort{})
			b.shows(words(l.lang, "新しいリカバリーコードを作成しました。", "New recovery codes have been made."), words(l.lang, "10個のうち残り10個", "Codes left: 10 of 10"))
			b.picture("codes left " + l.String())
			b.logOut()

			b.open(server.Base() + "/login")
			before = b.effort
			b.fill("username", p.ID)
			b.fill("current-password", password)
			b.press(words(l.lang, "ログイン", "Login"))
			b.press(words(l.lang, "別の方法でログインする", "Use another method"))
			b.presses++
			b.submit(chromedp.Click(chromedp.CSS(`a[href^="/login/recovery-code"]`)))
			b.apart(func() {
				b.typed("0000-0000-0000-0000")
				b.press(words(l.lang, "ログイン", "Login"))
			})
			b.shows(words(l.lang, "リカバリーコードが正しくないか、使用済みです。別のコードを入力してください。", "The recovery code is not correct, or was used before. Try another one."))
			b.picture("recovery code wrong " + l.String())
			b.focused("one-time-code")
			b.fill("one-time-code", strings.ToLower(strings.ReplaceAll(codes[0], "-", "")))
			b.press(words(l.lang, "ログイン", "Login"))
			b.at(server.Base() + "/home")
			b.went("sign-in with password and recovery code", "", before, effort{})
			b.shows(words(l.lang, "リカバリーコードを使いました。残りは9個です。", "You used a recovery code. Codes left: 9."))
			b.picture("home after a code " + l.String())
			waitMail(t, p, "リカバリーコードの使用")
		})
	}
}

// comesTo waits until scripts have led to an address, to a page with these words.
func (b *browser) comesTo(address string, words ...string) {
	b.t.Helper()
	wanted, err := json.Marshal(append([]string{}, words...))
	b.must(err)
	ctx, cancel := context.WithTimeout(b.ctx, pageTime)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		found, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(
			`location.href.startsWith(%q) && document.readyState === "complete" && %s.every(w => document.body.innerText.includes(w))`, address, wanted)))
		if err == nil && found {
			return
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("the browser is at %s, want %s %q:\n%s", b.address(), address, words, b.text())
		case <-tick.C: // between two pages there is none to ask
		}
	}
}

// download presses a button that answers with a file, and returns its content.
func (b *browser) download(words string) string {
	b.t.Helper()
	dir := b.t.TempDir()
	mine := call(b, target.GetTargetInfo, target.GetTargetInfoParams{}).TargetInfo.BrowserContextID
	call(b, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: mine, DownloadPath: dir})
	name := filepath.Join(dir, "recovery-codes.txt")
	ctx, cancel := context.WithTimeout(b.ctx, pageTime)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.Search(fmt.Sprintf(`//main//button[normalize-space(.)=%q]`, words))))
	if err == nil || !strings.Contains(err.Error(), "ERR_ABORTED") { // which is how the browser says that no page follows
		b.t.Fatalf("a page instead of a file: %v", err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if text, err := os.ReadFile(name); err == nil && len(text) > 0 {
			return string(text)
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("no file: %s", b.text())
		case <-tick.C:
		}
	}
}

// means looks at the pages of passkeys and recovery codes, and returns a code.
func (w *walk) means() (code string) {
	d := w.device()
	w.open(server.Base() + "/account/passkeys")
	w.inspect("passkeys none")
	w.createPasskey(d)
	w.inspect("passkeys")
	w.press(words(w.look.lang, "名前を変更", "Rename"))
	w.inspect("passkey rename")
	w.open(server.Base() + "/account/passkeys")
	w.press(words(w.look.lang, "削除", "Remove"))
	w.inspect("passkey remove")
	w.open(server.Base() + "/account/recovery-codes")
	w.inspect("codes none")
	w.press(words(w.look.lang, "リカバリーコードを作る", "Make recovery codes"))
	w.inspect("codes made")
	code = codeShape.FindString(w.text())
	w.press(words(w.look.lang, "完了", "Finish"))
	w.inspect("codes unsaved")
	w.do(chromedp.Click(chromedp.CSS("#saved")))
	w.press(words(w.look.lang, "完了", "Finish"))
	w.inspect("codes left")
	return code
}

// byMeans looks at the pages where passkeys and recovery codes sign in.
func (w *walk) byMeans(p person, code string) {
	w.open(server.Base() + "/login/passkey")
	w.inspect("passkey")
	w.do(chromedp.Click(passkeyButton))
	w.says(words(w.look.lang, "端末の操作を待っています。", "Waiting for your device."))
	w.inspect("passkey waiting")
	w.open(server.Base() + "/login")
	w.password(p.ID, password)
	w.press(words(w.look.lang, "別の方法でログインする", "Use another method"))
	w.inspect("choose of three")
	w.submit(chromedp.Click(chromedp.CSS(`a[href^="/login/passkey"]`)))
	w.inspect("passkey beside")
	w.press(words(w.look.lang, "別の方法でログインする", "Use another method"))
	w.submit(chromedp.Click(chromedp.CSS(`a[href^="/login/recovery-code"]`)))
	w.inspect("recovery code")
	w.fits()
	w.fill("one-time-code", "0")
	w.login()
	w.inspect("recovery code wrong")
	w.fill("one-time-code", code)
	w.login()
	w.inspect("home after a code")
	w.logOut()
}

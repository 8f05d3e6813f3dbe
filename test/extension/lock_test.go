package extension

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const passphrase = "correct horse battery"

// holdLocked has the extension hold an account under the passphrase, unlocked.
func (c *chromium) holdLocked() *tab {
	c.t.Helper()
	return c.holdLockedIn(c.manage("add"))
}

// holdLockedIn is holdLocked in a tab that is there.
func (c *chromium) holdLockedIn(b *tab) *tab {
	c.t.Helper()
	b.choosePassphrase(passphrase)
	b.takeText(uri(held))
	b.press("OK")
	return b
}

// unlock types the passphrase where a page asks for it.
func (b *tab) unlock(passphrase string) {
	b.t.Helper()
	b.shows("ロックされています")
	b.fill("#passphrase", passphrase)
	b.press("ロックを解除")
}

// TestLock locks all windows by the button, refuses a wrong passphrase without
// changing anything, and opens with the right one.
func TestLock(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.holdLocked()
	popup := c.tab().popup()
	popup.press("ロック")
	b.shows("ロックされています")
	popup.unlock("wrong horse battery")
	popup.shows("パスフレーズが違います。")
	popup.hides(grouped(held.Code(t, time.Now())))
	popup.fill("#passphrase", passphrase)
	popup.enter()
	popup.shows(grouped(held.Code(t, time.Now())))
}

// TestLockByTime locks after the chosen time without use, also where the worker
// that should do it was ended, and where the alarm comes late.
func TestLockByTime(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.holdLocked()
	b.open(c.address("manage.html#settings"))
	b.choose("#lock-after", "5")
	b.shows("保存しました。")
	minutes := eval[float64](b, `chrome.alarms.get("lock").then((alarm) => (alarm.scheduledTime - Date.now()) / 60_000)`)
	if minutes < 4.5 || minutes > 5 {
		t.Errorf("it locks in %.1f minutes, want 5", minutes)
	}
	c.endWorker()
	eval[any](b, `chrome.alarms.create("lock", {when: Date.now()}).then(() => null)`)
	b.unlock(passphrase)
	b.until(`document.getElementById("lock-after") !== null`)
	eval[any](b, `chrome.storage.session.get("unlocked").then(({unlocked}) => chrome.storage.session.set({unlocked: {...unlocked, until: Date.now() - 1}})).then(() => null)`)
	b.open(c.address("popup.html"))
	b.shows("ロックされています")
}

// TestWithoutWebAssembly is a browser in which it is off, as where an institution has
// turned off the compiler of JavaScript: keys come by PBKDF2, and
// QR codes are read by script. What needs it says so: a file of Aegis, whose keys
// come by scrypt, and a file and a vault that were made with Argon2id.
func TestWithoutWebAssembly(t *testing.T) {
	t.Parallel()
	c := startChromium(t, t.TempDir(), dist+"/chromium", chromedp.Flag("js-flags", "--jitless"))
	t.Cleanup(c.close)
	b := c.holdLocked()
	if eval[bool](b, `typeof WebAssembly === "object"`) {
		t.Fatal("WebAssembly is on")
	}
	vault := eval[string](b, `chrome.storage.local.get("vault").then(({vault}) => vault)`)
	if header := headerOf(t, []byte(vault)); !strings.Contains(header, `"alg":"pbkdf2-sha256","i":600000`) {
		t.Errorf("the header of the vault is %s", header)
	}
	b.press("ロック")
	b.unlock(passphrase)
	p := nextPerson()
	b.choosesFile(pictureOf(t, uri(p)))
	b.shows("Example（" + p.ID + "） 追加されました。")
	b.press("OK")
	scanned := nextPerson()
	page := c.newTab()
	page.open("http://localhost" + pages(t, map[string]string{"": "<p>" + strings.Repeat("Lorem ipsum dolor sit amet. ", 40) + "</p>" + drawn(t, uri(scanned), 240, "#000", "#fff")}) + "/")
	popup := page.popup()
	popup.press("QRコード読み取り")
	popup.shows("Example（" + scanned.ID + "） 追加されました。")
	popup.press("OK")
	folder := t.TempDir()
	b.downloadsTo(folder)
	b.open(c.address("manage.html#export"))
	b.choose("#format", "aegis")
	b.saveUnder("another passphrase")
	b.shows("このブラウザでは鍵を計算できません。")
	b.choose("#format", "warifu")
	b.saveUnder("another passphrase")
	b.shows("3 件をエクスポートしました。")
	file, err := os.ReadFile(downloaded(t, folder))
	if err != nil {
		t.Fatal(err)
	}
	if header := headerOf(t, file); !strings.Contains(header, `"alg":"pbkdf2-sha256","i":600000`) {
		t.Errorf("the header of the file is %s", header)
	}

	vectors, err := os.ReadFile("../../testdata/vectors/export-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var of struct {
		Cases []struct {
			Name, Passphrase string
			File             json.RawMessage
		}
	}
	if err := json.Unmarshal(vectors, &of); err != nil {
		t.Fatal(err)
	}
	export, vaultOf := of.Cases[0], of.Cases[2] // both by Argon2id
	name := filepath.Join(t.TempDir(), "export.json")
	if err := os.WriteFile(name, export.File, 0o600); err != nil {
		t.Fatal(err)
	}
	b.open(c.address("manage.html#add"))
	b.choosesFile(name)
	b.fill("#file-passphrase", export.Passphrase)
	b.press("開く")
	b.shows("export.json: 大きすぎるか、このブラウザでは計算できません")
	b.press("ロック")
	b.shows("ロックされています")
	eval[any](b, `chrome.storage.local.set({vault: %q}).then(() => null)`, vaultOf.File)
	b.open(c.address("popup.html"))
	b.unlock(vaultOf.Passphrase)
	b.shows("このブラウザでは鍵を計算できません。")
}

// headerOf is the header of a vault or of an export file.
func headerOf(t *testing.T, sealed []byte) string {
	t.Helper()
	var parts struct{ Protected string }
	if err := json.Unmarshal(sealed, &parts); err != nil {
		t.Fatal(err)
	}
	header, err := base64.RawURLEncoding.DecodeString(parts.Protected)
	if err != nil {
		t.Fatal(err)
	}
	return string(header)
}

// TestLockByClose locks when the browser closes.
func TestLockByClose(t *testing.T) {
	t.Parallel()
	profile := t.TempDir()
	first := startChromium(t, profile, dist+"/chromium")
	first.holdLocked()
	first.close()
	second := startChromium(t, profile, dist+"/chromium")
	defer second.close()
	b := second.manage("accounts")
	b.unlock(passphrase)
	b.shows("Example hanako")
}

// TestForgottenPassphrase erases everything once the shown word is typed, and only
// then.
func TestForgottenPassphrase(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.holdLocked()
	b.press("ロック")
	b.press("パスフレーズを忘れた場合")
	b.fill("#erase", "消す")
	b.press("すべて消去")
	b.shows("「消去」と入力してください。")
	b.fill("#erase", "消去")
	b.press("すべて消去")
	b.shows("アカウントを保護します")
	if left := eval[int](b, `chrome.storage.local.get().then((all) => Object.keys(all).length)`); left != 0 {
		t.Errorf("%d things are left", left)
	}
}

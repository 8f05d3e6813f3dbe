package extension

import (
	"encoding/base64"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
	"github.com/chromedp/chromedp"

	"warifu/test/stage"
)

// held is an account that stories begin with.
var held = stage.Person{ID: "hanako", Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}

func uri(p stage.Person) string {
	return "otpauth://totp/Example:" + p.ID + "?secret=" + p.Secret + "&issuer=Example"
}

// manage opens a view of the page of the extension in a tab.
func (c *chromium) manage(view string) *tab {
	c.t.Helper()
	b := c.newTab()
	b.open(c.address("manage.html#" + view))
	return b
}

// hold has the extension hold an account, without a lock.
func (c *chromium) hold(uri string) *tab {
	c.t.Helper()
	b := c.manage("add")
	b.press("ロックしない")
	b.takeText(uri)
	b.press("OK")
	return b
}

// takeText takes in a text as a person does who has copied it.
func (b *tab) takeText(text string) {
	b.t.Helper()
	b.fill("#text", text)
	b.press("文字を取り込む")
}

// pictureOf is an image file of a QR code.
func pictureOf(t testing.TB, text string) string {
	t.Helper()
	code, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		t.Fatal(err)
	}
	large, err := barcode.Scale(code, 300, 300)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "code.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, large); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// choosesFile gives a file to the chooser of the page.
func (b *tab) choosesFile(name string) {
	b.t.Helper()
	b.until(`document.getElementById("files") !== null`)
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#files"), []string{name}))
}

// TestImageFile takes in the image of a QR code; one that is no code of ours, and a
// file that is nothing known, say so.
func TestImageFile(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.hold(uri(held))
	p := nextPerson()
	b.choosesFile(pictureOf(t, uri(p)))
	b.shows("Example（" + p.ID + "） 追加されました。")
	b.hides("サイト")
	b.press("OK")
	b.choosesFile(pictureOf(t, "https://example.org/"))
	b.shows("これは TOTP の QRコードではありません: https://example.org/")
	other := filepath.Join(t.TempDir(), "letter.txt")
	if err := os.WriteFile(other, []byte("Dear all"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.choosesFile(other)
	b.shows("letter.txt は取り込めません。取り込めるのは Warifu Authenticator、Aegis")
}

// TestPaste takes in what is pasted into the page or dropped on it.
func TestPaste(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.hold(uri(held))
	for event, account := range map[string]string{"paste": "pasted", "drop": "dropped"} {
		p := nextPerson()
		p.ID = account
		eval[bool](b, `(() => {
			const data = new DataTransfer();
			data.setData("text/plain", %q);
			const event = %q === "paste" ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true}) : new DragEvent("drop", {dataTransfer: data, bubbles: true});
			return document.body.dispatchEvent(event);
		})()`, uri(p), event)
		b.shows("Example（" + account + "） 追加されました。")
		b.press("OK")
	}
}

// TestPastedImage takes in a QR code that was copied as an image; a picture without
// one says so, and adds nothing.
func TestPastedImage(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.hold(uri(held))
	p := nextPerson()
	b.pasteImage(pictureOf(t, uri(p)))
	b.shows("Example（" + p.ID + "） 追加されました。")
	b.press("OK")
	blank, err := os.Create(filepath.Join(t.TempDir(), "blank.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer blank.Close()
	if err := png.Encode(blank, image.NewGray(image.Rect(0, 0, 300, 300))); err != nil {
		t.Fatal(err)
	}
	b.pasteImage(blank.Name())
	b.shows("QRコードが見つかりません。")
	if names := c.accounts(); names != "Example hanako,Example "+p.ID {
		t.Errorf("the accounts are %s", names)
	}
}

// pasteImage pastes an image file, which the clipboard has without any text.
func (b *tab) pasteImage(name string) {
	b.t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		b.t.Fatal(err)
	}
	eval[bool](b, `(() => {
		const data = new DataTransfer();
		data.items.add(new File([Uint8Array.from(atob(%q), (c) => c.charCodeAt(0))], "image.png", {type: "image/png"}));
		return document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
	})()`, base64.StdEncoding.EncodeToString(content))
}

// TestKeyByHand names the characters that cannot be in a key, and shows the code
// while it is typed.
func TestKeyByHand(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.manage("add")
	b.press("ロックしない")
	b.fill("#issuer", "Example")
	b.fill("#account", "by hand")
	b.fill("#key", "jbsw y3dp ehpk 3px0")
	b.press("追加")
	b.shows("キーに使えない文字があります: 0（O の間違い？）")
	b.fill("#key", "jbsw y3dp e")
	b.press("追加")
	b.shows("キーが途中で切れています。")
	b.fill("#key", "jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp")
	b.shows("今のコード: " + grouped(held.Code(t, time.Now())))
	b.press("追加")
	b.shows("Example（by hand） 追加されました。")
	b.press("OK")
	b.shows("Example by hand")
}

// TestConflict asks before an account of the same name with another key is
// replaced; the replaced one can be restored.
func TestConflict(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.hold(uri(held))
	p := nextPerson()
	p.ID = "ＨＡＮＡＫＯ" // the same name, folded
	b.takeText(uri(p))
	b.shows("同じアカウントがあります。置き換えますか？")
	if first := eval[string](b, `document.activeElement.textContent`); first != "置き換える" {
		t.Errorf("the first choice is %s", first)
	}
	b.press("キャンセル")
	b.takeText(uri(p))
	b.press("置き換える")
	b.shows(grouped(p.Code(t, time.Now())))
	b.press("取り消す")
	b.shows("の追加を取り消しました。")
	if names := c.accounts(); names != "Example hanako" {
		t.Errorf("taken back, the accounts are %s", names)
	}
	b.takeText(uri(p))
	b.press("両方残す")
	b.press("OK")
	if names := c.accounts(); strings.Count(names, ",") != 1 {
		t.Errorf("the accounts are %s, want both", names)
	}
}

// TestDeleteAndRestore deletes an account once its name is typed, and restores it
// from the bin.
func TestDeleteAndRestore(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	b := c.manage("accounts")
	b.press("削除")
	b.press("削除") // of the dialog
	b.shows("「Example（hanako）」と入力してください。")
	b.fill("#typed", "Example（hanako）")
	b.press("削除")
	b.shows("Example（hanako） を削除しました。")
	b.shows("アカウントはまだありません。")
	b.press("Example（hanako） を戻す")
	b.until(`document.querySelector("ol.rows")?.textContent.includes("hanako")`)
}

// TestCarriedOver exports in one browser and imports in another: the code is the
// same, and a second import changes nothing.
func TestCarriedOver(t *testing.T) {
	t.Parallel()
	from := newChromium(t)
	file := from.exportedFile(t.TempDir())
	popup := from.newTab()
	popup.open(from.address("popup.html"))
	popup.shows("最終バックアップ: 20")

	to := newChromium(t)
	b := to.manage("add")
	b.press("ロックしない")
	b.choosesFile(file)
	b.fill("#file-passphrase", "wrong passphrase")
	b.press("開く")
	b.shows("パスフレーズが違うか、ファイルが壊れています。")
	b.fill("#file-passphrase", "another passphrase")
	b.press("開く")
	b.shows("追加 1、置き換え 0、同じ 0、失敗 0")
	b.choosesFile(file)
	b.fill("#file-passphrase", "another passphrase")
	b.press("開く")
	b.shows("追加 0、置き換え 0、同じ 1、失敗 0")
	b.open(to.address("popup.html"))
	b.shows(grouped(held.Code(t, time.Now())))
}

// exportedFile has the extension hold an account, and saves it in a folder, under
// another passphrase.
func (c *chromium) exportedFile(folder string) string {
	c.t.Helper()
	b := c.holdLocked()
	b.downloadsTo(folder)
	b.open(c.address("manage.html#export"))
	b.saveUnder("another passphrase")
	b.shows("1 件をエクスポートしました。")
	return downloaded(c.t, folder)
}

// saveUnder saves the accounts in the chosen format, under a passphrase.
func (b *tab) saveUnder(passphrase string) {
	b.t.Helper()
	b.fill("#new", passphrase)
	b.fill("#again", passphrase)
	b.press("ファイルを保存")
}

// TestPlainExport warns and asks for the passphrase again.
func TestPlainExport(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.holdLocked()
	folder := t.TempDir()
	b.downloadsTo(folder)
	b.open(c.address("manage.html#export"))
	b.choose("#format", "otpauth")
	b.shows("このファイルは暗号化されません。")
	b.press("理解しました")
	b.fill("#current", "wrong horse battery")
	b.press("ファイルを保存")
	b.shows("パスフレーズが違います。")
	if files, _ := os.ReadDir(folder); len(files) > 0 {
		t.Fatalf("%d files were saved", len(files))
	}
	b.fill("#current", passphrase)
	b.press("ファイルを保存")
	b.shows("1 件をエクスポートしました。")
	text, err := os.ReadFile(downloaded(t, folder))
	if err != nil || !strings.Contains(string(text), "secret="+held.Secret) {
		t.Errorf("the file holds %q, %v", text, err)
	}
}

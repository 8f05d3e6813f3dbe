package extension

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/boombuler/barcode/qr"

	"warifu/test/stage"
)

// TestScan reads the QR code off the page of the sign-on: the account is stored
// by the person's own act, and bound to the site. Taken back, it is gone.
func TestScan(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.tab()
	secret := b.enrol()
	popup := b.popup()
	popup.shows("アカウントはまだありません。")
	popup.press("QRコード読み取り")
	popup.press("ロックしない")
	popup.shows("追加されました。")
	popup.shows(server.Base())
	popup.shows(grouped(stage.Person{Secret: secret}.Code(t, time.Now())))
	popup.picture("added in the popup")
	popup.press("取り消す")
	popup.shows("の追加を取り消しました。")
	popup.hides("このページに入力")
	popup.press("QRコード読み取り")
	popup.press("OK")
	popup.shows(grouped(stage.Person{Secret: secret}.Code(t, time.Now())))
	popup.shows("このページに入力")
	popup.picture("popup")
	popup.press("QRコード読み取り")
	popup.shows("は登録済みです。")
}

// drawn is a QR code as an SVG image of this width, with its quiet zone.
func drawn(t testing.TB, text string, width int, dark, light string) string {
	t.Helper()
	code, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		t.Fatal(err)
	}
	size := code.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x, y)
			}
		}
	}
	return fmt.Sprintf(`<svg viewBox="-4 -4 %d %d" width="%d" height="%d" shape-rendering="crispEdges"><rect x="-4" y="-4" width="100%%" height="100%%" fill="%s"/><path d="%s" fill="%s"/></svg>`,
		size+8, size+8, width, width, light, path.String(), dark)
}

// TestScanOf reads codes of many kinds off a page of text.
func TestScanOf(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	text := "<p>" + strings.Repeat("Lorem ipsum dolor sit amet. ", 40) + "</p>"
	code := func(account string) string {
		return "otpauth://totp/Miyako%20Login:" + account + "?secret=" + nextPerson().Secret + "&issuer=Miyako%20Login&algorithm=SHA1&digits=6&period=30"
	}
	contents := map[string]string{
		"100": text + drawn(t, code("hundred"), 100, "#000", "#fff"), "240": text + drawn(t, code("usual"), 240, "#000", "#fff"),
		"400":     text + drawn(t, code("large"), 400, "#000", "#fff") + text,
		"dark":    `<div style="background: #1a1a1a; color: #e6e6e6; padding: 40px">` + text + drawn(t, code("dark"), 220, "#e6e6e6", "#1a1a1a") + "</div>",
		"two":     drawn(t, code("one"), 220, "#000", "#fff") + text + drawn(t, code("other"), 220, "#000", "#fff"),
		"none":    text,
		"foreign": text + drawn(t, "https://example.org/<b>menu</b>", 220, "#000", "#fff"),
	}
	site := "http://localhost" + pages(t, contents)
	scan := func(page string) *tab {
		b := c.newTab()
		b.open(site + "/" + page)
		popup := b.popup()
		popup.press("QRコード読み取り")
		return popup
	}
	for page, account := range map[string]string{"100": "hundred", "240": "usual", "400": "large", "dark": "dark"} {
		popup := scan(page)
		popup.shows("Miyako Login（" + account + "） 追加されました。")
		popup.shows(site)
		popup.press("OK")
	}
	popup := scan("two")
	popup.shows("追加するものを選んでください。")
	popup.shows("Miyako Login（other）")
	popup.do(popup.click(`document.querySelector("label:has(+ label) input")`))
	chosen := eval[string](popup, `[...document.querySelectorAll("label:has(input:checked)")].map((label) => label.textContent).join()`)
	popup.press("選んだものを追加")
	popup.shows(chosen + " 追加されました。")
	popup.press("OK")
	popup = scan("none")
	popup.shows("QRコードが見つかりません。")
	popup.shows("画像、文字、キーで追加")
	popup = scan("foreign")
	popup.shows("これは TOTP の QRコードではありません: https://example.org/<b>menu</b>")
	if eval[bool](popup, `document.querySelector("#status *") !== null`) {
		t.Error("the text of a foreign code is more than text")
	}
	if got := strings.Count(c.accounts(), ","); got != 5 {
		t.Errorf("%d accounts are held, want 6", got+1)
	}
}

// TestScanWhereNothingCanBeCaptured offers the other ways: a popup in a tab of its
// own has no leave to see the page, as on pages of stores.
func TestScanWhereNothingCanBeCaptured(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	b := c.tab()
	b.open(c.address("popup.html"))
	b.press("QRコード読み取り")
	b.shows("このページは読み取れません。")
	if want := "manage.html#add"; !strings.HasSuffix(eval[string](b, `document.querySelector("#choice a").href`), want) {
		t.Errorf("the link does not lead to %s", want)
	}
}

package extension

import (
	"testing"
	"time"

	"warifu/test/stage"
)

// TestScan reads the QR code off the page of the sign-on: the account is stored
// by the person's own act, and bound to the site.
func TestScan(t *testing.T) {
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
	popup.press("OK")
	popup.shows(grouped(stage.Person{Secret: secret}.Code(t, time.Now())))
	popup.shows("このページに入力")
	popup.picture("popup")
}

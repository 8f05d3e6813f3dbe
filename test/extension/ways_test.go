package extension

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"warifu/test/stage"
)

// held is an account that stories begin with.
var held = stage.Person{ID: "hanako", Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}

func (c *chromium) uri(p stage.Person) string {
	return "otpauth://totp/Example:" + p.ID + "?secret=" + p.Secret + "&issuer=Example"
}

// manage opens the page of the extension in a tab, and leaves the vault without a
// lock unless there is one already.
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

// TestText takes in an otpauth line.
func TestText(t *testing.T) {
	c := newChromium(t)
	b := c.hold(c.uri(held))
	b.open(c.address("popup.html"))
	b.shows(grouped(held.Code(t, time.Now())))
	b.picture("popup as a tab")
}

var _ = chromedp.Do
var _ = os.ReadFile
var _ = filepath.Join

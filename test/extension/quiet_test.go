package extension

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// requests are what the extension's pages and worker ask of a network.
type requests struct {
	mu  sync.Mutex
	all []string
}

func (r *requests) note(event any) {
	sent, ok := event.(*network.EventRequestWillBeSent)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, sent.Request.URL)
}

// watch notes from now on what a page asks for.
func (r *requests) watch(b *tab) {
	b.t.Helper()
	if err := chromedp.Listen(b.ctx, r.note); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
		return err
	}))
}

// TestNoRequest goes through the story with every page of the extension and its
// worker watched: nothing but files of the extension is asked for.
func TestNoRequest(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	var r requests
	r.watch(c.worker())
	b := c.newTab()
	r.watch(b)
	b.open(c.address("manage.html#add"))
	b.choosePassphrase(passphrase)
	b.takeText(uri(held))
	b.press("OK")
	b.choosesFile(pictureOf(t, uri(nextPerson())))
	b.press("OK")
	page := c.speaking()
	nonce := page.offer(nextPerson())
	confirm := c.shown("confirm.html")
	r.watch(confirm)
	confirm.press("追加する")
	page.answered(nonce, "")
	confirm.dismiss("OK")
	page.open("http://localhost" + pages(t, map[string]string{"": drawn(t, uri(nextPerson()), 240, "#000", "#fff")}) + "/")
	popup := page.popup()
	r.watch(popup)
	popup.press("QRコード読み取り")
	popup.press("OK")
	r.mu.Lock()
	defer r.mu.Unlock()
	files := 0
	for _, address := range r.all {
		if strings.HasPrefix(address, c.address("")) {
			files++
		} else if !strings.HasPrefix(address, "data:") && !strings.HasPrefix(address, "blob:") {
			t.Errorf("the extension asks for %s", address)
		}
	}
	if files < 5 {
		t.Errorf("only %d requests were seen", files)
	}
}

// worker attaches to the service worker.
func (c *chromium) worker() *tab {
	c.t.Helper()
	return c.attach(chromedp.WithTargetID(c.find("service_worker", c.address("background.js")).TargetID))
}

// TestNothingInClear looks through the whole profile after accounts were added in
// each way, changed, deleted and exported under a passphrase: the secrets are
// nowhere, in whatever form, nor is the passphrase.
func TestNothingInClear(t *testing.T) {
	t.Parallel()
	profile := t.TempDir()
	c := startChromium(t, profile, dist+"/chromium")
	b := c.holdLocked()
	secret := c.handOver()
	eval[any](b, `chrome.storage.local.set({marker: "this-is-found"}).then(() => null)`)
	b.open(c.address("manage.html#accounts"))
	b.press("削除")
	b.fill("#typed", "Example（hanako）")
	b.press("削除")
	b.shows("を削除しました。")
	b.press("ロック")
	b.unlock(passphrase)
	b.shows("ごみ箱")
	c.close()
	for _, want := range forms(held.Secret, secret, passphrase) {
		for _, file := range filesWith(t, profile, want) {
			t.Errorf("%s holds %q", file, want)
		}
	}
	if len(filesWith(t, profile, []byte("this-is-found"))) == 0 {
		t.Error("what is stored in clear is not found either")
	}
}

// handOver adds an account of the sign-on by the hand-over, and returns its secret.
func (c *chromium) handOver() (secret string) {
	c.t.Helper()
	b := c.newTab()
	secret = b.enrol()
	b.press("このブラウザの Authenticator に追加")
	confirm := c.shown("confirm.html")
	confirm.press("追加する")
	confirm.shows("追加されました。")
	confirm.dismiss("OK")
	b.until(`document.activeElement.textContent.trim() === "登録"`)
	return secret
}

// forms are the forms in which secrets could lie about.
func forms(secrets ...string) (all [][]byte) {
	for _, secret := range secrets {
		all = append(all, []byte(secret), utf16(secret))
		if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret); err == nil {
			all = append(all, raw, []byte(hex.EncodeToString(raw)), []byte(strings.ToUpper(hex.EncodeToString(raw))))
		}
	}
	return all
}

func utf16(text string) (wide []byte) {
	for _, c := range []byte(text) {
		wide = append(wide, c, 0)
	}
	return wide
}

// filesWith returns the files below a folder that hold these bytes.
func filesWith(t testing.TB, folder string, want []byte) (found []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(content, want) {
			found = append(found, strings.TrimPrefix(path, folder))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

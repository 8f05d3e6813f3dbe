package extension

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"warifu/test/stage"
)

const (
	geckoID   = "authenticator@warifu.example"
	geckoUUID = "11111111-2222-4333-8444-555555555555"
)

// firefox is a browser with a profile of its own and the extension in it.
type firefox struct {
	t    *testing.T
	bidi *bidi
	seen map[string]bool // pages of the extension that were found already
}

// newFirefox starts a browser with a build of the extension.
func newFirefox(t *testing.T, build string) *firefox {
	t.Helper()
	profile := t.TempDir()
	prefs := fmt.Sprintf("user_pref(\"extensions.webextensions.uuids\", %q);\nuser_pref(\"intl.accept_languages\", \"ja\");\n", fmt.Sprintf("{%q:%q}", geckoID, geckoUUID))
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(prefs), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	process := exec.CommandContext(ctx, "firefox-esr", "--headless", "--no-remote", "--profile", profile, "--remote-allow-system-access", "--remote-debugging-port", "0")
	process.Env = append(os.Environ(), "HOME="+profile)
	stderr, err := process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = process.Wait() })
	f := &firefox{t: t, seen: make(map[string]bool)}
	listening := regexp.MustCompile(`WebDriver BiDi listening on (ws://\S+)`)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			if f.bidi, err = dialReady(found[1] + "/session"); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	if f.bidi == nil {
		t.Fatal("firefox does not listen")
	}
	go func() {
		for lines.Scan() { // so that it is never kept waiting
		}
	}()
	f.call("session.new", map[string]any{"capabilities": map[string]any{}}, nil)
	f.call("webExtension.install", map[string]any{"extensionData": map[string]any{"type": "path", "path": dist + "/" + build}}, nil)
	return f
}

func (f *firefox) call(method string, params, result any) {
	f.t.Helper()
	if err := f.bidi.call(method, params, result); err != nil {
		f.t.Fatal(err)
	}
}

func (f *firefox) address(page string) string { return "moz-extension://" + geckoUUID + "/" + page }

// foxTab is a tab or window of Firefox.
type foxTab struct {
	f       *firefox
	context string
}

// newTab opens a tab, or a window, at an address.
func (f *firefox) newTab(kind, address string) *foxTab {
	f.t.Helper()
	var made struct{ Context string }
	f.call("browsingContext.create", map[string]any{"type": kind}, &made)
	b := &foxTab{f: f, context: made.Context}
	b.open(address)
	return b
}

func (b *foxTab) open(address string) {
	b.f.t.Helper()
	b.f.call("browsingContext.navigate", map[string]any{"context": b.context, "url": address, "wait": "complete"}, nil)
}

// shown waits for a page of the extension that has opened by itself.
func (f *firefox) shown(page string) *foxTab {
	f.t.Helper()
	for deadline := time.Now().Add(pageTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var tree struct {
			Contexts []struct{ Context, URL string }
		}
		f.call("browsingContext.getTree", map[string]any{}, &tree)
		for _, c := range tree.Contexts {
			if strings.HasPrefix(c.URL, f.address(page)) && !f.seen[c.Context] {
				f.seen[c.Context] = true
				return &foxTab{f: f, context: c.Context}
			}
		}
	}
	f.t.Fatalf("no %s", page)
	return nil
}

// eval returns what an expression, or the promise that it is, comes to.
func (b *foxTab) eval(expression string, arguments ...any) (string, error) {
	var answer struct {
		Type   string
		Result struct {
			Value any
		}
		ExceptionDetails json.RawMessage
	}
	err := b.f.bidi.call("script.evaluate", map[string]any{
		"expression": fmt.Sprintf(expression, arguments...), "target": map[string]any{"context": b.context}, "awaitPromise": true,
	}, &answer)
	if err == nil && answer.Type != "success" {
		err = fmt.Errorf("%s", answer.ExceptionDetails)
	}
	return fmt.Sprint(answer.Result.Value), err
}

// until waits until an expression is true; a page that is just being replaced has
// no answer yet.
func (b *foxTab) until(expression string, arguments ...any) {
	b.f.t.Helper()
	for deadline := time.Now().Add(pageTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if value, err := b.eval(expression, arguments...); err == nil && value == "true" {
			return
		}
	}
	text, err := b.eval(`document.body.innerText`)
	b.f.t.Fatalf("not so: %s on:\n%s %v", fmt.Sprintf(expression, arguments...), text, err)
}

func (b *foxTab) shows(words string) {
	b.f.t.Helper()
	b.until(`document.body.innerText.replace(/\s+/g, " ").includes(%q)`, words)
}

func (b *foxTab) press(words string) {
	b.f.t.Helper()
	b.until(`(() => { const e = %s; if (!e || e.disabled) return false; e.click(); return true; })()`, named(words))
}

// dismiss is press of what closes the window of the page.
func (b *foxTab) dismiss(words string) {
	b.f.t.Helper()
	b.until(`%s !== undefined`, named(words))
	if _, err := b.eval(`setTimeout(() => %s.click()); true`, named(words)); err != nil {
		b.f.t.Fatal(err)
	}
}

// fill writes into a field as typing does.
func (b *foxTab) fill(selector, text string) {
	b.f.t.Helper()
	b.until(`(() => { const e = document.querySelector(%q); if (!e) return false; e.focus(); e.value = %q; e.dispatchEvent(new Event("input", {bubbles: true})); return true; })()`, selector, text)
}

// TestFirefox is the story in Firefox: installed, an account handed over and
// another scanned, the file of Chromium imported, and all of it locked.
func TestFirefox(t *testing.T) {
	t.Parallel()
	file := newChromium(t).exportedFile(t.TempDir())
	f := newFirefox(t, "firefox-test")
	p := nextPerson()
	b := f.newTab("tab", server.Base()+"/login?lang=ja")
	b.fill("input[autocomplete~=username]", p.ID)
	b.fill("input[autocomplete=current-password]", stage.Password)
	b.press("ログイン")
	b.fill("input[autocomplete=one-time-code]", p.Code(t, time.Now()))
	b.press("ログイン")
	b.until(`location.pathname === "/home"`)
	b.open(server.Base() + "/account/authenticators")
	b.press("Authenticator を追加")
	b.press("このブラウザの Authenticator に追加")
	confirm := f.shown("confirm.html")
	confirm.shows("アカウントを保護します")
	confirm.fill("#new", passphrase)
	confirm.fill("#again", passphrase)
	confirm.press("パスフレーズを設定")
	confirm.shows(server.Base())
	confirm.press("追加する")
	confirm.shows("追加されました。")
	confirm.dismiss("OK")
	b.until(`document.activeElement.textContent.trim() === "登録"`)
	b.press("登録")
	b.until(`document.activeElement.textContent.trim() === "確認"`)
	b.press("確認")
	b.shows("ワンタイムパスワード認証の設定が完了しました。")

	scanned := nextPerson()
	b.open("http://localhost" + pages(t, map[string]string{"": drawn(t, uri(scanned), 240, "#000", "#fff")}) + "/")
	popup := f.newTab("window", f.address("popup.html"))
	shown, err := popup.eval(`chrome.tabs.query({}).then((all) => all.find(({url}) => url?.startsWith("http://localhost")).windowId)`)
	if err != nil {
		t.Fatal(err)
	}
	popup.open(f.address("popup.html?window=" + shown))
	popup.press("QRコード読み取り")
	popup.shows("Example（" + scanned.ID + "） 追加されました。")
	popup.press("OK")
	popup.shows(grouped(scanned.Code(t, time.Now())))

	manage := f.newTab("tab", f.address("manage.html#add"))
	manage.choosesFile(file)
	manage.fill("#file-passphrase", "another passphrase")
	manage.press("開く")
	manage.shows("追加 1、置き換え 0、同じ 0、失敗 0")
	popup.shows(grouped(held.Code(t, time.Now())))
	manage.press("ロック")
	manage.shows("ロックされています")
	popup.shows("ロックされています")
	popup.fill("#passphrase", passphrase)
	popup.press("ロックを解除")
	popup.shows(grouped(held.Code(t, time.Now())))
}

// choosesFile gives a file to the chooser of the page.
func (b *foxTab) choosesFile(name string) {
	b.f.t.Helper()
	b.until(`document.getElementById("files") !== null`)
	var found struct{ Nodes []struct{ SharedID string } }
	b.f.call("browsingContext.locateNodes", map[string]any{"context": b.context, "locator": map[string]any{"type": "css", "value": "#files"}}, &found)
	b.f.call("input.setFiles", map[string]any{"context": b.context, "element": map[string]any{"sharedId": found.Nodes[0].SharedID}, "files": []string{name}}, nil)
}

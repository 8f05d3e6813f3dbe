package extension

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"warifu/test/stage"
)

// TestFill signs in with the code that the popup fills in, on the site that the
// account is bound to.
func TestFill(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	p := nextPerson()
	c.hold("otpauth://totp/Miyako:" + p.ID + "?secret=" + p.Secret)
	b := c.tab()
	b.open(server.Base() + "/login?lang=ja")
	b.fill("input[autocomplete~=username]", p.ID)
	b.fill("input[autocomplete=current-password]", stage.Password)
	b.follow("ログイン")
	popup := b.popup()
	popup.hides("このページに入力")
	popup.press(server.Base() + " に結び付ける")
	popup.press("このページに入力")
	popup.shows("入力しました。")
	b.until(`document.querySelector("input[autocomplete=one-time-code]").value === %q`, p.Code(t, time.Now()))
	b.follow("ログイン")
	b.until(`location.pathname === "/home"`)
}

// pages serves these main parts, each under its name, on every name of this
// machine; it returns the port with its colon.
func pages(t testing.TB, contents map[string]string) (port string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!DOCTYPE html><title>Page</title><main>%s</main>", contents[strings.TrimPrefix(r.URL.Path, "/")])
	}))
	t.Cleanup(s.Close)
	return s.URL[strings.LastIndex(s.URL, ":"):]
}

const codeField = `<input autocomplete="one-time-code">`

// TestFillOnlyOnTheBoundOrigin offers to fill in on exactly the origin that the
// account is bound to: not on another name of the same machine, not on another port.
func TestFillOnlyOnTheBoundOrigin(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	content := map[string]string{"": codeField}
	port, other := pages(t, content), pages(t, content)
	b := c.tab()
	b.open("http://localhost" + port + "/")
	bound := b.popup()
	bound.press("http://localhost" + port + " に結び付ける")
	bound.shows("このページに入力")
	for _, origin := range []string{"http://127.0.0.1" + port, "http://localhost" + other} {
		b := c.newTab()
		b.open(origin + "/")
		popup := b.popup()
		popup.shows(grouped(held.Code(t, time.Now())))
		popup.hides("このページに入力")
		popup.hides("結び付ける")
	}
}

// TestFillNeedsOneField copies the code and says so where the page has no single
// field that is visible and enabled.
func TestFillNeedsOneField(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	c.hold(uri(held))
	const copied, filled = "コードをコピーしました。", "入力しました。"
	contents := map[string]string{"": "", "none": "<p>nothing</p>", "two": codeField + codeField,
		"disabled": `<input autocomplete="one-time-code" disabled>`, "hidden": `<input autocomplete="one-time-code" style="display: none">`,
		"one-visible": codeField + `<input autocomplete="one-time-code" style="visibility: hidden">`, "among-tokens": `<input autocomplete="section-a one-time-code">`}
	site := "http://localhost" + pages(t, contents)
	b := c.tab()
	b.open(site + "/")
	b.popup().press(site + " に結び付ける")
	for name, want := range map[string]string{"none": copied, "two": copied, "disabled": copied, "hidden": copied, "one-visible": filled, "among-tokens": filled} {
		t.Run(name, func(t *testing.T) {
			b := c.newTab()
			b.t = t
			b.open(site + "/" + name)
			popup := b.popup()
			popup.t = t
			popup.press("このページに入力")
			popup.shows(want)
			values := eval[string](b, `[...document.querySelectorAll("input")].map((field) => field.value).join("")`)
			if filled := values != ""; filled != (want != copied) {
				t.Errorf("the fields hold %q", values)
			}
		})
	}
}

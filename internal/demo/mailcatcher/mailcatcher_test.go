package mailcatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jba/templatecheck"
)

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// start serves a catcher on loopback until the test ends.
func start(t *testing.T) (c *Catcher, address string) {
	t.Helper()
	c = New(func() time.Time { return now })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- c.Serve(listener) }()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c, listener.Addr().String()
}

func sendMail(t *testing.T, address, message string, to ...string) {
	t.Helper()
	message = strings.ReplaceAll(message, "\n", "\r\n")
	if err := smtp.SendMail(address, nil, "from@miyako.example", to, []byte(message)); err != nil {
		t.Fatal(err)
	}
}

func get(c *Catcher, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w
}

const japanese = `From: =?utf-8?q?=E3=81=BF=E3=82=84=E3=81=93?= <no-reply@miyako.example>
To: <hanako@gmail.example>
Subject: =?utf-8?b?44Ov44Oz44K/44Kk44Og44OR44K544Ov?=
 =?utf-8?b?44O844OJ?=
Date: Tue, 24 Nov 2026 18:00:00 +0900
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

44Ov44Oz44K/44Kk44OgOiAxMjM0IDU2NzgNCg==
`

// TestMessagesJSON pins the public form of the list: newest first, decoded.
func TestMessagesJSON(t *testing.T) {
	c, address := start(t)
	if w := get(c, "GET", "/messages.json"); strings.TrimSpace(w.Body.String()) != "[]" {
		t.Errorf("empty: %s", w.Body)
	}
	sendMail(t, address, japanese, "hanako@gmail.example", "hidden@b.example")
	sendMail(t, address, "Subject: second\n\n<b>&\n", "c@d.example")
	var got []map[string]any
	w := get(c, "GET", "/messages.json")
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got) != 2 {
		t.Fatalf("%v, %s", err, w.Body)
	}
	want := map[string]string{
		"id": "1", "from": "みやこ <no-reply@miyako.example>", "to": "[hanako@gmail.example hidden@b.example]",
		"subject": "ワンタイムパスワード", "date": "2026-11-24T18:00:00+09:00", "text": "ワンタイム: 1234 5678\n", "html": "",
	}
	for key, value := range got[1] {
		if fmt.Sprint(value) != want[key] {
			t.Errorf("%s: %q, want %q", key, value, want[key])
		}
	}
	second := got[0]
	if len(got[1]) != len(want) || second["subject"] != "second" || second["from"] != "from@miyako.example" ||
		second["text"] != "<b>&\n" || second["date"] != "2026-11-24T09:00:00Z" {
		t.Errorf("%v", second)
	}
	if w := get(c, "DELETE", "/messages.json"); w.Code != http.StatusNoContent || len(c.Messages()) != 0 {
		t.Errorf("DELETE: %d, %d messages left", w.Code, len(c.Messages()))
	}
}

func TestParse(t *testing.T) {
	multipart := "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\n" +
		"Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B$\"\x1b(B\n--b\n" +
		"Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n<p>=E3=81=\n=82\n--b--\n"
	var nested string
	for i := range 20 {
		nested += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	nested += "\nx"
	for name, test := range map[string]struct{ raw, text, html string }{
		"multipart":          {multipart, "あ", "<p>あ"},
		"nested too deep":    {nested, "", ""},
		"no header":          {"\x00nonsense", "\x00nonsense", ""},
		"not UTF-8":          {"Subject: x\n\n\xff", "�", ""},
		"unknown charset":    {"Content-Type: text/plain; charset=klingon\n\nx", "x", ""},
		"broken base64":      {"Content-Transfer-Encoding: base64\n\nYWJj!!!", "abc", ""},
		"bad type":           {"Content-Type: ;;\n\nx", "x", ""},
		"attachment alone":   {"Content-Type: application/pdf\n\nx", "", ""},
		"without a boundary": {"Content-Type: multipart/mixed\n\nx", "", ""},
	} {
		m := parse([]byte(test.raw))
		if m.Text != test.text || m.HTML != test.html {
			t.Errorf("%s: %q, %q", name, m.Text, m.HTML)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(japanese))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m := parse(raw); strings.ToValidUTF8(m.Text+m.HTML, "") != m.Text+m.HTML {
			t.Errorf("%+v", m)
		}
	})
}

func TestWait(t *testing.T) {
	c, address := start(t)
	sendMail(t, address, "Subject: first\n\nx\n", "a@b.example")
	done := make(chan Message)
	go func() {
		m, err := c.Wait(t.Context(), func(m Message) bool { return m.Subject == "third" })
		if err != nil {
			t.Error(err)
		}
		done <- m
	}()
	sendMail(t, address, "Subject: second\n\nx\n", "a@b.example")
	sendMail(t, address, "Subject: third\n\nx\n", "a@b.example")
	if m := <-done; m.ID != "3" {
		t.Errorf("%+v", m)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if m, err := c.Wait(ctx, func(Message) bool { return false }); err == nil {
		t.Errorf("%+v, want an error", m)
	}
}

// TestClose ends what is served, whichever comes first.
func TestClose(t *testing.T) {
	for range 50 {
		c := New(func() time.Time { return now })
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error)
		go func() { served <- c.Serve(listener) }()
		for range 2 {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

// TestBounds keeps memory within limits.
func TestBounds(t *testing.T) {
	c, address := start(t)
	for range maxMessages + 10 {
		c.keep(Message{})
	}
	all := c.Messages()
	if len(all) != maxMessages || all[0].ID != strconv.Itoa(maxMessages+10) {
		t.Errorf("%d kept, newest %s", len(all), all[0].ID)
	}
	big := "Subject: big\r\n\r\n" + strings.Repeat(strings.Repeat("x", 98)+"\r\n", maxSize/100+1)
	if err := smtp.SendMail(address, nil, "a@b.example", []string{"c@d.example"}, []byte(big)); err == nil {
		t.Error("a message above the limit was taken")
	}
	many := make([]string, maxRecipients+1)
	for i := range many {
		many[i] = "c@d.example"
	}
	if err := smtp.SendMail(address, nil, "a@b.example", many, []byte("x")); err == nil {
		t.Error("too many recipients were taken")
	}
}

// TestPages shows a hostile mail in both languages.
func TestPages(t *testing.T) {
	c, address := start(t)
	if w := get(c, "GET", "/", "Accept-Language", "en-GB"); !strings.Contains(w.Body.String(), "There are no emails yet.") {
		t.Errorf("%s", w.Body)
	}
	sendMail(t, address, "Subject: <script>alert(1)</script>\n\nhttp://localhost:8080/r/abc_-\njavascript:alert(1) <img src=x>\n", "a@b.example")
	for _, test := range []struct{ path, accept, want string }{
		{"/", "", "実演のメール"},
		{"/", "fr, en;q=0.5", "Emails of the demonstration"},
		{"/?lang=ja", "en", `<html lang="ja">`},
		{"/?lang=en", "ja", `<a href="/messages/1?lang=en">&lt;script&gt;alert(1)&lt;/script&gt;</a>`},
		{"/messages/1?lang=ja", "", `<a href="http://localhost:8080/r/abc_-">http://localhost:8080/r/abc_-</a>`},
		{"/messages/1", "en", "javascript:alert(1) &lt;img src=x&gt;"},
		{"/style.css", "", "--bg: #fff"},
	} {
		w := get(c, "GET", test.path, "Accept-Language", test.accept)
		body := w.Body.String()
		if w.Code != http.StatusOK || !strings.Contains(body, test.want) || strings.Contains(body, "<script") || strings.Contains(body, "<img") {
			t.Errorf("%s %q: %d %s", test.path, test.accept, w.Code, body)
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; img-src data:; style-src 'self';") {
			t.Errorf("%s: %s", test.path, csp)
		}
	}
	for path, want := range map[string]int{"/messages/99": http.StatusSeeOther, "/nothing": http.StatusNotFound} {
		if w := get(c, "GET", path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if w := get(c, "POST", "/messages.json"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestTemplates(t *testing.T) {
	for i, set := range pages {
		for name, data := range map[string]any{"list": struct{ Messages []Message }{}, "message": Message{}} {
			if err := templatecheck.CheckHTML(set.Lookup(name), data); err != nil {
				t.Errorf("%s %s: %v", langs[i], name, err)
			}
		}
	}
}

// TestTexts finds words that only one language or no page has.
func TestTexts(t *testing.T) {
	frame, err := pageFS.ReadFile("page/frame.html")
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	for _, match := range regexp.MustCompile(`t "(\w+)"`).FindAllStringSubmatch(string(frame), -1) {
		used[match[1]] = true
	}
	for key, words := range texts {
		if words[0] == "" || words[1] == "" || !used[key] {
			t.Errorf("%s: %q, used %t", key, words, used[key])
		}
		delete(used, key)
	}
	if len(used) > 0 {
		t.Errorf("no text: %v", used)
	}
}

// TestContrast computes the contrast of text in both colour schemes (WCAG 2.2, 1.4.3).
func TestContrast(t *testing.T) {
	style, err := pageFS.Open("page/style.css")
	if err != nil {
		t.Fatal(err)
	}
	css, err := io.ReadAll(style)
	if err != nil {
		t.Fatal(err)
	}
	light, dark, _ := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	for scheme, css := range map[string]string{"light": light, "dark": dark} {
		for _, pair := range [][2]string{{"fg", "bg"}, {"fg2", "bg"}, {"fg", "bg2"}, {"link", "bg"}, {"link-h", "bg"}, {"fg", "demo-bg"}, {"line", "bg"}} {
			if ratio := contrast(t, css, pair[0], pair[1]); ratio < 4.5 {
				t.Errorf("%s: %v has %.1f", scheme, pair, ratio)
			}
		}
	}
}

func contrast(t *testing.T, css, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, css, a), luminance(t, css, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, css, name string) (sum float64) {
	t.Helper()
	match := regexp.MustCompile(`--` + name + `: #([0-9a-f]+);`).FindStringSubmatch(css)
	if match == nil {
		t.Fatalf("no colour %s", name)
	}
	hex := match[1]
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			sum += weight * v / 12.92
		} else {
			sum += weight * math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return sum
}

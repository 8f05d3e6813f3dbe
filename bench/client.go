package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"
)

const password = "warifu-demo-2026"

// browser signs a made-up person in, as Chromium would.
type browser struct {
	s    *server
	http *http.Client
	id   string
}

func (s *server) newBrowser() *browser {
	jar, _ := cookiejar.New(nil) // never fails without options
	s.next++
	id := fmt.Sprintf("seed%07d", (s.next-1)%s.people+1)
	return &browser{s: s, http: &http.Client{Jar: jar, Timeout: time.Minute}, id: id}
}

// forget drops the sessions here and at the service, and stays known.
func (b *browser) forget() {
	for _, port := range []int{b.s.port, b.s.port + 1} {
		u := &url.URL{Scheme: "http", Host: fmt.Sprintf("localhost:%d", port), Path: "/"}
		for _, name := range []string{"warifu-session", "demo_oidc_session"} {
			b.http.Jar.SetCookies(u, []*http.Cookie{{Name: name, Path: "/", MaxAge: -1}})
		}
	}
}

var hidden = regexp.MustCompile(`name="(flow|token|p)" value="([^"]*)"`)

// submit fills the form of a page and sends it.
func (b *browser) submit(page string, action string, fields url.Values) (string, error) {
	for _, field := range hidden.FindAllStringSubmatch(page, -1) {
		fields.Set(field[1], field[2])
	}
	answer, err := b.http.PostForm(fmt.Sprintf("http://localhost:%d%s", b.s.port, action), fields)
	return body(answer, err)
}

func body(answer *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

func (b *browser) get(port int, path string) (string, error) {
	return body(b.http.Get(fmt.Sprintf("http://localhost:%d%s", port, path)))
}

// signIn goes from the service to the service, with password and TOTP, and
// returns how long the second step took, up to the token.
func (b *browser) signIn() (second time.Duration, err error) {
	page, err := b.get(b.s.port+1, "/login")
	if err != nil {
		return 0, err
	}
	page, err = b.submit(page, "/login", url.Values{"username": {b.id}, "password": {password}})
	if err != nil {
		return 0, err
	}
	before := time.Now()
	page, err = b.submit(page, "/login/totp", url.Values{"totp": {code(b.id, time.Now())}})
	if err != nil {
		return 0, err
	}
	if !strings.Contains(page, "refeds.org/profile/mfa") {
		return 0, fmt.Errorf("%s did not reach the service: %.300s", b.id, page)
	}
	return time.Since(before), nil
}

// code is the TOTP of a made-up person (decisions of the demonstration; RFC 6238).
func code(id string, at time.Time) string {
	secret := sha1.Sum([]byte("warifu-demo:" + id))
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(at.Unix()/30))
	mac := hmac.New(sha1.New, secret[:])
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[offset:])&0x7fffffff%1_000_000)
}

// load signs n people in.
func (s *server) load(n int) error {
	for range n {
		if _, err := s.newBrowser().signIn(); err != nil {
			return err
		}
	}
	return nil
}

// latencies returns how long the second step takes at two servers, in turns.
func latencies(a, b *server) (first, second []time.Duration, err error) {
	for range 300 {
		d, err := a.newBrowser().signIn()
		if err != nil {
			return nil, nil, err
		}
		first = append(first, d)
		if d, err = b.newBrowser().signIn(); err != nil {
			return nil, nil, err
		}
		second = append(second, d)
	}
	return first, second, nil
}

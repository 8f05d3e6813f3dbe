package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	password    = "warifu-demo-2026"
	clientID    = "bench"
	redirectURI = "http://localhost:1/callback" // nobody is there: the browser stops before it
)

// browser signs a made-up person in, as Chromium would, and is the service that
// the person wants, too.
type browser struct {
	s      *server
	http   *http.Client
	person int
}

func (s *server) newBrowser() *browser {
	s.mu.Lock()
	defer s.mu.Unlock()
	person := s.next
	s.next = (s.next + 1) % s.people
	return s.browserOf(person)
}

// browserOf returns a new browser of one person.
func (s *server) browserOf(person int) *browser {
	b := &browser{s: s, person: person, http: &http.Client{Timeout: time.Minute, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirectURI) {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
	b.http.Jar, _ = cookiejar.New(nil) // never fails without options
	return b
}

func (b *browser) id() string { return fmt.Sprintf("seed%07d", b.person+1) }

// forget drops the session; the browser stays known.
func (b *browser) forget() {
	u, _ := url.Parse(b.s.base()) // ours
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: "warifu-session", Path: "/", MaxAge: -1}})
}

// page is an answer with its text.
type page struct {
	*http.Response
	text string
}

func read(answer *http.Response, err error) (page, error) {
	if err != nil {
		return page{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return page{answer, string(text)}, err
}

func (b *browser) get(address string) (page, error) { return read(b.http.Get(address)) }

var hidden = regexp.MustCompile(`name="(flow|token|p)" value="([^"]*)"`)

// submit fills the form of a page and sends it.
func (b *browser) submit(from page, path string, fields url.Values) (page, error) {
	for _, field := range hidden.FindAllStringSubmatch(from.text, -1) {
		fields.Set(field[1], html.UnescapeString(field[2]))
	}
	return read(b.http.PostForm(b.s.base()+path, fields))
}

// request is one for an authorization code (RFC 6749 §4.1.1), with the verifier
// of PKCE.
func (b *browser) request() (address, verifier string) {
	verifier = rand.Text() + rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	return b.s.base() + "/oidc/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {redirectURI},
		"scope": {"openid profile email offline_access"}, "state": {rand.Text()}, "nonce": {rand.Text()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode(), verifier
}

// tokens are what the service gets.
type tokens struct {
	Access  string `json:"access_token"`
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
}

// redeem exchanges the code that an answer sends the browser back with.
func (b *browser) redeem(answer page, verifier string) (tokens, error) {
	back, err := answer.Location()
	if err != nil || back.Query().Get("code") == "" {
		return tokens{}, fmt.Errorf("%s got no code: %s %s %.300s", b.id(), answer.Status, back, answer.text)
	}
	return b.token(url.Values{"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")},
		"redirect_uri": {redirectURI}, "code_verifier": {verifier}})
}

func (b *browser) token(form url.Values) (t tokens, err error) {
	request, err := http.NewRequest(http.MethodPost, b.s.base()+"/oidc/token", strings.NewReader(form.Encode()))
	if err != nil {
		return t, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(clientID, b.s.secret)
	answer, err := read(service.Do(request))
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal([]byte(answer.text), &t); err != nil || t.ID == "" {
		return t, fmt.Errorf("no tokens: %s %.300s", answer.Status, answer.text)
	}
	return t, nil
}

// service speaks to the server as services do: with no cookies.
var service = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// signIn goes from the service to the tokens, with password and TOTP. It
// returns how long that took without the step of the password.
func (b *browser) signIn() (t tokens, took time.Duration, err error) {
	begin := time.Now()
	address, verifier := b.request()
	form, err := b.get(address)
	if err != nil {
		return t, 0, err
	}
	answer, waited, err := b.prove(form)
	if err != nil {
		return t, 0, err
	}
	t, err = b.redeem(answer, verifier)
	return t, time.Since(begin) - waited, err
}

// prove gives password and TOTP at the sign-in page, and returns where that leads.
// waited is how long the hash took, and the next number.
func (b *browser) prove(form page) (answer page, waited time.Duration, err error) {
	before := time.Now()
	form, err = b.submit(form, "/login", url.Values{"username": {b.id()}, "password": {password}})
	if err != nil {
		return page{}, 0, err
	}
	waited = time.Since(before)
	code := b.code()
	answer, err = b.submit(form, "/login/totp", url.Values{"totp": {code.digits}})
	return answer, waited + code.waited, err
}

// again goes to the service with the session that there is.
func (b *browser) again() error {
	address, verifier := b.request()
	answer, err := b.get(address)
	if err != nil {
		return err
	}
	_, err = b.redeem(answer, verifier)
	return err
}

// shown is what an Authenticator shows, and how long one had to wait for it.
type shown struct {
	digits string
	waited time.Duration
}

const period = 30 * time.Second

// code returns a number of the person that was not used yet: the server takes
// each once, and the next one half a minute early.
func (b *browser) code() shown {
	b.s.mu.Lock()
	step := max(stepAt(time.Now()), b.s.last[b.person]+1)
	b.s.last[b.person] = step
	b.s.mu.Unlock()
	wait := max(0, time.Until(time.Unix((step-1)*int64(period/time.Second), 0)))
	time.Sleep(wait)
	return shown{totp(b.id(), step), wait}
}

func stepAt(at time.Time) int64 { return at.Unix() / int64(period/time.Second) }

// totp is the number of a made-up person (RFC 6238), whose secret the
// demonstration promises.
func totp(id string, step int64) string {
	secret := sha1.Sum([]byte("warifu-demo:" + id))
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	mac := hmac.New(sha1.New, secret[:])
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[offset:])&0x7fffffff%1_000_000)
}

// load signs people in n times, several at once.
func (s *server) load(n, clients int) error {
	work := make(chan int)
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for range work {
				if errs[i] == nil { // the rest of the work is passed over
					_, _, errs[i] = s.newBrowser().signIn()
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	return errors.Join(errs...)
}

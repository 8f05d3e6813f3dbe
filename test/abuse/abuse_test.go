// Package abuse tries the attacks of security.md part 4 on the whole server,
// through HTTP, with a clock of its own, on every engine. Each test is named
// after what it proves.
package abuse

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base32"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"database/sql"

	"warifu/internal/app"
	"warifu/internal/authenticator/totp"
	"warifu/internal/config"
	"warifu/internal/demo/people"
	"warifu/internal/federation"
	"warifu/internal/keyring"
	"warifu/internal/store"
	"warifu/internal/store/storetest"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// hands are the time of one server. They move only when a test says so.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func (c *hands) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *hands) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a server with its people, its clock and its log.
type world struct {
	t   *testing.T
	app *app.App
	*hands
	log      *logged
	raw      *sql.DB
	config   config.Config
	postgres bool
}

type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// onEngines runs a test on SQLite and PostgreSQL, on both at once: each has a
// world of its own.
func onEngines(t *testing.T, test func(t *testing.T, w *world), change ...func(*config.Config)) {
	template.Each(t, func(t *testing.T, newURL func(t *testing.T) string) {
		t.Parallel()
		test(t, newWorld(t, newURL(t), change...))
	})
}

const base = "https://sso.miyako.example"

var begin = time.Date(2026, 11, 24, 9, 0, 10, 0, time.UTC)

// keys are those of all servers, because the template is sealed with them.
var keys = sync.OnceValues(func() ([]byte, error) { return keyring.Generate(rand.Reader, nil) })

// template holds the demonstration's people and twenty more.
var template = storetest.NewTemplate(func(database string) (err error) {
	ctx := context.Background()
	file, err := os.CreateTemp("", "warifu-keys-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	text, err := keys()
	if err != nil {
		return err
	}
	if _, err := file.Write(text); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	now := func() time.Time { return begin }
	a, err := app.New(ctx, configuration(database, file.Name()), app.Options{Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := a.DB.Migrate(ctx); err != nil {
		return err
	}
	if err := a.Signing.Ensure(ctx, "ES256"); err != nil {
		return err
	}
	hash, err := a.Hasher.Hash(ctx, people.Password)
	if err != nil {
		return err
	}
	return people.Maker{InTx: store.In[people.Tx](a.DB), TOTP: a.TOTP, Hash: hash, Now: begin}.Make(ctx, 20)
})

// configuration is that of a university, valid but for hashes that cost little.
func configuration(database, keyFile string) config.Config {
	c := config.Default()
	c.BaseURL, c.Database, c.KeyFile = base, database, keyFile
	c.Institution.Name = federation.Text{Japanese: "みやこ大学", English: "Miyako University"}
	c.Institution.AppShort = federation.Text{Japanese: "みやこ大学認証", English: "Miyako Login"}
	c.Institution.MailDomains = []string{"miyako.example"}
	c.HelpDesk.Name = federation.Text{Japanese: "情報環境支援センター", English: "ICT Support Center"}
	c.HelpDesk.Telephone = "075-000-0000"
	c.Mail.From = "no-reply@miyako.example"
	if faults := c.Validate(); len(faults) > 0 && !strings.HasPrefix(database, "postgres") {
		panic(fmt.Sprintf("configuration: %v", faults))
	}
	c.Password.MemoryKiB, c.Password.Iterations = 64, 1
	return c
}

// newWorld starts the server on a copy of the template.
func newWorld(t *testing.T, database string, change ...func(*config.Config)) *world {
	t.Helper()
	w := &world{t: t, hands: &hands{now: begin}, log: &logged{}}
	text, err := keys()
	w.must(err)
	w.config = configuration(database, filepath.Join(t.TempDir(), "keys"))
	w.must(os.WriteFile(w.config.KeyFile, text, 0o600))
	for _, fn := range change {
		fn(&w.config)
	}
	w.app = w.node()
	w.openRaw(database)
	return w
}

// node starts a node on the database of the world.
func (w *world) node() *app.App {
	w.t.Helper()
	a, err := app.New(w.t.Context(), w.config, app.Options{Now: w.Now, Log: slog.New(slog.NewTextHandler(w.log, nil))})
	w.must(err)
	w.t.Cleanup(func() { a.Close() })
	return a
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// person is somebody with an Authenticator.
type person struct {
	id     string
	secret []byte
}

// seeded returns the n-th made-up person.
func seeded(n int) person {
	id := fmt.Sprintf("seed%07d", n)
	sum := sha1.Sum([]byte("warifu-demo:" + id))
	return person{id: id, secret: sum[:]}
}

func printed(id, secret string) person {
	key, err := base32.StdEncoding.DecodeString(secret)
	if err != nil {
		panic(err)
	}
	return person{id: id, secret: key}
}

var hanako = printed("sps00001", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")

// code is what the Authenticator shows at a time.
func (p person) code(at time.Time) string { return totp.Code(p.secret, totp.Step(at)) }

// wrong are six digits that the Authenticator does not show near a time.
func (p person) wrong(at time.Time, n int) string {
	for i := n * 1000; ; i++ {
		code := fmt.Sprintf("%06d", i%1_000_000)
		if _, near := totp.Match(p.secret, code, at); !near {
			return code
		}
	}
}

// browser has cookies and an address of its own.
type browser struct {
	w       *world
	mu      sync.Mutex
	cookies map[string]string
	node    *app.App // that answers
	address string
	agent   string
}

func (w *world) newBrowser() *browser {
	return &browser{w: w, node: w.app, cookies: make(map[string]string), address: "192.0.2.1", agent: "Mozilla/5.0 (Windows NT 10.0) Chrome/156.0"}
}

// page is an answer.
type page struct {
	*httptest.ResponseRecorder
	flow, token, pending string // of its form
}

var (
	hidden = regexp.MustCompile(`name="(flow|token|p)" value="([^"]*)"`)
	script = regexp.MustCompile(`data-(flow|token|p)="([^"]*)"`) // what a page's script sends
)

// hidden returns the fields that the script of a page sends.
func (p page) hidden() url.Values {
	form := url.Values{}
	for _, field := range script.FindAllStringSubmatch(p.Body.String(), -1) {
		form.Set(field[1], field[2])
	}
	return form
}

func (b *browser) send(r *http.Request) page {
	r.RemoteAddr = b.address + ":1"
	r.Header.Set("User-Agent", b.agent)
	r.Header.Set("Accept-Language", "en")
	b.mu.Lock()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	b.mu.Unlock()
	answer := httptest.NewRecorder()
	b.node.Handler().ServeHTTP(answer, r)
	b.mu.Lock()
	for _, c := range answer.Result().Cookies() {
		b.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	b.mu.Unlock()
	p := page{ResponseRecorder: answer}
	for _, field := range hidden.FindAllStringSubmatch(answer.Body.String(), -1) {
		switch field[1] {
		case "flow":
			p.flow = field[2]
		case "token":
			p.token = field[2]
		case "p":
			p.pending = field[2]
		}
	}
	return p
}

func (b *browser) get(path string) page { return b.send(httptest.NewRequest("GET", base+path, nil)) }

func (b *browser) post(path string, form url.Values) page {
	r := httptest.NewRequest("POST", base+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(r)
}

// follow opens the page that an answer leads to, over redirects.
func (b *browser) follow(p page) page {
	b.w.t.Helper()
	for range 5 {
		next := p.Header().Get("Location")
		if next == "" {
			return p
		}
		p = b.get(next)
	}
	b.w.t.Fatalf("redirects without an end: %s", p.Header().Get("Location"))
	return p
}

// submit sends the form of a page, with more fields.
func (b *browser) submit(path string, p page, fields ...string) page {
	form := url.Values{"flow": {p.flow}, "token": {p.token}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.post(path, form)
}

// says reports whether a page has a text.
func (p page) says(text string) bool {
	return strings.Contains(html.UnescapeString(p.Body.String()), text)
}

// password sends the first step, from a page that was opened before anybody
// was signed in.
func (b *browser) password(id, password string) page {
	session, ok := b.cookies["__Host-session"]
	delete(b.cookies, "__Host-session")
	p := b.get("/login")
	if ok {
		b.cookies["__Host-session"] = session
	}
	return b.post("/login", url.Values{"flow": {p.flow}, "token": {p.token}, "p": {p.pending}, "username": {id}, "password": {password}})
}

// totpPage is the second step after the right password.
func (b *browser) totpPage(id string) page {
	b.w.t.Helper()
	p := b.password(id, people.Password)
	if !strings.HasPrefix(p.Header().Get("Location"), "/login/totp?flow=") {
		b.w.t.Fatalf("after the password of %s: %d %s %s", id, p.Code, p.Header().Get("Location"), p.Body)
	}
	return b.get(p.Header().Get("Location"))
}

func (b *browser) submitTOTP(p page, code string) page {
	return b.post("/login/totp", url.Values{"flow": {p.flow}, "token": {p.token}, "totp": {code}})
}

// signIn signs a person in.
func (b *browser) signIn(who person) {
	b.w.t.Helper()
	p := b.submitTOTP(b.totpPage(who.id), who.code(b.w.Now()))
	if p.Header().Get("Location") != "/home" {
		b.w.t.Fatalf("sign-in of %s: %d %s", who.id, p.Code, p.Body)
	}
}

func (b *browser) signedIn() bool { return b.get("/session").Code == http.StatusOK }

// count returns what a statement that only the tests use counts.
func (w *world) count(statement string, args ...any) (n int) {
	w.t.Helper()
	w.must(w.raw.QueryRowContext(w.t.Context(), statement, args...).Scan(&n))
	return n
}

func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	_, err := w.raw.ExecContext(w.t.Context(), statement, args...)
	w.must(err)
}

// openRaw opens the database beside the server, to look at what is stored.
func (w *world) openRaw(database string) {
	w.t.Helper()
	driver, address := "pgx", database
	w.postgres = true
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		w.postgres = false
		driver, address = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"
	}
	var err error
	w.raw, err = sql.Open(driver, address)
	w.must(err)
	w.t.Cleanup(func() { w.raw.Close() })
}

// strip takes away from a page what differs by design: the ID and the token.
func strip(p page, id string) *bytes.Buffer {
	text := strings.ReplaceAll(p.Body.String(), `value="`+id+`"`, "")
	text = script.ReplaceAllString(text, "")
	return bytes.NewBufferString(strings.ReplaceAll(text, p.token, ""))
}

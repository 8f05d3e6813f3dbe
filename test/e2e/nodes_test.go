package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/app"
	"warifu/internal/config"
	made "warifu/internal/demo/people"
	"warifu/internal/keyring"
	"warifu/internal/store"
	"warifu/internal/store/storetest"
	"warifu/test/stage"
)

// TestHelpDeskOverNodes has the caller's page hang on one node while the agent
// works at the other, behind a reverse proxy that keeps each browser at its node
// as long as that one lives. Either node is killed at the worst moment, and event
// streams do not get through: the page goes to the QR code by itself all the same.
// HD-10, OPS-7, SSE-4, P9.
func TestHelpDeskOverNodes(t *testing.T) {
	front := newFront(t, "")
	desk := front.agent(t, "agent01")

	for n, story := range []struct {
		name    string
		waiting func() // once the page waits
		refuse  string // a path that the proxy does not let through
		dies    string // the node of the agent dies as soon as it has answered this
	}{
		{name: "both live"},
		{name: "the node of the caller is killed", waiting: func() { front.nodes[first].kill() }},
		{name: "the node of the agent is killed after the approval", dies: "/approve"},
		{name: "no event stream gets through", refuse: "/wait/events"},
	} {
		t.Run(story.name, func(t *testing.T) {
			front.begin(t, story.refuse, story.dies)
			caller, desk := front.newBrowser(t, first), desk.tabFor(t, desktop)
			p := stage.Seeded(n + 1)
			caller.askDesk(p)
			front.waitFor(t, first, "GET /wait/")
			if story.waiting != nil {
				story.waiting()
				caller.live("通信が切れました。再接続しています。受付はそのまま残っています。")
			}
			desk.openCase(p, caller.readOut())
			caller.live("ヘルプデスクが対応しています。")
			desk.approve("初期化を承認")
			caller.comesTo(front.base + "/enrol")
			desk.open(desk.address())
			desk.shows("承認しました。相手の画面が次に進みました。")
			if n := front.served(second, "/approve"); n != 1 {
				t.Errorf("the node of the agent has answered %d approvals", n)
			}
			if story.waiting != nil {
				front.waitFor(t, second, "GET /wait/events")
			} else if n := front.served(second, "GET /wait/"); n > 0 {
				t.Errorf("the page that waits was at the agent's node %d times", n)
			}
		})
	}
}

// TestHelpDeskClosed asks the help desk while it is closed without notice: the
// caller is told why and until when, and offered the other ways first, before
// anything is sent; who asks all the same waits, and an agent who happens to be
// there helps, and is told that it is closed. Issue 4.1, HD-15.
func TestHelpDeskClosed(t *testing.T) {
	day := func(n int) string { return time.Now().AddDate(0, 0, n).Format("2006-01-02 15:04") }
	front := newFront(t, fmt.Sprintf("  closures: [{from: %q, to: %q, text: {ja: 停電のため, en: Power failure}}]\n", day(-1), day(3)))
	desk := front.agent(t, "agent01")
	p := stage.Seeded(1)
	b := front.newBrowser(t, first).with(look{lang: "en", width: 320})
	b.openIn("/login")
	b.giveID(p)
	b.press("Click here if you cannot login")
	b.press("If you cannot read mail at this address (help desk)")
	b.shows("Power failure")
	b.shows("Next opening:")
	b.shows("While the help desk is closed, you can use the following.")
	b.picture("cannot by desk closed")
	b.press("Yes")
	b.shows("Your request has been sent to the help desk. (ヘルプデスク宛てに送信しました。)")
	b.shows("The help desk is closed now. Telephone after it opens:")
	if strings.Contains(b.text(), "Telephone the help desk now.") {
		t.Error("the caller is told to telephone now")
	}
	b.picture("otp by desk closed")
	desk.openIn("/desk")
	desk.shows("ただいま受付時間外です。")
	desk.openCase(p, b.readOut())
	desk.approve("承認して OTP を表示")
	b.fill("one-time-code", desk.readOut())
	b.press("Login")
	b.at(front.base + "/home")
}

// agent opens the browser of an agent who is signed in with a passkey, at the
// second node.
func (f *front) agent(t *testing.T, id string) *browser {
	t.Helper()
	b := f.newBrowser(t, second)
	device := b.device()
	b.openIn("/login")
	b.signIn(person{ID: id, Secret: staffSecret}, time.Now())
	b.createPasskey(device)
	b.logOut()
	autofill := b.withoutAutofill()
	b.open(b.base() + "/login")
	device.press(b.base() + "/home")
	autofill()
	return b
}

// The nodes.
const (
	first = iota
	second
)

// front is a reverse proxy with two nodes on one database behind it. A browser's
// cookie says at which of them it is; the other one takes its place while that one
// does not answer.
type front struct {
	base  string
	nodes [2]*node
	log   *stage.Output

	mu      sync.Mutex
	refuse  string
	dies    string
	answers [2][]string // of each node: method and path of what it has begun to answer
	changed chan struct{}
}

// newFront starts nodes and proxy, which end with the test. More is said of the
// help desk in the configuration.
func newFront(t *testing.T, more string) *front {
	t.Helper()
	ports, err := stage.FreePorts(5)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{base: fmt.Sprintf("http://localhost:%d", ports), changed: make(chan struct{}, 1), log: &stage.Output{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("proxy and nodes say:\n%s", f.log)
		}
	})
	dir, database := t.TempDir(), storetest.Postgres(t)
	keys, err := keyring.Generate(rand.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "keys"), keys, 0o600); err != nil {
		t.Fatal(err)
	}
	for n := range f.nodes {
		f.nodes[n] = &node{t: t, log: f.log, port: ports + 1 + 2*n, file: filepath.Join(dir, fmt.Sprintf("node%d.yaml", n))}
		if err := os.WriteFile(f.nodes[n].file, []byte(nodeFile(f.base, f.nodes[n].port, database, more)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	makePeople(t, f.nodes[first].file)
	for _, n := range f.nodes {
		t.Cleanup(n.kill)
		n.start()
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", ports))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &http.Server{Handler: f, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(f.log, "proxy: ", 0)}
	go func() { _ = proxy.Serve(listener) }()
	t.Cleanup(func() { _ = proxy.Close() })
	return f
}

// nodeFile is the configuration of one node.
func nodeFile(base string, port int, database, more string) string {
	return fmt.Sprintf(`
base_url: %s
listen: 127.0.0.1:%d
operation_listen: 127.0.0.1:%d
database: %q
key_file: keys
trusted_proxies: [127.0.0.0/8]
institution:
  name: {ja: みやこ大学, en: Miyako University}
  app_short: {ja: みやこ大学認証, en: Miyako Login}
  mail_domains: [miyako.example]
help_desk:
  name: {ja: 情報環境支援センター, en: ICT Support Center}
  telephone: 075-000-0000
%smail: {host: 127.0.0.1, port: 9, encryption: none, from: no-reply@miyako.example}
`, base, port, port+1, database, more)
}

// makePeople makes the schema and some of the demonstration's people in it.
func makePeople(t *testing.T, file string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(file, nil)
	must(err)
	a, err := app.New(t.Context(), c, app.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	must(err)
	defer func() { must(a.Close()) }()
	must(a.DB.Migrate(t.Context()))
	hash, err := a.Hasher.Hash(t.Context(), made.Password)
	must(err)
	must(made.Maker{InTx: store.In[made.Tx](a.DB), TOTP: a.TOTP, Hash: hash, Now: time.Now()}.Make(t.Context(), 4))
}

// newBrowser opens a browser that is at a node.
func (f *front) newBrowser(t *testing.T, node int) *browser {
	t.Helper()
	b := newBrowser(t, desktop)
	b.site = f.base
	b.open(fmt.Sprintf("%s%s%d", f.base, choice, node))
	return b
}

// begin has both nodes live, and says what the proxy does to them in a story.
func (f *front) begin(t *testing.T, refuse, dies string) {
	t.Helper()
	for _, n := range f.nodes {
		n.start()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse, f.dies, f.answers = refuse, dies, [2][]string{}
}

const (
	choice = "/front/" // the proxy's own address under which a browser chooses its node
	cookie = "front"
)

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if node, is := strings.CutPrefix(r.URL.Path, choice); is {
		http.SetCookie(w, &http.Cookie{Name: cookie, Value: node, Path: "/"})
		return
	}
	f.mu.Lock()
	refused := f.refuse != "" && strings.HasPrefix(r.URL.Path, f.refuse)
	f.mu.Unlock()
	if refused {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	at := first
	if chosen, err := r.Cookie(cookie); err == nil && chosen.Value == fmt.Sprint(second) {
		at = second
	}
	f.pass(at).ServeHTTP(w, r)
}

// pass hands a request to a node, or, where that one is dead, to the other.
func (f *front) pass(at int) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "node"})
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		ModifyResponse: func(answer *http.Response) error {
			f.answered(at, answer.Request)
			return nil
		},
		ErrorLog: log.New(f.log, "proxy: ", 0),
	}
	// Without connections that are kept, none of a dead node is used.
	proxy.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := f.nodes[at].dial(ctx)
		if err != nil {
			at = 1 - at
			conn, err = f.nodes[at].dial(ctx)
		}
		return conn, err
	}}
	return proxy
}

// answered notes that a node begins to answer, and kills it if that was its last
// work: before the browser has the answer.
func (f *front) answered(at int, r *http.Request) {
	f.mu.Lock()
	f.answers[at] = append(f.answers[at], r.Method+" "+r.URL.Path)
	dies := f.dies != "" && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, f.dies)
	f.mu.Unlock()
	select {
	case f.changed <- struct{}{}:
	default:
	}
	if dies {
		f.nodes[at].kill()
	}
}

// served counts what a node has begun to answer whose method and path have these letters.
func (f *front) served(node int, letters string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.answers[node] {
		if strings.Contains(one, letters) {
			n++
		}
	}
	return n
}

// waitFor waits until a node answers something.
func (f *front) waitFor(t *testing.T, node int, letters string) {
	t.Helper()
	for deadline := time.After(pageTime); f.served(node, letters) == 0; {
		select {
		case <-f.changed:
		case <-deadline:
			t.Fatalf("node %d has answered no %s", node, letters)
		}
	}
}

// node is one process of the server.
type node struct {
	t    *testing.T
	log  *stage.Output
	port int
	file string

	mu      sync.Mutex
	process *exec.Cmd
}

func (n *node) dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", n.port))
}

// start runs the node, if it does not run yet, and waits until it is ready.
func (n *node) start() {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process != nil {
		return
	}
	n.process = exec.Command(program, "serve", "-c", n.file)
	n.process.Stdout, n.process.Stderr = n.log, n.log
	if err := n.process.Start(); err != nil {
		n.t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/readyz", n.port+1))
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("the node does not answer: %v", err)
		}
	}
}

// kill ends the node as a failure of its machine would: it can do nothing more.
func (n *node) kill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process == nil {
		return
	}
	_ = n.process.Process.Kill()
	_ = n.process.Wait() // says that it was killed
	n.process = nil
}

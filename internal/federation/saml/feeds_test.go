package saml_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/alarm"
	"warifu/internal/audit"
	"warifu/internal/federation"
	"warifu/internal/federation/saml"
	"warifu/internal/mail"
	"warifu/internal/secret"
	"warifu/internal/store"
	"warifu/internal/store/storetest"
)

// union is a federation: what its server answers, a database, and a clock.
type union struct {
	t      testing.TB
	db     *store.DB
	server *httptest.Server
	feed   saml.Feed

	mu      sync.Mutex
	now     time.Time
	text    string // that the server has
	tag     string
	answer  http.HandlerFunc // in place of the usual one
	fetches []*http.Request
}

// onEngines runs a test with a federation of ten services on each engine.
func onEngines(t *testing.T, test func(t *testing.T, u *union)) {
	storetest.Each(t, func(t *testing.T, newURL func(t *testing.T) string) {
		db := must[*store.DB](t)(store.Open(newURL(t)))
		t.Cleanup(func() { db.Close() })
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(t, newUnion(t, db))
	})
}

func newUnion(t testing.TB, db *store.DB) *union {
	t.Helper()
	db.SetAuditKey(must[*secret.MAC](t)(secret.NewMAC(1, key(1))))
	u := &union{t: t, db: db, now: saml.Start}
	u.publish(10)
	u.server = httptest.NewTLSServer(http.HandlerFunc(u.serve))
	t.Cleanup(u.server.Close)
	u.feed = saml.Feed{ID: "gakunin", URL: u.server.URL + "/metadata.xml", Certificate: certificatePEM(saml.Ours)}
	return u
}

func certificatePEM(c saml.Credential) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate}))
}

// publish puts an aggregate of n services on the server, in which old is replaced
// by new.
func (u *union) publish(n int, replace ...string) {
	u.put(saml.SignedFeed(u.t, saml.AggregateOf(saml.Providers(n), replace...), saml.Ours, ""))
}

// put puts a text on the server.
func (u *union) put(text string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.text, u.tag = text, u.tag+"x"
}

func (u *union) clock() time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.now
}

func (u *union) pass(d time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.now = u.now.Add(d)
}

func (u *union) serve(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.fetches = append(u.fetches, r)
	text, tag, answer := u.text, `"`+u.tag+`"`, u.answer
	u.mu.Unlock()
	switch {
	case answer != nil:
		answer(w, r)
	case r.Header.Get("If-None-Match") == tag:
		w.WriteHeader(http.StatusNotModified)
	default:
		w.Header().Set("ETag", tag)
		_, _ = io.WriteString(w, text)
	}
}

// instead has the server answer otherwise.
func (u *union) instead(answer http.HandlerFunc) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer = answer
}

// asked returns how often the server was asked.
func (u *union) asked() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.fetches)
}

// node is one of the nodes.
func (u *union) node(feeds ...saml.Feed) *saml.Feeds {
	u.t.Helper()
	if feeds == nil {
		feeds = []saml.Feed{u.feed}
	}
	client := saml.NewFeedClient()
	client.Transport = u.server.Client().Transport
	composer := must[*mail.Composer](u.t)(mail.NewComposer(mail.Site{}, mail.Site{}, time.UTC))
	box := must[*secret.Box](u.t)(secret.NewBox(1, key(4)))
	return &saml.Feeds{Feeds: feeds, InTx: store.In[saml.FeedTx](u.db), View: store.View[saml.FeedReader](u.db), Client: client,
		Verify: func(_ context.Context, document io.Reader, c saml.Check, each func(saml.Record) error) (saml.Summary, error) {
			return saml.ReadFeed(document, c, each)
		},
		Alarm: &alarm.Watch{Outbox: &mail.Outbox{Composer: composer, Box: box, Now: u.clock}, To: []string{"admin@miyako.example"}, Now: u.clock},
		Log:   slog.New(slog.NewTextHandler(u.t.Output(), nil)), Now: u.clock}
}

// refresh has a node fetch what is due.
func (u *union) refresh(f *saml.Feeds) {
	u.t.Helper()
	if err := f.Refresh(u.t.Context()); err != nil {
		u.t.Fatal(err)
	}
}

// state returns what has become of the feed.
func (u *union) state() saml.FeedState {
	u.t.Helper()
	var states []saml.FeedState
	err := store.View[saml.FeedReader](u.db)(u.t.Context(), func(tx saml.FeedReader) (err error) {
		states, err = tx.FeedStates(u.t.Context())
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	for _, s := range states {
		if s.ID == u.feed.ID {
			return s
		}
	}
	return saml.FeedState{}
}

// found returns the service by the number n.
func found(f *saml.Feeds, n string) (federation.Service, error) {
	return f.Entity(context.Background(), "https://sp"+n+".example/shibboleth")
}

// alarms returns how often each rule has raised one.
func (u *union) alarms() map[string]int {
	u.t.Helper()
	names := make(map[string]int)
	err := store.View[audit.TrailReader](u.db)(u.t.Context(), func(tx audit.TrailReader) error {
		clear(names)
		rows, err := tx.UnsealedAudit(u.t.Context(), "", 1000)
		for _, row := range rows {
			var e audit.Event
			if err := json.Unmarshal([]byte(row.Body), &e); err != nil {
				return err
			}
			if e.Name == audit.AlarmRaised && e.Detail["of"] == u.feed.ID {
				names[e.Target]++
			}
		}
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	return names
}

// knows reports whether a node that has kept nothing knows the service by the
// number n.
func (u *union) knows(f *saml.Feeds, n string) bool {
	u.t.Helper()
	s, err := u.node(f.Feeds...).Entity(u.t.Context(), "https://sp"+n+".example/shibboleth")
	if err != nil && !errors.Is(err, federation.ErrNoService) {
		u.t.Fatal(err)
	}
	return err == nil && s.ID != ""
}

// TestSignInAtAServiceOfAFeed tells the whole story: the aggregate of a federation
// is fetched, verified in a process of its own and stored; a service of it, of which
// nobody has made a record here, sends the browser and gets what its category
// stands for, once he has agreed.
func TestSignInAtAServiceOfAFeed(t *testing.T) {
	w := newWorld(t)
	u := newUnion(t, w.db)
	f := u.node()
	f.Verify = saml.InProcess(must[string](t)(os.Executable()), saml.VerifyCommand)
	w.provider.Services.Feeds = f
	if rw := w.ask(by("sp3", saml.TheirACS, "https://sp3.example/acs")); rw.Code != http.StatusBadRequest {
		t.Errorf("before the first fetch: %d", rw.Code)
	}
	u.refresh(f)
	u.pass(time.Minute)
	page := w.ask(by("sp3", saml.TheirACS, "https://sp3.example/acs"))
	for _, want := range []string{"Library &amp; 3", "https://sp3.example/privacy", "student@miyako.example"} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page that asks lacks %q", want)
		}
	}
	a := w.answer(w.say(page, "act", "allow", "send_scoped_affiliation", "yes", "send_home_organization", "yes"))
	if a.action != "https://sp3.example/acs" || a.status() != "Success" {
		t.Fatalf("%s %s", a.action, a.status())
	}
	assertion := saml.Decrypted(t, saml.Theirs, a.response)
	for name, want := range map[string]bool{"pairwise-id": true, "eduPersonScopedAffiliation": true, "schacHomeOrganization": true, "mail": false, "displayName": false, "uid": false} {
		if got := strings.Contains(string(assertion), `FriendlyName="`+name+`"`); got != want {
			t.Errorf("%s is there: %v\n%s", name, got, assertion)
		}
	}
	if saml.Text(assertion, ns, "Audience") != "https://sp3.example/shibboleth" {
		t.Errorf("%s", assertion)
	}
	message := leave("sp3", saml.Text(assertion, ns, "NameID"), saml.Attr(assertion, ns, "AuthnStatement", "SessionIndex"))
	rw := w.follow(w.send("GET", "/saml/slo?"+saml.Query(message, "", &saml.Theirs, saml.RSASHA256), ""))
	if _, err := w.sessions.Find(t.Context(), w.cookie); err == nil || !strings.HasPrefix(rw.Header().Get("Location"), "https://sp3.example/slo?SAMLResponse=") {
		t.Errorf("its logout: %d %s", rw.Code, rw.Header().Get("Location"))
	}
}

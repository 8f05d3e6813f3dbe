package saml_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/federation"
	"warifu/internal/federation/saml"
	"warifu/internal/store"
)

// TestRefresh fetches what is due and no more than that: once an hour, and nothing
// is read again that has not changed.
func TestRefresh(t *testing.T) {
	onEngines(t, func(t *testing.T, u *union) {
		f := u.node()
		u.refresh(f)
		u.refresh(f)
		if s := u.state(); u.asked() != 1 || s.Services != 10 || s.Generation != 1 || s.Failures != 0 || !s.CheckedAt.Equal(saml.Start) || !u.knows(f, "9") {
			t.Fatalf("asked %d times, %+v", u.asked(), s)
		}
		u.pass(time.Hour)
		u.refresh(f)
		if s := u.state(); u.asked() != 2 || s.Generation != 1 || !s.CheckedAt.Equal(saml.Start.Add(time.Hour)) || !s.Since.Equal(saml.Start) {
			t.Errorf("not changed: %+v", s)
		}
		u.publish(11)
		u.pass(time.Hour)
		u.refresh(f)
		if s := u.state(); s.Services != 11 || s.Generation != 3 || !u.knows(f, "10") {
			t.Errorf("changed: %+v", s)
		}
		for _, generation := range []int64{1, 2} {
			if rows := u.rows(generation); rows != 0 {
				t.Errorf("%d services of the former generation %d are left", rows, generation)
			}
		}
	})
}

// rows returns how many services of a generation are stored.
func (u *union) rows(generation int64) (n int) {
	u.t.Helper()
	err := store.View[saml.FeedReader](u.db)(u.t.Context(), func(tx saml.FeedReader) error {
		all, err := tx.FeedServices(u.t.Context(), u.feed.ID, generation)
		n = len(all)
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	return n
}

// TestBadFeedKeepsLastGood keeps the services that there are, whatever the source
// answers, tells the fault, and tries again. SAML-7, A54.
func TestBadFeedKeepsLastGood(t *testing.T) {
	aggregate := func(n int, replace ...string) string { return saml.AggregateOf(saml.Providers(n), replace...) }
	say := func(text string) func(*union) {
		return func(u *union) { u.put(text) }
	}
	for name, break_ := range map[string]func(u *union){
		"a broken signature": say(strings.Replace(saml.SignedFeed(t, aggregate(10), saml.Ours, ""), "sp3.example/acs", "sp3.evil.example/acs", 1)),
		"another key":        say(saml.SignedFeed(t, aggregate(10), saml.Theirs, "")),
		"no signature":       say(aggregate(10)),
		"past validUntil":    func(u *union) { u.publish(10, "2026-04-15T09:00:00Z", "2026-04-01T08:59:59Z") },
		"good for too long":  func(u *union) { u.publish(10, "2026-04-15", "2026-06-15") },
		"no validUntil":      func(u *union) { u.publish(10, ` validUntil="2026-04-15T09:00:00Z"`, "") },
		"an entity twice": say(saml.SignedFeed(t, saml.AggregateOf(append(saml.Providers(10), saml.TheirProvider(3))),
			saml.Ours, "")),
		"shrunk by 30 of 100": func(u *union) { u.publish(7) },
		"no service":          func(u *union) { u.publish(10, "SPSSODescriptor", "IDPSSODescriptor") },
		"garbage":             say("\x00\xff<"),
		"cut off":             say(saml.SignedFeed(t, aggregate(10), saml.Ours, "")[:20_000]),
		"a page":              say("<!DOCTYPE html><html>"),
		"100 MB": func(u *union) {
			u.instead(func(w http.ResponseWriter, _ *http.Request) {
				page := []byte(strings.Repeat(" ", 1<<20))
				for range 100 {
					if _, err := w.Write(page); err != nil {
						return
					}
				}
			})
		},
		"500":               func(u *union) { u.instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }) },
		"not found":         func(u *union) { u.instead(http.NotFound) },
		"no change of what": func(u *union) { u.instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(206) }) },
		"cut connection": func(u *union) {
			u.instead(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		},
		"another host":   func(u *union) { u.leadTo(httptest.NewTLSServer) },
		"another scheme": func(u *union) { u.leadTo(httptest.NewServer) },
		"a circle":       func(u *union) { u.instead(http.RedirectHandler("/again", http.StatusFound).ServeHTTP) },
		"no server":      func(u *union) { u.server.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUnion(t, migratedDB(t))
			f := u.node()
			u.refresh(f)
			good := u.state()
			break_(u)
			u.pass(time.Hour)
			u.refresh(f)
			s := u.state()
			if u.asked() > 10 {
				t.Errorf("asked %d times", u.asked())
			}
			if s.Failures != 1 || s.Fault == "" || s.Generation != good.Generation || s.Services != 10 || !s.ValidUntil.Equal(good.ValidUntil) || !u.knows(f, "3") {
				t.Errorf("%+v", s)
			}
			if want := saml.Start.Add(time.Hour + 15*time.Minute); !s.NextAt.Equal(want) || u.rows(s.Claimed) != 0 {
				t.Errorf("again at %s, %d services are left", s.NextAt, u.rows(s.Claimed))
			}
			if strings.Contains(s.Fault, u.server.URL) {
				t.Errorf("the fault has the address: %s", s.Fault)
			}
		})
	}
}

// leadTo has the server send whoever asks to another one, which has good metadata
// of other services.
func (u *union) leadTo(start func(http.Handler) *httptest.Server) {
	text := saml.SignedFeed(u.t, saml.AggregateOf(saml.Providers(12)), saml.Ours, "")
	other := start(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
	u.t.Cleanup(other.Close)
	u.instead(http.RedirectHandler(other.URL+"/metadata.xml", http.StatusFound).ServeHTTP)
}

// migratedDB is an empty database on SQLite.
func migratedDB(t testing.TB) *store.DB {
	t.Helper()
	db := must[*store.DB](t)(store.Open("sqlite:" + filepath.Join(t.TempDir(), "test.db")))
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// TestSlowFeed gives up an answer that takes too long. A54.
func TestSlowFeed(t *testing.T) {
	u := newUnion(t, migratedDB(t))
	f := u.node()
	if f.Client.Timeout != time.Minute {
		t.Errorf("waits %s", f.Client.Timeout)
	}
	f.Client.Timeout = 50 * time.Millisecond
	ended := make(chan struct{})
	defer close(ended)
	u.instead(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "<")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-ended:
		}
	})
	u.refresh(f)
	if s := u.state(); s.Failures != 1 || s.Generation != 0 {
		t.Errorf("%+v", s)
	}
}

// TestRedirects follows no redirect to another scheme, also at the same host. A54.
func TestRedirects(t *testing.T) {
	follow := saml.NewFeedClient().CheckRedirect
	from := httptest.NewRequest(http.MethodGet, "https://metadata.example/a", nil)
	for to, want := range map[string]bool{"https://metadata.example/b": true, "http://metadata.example/a": false, "https://metadata.example:8443/a": false, "https://other.example/a": false} {
		if err := follow(httptest.NewRequest(http.MethodGet, to, nil), []*http.Request{from}); (err == nil) != want {
			t.Errorf("%s: %v", to, err)
		}
	}
	if err := follow(from, []*http.Request{from, from, from, from}); err == nil {
		t.Error("for ever")
	}
}

// TestRedirectWithinHost follows what stays at the host.
func TestRedirectWithinHost(t *testing.T) {
	u := newUnion(t, migratedDB(t))
	f := u.node()
	text := u.text
	u.instead(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/moved.xml" {
			http.Redirect(w, r, "/moved.xml", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, text)
	})
	u.refresh(f)
	if s := u.state(); s.Services != 10 {
		t.Errorf("%+v", s)
	}
}

// TestFeedRunsOut has the services stop at the end that their metadata give
// themselves, also where one is kept already. SAML-7.
func TestFeedRunsOut(t *testing.T) {
	u := newUnion(t, migratedDB(t))
	f := u.node()
	u.refresh(f)
	end := u.state().ValidUntil
	u.server.Close()
	u.pass(end.Sub(saml.Start) - time.Millisecond)
	if !u.knows(f, "3") {
		t.Error("too early")
	}
	s := must[federation.Service](t)(found(f, "3"))
	u.pass(time.Millisecond)
	if u.knows(f, "3") {
		t.Error("it counts after its end")
	}
	if !strings.Contains(s.Metadata, end.Format("2006-01-02T15:04:05Z")) {
		t.Errorf("a service that is kept does not say when it ends: %s", s.Metadata)
	}
	u.publish(10)
	u.refresh(f)
	if u.knows(f, "3") {
		t.Error("by a source that is gone")
	}
}

// TestShrunkFeedIsAccepted takes far fewer services once an administrator has said
// so, and no fewer than those.
func TestShrunkFeedIsAccepted(t *testing.T) {
	onEngines(t, func(t *testing.T, u *union) {
		f := u.node()
		u.refresh(f)
		again := func(n int) saml.FeedState {
			u.publish(n)
			u.pass(time.Hour)
			u.refresh(f)
			return u.state()
		}
		if s := again(8); s.Services != 8 || s.Failures != 0 {
			t.Fatalf("80 %%: %+v", s)
		}
		if s := again(6); s.Services != 8 || s.Shrunk != 6 || s.Failures != 1 || !u.knows(f, "7") {
			t.Fatalf("75 %%: %+v", s)
		}
		hurry := func(n int64) {
			err := f.InTx(t.Context(), func(tx saml.FeedTx) error {
				_, err := tx.HurryFeed(t.Context(), u.feed.ID, n)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		hurry(6)
		if s := again(4); s.Services != 8 || s.Shrunk != 4 {
			t.Errorf("fewer than was accepted: %+v", s)
		}
		if s := again(6); s.Services != 6 || s.Failures != 0 || s.Shrunk != 0 || s.Accepted != 0 || u.knows(f, "7") {
			t.Errorf("accepted: %+v", s)
		}
		if s := again(4); s.Services != 6 || s.Shrunk != 4 {
			t.Errorf("it was accepted for ever: %+v", s)
		}
	})
}

// TestOneNodeFetches lets one of many nodes fetch at a time.
func TestOneNodeFetches(t *testing.T) {
	onEngines(t, func(t *testing.T, u *union) {
		var wg sync.WaitGroup
		for range 16 {
			f := u.node()
			wg.Go(func() { u.refresh(f) })
		}
		wg.Wait()
		if s := u.state(); u.asked() != 1 || s.Services != 10 || s.Claimed != 1 {
			t.Errorf("asked %d times, %+v", u.asked(), s)
		}
	})
}

// TestDeadNodeLosesFeed gives the feed of a node that has ended in the middle to
// another one, whose services count then, also if the first one comes back.
func TestDeadNodeLosesFeed(t *testing.T) {
	onEngines(t, func(t *testing.T, u *union) {
		first, second := u.node(), u.node()
		verify := first.Verify
		first.Verify = func(ctx context.Context, document io.Reader, c saml.Check, each func(saml.Record) error) (saml.Summary, error) {
			u.refresh(second)
			if u.asked() != 1 {
				t.Error("the second node fetches beside the first one")
			}
			u.pass(15 * time.Minute)
			u.publish(12)
			u.refresh(second)
			c.Now = u.clock()
			return verify(ctx, document, c, each)
		}
		if _, err := first.RefreshOne(t.Context(), u.feed); !errors.Is(err, saml.ErrFeedBusy) {
			t.Errorf("the first node: %v", err)
		}
		if s := u.state(); u.asked() != 2 || s.Services != 12 || s.Generation != 2 || !u.knows(first, "11") {
			t.Errorf("asked %d times, %+v", u.asked(), s)
		}
	})
}

// TestSwitchIsAtomic shows no reader anything but all of the former services or all
// of the new ones.
func TestSwitchIsAtomic(t *testing.T) {
	onEngines(t, func(t *testing.T, u *union) {
		f := u.node()
		u.refresh(f)
		u.publish(10, "Library", "Other")
		u.pass(time.Hour)
		names := func() (former, other int) {
			all, err := u.node().List(t.Context(), u.feed)
			if err != nil {
				t.Error(err)
			}
			for _, s := range all {
				if strings.HasPrefix(s.Name.English, "Other") {
					other++
				} else {
					former++
				}
			}
			return former, other
		}
		verify, stop := f.Verify, make(chan struct{})
		var wg sync.WaitGroup
		f.Verify = func(ctx context.Context, document io.Reader, c saml.Check, each func(saml.Record) error) (saml.Summary, error) {
			return verify(ctx, document, c, func(r saml.Record) error {
				if former, other := names(); former != 10 || other != 0 {
					t.Errorf("in the middle: %d and %d", former, other)
				}
				return each(r)
			})
		}
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if former, other := names(); former+other != 10 || former*other != 0 {
						t.Errorf("%d of the former and %d of the new services", former, other)
					}
				}
			})
		}
		u.refresh(f)
		close(stop)
		wg.Wait()
		if former, other := names(); former != 0 || other != 10 {
			t.Errorf("at the end: %d and %d", former, other)
		}
	})
}

// TestFirstFeedCounts takes a service from the first feed that has it now, in the
// order of the configuration; of a feed with registrars, theirs alone.
func TestFirstFeedCounts(t *testing.T) {
	u := newUnion(t, migratedDB(t))
	second := u.feed
	second.ID = "test"
	f := u.node(u.feed, second)
	u.refresh(f)
	feedOf := func(feeds ...saml.Feed) string {
		s, err := found(u.node(feeds...), "3")
		if err != nil {
			return ""
		}
		return s.Feed
	}
	foreign, theirs, own := u.feed, u.feed, u.feed
	foreign.Registrars, theirs.Certificate = []string{"https://other.example"}, certificatePEM(saml.Theirs)
	own.Registrars = []string{"https://other.example", "https://federation.example"}
	gone := u.feed
	gone.ID = "never-fetched"
	for name, c := range map[string]struct {
		feeds []saml.Feed
		want  string
	}{
		"the first":               {[]saml.Feed{u.feed, second}, "gakunin"},
		"the other order":         {[]saml.Feed{second, u.feed}, "test"},
		"not of the registrar":    {[]saml.Feed{foreign, second}, "test"},
		"of the registrar":        {[]saml.Feed{own, second}, "gakunin"},
		"not in it":               {[]saml.Feed{gone, second}, "test"},
		"not the key any more":    {[]saml.Feed{theirs}, ""},
		"not configured any more": {[]saml.Feed{gone}, ""},
	} {
		if got := feedOf(c.feeds...); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestFeedOfAFile reads a file, and reads it again when it has changed.
func TestFeedOfAFile(t *testing.T) {
	u := newUnion(t, migratedDB(t))
	name := filepath.Join(t.TempDir(), "feed.xml")
	u.feed.URL, u.feed.File = "", name
	f := u.node()
	u.refresh(f)
	if s := u.state(); s.Failures != 1 {
		t.Errorf("no file: %+v", s)
	}
	for i, n := range []int{10, 10, 12} {
		if i != 1 {
			u.publish(n)
			if err := os.WriteFile(name, []byte(u.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		u.pass(time.Hour)
		u.refresh(f)
	}
	if s := u.state(); s.Services != 12 || s.Generation != 4 || s.Failures != 0 || u.asked() != 0 {
		t.Errorf("%+v", s)
	}
}

// TestFeedIsForgotten deletes a feed that is not in the configuration, once it has
// run out.
func TestFeedIsForgotten(t *testing.T) {
	onEngines(t, func(t *testing.T, u *union) {
		u.refresh(u.node())
		other := u.feed
		other.ID = "other"
		f := u.node(other)
		u.refresh(f)
		if s := u.state(); s.Services != 10 || u.rows(s.Generation) != 10 {
			t.Errorf("too early: %+v", s)
		}
		u.pass(15 * 24 * time.Hour)
		u.refresh(f)
		if s := u.state(); s.ID != "" || u.rows(1) != 0 {
			t.Errorf("%+v, %d services", s, u.rows(1))
		}
	})
}

// TestFeedAlarms tells the administrators of failures, of age and of the end, each
// at most once a day.
func TestFeedAlarms(t *testing.T) {
	onEngines(t, func(t *testing.T, u *union) {
		f := u.node()
		u.refresh(f)
		raised := func() (all []string) {
			names := u.alarms()
			for _, rule := range []string{"feed fails", "feed ages", "feed runs out"} {
				all = append(all, fmt.Sprint(names[rule]))
			}
			return all
		}
		step := func(name string, d time.Duration, want string) {
			t.Helper()
			u.pass(d)
			u.refresh(f)
			if got := strings.Join(raised(), " "); got != want {
				t.Errorf("%s: alarms %s, want %s", name, got, want)
			}
		}
		step("nothing new", 6*24*time.Hour, "0 0 0")
		step("half of it gone", 24*time.Hour, "0 1 0")
		step("an hour later", time.Hour, "0 1 0")
		step("a day later", 24*time.Hour, "0 2 0")
		u.instead(http.NotFound)
		step("a failure", time.Hour, "0 2 0")
		step("two", time.Hour, "0 2 0")
		step("three", time.Hour, "1 2 0")
		step("four", time.Hour, "1 2 0")
		step("a day later", 24*time.Hour, "2 3 0")
		step("24 hours left", 3*24*time.Hour+20*time.Hour, "3 3 1")
		u.instead(nil)
		u.publish(10, "2026-04-15", "2026-04-20")
		step("fetched", time.Hour, "3 3 1")
	})
}

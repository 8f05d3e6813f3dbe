package saml_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"warifu/internal/federation"
	"warifu/internal/federation/saml"
)

// alone is the signed metadata of one service, in which old is replaced by new.
func alone(t testing.TB, c saml.Credential, replace ...string) string {
	return saml.SignedFeed(t, strings.NewReplacer(replace...).Replace(saml.TheirProvider(3, "<md:EntityDescriptor",
		`<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ID="_e" validUntil="2026-04-02T09:00:00Z"`)), c, "")
}

// newServer is a federation that answers for one service at a time.
func newServer(t *testing.T) *union {
	u := newUnion(t, migratedDB(t))
	u.feed.URL, u.feed.MDQ, u.feed.Refresh = u.server.URL+"/mdq/", true, 2*time.Hour
	u.say(alone(t, saml.Ours))
	return u
}

// say has the server answer for the service by the number 3.
func (u *union) say(text string) {
	u.instead(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/mdq/entities/https%3A%2F%2Fsp3.example%2Fshibboleth" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, text)
	})
}

// TestServerIsAsked asks a Metadata Query server when a service first comes, and
// again after the usual pause, on whichever node; in between, nobody asks. That
// there is none is remembered for a while.
func TestServerIsAsked(t *testing.T) {
	u := newServer(t)
	f := u.node()
	step := func(name string, f *saml.Feeds, service string, pass time.Duration, known bool, asked int) {
		t.Helper()
		u.pass(pass)
		_, err := found(f, service)
		if (err == nil) != known || err != nil && !errors.Is(err, federation.ErrNoService) || u.asked() != asked {
			t.Errorf("%s: %v, asked %d times, want %d", name, err, u.asked(), asked)
		}
	}
	step("first", f, "3", 0, true, 1)
	step("again", f, "3", 0, true, 1)
	step("after a minute", f, "3", time.Minute, true, 1)
	step("another node", u.node(), "3", 0, true, 1)
	step("after the pause", f, "3", 2*time.Hour, true, 2)
	step("another service", f, "4", 0, false, 3)
	step("that again", f, "4", time.Minute, false, 3)
	step("a while later", f, "4", 2*time.Minute, false, 4)
	u.refresh(f)
	if u.asked() != 4 {
		t.Error("a server is asked in the background")
	}
	s := must[federation.Service](t)(found(f, "3"))
	if byID := must[federation.Service](t)(u.node().Service(t.Context(), s.ID)); byID.EntityID != s.EntityID || byID.Feed != u.feed.ID {
		t.Errorf("by its id: %+v", byID)
	}
	if all := must[[]federation.Service](t)(f.List(t.Context(), u.feed)); len(all) != 1 {
		t.Errorf("listed: %+v", all)
	}
}

// TestServerLimitsAnswer asks again after the cacheDuration or the end of an answer,
// if that is earlier.
func TestServerLimitsAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		until time.Duration
	}{
		"cacheDuration": {alone(t, saml.Ours, " validUntil", ` cacheDuration="PT30M" validUntil`), 30 * time.Minute},
		"validUntil":    {alone(t, saml.Ours, "2026-04-02T09:00:00Z", "2026-04-01T09:20:00Z"), 20 * time.Minute},
		"longer":        {alone(t, saml.Ours, " validUntil", ` cacheDuration="P1D" validUntil`), 2 * time.Hour},
	} {
		u := newServer(t)
		u.say(c.text)
		f := u.node()
		must[federation.Service](t)(found(f, "3"))
		u.pass(c.until - 10*time.Second)
		must[federation.Service](t)(found(f, "3"))
		if u.asked() != 1 {
			t.Errorf("%s: too early", name)
		}
		u.pass(10 * time.Second)
		_, _ = found(f, "3")
		if u.asked() != 2 {
			t.Errorf("%s: asked %d times", name, u.asked())
		}
	}
}

// TestWrongAnswer takes nothing from a server that is not as it should be: it is
// held to the same as an aggregate. SAML-7, A54.
func TestWrongAnswer(t *testing.T) {
	for name, text := range map[string]string{
		"another key":       alone(t, saml.Theirs),
		"changed":           strings.Replace(alone(t, saml.Ours), "sp3.example/acs", "sp3.evil.example/acs", 1),
		"another entity":    alone(t, saml.Ours, "https://sp3.example/shibboleth", "https://sp4.example/shibboleth"),
		"over":              alone(t, saml.Ours, "2026-04-02", "2026-04-01"),
		"good for too long": alone(t, saml.Ours, "2026-04-02", "2026-06-02"),
		"without end":       alone(t, saml.Ours, ` validUntil="2026-04-02T09:00:00Z"`, ""),
		"long":              alone(t, saml.Ours) + strings.Repeat(" ", 2<<20),
		"several":           saml.SignedFeed(t, saml.AggregateOf(saml.Providers(10)), saml.Ours, ""),
		"garbage":           "<",
	} {
		u := newServer(t)
		u.say(text)
		f := u.node()
		_, err := found(f, "3")
		unavailable, ok := errors.AsType[interface {
			error
			Unavailable() bool
		}](err)
		if !ok || !unavailable.Unavailable() {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := found(f, "3"); err == nil || u.asked() != 1 {
			t.Errorf("%s: asked again at once: %v", name, err)
		}
	}
}

// TestServerFails keeps an answer until its own end while the server does not
// answer, and leaves the server alone for half a minute.
func TestServerFails(t *testing.T) {
	u := newServer(t)
	f := u.node()
	must[federation.Service](t)(found(f, "3"))
	u.instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	u.pass(3 * time.Hour)
	must[federation.Service](t)(found(f, "3"))
	u.pass(10 * time.Second)
	must[federation.Service](t)(found(f, "3"))
	if u.asked() != 2 {
		t.Errorf("asked %d times", u.asked())
	}
	u.pass(21 * time.Hour)
	if s, err := found(f, "3"); err == nil {
		t.Errorf("after its end: %+v", s)
	}
}

// TestSilentServerIsNoUnknownService tells the person to come back later, and not
// that there is no such service.
func TestSilentServerIsNoUnknownService(t *testing.T) {
	w, u := newWorld(t), newServer(t)
	w.provider.Services.Feeds = u.node()
	u.instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	if rw := w.ask(by("sp3")); rw.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", rw.Code, rw.Body)
	}
	u.instead(http.NotFound)
	u.pass(time.Minute)
	if rw := w.ask(by("sp3")); rw.Code != http.StatusBadRequest {
		t.Errorf("%d %s", rw.Code, rw.Body)
	}
}

// TestServerIsBeaten asks no server for what an earlier feed has; a later feed
// stands in for one that does not answer.
func TestServerIsBeaten(t *testing.T) {
	u := newServer(t)
	aggregate := u.feed
	aggregate.ID, aggregate.MDQ, aggregate.URL = "all", false, u.server.URL+"/metadata.xml"
	u.instead(nil)
	u.refresh(u.node(aggregate))
	if s := must[federation.Service](t)(found(u.node(aggregate, u.feed), "3")); s.Feed != "all" || u.asked() != 1 {
		t.Errorf("%s, asked %d times", s.Feed, u.asked())
	}
	u.say(alone(t, saml.Ours))
	if s := must[federation.Service](t)(found(u.node(u.feed, aggregate), "3")); s.Feed != u.feed.ID || u.asked() != 2 {
		t.Errorf("%s, asked %d times", s.Feed, u.asked())
	}
	u.say("broken")
	u.pass(24 * time.Hour)
	if s := must[federation.Service](t)(found(u.node(u.feed, aggregate), "3")); s.Feed != "all" {
		t.Errorf("%s", s.Feed)
	}
}

// TestAnswerOfFormerConfiguration uses an answer no more once its key is not the
// feed's, or the feed is an aggregate. SAML-7.
func TestAnswerOfFormerConfiguration(t *testing.T) {
	u := newServer(t)
	known := must[federation.Service](t)(found(u.node(), "3"))
	rekeyed, aggregate := u.feed, u.feed
	rekeyed.Certificate, aggregate.MDQ = certificatePEM(saml.Theirs), false
	for name, feed := range map[string]saml.Feed{"another key": rekeyed, "an aggregate": aggregate} {
		f := u.node(feed)
		if s, err := f.Service(t.Context(), known.ID); err == nil {
			t.Errorf("%s: by its id %+v", name, s)
		}
		if s, err := found(f, "3"); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if s, err := u.node().Service(t.Context(), known.ID); err != nil || s.EntityID != known.EntityID {
		t.Errorf("as it was: %+v, %v", s, err)
	}
}

// TestFewAreAskedAtOnce lets nobody who makes up names keep more than four
// connections busy.
func TestFewAreAskedAtOnce(t *testing.T) {
	u := newServer(t)
	f := u.node()
	var now, most atomic.Int64
	free := make(chan struct{})
	arrived := make(chan struct{}, 20)
	u.instead(func(w http.ResponseWriter, r *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		arrived <- struct{}{}
		<-free
		http.NotFound(w, r)
	})
	done := make(chan error)
	for i := range 12 {
		go func() {
			_, err := f.Entity(t.Context(), "https://made-up.example/"+strings.Repeat("x", i))
			done <- err
		}()
	}
	for range 4 {
		<-arrived
	}
	close(free)
	for range 12 {
		if err := <-done; !errors.Is(err, federation.ErrNoService) {
			t.Error(err)
		}
	}
	if most.Load() > 4 {
		t.Errorf("%d at once", most.Load())
	}
}

package abuse

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"warifu/internal/faq"
	"warifu/internal/store"
)

// expireTx deletes what has ended.
type expireTx interface {
	RemoveExpired(ctx context.Context, now time.Time, keep int64) error
}

// sweep deletes what has ended, as the job does.
func (w *world) sweep() {
	w.t.Helper()
	w.must(store.In[expireTx](w.app.DB)(w.t.Context(), func(tx expireTx) error { return tx.RemoveExpired(w.t.Context(), w.Now(), 100) }))
}

// TestFAQSearch: whatever is typed is shown as text, as long as it may be, in an
// answer to everybody, also to one who is locked out. FAQ-1.
func TestFAQSearch(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		for _, query := range []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "' OR 1=1 --", strings.Repeat("あ", 3000), "\x00\xff", "{{.Site}}", "%s%n"} {
			p := b.get("/faq?q=" + url.QueryEscape(query))
			if p.Code != http.StatusOK || strings.Contains(p.Body.String(), "<script>alert") || strings.Contains(p.Body.String(), "<img src=x") || p.Body.Len() > 64<<10 {
				t.Errorf("%.30q: %d, %d bytes", query, p.Code, p.Body.Len())
			}
		}
		if p := b.get("/faq?q=a&q=b"); p.Code != http.StatusBadRequest {
			t.Errorf("two queries: %d", p.Code)
		}
		for range 10 {
			b.password(hanako.id, "guess")
		}
		for _, path := range []string{"/faq", "/faq/clock", "/faq?q=clock", "/faq?category=mfa"} {
			if p := b.get(path); p.Code != http.StatusOK || !p.says("075-000-0000") && !p.says("clock") {
				t.Errorf("%s while locked out: %d", path, p.Code)
			}
		}
		for _, path := range []string{"/faq/none", "/faq/../login", "/faq/clock.en.md", "/faq/pictures/..%2farticles%2fclock.en.md", "/faq/pictures/none", "/faq/%00"} {
			if p := b.get(path); p.Code == http.StatusOK && strings.HasPrefix(path, "/faq/") && !strings.Contains(path, "..") || p.says("slug: clock") {
				t.Errorf("%s: %d", path, p.Code)
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM faq_miss`); n != 0 {
			t.Errorf("a search has written %d rows", n)
		}
	})
}

// TestFAQCounts: an answer needs the form of its page, counts once it is written,
// and tells nobody; words of searches are kept from the third on. FAQ-1.
func TestFAQCounts(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, other := w.newBrowser(), w.newBrowser()
		form := b.get("/faq/clock").form("/faq/clock")
		for name, p := range map[string]page{
			"another browser's form": other.submit("/faq/clock", form, "helpful", "yes"),
			"no form":                b.post("/faq/clock", url.Values{"helpful": {"yes"}}),
			"another entry's form":   b.submit("/faq/passkeys", form, "helpful", "yes"),
			"another word":           b.submit("/faq/clock", form, "helpful", "very"),
			"one field more":         b.submit("/faq/clock", form, "helpful", "yes", "name", "x"),
		} {
			if p.Code < 400 {
				t.Errorf("%s: %d", name, p.Code)
			}
		}
		if p := b.follow(b.submit("/faq/clock", form, "helpful", "no")); !p.says("Thank you") || p.says("Did this solve") {
			t.Errorf("%d %s", p.Code, p.main())
		}
		if n := w.count(`SELECT COUNT(*) FROM faq_answer`); n != 0 {
			t.Errorf("a request has written %d rows", n)
		}
		w.must(w.app.Tally.Flush(t.Context()))
		if n := w.count(`SELECT COUNT(*) FROM faq_answer WHERE slug = 'clock' AND lang = 'en' AND yes = 0 AND no = 1`); n != 1 {
			t.Errorf("%d answers", w.count(`SELECT COUNT(*) FROM faq_answer`))
		}
		for n := range 3 {
			b.get("/faq?q=" + url.QueryEscape("parking permit"))
			b.get("/faq?q=" + url.QueryEscape("Parking  PERMIT"))
			b.get("/faq?q=hanako@example.net")
			w.must(w.app.Tally.Flush(t.Context()))
			want := 0
			if n == 2 {
				want = 1
			}
			if got := w.count(`SELECT COUNT(*) FROM faq_miss WHERE words = 'parking permit'`); got != want || w.count(`SELECT COUNT(*) FROM faq_miss`) != 1 {
				t.Errorf("after %d days: %d with words, %d in all", n+1, got, w.count(`SELECT COUNT(*) FROM faq_miss`))
			}
			w.pass(24 * time.Hour)
		}
		b.signIn(admin01)
		if p := b.get("/admin/faq"); p.Code != http.StatusOK || !p.says("parking permit") || !strings.Contains(p.Body.String(), `data-label="No">1</td>`) {
			t.Errorf("%d %s", p.Code, p.main())
		}
		for _, who := range []person{agent01, hanako} {
			one := w.newBrowser()
			one.signIn(who)
			if p := one.get("/admin/faq"); p.Code != http.StatusForbidden {
				t.Errorf("%s: %d", who.id, p.Code)
			}
		}
		w.pass(91 * 24 * time.Hour)
		w.sweep()
		if n := w.count(`SELECT COUNT(*) FROM faq_answer`) + w.count(`SELECT COUNT(*) FROM faq_miss`); n != 0 {
			t.Errorf("%d rows are kept for good", n)
		}
	}, anyFactor)
}

// TestFAQAddresses: every page that entries lead to is there.
func TestFAQAddresses(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		for _, path := range faq.Addresses {
			if p := w.newBrowser().get(path); p.Code != http.StatusOK && p.Code != http.StatusSeeOther {
				t.Errorf("%s: %d", path, p.Code)
			}
		}
	})
}

// TestFAQBeside: a step offers the entries that fit what is wrong on it, in a tab
// of their own, and the step stays.
func TestFAQBeside(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		p := b.totpPage(hanako.id)
		shown := b.get("/login/totp?flow=" + p.flow)
		wrong := b.submitTOTP(p, hanako.wrong(w.Now(), 0))
		link := func(slug string) string {
			return fmt.Sprintf(`<a href="/faq/%s" target="_blank" rel="noopener">`, slug)
		}
		if !strings.Contains(shown.Body.String(), link("no-authenticator-at-hand")) {
			t.Errorf("at the step: %s", shown.main())
		}
		if !strings.Contains(wrong.Body.String(), link("clock")) {
			t.Errorf("after a wrong number: %d %s", wrong.Code, wrong.main())
		}
		b.get("/faq/clock")
		if got := b.submitTOTP(p, hanako.code(w.Now())); got.Code != http.StatusSeeOther {
			t.Errorf("the step is gone: %d", got.Code)
		}
	})
}

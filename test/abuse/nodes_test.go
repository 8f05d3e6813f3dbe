package abuse

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warifu/internal/config"
)

// TestTwoNodes has two nodes on one database: a sign-in goes on at the other
// node at every step, a code that is posted to both at once is accepted once,
// and nobody is signed out when a node ends. TOTP-4, OPS-7.
func TestTwoNodes(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		first, second := w.app, w.node()
		b := w.newBrowser()
		p := b.totpPage(hanako.id)
		b.node = second
		if got := b.submitTOTP(p, hanako.code(w.Now())); got.Header().Get("Location") != "/home" {
			t.Fatalf("at the other node: %d %s", got.Code, got.Body)
		}
		w.pass(time.Minute)
		code := hanako.code(w.Now())
		var in atomic.Int64
		var wg sync.WaitGroup
		for n := range 32 {
			racer := w.newBrowser()
			page := racer.totpPage(hanako.id)
			if n%2 == 1 {
				racer.node = second
			}
			wg.Go(func() {
				if got := racer.submitTOTP(page, code); got.Header().Get("Location") == "/home" {
					in.Add(1)
				}
			})
		}
		wg.Wait()
		if in.Load() != 1 {
			t.Errorf("one code signed in %d times at two nodes", in.Load())
		}
		w.must(first.Close())
		if !b.signedIn() {
			t.Error("signed out by the end of the other node")
		}
	}, func(c *config.Config) {
		c.Throttle.CodeFree, c.Throttle.FactorUnknown, c.Throttle.FactorAll = 1000, 1000, 1000
	})
}

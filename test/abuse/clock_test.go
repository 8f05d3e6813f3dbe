package abuse

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"warifu/internal/clock"
	"warifu/internal/store"
)

// TestClockSetBack sets the clock back: TOTP stops with words, also on another
// node, and a code that was used stays used. The clock catches up, or an
// administrator accepts the time. OPS-4.
func TestClockSetBack(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		code := hanako.code(w.Now())
		b.signIn(hanako)
		w.pass(time.Hour)
		w.must(w.app.Clock.Note(t.Context()))
		w.pass(-time.Hour)
		for name, watch := range map[string]*clock.Watch{"this node": w.app.Clock, "another node": {InTx: w.app.Clock.InTx, Now: w.Now, Log: w.app.Log}} {
			w.must(watch.Note(t.Context()))
			if err := watch.Check(); err == nil || !strings.Contains(err.Error(), "behind") {
				t.Errorf("%s: %v", name, err)
			}
		}
		p := b.totpPage(hanako.id)
		if got := b.submitTOTP(p, code); got.Code != http.StatusServiceUnavailable {
			t.Errorf("with the clock set back: %d %s", got.Code, got.Body)
		}
		if n := w.count(`SELECT COUNT(*) FROM throttle WHERE counter = 'code'`); n != 0 {
			t.Error("an attempt was counted")
		}
		if !strings.Contains(w.log.String(), "alarm=clock") {
			t.Error("no alarm")
		}
		w.must(store.In[clock.AcceptTx](w.app.DB)(t.Context(), func(tx clock.AcceptTx) error {
			return clock.Accept(t.Context(), tx, w.Now(), "test")
		}))
		w.must(w.app.Clock.Note(t.Context()))
		if got := b.submitTOTP(p, code); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("the used code: %d", got.Code)
		}
		w.pass(30 * time.Second)
		if got := b.submitTOTP(p, hanako.code(w.Now())); got.Header().Get("Location") != "/home" {
			t.Errorf("the next code: %d %s", got.Code, got.Body)
		}
		err := store.In[clock.AcceptTx](w.app.DB)(t.Context(), func(tx clock.AcceptTx) error {
			return clock.Accept(t.Context(), tx, w.Now(), "test")
		})
		if err == nil {
			t.Error("there was nothing to accept")
		}
	})
}

package background

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestQueue has work done in rounds, in its order, whatever fails; takes no more than
// there is room for; and does at the stop, without a pause, what waits.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		q := &Queue{Name: "test", Room: 3, Pause: time.Minute, Log: slog.New(slog.NewTextHandler(&log, nil))}
		var mu sync.Mutex
		var all []int
		done := func() []int {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(all)
		}
		work := func(n int) func(context.Context) error {
			return func(ctx context.Context) error {
				if ctx.Err() != nil {
					t.Error("work that may not be done")
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, n)
				return errors.New("broken")
			}
		}
		q.Stop() // before the start
		if err := q.Do(t.Context(), work(0)); err == nil || len(done()) != 1 {
			t.Errorf("before the start: %v, %v", done(), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			if err := q.Start(ctx); err != nil {
				t.Fatal(err)
			}
		}
		ask := func(n int) error {
			defer synctest.Wait()
			return q.Do(ctx, work(n))
		}
		for n := 1; n <= 4; n++ { // the first one is taken out, and rests
			if err := ask(n); err != nil {
				t.Errorf("%d: %v", n, err)
			}
		}
		unavailable, ok := errors.AsType[interface {
			error
			Unavailable() bool
		}](ask(5))
		if !ok || !unavailable.Unavailable() || !errors.Is(unavailable, ErrFull) {
			t.Errorf("with no room left: %v", unavailable)
		}
		if len(done()) != 1 {
			t.Errorf("%v done at once", done())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(done()) != 5 || done()[1] != 1 || done()[4] != 4 {
			t.Errorf("%v done in the round", done())
		}
		for n := 6; n <= 8; n++ {
			if err := ask(n); err != nil {
				t.Errorf("%d: %v", n, err)
			}
		}
		before := time.Now()
		cancel() // the process is told to end
		q.Stop()
		q.Stop()
		if len(done()) != 8 || done()[7] != 8 || strings.Count(log.String(), "broken") != 7 || time.Since(before) != 0 {
			t.Errorf("done %v, log %s", done(), log.String())
		}
		if err := q.Do(t.Context(), work(9)); err == nil || len(done()) != 9 {
			t.Errorf("after the stop: %v, %v", done(), err)
		}
	})
}

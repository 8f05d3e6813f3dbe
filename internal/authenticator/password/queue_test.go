package password

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestQueue proves PW-8: as many wait as may, in their order, for as long as
// they may; others are refused at once.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 2)
		enter := func() (waited time.Duration, err error) {
			start := time.Now()
			err = q.enter(t.Context(), time.After(2*time.Second))
			return time.Since(start), err
		}
		if _, err := enter(); err != nil {
			t.Fatal(err)
		}
		results := make(chan error, 2)
		for range 2 {
			go func() {
				waited, err := enter()
				if err == nil && waited != time.Second || err != nil && waited != 2*time.Second {
					t.Errorf("%v after %v", err, waited)
				}
				results <- err
			}()
		}
		synctest.Wait()
		if waited, err := enter(); !errors.Is(err, ErrBusy) || waited != 0 {
			t.Errorf("the third to wait gets %v after %v, want ErrBusy at once", err, waited)
		}
		time.Sleep(time.Second)
		q.leave()
		if err := <-results; err != nil {
			t.Errorf("the first to wait gets %v when one leaves", err)
		}
		if err := <-results; !errors.Is(err, ErrBusy) {
			t.Errorf("the second to wait gets %v after 2 s, want ErrBusy", err)
		}
		q.leave()
		if _, err := enter(); err != nil || q.waiting.Load() != 0 {
			t.Errorf("afterwards: %v, %d waiting", err, q.waiting.Load())
		}
	})
}

func TestQueueHearsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 2)
		q.inside <- struct{}{}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { gone <- q.enter(ctx, nil) }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who went away gets %v", err)
		}
		q.leave()
		if err := q.enter(ctx, nil); !errors.Is(err, context.Canceled) || len(q.inside) != 0 {
			t.Errorf("who had gone before gets %v", err)
		}
	})
}

// TestOneHeavyAtATime: a hash that takes more memory than the policy counts on
// runs beside ours, but never beside another such.
func TestOneHeavyAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, 1)
		h.queue = newQueue(3, 200)
		h.heavy = newQueue(1, 200)
		var heavy, light, most atomic.Int64
		run := func(memoryKiB uint64, count *atomic.Int64) {
			if err := h.run(t.Context(), memoryKiB, func() {
				n := count.Add(1)
				if count == &heavy {
					most.Store(max(n, most.Load()))
				}
				time.Sleep(100 * time.Millisecond)
			}); err != nil {
				t.Errorf("%d KiB: %v", memoryKiB, err)
			}
			count.Add(-1)
		}
		for range 3 {
			go run(65, &heavy)
		}
		synctest.Wait()
		for range 6 {
			go run(64, &light)
		}
		synctest.Wait()
		if heavy.Load() != 1 || light.Load() != 2 {
			t.Errorf("%d heavy and %d light at once, want 1 and 2", heavy.Load(), light.Load())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if most.Load() != 1 || h.Computed() != 9 {
			t.Errorf("%d heavy at once of %d, want 1 of 9", most.Load(), h.Computed())
		}
	})
}

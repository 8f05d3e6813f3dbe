package password

import (
	"context"
	"sync/atomic"
	"time"
)

// queue lets a few in at once, and keeps a bounded number waiting (PW-8). Who
// comes first is let in first.
type queue struct {
	inside  chan struct{}
	waiting atomic.Int64
	most    int64 // that may wait
}

func newQueue(inside, most int) *queue {
	return &queue{inside: make(chan struct{}, inside), most: int64(most)}
}

// enter returns when the caller may go on; he must leave afterwards. It returns
// [ErrBusy] if too many wait or the timeout comes first, and the context's error
// if that ends.
func (q *queue) enter(ctx context.Context, timeout <-chan time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case q.inside <- struct{}{}:
		return nil
	default:
	}
	defer q.waiting.Add(-1)
	if q.waiting.Add(1) > q.most { //guard:PW-8
		return ErrBusy
	}
	select {
	case q.inside <- struct{}{}:
		return nil
	case <-timeout:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *queue) leave() { <-q.inside }

package background

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// doneIn is how long one piece of work in a [Queue] may take.
const doneIn = 30 * time.Second

// ErrFull means that more waits in a [Queue] than it takes.
var ErrFull error = fullError{}

type fullError struct{}

func (fullError) Error() string { return "background: the queue is full" }

// Unavailable makes the pages answer 503.
func (fullError) Unavailable() bool { return true }

// Queue is a [Service] that does one thing after another, in rounds, so that neither
// an answer nor the next one tells by its time what there is to be done. What waits is lost with the process:
// it is for what a person asks for again if nothing comes of it. Stop does what
// waits. While the queue does not run, whoever asks does the work.
type Queue struct {
	Name  string
	Room  int           // for pieces of work that wait
	Pause time.Duration // from the first piece of a round to its work
	Log   *slog.Logger

	mu      sync.Mutex
	waiting chan func(context.Context) error // nil while it does not run
	ending  chan struct{}
	ended   chan struct{}
}

// Do has something done later, or returns [ErrFull]. An error of the work itself is
// logged, and returned only while the queue does not run.
func (q *Queue) Do(ctx context.Context, work func(context.Context) error) error {
	q.mu.Lock()
	if q.waiting == nil {
		q.mu.Unlock()
		return work(ctx)
	}
	defer q.mu.Unlock()
	select {
	case q.waiting <- work:
		return nil
	default:
		return ErrFull
	}
}

// Start never fails.
func (q *Queue) Start(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting == nil {
		q.waiting, q.ending, q.ended = make(chan func(context.Context) error, q.Room), make(chan struct{}), make(chan struct{})
		go q.loop(context.WithoutCancel(ctx), q.waiting, q.ending, q.ended)
	}
	return nil
}

// Stop takes nothing more, and waits for the end of what is there.
func (q *Queue) Stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting == nil {
		return
	}
	close(q.ending)
	close(q.waiting)
	<-q.ended
	q.waiting = nil
}

func (q *Queue) loop(ctx context.Context, waiting <-chan func(context.Context) error, ending <-chan struct{}, ended chan<- struct{}) {
	defer close(ended)
	for work := range waiting {
		pause := time.NewTimer(q.Pause)
		select {
		case <-pause.C:
		case <-ending:
			pause.Stop()
		}
		q.one(ctx, work)
		for range len(waiting) { // what has come meanwhile
			q.one(ctx, <-waiting)
		}
	}
}

func (q *Queue) one(ctx context.Context, work func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, doneIn)
	defer cancel()
	if err := work(ctx); err != nil {
		q.Log.Error("background work failed", "job", q.Name, "err", err)
	}
}

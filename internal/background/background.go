// Package background is the contract of everything that runs beside the
// requests: Start and Stop, harmless when repeated, and signals for tests.
package background

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Service runs from Start to Stop. Stop waits for the end of what is going on;
// stopping twice, or before the start, is harmless.
type Service interface {
	Start(ctx context.Context) error
	Stop()
}

// Job is a [Service] that does one thing again and again.
type Job struct {
	Name  string
	Every time.Duration // pause between the end of one run and the next
	Run   func(ctx context.Context) error
	Log   *slog.Logger
	// Ran is told of the end of every run; for tests. May be nil.
	Ran func(error)

	mu     sync.Mutex
	cancel context.CancelFunc
	ended  chan struct{}
}

// Start begins with a run at once. It never fails.
func (j *Job) Start(ctx context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cancel != nil {
		return nil
	}
	ctx, j.cancel = context.WithCancel(ctx)
	j.ended = make(chan struct{})
	go j.loop(ctx, j.ended)
	return nil
}

// Stop ends the job and waits for the run that is going on.
func (j *Job) Stop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cancel == nil {
		return
	}
	j.cancel()
	<-j.ended
	j.cancel = nil
}

func (j *Job) loop(ctx context.Context, ended chan<- struct{}) {
	defer close(ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err := j.Run(ctx)
		if err != nil && ctx.Err() == nil {
			j.Log.Error("background job failed", "job", j.Name, "err", err)
		}
		if j.Ran != nil {
			j.Ran(err)
		}
		timer.Reset(j.Every)
	}
}

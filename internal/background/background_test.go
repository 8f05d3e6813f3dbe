package background

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestJob runs a job for some (simulated) time, and shows that its failures are
// logged and do not end it.
func TestJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		runs := 0
		j := &Job{Name: "test", Every: time.Minute, Log: slog.New(slog.NewTextHandler(&log, nil)), Run: func(context.Context) error {
			runs++
			return errors.New("broken")
		}}
		j.Stop() // before the start
		for range 2 {
			if err := j.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(150 * time.Second)
		j.Stop()
		j.Stop()
		if runs != 3 || strings.Count(log.String(), "broken") != 3 {
			t.Errorf("%d runs, log %s", runs, log.String())
		}
		if err := j.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		j.Stop()
		if runs != 4 {
			t.Errorf("%d runs after a new start, want 4", runs)
		}
	})
}

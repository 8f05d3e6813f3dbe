package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	turnEvery = 10 * time.Millisecond // how often to ask for the lock
	turnLimit = time.Minute           // how long to ask before a file is opened
)

// inTurnAt runs fn while no other process opens or migrates the file at path. A
// new file becomes one with a write-ahead log, and goose looks which migrations
// are missing, before either takes a lock of SQLite: two processes at once would
// refuse or, worse, repeat each other's work. It is the folder that is locked: to
// close a second handle of the file would drop SQLite's own locks on it.
func inTurnAt(ctx context.Context, path string, fn func() error) (err error) {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }() // which unlocks it, as the end of the process does
	for {
		locked, err := tryLock(folder)
		if err != nil {
			return fmt.Errorf("lock %s: %w", folder.Name(), err)
		}
		if locked {
			return fn()
		}
		select {
		case <-time.After(turnEvery):
		case <-ctx.Done():
			return fmt.Errorf("another process opens or migrates a database in %s: %w", folder.Name(), ctx.Err())
		}
	}
}

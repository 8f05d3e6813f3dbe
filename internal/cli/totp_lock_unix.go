//go:build !windows

package cli

import (
	"errors"
	"os"
	"syscall"
)

// lockFile waits for the lock that a file stands for, and returns what gives it
// back. It ends with the process, whatever becomes of that.
func lockFile(name string) (unlock func(), err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR { //nolint:errorlint // an errno, as the call returns it
			break
		}
	}
	if err != nil {
		return nil, errors.Join(&os.PathError{Op: "lock", Path: name, Err: err}, file.Close())
	}
	return func() { _ = file.Close() }, nil
}

// syncFolder makes a rename last.
func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

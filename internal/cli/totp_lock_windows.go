package cli

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile waits for the lock that a file stands for, and returns what gives it
// back. It ends with the process, whatever becomes of that.
func lockFile(name string) (unlock func(), err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = windows.LockFileEx(windows.Handle(file.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, &windows.Overlapped{})
	if err != nil {
		return nil, errors.Join(&os.PathError{Op: "lock", Path: name, Err: err}, file.Close())
	}
	return func() { _ = file.Close() }, nil
}

// syncFolder does nothing: Windows has no such call for folders.
func syncFolder(string) error { return nil }

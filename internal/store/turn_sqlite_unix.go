//go:build !windows

package store

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks a folder, unless another handle has it locked.
func tryLock(folder *os.File) (locked bool, err error) {
	err = syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}

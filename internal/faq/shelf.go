package faq

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"warifu/internal/i18n"
)

//go:embed articles
var builtin embed.FS

// Builtin returns the entries that come with the program.
func Builtin() fs.FS {
	folder, err := fs.Sub(builtin, "articles")
	if err != nil {
		panic(err) // the folder is in the program
	}
	return folder
}

// LookEvery is the pause between two looks for changed files.
const LookEvery = 5 * time.Second

// Shelf holds the library of now. Files that change are taken without a restart.
type Shelf struct {
	Catalogue *i18n.Catalogue
	Folder    fs.FS // of the institution; nil for none
	Log       *slog.Logger

	now   atomic.Pointer[Library]
	stamp string // of the files that it was made from; only Look changes it
}

// Library returns the library of now. There is one once Look has succeeded.
func (s *Shelf) Library() *Library { return s.now.Load() }

// Look makes a new library if files have changed. It is a job; before the first
// request it has to succeed once.
func (s *Shelf) Look(context.Context) error {
	stamp, err := s.files()
	if err != nil {
		return err
	}
	if s.now.Load() != nil && stamp == s.stamp {
		return nil
	}
	folders := []fs.FS{Builtin()}
	if s.Folder != nil {
		folders = append(folders, s.Folder)
	}
	l, err := NewLibrary(s.Catalogue, s.now.Load(), folders...)
	if err != nil {
		return err
	}
	for _, f := range l.Faults {
		s.Log.Warn("entry of the FAQ not taken", "err", f.String())
	}
	s.now.Store(l)
	s.stamp = stamp
	return nil
}

// files says which files the institution's folder has, and of when.
func (s *Shelf) files() (string, error) {
	if s.Folder == nil {
		return "", nil
	}
	entries, err := fs.ReadDir(s.Folder, ".")
	if err != nil {
		return "", fmt.Errorf("faq: %w", err)
	}
	var stamp strings.Builder
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // it was removed just now
		}
		fmt.Fprintf(&stamp, "%s %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
	}
	return stamp.String(), nil
}

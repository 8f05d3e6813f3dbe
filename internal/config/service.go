package config

import (
	"os"
	"path/filepath"

	"warifu/internal/federation"
)

// ReadService reads a file with one service, in YAML or JSON, with the keys that
// it has in the configuration; names of files in it begin at its folder. Its
// error is [Faults], those of check included, unless the file cannot be read.
func ReadService(name string, check func(federation.Service) []error) (federation.Service, error) {
	var s federation.Service
	text, err := os.ReadFile(name)
	if err != nil {
		return s, err
	}
	base := filepath.Base(name)
	root, broken := parse(base, text)
	if broken != nil {
		return s, broken
	}
	faults := decode(root, &s)
	if err := s.ReadFiles(within(filepath.Dir(name))); err != nil {
		faults = append(faults, err.Error())
	}
	for _, fault := range check(s) {
		faults = append(faults, fault.Error())
	}
	if located := placesOf(base, root).locate(base, faults); len(located) > 0 {
		return s, located.inOrder()
	}
	return s, nil
}

// within returns what reads a file whose name begins at a folder.
func within(folder string) func(name string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(folder, name)
		}
		return os.ReadFile(name)
	}
}

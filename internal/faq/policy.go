package faq

import (
	"fmt"
	"os"
)

// Policy says where an institution keeps entries of its own.
type Policy struct {
	// Folder has files SLUG.LANGUAGE.md, which stand in place of the built-in entry of that name or beside it; empty for none. Changes are taken within seconds.
	Folder string `yaml:"folder"`
}

// Validate returns what is wrong with the policy.
func (p Policy) Validate() (faults []error) {
	if p.Folder == "" {
		return nil
	}
	if info, err := os.Stat(p.Folder); err != nil || !info.IsDir() {
		faults = append(faults, fmt.Errorf("folder: %q is no folder", p.Folder))
	}
	return faults
}

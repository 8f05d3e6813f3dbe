package cli

import (
	"errors"
	"fmt"
	"os"

	"warifu/internal/config"
)

type configCommand struct {
	Init      configInitCommand      `cmd:"" help:"Write a commented first file."`
	Check     configCheckCommand     `cmd:"" help:"Tell all faults of the configuration at once."`
	Reference configReferenceCommand `cmd:"" help:"Print the reference of all keys."`
}

type configInitCommand struct {
	File string `arg:"" default:"warifu.yaml" type:"path" help:"The file; an existing one stays."`
}

// Run writes a first file.
func (c configInitCommand) Run(env *Env) error {
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(config.Example()); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return env.Printf("Wrote %s. Fill in what is marked, then: warifu key init KEYFILE, warifu config check, warifu migrate.\n", c.File)
}

type configCheckCommand struct {
	withConfig
	JSON bool `help:"Print JSON."`
}

// Run tells all faults.
func (c configCheckCommand) Run(env *Env) error {
	_, err := config.Load(c.Config, os.Environ())
	faults, ok := errors.AsType[config.Faults](err)
	if err != nil && !ok {
		return err
	}
	if c.JSON {
		if err := env.JSON(map[string]any{"faults": append([]string{}, faults...)}); err != nil {
			return err
		}
	} else {
		for _, fault := range faults {
			fmt.Fprintln(env.Err, fault)
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("%d faults", len(faults))
	}
	if c.JSON {
		return nil
	}
	return env.Printf("No faults.\n")
}

type configReferenceCommand struct{}

// Run prints the reference.
func (configReferenceCommand) Run(env *Env) error { return env.Printf("%s", config.Reference()) }

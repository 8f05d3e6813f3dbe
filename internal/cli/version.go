package cli

import (
	"runtime"
	"runtime/debug"
)

type versionCommand struct {
	JSON bool `help:"Print JSON."`
}

// Run prints what this program was built from.
func (c versionCommand) Run(env *Env) error {
	version, revision := "(devel)", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = setting.Value
			}
		}
	}
	if c.JSON {
		return env.JSON(map[string]string{"version": version, "revision": revision, "go": runtime.Version()})
	}
	return env.Printf("warifu %s, revision %s, %s\n", version, revision, runtime.Version())
}

// Package extension tells the stories of the Authenticator in real browsers
// against the real server (docs/authenticator.md).
package extension

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"warifu/test/stage"
)

// server is the demonstration that all stories share; each has a person of its own.
var server *stage.Demo

// dist is the folder of the extension's builds for the demonstration.
var dist string

// people are how many made-up persons there are for the stories.
const people = 60

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "warifu-extension-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	dist = filepath.Join(dir, "dist")
	build := exec.Command("node", "build.mjs", "demo", "--out", dist)
	build.Dir = "../../extension"
	if out, err := build.CombinedOutput(); err != nil {
		return fail(fmt.Errorf("%w (npm ci --ignore-scripts in extension)\n%s", err, out))
	}
	program := filepath.Join(dir, "warifu")
	if err := stage.Build(program); err != nil {
		return fail(err)
	}
	if server, err = stage.Start(program, "--seed-users", fmt.Sprint(people)); err != nil {
		return fail(err)
	}
	defer server.Stop()
	return m.Run()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "extension:", err)
	return 1
}

var taken atomic.Int64

// nextPerson gives each story persons of its own.
func nextPerson() stage.Person { return stage.Seeded(int(taken.Add(1))) }

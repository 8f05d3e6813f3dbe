// Package e2e tells the stories of the people who use the system, in real
// Chromium against the real program, with real SMTP and real relying services.
package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"warifu/test/stage"
)

// server is the demonstration that all stories share. Each story has a person
// of its own, so that they do not disturb each other.
var server *stage.Demo

// program is the binary that the stories run.
var program string

// people are how many made-up persons there are for the stories.
const people = 200

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "warifu-e2e-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "warifu")
	if err := stage.Build(program); err != nil {
		return fail(err)
	}
	if server, err = startDemo(program); err != nil {
		return fail(err)
	}
	defer server.Stop()
	code := m.Run()
	if os.Getenv("E2E_EFFORT") != "" {
		printWays(os.Stdout)
		printWeights(os.Stdout)
	}
	return code
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

// startDemo starts the program with persons for the stories.
func startDemo(program string, more ...string) (*stage.Demo, error) {
	return stage.Start(program, append([]string{"--seed-users", fmt.Sprint(people)}, more...)...)
}

// nextPerson gives each story persons of its own.
var nextPerson = func() func() person {
	var mu sync.Mutex
	n := 0
	return func() person {
		mu.Lock()
		defer mu.Unlock()
		n++
		return stage.Seeded(n)
	}
}()

// person is one of the demonstration's people.
type person = stage.Person

const password = stage.Password

var (
	newcomer  = person{ID: "sps00003"}
	suspended = person{ID: "sps00004"}
)

// lines joins what a page shows, for error messages.
func lines(text string) string { return strings.Join(strings.Fields(text), " ") }

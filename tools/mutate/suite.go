package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// engine is where the tests keep their data.
type engine int

const (
	sqlite engine = iota
	postgres
)

func (e engine) String() string { return []string{"SQLite", "PostgreSQL"}[e] }

// suite are all tests that could miss a guard.
type suite struct {
	root, work, overlay, module string
	engines                     []engine
	packages                    []*pkg
}

// pkg is a package with tests.
type pkg struct {
	path   string // from the root
	deps   map[string]bool
	binary func() (string, error)
	tests  []func() ([]*test, error) // by engine
}

// test is a test function, and what it did when nothing was missing.
type test struct {
	name  string
	text  string // with its comment
	took  time.Duration
	comes map[int]bool // to these guards
}

// outside do not look at what guards do: internal/arch reads the sources, and
// test/e2e tells stories that test/abuse has attacked.
var outside = []string{"internal/arch", "test/e2e"}

// limit is how long the tests of one process may take. A guard that is missed by
// a test that never ends is missed.
const limit = 5 * time.Minute

func newSuite(root, work, overlay string) (*suite, error) {
	s := &suite{root: root, work: work, overlay: overlay, engines: []engine{sqlite}}
	if os.Getenv("TEST_POSTGRES_URL") != "" {
		s.engines = append(s.engines, postgres)
	}
	var err error
	if s.module, err = moduleOf(root); err != nil {
		return nil, err
	}
	return s, s.list()
}

// list asks the go command for the packages.
func (s *suite) list() error {
	out, err := s.goCommand("list", "-f", `{{.ImportPath}}|{{len .TestGoFiles}}{{len .XTestGoFiles}}|{{join .Deps " "}}|{{join .TestImports " "}} {{join .XTestImports " "}}`, "./...")
	if err != nil {
		return err
	}
	deps := make(map[string][]string)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, line := range lines {
		part := strings.Split(line, "|")
		deps[part[0]] = strings.Fields(part[2])
	}
	for _, line := range lines {
		part := strings.Split(line, "|")
		p := &pkg{path: strings.TrimPrefix(part[0], s.module+"/"), deps: map[string]bool{}}
		if part[1] == "00" || slices.Contains(outside, p.path) {
			continue
		}
		for _, direct := range append(strings.Fields(part[3]), part[0]) {
			for _, dep := range append(deps[direct], direct) {
				p.deps[strings.TrimPrefix(dep, s.module+"/")] = true
			}
		}
		p.binary = sync.OnceValues(func() (string, error) { return s.build(p) })
		for _, e := range s.engines {
			p.tests = append(p.tests, sync.OnceValues(func() ([]*test, error) { return s.record(p, e) }))
		}
		s.packages = append(s.packages, p)
	}
	return nil
}

func (s *suite) build(p *pkg) (binary string, err error) {
	binary = filepath.Join(s.work, strings.ReplaceAll(p.path, "/", "_")+".test")
	_, err = s.goCommand("test", "-c", "-vet=off", "-overlay", s.overlay, "-ldflags=-w", "-o", binary, "./"+p.path)
	return binary, err
}

func (s *suite) goCommand(args ...string) ([]byte, error) {
	command := exec.Command("go", args...)
	command.Dir = s.root
	out, err := command.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, failed.Stderr)
	}
	return out, err
}

// run runs tests of a package. failed are those that failed.
func (s *suite) run(p *pkg, e engine, pattern string, environment ...string) (failed []string, ok bool, output []byte, err error) {
	binary, err := p.binary()
	if err != nil {
		return nil, false, nil, err
	}
	command := exec.Command(binary, "-test.failfast", "-test.run", pattern, "-test.timeout", limit.String())
	command.Dir = filepath.Join(s.root, p.path)
	command.Env = append(slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return name == "CI" || name == "TEST_THOROUGH" || name == "TEST_POSTGRES_URL" && e == sqlite
	}), environment...)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err = command.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return nil, false, nil, err
	}
	for _, line := range failure.FindAllSubmatch(out.Bytes(), -1) {
		failed = append(failed, string(line[1]))
	}
	return failed, err == nil, out.Bytes(), nil
}

var failure = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// record runs every test of a package by itself, with all guards at work.
func (s *suite) record(p *pkg, e engine) (tests []*test, err error) {
	binary, err := p.binary()
	if err != nil {
		return nil, err
	}
	command := exec.Command(binary, "-test.list", "^(Test|Fuzz|Example)")
	command.Dir = filepath.Join(s.root, p.path)
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: tests: %w", p.path, err)
	}
	texts, err := testTexts(command.Dir)
	if err != nil {
		return nil, err
	}
	for _, name := range strings.Fields(string(out)) {
		t := &test{name: name, text: texts[name], comes: make(map[int]bool)}
		seen := filepath.Join(s.work, fmt.Sprintf("seen_%s_%s_%s", strings.ReplaceAll(p.path, "/", "_"), e, name))
		begun := time.Now()
		_, ok, out, err := s.run(p, e, "^"+name+"$", "GUARDS_SEEN="+seen)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("%s: %s fails while every guard is there:\n%s", p.path, name, out)
		}
		t.took = time.Since(begun)
		list, err := os.ReadFile(seen)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		for _, no := range strings.Fields(string(list)) {
			n, err := strconv.Atoi(no)
			if err != nil {
				return nil, err
			}
			t.comes[n] = true
		}
		tests = append(tests, t)
	}
	return tests, nil
}

// try returns the test that misses a guard, or nothing.
func (s *suite) try(g *guard, e engine) (killer string, err error) {
	for _, p := range s.near(g) {
		all, err := p.tests[e]()
		if err != nil {
			return "", err
		}
		for _, some := range chunks(g, all) {
			failed, ok, _, err := s.run(p, e, "^("+strings.Join(some, "|")+")$", fmt.Sprintf("GUARD_OFF=%d", g.no))
			if err != nil {
				return "", err
			}
			if !ok {
				return fmt.Sprintf("%s %s on %s", p.path, cmp.Or(strings.Join(failed, " "), "a process that ended"), e), nil
			}
		}
	}
	return "", nil
}

// near are the packages whose tests may come to a guard: its own, test/abuse, the
// others.
func (s *suite) near(g *guard) (near []*pkg) {
	own := path.Dir(g.file)
	for _, p := range s.packages {
		if p.path == own || p.deps[own] {
			near = append(near, p)
		}
	}
	slices.SortStableFunc(near, func(a, b *pkg) int { return cmp.Compare(rank(a, own), rank(b, own)) })
	return near
}

func rank(p *pkg, own string) int {
	switch p.path {
	case own:
		return 0
	case "test/abuse":
		return 1
	default:
		return 2
	}
}

// chunk is how long the tests of one process took together, when nothing failed.
const chunk = 4 * time.Second

// chunks are the names of the tests that come to a guard: first those that name
// its id, then those that come to few others, which are about it more than others.
func chunks(g *guard, all []*test) (chunks [][]string) {
	id := regexp.MustCompile(`\b` + regexp.QuoteMeta(g.id) + `\b`)
	var some []*test
	for _, t := range all {
		if t.comes[g.no] {
			some = append(some, t)
		}
	}
	slices.SortStableFunc(some, func(a, b *test) int {
		return cmp.Or(cmp.Compare(number(!id.MatchString(a.text)), number(!id.MatchString(b.text))), cmp.Compare(len(a.comes), len(b.comes)))
	})
	var names []string
	var took time.Duration
	for _, t := range some {
		if len(names) > 0 && took+t.took > chunk {
			chunks, names, took = append(chunks, names), nil, 0
		}
		names, took = append(names, t.name), took+t.took
	}
	if len(names) > 0 {
		chunks = append(chunks, names)
	}
	return chunks
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

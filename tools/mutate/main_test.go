package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestRun takes away every kind of guard of a small module: of each kind, one that
// the tests miss and one that nobody misses.
func TestRun(t *testing.T) {
	root := t.TempDir()
	for file, text := range map[string]string{
		"go.mod": "module example\n\ngo 1.26\n",
		"internal/door/door.go": `package door

import (
	"errors"

	"example/internal/demands"
)

func try(ok bool) error {
	if !ok {
		return errors.New("no")
	}
	return nil
}

func enter(d demands.Demand, ok bool) (bool, error) { return ok || d != demands.Fresh, nil }

func Condition(ok bool) bool {
	if !ok { //guard:A-1
		return false
	}
	return true
}

func Case(ok bool) bool {
	switch {
	case !ok: //guard:A-2
		return false
	}
	return true
}

func Return(ok bool) bool {
	return ok //guard:A-3
}

func Returns(ok, also bool) (string, bool) {
	return "x", ok && also //guard:A-4
}

func Verdict() (string, error) {
	return "lapsed", nil //guard:A-5
}

func Call(ok bool) bool {
	if err := try(ok); err != nil { //guard:A-6
		return false
	}
	return true
}

func Later(ok bool) (err error) {
	err = try(ok) //guard:A-7
	return err
}

func Statement(s []int) {
	s[0] = 0 //guard:A-8
}

func Range(faults []int) (n int) {
	for range faults { //guard:A-9
		n++
	}
	return n
}

func Demand(ok bool) bool {
	in, _ := enter(demands.Fresh, ok) //guard:A-10
	return in
}

func Missed(ok bool) bool {
	if !ok { //guard:B-1
		return false
	}
	return true
}

func Unreached(ok bool) bool {
	return ok //guard:B-2
}
`,
		"internal/demands/demands.go": "package demands\n\ntype Demand int\n\nconst Fresh Demand = 1\n",
		"internal/door/door_test.go": `package door

import "testing"

func TestDoor(t *testing.T) {
	_, both := Returns(true, false)
	verdict, _ := Verdict()
	some := []int{1}
	Statement(some)
	if Condition(false) || Case(false) || Return(false) || both || verdict == "" || Call(false) || Later(false) == nil ||
		some[0] != 0 || Range(some) != 1 || Demand(false) || !Missed(true) {
		t.Error("open")
	}
}
`,
	} {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TEST_POSTGRES_URL", "")
	survivors, err := run(root, []string{""}, 2)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range survivors {
		got = append(got, g.id)
	}
	slices.Sort(got)
	if want := []string{"B-1", "B-2"}; !slices.Equal(got, want) {
		t.Errorf("survivors %v, want %v", got, want)
	}
}

// TestMarkOnNothing refuses a mark that would otherwise be passed over.
func TestMarkOnNothing(t *testing.T) {
	s := &switched{file: "x.go", first: 1}
	if _, err := s.rewrite([]byte("package x\n\nfunc f() {\n\tgo f() //guard:X-1\n}\n"), "example/internal/guardswitch"); err == nil {
		t.Error("a guard that is none was taken")
	}
}

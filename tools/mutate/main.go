// Command mutate takes away each guard of the sources in turn (an if, a
// case or a return that ends in //guard:ID; of an if whose condition is only that
// a call failed, the call) and runs the tests: at least one must fail
// (A62). It works on a copy of the tree, of which it is told the folder.
package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

var (
	root = flag.String("root", ".", "folder of a copy of the tree")
	only = flag.String("only", "", "only guards with this in file or id")
)

func main() {
	flag.Parse()
	survivors, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	}
	for _, s := range survivors {
		fmt.Println("survives:", s)
	}
	if len(survivors) > 0 {
		os.Exit(1)
	}
}

// guard is one condition in a file.
type guard struct {
	file       string
	id         string
	line       int
	start, end int    // of the condition or the call, in bytes
	without    string // goes before the condition; without one, error(nil) stands for the call
}

func run() (survivors []string, err error) {
	var guards []guard
	err = filepath.WalkDir(filepath.Join(*root, "internal"), func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		found, err := guardsOf(file)
		guards = append(guards, found...)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, g := range guards {
		if !strings.Contains(g.file+" "+g.id, *only) {
			continue
		}
		killed, err := try(g)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("%s:%d %s", g.file, g.line, g.id)
		fmt.Printf("%-7t %s\n", killed, name)
		if !killed {
			survivors = append(survivors, name)
		}
	}
	return survivors, nil
}

// guardsOf returns the guards of a file.
func guardsOf(file string) (guards []guard, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	ids := make(map[int]string)
	for _, group := range parsed.Comments {
		for _, c := range group.List {
			if id, ok := strings.CutPrefix(c.Text, "//guard:"); ok {
				ids[set.Position(c.Pos()).Line] = id
			}
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		add := func(cond ast.Expr, at token.Pos, without string) {
			if id, ok := ids[set.Position(at).Line]; ok {
				guards = append(guards, guard{file: file, id: id, line: set.Position(at).Line,
					start: set.Position(cond.Pos()).Offset, end: set.Position(cond.End()).Offset, without: without})
			}
		}
		switch s := n.(type) {
		case *ast.IfStmt:
			if call := onlyCall(s); call != nil {
				add(call, s.Body.Lbrace, "")
			} else {
				add(s.Cond, s.Body.Lbrace, "false && ")
			}
		case *ast.CaseClause:
			if len(s.List) == 1 {
				add(s.List[0], s.Colon, "false && ")
			}
		case *ast.ReturnStmt:
			if len(s.Results) == 1 {
				add(s.Results[0], s.Pos(), "true || ")
			}
		}
		return true
	})
	return guards, nil
}

// onlyCall returns the call of `if err := call(); err != nil`, or nil.
func onlyCall(s *ast.IfStmt) ast.Expr {
	assign, ok := s.Init.(*ast.AssignStmt)
	if !ok || len(assign.Lhs) != 1 || len(assign.Rhs) != 1 {
		return nil
	}
	cond, ok := s.Cond.(*ast.BinaryExpr)
	if !ok || cond.Op != token.NEQ {
		return nil
	}
	failed, ok := cond.X.(*ast.Ident)
	of, assigned := assign.Lhs[0].(*ast.Ident)
	if _, call := assign.Rhs[0].(*ast.CallExpr); !ok || !assigned || !call || failed.Name != of.Name || failed.Name != "err" {
		return nil
	}
	return assign.Rhs[0]
}

// try runs the tests without the guard, and puts it back.
func try(g guard) (killed bool, err error) {
	text, err := os.ReadFile(g.file)
	if err != nil {
		return false, err
	}
	defer os.WriteFile(g.file, text, 0o644)
	mutated := "error(nil)"
	if g.without != "" {
		mutated = g.without + "(" + string(text[g.start:g.end]) + ")"
	}
	mutant := string(text[:g.start]) + mutated + string(text[g.end:])
	if err := os.WriteFile(g.file, []byte(mutant), 0o644); err != nil {
		return false, err
	}
	own := "./" + filepath.ToSlash(strings.TrimPrefix(filepath.Dir(g.file), filepath.Clean(*root)+string(filepath.Separator)))
	for _, packages := range [][]string{{own}, {"./internal/federation/...", "./internal/web", "./internal/store"}, {"./test/abuse", "./internal/cli", "./internal/config"}} {
		test := exec.Command("go", append([]string{"test", "-failfast"}, packages...)...)
		test.Dir = *root
		out, err := test.CombinedOutput()
		if strings.Contains(string(out), "[build failed]") {
			return false, fmt.Errorf("%s:%d: the mutant does not build:\n%s", g.file, g.line, out)
		}
		if err != nil {
			return true, nil
		}
	}
	return false, nil
}

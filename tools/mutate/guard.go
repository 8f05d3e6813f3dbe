package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// guard is one condition in a file.
type guard struct {
	no   int
	file string // from the root
	line int
	id   string
}

func (g *guard) String() string { return fmt.Sprintf("%s:%d %s", g.file, g.line, g.id) }

// named reports whether one of the texts stands in the guard's name.
func (g *guard) named(only []string) bool {
	return slices.ContainsFunc(only, func(part string) bool { return strings.Contains(g.String(), part) })
}

// switchPackage is where the switches of the guards are. It exists in what is
// built here, and nowhere else.
const switchPackage = "internal/guardswitch"

const switchSource = `package guardswitch

import (
	"os"
	"strconv"
	"sync"
)

var (
	off, _ = strconv.Atoi(os.Getenv("GUARD_OFF"))
	list   = os.Getenv("GUARDS_SEEN")
	seen   sync.Map
)

// Keeps reports whether the guard does its work.
func Keeps(guard int) bool {
	if list != "" {
		see(guard)
	}
	return guard != off
}

// Call is the guard that consists of a call.
func Call(guard int, call func() error) error {
	if !Keeps(guard) {
		return nil
	}
	return call()
}

// Zero is the guard that consists of a value.
func Zero[T any](guard int, value T) (zero T) {
	if !Keeps(guard) {
		return zero
	}
	return value
}

func see(guard int) {
	if _, known := seen.LoadOrStore(guard, true); known {
		return
	}
	file, err := os.OpenFile(list, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.WriteString(strconv.Itoa(guard) + "\n")
	}
	if err != nil {
		panic(err)
	}
	file.Close()
}
`

// instrument finds the guards and writes an overlay for the go command, in which
// each of them has a switch.
func instrument(root, work string) (guards []*guard, overlay string, err error) {
	module, err := moduleOf(root)
	if err != nil {
		return nil, "", err
	}
	replace := make(map[string]string)
	put := func(file, text string) error {
		made := filepath.Join(work, fmt.Sprintf("source%d.go", len(replace)))
		replace[filepath.Join(root, file)] = made
		return os.WriteFile(made, []byte(text), 0o600)
	}
	err = filepath.WalkDir(filepath.Join(root, "internal"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		s := &switched{file: filepath.ToSlash(file), first: len(guards) + 1}
		text, err := s.rewrite(source, module+"/"+switchPackage)
		if err != nil || len(s.guards) == 0 {
			return err
		}
		guards = append(guards, s.guards...)
		return put(file, text)
	})
	if err != nil {
		return nil, "", err
	}
	if err := put(filepath.Join(switchPackage, "guardswitch.go"), switchSource); err != nil {
		return nil, "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, "", err
	}
	overlay = filepath.Join(work, "overlay.json")
	return guards, overlay, os.WriteFile(overlay, text, 0o600)
}

// switched is a file that gets its switches.
type switched struct {
	file   string
	first  int // number of the file's first guard
	set    *token.FileSet
	ids    map[int]string // of the lines that no condition has been found for yet
	guards []*guard
	insert []insertion
}

type insertion struct {
	at   int
	text string
}

func (s *switched) rewrite(source []byte, importPath string) (string, error) {
	s.set = token.NewFileSet()
	parsed, err := parser.ParseFile(s.set, s.file, source, parser.ParseComments)
	if err != nil {
		return "", err
	}
	s.ids = make(map[int]string)
	for _, group := range parsed.Comments {
		for _, c := range group.List {
			if id, ok := strings.CutPrefix(c.Text, "//guard:"); ok {
				s.ids[s.set.Position(c.Pos()).Line] = id
			}
		}
	}
	ast.Inspect(parsed, s.find)
	for line, id := range s.ids {
		return "", fmt.Errorf("%s:%d: //guard:%s ends nothing that can be taken away", s.file, line, id)
	}
	s.insert = append(s.insert, insertion{s.offset(parsed.Name.End()), fmt.Sprintf("; import guardswitch %q", importPath)})
	slices.SortStableFunc(s.insert, func(a, b insertion) int { return a.at - b.at })
	var text strings.Builder
	done := 0
	for _, i := range s.insert {
		text.Write(source[done:i.at])
		text.WriteString(i.text)
		done = i.at
	}
	text.Write(source[done:])
	return text.String(), nil
}

func (s *switched) offset(at token.Pos) int { return s.set.Position(at).Offset }

// What stands before and after an expression or a statement that is a guard.
var (
	condition = [2]string{"guardswitch.Keeps(%d) && (", ")"}
	permitted = [2]string{"!guardswitch.Keeps(%d) || (", ")"}
	call      = [2]string{"guardswitch.Call(%d, func() error { return ", " })"}
	value     = [2]string{"guardswitch.Zero(%d, ", ")"}
	statement = [2]string{"if guardswitch.Keeps(%d) { ", " }"}
)

// find gives a statement its switch, if its line is marked.
func (s *switched) find(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		if c := onlyCall(n); c != nil {
			s.add(c, n.Body.Lbrace, call)
		} else {
			s.add(n.Cond, n.Body.Lbrace, condition)
		}
	case *ast.CaseClause:
		if len(n.List) == 1 {
			s.add(n.List[0], n.Colon, condition)
		}
	case *ast.ReturnStmt:
		s.addReturn(n)
	case *ast.RangeStmt:
		s.add(n.X, n.Body.Lbrace, value)
	case *ast.AssignStmt:
		s.addAssign(n)
	case *ast.ExprStmt:
		s.add(n, n.Pos(), statement)
	}
	return true
}

// addReturn takes the condition away that is returned: it then holds. Where no
// result is one, the first is a verdict, of which nothing is left.
func (s *switched) addReturn(n *ast.ReturnStmt) {
	for _, result := range n.Results {
		if b, ok := result.(*ast.BinaryExpr); ok && (b.Op == token.LAND || b.Op == token.LOR) {
			s.add(result, n.Pos(), permitted)
		}
	}
	switch len(n.Results) {
	case 0:
	case 1:
		s.add(n.Results[0], n.Pos(), permitted)
	default:
		s.add(n.Results[0], n.Pos(), value)
	}
}

// addAssign takes away the call, the assignment, or, where variables are made, the
// constant of a package that says what the call demands.
func (s *switched) addAssign(n *ast.AssignStmt) {
	made, isCall := n.Rhs[0].(*ast.CallExpr)
	switch {
	case isCall && len(n.Lhs) == 1 && isErr(n.Lhs[0]):
		s.add(made, n.Pos(), call)
	case n.Tok == token.ASSIGN:
		s.add(n, n.Pos(), statement)
	case isCall:
		for _, arg := range made.Args {
			if of, ok := arg.(*ast.SelectorExpr); ok && of.Sel.IsExported() {
				s.add(arg, n.Pos(), value)
			}
		}
	}
}

func (s *switched) add(what ast.Node, at token.Pos, around [2]string) {
	line := s.set.Position(at).Line
	id, ok := s.ids[line]
	if !ok {
		return
	}
	delete(s.ids, line)
	g := &guard{no: s.first + len(s.guards), file: s.file, line: line, id: id}
	s.guards = append(s.guards, g)
	s.insert = append(s.insert, insertion{s.offset(what.Pos()), fmt.Sprintf(around[0], g.no)}, insertion{s.offset(what.End()), around[1]})
}

// onlyCall returns the call of `if err := call(); err != nil`, or nil.
func onlyCall(s *ast.IfStmt) ast.Expr {
	assign, ok := s.Init.(*ast.AssignStmt)
	if !ok || len(assign.Lhs) != 1 || len(assign.Rhs) != 1 {
		return nil
	}
	cond, ok := s.Cond.(*ast.BinaryExpr)
	if !ok || cond.Op != token.NEQ || !isErr(cond.X) || !isErr(assign.Lhs[0]) {
		return nil
	}
	if c, ok := assign.Rhs[0].(*ast.CallExpr); ok {
		return c
	}
	return nil
}

func isErr(e ast.Expr) bool {
	name, ok := e.(*ast.Ident)
	return ok && name.Name == "err"
}

// moduleOf returns the name of the module.
func moduleOf(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(name), nil
		}
	}
	return "", fmt.Errorf("%s: no module", root)
}

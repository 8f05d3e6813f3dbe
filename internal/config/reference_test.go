package config

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"warifu/internal/federation"
)

var update = flag.Bool("update", false, "rewrite the generated files")

// TestReference makes the reference from the structs, their comments and their
// defaults, and compares it with the one that is part of the program and with
// docs/config.md.
func TestReference(t *testing.T) {
	got := makeReference(t)
	for _, golden := range []string{"reference.md", "../../docs/config.md"} {
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is not the reference of the structs; run go test -update", golden)
		}
	}
}

func makeReference(t *testing.T) string {
	var b strings.Builder
	b.WriteString("# Configuration\n\nGenerated from the sources (`warifu config reference`). Durations are written like `30s`, `15m`, `12h`. " +
		"Environment variables stand over the file: `WARIFU_SESSION__IDLE` is `session.idle`; a name that ends in `_FILE` takes the value from a file, and lists are written `[a, b]`. " +
		"Relative names of files begin at the folder of the configuration.\n\n" +
		"| key | type | default | meaning |\n|---|---|---|---|\n")
	describe(t, &b, "", reflect.ValueOf(Default()))
	return b.String()
}

// describe writes a row for each key of a struct.
func describe(t *testing.T, b *strings.Builder, prefix string, v reflect.Value) {
	comments := commentsOf(t, v.Type())
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		value := v.Field(i)
		switch {
		case name == "-":
			continue
		case name == "" && field.Anonymous:
			describe(t, b, prefix, value)
			continue
		}
		path := prefix + name
		comment := comments[field.Name]
		switch {
		case isText(value.Type()):
			row(b, path, "`{ja: …, en: …}`", textDefault(value), comment)
		case value.Kind() == reflect.Struct:
			describe(t, b, path+".", value)
		case value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Struct && strings.HasPrefix(value.Type().Elem().PkgPath(), "warifu/"):
			row(b, path, "list", "", comment)
			describe(t, b, path+"[].", reflect.Zero(value.Type().Elem()))
		default:
			row(b, path, typeName(value.Type()), defaultText(value), comment)
		}
	}
}

func isText(typ reflect.Type) bool { return typ.Kind() == reflect.Struct && typ.Name() == "Text" }

func textDefault(v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	return v.Field(0).String() + " / " + v.Field(1).String()
}

func row(b *strings.Builder, path, typ, value, comment string) {
	if value != "" {
		value = "`" + value + "`"
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", path, typ, value, strings.ReplaceAll(comment, "|", "\\|"))
}

func typeName(typ reflect.Type) string {
	switch {
	case typ == reflect.TypeFor[time.Duration](), typ == reflect.TypeFor[federation.Age]():
		return "duration"
	case typ == reflect.TypeFor[time.Time]():
		return "time"
	case typ.PkgPath() == "net/netip":
		return "network"
	case typ.Kind() == reflect.Slice:
		return "list of " + typeName(typ.Elem())
	case typ.Kind() == reflect.Map:
		return "map to " + typeName(typ.Elem())
	case typ.Kind() == reflect.Bool:
		return "true or false"
	case typ.Kind() == reflect.String:
		return "text"
	default:
		return "number"
	}
}

func defaultText(v reflect.Value) string {
	if v.IsZero() || v.Kind() == reflect.Map {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

// commentsOf returns the comments of the fields of a struct type, from the
// sources of its package.
func commentsOf(t *testing.T, typ reflect.Type) map[string]string {
	t.Helper()
	folder := filepath.Join("..", "..", strings.TrimPrefix(typ.PkgPath(), "warifu/"))
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("sources of %s: %v", typ, err)
	}
	comments := make(map[string]string)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != typ.Name() {
				return true
			}
			if fields, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range fields.Fields.List {
					text := field.Doc.Text()
					if text == "" {
						text = field.Comment.Text()
					}
					for _, name := range field.Names {
						comments[name.Name] = strings.Join(strings.Fields(text), " ")
					}
				}
			}
			return false
		})
	}
	return comments
}

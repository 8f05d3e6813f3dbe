package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// forbidden are calls and types that only some rooms may use.
var forbidden = map[string][]string{
	"time.Now":      {"cli"},                                         // time is passed in
	"time.Since":    {},                                              //
	"http.Error":    {"web", "demo/mailcatcher", "demo/oidcservice"}, // one place renders an error
	"template.HTML": {},                                              // what is shown is escaped
	"template.JS":   {},
	"template.CSS":  {},
	"fmt.Print":     {},
	"fmt.Printf":    {},
	"fmt.Println":   {},
	"os.Exit":       {"cli"},
	"md5.New":       {},
	"md5.Sum":       {"exportfile"},                                                                           // what others derive keys with, to read their files
	"sha1.Sum":      {"demo/people", "authenticator/password"},                                                // made-up secrets; {SSHA} hashes that were brought along
	"sha1.New":      {"authenticator/totp", "authenticator/password", "cli", "exportfile", "federation/saml"}, // HMAC of RFC 4226; {SSHA}; accounts of other systems; OAEP's own use of it
	"log.Printf":    {},
	"r.Host":        {"web", "demo"}, // compared with the configured one, never built upon
}

// TestForbidden holds the sources to what a reviewer would otherwise have to
// look for. CRY-2, WEB-6.
func TestForbidden(t *testing.T) {
	err := filepath.WalkDir("..", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		room := strings.TrimPrefix(path.Dir(filepath.ToSlash(file)), "../")
		ast.Inspect(parsed, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := selector.X.(*ast.Ident); ok {
				name := pkg.Name + "." + selector.Sel.Name
				if rooms, listed := forbidden[name]; listed && !slices.Contains(rooms, room) {
					t.Errorf("%s uses %s", file, name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

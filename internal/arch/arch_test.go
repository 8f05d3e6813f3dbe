// Package arch holds the packages to the dependency rules of
// docs/architecture.md.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "warifu"

// layers are the packages from the bottom up. A package may import those of
// the lines above its own, and no others.
var layers = [][]string{
	{"i18n", "secret", "events", "background", "authenticator", "flow"},
	{"flow/flowtest"},
	{"web", "keyring", "audit", "throttle", "assurance", "exportfile"},
	{"mail", "directory", "history"},
	{"mailotp"}, // knows to whom it may never be sent
	{"authenticator/password", "authenticator/passkey", "authenticator/totp", "authenticator/recoverycode", "session", "ticket", "notice"},
	{"authenticator/passkey/passkeytest"},
	{"directory/local", "clock", "alarm", "reminder"}, // tells people of what it does
	{"federation", "helpdesk", "faq"},
	{"federation/consent"},
	{"federation/oidc", "federation/saml"},
	{"signin", "enrolment", "recovery", "account", "admin"},
	{"store", "config", "store/storetest"},
	{"ops"},
	{"app"},
	{"demo/visitors"},
	{"demo/mailcatcher", "demo/oidcservice", "demo/people", "demo/samlservice"},
	{"demo"},
	{"cli"},
}

// modules says which packages alone may import a module.
var modules = map[string][]string{
	"github.com/alecthomas/kong":                    {"cli"},
	"github.com/beevik/etree":                       {"federation/saml"},
	"github.com/crewjam/saml":                       {"demo/samlservice"},
	"github.com/mattermost/xml-roundtrip-validator": {"federation/saml"},
	"github.com/russellhaering/goxmldsig":           {"federation/saml"},
	"github.com/blevesearch/snowballstem":           {"faq"},
	"github.com/yuin/goldmark":                      {"faq"},
	"github.com/boombuler/barcode":                  {"authenticator/totp"},
	"github.com/emersion/go-smtp":                   {"demo/mailcatcher"},
	"github.com/go-crypt/crypt":                     {"authenticator/password"},
	"github.com/go-jose/go-jose/v4":                 {"keyring", "federation/oidc"},
	"github.com/go-webauthn/webauthn":               {"authenticator/passkey"},
	"github.com/jackc/pgx/v5":                       {"store", "store/storetest"},
	"github.com/pressly/goose/v3":                   {"store"},
	"github.com/prometheus/client_golang":           {"ops"},
	"github.com/wneessen/go-mail":                   {"mail"},
	"github.com/zitadel/oidc/v3":                    {"federation/oidc", "federation/saml"},
	"go.yaml.in/yaml/v3":                            {"config"},
	"golang.org/x/sys":                              {"cli"},
	"golang.org/x/term":                             {"cli"},
	"modernc.org/sqlite":                            {"store", "store/storetest"},
}

// open are modules for every room.
var open = []string{"golang.org/x/crypto", "golang.org/x/net", "golang.org/x/text"}

// inTests are modules that only tests may import.
var inTests = []string{"github.com/jba/templatecheck", "github.com/pquerna/otp", "pgregory.net/rapid",
	"github.com/chromedp/chromedp", "github.com/chromedp/cdproto", "github.com/emersion/go-smtp", "github.com/emersion/go-sasl", "github.com/go-jose/go-jose/v4", "github.com/jackc/pgx/v5"}

// vague names say nothing about what is in a package.
var vague = []string{"common", "controller", "handler", "helper", "manager", "model", "models", "service", "types", "util", "utils"}

// TestLayers holds every package to its line.
func TestLayers(t *testing.T) {
	level := make(map[string]int)
	for i, layer := range layers {
		for _, name := range layer {
			level[name] = i
		}
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, module+"/internal/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		importer, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		importer = strings.TrimPrefix(importer, module+"/internal/")
		if importer == "arch" {
			continue
		}
		from, known := level[importer]
		if !known || slices.Contains(vague, path.Base(importer)) {
			t.Errorf("%s is in no layer, or has a vague name", importer)
		}
		for _, imported := range strings.Fields(imports) {
			imported = strings.TrimPrefix(imported, module+"/internal/")
			to, ours := level[imported]
			if ours && to >= from {
				t.Errorf("%s must not import %s", importer, imported)
			}
			if ours && importer != "demo" && imported != "demo/visitors" && strings.HasPrefix(importer, "demo/") && (strings.HasSuffix(importer, "service") || importer == "demo/visitors") {
				t.Errorf("%s knows the server only by its addresses, and must not import %s", importer, imported)
			}
		}
	}
}

// TestFiles holds every file to the imports that its package and its name allow.
func TestFiles(t *testing.T) {
	err := filepath.WalkDir("..", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			checkImport(t, filepath.ToSlash(file), imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkImport(t *testing.T, file, imported string) {
	t.Helper()
	room := strings.TrimPrefix(path.Dir(file), "../")
	test := strings.HasSuffix(file, "_test.go")
	switch {
	case imported == "net/http" && !speaksHTTP(room, path.Base(file)) && !test:
		t.Errorf("%s: only pages, web and the protocols speak HTTP", file)
	case imported == "database/sql" && !strings.HasPrefix(room, "store") && !test:
		t.Errorf("%s: only store speaks SQL", file)
	case strings.HasPrefix(imported, "math/rand") && !test:
		t.Errorf("%s: randomness comes from crypto/rand", file)
	case strings.Contains(imported, "."):
		checkModule(t, file, room, imported, test)
	}
}

// speaksHTTP reports whether a file may import net/http (rule 5 of the house).
func speaksHTTP(room, file string) bool {
	return strings.HasPrefix(file, "pages") || strings.HasPrefix(room, "federation/") || strings.HasPrefix(room, "demo") ||
		slices.Contains([]string{"web", "ops", "app"}, room)
}

func checkModule(t *testing.T, file, room, imported string, test bool) {
	t.Helper()
	within := func(mod string) bool { return imported == mod || strings.HasPrefix(imported, mod+"/") }
	if slices.ContainsFunc(open, within) || test && slices.ContainsFunc(inTests, within) {
		return
	}
	for mod, rooms := range modules {
		if within(mod) {
			if !slices.Contains(rooms, room) {
				t.Errorf("%s: only %v may import %s", file, rooms, mod)
			}
			return
		}
	}
	t.Errorf("%s: %s is not a known module", file, imported)
}

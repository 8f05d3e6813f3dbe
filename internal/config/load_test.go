package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// write puts a file into a folder of the test and returns its name.
func write(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// filled is the first file with its marks replaced.
func filled() string { return strings.ReplaceAll(Example(), "CHANGE-ME", "miyako") }

// TestExample loads the first file once its marks are replaced, and not before.
func TestExample(t *testing.T) {
	c, err := Load(write(t, "warifu.yaml", filled()), nil)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if c.BaseURL != "https://sso.miyako.example" || c.Session.Lifetime != 12*time.Hour || c.HelpDesk.Hours() != "9:00-17:00" {
		t.Errorf("%+v", c)
	}
	if _, err := Load(write(t, "warifu.yaml", Example()), nil); err == nil {
		t.Error("the marks were accepted")
	}
}

// TestAllFaultsAtOnce finds every fault, each with its key and its line.
func TestAllFaultsAtOnce(t *testing.T) {
	text := filled()
	for old, bad := range map[string]string{
		"base_url: https://sso.miyako.example": "base_url: http://sso.miyako.example/login",
		"listen: 127.0.0.1:8080":               "listen: here",
		`open: "09:00"`:                        `open: "25:00"`,
		"holidays: []":                         "holidays: [tomorrow]",
		"services: []":                         "services:\n- {id: a, name: {ja: A, en: A}, protocol: oidc, redirect_uris: [\"http://a.example/cb\"]}\n- {id: a, name: {ja: A}, protocol: smoke}\n",
	} {
		if !strings.Contains(text, old) {
			t.Fatalf("no %q in the example", old)
		}
		text = strings.ReplaceAll(text, old, bad)
	}
	_, err := Load(write(t, "warifu.yaml", text), nil)
	faults, ok := errors.AsType[Faults](err)
	if !ok {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{
		"warifu.yaml:5: base_url: must be", "warifu.yaml:8: listen: must be", "help_desk.open: ", "help_desk.holidays: ",
		"services[0]: ", "services[1]: ", "twice", "must be https",
	} {
		if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, want) }) {
			t.Errorf("no fault %q among\n%s", want, err)
		}
	}
}

// TestBaseURL wants https, but on loopback. WEB-1.
func TestBaseURL(t *testing.T) {
	for base, good := range map[string]bool{
		"https://sso.miyako.example": true, "https://sso.miyako.example:8443": true, "http://localhost:8080": true, "http://127.0.0.1:8080": true,
		"http://sso.miyako.example": false, "https://sso.miyako.example/": false, "https://user@sso.miyako.example": false,
		"https://sso.miyako.example?x": false, "sso.miyako.example": false, "": false, "ftp://localhost": false,
	} {
		if _, err := checkBase(base); (err == nil) != good {
			t.Errorf("%q: %v", base, err)
		}
	}
}

// TestUnknownKeys refuses what no key means, and values of the wrong type, with
// their lines.
func TestUnknownKeys(t *testing.T) {
	_, err := Load(write(t, "warifu.yaml", filled()+"session:\n  idel: 5m\n  idle: soon\ndemo: {}\n"), nil)
	for _, want := range []string{"there is no key idel", "session.idle", "there is no key demo"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
}

// TestEnvironment puts variables over the file, and takes secrets from files.
func TestEnvironment(t *testing.T) {
	secret := write(t, "database", "postgres://warifu:hush@db/warifu\n")
	c, err := Load(write(t, "warifu.yaml", filled()), []string{
		"WARIFU_SESSION__IDLE=30m", "WARIFU_DATABASE_FILE=" + secret, "OTHER=1", "WARIFU_HELP_DESK__TELEPHONE=075-111-1111"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Session.Idle != 30*time.Minute || c.Database != "postgres://warifu:hush@db/warifu" || c.HelpDesk.Telephone != "075-111-1111" {
		t.Errorf("idle %s, telephone %s, or the database", c.Session.Idle, c.HelpDesk.Telephone)
	}
	if _, err := Load(write(t, "warifu.yaml", filled()), []string{"WARIFU_SESION__IDLE=30m"}); err == nil || !strings.Contains(err.Error(), "sesion") {
		t.Errorf("a misspelt variable: %v", err)
	}
}

// TestServicesFile takes in services from a file of their own, and their
// secrets from further ones.
func TestServicesFile(t *testing.T) {
	name := write(t, "warifu.yaml", strings.ReplaceAll(filled(), "services: []", "services_file: services.yaml"))
	for file, text := range map[string]string{
		"services.yaml": "services:\n- {id: lms, name: {ja: 学, en: L}, protocol: oidc, redirect_uris: [\"https://lms.miyako.example/cb\"], secret_file: lms.secret}\n",
		"lms.secret":    strings.Repeat("s", 43) + "\n",
	} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(name), file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Services) != 1 || len(c.Services[0].Secrets) != 1 || len(c.Services[0].Secrets[0]) != 64 {
		t.Errorf("%+v", c.Services)
	}
}

// TestLogo refuses pictures that could do something.
func TestLogo(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		good    bool
	}{
		"a.svg": {`<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>`, true},
		"b.svg": {`<svg><script>alert(1)</script></svg>`, false},
		"c.svg": {`<svg onload="x()"/>`, false},
		"d.svg": {`<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>`, false},
		"e.png": {pngHeader + "rest", true},
		"f.png": {"<svg/>", false},
		"g.svg": {`<svg>` + strings.Repeat(" ", maxLogo) + `</svg>`, false},
	} {
		if err := checkLogo(write(t, name, test.content)); (err == nil) != test.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzLoad looks for a file that ends the program.
func FuzzLoad(f *testing.F) {
	f.Add(filled())
	f.Add("session: [")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = Load(write(t, "warifu.yaml", text), []string{"WARIFU_SESSION__IDLE=1m"})
	})
}

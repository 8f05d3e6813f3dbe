package abuse

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"warifu/internal/config"
)

// TestPackages: the page of the Authenticator hands out what is in the folder and
// has a name of its own, and no other file.
func TestPackages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dist")
	for name, text := range map[string]string{"authenticator-release-chromium.zip": "PK one", "authenticator-release-firefox.zip": "PK two", "policy/chromium.json": "{}",
		"policy/policies.json": "{}", "policy/update.xml": "<x/>", "chromium/manifest.json": "secret", "../keys": "secret", "key.pem": "secret"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		if p := b.get("/authenticator"); p.Code != http.StatusOK || !p.says(`href="/authenticator/chromium.zip"`) || !p.says(`href="/authenticator/policies.json"`) {
			t.Errorf("%d %s", p.Code, p.main())
		}
		for path, want := range map[string]string{"chromium.zip": "PK one", "firefox.zip": "PK two", "firefox.xpi": "PK two", "chromium.json": "{}", "update.xml": "<x/>"} {
			p := b.get("/authenticator/" + path)
			if p.Code != http.StatusOK || p.Body.String() != want || p.Header().Get("X-Content-Type-Options") != "nosniff" || p.Header().Get("Content-Disposition") == "" {
				t.Errorf("%s: %d %s %v", path, p.Code, p.Body, p.Header())
			}
		}
		for _, path := range []string{"key.pem", "..%2fkeys", "%2e%2e%2fkeys", "chromium%2fmanifest.json", "authenticator-release-chromium.zip", "chromium.crx", "policy%2fupdate.xml", "policy", "."} {
			if p := b.get("/authenticator/" + path); p.Code == http.StatusOK && path != "." || p.says("secret") {
				t.Errorf("%s: %d", path, p.Code)
			}
		}
	}, func(c *config.Config) { c.Authenticator.Packages = dir })
}

// TestNoPackages: where there is none, the page says so.
func TestNoPackages(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		if p := b.get("/authenticator"); p.Code != http.StatusOK || p.says("chromium.zip") || !p.says("No package is offered here") {
			t.Errorf("without packages: %d %s", p.Code, p.main())
		}
		if p := b.get("/authenticator/chromium.zip"); p.Code != http.StatusNotFound {
			t.Errorf("without packages: %d", p.Code)
		}
	})
}

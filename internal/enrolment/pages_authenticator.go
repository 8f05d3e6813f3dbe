package enrolment

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"warifu/internal/web"
)

// Offer is what the page /authenticator has to give.
type Offer struct {
	// Packages is the folder that make extension has written (extension/dist), with chromium.crx beside them where computers are managed; empty if nothing is handed out.
	Packages string `yaml:"packages"`
}

// Validate returns what is wrong with the offer.
func (o Offer) Validate() (faults []error) {
	if o.Packages == "" {
		return nil
	}
	if info, err := os.Stat(o.Packages); err != nil || !info.IsDir() {
		faults = append(faults, fmt.Errorf("packages: %q is no folder", o.Packages))
	}
	return faults
}

// packages are the files that may be handed out, by the last part of their address.
// No other file of the folder can be reached.
var packages = map[string]struct {
	files []string // in the folder; the first that is there
	kind  string
}{
	"chromium.zip":  {[]string{"authenticator-release-chromium.zip", "authenticator-demo-chromium.zip"}, "application/zip"},
	"firefox.zip":   {[]string{"authenticator-release-firefox.zip", "authenticator-demo-firefox.zip"}, "application/zip"},
	"firefox.xpi":   {[]string{"firefox.xpi", "authenticator-release-firefox.zip"}, "application/x-xpinstall"},
	"chromium.crx":  {[]string{"chromium.crx"}, "application/x-chrome-extension"},
	"update.xml":    {[]string{"policy/update.xml"}, "application/xml"},
	"chromium.json": {[]string{"policy/chromium.json"}, "application/json"},
	"policies.json": {[]string{"policy/policies.json"}, "application/json"},
}

var errNoPackage = &web.Problem{Status: http.StatusNotFound, Stop: "stop.not_found", Next: "/authenticator", Label: "authenticator.title", Err: errors.New("enrolment: no such package")}

// AuthenticatorPage is the page "enrolment/authenticator": how to get the
// Authenticator.
type AuthenticatorPage struct {
	Chromium, Firefox bool // there is a package
	Policies          bool // there are samples for managed computers
}

func (p *Pages) authenticator(w http.ResponseWriter, r *http.Request) error {
	page := AuthenticatorPage{Chromium: p.has("chromium.zip"), Firefox: p.has("firefox.zip"), Policies: p.has("chromium.json") && p.has("policies.json")}
	return p.Site.Render(w, r, http.StatusOK, "enrolment/authenticator", page)
}

func (p *Pages) has(name string) bool { return p.file(name) != "" }

// file returns where a package is, or "".
func (p *Pages) file(name string) string {
	if p.Offer.Packages == "" {
		return ""
	}
	for _, file := range packages[name].files {
		path := filepath.Join(p.Offer.Packages, filepath.FromSlash(file))
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// pack hands out a package.
func (p *Pages) pack(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("file")
	path := p.file(name)
	if path == "" {
		return errNoPackage
	}
	content, err := os.ReadFile(path) //nolint:gosec // G304: one of the names above; less than a megabyte
	if err != nil {
		return fmt.Errorf("enrolment: package: %w", err)
	}
	return p.Site.Attachment(w, packages[name].kind, name, content)
}

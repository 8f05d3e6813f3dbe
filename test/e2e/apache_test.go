package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"warifu/test/stage"
)

// TestApacheSignsPeopleIn puts a page behind Apache with mod_auth_openidc,
// which knows nothing of this project and demands multi-factor authentication,
// and signs a person in to it through a server that runs from a configuration
// file. A logout there reaches Apache by the back channel.
func TestApacheSignsPeopleIn(t *testing.T) {
	needs(t, "apache2")
	needs(t, openidcModule)
	dir := t.TempDir()
	people := filepath.Join(dir, "data")
	first, err := startDemo(program, "--data", people) // makes people and keys
	if err != nil {
		t.Fatal(err)
	}
	first.Stop()
	ports, err := stage.FreePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	server, apache := fmt.Sprintf("http://localhost:%d", ports), fmt.Sprintf("http://localhost:%d", ports+2)
	secret := rand.Text() + rand.Text()
	serve(t, dir, serverFile(people, ports, apache, secret), server)
	startApache(t, ports+2, server, secret)

	p := stage.Seeded(1)
	b, other := newBrowser(t, look{lang: "en", width: 1280}), newBrowser(t, look{lang: "en", width: 1280})
	now := time.Now()
	b.throughApache(server, apache, p, now)
	other.throughApache(server, apache, p, now.Add(30*time.Second)) // each number is taken once
	token := regexp.MustCompile(`token=(\S+)`).FindStringSubmatch(b.text())
	if token == nil || !strings.Contains(header(t, token[1]), `"alg":"ES256"`) {
		t.Errorf("the ID token is not signed with ES256: %v", token)
	}
	b.open(server + "/logout")
	b.press("Log out")
	for deadline := time.Now().Add(pageTime); ; {
		b.open(apache + "/app/")
		if strings.HasPrefix(b.address(), server) {
			break // asked to sign in again
		}
		if time.Now().After(deadline) {
			t.Fatal("Apache has not been told of the logout")
		}
		time.Sleep(100 * time.Millisecond)
	}
	other.open(apache + "/app/")
	other.at(apache + "/app/") // only the session that ended, by its sid
}

// throughApache opens the page behind Apache and signs in on the way.
func (b *browser) throughApache(server, apache string, p person, at time.Time) {
	b.t.Helper()
	b.open(server + "/accessibility?lang=en")
	b.open(apache + "/app/")
	b.at(server + "/login?p=")
	b.shows("You are logging in to Apache.")
	b.fill("username", p.ID)
	b.fill("current-password", password)
	b.press("Login")
	b.fill("one-time-code", p.Code(b.t, at))
	b.press("Login")
	b.at(apache + "/app/")
	b.shows("acr="+mfaLevel, "name=1 Seed")
	if sub := regexp.MustCompile(`sub=(\S*)`).FindStringSubmatch(b.text()); sub == nil || len(sub[1]) < 16 || sub[1] == p.ID {
		b.t.Errorf("sub: %v, want an opaque value", sub)
	}
}

// header returns the header of a signed token.
func header(t *testing.T, token string) string {
	t.Helper()
	part, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// openidcModule speaks OpenID Connect for Apache.
const openidcModule = "/usr/lib/apache2/modules/mod_auth_openidc.so"

// needs wants a program or file of Debian's packages; make test installs it.
func needs(t *testing.T, name string) {
	t.Helper()
	_, err := exec.LookPath(name)
	if filepath.IsAbs(name) {
		_, err = os.Stat(name)
	}
	if err != nil {
		t.Fatalf("%v (make packages brings it)", err)
	}
}

// serverFile is the configuration of a server with Apache as its one service.
func serverFile(people string, port int, apache, secret string) string {
	digest := sha256.Sum256([]byte(secret))
	return fmt.Sprintf(`
base_url: http://localhost:%d
listen: 127.0.0.1:%d
operation_listen: 127.0.0.1:%d
database: sqlite:%s/warifu.db
key_file: %s/keys
institution:
  name: {ja: みやこ大学, en: Miyako University}
  app_short: {ja: みやこ大学認証, en: Miyako Login}
  mail_domains: [miyako.example]
help_desk:
  name: {ja: 情報環境支援センター, en: ICT Support Center}
  telephone: 075-000-0000
mail: {host: 127.0.0.1, port: 9, encryption: none, from: no-reply@miyako.example}
services:
- id: apache
  name: {ja: Apache, en: Apache}
  protocol: oidc
  require: mfa
  secret_sha256: [%s]
  redirect_uris: [%s/app/cb]
  backchannel_logout_uri: %s/app/cb?logout=backchannel
  release: {required: [name]}
`, port, port, port+1, people, people, hex.EncodeToString(digest[:]), apache, apache)
}

// serve runs the server of a configuration, whose address is given, until the test
// ends.
func serve(t *testing.T, dir, configuration, address string) {
	t.Helper()
	file := filepath.Join(dir, "warifu.yaml")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "config", "check", "-c", file).CombinedOutput(); err != nil {
		t.Fatalf("config check: %v\n%s", err, out)
	}
	process := exec.Command(program, "serve", "-c", file)
	log := &stage.Output{}
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := end(process); err != nil {
			t.Errorf("serve: %v\n%s", err, log)
		}
		if t.Failed() {
			t.Logf("the server says:\n%s", log)
		}
	})
	waitAnswer(t, address, log)
}

// end asks a process to end, and kills it if it does not.
func end(process *exec.Cmd) error {
	_ = process.Process.Signal(syscall.SIGTERM)
	killer := time.AfterFunc(pageTime, func() { _ = process.Process.Kill() })
	defer killer.Stop()
	return process.Wait()
}

// startApache runs a private Apache until the test ends.
func startApache(t *testing.T, port int, issuer, secret string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "warifu-apache-") // a folder that Apache's user may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"cache", "html/app"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "cache"), 0o777); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("html/app/index.shtml", `<html lang="en"><body><main>sub=<!--#echo var="OIDC_CLAIM_sub" --> acr=<!--#echo var="OIDC_CLAIM_acr" --> name=<!--#echo var="OIDC_CLAIM_name" --> token=<!--#echo var="OIDC_id_token" --></main></body></html>`)
	write("apache.conf", fmt.Sprintf(`
ServerRoot %[1]s
PidFile %[1]s/pid
Listen 127.0.0.1:%[2]d
ServerName http://localhost:%[2]d
UseCanonicalName On
KeepAlive Off
User www-data
Group www-data
ErrorLog %[1]s/error.log
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule include_module /usr/lib/apache2/modules/mod_include.so
LoadModule auth_openidc_module /usr/lib/apache2/modules/mod_auth_openidc.so
TypesConfig /etc/mime.types
DocumentRoot %[1]s/html
DirectoryIndex index.shtml
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
OIDCProviderMetadataURL %[3]s/.well-known/openid-configuration
OIDCClientID apache
OIDCClientSecret %[4]s
OIDCRedirectURI http://localhost:%[2]d/app/cb
OIDCCryptoPassphrase %[5]s
OIDCPKCEMethod S256
OIDCScope "openid profile"
OIDCAuthRequestParams acr_values=https%%3A%%2F%%2Frefeds.org%%2Fprofile%%2Fmfa
OIDCCacheType file
OIDCCacheDir %[1]s/cache
OIDCPassClaimsAs environment
OIDCPassIDTokenAs claims serialized
<Directory %[1]s/html>
  Options +Includes
  Require all granted
</Directory>
<Location /app>
  AuthType openid-connect
  Require claim acr:https://refeds.org/profile/mfa
</Location>
`, dir, port, issuer, secret, rand.Text()))
	process := exec.Command("apache2", "-f", filepath.Join(dir, "apache.conf"), "-X")
	log := &stage.Output{}
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = end(process)
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Logf("Apache says:\n%s\n%s", log, text)
		}
	})
	waitAnswer(t, fmt.Sprintf("http://127.0.0.1:%d/", port), log)
}

// waitAnswer waits until somebody answers at an address, in whichever way; what the
// process has logged until then is shown if nobody does.
func waitAnswer(t *testing.T, address string, log fmt.Stringer) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		answer, err := http.Get(address)
		if err == nil {
			answer.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody answers at %s: %v\n%s", address, err, log)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

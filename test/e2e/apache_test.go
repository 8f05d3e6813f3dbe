package e2e

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"warifu/test/stage"
)

// The modules of Apache that speak for its sites.
const (
	openidcModule    = "/usr/lib/apache2/modules/mod_auth_openidc.so"
	shibbolethModule = "/usr/lib/apache2/modules/mod_shib.so" // with a daemon beside it
)

// The sites that speak SAML, by HTTP-Redirect and by HTTP-POST: names that only the
// tests' browser knows.
const (
	libraryHost = "sp.miyako.example"
	archiveHost = "post.miyako.example"
)

// apache is a private Apache with three sites, and the daemon of Shibboleth.
type apache struct {
	t      *testing.T
	dir    string
	server string // our address
	port   int
	secret string // of the site that speaks OpenID Connect
}

func newApache(t *testing.T, server string, port int) *apache {
	t.Helper()
	for _, name := range []string{"apache2", "shibd", openidcModule, shibbolethModule} {
		needs(t, name)
	}
	dir, err := os.MkdirTemp("", "warifu-apache-") // a folder that Apache's user may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return &apache{t: t, dir: dir, server: server, port: port, secret: rand.Text() + rand.Text()}
}

// site is the address of a site that speaks SAML.
func (a *apache) site(host string) string { return fmt.Sprintf("http://%s:%d", host, a.port) }

// app is the address of the site that speaks OpenID Connect.
func (a *apache) app() string { return fmt.Sprintf("http://localhost:%d", a.port) }

func (a *apache) write(name, text string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o644); err != nil {
		a.t.Fatal(err)
	}
}

// start runs all until the test ends, with our metadata.
func (a *apache) start(metadata string) {
	a.t.Helper()
	for _, folder := range []string{"shibboleth", "run", "log", "cache", "html/secure", "html/mfa", "html/app/mfa"} {
		if err := os.MkdirAll(filepath.Join(a.dir, folder), 0o755); err != nil {
			a.t.Fatal(err)
		}
	}
	for _, place := range []string{"secure", "mfa"} {
		a.write("html/"+place+"/index.shtml", echo("eppn", "displayName", "jaDisplayName", "affiliation", "pairwise-id", "Shib-AuthnContext-Class"))
	}
	for _, place := range []string{"app", "app/mfa"} {
		a.write("html/"+place+"/index.shtml", echo("OIDC_CLAIM_sub", "OIDC_CLAIM_acr", "OIDC_CLAIM_name", "OIDC_id_token"))
	}
	a.write("apache.conf", a.configuration())
	a.writeShibboleth(metadata)
	a.run(a.owner(), "shibd", "-f", "-F", "-c", filepath.Join(a.dir, "shibboleth/shibboleth2.xml"), "-p", filepath.Join(a.dir, "run/shibd.pid"))
	for deadline := time.Now().Add(pageTime); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(a.dir, "run/shibd.sock")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			a.t.Fatal("shibd does not listen")
		}
	}
	a.run(&syscall.SysProcAttr{Setpgid: true}, "apache2", "-f", filepath.Join(a.dir, "apache.conf"), "-DFOREGROUND") // it ends its whole process group
}

// echo is a page that shows variables of its request.
func echo(variables ...string) string {
	var text strings.Builder
	text.WriteString(`<html lang="en"><body><main>`)
	for _, name := range variables {
		fmt.Fprintf(&text, `%s=<!--#echo encoding="none" var="%s" --> `, name, name)
	}
	text.WriteString("</main></body></html>")
	return text.String()
}

// owner is as whom the daemon runs, so that Apache may write to its socket: as
// ourselves, or as Apache's user if we are root.
func (a *apache) owner() *syscall.SysProcAttr {
	a.t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	web, err := user.Lookup("www-data")
	if err != nil {
		a.t.Fatal(err)
	}
	uid, err1 := strconv.Atoi(web.Uid)
	gid, err2 := strconv.Atoi(web.Gid)
	if err1 != nil || err2 != nil {
		a.t.Fatal(err1, err2)
	}
	err = filepath.WalkDir(a.dir, func(name string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(name, uid, gid)
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func (a *apache) run(attributes *syscall.SysProcAttr, name string, arguments ...string) {
	a.t.Helper()
	process := exec.Command(name, arguments...)
	process.SysProcAttr = attributes
	process.Env = append(os.Environ(), "SHIBSP_CFGDIR="+a.dir, "SHIBSP_RUNDIR="+a.dir+"/run", "SHIBSP_LOGDIR="+a.dir+"/log", "SHIBSP_CACHEDIR="+a.dir+"/cache")
	log := &stage.Output{}
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		_ = end(process)
		if a.t.Failed() {
			all, _ := filepath.Glob(filepath.Join(a.dir, "log", "*.log"))
			for _, file := range all {
				text, _ := os.ReadFile(file)
				a.t.Logf("%s:\n%s", filepath.Base(file), text)
			}
			a.t.Logf("%s says:\n%s", name, log)
		}
	})
}

func (a *apache) configuration() string {
	return fmt.Sprintf(`
ServerRoot %[1]s
PidFile %[1]s/run/apache.pid
Listen 127.0.0.1:%[2]d
UseCanonicalName On
KeepAlive Off
User www-data
Group www-data
ErrorLog %[1]s/log/error.log
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule include_module /usr/lib/apache2/modules/mod_include.so
LoadModule auth_openidc_module %[3]s
LoadModule mod_shib %[4]s
StartServers 2
MaxRequestWorkers 8
TypesConfig /etc/mime.types
DocumentRoot %[1]s/html
DirectoryIndex index.shtml
AddType "text/html; charset=utf-8" .shtml
AddOutputFilter INCLUDES .shtml
<Directory %[1]s/html>
  Options +Includes
  Require all granted
</Directory>
ShibCompatValidUser On
ShibConfig %[1]s/shibboleth/shibboleth2.xml
<Location /secure>
  AuthType shibboleth
  ShibRequestSetting requireSession 1
  Require shib-session
</Location>
<Location /mfa>
  AuthType shibboleth
  ShibRequestSetting requireSession 1
  ShibRequestSetting authnContextClassRef %[5]s
  Require authnContextClassRef %[5]s
</Location>
<VirtualHost *:%[2]d>
  ServerName http://%[6]s:%[2]d
</VirtualHost>
<VirtualHost *:%[2]d>
  ServerName http://%[7]s:%[2]d
  <Location />
    ShibRequestSetting applicationId archive
  </Location>
</VirtualHost>
<VirtualHost *:%[2]d>
  ServerName http://localhost:%[2]d
  OIDCProviderMetadataURL %[8]s/.well-known/openid-configuration
  OIDCClientID apache
  OIDCClientSecret %[9]s
  OIDCRedirectURI http://localhost:%[2]d/app/cb
  OIDCCryptoPassphrase %[10]s
  OIDCPKCEMethod S256
  OIDCScope "openid profile"
  OIDCCacheType file
  OIDCCacheDir %[1]s/cache
  OIDCPassClaimsAs environment
  OIDCPassIDTokenAs claims serialized
  <Location /app>
    AuthType openid-connect
    Require valid-user
  </Location>
  <Location /app/mfa>
    OIDCPathAuthRequestParams acr_values=%[11]s
    Require claim acr:%[5]s
  </Location>
</VirtualHost>
`, a.dir, a.port, openidcModule, shibbolethModule, mfaLevel, libraryHost, archiveHost, a.server, a.secret, rand.Text(), url.QueryEscape(mfaLevel))
}

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

// serve runs the server of a configuration, whose address is given, until the test
// ends. It can be given another configuration.
func serve(t *testing.T, dir, configuration, address string) (reload func(configuration string)) {
	t.Helper()
	file := filepath.Join(dir, "warifu.yaml")
	write := func(configuration string) {
		if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(configuration)
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
	return func(configuration string) {
		write(configuration)
		if err := process.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(pageTime); !strings.Contains(log.String(), "are taken over"); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the services are not taken over:\n%s", log)
			}
		}
	}
}

// end asks a process to end, and kills it if it does not.
func end(process *exec.Cmd) error {
	_ = process.Process.Signal(syscall.SIGTERM)
	killer := time.AfterFunc(pageTime, func() { _ = process.Process.Kill() })
	defer killer.Stop()
	return process.Wait()
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

// download gets a document, from a host that has no name here.
func download(t *testing.T, address, host string) string {
	t.Helper()
	for deadline := time.Now().Add(pageTime); ; {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			text, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if err == nil && answer.StatusCode == http.StatusOK {
				return string(text)
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", address, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"warifu/test/stage"
)

// shibbolethModule speaks SAML 2.0 for Apache, with a daemon beside it.
const shibbolethModule = "/usr/lib/apache2/modules/mod_shib.so"

// TestShibbolethSignsPeopleIn puts pages behind Apache with the Shibboleth SP,
// which knows nothing of this project, by requests in each binding; it verifies
// our metadata by their signature, decrypts, maps attributes, asks for a level
// and for a fresh sign-in, and logs out; what it is told, the person has agreed to,
// and can withdraw. A53.
func TestShibbolethSignsPeopleIn(t *testing.T) {
	needs(t, "apache2")
	needs(t, "shibd")
	needs(t, shibbolethModule)
	for i, binding := range []string{"HTTP-Redirect", "HTTP-POST"} {
		t.Run(binding, func(t *testing.T) { shibbolethStory(t, binding, 10+i) })
	}
}

func shibbolethStory(t *testing.T, binding string, n int) {
	p := stage.Seeded(n)
	people := filepath.Join(t.TempDir(), "data")
	first, err := startDemo(program, "--data", people) // makes people and keys
	if err != nil {
		t.Fatal(err)
	}
	first.Stop()
	ports, err := stage.FreePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	server := fmt.Sprintf("http://localhost:%d", ports)
	s := &shibboleth{t: t, dir: sharedFolder(t), idp: server + "/saml/metadata", port: ports + 2, binding: binding}
	var metadata string
	t.Run("metadata", func(t *testing.T) { // without the service, until its own metadata are there
		serve(t, t.TempDir(), samlFile(people, ports, ""), server)
		metadata = download(t, s.idp, "")
	})
	s.start(metadata)
	file := filepath.Join(people, "sp.xml")
	if err := os.WriteFile(file, []byte(download(t, fmt.Sprintf("http://127.0.0.1:%d/Shibboleth.sso/Metadata", s.port), s.host())), 0o600); err != nil {
		t.Fatal(err)
	}
	serve(t, t.TempDir(), samlFile(people, ports, file), server)
	download(t, s.idp, "") // it serves

	w := newWalk(t, look{lang: "en", width: 1280}, axe(t))
	b := w.browser
	b.site = server
	b.open(server + "/accessibility?lang=en")
	now := time.Now()
	b.open(s.site() + "/secure/")
	b.comesTo(server + "/login?p=")
	b.shows("You are logging in to Library.")
	b.signIn(p, now)
	b.comesTo(server + "/login/consent?p=")
	b.shows("Library will receive the following information", fmt.Sprintf("%d Seed", n), p.ID+"@miyako.example")
	w.inspect("consent remembered")
	for _, field := range []string{"send_scoped_affiliation", "send_pairwise_id", "remember"} {
		b.do(chromedp.Click(chromedp.CSS("[name=" + field + "]")))
	}
	b.press("Send and continue")
	b.comesTo(s.site() + "/secure/")
	b.shows("eppn="+p.ID+"@miyako.example", fmt.Sprintf("ja=種 %d", n), fmt.Sprintf("name=%d Seed", n), "affiliation=student@miyako.example;member@miyako.example", "context="+mfaLevel)
	if id := regexp.MustCompile(`pairwise=([A-Z2-7]{32})@miyako\.example`).FindString(b.text()); id == "" {
		t.Errorf("no pairwise-id in %s", b.text())
	}
	b.open(s.site() + "/mfa/") // asked for by name, and there
	b.comesTo(s.site() + "/mfa/")
	b.shows("context=" + mfaLevel)

	b.open(s.site() + "/Shibboleth.sso/Login?forceAuthn=1&target=" + s.site() + "/secure/")
	b.comesTo(server + "/login?p=")
	b.signIn(p, now.Add(30*time.Second))
	b.comesTo(s.site() + "/secure/")

	b.open(s.site() + "/Shibboleth.sso/Login?authnContextClassRef=" + farLevel + "&target=" + s.site() + "/secure/")
	b.comesTo(s.site() + "/Shibboleth.sso/SAML2/POST")
	b.shows("NoAuthnContext")

	w.taken("") // Apache's pages lack files
	b.open(server + "/account/services")
	w.inspect("services with one")
	b.unfold("Withdraw")
	w.inspect("services withdraw")
	b.press("Withdraw")
	b.shows("Your agreement has been withdrawn.", "There are no such services.")
	b.open(s.site() + "/Shibboleth.sso/Login?target=" + s.site() + "/secure/")
	b.comesTo(server + "/login/consent?p=")
	b.press("Do not send")
	b.comesTo(s.site() + "/Shibboleth.sso/SAML2/POST")
	b.shows("RequestDenied")

	b.open(s.site() + "/Shibboleth.sso/Logout")
	b.comesTo(server + "/logged-out")
	b.open(server + "/home")
	b.comesTo(server + "/login")
	b.open(s.site() + "/secure/")
	b.comesTo(server + "/login?p=")
}

// samlFile is the configuration of a server with the Shibboleth SP as its one
// service, once there are metadata of it.
func samlFile(people string, port int, metadata string) string {
	text := fmt.Sprintf(`
base_url: http://localhost:%d
listen: 127.0.0.1:%d
operation_listen: 127.0.0.1:%d
database: sqlite:%s/warifu.db
key_file: %s/keys
institution:
  name: {ja: みやこ大学, en: Miyako University}
  app_short: {ja: みやこ大学認証, en: Miyako Login}
  mail_domains: [miyako.example]
  scope: miyako.example
help_desk:
  name: {ja: 情報環境支援センター, en: ICT Support Center}
  telephone: 075-000-0000
mail: {host: 127.0.0.1, port: 9, encryption: none, from: no-reply@miyako.example}
saml:
  description: {ja: みやこ大学の構成員, en: Members of Miyako University}
  privacy_url: {ja: "https://miyako.example/privacy", en: "https://miyako.example/en/privacy"}
  organization_url: {ja: "https://miyako.example/", en: "https://miyako.example/en/"}
  technical_contact: it@miyako.example
  support_contact: support@miyako.example
  security_contact: cert@miyako.example
`, port, port, port+1, people, people)
	if metadata == "" {
		return text
	}
	return text + `services:
- id: library
  name: {ja: 図書館, en: Library}
  protocol: saml
  entity_id: https://sp.miyako.example/shibboleth
  metadata_file: ` + metadata + `
  encryption: required
  require: mfa
  consent: on_change
  owner: {ja: 附属図書館, en: University Library}
  privacy_url: {ja: "https://lib.miyako.example/privacy", en: "https://lib.miyako.example/en/privacy"}
  release: {required: [name, principal_name], optional: [scoped_affiliation, pairwise_id, targeted_id]}
`
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

// sharedFolder is one that the user of Apache may enter.
func sharedFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "warifu-shib-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shibboleth is a private Apache with the Shibboleth SP and its daemon.
type shibboleth struct {
	t       *testing.T
	dir     string
	idp     string // our entityID
	port    int
	binding string // of its requests
}

// host is a name that only the tests' browser knows.
func (s *shibboleth) host() string { return fmt.Sprintf("sp.miyako.example:%d", s.port) }

func (s *shibboleth) site() string { return "http://" + s.host() }

func (s *shibboleth) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// start runs both until the test ends, with our metadata.
func (s *shibboleth) start(metadata string) {
	s.t.Helper()
	for _, folder := range []string{"shibboleth", "run", "log", "cache", "html/secure", "html/mfa"} {
		if err := os.MkdirAll(filepath.Join(s.dir, folder), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	s.copyShipped()
	s.write("idp.xml", metadata)
	certificate := regexp.MustCompile(`<ds:X509Certificate>([^<]*)<`).FindStringSubmatch(metadata)
	s.write("idp.pem", "-----BEGIN CERTIFICATE-----\n"+certificate[1]+"\n-----END CERTIFICATE-----\n")
	for _, use := range []string{"signing", "encryption"} {
		out, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=sp.miyako.example",
			"-keyout", filepath.Join(s.dir, use+".key"), "-out", filepath.Join(s.dir, use+".pem")).CombinedOutput()
		if err != nil {
			s.t.Fatalf("openssl: %v\n%s", err, out)
		}
	}
	s.write("shibboleth/shibboleth2.xml", s.configuration())
	page := `<html lang="en"><body><main>eppn=<!--#echo var="eppn" --> name=<!--#echo var="displayName" --> ja=<!--#echo encoding="none" var="jaDisplayName" --> affiliation=<!--#echo var="affiliation" --> pairwise=<!--#echo var="pairwise-id" --> context=<!--#echo var="Shib-AuthnContext-Class" --></main></body></html>`
	s.write("html/secure/index.shtml", page)
	s.write("html/mfa/index.shtml", page)
	s.write("apache.conf", s.apache())
	identity := s.owner()
	s.run(identity, "shibd", "-f", "-F", "-c", filepath.Join(s.dir, "shibboleth/shibboleth2.xml"), "-p", filepath.Join(s.dir, "run/shibd.pid"))
	for deadline := time.Now().Add(pageTime); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(s.dir, "run/shibd.sock")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatal("shibd does not listen")
		}
	}
	s.run(nil, "apache2", "-f", filepath.Join(s.dir, "apache.conf"), "-X")
}

// copyShipped takes what Debian ships, with the paths of its logs changed and the
// attributes of Japan added.
func (s *shibboleth) copyShipped() {
	s.t.Helper()
	shipped, err := filepath.Glob("/etc/shibboleth/*")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range shipped {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a key of the system's own
		}
		changed := regexp.MustCompile(`/var/log/(shibboleth|apache2)`).ReplaceAllString(string(text), s.dir+"/log")
		if filepath.Base(file) == "attribute-map.xml" {
			changed = strings.Replace(changed, "</Attributes>", `
<Attribute name="urn:oid:2.16.840.1.113730.3.1.241" id="displayName"/>
<Attribute name="urn:oid:1.3.6.1.4.1.32264.1.1.3" id="jaDisplayName"/>
</Attributes>`, 1)
		}
		s.write("shibboleth/"+filepath.Base(file), changed)
	}
}

// owner is as whom the daemon runs, so that Apache may write to its socket: as
// ourselves, or as Apache's user if we are root.
func (s *shibboleth) owner() *syscall.SysProcAttr {
	s.t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	web, err := user.Lookup("www-data")
	if err != nil {
		s.t.Fatal(err)
	}
	uid, err1 := strconv.Atoi(web.Uid)
	gid, err2 := strconv.Atoi(web.Gid)
	if err1 != nil || err2 != nil {
		s.t.Fatal(err1, err2)
	}
	err = filepath.WalkDir(s.dir, func(name string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(name, uid, gid)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func (s *shibboleth) run(identity *syscall.SysProcAttr, name string, arguments ...string) {
	s.t.Helper()
	process := exec.Command(name, arguments...)
	process.SysProcAttr = identity
	process.Env = append(os.Environ(), "SHIBSP_CFGDIR="+s.dir, "SHIBSP_RUNDIR="+s.dir+"/run", "SHIBSP_LOGDIR="+s.dir+"/log", "SHIBSP_CACHEDIR="+s.dir+"/cache")
	log := &stage.Output{}
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = end(process)
		if s.t.Failed() {
			all, _ := filepath.Glob(filepath.Join(s.dir, "log", "*.log"))
			for _, file := range all {
				text, _ := os.ReadFile(file)
				s.t.Logf("%s:\n%s", filepath.Base(file), text)
			}
			s.t.Logf("%s says:\n%s", name, log)
		}
	})
}

func (s *shibboleth) configuration() string {
	return strings.NewReplacer("DIR", s.dir, "IDP", s.idp, "BINDING", "urn:oasis:names:tc:SAML:2.0:bindings:"+s.binding).Replace(`
<SPConfig xmlns="urn:mace:shibboleth:3.0:native:sp:config" clockSkew="180">
 <UnixListener address="DIR/run/shibd.sock"/>
 <ApplicationDefaults entityID="https://sp.miyako.example/shibboleth" REMOTE_USER="eppn" signing="true">
  <Sessions lifetime="28800" timeout="3600" relayState="ss:mem" checkAddress="false" handlerSSL="false" cookieProps="http">
   <SSO entityID="IDP" outgoingBindings="BINDING">SAML2</SSO>
   <Logout>SAML2 Local</Logout>
   <Handler type="MetadataGenerator" Location="/Metadata" signing="false"/>
  </Sessions>
  <Errors supportContact="root@localhost" helpLocation="/about.html" styleSheet="/shibboleth-sp/main.css"/>
  <MetadataProvider type="XML" validate="true" path="DIR/idp.xml">
   <MetadataFilter type="RequireValidUntil" maxValidityInterval="1296000"/>
   <MetadataFilter type="Signature" certificate="DIR/idp.pem" verifyBackup="false"/>
  </MetadataProvider>
  <AttributeExtractor type="XML" validate="true" reloadChanges="false" path="attribute-map.xml"/>
  <AttributeFilter type="XML" validate="true" path="attribute-policy.xml"/>
  <CredentialResolver type="File" use="signing" key="DIR/signing.key" certificate="DIR/signing.pem"/>
  <CredentialResolver type="File" use="encryption" key="DIR/encryption.key" certificate="DIR/encryption.pem"/>
 </ApplicationDefaults>
 <SecurityPolicyProvider type="XML" validate="true" path="security-policy.xml"/>
 <ProtocolProvider type="XML" validate="true" reloadChanges="false" path="protocols.xml"/>
</SPConfig>
`)
}

func (s *shibboleth) apache() string {
	return fmt.Sprintf(`
ServerRoot %[1]s
PidFile %[1]s/run/apache.pid
Listen 127.0.0.1:%[2]d
ServerName http://sp.miyako.example:%[2]d
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
LoadModule mod_shib %[3]s
TypesConfig /etc/mime.types
DocumentRoot %[1]s/html
DirectoryIndex index.shtml
AddType "text/html; charset=utf-8" .shtml
AddOutputFilter INCLUDES .shtml
ShibConfig %[1]s/shibboleth/shibboleth2.xml
<Directory %[1]s/html>
  Options +Includes
  Require all granted
</Directory>
<Location /secure>
  AuthType shibboleth
  ShibRequestSetting requireSession 1
  Require shib-session
</Location>
<Location /mfa>
  AuthType shibboleth
  ShibRequestSetting requireSession 1
  ShibRequestSetting authnContextClassRef https://refeds.org/profile/mfa
  Require authnContextClassRef https://refeds.org/profile/mfa
</Location>
`, s.dir, s.port, shibbolethModule)
}

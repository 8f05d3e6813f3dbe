package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warifu/internal/federation"
)

// newClient is a command that adds a service.
func newClient(id, c string, more ...string) []string {
	return append([]string{"client", "add", id, "--name-ja=学習支援", "--name-en=Learning",
		"--redirect-uri=https://" + id + ".miyako.example/cb", c}, more...)
}

func (s shell) client(id, c string) (found federation.Service) {
	s.t.Helper()
	out, _ := s.run(0, "client", "show", id, c)
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		s.t.Fatalf("%v %s", err, out)
	}
	return found
}

// TestClientAdd stores what the flags say, and of the secret the digest. OIDC-8.
func TestClientAdd(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	out, _ := s.run(0, newClient("lms", c, "--json", "--redirect-uri=https://lms.miyako.example/two", "--auth=client_secret_post",
		"--require=mfa", "--subject=public", "--algorithm=RS256", "--release=email", "--release=groups",
		"--logout-uri=https://lms.miyako.example/bye", "--post-logout=https://lms.miyako.example/")...)
	var printed map[string]string
	if err := json.Unmarshal([]byte(out), &printed); err != nil {
		t.Fatal(err)
	}
	got := s.client("lms", c)
	if len(got.RedirectURIs) != 2 || got.Auth != federation.AuthPost || got.Require != federation.RequireMFA || got.Subject != federation.Public ||
		got.IDTokenAlg != "RS256" || !got.Release.Allows("groups") || got.BackchannelLogoutURI == "" || len(got.PostLogoutRedirectURIs) != 1 {
		t.Errorf("%+v", got)
	}
	if len(got.Secrets) != 1 || got.Secrets[0] != federation.SecretDigest(printed["client_secret"]) {
		t.Errorf("stored %v", got.Secrets)
	}
	if database, err := os.ReadFile(s.file("warifu.db")); err != nil || bytes.Contains(database, []byte(printed["client_secret"])) {
		t.Errorf("the secret is in the database, or %v", err)
	}
	if out, _ := s.run(0, newClient("app", c, "--type=native", "--auth=none")...); strings.Contains(out, "secret") {
		t.Errorf("a secret for who has none: %s", out)
	}
}

// TestClientFaults tells all faults at once, and stores nothing.
func TestClientFaults(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	_, e := s.run(1, "client", "add", "a b", "--name-ja=あ", "--name-en=A", "--redirect-uri=http://a.miyako.example/cb",
		"--redirect-uri=https://b.miyako.example/*", "--auth=none", c)
	for _, want := range []string{"the id must be", "must be https", "wildcard", "sector must be given", "for the types spa and native"} {
		if !strings.Contains(e, want) {
			t.Errorf("%q is not told in\n%s", want, e)
		}
	}
	if out, _ := s.run(0, "client", "list", "--json", c); strings.TrimSpace(out) != "[]" {
		t.Errorf("%s", out)
	}
	if out, _ := s.run(0, "audit", "export", "--name=service.changed", c); out != "" {
		t.Errorf("recorded: %s", out)
	}
	for _, command := range []string{"show", "secret", "disable", "enable"} {
		if _, e := s.run(1, "client", command, "nobody", c); !strings.Contains(e, "no such service") {
			t.Errorf("%s: %s", command, e)
		}
	}
}

// TestClientAddFile takes a service from a file as the configuration has it, in
// YAML or JSON, with the secret that it brings or a new one. OIDC-8.
func TestClientAddFile(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	s.write("lms.secret", "one of 256 random bits\n")
	brought := s.write("lms.yaml", `id: lms
name: {ja: 学習支援, en: Learning}
protocol: oidc
redirect_uris: [https://lms.miyako.example/cb]
secret_file: lms.secret
groups: [student]
default_max_age: 1h
`)
	if out, _ := s.run(0, "client", "add", "--file", brought, c); out != "client_id: lms\n" {
		t.Errorf("printed %s", out)
	}
	got := s.client("lms", c)
	if len(got.Secrets) != 1 || got.Secrets[0] != federation.SecretDigest("one of 256 random bits") || len(got.Groups) != 1 || got.DefaultMaxAge != federation.Age(time.Hour) {
		t.Errorf("%+v", got)
	}
	if _, e := s.run(1, "client", "add", "--file", brought, c); !strings.Contains(e, "already") {
		t.Errorf("twice: %s", e)
	}
	shown, _ := s.run(0, "client", "show", "lms", c)
	var whole federation.Service
	if err := json.Unmarshal([]byte(shown), &whole); err != nil || whole.DefaultMaxAge != federation.Age(time.Hour) {
		t.Errorf("what is printed does not tell the age: %v %s", err, shown)
	}
	s.run(0, "client", "add", "--file", s.write("lms1.json", strings.Replace(shown, `"lms"`, `"lms1"`, 1)), c)
	again, _ := s.run(0, "client", "show", "--json", "lms1", c)
	if strings.Replace(again, `"lms1"`, `"lms"`, 1) != shown {
		t.Errorf("what was printed is read as\n%s\nand not as\n%s", again, shown)
	}
	second := strings.NewReplacer(`"lms"`, `"lms2"`, `"secret_sha256"`, `"groups"`, `"groups"`, `"origins"`, `"student"`, `"https://lms.miyako.example"`).Replace(shown)
	out, _ := s.run(0, "client", "add", "--json", "--file", s.write("lms2.json", second), c)
	var printed map[string]string
	if err := json.Unmarshal([]byte(out), &printed); err != nil {
		t.Fatal(err)
	}
	if got := s.client("lms2", c); len(got.Secrets) != 1 || got.Secrets[0] != federation.SecretDigest(printed["client_secret"]) || got.DefaultMaxAge != federation.Age(time.Hour) {
		t.Errorf("from JSON: %+v", got)
	}
}

// TestClientAddFileFaults tells all faults of a file at once, and stores nothing.
func TestClientAddFileFaults(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	file := s.write("bad.yaml", `id: a b
name: {ja: あ}
protocol: oidc
redirect_uri: [https://a.miyako.example/cb]
require: some
default_max_age: soon
jwks_file: gone.json
`)
	_, e := s.run(1, "client", "add", "--file", file, c)
	for _, want := range []string{"the id must be", "name.ja and name.en", "bad.yaml:", "there is no key redirect_uri", "require is", "bad.yaml:6: default_max_age", "jwks_file"} {
		if !strings.Contains(e, want) {
			t.Errorf("%q is not told in\n%s", want, e)
		}
	}
	if out, _ := s.run(0, "client", "list", "--json", c); strings.TrimSpace(out) != "[]" {
		t.Errorf("%s", out)
	}
	for _, args := range [][]string{{"lms", "--file", file}, {"--file", file, "--auth=none"}, {"--file", file, "--name-ja=あ"}, {"--file", file, "--release=name"},
		{"--file", s.file("gone.yaml")}, newClient("lms", c)[3:], {"lms", "--name-ja=あ"}, {}} {
		s.run(2, append([]string{"client", "add", c}, args...)...)
	}
	s.run(1, "client", "add", c, "--file", s.write("broken.yaml", "id: [\n"))
}

// TestClientOfTheFile leaves alone what the configuration file has.
func TestClientOfTheFile(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	text, err := os.ReadFile(s.file("warifu.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	portal := `services:
  - id: portal
    name: {ja: ポータル, en: Portal}
    protocol: oidc
    type: spa
    auth: none
    redirect_uris: [https://portal.miyako.example/cb]`
	s.write("warifu.yaml", strings.Replace(string(text), "services: []", portal, 1))
	for _, args := range [][]string{newClient("portal", c), {"client", "secret", "portal", c}, {"client", "disable", "portal", c}, {"client", "enable", "portal", c}} {
		if _, e := s.run(1, args...); !strings.Contains(e, "configuration file has the service") {
			t.Errorf("%v: %s", args[:3], e)
		}
	}
	if s.client("portal", c).Disabled {
		t.Error("switched off")
	}
}

// TestClientsAtOnce adds a service from eight shells at once: one of them
// prints a secret, and that one counts. A service that is switched off stays
// off while others give it secrets.
func TestClientsAtOnce(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	var added atomic.Int64
	secrets := make(chan string, 8)
	together(8, func(int) {
		var out, errOut bytes.Buffer
		if Main(t.Context(), newClient("lms", c, "--json"), strings.NewReader(""), &out, &errOut) != 0 {
			return
		}
		added.Add(1)
		var printed map[string]string
		if err := json.Unmarshal(out.Bytes(), &printed); err != nil {
			t.Error(err)
		}
		secrets <- printed["client_secret"]
	})
	if added.Load() != 1 || s.client("lms", c).Secrets[0] != federation.SecretDigest(<-secrets) {
		t.Errorf("added %d times, or the secret is another one", added.Load())
	}
	together(8, func(n int) {
		args := []string{"client", "secret", "lms", c}
		if n == 3 {
			args[1] = "disable"
		}
		var out, errOut bytes.Buffer
		if status := Main(t.Context(), args, strings.NewReader(""), &out, &errOut); status != 0 {
			t.Errorf("%v: %d %s", args, status, errOut.String())
		}
	})
	if !s.client("lms", c).Disabled {
		t.Error("switched on again by a new secret")
	}
	if out, _ := s.run(0, "audit", "export", "--name=service.changed", c); strings.Count(out, "\n") != 9 {
		t.Errorf("%d acts are recorded, want 9", strings.Count(out, "\n"))
	}
}

// together runs fn n times at once.
func together(n int, fn func(n int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

// spMetadata is that of a service that speaks SAML.
func spMetadata(entityID, address string) string {
	return `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + entityID + `">` +
		`<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
		`<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="` + address + `" index="1"/>` +
		`</md:SPSSODescriptor></md:EntityDescriptor>`
}

// TestClientSAML takes a service that speaks SAML from its metadata; newer ones
// must be of the same entityID, and no import switches a check off. SAML-7.
func TestClientSAML(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	const entity = "https://lib.miyako.example/shibboleth"
	add := func(code int, id, metadata string) string {
		out, e := s.run(code, "client", "add", id, "--name-ja=図書館", "--name-en=Library", "--metadata", s.write(id+".xml", metadata), "--release=name", c)
		return out + e
	}
	if out := add(0, "lib", spMetadata(entity, "https://lib.miyako.example/acs")); out != "client_id: lib\n" {
		t.Errorf("printed %s", out)
	}
	got := s.client("lib", c)
	if got.Protocol != federation.SAML || got.EntityID != entity || !got.Release.Allows("name") || len(got.Secrets) != 0 {
		t.Errorf("%+v", got)
	}
	s.run(0, "client", "import-metadata", "lib", s.write("new.xml", spMetadata(entity, "https://lib.miyako.example/new")), c)
	if got := s.client("lib", c); !strings.Contains(got.Metadata, "/new") {
		t.Errorf("%s", got.Metadata)
	}
	for name, metadata := range map[string]string{"another": spMetadata("https://evil.example", "https://evil.example/acs"),
		"plain": spMetadata(entity, "http://lib.miyako.example/acs"), "type": "<!DOCTYPE x>" + spMetadata(entity, "https://lib.miyako.example/acs")} {
		if _, e := s.run(1, "client", "import-metadata", "lib", s.write(name+".xml", metadata), c); e == "" {
			t.Errorf("%s: accepted", name)
		}
	}
	if got := s.client("lib", c); !strings.Contains(got.Metadata, "/new") {
		t.Errorf("changed by what was refused: %s", got.Metadata)
	}
	if e := add(1, "bad", spMetadata(entity, "http://bad.miyako.example/acs")); !strings.Contains(e, "no AssertionConsumerService") {
		t.Errorf("%s", e)
	}
	s.run(0, newClient("lms", c)...)
	if _, e := s.run(1, "client", "import-metadata", "lms", s.file("new.xml"), c); !strings.Contains(e, "does not speak SAML") {
		t.Errorf("%s", e)
	}
	if _, e := s.run(1, "client", "import-metadata", "gone", s.file("new.xml"), c); !strings.Contains(e, "no such service") {
		t.Errorf("%s", e)
	}
}

package cli

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"warifu/internal/app"
	"warifu/internal/federation"
	"warifu/internal/store"
)

const library = "https://lib.miyako.example/shibboleth"

// addSP runs the command that adds a service with the entityID of the library.
func (s shell) addSP(status int, id, c string) string {
	s.t.Helper()
	_, e := s.run(status, "client", "add", id, "--name-ja=図書館", "--name-en=Library", c,
		"--metadata", s.write(id+".xml", spMetadata(library, "https://"+id+".miyako.example/acs")))
	return e
}

// offer puts a service with that entityID into the configuration file.
func (s shell) offer(id, more string) {
	s.t.Helper()
	text, err := os.ReadFile(s.file("warifu.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("sp.xml", spMetadata(library, "https://lib.miyako.example/acs"))
	s.write("warifu.yaml", strings.Replace(string(text), "services: []", "services:\n- {id: "+id+", name: {ja: 図書館, en: Library}, protocol: saml, entity_id: '"+
		library+"', metadata_file: sp.xml"+more+"}", 1))
}

// doubled puts services with one entityID into the database, as an earlier version
// let them be.
func (s shell) doubled(c string, ids ...string) {
	s.t.Helper()
	a := s.app()
	defer a.Close()
	err := store.In[federation.ServiceTx](a.DB)(s.t.Context(), func(tx federation.ServiceTx) error {
		for _, id := range ids {
			sp := federation.Service{ID: id, Name: federation.Text{Japanese: "図書館", English: "Library"}, Protocol: federation.SAML}
			sp.EntityID, sp.Metadata = library, spMetadata(library, "https://"+id+".miyako.example/acs")
			sp.Release.Optional = []string{"naem"}
			if err := tx.PutService(s.t.Context(), sp, time.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s shell) app() *app.App { return s.appWithLog(io.Discard) }

func (s shell) appWithLog(log io.Writer) *app.App {
	s.t.Helper()
	a, err := withConfig{Config: s.file("warifu.yaml")}.open(&Env{Context: s.t.Context(), Out: io.Discard, Err: log, Now: time.Now})
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// TestClientOfAnotherEntityID refuses an entityID that another service is known by,
// of the database or of the file, with its name, and does nothing half.
func TestClientOfAnotherEntityID(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	s.addSP(0, "lib", c)
	want := `service "lib2": the entityID "` + library + `" is that of the service "lib" already`
	if e := s.addSP(1, "lib2", c); !strings.Contains(e, want) {
		t.Errorf("%s", e)
	}
	if _, e := s.run(1, "client", "show", "lib2", c); !strings.Contains(e, "no such service") {
		t.Errorf("half of it is there: %s", e)
	}
	if out, _ := s.run(0, "audit", "export", "--name=service.changed", c); strings.Count(out, "\n") != 1 {
		t.Errorf("recorded: %s", out)
	}
	s.run(0, "client", "disable", "lib", c)
	s.addSP(0, "lib2", c)
	if _, e := s.run(1, "client", "enable", "lib", c); !strings.Contains(e, `is that of the service "lib2" already`) || !s.client("lib", c).Disabled {
		t.Errorf("enabled: %s", e)
	}
	s.run(0, "client", "disable", "lib2", c)
	s.offer("library", "")
	for _, args := range [][]string{{"enable", "lib", c}, {"enable", "lib2", c}} {
		if _, e := s.run(1, append([]string{"client"}, args...)...); !strings.Contains(e, `is that of the service "library" already`) {
			t.Errorf("beside that of the file: %s", e)
		}
	}
	if e := s.addSP(1, "lib3", c); !strings.Contains(e, `is that of the service "library" already`) {
		t.Errorf("beside that of the file: %s", e)
	}
}

// TestClientsOfOneEntityIDAtOnce adds services with one entityID from eight shells
// at once: one of them is there afterwards.
func TestClientsOfOneEntityIDAtOnce(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	file := s.write("sp.xml", spMetadata(library, "https://lib.miyako.example/acs"))
	together(8, func(n int) {
		var out, errOut bytes.Buffer
		status := Main(t.Context(), []string{"client", "add", fmt.Sprint("lib", n), "--name-ja=図書館", "--name-en=Library", "--metadata", file, c}, strings.NewReader(""), &out, &errOut)
		if status != 0 && !strings.Contains(errOut.String(), "already") {
			t.Errorf("%d %s", status, errOut.String())
		}
	})
	if out, _ := s.run(0, "client", "list", c); strings.Count(out, "\n") != 1 {
		t.Errorf("%s", out)
	}
}

// TestClientDoubled serves all others while two services of an earlier version have
// one entityID, answers for these that they are not known, tells the administrators,
// and lets the one count that is not switched off.
func TestClientDoubled(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	s.run(0, "client", "add", "other", "--name-ja=別", "--name-en=Other", c, "--metadata", s.write("other.xml", spMetadata("https://other.example", "https://other.example/acs")))
	s.doubled(c, "lib", "lib2")

	told, running := s.started()
	if status, page := ask(running, library); status != http.StatusBadRequest || !strings.Contains(page, "The service is not registered") {
		t.Errorf("%d %s", status, page)
	}
	if status, page := ask(running, "https://other.example"); status != http.StatusSeeOther {
		t.Errorf("another one: %d %s", status, page)
	}
	if line := <-told; !strings.Contains(line, library) || !strings.Contains(line, "lib lib2") {
		t.Errorf("%s", line)
	}
	running.Stop()
	if out, _ := s.run(0, "audit", "export", "--name=alarm_raised", c); strings.Count(out, "\n") != 1 || !strings.Contains(out, library) {
		t.Errorf("%s", out)
	}

	metadata := s.write("new.xml", spMetadata(library, "https://new.miyako.example/acs"))
	if _, e := s.run(1, "client", "import-metadata", "lib", metadata, c); !strings.Contains(e, `is that of the service "lib2" already`) || strings.Contains(s.client("lib", c).Metadata, "new.") {
		t.Errorf("%s", e)
	}
	if _, e := s.run(1, "client", "test", "lib", "sps00001", c); !strings.Contains(e, "lib, lib2") {
		t.Errorf("test does not say why nobody comes in: %s", e)
	}
	s.run(0, "client", "disable", "lib2", c) // in spite of what is wrong with it besides
	s.run(0, "client", "import-metadata", "lib", metadata, c)
	_, running = s.started()
	defer running.Stop()
	if status, page := ask(running, library); status != http.StatusSeeOther {
		t.Errorf("the other one: %d %s", status, page)
	}
}

// started returns a server that runs, and what it logs of entityIDs.
func (s shell) started() (told <-chan string, a *app.App) {
	s.t.Helper()
	log, w := io.Pipe()
	a = s.appWithLog(w)
	s.t.Cleanup(func() {
		a.Stop()
		a.Close()
		w.Close()
	})
	lines := make(chan string, 1)
	go func() {
		for scanner := bufio.NewScanner(log); scanner.Scan(); {
			if strings.Contains(scanner.Text(), "several services have one entityID") {
				lines <- scanner.Text()
			}
		}
	}()
	if err := a.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return lines, a
}

// ask sends a request of a service, and returns the answer.
func ask(a *app.App, entityID string) (status int, page string) {
	var deflated bytes.Buffer
	w, _ := flate.NewWriter(&deflated, flate.BestCompression)
	fmt.Fprintf(w, `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Version="2.0" IssueInstant="%s">`+
		`<saml:Issuer>%s</saml:Issuer></samlp:AuthnRequest>`, time.Now().UTC().Format(time.RFC3339), entityID)
	w.Close()
	r := httptest.NewRequest("GET", "https://sso.miyako.example/saml/sso?SAMLRequest="+url.QueryEscape(base64.StdEncoding.EncodeToString(deflated.Bytes())), nil)
	r.Header.Set("Accept-Language", "en")
	answer := httptest.NewRecorder()
	a.Handler().ServeHTTP(answer, r)
	return answer.Code, answer.Body.String()
}

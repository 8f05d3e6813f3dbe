package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wantFaults wants a line that begins with each of these.
func wantFaults(t *testing.T, err error, want ...string) {
	t.Helper()
	faults, ok := errors.AsType[Faults](err)
	if !ok {
		t.Fatalf("%v, want %q", err, want)
	}
	for _, begin := range want {
		if !slices.ContainsFunc(faults, func(f string) bool { return strings.HasPrefix(f, begin) }) {
			t.Errorf("no fault %q among\n%s", begin, err)
		}
	}
}

// TestPlaces tells each fault with the line or the variable that it comes from,
// whatever the style of the file, and in the order of the lines.
func TestPlaces(t *testing.T) {
	for name, test := range map[string]struct {
		old, new string
		environ  []string
		want     []string
	}{
		"policies": {"services: []", "session:\n  idle: 1s\nmail2: x", nil,
			[]string{"warifu.yaml:46: session.idle: must be from", "warifu.yaml:47: mail2: there is no key mail2"}},
		"several keys at once": {"encryption: starttls", "username: me", nil, []string{"warifu.yaml:41: mail.username: username and password_file: one needs"}},
		"types hide nothing":   {"listen: 127.0.0.1:8080", "listen: [a, b]\nsession: {idle: soon, most: 1000}", nil, []string{"warifu.yaml:8: listen: cannot", "warifu.yaml:9: session.idle: cannot", "warifu.yaml:9: session.most: must"}},
		"in one line":          {"{ja: miyako 大学, en: miyako University}", "{ja: x, en: y, fr: z}", nil, []string{"warifu.yaml:21: institution.name.fr: there is no key"}},
		"twice":                {"services: []", "listen: 127.0.0.1:1", nil, []string{"warifu.yaml:45: listen: is there twice"}},
		"two documents":        {"services: []", "---\nlisten: here", nil, []string{"warifu.yaml:4"}},
		"syntax":               {"services: []", "services: [", nil, []string{"warifu.yaml:4"}},
		"streams":              {"services: []", "most_streams: 99", nil, []string{"warifu.yaml:45: most_streams: must be"}},
		"two databases":        {"services: []", "database_file: x", nil, []string{"warifu.yaml:45: database_file: database is given, too"}},
		"a text":               {"services: []", "institution2: 1", []string{"WARIFU_INSTITUTION__TEXTS={ja: {no.such: x}}"}, []string{"WARIFU_INSTITUTION__TEXTS: institution.texts.ja.no.such: there is no text"}},
		"a variable":           {"", "", []string{"WARIFU_LISTEN=here", "WARIFU_SESION__IDLE=1h"}, []string{"WARIFU_LISTEN: listen: must be", "WARIFU_SESION__IDLE: sesion: there is no key sesion"}},
		"a missing secret":     {"", "", []string{"WARIFU_DATABASE_FILE=/no/such/file"}, []string{"WARIFU_DATABASE_FILE: database_file: open"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, "warifu.yaml", strings.ReplaceAll(filled(), test.old, test.new)), test.environ)
			wantFaults(t, err, test.want...)
		})
	}
	_, err := Load(write(t, "warifu.yaml", "operation_listen: b\nservices:\n\n\n\n\n\n\n\n\n\nlisten: a\n"), nil)
	if text := err.Error(); strings.Index(text, "yaml:1: ") > strings.Index(text, "yaml:12: ") {
		t.Errorf("not in the order of the lines:\n%s", text)
	}
}

// TestUnreadable tells once of a value that cannot be read, though what stands
// in its place is wrong, too.
func TestUnreadable(t *testing.T) {
	text := strings.ReplaceAll(filled(), "base_url: https://sso.miyako.example", "base_url: [a]")
	text = strings.ReplaceAll(text, "mail_domains: [miyako.example]", "mail_domains: {a: b}")
	_, err := Load(write(t, "warifu.yaml", text), []string{"WARIFU_DATABASE_FILE=/no/such/file"})
	faults, _ := errors.AsType[Faults](err)
	wantFaults(t, err, "WARIFU_DATABASE_FILE: database_file: ", "warifu.yaml:5: base_url: cannot", "warifu.yaml:24: institution.mail_domains: cannot")
	if len(faults) != 3 {
		t.Errorf("%d faults, want 3:\n%s", len(faults), err)
	}
}

// TestRequired wants what has no default.
func TestRequired(t *testing.T) {
	_, err := Load(write(t, "warifu.yaml", "# nothing\n"), nil)
	wantFaults(t, err, "warifu.yaml: base_url: ", "warifu.yaml: database: ", "warifu.yaml: institution.name: ", "warifu.yaml: institution.mail_domains: ",
		"warifu.yaml: help_desk.name: ", "warifu.yaml: help_desk.telephone: ", "warifu.yaml: mail.from: ")
}

// TestServicesFileFaults locates in the file of the services what is wrong there.
func TestServicesFileFaults(t *testing.T) {
	name := write(t, "warifu.yaml", strings.ReplaceAll(filled(), "services: []", "services_file: services.yaml\nservices: [{id: own, protocol: smoke}]"))
	file := filepath.Join(filepath.Dir(name), "services.yaml")
	for text, want := range map[string][]string{
		"listen: here\nservices:\n- id: lms\n  protocol: smoke\n  nme: x\n": {
			"services.yaml:1: listen: there is no key listen", "services.yaml:5: services[0].nme: there is no key nme",
			`services.yaml:3: services[1]: service "lms": protocol`, `warifu.yaml:46: services[0]: service "own": protocol`},
		"services: [": {"warifu.yaml:45: services_file: services.yaml:1: "},
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(name, nil)
		wantFaults(t, err, want...)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	_, err := Load(name, nil)
	wantFaults(t, err, "warifu.yaml:45: services_file: open ")
}

// TestDatabase takes the address from where the environment says, resolves
// relative names, and never repeats an address.
func TestDatabase(t *testing.T) {
	file := write(t, "database", "postgres://warifu:hush@db/warifu\n")
	inFile := strings.ReplaceAll(filled(), "database: sqlite:/var/lib/warifu/warifu.db", "database_file: "+file)
	if c, err := Load(write(t, "warifu.yaml", inFile), []string{"WARIFU_DATABASE=sqlite:/a.db"}); err != nil || c.Database != "sqlite:/a.db" {
		t.Errorf("%q, %v", c.Database, err)
	}
	name := write(t, "warifu.yaml", strings.ReplaceAll(filled(), "sqlite:/var/lib/warifu/warifu.db", "sqlite:data/warifu.db"))
	if c, err := Load(name, nil); err != nil || c.Database != "sqlite:"+filepath.Join(filepath.Dir(name), "data/warifu.db") {
		t.Errorf("%q, %v", c.Database, err)
	}
	for _, address := range []string{"postgres://warifu:hush@[db/warifu", "mysql://warifu:hush@db", "warifu:hush", "sqlite:", "sqlite:a?hush"} {
		if err := checkDatabase(address); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestSpelling wants addresses as browsers write them: with another spelling no
// request would be for this host. WEB-1.
func TestSpelling(t *testing.T) {
	for base, good := range map[string]bool{
		"http://[::1]:8080": true, "https://sso.miyako.example?": false, "https://sso.miyako.example#": false, "https://SSO.miyako.example": false,
		"https://sso.miyako.example:443": false, "https://sso.miyako.example:": false, "http://localhost:80": false,
		"https://:8443": false, "http://localhost.evil.example": false,
	} {
		if _, err := checkBase(base); (err == nil) != good {
			t.Errorf("%s: %v", base, err)
		}
	}
	for listen, good := range map[string]bool{"127.0.0.1:8080": true, ":8080": true, "[::1]:0": true, "localhost:http": false, "localhost:": false, "localhost:65536": false, "8080": false} {
		if err := checkListen(listen); (err == nil) != good {
			t.Errorf("%s: %v", listen, err)
		}
	}
}

// TestDomains refuses what no mail domain is.
func TestDomains(t *testing.T) {
	for _, domain := range []string{"", "miyako", "Miyako.example", "a..example", "-a.example", "miyako.example.", "a@b.example"} {
		text := strings.ReplaceAll(filled(), "mail_domains: [miyako.example]", "mail_domains: ['"+domain+"']")
		_, err := Load(write(t, "warifu.yaml", strings.ReplaceAll(text, "scope: miyako.example", "scope: miyako.example/x")), nil)
		wantFaults(t, err, "warifu.yaml:24: institution.mail_domains: ", "warifu.yaml:25: institution.scope: ")
	}
}

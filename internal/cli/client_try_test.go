package cli

import (
	"strings"
	"testing"
)

// TestClientTest says what a service would be told of a person, and why somebody
// does not come in; nothing is made or recorded by asking.
func TestClientTest(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	s.run(0, "client", "add", "--file", s.write("lms.yaml", `
id: lms
name: {ja: 学習支援, en: Learning}
protocol: oidc
redirect_uris: [https://lms.miyako.example/cb]
groups: [students]
require: mfa
consent: on_change
release: {required: [name], optional: [email, locale]}
`), c)
	s.run(0, "user", "import", s.write("people.csv", "sps_id,display,family,given,mailbox,groups\n"+
		"sps00001,,Miyako,Hanako,hanako@miyako.example,students\nsps00002,Two,,,,staff\n"), c)
	out, _ := s.run(0, "client", "test", "lms", "SPS00001@miyako.example", c)
	for _, want := range []string{"sps00001 at lms", "comes in: yes", "every session: mfa", "consent: on_change", "name                 required  Hanako Miyako",
		"email                optional  hanako@miyako.example", "pairwise_id          required"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing:\n%s", want, out)
		}
	}
	value := strings.TrimSpace(out[strings.Index(out, "pairwise_id")+len("pairwise_id          required"):])
	value, _, _ = strings.Cut(value, "\n")
	if again, _ := s.run(0, "client", "test", "lms", "sps00001", c); again != out {
		t.Errorf("asked again: %s", again)
	}
	if _, err := s.run(1, "client", "subject", "find", strings.TrimSpace(value), c); !strings.Contains(err, "no service knows") {
		t.Errorf("asking has made a value: %s", err)
	}
	if out, _ := s.run(0, "client", "test", "lms", "sps00002", "--json", c); !strings.Contains(out, `"comes": false`) || !strings.Contains(out, "groups students alone") {
		t.Errorf("%s", out)
	}
	s.run(1, "client", "test", "lms", "nobody", c)
	s.run(1, "client", "test", "nothing", "sps00001", c)
}

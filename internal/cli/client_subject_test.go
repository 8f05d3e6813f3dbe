package cli

import (
	"strings"
	"testing"
)

// TestClientSubjectImportWithDomain knows people by their IDs as people write them,
// with the domain of the institution's mail; with another domain it is nobody's.
func TestClientSubjectImportWithDomain(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	s.run(0, newClient("lms", c)...)
	s.run(0, "user", "import", s.write("people.csv", "sps_id,display\nsps00001,One\n"), c)
	file := func(person string) string {
		return s.write("subjects.csv", "sps_id,service,value\n"+person+",lms,old1\n")
	}
	if out, _ := s.run(0, "client", "subject", "import", file("SPS00001@miyako.example"), c); !strings.Contains(out, "1 added") {
		t.Errorf("%s", out)
	}
	if _, faults := s.run(1, "client", "subject", "import", file("sps00001@elsewhere.example"), c); !strings.Contains(faults, "line 2: sps_id: there is no such person") {
		t.Errorf("%s", faults)
	}
}

// TestClientSubjectImport takes over the values of a former identity provider, whole
// or not at all, gives none of them to a second person, and says whose one is.
func TestClientSubjectImport(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	s.run(0, newClient("lms", c)...)
	s.run(0, newClient("other", c)...)
	write := func(lines ...string) string {
		t.Helper()
		return s.write("subjects.csv", "\ufeffsps_id,service,value\r\n"+strings.Join(lines, "\r\n")+"\r\n")
	}
	s.run(0, "user", "import", s.write("people.csv", "sps_id,display\nsps00001,One\nsps00002,Two\n"), c)
	good := []string{"SPS00001,lms,old+value/1=", "sps00002,lms,old2", "sps00001,other,old+value/1="}
	if out, _ := s.run(0, "client", "subject", "import", write(good...), "--dry-run", c); !strings.Contains(out, "Would be imported: 3 added") {
		t.Errorf("%s", out)
	}
	if _, err := s.run(1, "client", "subject", "find", "old2", c); !strings.Contains(err, "no service knows anybody") {
		t.Errorf("after a dry run: %s", err)
	}
	s.run(0, "client", "subject", "import", write(good[:2]...), c)
	if out, _ := s.run(0, "client", "subject", "import", write(good...), c); !strings.Contains(out, "1 added, 2 unchanged") {
		t.Errorf("%s", out)
	}
	if out, _ := s.run(0, "client", "subject", "find", "old+value/1=", c); out != "sps00001 lms.miyako.example active\nsps00001 other.miyako.example active\n" {
		t.Errorf("%q", out)
	}
	_, faults := s.run(1, "client", "subject", "import", write("sps00002,other,new", "sps00001,lms,another", "nobody,lms,x", "sps00001,unknown,x",
		"sps00002,other,old+value/1=", "sps00002,other", "sps00002,other,with space"), c)
	for _, want := range []string{"line 3: value: the service knows this person by another value already", "line 4: sps_id: there is no such person",
		"line 5: service: ", "line 6: value: ", "line 7: has 2 fields", "line 8: value: must be", "nothing was imported"} {
		if !strings.Contains(faults, want) {
			t.Errorf("%q is missing:\n%s", want, faults)
		}
	}
	if _, err := s.run(1, "client", "subject", "find", "new", c); !strings.Contains(err, "no service knows anybody") {
		t.Errorf("something was imported: %s", err)
	}
	if _, err := s.run(1, "client", "subject", "import", write("sps00002,other,old+value/1="), c); !strings.Contains(err, "line 2: value: the service knows another person by this value") {
		t.Errorf("somebody else's: %s", err)
	}
}

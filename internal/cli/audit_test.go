package cli

import (
	"database/sql"
	"encoding/json"
	"strings"
	"testing"

	"warifu/internal/audit"
)

// withTrail is an installation with some events, none of them sealed yet.
func withTrail(t *testing.T) (s shell, c string) {
	t.Helper()
	s = install(t)
	c = "--config=" + s.file("warifu.yaml")
	s.run(0, "user", "import", s.write("a.csv", "sps_id,display\ns1,One\ns2,Two\n"), c)
	s.run(0, "user", "suspend", "s1", "--reason=left", c)
	return s, c
}

// tamper changes the database as its owner can.
func (s shell) tamper(statements ...string) {
	s.t.Helper()
	db, err := sql.Open("sqlite", s.file("warifu.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(s.t.Context(), statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// TestAuditVerifyCommand ends with 1 and names the place, for people and for
// machines. AUD-1.
func TestAuditVerifyCommand(t *testing.T) {
	s, c := withTrail(t)
	report := func(status int, args ...string) (r audit.Report, errOut string) {
		t.Helper()
		out, errOut := s.run(status, append([]string{"audit", "verify", "--json", c}, args...)...)
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		return r, errOut
	}
	whole, _ := report(0)
	if whole.Open < 3 || whole.Head != "0:" {
		t.Errorf("%+v", whole)
	}
	report(0, "--head=0:") // what it printed itself
	s.run(1, "audit", "verify", "--head=junk", c)
	s.run(1, "audit", "verify", "--head=-1:ab", c)
	if r, e := report(1, "--head=7:ab"); len(r.Faults) != 1 || r.Faults[0].Block != 7 || !strings.Contains(e, "block 7") {
		t.Errorf("a head that is gone: %+v %s", r, e)
	}
	s.tamper(`DROP TRIGGER audit_event_no_update`, `UPDATE audit_event SET at = at - 1 WHERE name = 'subscriber.suspended'`)
	r, e := report(1)
	if len(r.Faults) != 1 || r.Faults[0].Event == "" || !strings.Contains(e, r.Faults[0].Event) {
		t.Errorf("%+v %s", r, e)
	}
	if out, e := s.run(1, "audit", "verify", c); !strings.Contains(e, "event "+r.Faults[0].Event) || !strings.Contains(out, "Head: ") {
		t.Errorf("for people: %s%s", out, e)
	}
}

// TestAuditExportCommand prints what is asked for, and records that somebody
// read it. AUD-3, AUD-4.
func TestAuditExportCommand(t *testing.T) {
	s, c := withTrail(t)
	export := func(args ...string) (events []audit.Event) {
		t.Helper()
		out, _ := s.run(0, append([]string{"audit", "export", c}, args...)...)
		for line := range strings.Lines(out) {
			var e audit.Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%v %s", err, line)
			}
			events = append(events, e)
		}
		return events
	}
	if all := export(); len(all) != 4 || all[3].Name != audit.TrailRead || all[3].Actor != "command" {
		t.Errorf("all: %+v", all)
	}
	if one := export("--name=subscriber.suspended"); len(one) != 1 || one[0].Reason != "left" {
		t.Errorf("by name: %+v", one)
	}
	if hers := export("--subscriber=s2", "--name=subscriber.added"); len(hers) != 1 {
		t.Errorf("by person: %+v", hers)
	}
	if none := export("--to=2020-01-01T00:00:00Z"); len(none) != 0 {
		t.Errorf("before: %+v", none)
	}
	if none := export("--from=2999-01-01T00:00:00Z"); len(none) != 0 {
		t.Errorf("after: %+v", none)
	}
	if reads := export("--name=audit.read"); len(reads) != 6 {
		t.Errorf("%d readings are recorded, want 6", len(reads))
	}
	s.run(1, "audit", "export", "--subscriber=nobody", c)
	s.run(2, "audit", "export", "--from=yesterday", c)
}

package cli

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"warifu/internal/directory"
)

// TestUserCommandsForMachines reads what the commands about a person print with
// --json, and says in words how the person is otherwise.
func TestUserCommandsForMachines(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	s.run(0, "user", "import", s.write("a.csv", "sps_id,display\ns1,One\n"), c)
	for _, test := range []struct {
		args         []string
		status, role string
	}{
		{[]string{"suspend", "s1"}, "suspended", "subscriber"},
		{[]string{"resume", "S1"}, "active", "subscriber"},
		{[]string{"unlock", "s1"}, "active", "subscriber"},
		{[]string{"role", "s1", "auditor"}, "active", "auditor"},
		{[]string{"privileged", "s1", "--reason=rector"}, "active", "auditor, privileged"},
		{[]string{"show", "s1"}, "active", "auditor, privileged"},
		{[]string{"privileged", "s1", "--off"}, "active", "auditor"},
		{[]string{"show", "s1"}, "active", "auditor"},
	} {
		args := slices.Concat([]string{"user"}, test.args, []string{c})
		out, _ := s.run(0, slices.Concat(args, []string{"--json"})...)
		var who struct {
			SPSID        string `json:"sps_id"`
			Status, Role string
			Privileged   bool
		}
		if err := json.Unmarshal([]byte(out), &who); err != nil || who.SPSID != "s1" || who.Status != test.status || who.Role != strings.TrimSuffix(test.role, ", privileged") || who.Privileged != strings.HasSuffix(test.role, "privileged") {
			t.Errorf("%v: %v %s", test.args, err, out)
		}
		if out, _ := s.run(0, args...); !strings.Contains(out, "status "+test.status+", role "+test.role) {
			t.Errorf("%v: %s", test.args, out)
		}
	}
	out, _ := s.run(0, "user", "activation-code", "s1", "--json", c)
	var made map[string]string
	if err := json.Unmarshal([]byte(out), &made); err != nil || len(made["activation_code"]) != 19 || made["expires_at"] == "" {
		t.Errorf("%v %s", err, out)
	}
}

// TestImportKeepsSuspension does not let a person in again because a list says
// nothing of it. SES-9.
func TestImportKeepsSuspension(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	s.run(0, "user", "import", s.write("a.csv", "sps_id,display\ns1,One\n"), c)
	s.run(0, "user", "suspend", "s1", c)
	s.run(0, "user", "import", s.write("b.csv", "sps_id,display,affiliation\ns1,One,staff\n"), c)
	if out, _ := s.run(0, "user", "show", "s1", c); !strings.Contains(out, "status suspended") || !strings.Contains(out, "affiliation staff") {
		t.Errorf("%s", out)
	}
}

// TestImportHelp names every column that a file may have.
func TestImportHelp(t *testing.T) {
	s := shell{t: t, dir: t.TempDir()}
	out, _ := s.run(0, "user", "import", "--help")
	for _, column := range directory.Columns {
		if !strings.Contains(out, column) {
			t.Errorf("no %s in:\n%s", column, out)
		}
	}
}

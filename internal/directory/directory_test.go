package directory

import (
	"errors"
	"strings"
	"testing"
)

var domains = []string{"miyako.example"}

// TestFoldID gives every spelling of an SPS-ID one form. THR-2.
func TestFoldID(t *testing.T) {
	for typed, want := range map[string]string{
		"sps00001": "sps00001", "SPS00001": "sps00001", "  sps00001\t": "sps00001", "ｓｐｓ００００１": "sps00001",
		"sps00001@miyako.example": "sps00001", "SPS00001@MIYAKO.EXAMPLE": "sps00001", "sps00001＠miyako．example": "sps00001",
		"sps00001@other.example": "sps00001@other.example", "": "", "　": "", "@miyako.example": "",
	} {
		if got := FoldID(typed, domains); got != want {
			t.Errorf("FoldID(%q) = %q, want %q", typed, got, want)
		}
	}
}

// FuzzFoldID looks for a spelling that folds to something that folds again.
func FuzzFoldID(f *testing.F) {
	f.Add("SPS00001@miyako.example")
	f.Add("ﬀ@miyako.example@miyako.example")
	f.Fuzz(func(t *testing.T, typed string) {
		once := FoldID(typed, nil)
		if again := FoldID(once, nil); again != once || len(once) > MaxID {
			t.Errorf("%q folds to %q, and that to %q", typed, once, again)
		}
	})
}

// FuzzImport looks for a file that ends the program, or a person without an ID.
func FuzzImport(f *testing.F) {
	f.Add([]byte("sps_id,display\ns1,One\n"))
	f.Add([]byte("\xef\xbb\xbfsps_id,family\n\"s1\",\"x\n"))
	importer := Importer{Domains: domains, CheckHash: func(string) error { return errors.New("no") }}
	f.Fuzz(func(t *testing.T, file []byte) {
		lines, faults := importer.Read(file)
		for _, line := range lines {
			if len(faults) == 0 && (line.SPSID == "" || line.Display == "" || strings.ContainsAny(line.Display, "\r\n\x00")) {
				t.Errorf("%+v", line)
			}
		}
	})
}

// TestIsPrivileged names who is never let back in by mail alone.
func TestIsPrivileged(t *testing.T) {
	for _, test := range []struct {
		who  Subscriber
		want bool
	}{
		{Subscriber{Role: RoleSubscriber}, false}, {Subscriber{Role: RoleAuditor}, false}, {Subscriber{Role: RoleAgent}, true},
		{Subscriber{Role: RoleAdministrator}, true}, {Subscriber{Role: RoleSubscriber, Privileged: true}, true},
		{Subscriber{Role: RoleSubscriber, PrivilegedGroup: "executives"}, true},
	} {
		if got := test.who.IsPrivileged(); got != test.want {
			t.Errorf("%+v: %t, want %t", test.who, got, test.want)
		}
	}
}

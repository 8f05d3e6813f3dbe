package directory

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/japanese"
)

var errHash = errors.New("no hash that is known")

// importer knows one hash.
var importer = Importer{Domains: domains, CheckHash: func(hash string) error {
	if hash != "$known" {
		return errHash
	}
	return nil
}}

// read wants a file without faults.
func read(t *testing.T, text string) []ImportLine {
	t.Helper()
	lines, faults := importer.Read([]byte(text))
	if len(faults) > 0 {
		t.Fatalf("%v", faults)
	}
	return lines
}

// TestImportFile reads a person with everything, in the character sets that
// spreadsheets write.
func TestImportFile(t *testing.T) {
	text := strings.Join(Columns, ",") + "\r\n" +
		"ＳＰＳ1@miyako.example,,Miyako,Hanako,都,花子,みやこ,ﾊﾅｺﾞ,student,Science,理学部,\"b;a; b\",suspended,hanako@miyako.example,０７５-000-1234,ja,https://orcid.org/0000-0002-1694-233X,faculty:12-3,urn:mace:dir:entitlement:common-lib-terms https://b.example/e,https://www.gakunin.jp/profile/IAL2,urn:schac:personalUniqueCode:int:esi:miyako.example:123,$known\r\n"
	sjis, err := japanese.ShiftJIS.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	want := Subscriber{
		SPSID: "sps1", Display: "Hanako Miyako", Latin: Name{"Miyako", "Hanako"}, Japanese: Name{"都", "花子"}, Kana: Name{"ミヤコ", "ハナゴ"},
		Affiliation: "student", Department: Department{"Science", "理学部"}, Groups: []string{"a", "b"}, Status: Suspended, Role: RoleSubscriber,
		Mailbox: "hanako@miyako.example", Telephone: "075-000-1234", Language: "ja",
		Academic: Academic{ORCID: "0000-0002-1694-233X", PersonCode: "faculty:12-3",
			Entitlements: []string{"https://b.example/e", "urn:mace:dir:entitlement:common-lib-terms"}, Assurance: []string{"https://www.gakunin.jp/profile/IAL2"}, UniqueCodes: []string{"urn:schac:personalUniqueCode:int:esi:miyako.example:123"}},
	}
	for name, file := range map[string]string{"UTF-8": text, "UTF-8 with BOM": "\xef\xbb\xbf" + text, "Shift_JIS": sjis} {
		lines := read(t, file)
		if len(lines) != 1 || lines[0].Line != 2 || lines[0].PasswordHash != "$known" {
			t.Fatalf("%s: %+v", name, lines)
		}
		if got := lines[0].Over(Subscriber{}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, want)
		}
	}
}

// TestKana writes every reading in whole katakana, sound marks included.
func TestKana(t *testing.T) {
	for typed, want := range map[string]string{"ﾀﾞｲﾊﾟﾁ": "ダイパチ", "だいぱち": "ダイパチ", "か\u3099": "ガ", "ゔゞ": "ヴヾ", "ー・": "ー・", "Ａ": "A"} {
		if got := katakana(fold(typed)); got != want {
			t.Errorf("%s: got %s (%+q), want %s", typed, got, got, want)
		}
	}
}

// TestImportFaults names line and column of everything that is wrong.
func TestImportFaults(t *testing.T) {
	const header = "sps_id,display,affiliation,status,mailbox,language,password_hash,groups\n"
	for name, test := range map[string]struct{ file, want string }{
		"empty":                {"", "line 1: there is no header"},
		"unknown column":       {"sps_id,notification\n", "line 1: notification: there is no such column"},
		"no ID column":         {"display\n", "line 1: sps_id: is missing"},
		"column twice":         {"sps_id,sps_id\n", "line 1: sps_id: is there twice"},
		"neither":              {"sps_id,display\n1,\xff\xfd\n", "neither UTF-8 nor Shift_JIS"},
		"no ID":                {header + ",One,,,,,,\n", "line 2: sps_id: "},
		"a space in the ID":    {header + "a b,One,,,,,,\n", "line 2: sps_id: "},
		"nobody can type it":   {header + "a\u200bb,One,,,,,,\n", "line 2: sps_id: "},
		"other domain":         {header + "a@b.example,One,,,,,,\n", "line 2: sps_id: "},
		"long ID":              {header + strings.Repeat("a", MaxID+1) + ",One,,,,,,\n", "line 2: sps_id: "},
		"no name":              {header + "a,,,,,,,\n", "line 2: display: there is no name"},
		"affiliation":          {header + "a,One,king,,,,,\n", "line 2: affiliation: "},
		"status":               {header + "a,One,,deleted,,,,\n", "line 2: status: "},
		"mailbox":              {header + "a,One,,,a b@c.example,,,\n", "line 2: mailbox: "},
		"a second address":     {header + "a,One,,,\"a@c.example,b@c.example\",,,\n", "line 2: mailbox: "},
		"a mailbox of no host": {header + "a,One,,,a@,,,\n", "line 2: mailbox: "},
		"language":             {header + "a,One,,,,fr,,\n", "line 2: language: "},
		"hash":                 {header + "a,One,,,,,secret,\n", "line 2: password_hash: no hash"},
		"twice":                {header + "a,One,,,,,,\n\nA@miyako.example,One,,,,,,\n", "line 4: sps_id: is in line 2, too"},
		"fields":               {header + "a,One\n", "line 2: has 2 fields, the header has 8"},
		"control":              {header + "a,O\u0085ne,,,,,,\n", "line 2: display: has a control character"},
		"long":                 {header + "a," + strings.Repeat("あ", maxField+1) + ",,,,,,\n", "line 2: display: is longer"},
		"long group":           {header + "a,One,,,,,," + strings.Repeat("g", maxField+1) + "\n", "line 2: groups: a group is longer"},
		"quote":                {header + "a,O\"ne,,,,,,\nb,,,,,,,\n", "line 3: display: there is no name"},
		"after lines in one":   {header + "\"a\",\"O\nne\",,,,,,\nb,,,,,,,\n", "line 4: display: there is no name"},
		"ORCID of no form":     {"sps_id,display,orcid\na,One,0000-0002-1825\n", "line 2: orcid: "},
		"ORCID with a slip":    {"sps_id,display,orcid\na,One,0000-0002-1825-0098\n", "line 2: orcid: "},
		"person code":          {"sps_id,display,person_code\na,One,12345\n", "line 2: person_code: "},
		"entitlement":          {"sps_id,display,entitlements\na,One,library\n", "line 2: entitlements: "},
		"unique code":          {"sps_id,display,unique_codes\na,One,urn:schac:personalUniqueCode:int:123\n", "line 2: unique_codes: "},
		"assurance":            {"sps_id,display,assurance\na,One,https://a.example/x;IAL2\n", "line 2: assurance: "},
	} {
		_, faults := importer.Read([]byte(test.file))
		var all []string
		for _, fault := range faults {
			all = append(all, fault.String())
		}
		if text := strings.Join(all, "\n"); !strings.Contains(text, test.want) {
			t.Errorf("%s: got %q, want %q", name, text, test.want)
		}
	}
	groups := strings.Repeat("group-of-a-course;", 100)
	if lines := read(t, header+"a,One,,,,,,\""+groups+"\"\n"); len(lines[0].Groups) != 1 {
		t.Errorf("%v", lines[0].Groups)
	}
}

// TestAssuranceIsOfTheIdentity takes the levels of identity proofing, and none that
// says how somebody logs in: beside each other services could not tell them apart.
func TestAssuranceIsOfTheIdentity(t *testing.T) {
	const head = "sps_id,display,assurance\na,One,"
	for _, uri := range []string{"https://refeds.org/profile/mfa", "https://refeds.org/profile/sfa", "http://www.REFEDS.org/profile/mfa/",
		"https://www.gakunin.jp/profile/AAL1", "https://www.gakunin.jp/profile/AAL2", "https://www.gakunin.jp/profile/AAL3", "https://a.example/aal2",
		"https://a.example/AAL/high", "urn:mace:a.example:AAL2", "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"} {
		_, faults := importer.Read([]byte(head + "https://www.gakunin.jp/profile/IAL2;" + uri + "\n"))
		if len(faults) != 1 || !strings.Contains(faults[0].String(), `line 2: assurance: "`+uri+`" says how somebody logs in`) {
			t.Errorf("%s: %v", uri, faults)
		}
	}
	good := []string{"https://aal.example/IAL2", "https://aalto.example/assurance", "https://refeds.org/assurance", "https://refeds.org/assurance/IAP/high",
		"https://refeds.org/assurance/profile/cappuccino", "https://www.gakunin.jp/profile/IAL2", "urn:mace:aalto:IAL2"}
	if got := read(t, head+strings.Join(good, ";")+"\n")[0].Academic.Assurance; !slices.Equal(got, good) {
		t.Errorf("%v", got)
	}
}

// TestOver changes what the file says and nothing else.
func TestOver(t *testing.T) {
	known := Subscriber{
		ID: "i", PublicID: "p", SPSID: "a", Display: "Known", Latin: Name{"Miyako", "Hanako"}, Kana: Name{"ミヤコ", "ハナコ"}, Affiliation: "staff",
		Groups: []string{"g"}, Status: Suspended, Role: RoleAgent, Privileged: true, Mailbox: "a@miyako.example", Language: "ja",
		Academic: Academic{ORCID: "0000-0002-1825-0097", PersonCode: "staff:1", Entitlements: []string{"urn:x"}, Assurance: []string{"urn:y"}, UniqueCodes: []string{"urn:schac:personalUniqueCode:jp:studentID:1"}},
	}
	for name, test := range map[string]struct {
		file   string
		change func(*Subscriber)
	}{
		"nothing":                  {"sps_id,family,given\na,Miyako,Hanako\n", func(*Subscriber) {}},
		"a suspension stays":       {"sps_id,display,status\na,Known,\n", func(*Subscriber) {}},
		"it ends when it is said":  {"sps_id,display,status\na,Known,active\n", func(s *Subscriber) { s.Status = Active }},
		"a name":                   {"sps_id,family,given\na,Kamo,Hanako\n", func(s *Subscriber) { s.Latin.Family, s.Display = "Kamo", "Hanako Kamo" }},
		"a display name":           {"sps_id,display\na,Other\n", func(s *Subscriber) { s.Display = "Other" }},
		"empty fields":             {"sps_id,display,groups,affiliation,mailbox\na,Known,,,\n", func(s *Subscriber) { s.Groups, s.Affiliation, s.Mailbox = nil, "", "" }},
		"a language that is empty": {"sps_id,display,language\na,Known,\n", func(*Subscriber) {}},
		"what is academic goes":    {"sps_id,display,orcid,person_code,entitlements,assurance,unique_codes\na,Known,,,,,\n", func(s *Subscriber) { s.Academic = Academic{} }},
		"what has no column stays": {"sps_id,display\na,Known\n", func(*Subscriber) {}},
		"another one":              {"sps_id,display,language\na,Known,en\n", func(s *Subscriber) { s.Language = "en" }},
	} {
		want := known
		test.change(&want)
		if got := read(t, test.file)[0].Over(known); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, want)
		}
	}
	fresh := read(t, "sps_id,display\na,One\n")[0].Over(Subscriber{})
	if fresh.Status != Active || fresh.Role != RoleSubscriber || fresh.SPSID != "a" {
		t.Errorf("%+v", fresh)
	}
}

func BenchmarkImportFile(b *testing.B) {
	file := []byte("sps_id,family,given,family_ja,given_ja,family_kana,groups,password_hash\n" +
		strings.Repeat("s1,Miyako,Hanako,都,花子,みやこ,a;b,$known\n", 30_000))
	for b.Loop() {
		importer.Read(file)
	}
}

package saml

import (
	"slices"
	"strings"
	"testing"
)

// TestRelease gives what a category stands for, of several the poorest; without
// one what is asked for and allowed; else nothing. Every combination of categories
// and of subject-id:req is there.
func TestRelease(t *testing.T) {
	const (
		research     = "principal_name name email scoped_affiliation"
		personal     = "name email scoped_affiliation home_organization assurance"
		pseudonymous = "scoped_affiliation home_organization assurance"
		anonymous    = "scoped_affiliation home_organization"
	)
	categories := []string{categoryAnonymous, categoryPseudonymous, categoryPersonalized, categoryResearch}
	want := map[string]map[string]string{ // by the poorest category and subject-id:req
		categoryAnonymous: {"": anonymous, "none": anonymous, "subject-id": anonymous, "pairwise-id": anonymous, "any": anonymous, "other": anonymous},
		categoryPseudonymous: {"": "pairwise_id! " + pseudonymous, "none": pseudonymous, "subject-id": "pairwise_id! " + pseudonymous,
			"pairwise-id": "pairwise_id! " + pseudonymous, "any": "pairwise_id! " + pseudonymous, "other": "pairwise_id! " + pseudonymous},
		categoryPersonalized: {"": "subject_id! " + personal, "none": personal, "subject-id": "subject_id! " + personal,
			"pairwise-id": "pairwise_id! " + personal, "any": "pairwise_id! " + personal, "other": "subject_id! " + personal},
		categoryResearch: {"": research, "none": research, "subject-id": "subject_id! " + research,
			"pairwise-id": "pairwise_id! " + research, "any": "pairwise_id! " + research, "other": research},
	}
	for set := 1; set < 1<<len(categories); set++ {
		r := Record{Categories: []string{"https://other.example/category"}}
		poorest := ""
		for i, category := range slices.Backward(categories) {
			if set&(1<<i) != 0 {
				r.Categories = append(r.Categories, category)
				poorest = category
			}
		}
		for asked, want := range want[poorest] {
			r.SubjectID = asked
			if got := listed(r, nil); got != want {
				t.Errorf("%v, %q: %s, want %s", r.Categories, asked, got, want)
			}
		}
	}
}

// listed is the release of a record, what is required first and with a mark.
func listed(r Record, allowed []string) string {
	release := releaseOf(r, allowed)
	all := make([]string, 0, len(release.Required))
	for _, name := range release.Required {
		all = append(all, name+"!")
	}
	return strings.Join(append(all, release.Optional...), " ")
}

// TestReleaseAsked gives of what is asked for what the institution allows, and
// requires what the service says that it must have.
func TestReleaseAsked(t *testing.T) {
	ask := func(names ...string) (r Record) {
		for _, name := range names {
			name, required := strings.CutSuffix(name, "!")
			r.Requested = append(r.Requested, Requested{Name: name, Required: required})
		}
		return r
	}
	const (
		mail, displayName, sn = "urn:oid:0.9.2342.19200300.100.1.3", "urn:oid:2.16.840.1.113730.3.1.241", "urn:oid:2.5.4.4"
		pairwise, subject     = "urn:oasis:names:tc:SAML:attribute:pairwise-id", "urn:oasis:names:tc:SAML:attribute:subject-id"
	)
	everything := releaseNames()
	withSubject := func(r Record, value string) Record {
		r.SubjectID = value
		return r
	}
	category := ask(mail+"!", sn, "urn:oid:1.3.6.1.4.1.5923.1.1.1.6!")
	category.Categories = []string{categoryPersonalized}
	for name, c := range map[string]struct {
		r       Record
		allowed []string
		want    string
	}{
		"nothing":                     {ask(), everything, ""},
		"nothing is allowed":          {ask(mail, displayName), nil, ""},
		"one is allowed":              {ask(mail, displayName), []string{"name", "groups"}, "name"},
		"all are":                     {ask(mail+"!", displayName), everything, "email! name"},
		"two of one name":             {ask(displayName, sn+"!"), everything, "name!"},
		"none of ours":                {ask("urn:oid:1.2.3", "mail", ""), everything, ""},
		"an identifier":               {ask(pairwise, subject), everything, "pairwise_id subject_id"},
		"an identifier, not allowed":  {withSubject(ask(), "subject-id"), []string{"pairwise_id"}, ""},
		"by subject-id:req":           {withSubject(ask(subject), "pairwise-id"), everything, "pairwise_id!"},
		"any":                         {withSubject(ask(mail), "any"), everything, "pairwise_id! email"},
		"none":                        {withSubject(ask(pairwise, subject, mail), "none"), everything, "email"},
		"a category says what may be": {category, everything, "subject_id! email! name scoped_affiliation home_organization assurance"},
	} {
		if got := listed(c.r, c.allowed); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

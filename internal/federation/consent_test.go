package federation

import (
	"bytes"
	"slices"
	"testing"

	"warifu/internal/assurance"
	"warifu/internal/authenticator"
	"warifu/internal/directory"
)

// TestDecideConsent asks whoever has not agreed, once everything else is right, and
// nobody who is in by a temporary login. SES-10.
func TestDecideConsent(t *testing.T) {
	open := Service{ID: "s", AcceptFallback: true}
	for _, test := range []struct {
		name     string
		told     Answer
		request  Request
		evidence []authenticator.Evidence
		reach    []authenticator.Evidence
		want     Kind
		fault    Fault
	}{
		{"agreed", Agreed, asked(nil), both, totp, Assert, ""},
		{"unasked", Unasked, asked(nil), both, totp, Ask, ""},
		{"unasked, with the password alone", Unasked, asked(nil), pwOnly, nil, Ask, ""},
		{"unasked, passive", Unasked, passive(asked(nil)), both, totp, Fail, ConsentRequired},
		{"unasked, the level first", Unasked, essential(m), pwOnly, totp, StepUp, ""},
		{"unasked, nobody is signed in", Unasked, asked(nil), nil, nil, SignIn, ""},
		{"declined", Declined, asked(nil), both, totp, Fail, ReleaseRefused},
		{"declined, passive", Declined, passive(asked(nil)), both, totp, Fail, ReleaseRefused},
		{"gone back", Agreed, asked(func(r *Request) { r.Cancelled = true }), both, totp, Fail, Cancelled},
		{"gone back, nobody is signed in", Agreed, asked(func(r *Request) { r.Cancelled = true }), nil, nil, Fail, Cancelled},
		{"a temporary login, agreed before", Agreed, asked(nil), byOTP, totp, Assert, ""},
		{"a temporary login, unasked", Unasked, asked(nil), byOTP, totp, StepUp, ""},
		{"a temporary login, unasked, passive", Unasked, passive(asked(nil)), byOTP, totp, Fail, ConsentRequired},
		{"a temporary login, unasked, nothing else", Unasked, asked(nil), byOTP, nil, Fail, Unreachable},
	} {
		q := Question{Request: test.request, Service: open, Told: test.told, Now: noon}
		if test.evidence != nil {
			q.Person = &Person{Subscriber: directory.Subscriber{ID: "u", Status: directory.Active}, Evidence: test.evidence, Reach: test.reach}
		}
		if got := Decide(assurance.Policy{BaseURL: "https://sso.example"}, q); got.Kind != test.want || got.Fault != test.fault {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

// TestDisclosures shows each value once, leaves out what another one says, too, and
// changes its digest with names and values alone.
func TestDisclosures(t *testing.T) {
	var d Disclosures
	d = d.Add(AttrName, true, "Hanako Miyako").Add(AttrName, true, "Miyako", "", "都 花子").Add(AttrEmail, false, "h@x", "h@x")
	if len(d) != 2 || !slices.Equal(d[0].Values, []string{"Hanako Miyako", "都 花子"}) || !slices.Equal(d[1].Values, []string{"h@x"}) || !d[0].Required || d[1].Required {
		t.Errorf("%+v", d)
	}
	same := Disclosures{}.Add(AttrName, false, "Hanako Miyako", "都 花子").Add(AttrEmail, true, "h@x")
	if !bytes.Equal(d.Digest(), same.Digest()) {
		t.Error("another digest of the same")
	}
	for name, other := range map[string]Disclosures{
		"another value": Disclosures{}.Add(AttrName, true, "Hanako Miyako", "都 花子").Add(AttrEmail, false, "h@y"),
		"another name":  Disclosures{}.Add(AttrName, true, "Hanako Miyako", "都 花子").Add(AttrUsername, false, "h@x"),
		"one less":      Disclosures{}.Add(AttrName, true, "Hanako Miyako", "都 花子"),
	} {
		if bytes.Equal(d.Digest(), other.Digest()) {
			t.Errorf("%s has the same digest", name)
		}
	}
}

// TestWithout takes away what is optional alone.
func TestWithout(t *testing.T) {
	r := Release{Required: []string{AttrName}, Optional: []string{AttrEmail, AttrGroups, AttrTargetedID}}
	got := r.Without([]string{AttrName, AttrEmail, AttrPairwiseID})
	if got.Allows(AttrTargetedID) || !got.Allows(AttrName) || got.Allows(AttrEmail) || !got.Allows(AttrGroups) || !r.Allows(AttrEmail) {
		t.Errorf("%+v of %+v", got, r)
	}
}

package assurance

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"warifu/internal/authenticator"
)

const resistant = "https://refeds.example/phishing-resistant"

var start = time.Unix(1767225600, 0)

// proofs are all kinds of evidence that the table knows. Each was given a minute
// after the one before it.
var proofs = map[string]authenticator.Evidence{
	"password":     {Kind: authenticator.Password, By: authenticator.ByActivationCode},
	"recoverycode": {Kind: authenticator.RecoveryCode, By: authenticator.BySecondFactor},
	"totp":         {Kind: authenticator.TOTP, By: authenticator.ByWindow},
	"passkey0":     {Kind: authenticator.Passkey, By: authenticator.BySecondFactor},
	"passkey1":     {Kind: authenticator.Passkey, UV: true, By: authenticator.BySecondFactor},
	"otp":          {Kind: authenticator.OTP},
	"trusted":      {Kind: authenticator.Trusted},
}

// table is that of security.md part 3, a row a line. A value with a condition is
// claimed where the condition holds.
var table = []struct {
	evidence  string
	satisfies string
	acr       string
	amr       string
	level     Level
	second    string // the proof that is a second factor
}{
	{"password", "P S/set", "P", "pwd", Password, ""},
	{"password trusted", "P S/set", "P", "pwd", Password, ""},
	{"password otp", "P S/set", "F", "pwd otp", Password, ""},
	{"password recoverycode", "P S/set M G/recovery", "M", "pwd otp mfa", MultiFactor, "recoverycode"},
	{"password totp", "P S/set M G/window", "M", "pwd otp mfa", MultiFactor, "totp"},
	{"password passkey0", "P S/set M G/aal2", "M", "pwd pop mfa", MultiFactor, "passkey0"},
	{"passkey1", "P S M G/aal2 R/resistant", "M", "pop user mfa", PhishingResistant, "passkey1"},
}

var values = map[string]string{
	"P": PasswordProtected, "S": SFA, "M": MFA, "G": AAL2, "R": resistant, "F": "https://sso.miyako.example/ac/fallback",
}

// setting is a policy with the conditions of the table that it fulfils.
type setting struct {
	policy     Policy
	setHere    bool
	conditions []string
}

// settings are all combinations of what the footnotes depend on.
func settings() []setting {
	var list []setting
	for bits := range 1 << 6 {
		on := func(bit int) bool { return bits>>bit&1 == 1 }
		s := setting{setHere: on(0), policy: Policy{BaseURL: "https://sso.miyako.example", MeetsSFA: on(1)}}
		add := func(condition string, holds bool) {
			if holds {
				s.conditions = append(s.conditions, condition)
			}
		}
		s.policy.GakuNin = GakuNin{AAL2: on(2), AAL2RecoveryCode: on(3)}
		if on(4) {
			s.policy.GakuNin.AAL2NotBoundBy = []authenticator.BoundBy{authenticator.ByLink, authenticator.ByWindow}
		}
		if on(5) {
			s.policy.PhishingResistant = resistant
		}
		add("set", on(0) || on(1))
		add("aal2", on(2))
		add("recovery", on(2) && on(3))
		add("window", on(2) && !on(4))
		add("resistant", on(5))
		list = append(list, s)
	}
	return list
}

// given returns the evidence of the names, each a minute after the one before.
func (s setting) given(names []string) []authenticator.Evidence {
	var evidence []authenticator.Evidence
	for i, name := range names {
		e := proofs[name]
		e.At = start.Add(time.Duration(i) * time.Minute)
		if name == "password" && !s.setHere {
			e.By = ""
		}
		evidence = append(evidence, e)
	}
	return evidence
}

// expect reads from the table what can be claimed with the proofs of the names.
func (s setting) expect(names []string) string {
	at := func(evidence string) (first, last int) {
		first = len(names)
		for _, name := range strings.Fields(evidence) {
			i := slices.Index(names, name)
			first, last = min(first, i), max(last, i)
		}
		return first, last
	}
	want, best, second := Claim{}, -1, -1
	holding := make(map[string]bool)
	for i, row := range table {
		holds := !slices.ContainsFunc(strings.Fields(row.evidence), func(name string) bool { return !slices.Contains(names, name) })
		if !holds {
			continue
		}
		for _, value := range strings.Fields(row.satisfies) {
			value, condition, conditional := strings.Cut(value, "/")
			if !conditional || slices.Contains(s.conditions, condition) {
				holding[value] = true
			}
		}
		if row.second != "" {
			second = max(second, slices.Index(names, row.second))
		}
		if best < 0 || better(table[best].level, row.level, table[best].acr, row.acr, at, table[best].evidence, row.evidence) {
			best = i
		}
	}
	if best < 0 {
		return show(Claim{})
	}
	row := table[best]
	evidence := row.evidence
	if row.evidence == "password trusted" {
		evidence = "password" // a trusted browser is no factor
	}
	first, last := at(evidence)
	want.Level, want.ACR, want.AMR, want.Fallback = row.level, values[row.acr], strings.Fields(row.amr), row.acr == "F"
	want.OldestFactor, want.AuthTime = start.Add(time.Duration(first)*time.Minute), start.Add(time.Duration(last)*time.Minute)
	if second >= 0 {
		want.SecondFactorAt = start.Add(time.Duration(second) * time.Minute)
	}
	for _, value := range []string{"P", "S", "M", "G", "R"} {
		if holding[value] {
			want.Satisfies = append(want.Satisfies, values[value])
		}
	}
	return show(want)
}

// better reports whether the second of two rows is to be claimed rather than the
// first: by level, else as fallback, else because it is newer.
func better(levelA, levelB Level, acrA, acrB string, at func(string) (int, int), a, b string) bool {
	if levelA != levelB {
		return levelB > levelA
	}
	if (acrA == "F") != (acrB == "F") {
		return acrB == "F"
	}
	firstA, lastA := at(a)
	firstB, lastB := at(b)
	return lastB > lastA || lastB == lastA && firstB > firstA
}

func show(c Claim) string {
	minutes := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return fmt.Sprint(t.Sub(start).Minutes())
	}
	return fmt.Sprintf("level %d, acr %q, amr %v, satisfies %v, first %s, last %s, fallback %t, second factor %s",
		c.Level, c.ACR, c.AMR, c.Satisfies, minutes(c.OldestFactor), minutes(c.AuthTime), c.Fallback, minutes(c.SecondFactorAt))
}

// TestTable proves SES-6, SES-7, SES-10, SES-13, A13, and rules 1, 4 and 6: all
// subsets of evidence, in two orders, under all policies.
func TestTable(t *testing.T) {
	names := []string{"password", "trusted", "otp", "recoverycode", "totp", "passkey0", "passkey1"}
	tried := 0
	for _, s := range settings() {
		for bits := range 1 << len(names) {
			var subset []string
			for i, name := range names {
				if bits>>i&1 == 1 {
					subset = append(subset, name)
				}
			}
			for range 2 {
				tried++
				if got, want := show(Assurance(s.given(subset), s.policy)), s.expect(subset); got != want {
					t.Fatalf("%v under %v:\n got %s\nwant %s", subset, s.conditions, got, want)
				}
				slices.Reverse(subset)
			}
		}
	}
	if want := 64 * 128 * 2; tried != want {
		t.Errorf("%d cases were tried, want %d", tried, want)
	}
}

// TestBoundBy proves the third footnote for every way to bind, and that a way
// that is not known is left out wherever any is.
func TestBoundBy(t *testing.T) {
	ways := []authenticator.BoundBy{
		authenticator.ByWindow, authenticator.ByActivationCode, authenticator.ByLink,
		authenticator.ByHelpDesk, authenticator.ByRecoveryCode, authenticator.BySecondFactor, "",
	}
	for _, excluded := range ways {
		p := Policy{GakuNin: GakuNin{AAL2: true}}
		if excluded != "" {
			p.GakuNin.AAL2NotBoundBy = []authenticator.BoundBy{excluded}
		}
		for _, by := range ways {
			want := excluded == "" || by != excluded && by != ""
			for _, evidence := range [][]authenticator.Evidence{
				{{Kind: authenticator.Password}, {Kind: authenticator.TOTP, By: by}},
				{{Kind: authenticator.Password}, {Kind: authenticator.Passkey, By: by}},
				{{Kind: authenticator.Passkey, UV: true, By: by}},
			} {
				c := Assurance(evidence, p)
				if got := slices.Contains(c.Satisfies, AAL2); got != want || c.ACR != MFA {
					t.Errorf("%s bound by %q, %q left out: AAL2 %t, want %t", evidence[len(evidence)-1].Kind, by, excluded, got, want)
				}
			}
		}
	}
}

// TestTwoAuthenticators: a value is claimed with the authenticator that has it,
// and its times (rules 1 and 6).
func TestTwoAuthenticators(t *testing.T) {
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	p := Policy{GakuNin: GakuNin{AAL2: true, AAL2NotBoundBy: []authenticator.BoundBy{authenticator.ByWindow}}}
	c := Assurance([]authenticator.Evidence{
		{Kind: authenticator.Password, At: at(0)},
		{Kind: authenticator.Passkey, At: at(1), By: authenticator.ByHelpDesk},
		{Kind: authenticator.TOTP, At: at(2), By: authenticator.ByWindow},
	}, p)
	for _, test := range []struct {
		acr, amr string
		last     time.Time
	}{
		{MFA, "pwd otp mfa", at(2)}, {PasswordProtected, "pwd otp mfa", at(2)}, {AAL2, "pwd pop mfa", at(1)}, {SFA, "", time.Time{}}, {"", "", time.Time{}},
	} {
		amr, first, last := c.For(test.acr)
		if strings.Join(amr, " ") != test.amr || !last.Equal(test.last) || test.amr != "" && !first.Equal(at(0)) {
			t.Errorf("For(%s) = %v, %v, %v, want %s, %v", test.acr, amr, first, last, test.amr, test.last)
		}
	}
}

// TestReauthentication proves rule 6: the newest proof of each kind counts, and
// the oldest of those is what a maximal age is held against.
func TestReauthentication(t *testing.T) {
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	evidence := []authenticator.Evidence{
		{Kind: authenticator.Password, At: at(0)}, {Kind: authenticator.TOTP, At: at(1)},
	}
	for _, test := range []struct {
		add         authenticator.Evidence
		first, last int
	}{
		{authenticator.Evidence{Kind: authenticator.TOTP, At: at(60)}, 0, 60},
		{authenticator.Evidence{Kind: authenticator.Password, At: at(70)}, 60, 70},
		{authenticator.Evidence{Kind: authenticator.Trusted, At: at(80)}, 60, 70},
		{authenticator.Evidence{Kind: authenticator.OTP, At: at(90)}, 60, 70},
		{authenticator.Evidence{Kind: authenticator.Passkey, UV: true, At: at(100)}, 100, 100},
	} {
		evidence = append(evidence, test.add)
		c := Assurance(evidence, Policy{})
		if !c.OldestFactor.Equal(at(test.first)) || !c.AuthTime.Equal(at(test.last)) {
			t.Errorf("after %s: from %v to %v, want minute %d to %d", test.add.Kind, c.OldestFactor, c.AuthTime, test.first, test.last)
		}
	}
}

// TestFallbackIsLeft: whoever came in with a mailed OTP and gives a second factor
// afterwards is no longer in a fallback session (SES-10); and not by anything less.
func TestFallbackIsLeft(t *testing.T) {
	p := Policy{BaseURL: "https://sso.miyako.example/"}
	for _, test := range []struct {
		add      authenticator.Evidence
		fallback bool
		classRef string
	}{
		{authenticator.Evidence{Kind: authenticator.OTP}, true, PasswordProtected},
		{authenticator.Evidence{Kind: authenticator.Trusted}, true, PasswordProtected},
		{authenticator.Evidence{Kind: authenticator.Password}, true, PasswordProtected},
		{authenticator.Evidence{Kind: authenticator.TOTP}, false, MFA},
		{authenticator.Evidence{Kind: authenticator.RecoveryCode}, false, MFA},
		{authenticator.Evidence{Kind: authenticator.Passkey}, false, MFA},
		{authenticator.Evidence{Kind: authenticator.Passkey, UV: true}, false, MFA},
	} {
		c := Assurance([]authenticator.Evidence{{Kind: authenticator.Password}, {Kind: authenticator.OTP}, test.add}, p)
		acr := map[bool]string{true: "https://sso.miyako.example/ac/fallback", false: MFA}[test.fallback]
		if c.Fallback != test.fallback || c.ACR != acr || p.ClassRef(c.ACR) != test.classRef {
			t.Errorf("with %s: fallback %t, acr %s, class %s; want %t, %s, %s",
				test.add.Kind, c.Fallback, c.ACR, p.ClassRef(c.ACR), test.fallback, acr, test.classRef)
		}
	}
}

// TestSatisfy proves rule 2, A13 and A15.
func TestSatisfy(t *testing.T) {
	password := []authenticator.Evidence{{Kind: authenticator.Password, By: authenticator.ByLink}}
	imported := []authenticator.Evidence{{Kind: authenticator.Password}}
	fallback := append(slices.Clone(password), authenticator.Evidence{Kind: authenticator.OTP})
	mfa := append(slices.Clone(imported), authenticator.Evidence{Kind: authenticator.TOTP})
	passkey := []authenticator.Evidence{{Kind: authenticator.Passkey, UV: true}}
	gakunin := Policy{BaseURL: "https://a", PhishingResistant: resistant, GakuNin: GakuNin{AAL2: true}}
	plain := Policy{BaseURL: "https://a", PhishingResistant: resistant}
	for _, test := range []struct {
		name       string
		evidence   []authenticator.Evidence
		policy     Policy
		wanted     string
		comparison Comparison
		want       string
	}{
		{"nobody, nothing wanted", nil, plain, "", Exact, ""},
		{"nobody", nil, plain, "P", Minimum, ""},
		{"nothing wanted", mfa, plain, "", Exact, "M"},
		{"nothing wanted, fallback", fallback, plain, "", Exact, "https://a/ac/fallback"},
		{"exact", password, plain, "P", Exact, "P"},
		{"exact by default", password, plain, "P", "", "P"},
		{"in the order of the request", mfa, plain, "G R P M", Exact, "P"},
		{"in the order of the request", mfa, plain, "M P", Exact, "M"},
		{"imported password", imported, plain, "S", Exact, ""},
		{"weaker password, two factors", mfa, plain, "S", Exact, ""},
		{"weaker password, two factors", mfa, plain, "S", Minimum, "M"},
		{"no stronger value where the wanted one is true", passkey, plain, "P", Minimum, "P"},
		{"the weakest that is stronger", mfa, plain, "S M", Minimum, "M"},
		{"password for two factors", password, plain, "M", Minimum, ""},
		{"fallback for two factors", fallback, plain, "M", Exact, ""},
		{"fallback for two factors", fallback, plain, "M G R", Minimum, ""},
		{"fallback for its own value", fallback, plain, "https://a/ac/fallback", Exact, ""},
		{"fallback for a password", fallback, plain, "S", Exact, "S"},
		{"resistant for two factors", passkey, plain, "M", Minimum, "M"},
		{"resistant", passkey, plain, "R", Exact, "R"},
		{"two factors for resistant", mfa, plain, "R", Minimum, ""},
		{"AAL2", mfa, gakunin, "G", Exact, "G"},
		{"two factors for AAL2", mfa, plain, "G", Minimum, ""},
		{"resistant for AAL2", passkey, plain, "G", Minimum, ""},
		{"AAL2 not for resistant", mfa, gakunin, "R", Minimum, ""},
		{"unknown value", passkey, gakunin, "urn:x", Exact, ""},
		{"unknown value", passkey, gakunin, "urn:x", Minimum, ""},
		{"unknown value first", passkey, gakunin, "urn:x M", Minimum, "M"},
		{"better", passkey, gakunin, "P", "better", ""},
		{"maximum", password, gakunin, "P", "maximum", ""},
		{"another case", password, gakunin, "P", "Exact", ""},
	} {
		var wanted []string
		for _, value := range strings.Fields(test.wanted) {
			wanted = append(wanted, cmp.Or(values[value], value))
		}
		acr, ok := Assurance(test.evidence, test.policy).Satisfy(wanted, test.comparison)
		if want := cmp.Or(values[test.want], test.want); acr != want || ok != (want != "") {
			t.Errorf("%s, %q %q: %q, %t, want %q", test.name, test.comparison, test.wanted, acr, ok, want)
		}
	}
}

var kinds = rapid.SampledFrom([]string{"password", "recoverycode", "totp", "passkey0", "passkey1", "otp", "trusted"})

// drawEvidence returns proofs of any kind, each at another time.
func drawEvidence(t *rapid.T) []authenticator.Evidence {
	ways := rapid.SampledFrom([]authenticator.BoundBy{authenticator.ByWindow, authenticator.ByLink, authenticator.BySecondFactor, ""})
	var evidence []authenticator.Evidence
	minutes := rapid.SliceOfNDistinct(rapid.IntRange(0, 100), 0, 6, rapid.ID[int]).Draw(t, "minutes")
	for _, minute := range minutes {
		e := proofs[kinds.Draw(t, "kind")]
		e.At, e.By = start.Add(time.Duration(minute)*time.Minute), ways.Draw(t, "by")
		evidence = append(evidence, e)
	}
	return evidence
}

// TestMoreEvidence: no proof ever lowers the level or, unless it is a password
// that was set in another way, makes a true value false; only a mailed OTP makes
// a session a fallback session, and only a second factor ends that. The order of
// the evidence does not matter.
func TestMoreEvidence(t *testing.T) {
	all := settings()
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(all).Draw(t, "setting").policy
		evidence := drawEvidence(t)
		if len(evidence) == 0 {
			return
		}
		before, after, last := Assurance(evidence[:len(evidence)-1], p), Assurance(evidence, p), evidence[len(evidence)-1]
		if after.Level < before.Level {
			t.Fatalf("%s lowers level %d to %d", last.Kind, before.Level, after.Level)
		}
		for _, value := range before.Satisfies {
			if !slices.Contains(after.Satisfies, value) && (value != SFA || last.Kind != authenticator.Password) {
				t.Fatalf("%s makes %s false", last.Kind, value)
			}
		}
		hasOTP := slices.ContainsFunc(evidence, func(e authenticator.Evidence) bool { return e.Kind == authenticator.OTP })
		if want := hasOTP && after.Level == Password; after.Fallback != want {
			t.Fatalf("fallback: %t, want %t", after.Fallback, want)
		}
		reversed := slices.Clone(evidence)
		slices.Reverse(reversed)
		if a, b := show(after), show(Assurance(reversed, p)); a != b {
			t.Fatalf("in another order:\n%s\n%s", a, b)
		}
	})
}

// TestMultiFactorNeedsTwo is the invariant of part 6: whatever claims two factors
// has a passkey that verified its user, or a password and something that is
// neither an OTP nor a trusted browser (A13, A66).
func TestMultiFactorNeedsTwo(t *testing.T) {
	all := settings()
	rapid.Check(t, func(t *rapid.T) {
		evidence := drawEvidence(t)
		c := Assurance(evidence, rapid.SampledFrom(all).Draw(t, "setting").policy)
		has := func(kinds ...authenticator.Kind) bool {
			return slices.ContainsFunc(evidence, func(e authenticator.Evidence) bool { return slices.Contains(kinds, e.Kind) })
		}
		two := slices.ContainsFunc(evidence, func(e authenticator.Evidence) bool { return e.UV }) ||
			has(authenticator.Password) && has(authenticator.TOTP, authenticator.RecoveryCode, authenticator.Passkey)
		claimed := slices.Contains(c.Satisfies, MFA)
		if claimed != two || (c.Level >= MultiFactor) != two || slices.Contains(c.AMR, "mfa") != two || !c.SecondFactorAt.IsZero() != two {
			t.Fatalf("%v claims two factors: %s", evidence, show(c))
		}
		if claim := c.Level > None; claim != (two || has(authenticator.Password)) {
			t.Fatalf("%v claims %s", evidence, show(c))
		}
	})
}

// TestEvidenceIsLeftAlone: the function is pure.
func TestEvidenceIsLeftAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evidence := drawEvidence(t)
		before := slices.Clone(evidence)
		c := Assurance(evidence, Policy{PhishingResistant: resistant})
		c.AMR = append(c.AMR, "changed")
		if !slices.Equal(before, evidence) || strings.Contains(show(Assurance(evidence, Policy{})), "changed") {
			t.Fatal("the evidence was changed")
		}
	})
}

func TestPolicy(t *testing.T) {
	if faults := DefaultPolicy().Validate(); len(faults) > 0 {
		t.Errorf("the default policy: %v", faults)
	}
	full := Policy{PhishingResistant: resistant, GakuNin: GakuNin{AAL2: true, AAL2RecoveryCode: true, AAL2NotBoundBy: []authenticator.BoundBy{authenticator.ByWindow}}}
	if faults := full.Validate(); len(faults) > 0 {
		t.Errorf("a full policy: %v", faults)
	}
	for value, want := range map[string]string{
		"phr":     `phishing_resistant: "phr" is not an address`,
		"https:":  `phishing_resistant: "https:" is not an address`,
		"%":       `phishing_resistant: "%" is not an address`,
		MFA:       fmt.Sprintf("phishing_resistant: %q already means something weaker", MFA),
		"urn:a:b": "",
	} {
		got := ""
		for _, fault := range (Policy{PhishingResistant: value}).Validate() {
			got += fault.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
	bad := Policy{GakuNin: GakuNin{AAL2RecoveryCode: true, AAL2NotBoundBy: []authenticator.BoundBy{"post", authenticator.ByLink, ""}}}
	if faults := bad.Validate(); len(faults) != 3 {
		t.Errorf("three faults are told as %v", faults)
	}
}

// TestValues: what is listed as supported is what sessions claim, no more.
func TestValues(t *testing.T) {
	for _, s := range settings() {
		claimed := make(map[string]bool)
		for _, subset := range [][]string{{"password"}, {"password", "otp"}, {"password", "totp"}, {"passkey1"}} {
			c := Assurance(s.given(subset), s.policy)
			claimed[c.ACR] = true
			for _, value := range c.Satisfies {
				claimed[value] = true
			}
		}
		listed := s.policy.Values()
		for _, value := range listed {
			if !claimed[value] {
				t.Errorf("%v: %s is listed and never claimed", s.conditions, value)
			}
		}
		if len(listed) != len(claimed) {
			t.Errorf("%v: %v are listed, %v are claimed", s.conditions, listed, claimed)
		}
	}
}

func BenchmarkAssurance(b *testing.B) {
	evidence := setting{}.given([]string{"password", "totp"})
	for b.Loop() {
		Assurance(evidence, Policy{})
	}
}

package federation

import (
	"slices"
	"testing"
	"time"

	"warifu/internal/assurance"
	"warifu/internal/authenticator"
	"warifu/internal/directory"
)

var noon = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

// at returns evidence that was given so long before noon.
func at(kind authenticator.Kind, ago time.Duration) authenticator.Evidence {
	return authenticator.Evidence{Kind: kind, At: noon.Add(-ago), UV: kind == authenticator.Passkey}
}

var (
	fallback    = "https://sso.example/ac/fallback"
	pwOnly      = []authenticator.Evidence{at(authenticator.Password, time.Hour)}
	trusted     = append(slices.Clone(pwOnly), at(authenticator.Trusted, time.Hour))
	byOTP       = append(slices.Clone(pwOnly), at(authenticator.OTP, time.Hour))
	both        = append(slices.Clone(pwOnly), at(authenticator.TOTP, 59*time.Minute))
	passkeyOnly = []authenticator.Evidence{at(authenticator.Passkey, time.Hour)}
	bothNow     = []authenticator.Evidence{at(authenticator.Password, 0), at(authenticator.TOTP, 0)}
	totp        = []authenticator.Evidence{{Kind: authenticator.TOTP, By: authenticator.ByWindow}}
)

const (
	p = assurance.PasswordProtected
	m = assurance.MFA
)

// asked is a request that came a moment before noon.
func asked(change func(*Request)) Request {
	r := Request{Protocol: OIDC, Service: "s", IssuedAt: noon.Add(-time.Second)}
	if change != nil {
		change(&r)
	}
	return r
}

func essential(values ...string) Request {
	return asked(func(r *Request) { r.Wanted, r.Essential = values, true })
}

func wish(values ...string) Request { return asked(func(r *Request) { r.Wanted = values }) }

func passive(r Request) Request {
	r.Passive = true
	return r
}

func maxAge(age time.Duration) Request { return asked(func(r *Request) { r.MaxAge = &age }) }

// TestMayEnrol has who never had a second factor set one up where one is demanded, and
// nobody else, and no more than demanded. ENR-1, ENR-2.
func TestMayEnrol(t *testing.T) {
	mfa := Service{ID: "s", Require: RequireMFA}
	for _, test := range []struct {
		name    string
		request Request
		service Service
		had     bool
		reach   []authenticator.Evidence
		want    Kind
		fault   Fault
	}{
		{"essential", essential(m), Service{ID: "s"}, false, nil, Enrol, ""},
		{"the service demands it", asked(nil), mfa, false, nil, Enrol, ""},
		{"passive", passive(essential(m)), Service{ID: "s"}, false, nil, Fail, EnrolmentNeeded},
		{"a wish", wish(m), Service{ID: "s"}, false, nil, Assert, ""},
		{"nothing demanded", asked(nil), Service{ID: "s"}, false, nil, Assert, ""},
		{"a level that nothing reaches", essential("urn:unknown"), mfa, false, nil, Fail, Unreachable},
		{"the same, passive", passive(essential("urn:unknown")), mfa, false, nil, Fail, LoginRequired},
		{"who had one", essential(m), mfa, true, nil, Fail, Unreachable},
		{"who has one", essential(m), mfa, false, totp, StepUp, ""},
	} {
		q := Question{Request: test.request, Service: test.service, Now: noon,
			Person: &Person{Subscriber: directory.Subscriber{ID: "u", Status: directory.Active, HadFactor: test.had}, Evidence: pwOnly, Reach: test.reach}}
		if got := Decide(assurance.Policy{BaseURL: "https://sso.example"}, q); got.Kind != test.want || got.Fault != test.fault || got.Kind == Enrol && got.Need.Kind != Enrol {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

// TestDecide holds the decision to federation.md 1.2 and 1.3 and to rules 1 to 6
// of the assurance table. OIDC-5, SES-10, A13, A15.
func TestDecide(t *testing.T) {
	any, mfa, sfa := Service{ID: "s"}, Service{ID: "s", Require: RequireMFA}, Service{ID: "s", Require: RequireSFA}
	open := Service{ID: "s", AcceptFallback: true}
	weaker := Service{ID: "s", DefaultACR: p}
	assert := func(acr string) Decision { return Decision{Kind: Assert, ACR: acr} }
	fail := func(f Fault) Decision { return Decision{Kind: Fail, Fault: f} }
	signIn := Decision{Kind: SignIn}
	stepUp := func(kinds ...authenticator.Kind) Decision { return Decision{Kind: StepUp, Need: Need{Methods: kinds}} }
	needTOTP := stepUp(authenticator.TOTP)
	force := asked(func(r *Request) { r.Force = true })
	other := asked(func(r *Request) { r.Subject = "other" })
	choose := asked(func(r *Request) { r.SelectAccount = true })
	minimum := essential(p)
	minimum.Minimum = true

	for _, test := range []struct {
		name     string
		request  Request
		service  Service
		evidence []authenticator.Evidence // nil: nobody is signed in
		reach    []authenticator.Evidence
		want     Decision
	}{
		{"nobody", asked(nil), any, nil, nil, signIn},
		{"nobody, passive", passive(asked(nil)), any, nil, nil, fail(LoginRequired)},
		{"nothing asked", asked(nil), any, both, totp, assert(m)},
		{"nothing asked of a password", asked(nil), any, pwOnly, nil, assert(p)},
		{"a weaker true value set per service", asked(nil), weaker, both, totp, assert(p)},
		{"a value set per service that is not true", asked(nil), Service{ID: "s", DefaultACR: m}, pwOnly, nil, assert(p)},
		{"passkey alone", essential(m), mfa, passkeyOnly, nil, assert(m)},

		{"essential, reached", essential(m), any, both, totp, assert(m)},
		{"essential, in the order of the request", essential(p, m), any, both, totp, assert(p)},
		{"essential, the second one is true", essential("urn:unknown", m), any, both, totp, assert(m)},
		{"essential, step-up", essential(m), any, pwOnly, totp, needTOTP},
		{"essential, passive", passive(essential(m)), any, pwOnly, totp, fail(LoginRequired)},
		{"essential, no method", essential(m), any, pwOnly, nil, fail(Unreachable)},
		{"essential, no method, passive", passive(essential(m)), any, pwOnly, nil, fail(LoginRequired)},
		{"essential, unknown level", essential("urn:unknown"), any, both, totp, fail(Unreachable)},
		{"essential, trusted browser", essential(m), any, trusted, totp, needTOTP},
		{"minimum", minimum, any, both, totp, assert(p)},
		{"minimum, unknown level", asked(func(r *Request) { r.Wanted, r.Essential, r.Minimum = []string{"urn:unknown"}, true, true }), any, both, totp, fail(Unreachable)},

		{"wish, reached", wish(m), any, both, totp, assert(m)},
		{"wish, step-up", wish(m), any, pwOnly, totp, needTOTP},
		{"wish, passive: a weaker truth", passive(wish(m)), any, pwOnly, totp, assert(p)},
		{"wish, out of reach: a weaker truth", wish(m), any, pwOnly, nil, assert(p)},
		{"wish, the person has said that he cannot", wish(m), open,
			[]authenticator.Evidence{at(authenticator.Password, 0), at(authenticator.OTP, 0)}, totp, assert(fallback)},

		{"service demands MFA", asked(nil), mfa, pwOnly, totp, needTOTP},
		{"service demands MFA, met", asked(nil), mfa, both, totp, assert(m)},
		{"service demands MFA, no method", asked(nil), mfa, pwOnly, nil, fail(Unreachable)},
		{"service demands MFA, passive", passive(asked(nil)), mfa, pwOnly, totp, fail(LoginRequired)},
		{"service demands MFA, wish is weaker", wish(p), mfa, pwOnly, totp, needTOTP},
		{"service demands SFA of an imported password", asked(nil), sfa, pwOnly, totp, needTOTP},
		{"service demands SFA, two factors", asked(nil), sfa, both, totp, assert(m)},

		{"fallback session", asked(nil), any, byOTP, totp, needTOTP},
		{"fallback session, passive", passive(asked(nil)), any, byOTP, totp, fail(LoginRequired)},
		{"fallback session, accepted", asked(nil), open, byOTP, totp, assert(fallback)},
		{"fallback session, MFA demanded", asked(nil), mfa, byOTP, totp, needTOTP},
		{"fallback session, MFA demanded, no method", asked(nil), mfa, byOTP, nil, fail(Unreachable)},
		{"fallback session, MFA essential, passive", passive(essential(m)), open, byOTP, totp, fail(LoginRequired)},

		{"force", force, any, both, totp, signIn},
		{"force, done", force, any, append(slices.Clone(both), bothNow...), totp, assert(m)},
		{"force, half done", force, any, append(slices.Clone(both), bothNow[1]), totp, stepUp(authenticator.Password)},
		{"force, only the password redone", force, mfa, append(slices.Clone(both), bothNow[0]), totp, needTOTP},
		{"max_age 0 is force", maxAge(0), any, both, totp, signIn},
		{"max_age, young enough", maxAge(2 * time.Hour), any, both, totp, assert(m)},
		{"max_age, passive", passive(maxAge(time.Minute)), any, both, totp, fail(LoginRequired)},
		{"max_age, all too old", maxAge(time.Minute), any, both, totp, signIn},
		{"max_age is held against the oldest factor", maxAge(time.Hour - time.Second), any, both, totp, stepUp(authenticator.Password)},
		{"max_age, just redone", maxAge(time.Second / 2), any, bothNow, totp, assert(m)},
		{"max_age, no old factor hides behind a new one", maxAge(time.Hour / 2), any,
			[]authenticator.Evidence{at(authenticator.TOTP, 2*time.Hour), at(authenticator.Password, time.Minute)}, totp, needTOTP},

		{"hint of another person", other, any, both, totp, signIn},
		{"hint of another person, passive", passive(other), any, both, totp, fail(LoginRequired)},
		{"hint of another person, who has not come", other, any, bothNow, totp, fail(UnknownSubject)},
		{"hint of this person", asked(func(r *Request) { r.Subject = "me" }), any, both, totp, assert(m)},
		{"select account", choose, any, both, totp, signIn},
		{"select account, done", choose, any, bothNow, totp, assert(m)},
		{"not for this person", asked(nil), Service{ID: "s", Groups: []string{"staff"}}, both, totp, fail(PersonNotAllowed)},
		{"for his group", asked(nil), Service{ID: "s", Groups: []string{"staff", "students"}}, both, totp, assert(m)},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := Question{Request: test.request, Service: test.service, Now: noon}
			if test.evidence != nil {
				q.Person = &Person{Subscriber: directory.Subscriber{ID: "u", Status: directory.Active, Groups: []string{"students"}, HadFactor: true},
					Evidence: test.evidence, Reach: test.reach, Subject: "me"}
			}
			got := Decide(assurance.Policy{BaseURL: "https://sso.example"}, q)
			if got.Kind != test.want.Kind || got.ACR != test.want.ACR || got.Fault != test.want.Fault ||
				!slices.Equal(got.Need.Methods, test.want.Need.Methods) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// TestSuspendedPersonIsNobody wants a sign-in, which will refuse him (SES-9).
func TestSuspendedPersonIsNobody(t *testing.T) {
	for _, status := range []directory.Status{directory.Suspended, directory.Deleted, ""} {
		person := &Person{Subscriber: directory.Subscriber{ID: "u", Status: status}, Evidence: both}
		got := Decide(assurance.Policy{}, Question{Request: asked(nil), Service: Service{ID: "s"}, Person: person, Now: noon})
		if got.Kind != SignIn {
			t.Errorf("%q: %+v", status, got)
		}
	}
}

// TestAuthTime is when the last factor of the claimed level was given (rule 6).
func TestAuthTime(t *testing.T) {
	person := &Person{Subscriber: directory.Subscriber{ID: "u", Status: directory.Active}, Evidence: both}
	got := Decide(assurance.Policy{}, Question{Request: asked(nil), Service: Service{ID: "s"}, Person: person, Now: noon})
	if want := both[1].At; !got.AuthTime.Equal(want) || !slices.Equal(got.AMR, []string{"pwd", "otp", "mfa"}) {
		t.Errorf("%+v, want %v", got, want)
	}
}

// TestNothingIsClaimedThatIsNotTrue tries all subsets of evidence, requests and
// services: M needs a second factor, and nothing essential is lowered (SES-6, A15).
func TestNothingIsClaimedThatIsNotTrue(t *testing.T) {
	kinds := []authenticator.Kind{authenticator.Password, authenticator.TOTP, authenticator.Passkey,
		authenticator.RecoveryCode, authenticator.OTP, authenticator.Trusted}
	requests := []Request{asked(nil), essential(m), wish(m), essential(p), passive(essential(m)), passive(wish(m)), maxAge(0), maxAge(time.Hour)}
	for mask := range 1 << len(kinds) {
		var evidence []authenticator.Evidence
		second := false
		for i, kind := range kinds {
			if mask>>i&1 == 1 {
				evidence = append(evidence, at(kind, time.Minute))
				second = second || kind == authenticator.TOTP || kind == authenticator.Passkey || kind == authenticator.RecoveryCode
			}
		}
		for _, r := range requests {
			for _, s := range []Service{{}, {Require: RequireMFA}, {AcceptFallback: true}, {DefaultACR: m}} {
				person := &Person{Subscriber: directory.Subscriber{ID: "u", Status: directory.Active}, Evidence: evidence, Reach: totp}
				d := Decide(assurance.Policy{BaseURL: "https://sso.example"}, Question{Request: r, Service: s, Person: person, Now: noon})
				if d.Kind != Assert {
					continue
				}
				if d.ACR == m && !second || s.Require == RequireMFA && !second || r.Essential && !slices.Contains(r.Wanted, d.ACR) ||
					d.ACR == "" || d.ACR == fallback && !s.AcceptFallback {
					t.Errorf("%v: %+v at %+v: %+v", evidence, r, s, d)
				}
			}
		}
	}
}

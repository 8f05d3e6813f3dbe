package federation

import (
	"slices"
	"testing"
	"time"

	"warifu/internal/assurance"
	"warifu/internal/authenticator"
	"warifu/internal/directory"
)

// TestEveryCombination goes through all that a request may demand, all that a service
// may demand, and all that a session and an account may have, and wants of each
// decision what must never be otherwise: nothing is overstated, nothing passive shows
// a page, nobody is asked for what does not help, and nobody is refused who could
// have been asked. SES-10, OIDC-5, SAML-5, A13, A15.
func TestEveryCombination(t *testing.T) {
	policy := assurance.Policy{BaseURL: "https://sso.example"}
	sessions := [][]authenticator.Evidence{nil, pwOnly, trusted, byOTP, both, passkeyOnly, bothNow,
		{at(authenticator.Password, 0)}, {at(authenticator.Password, 0), at(authenticator.OTP, 0)}, {at(authenticator.Password, time.Hour), at(authenticator.TOTP, 0)}}
	reaches := [][]authenticator.Evidence{nil, totp, {{Kind: authenticator.Passkey}}, {{Kind: authenticator.TOTP}, {Kind: authenticator.RecoveryCode}}}
	levels := [][]string{nil, {m}, {assurance.SFA}, {p}, {"urn:unknown"}, {"urn:unknown", m}, {p, m}}
	decisions := make(map[Kind]int)
	for _, require := range []Require{RequireAny, RequireSFA, RequireMFA} {
		for _, fallbackToo := range []bool{false, true} {
			for _, wanted := range levels {
				for bits := range 64 {
					for _, told := range []Answer{Agreed, Unasked, Declined} {
						request := asked(func(r *Request) {
							r.Wanted, r.Essential, r.Minimum = wanted, bits&1 != 0 && wanted != nil, bits&2 != 0
							r.Force, r.Passive = bits&4 != 0, bits&8 != 0
							if bits&16 != 0 {
								age := time.Minute
								r.MaxAge = &age
							}
						})
						had := bits&32 != 0
						service := Service{ID: "s", Require: require, AcceptFallback: fallbackToo && require == RequireAny}
						for _, evidence := range sessions {
							for _, reach := range reaches {
								q := Question{Request: request, Service: service, Told: told, Now: noon}
								if evidence != nil {
									q.Person = &Person{Subscriber: directory.Subscriber{ID: "u", Status: directory.Active, HadFactor: had}, Evidence: evidence, Reach: reach}
								}
								d := Decide(policy, q)
								decisions[d.Kind]++
								if fault := wrong(policy, q, d); fault != "" {
									t.Fatalf("%s: %+v of %+v, %+v, told %d, evidence %+v, reach %+v", fault, d, request, service, told, evidence, reach)
								}
							}
						}
					}
				}
			}
		}
	}
	for _, kind := range []Kind{Assert, SignIn, StepUp, Enrol, Ask, Fail} {
		if decisions[kind] == 0 {
			t.Errorf("nothing leads to %s", kind)
		}
	}
}

// wrong says what must not be in a decision. It computes what is true by itself,
// from the assurance table.
func wrong(policy assurance.Policy, q Question, d Decision) string {
	counting := func(more ...authenticator.Evidence) assurance.Claim {
		var fresh []authenticator.Evidence
		for _, e := range append(slices.Clone(q.Person.Evidence), more...) {
			young := q.Request.MaxAge == nil || q.Now.Sub(e.At) <= *q.Request.MaxAge || !e.At.Before(q.Request.IssuedAt)
			if young && (!q.Request.Force || !e.At.Before(q.Request.IssuedAt)) {
				fresh = append(fresh, e)
			}
		}
		return assurance.Assurance(fresh, policy)
	}
	good := func(c assurance.Claim) bool {
		comparison := assurance.Exact
		if q.Request.Minimum {
			comparison = assurance.Minimum
		}
		_, wanted := c.Satisfy(q.Request.Wanted, comparison)
		_, mfa := c.Satisfy([]string{assurance.MFA}, assurance.Minimum)
		_, sfa := c.Satisfy([]string{assurance.SFA}, assurance.Minimum)
		return c.Level != assurance.None && (!c.Fallback || q.Service.AcceptFallback) && (!q.Request.Essential || wanted) &&
			(q.Service.Require != RequireMFA || mfa) && (q.Service.Require != RequireSFA || sfa)
	}
	shows := d.Kind == SignIn || d.Kind == StepUp || d.Kind == Enrol || d.Kind == Ask
	password := authenticator.Evidence{Kind: authenticator.Password, At: q.Now}
	fit := func(proofs ...authenticator.Evidence) bool { return good(assurance.Assurance(proofs, policy)) }
	first := authenticator.Evidence{Kind: authenticator.TOTP, At: q.Now}
	switch {
	case q.Request.Passive && shows:
		return "a passive request shows a page"
	case q.Person == nil && (d.Kind == Assert || d.Kind == StepUp || d.Kind == Ask):
		return "nobody is signed in"
	case q.Person == nil:
		return ""
	case d.Kind == Assert && q.Told != Agreed:
		return "told without consent"
	case d.Kind == Assert || d.Kind == Ask:
		claim := counting()
		if !good(claim) {
			return "a condition is not met"
		}
		if d.Kind == Ask && (claim.Fallback || q.Told != Unasked) {
			return "asked who may not agree, or has said already"
		}
		if _, honest := claim.Satisfy([]string{d.ACR}, assurance.Exact); d.Kind == Assert && !honest && d.ACR != claim.ACR {
			return "overstated"
		}
	case d.Kind == StepUp:
		if len(d.Need.Methods) == 0 {
			return "a step-up by nothing"
		}
		for _, method := range d.Need.Methods {
			i := slices.IndexFunc(q.Person.Reach, func(e authenticator.Evidence) bool { return e.Kind == method })
			proof := authenticator.Evidence{Kind: method, At: q.Now}
			if i >= 0 {
				proof = q.Person.Reach[i]
				proof.At = q.Now
			} else if method != authenticator.Password {
				return "a step-up by what the person does not have"
			}
			if !good(counting(proof)) {
				return "a step-up that does not help"
			}
		}
	case d.Kind == Enrol:
		if q.Person.HadFactor || len(q.Person.Reach) > 0 || !fit(password, first) {
			return "a set-up that is not allowed, or does not help"
		}
	case d.Kind == Fail && d.Fault == Unreachable && q.Told == Agreed:
		answered := slices.ContainsFunc(q.Person.Evidence, func(e authenticator.Evidence) bool { return !e.At.Before(q.Request.IssuedAt) })
		if good(counting()) {
			return "refused, though all is there"
		}
		if !q.Person.HadFactor && len(q.Person.Reach) == 0 && fit(password, first) {
			return "refused, though a second factor could be set up"
		}
		for _, proof := range q.Person.Reach {
			if proof.At = q.Now; !answered && fit(password, proof) {
				return "refused, though a whole sign-in would do"
			}
		}
	}
	return ""
}

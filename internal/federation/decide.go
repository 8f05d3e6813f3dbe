package federation

import (
	"slices"
	"time"

	"warifu/internal/assurance"
	"warifu/internal/authenticator"
	"warifu/internal/directory"
)

// Kind is what is to be done with a request.
type Kind string

// The kinds of decisions.
const (
	Assert Kind = "assert"  // tell the service who this is
	SignIn Kind = "sign_in" // all factors anew, possibly by another person
	StepUp Kind = "step_up" // one more proof from the person who is signed in
	Enrol  Kind = "enrol"   // all factors anew, after the first second factor is set up
	Ask    Kind = "ask"     // ask the person what the service may be told
	Fail   Kind = "fail"    // tell the service why not
)

// Fault is why a service gets an error. The protocols have their own words.
type Fault string

// The faults.
const (
	LoginRequired    Fault = "login_required"     // the person would have to do something, and the request forbids it
	EnrolmentNeeded  Fault = "enrolment_needed"   // the person would have to set up a second factor, and the request forbids it
	Unreachable      Fault = "unreachable"        // this account cannot reach the level
	UnknownSubject   Fault = "unknown_subject"    // somebody else signed in than the service asked for
	PersonNotAllowed Fault = "person_not_allowed" // the service is not for this person
	ConsentRequired  Fault = "consent_required"   // the person would have to be asked what may be told, and the request forbids it
	ReleaseRefused   Fault = "release_refused"    // the person does not want the service to be told
	Cancelled        Fault = "cancelled"          // the person has gone back without proving more
)

// Decision is the answer of [Decide].
type Decision struct {
	Kind     Kind
	Need     Need      // with SignIn, StepUp and Enrol
	ACR      string    // with Assert: the level that is claimed
	AMR      []string  // with Assert
	AuthTime time.Time // with Assert: when the last factor was given
	Fault    Fault     // with Fail
}

// Person is who is signed in, with what can be known of him.
type Person struct {
	directory.Subscriber
	Evidence []authenticator.Evidence // of the session
	Reach    []authenticator.Evidence // one for each further proof that he could give, without times
	Subject  string                   // the value that the service has of him; needed if the request names one
}

// Question is what a decision is about. A nil Person means that nobody is
// signed in.
type Question struct {
	Request Request
	Service Service
	Person  *Person
	Told    Answer // what the person has agreed to
	Now     time.Time
}

// Answer says how a person stands to what a service would be told now.
type Answer int

// The answers.
const (
	Agreed   Answer = iota // it may be told, or nobody asks
	Unasked                // the person is to be asked
	Declined               // it may not be told
)

// Decide says what is to be done with a request. It is made when the request
// arrives, and again after each sign-in or step-up, immediately before anything
// is signed.
//
// What the request wants fresh, by force or by a maximal age, counts only if it
// was given after the request, or within the age; a claim is computed from that
// evidence alone, so that no old factor hides behind a new one.
func Decide(policy assurance.Policy, q Question) Decision {
	if q.Request.Cancelled {
		return Decision{Kind: Fail, Fault: Cancelled}
	}
	d := decider{Question: q, policy: policy}
	if q.Person == nil || q.Person.Status != directory.Active { //guard:SES-9
		return d.signIn()
	}
	answered := d.answered()
	if q.Request.SelectAccount && !answered {
		return d.signIn()
	}
	if q.Request.Subject != "" && q.Request.Subject != q.Person.Subject {
		if answered { // he has had the choice of an account
			return Decision{Kind: Fail, Fault: UnknownSubject}
		}
		return d.signIn()
	}
	if !q.Service.Admits(q.Person.Subscriber) {
		return Decision{Kind: Fail, Fault: PersonNotAllowed}
	}
	decision := d.level(answered)
	if decision.Kind != Assert || q.Told == Agreed {
		return decision
	}
	return d.consent()
}

type decider struct {
	Question
	policy assurance.Policy
}

// consent is the decision where the person has not agreed to what would be told.
// Who is in by a temporary login agrees to nothing new (SES-10).
func (d decider) consent() Decision {
	switch {
	case d.Told == Declined:
		return Decision{Kind: Fail, Fault: ReleaseRefused}
	case d.Request.Passive:
		return Decision{Kind: Fail, Fault: ConsentRequired}
	}
	lasting := func(c assurance.Claim) bool { return !c.Fallback && d.suffices(c) }
	if fresh := d.fresh(); !lasting(d.claim(fresh...)) { //guard:SES-10
		if methods := d.methods(fresh, lasting); len(methods) > 0 {
			return Decision{Kind: StepUp, Need: Need{Kind: StepUp, Methods: methods}}
		}
		return Decision{Kind: Fail, Fault: Unreachable}
	}
	return Decision{Kind: Ask}
}

// level decides by what the session can claim: wishes come first, then the
// conditions alone.
func (d decider) level(answered bool) Decision {
	fresh := d.fresh()
	claim := d.claim(fresh...)
	wished := func(c assurance.Claim) bool { return d.wished(c, answered) }
	switch {
	case wished(claim), (d.Request.Passive || d.cannot()) && d.suffices(claim):
		return d.assert(claim) // a wish is no condition
	case d.Request.Passive && d.mayEnrol() && !d.reachable(d.suffices):
		return Decision{Kind: Fail, Fault: EnrolmentNeeded}
	case d.Request.Passive:
		return Decision{Kind: Fail, Fault: LoginRequired}
	}
	if ask, ok := d.ask(fresh, answered, wished); ok {
		return ask
	}
	if d.suffices(claim) { // the wish is out of reach, and this is the truth
		return d.assert(claim)
	}
	if ask, ok := d.ask(fresh, answered, d.suffices); ok {
		return ask
	}
	if d.mayEnrol() {
		return Decision{Kind: Enrol, Need: Need{Kind: Enrol}}
	}
	return Decision{Kind: Fail, Fault: Unreachable}
}

// mayEnrol reports whether the person has never had a second factor, and one would
// meet the conditions: before the day from which it is needed of everybody, the
// first service that wants one is where it is set up.
func (d decider) mayEnrol() bool {
	if d.Person.HadFactor || len(d.Person.Reach) > 0 { //guard:ENR-1
		return false
	}
	return d.suffices(d.claim(authenticator.Evidence{Kind: authenticator.Password, At: d.Now}, authenticator.Evidence{Kind: authenticator.TOTP, At: d.Now}))
}

// ask returns what to ask the person for so that the claim becomes good, if
// anything does it. Who has signed in for this request is not asked to do it
// all again.
func (d decider) ask(fresh []authenticator.Evidence, answered bool, good func(assurance.Claim) bool) (Decision, bool) {
	if methods := d.methods(fresh, good); len(fresh) > 0 && len(methods) > 0 {
		return Decision{Kind: StepUp, Need: Need{Kind: StepUp, Methods: methods}}, true
	}
	return d.signIn(), !answered && d.reachable(good)
}

// signIn asks for everything, unless nothing may be shown.
func (d decider) signIn() Decision {
	if d.Request.Passive {
		return Decision{Kind: Fail, Fault: LoginRequired}
	}
	return Decision{Kind: SignIn, Need: Need{Kind: SignIn}}
}

func (d decider) assert(claim assurance.Claim) Decision {
	acr := d.value(claim)
	amr, _, last := claim.For(acr)
	return Decision{Kind: Assert, ACR: acr, AMR: amr, AuthTime: last}
}

// value returns the level that is claimed: the first of those wanted that is
// true, else the service's own, if it is true, else the strongest.
func (d decider) value(claim assurance.Claim) string {
	if len(d.Request.Wanted) > 0 {
		if acr, ok := claim.Satisfy(d.Request.Wanted, d.comparison()); ok {
			return acr
		}
	}
	if d.Service.DefaultACR != "" {
		if acr, ok := claim.Satisfy([]string{d.Service.DefaultACR}, assurance.Exact); ok {
			return acr
		}
	}
	return claim.ACR
}

func (d decider) comparison() assurance.Comparison {
	if d.Request.Minimum {
		return assurance.Minimum
	}
	return assurance.Exact
}

// answered reports whether the person has given any proof since the request.
func (d decider) answered() bool {
	return slices.ContainsFunc(d.Person.Evidence, func(e authenticator.Evidence) bool { return !e.At.Before(d.Request.IssuedAt) })
}

// cannot reports whether the person has come in by a one-time password for this
// request: he does not have what a wish would ask him for.
func (d decider) cannot() bool {
	return slices.ContainsFunc(d.Person.Evidence, func(e authenticator.Evidence) bool {
		return e.Kind == authenticator.OTP && !e.At.Before(d.Request.IssuedAt)
	})
}

// fresh returns the evidence that the request lets count.
func (d decider) fresh() []authenticator.Evidence {
	since := d.since()
	var fresh []authenticator.Evidence
	for _, e := range d.Person.Evidence {
		if !e.At.Before(since) { //guard:OIDC-5
			fresh = append(fresh, e)
		}
	}
	return fresh
}

// since is the time before which evidence does not count. What was given for
// this request is never too old, or a slow person would be asked for ever.
func (d decider) since() time.Time {
	maxAge := d.Request.MaxAge
	switch {
	case d.Request.Force, maxAge != nil && *maxAge <= 0:
		return d.Request.IssuedAt
	case maxAge == nil:
		return time.Time{}
	}
	if since := d.Now.Add(-*maxAge); since.Before(d.Request.IssuedAt) {
		return since
	}
	return d.Request.IssuedAt
}

func (d decider) claim(evidence ...authenticator.Evidence) assurance.Claim {
	return assurance.Assurance(evidence, d.policy)
}

// suffices reports whether a claim meets all conditions.
func (d decider) suffices(claim assurance.Claim) bool {
	if claim.Level == assurance.None || claim.Fallback && !d.Service.AcceptFallback { //guard:SES-10
		return false
	}
	switch d.Service.Require {
	case RequireMFA:
		if !d.atLeast(claim, assurance.MFA) { //guard:A13
			return false
		}
	case RequireSFA:
		if !d.atLeast(claim, assurance.SFA) {
			return false
		}
	}
	if !d.Request.Essential {
		return true
	}
	_, ok := claim.Satisfy(d.Request.Wanted, d.comparison())
	return ok //guard:A15
}

func (d decider) atLeast(claim assurance.Claim, level string) bool {
	_, ok := claim.Satisfy([]string{level}, assurance.Minimum)
	return ok
}

// wished reports whether a claim meets all conditions and all wishes: a level
// that the request would like, or else as much as the session has without
// regard to age. Who has just answered is not asked for that.
func (d decider) wished(claim assurance.Claim, answered bool) bool {
	if !d.suffices(claim) {
		return false
	}
	if len(d.Request.Wanted) > 0 {
		_, ok := claim.Satisfy(d.Request.Wanted, d.comparison())
		return ok
	}
	return answered || d.value(claim) == d.value(d.claim(d.Person.Evidence...))
}

// methods returns the kinds of which one more proof would make the claim good.
func (d decider) methods(fresh []authenticator.Evidence, good func(assurance.Claim) bool) []authenticator.Kind {
	var methods []authenticator.Kind
	for _, proof := range d.proofs() {
		if good(d.claim(append(slices.Clone(fresh), proof)...)) && !slices.Contains(methods, proof.Kind) {
			methods = append(methods, proof.Kind)
		}
	}
	return methods
}

// reachable reports whether a whole sign-in could make the claim good.
func (d decider) reachable(good func(assurance.Claim) bool) bool {
	proofs := d.proofs()
	return slices.ContainsFunc(proofs, func(proof authenticator.Evidence) bool {
		password := authenticator.Evidence{Kind: authenticator.Password, At: d.Now}
		if proof.Kind == authenticator.Password {
			return len(proofs) == 1 && good(d.claim(password)) // nobody with a second factor comes in without it
		}
		return good(d.claim(password, proof))
	})
}

// proofs returns each proof that the person could give now.
func (d decider) proofs() []authenticator.Evidence {
	proofs := []authenticator.Evidence{{Kind: authenticator.Password, At: d.Now}}
	for _, proof := range d.Person.Reach {
		proof.At = d.Now
		proofs = append(proofs, proof)
	}
	return proofs
}

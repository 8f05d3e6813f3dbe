// Package signin takes a claimant from the password page to a session.
//
// The flow is a state machine over a [Flow] that the database keeps; the
// browser holds only a random token. Every step is one method of [Service] and
// ends in one [Outcome]; the table in flow.go says where each outcome leads. A
// refusal (a wrong code) is an outcome, not an error: it is recorded and
// committed like any other. An error means that nothing happened, except that
// an attempt, once counted, stays counted.
//
//	password ──right──> second factor ──right──> signed in ──> the service, or home
//	    │                 │
//	    │                 └─ the account was suspended meanwhile ──> ended
//	    ├─ a passkey that verified its user, in place of both ──> signed in
//	    ├─ no second factor yet ──> enrolment required
//	    └─ no second factor needed yet ──> signed in
//
// The page of the password writes no flow, nor does a wrong password: the
// request of a service travels sealed until the password is right.
//
// The complete diagram is docs/flows/signin.mmd, which the tests draw from the table.
package signin

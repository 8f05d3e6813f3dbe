// Package consent asks people what a service may be told of them, and remembers
// what they said.
//
//	Decide ──ask──> /login/consent ──send──> the request goes on, with the answer sealed into it
//	                      └────────refuse──> the service gets the error of its protocol
//
// What must stay true:
//
//   - An answer counts in the session in which it was given and for what was shown,
//     names and values; if anything differs, the person is asked again.
//   - What a person withholds is in no answer to the service, now and later: tokens
//     of an earlier answer, which told more, end.
//   - The page asks only where [federation.Decide] says so, and shows nothing to a
//     session that is too weak for the service; a temporary login agrees to nothing
//     new (SES-10).
//   - Withdrawing ends the tokens that the service has.
package consent

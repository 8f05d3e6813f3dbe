// Package federation is the one vocabulary of all protocols: which services
// there are, what one of them asks for, and what a session may tell it.
//
// A protocol package (oidc, saml, cas) translates its messages into a [Request]
// and its answers from a [Decision], and decides nothing itself: [Decide] does,
// a pure function of the request, the service, the person and the evidence.
//
//	authorize ─> Request ─> Decide ──assert────────────> answer to the service
//	                ^          ├────sign-in, step-up──┐
//	                │          └────fail─────────────> error to the service
//	                │                                 v
//	            continue <──sealed Request── /login?p=sealed Request
//
// What must stay true:
//
//   - A request that nobody has signed in for is stored nowhere: it travels
//     sealed ([Pending]), and gives no more right than the service's own address
//     does. After the sign-in the same decision is made again, with the session
//     that there is then.
//   - What a session claims comes from assurance alone. A level that must be
//     reached and is not is an error, never a weaker level.
//   - Subject values are computed once and kept; they are never given to
//     another person.
package federation

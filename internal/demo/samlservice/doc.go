// Package samlservice is a small service of the demonstration that signs people
// in with SAML 2.0. It knows the server only by its public addresses and shares
// no code with it: the client side of a library verifies and decrypts, so that a
// fault of the server cannot hide behind the same fault here.
//
// What must stay true: an answer counts once, in the browser that asked, and only
// if it answers what that browser asked.
//
//	/            a page with the sign-in link, and the attributes
//	/login       asks the server; authnContext (several, with commas), comparison,
//	             forceAuthn, isPassive and nameID are passed on
//	/acs         takes the answer
//	/me.json     the attributes, each a list, by their friendly names, with
//	             AuthnContextClassRef, AuthnInstant, NameID, NameIDFormat and
//	             SessionIndex; or 401 and why there are none
//	/logout      ends both sessions, and /slo hears of it
//	/metadata    how the server knows this service
package samlservice

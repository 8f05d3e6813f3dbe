// Package saml is the SAML 2.0 identity provider: the Web Browser SSO profile
// with requests by HTTP-Redirect and HTTP-POST and answers by HTTP-POST, single
// logout by the front channel, and metadata (saml2int 2.0).
//
//	/saml/sso ──> known service? signature? ──> federation.Decide ──> /login?p=… ──> /saml/continue?p=…
//	                                                  │ assert                             │ the same decision
//	                                                  v                                    v
//	                                       signed Response, in a page whose form the browser sends on
//
// What must stay true:
//
//   - A message is read only after a scan by the rules of SAML-1; what a signed
//     message says is read from what its signature covers, and from nothing else.
//   - Keys, and the addresses that answers go to, come from the metadata of the
//     service alone, never from a message (SAML-1, SAML-2).
//   - Before the service and its address are proven, errors stay on our own pages.
//   - The bytes that are signed are the bytes that are sent (SAML-11).
package saml

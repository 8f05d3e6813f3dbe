// Package oidcservice is a small service of the demonstration that signs people
// in with OpenID Connect. It knows the server only by its public addresses and
// shares no code with it, its token verification included, so that a fault of
// the server cannot hide behind the same fault here.
//
// What must stay true: an ID token counts only when its signature, issuer,
// audience, time, nonce and at_hash are right (OpenID Connect Core 1.0 §3.1.3.7);
// an answer counts once, in the browser that asked, and from the issuer that was
// asked (RFC 9207).
//
//	/                     a page with the sign-in link, and the claims
//	/login                asks the server; acr_values, prompt, max_age, ui_locales,
//	                      claims, scope and login_hint are passed on
//	/callback             takes the answer
//	/me.json              the claims, or 401 and why there are none
//	/logout               ends both sessions (RP-Initiated Logout 1.0)
//	/backchannel-logout   is told by the server (Back-Channel Logout 1.0)
package oidcservice

// Package oidc is the OpenID provider: OpenID Connect Core 1.0 with the code
// flow alone, PKCE (RFC 7636) of every client, pushed requests (RFC 9126), the
// issuer in every response (RFC 9207), and logout by front and back channel.
//
// A sign-in gives a service one [Grant]. It begins as an authorization code and
// becomes, once, tokens:
//
//	/oidc/authorize ──> federation.Decide ──> /login?p=… ──> /oidc/continue?p=…
//	                          │ assert                             │ the same decision
//	                          v                                    v
//	                    Grant with code ──────/oidc/token──────> Grant with tokens ──refresh──┐
//	                          │                                    │   ^────────────────────┘
//	                          └─ wrong verifier, second use ──> deleted <── old refresh token, revocation, end of the session
//
// What must stay true:
//
//   - A grant that is revoked is deleted, so that nothing of it can be used; and
//     the end of a session deletes its grants by the database's own means.
//   - A code or a token opens only by our own seal, each under a name of its
//     own, and says which row it belongs to: what we did not make costs no query.
//   - Before the client and its redirect_uri are proven, errors stay on our own
//     pages (OIDC-4).
//   - A code is redeemed by one conditional statement, and a refresh token
//     rotated by one.
package oidc

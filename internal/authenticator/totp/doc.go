// Package totp makes and verifies the six digits of the Authenticator:
// time-based one-time passwords (RFC 6238) with SHA-1, 6 digits and 30 s, over
// secrets of 20 bytes (TOTP-1).
//
// What must stay true:
//
//   - A secret is sealed for its subscriber and authenticator, and opened by a
//     [Verifier] alone (TOTP-2). Only that of a pending authenticator, which its
//     owner is about to copy, ever leaves the package (TOTP-15).
//   - A code is used up by its time step: who accepts one must raise last_step
//     to the step that [Match] returned, in one conditional statement (TOTP-4).
//   - What a person types is folded by [Parse], once, before anything else; each
//     code has one spelling after it (TOTP-6).
package totp

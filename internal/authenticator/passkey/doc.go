// Package passkey registers passkeys and verifies what they sign (WebAuthn
// Level 3). It is the one room that knows the library for it.
//
// A ceremony has two halves. The first gives the browser its options and the
// caller a [Ceremony], which it keeps in the row of the flow or session; the
// second takes both, and the time. Nothing here keeps anything.
//
//	options, ceremony, err := party.BeginAlone(now)             // to the browser; into the row
//	id, err := passkey.CredentialID(response)                   // whose is it? the store knows
//	proof, err := party.FinishAssertion(ceremony, stored, response, now)
//
// What must stay true:
//
//   - The caller takes the ceremony out of its row in the transaction that uses
//     it, whatever the outcome: a challenge is spent once (WAN-1).
//   - A passkey alone must have verified its user. One that has not counts only
//     beside the right password (WAN-1).
//   - The user handle names the account without telling who it is; it is kept
//     with the credential, and must be that of its owner when it comes back.
//   - [ErrCloned] is not like the other refusals: the signature was right, and
//     so somebody else may hold the same key. The person is told (WAN-2).
package passkey

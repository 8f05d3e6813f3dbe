// Package enrolment sets up an Authenticator: the QR code, 「登録」, the first
// code, 「確認」. It begins with a [ticket.Ticket], which a flow that proved the
// person's identity has issued to this browser, and knows nothing else of how
// that was done.
//
//	activation code ──right──> scan ──「登録」──> confirm ──right code──> bound
//	                             └──<──QR again──<──┘
//	        (the ticket lapsed, or was issued to another browser) ──> ended
//
// What must stay true:
//
//   - The secret is made when the QR code is first shown, and is the same until
//     the ticket is spent or replaced, in this browser alone (TOTP-8, TOTP-9).
//   - The first right code spends the ticket, activates the authenticator, uses
//     up its step, and deletes the authenticators that a recovery had taken away,
//     in one transaction (RST-6).
//   - No wrong code counts against the person: who sees the QR code knows the
//     secret anyway.
//
// The complete diagram is docs/flows/enrolment.mmd, which the tests draw from
// the table.
package enrolment

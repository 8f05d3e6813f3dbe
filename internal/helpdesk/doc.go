// Package helpdesk lets people back in who cannot help themselves: with one
// telephone call. The claimant's page opens a case and shows a comparison
// number; an agent opens the case with SPS-ID and number, as the caller reads
// them out, confirms who is calling, and approves or refuses.
//
//	          agent types SPS-ID and number        identity confirmed
//	waiting ────────────────────────────> working ────────────────────> approved ──> used
//	   │                                   │   │                          │
//	   │                                   │   └─ second agent needed ──> second ──> approved
//	   └──── cancelled, expired ───────────┴──────────── refused
//
// A case is a flow of its own. It meets the claimant's flow (a sign-in, a
// recovery) in its row: that flow asks for the case, waits, and spends what was
// approved in a transaction of its own. Nothing here gives a right to anybody
// but to the browser that opened the case.
//
// What must stay true:
//
//   - A case is opened by SPS-ID and number together, or not at all, and nothing
//     tells which of them was wrong (HD-2).
//   - The number is on the caller's page only (HD-1). No person is on the board
//     (HD-19).
//   - A case has one outcome. Approve, refuse, cancel and expire meet at its
//     version; who comes second learns that it has ended (HD-18).
//   - Nobody approves for himself, and nobody is second to himself (HD-6).
//   - Two living cases of one person freeze each other (HD-20). One that its
//     browser has left for half an hour is dormant: it freezes nobody, and nobody
//     can approve it (HD-11).
//   - The agent never sees what the caller gets, but for the OTP of a sign-in,
//     once (HD-8, HD-14).
//   - The state of the account is looked at again at the approval and at the
//     redemption (HD-18).
//
// The complete diagram is docs/flows/case.mmd, which the tests draw from the table.
package helpdesk

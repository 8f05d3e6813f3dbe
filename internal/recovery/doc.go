// Package recovery takes away the Authenticators of a person who cannot use them
// any more, so that new ones can be set up (「初期化」): by a mailed link, after
// the right password. The right to enrol goes to the browser that opens the
// link, not to the one that asked for it.
//
//	password ──right──> decision ──「初期化」──> link sent ─ ─(mail)─ ─> /r/{token}
//	    └─ nothing was ever set up ──> enrolment                           │
//	                                     password once more, right: TOTP suspended,
//	                                     sessions ended, a ticket for this browser
//
// What must stay true:
//
//   - A link is looked at as often as anybody likes; only a POST with the right
//     password of the right person spends it (RST-3, RST-4).
//   - Nobody learns from a link whether it is good before the password is right.
//   - Password and link give a ticket, never a session (RST-5, RST-11), and a
//     ticket that lapses leaves nothing behind that enrols (RST-7).
//   - A privileged person is never let back in by mail (decisions §3.5).
//
// The complete diagram is docs/flows/recovery.mmd, which the tests draw from the
// table.
package recovery

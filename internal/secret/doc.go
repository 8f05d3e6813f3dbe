// Package secret keeps secrets: it seals what must be read again (a [Box]),
// authenticates what must only be recognised (a [MAC]), and makes the random
// tokens of which the database keeps a digest alone.
//
// What must stay true:
//
//   - A sealed value opens only at its [Place] and under its own purpose's key,
//     so that nobody who can write rows can move a secret to another row.
//   - Each value names the version of its key. New values use the current
//     version and old ones stay readable while their version is in the key file:
//     keys are rotated online (CRY-1).
//   - Nothing here is malleable: each value has exactly one spelling.
package secret

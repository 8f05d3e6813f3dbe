// Package exportfile reads and writes the files in which accounts travel: the
// Authenticator's own encrypted export and vault, otpauth and migration URIs, and
// the files of other products. It is the reference for the browser extension,
// which has the same rules in TypeScript; testdata/vectors holds both to them.
//
// What must stay true:
//
//   - Nothing is derived from a passphrase before the file's parameters were
//     found within their limits (EXP-1), and nothing is believed before its tag was
//     verified (EXP-2). A wrong passphrase and a damaged file are the same error.
//   - The names of members are compared exactly, and none stands twice. What an
//     object holds that this version doesn't know is kept and written again.
//   - A fault of one account is told with its reason and doesn't stop the others,
//     except in the Authenticator's own format, where nobody else writes.
//   - [Merge] adds, replaces and unites; it deletes what a tombstone says, and
//     keeps that in the bin. The same file a second time changes nothing.
//   - No error holds a secret or a passphrase.
package exportfile

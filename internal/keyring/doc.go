// Package keyring holds the keys of the installation: a [Ring] those that seal
// and authenticate, [Signing] those that sign tokens. The key file is kept
// outside of the database and of its backups, so that neither is of use by
// itself. All keys of the ring are derived from it, one per purpose and version;
// the signing keys are random, and are kept sealed in the database.
//
// The key file is text, with one version on a line:
//
//	# any comment
//	1 tGw0…the Base64 of 32 random bytes…=
//	2 k9Qe…
//	3 Zb1x… next
//
// Versions grow downwards. The last line that does not end in "next" is the
// current version: new values use it. Earlier ones are kept for what they have
// sealed; a line is removed when nothing uses it any more. A version marked
// "next" opens and verifies, but does not seal yet.
//
// A rotation never stops the service (CRY-1): [Generate] adds a version as
// "next"; the file goes to all nodes, so that each can open what any other
// seals; [Promote] makes it the current one; the file goes to all nodes again.
package keyring

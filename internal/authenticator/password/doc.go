// Package password makes and verifies the hashes of passwords (PW-1, PW-6,
// PW-8), and says which new ones are acceptable (PW-2, PW-3; [BlockList.Fault]).
// Our own hashes look like this, in the PHC string format:
//
//	$warifu-argon2id$v=19$m=19456,t=2,p=1,k=3$SALT$TAG
//
// This is Argon2id (RFC 9106) over HMAC-SHA-256(pepper, NFC(password)), where k
// is the version of the pepper in the key file. The name differs from
// "$argon2id$" so that nothing takes it for a plain hash: without the pepper,
// which is not in the database, it can't even be guessed at.
//
// What must stay true:
//
//   - Whoever is named, an attempt costs one computation: an unknown ID, a person
//     without a password and a suspended one go through [Hasher.VerifyNobody].
//   - No password is cut, and none longer than [MaxBytes] reaches a hash.
//   - A stored hash that cannot be read is an error and lets nobody in.
//   - Hashes that were brought along are replaced at the first right password.
package password

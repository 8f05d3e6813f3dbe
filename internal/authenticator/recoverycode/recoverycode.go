// Package recoverycode makes the ten codes that stand in for a lost second
// factor, and says what the database keeps of them (REC-1).
//
// What must stay true:
//
//   - The codes are shown once, when they are made. The database has digests
//     alone, keyed with a key outside of it, and over the account's id: a digest
//     is worth nothing at another account, and cannot be guessed at.
//   - What a person types is folded by [Parse], once, before anything else; each
//     code has one spelling after it.
//   - A code is used up by one conditional statement; a new set ends the old.
package recoverycode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"warifu/internal/secret"
)

// Count is how many codes a set has.
const Count = 10

// Length is the length in characters of a code as [Parse] returns it.
const Length = secret.CodeLength

// macContext says what the digests are over. It keeps those of activation codes,
// which have the same key and the same form, from passing for one of these.
const macContext = "recovery code"

// NewSet returns [Count] codes of 80 bits, each as [Parse] returns it and all
// different. Randomness that ends or fails is an error.
func NewSet(random io.Reader) ([]string, error) {
	codes := make([]string, 0, Count)
	seen := make(map[string]bool)
	for len(codes) < Count {
		code, err := secret.NewCode(random)
		if err != nil {
			return nil, fmt.Errorf("recoverycode: %w", err)
		}
		if seen[code] { // broken randomness: a set with doubles would be shorter than it looks
			return nil, errors.New("recoverycode: the same code twice in one set")
		}
		seen[code] = true
		codes = append(codes, code)
	}
	return codes, nil
}

// Show returns a code as a person reads it: 7K3M-Q2XA-0101-9ZTV.
func Show(code string) string { return secret.ShowCode(code) }

// Parse returns the code in what a person typed, with or without hyphens, in
// either case and width; ok is false for what cannot be a code, and nothing is
// counted as an attempt then.
func Parse(typed string) (code string, ok bool) { return secret.ParseCode(typed) }

// Digest returns what is stored of a code of this subscriber. The code must come
// from [NewSet] or [Parse].
func Digest(mac *secret.MAC, subscriberID, code string) []byte {
	return mac.Sum(macContext, []byte(subscriberID), []byte(code))
}

// Digests returns what a code may be stored as, with the current version of the
// key and with older ones: a rotation leaves printed codes good (CRY-1). At most
// one of them is stored.
func Digests(mac *secret.MAC, subscriberID, code string) [][]byte {
	return mac.Sums(macContext, []byte(subscriberID), []byte(code))
}

// UseTx is what using a code needs of a transaction.
type UseTx interface {
	// UseRecoveryCode takes the code with this digest, once, and reports whether it
	// was there.
	UseRecoveryCode(ctx context.Context, subscriberID string, digest []byte, now time.Time) (bool, error)
}

// Use takes a code of a person, whichever version of the key its digest was made
// with, and reports whether it was there. [Parse] has returned the code; the
// attempt must have been counted before.
func Use(ctx context.Context, tx UseTx, mac *secret.MAC, subscriberID, code string, now time.Time) (bool, error) {
	for _, digest := range Digests(mac, subscriberID, code) {
		if used, err := tx.UseRecoveryCode(ctx, subscriberID, digest, now); used || err != nil {
			return used, err
		}
	}
	return false, nil
}

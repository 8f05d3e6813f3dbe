package passkey

import (
	"context"
	"errors"
	"time"
)

// UseTx is what verifying an answer needs of a transaction.
type UseTx interface {
	// SpendCeremony takes the ceremony that a browser was asked at a place, once, or
	// returns [ErrCeremony].
	SpendCeremony(ctx context.Context, id, place string, browser []byte, now time.Time) (Pending, error)
	// PasskeyByCredential returns [ErrNotFound] if nobody has such a one.
	PasskeyByCredential(ctx context.Context, id []byte) (Credential, error)
	// UsePasskey stores what an assertion has changed, and reports whether it did:
	// not if the passkey is gone, or another request has used its count (WAN-2).
	UsePasskey(ctx context.Context, c Credential) (bool, error)
}

// Answer is what a device says, and where it was asked.
type Answer struct {
	Ceremony string // id
	Place    string // see [Pending]
	Browser  []byte
	Response []byte
}

// Use is what an answer came to.
type Use struct {
	Accepted bool
	Cloned   bool       // somebody may have a copy of the stored one (WAN-2)
	Stored   Credential // that the answer named; without an id if nobody has it
	Proof    Assertion  // if accepted
	Request  string     // that the ceremony was begun with
}

// Use spends the ceremony of an answer, whatever that says, and verifies it. An
// error means that nothing happened.
func (p *Party) Use(ctx context.Context, tx UseTx, a Answer, now time.Time) (u Use, err error) {
	kept, err := tx.SpendCeremony(ctx, a.Ceremony, a.Place, a.Browser, now)
	if errors.Is(err, ErrCeremony) { //guard:WAN-1
		return u, nil
	}
	if err != nil {
		return u, err
	}
	u.Request = kept.Request
	id, err := CredentialID(a.Response)
	if err != nil { // it cannot be read
		return u, nil //nolint:nilerr // a refusal is no error
	}
	u.Stored, err = tx.PasskeyByCredential(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return u, nil
	}
	if err != nil {
		return u, err
	}
	u.Proof, err = p.FinishAssertion(kept.Ceremony, u.Stored, a.Response, now)
	if errors.Is(err, ErrCloned) { //guard:WAN-2
		u.Cloned = true
		return u, nil
	}
	if err != nil { // the proof is empty, and would be nobody's
		return u, nil //nolint:nilerr // a refusal is no error
	}
	u.Accepted, err = tx.UsePasskey(ctx, u.Proof.Credential)
	return u, err
}

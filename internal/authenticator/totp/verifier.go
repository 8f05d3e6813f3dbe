package totp

import (
	"errors"
	"fmt"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/secret"
)

// State is where an authenticator stands.
type State string

// The states. A pending one has never shown a right code (TOTP-8); a suspended
// one was taken away by a recovery or by too many failures, and is deleted when
// another becomes active (RST-6).
const (
	Pending   State = "pending"
	Active    State = "active"
	Suspended State = "suspended"
)

// ErrNotPending means that a secret was asked for after its authenticator had
// become active (TOTP-15).
var ErrNotPending = errors.New("totp: the authenticator is not pending")

// Authenticator is one TOTP authenticator of a subscriber.
type Authenticator struct {
	ID           string
	SubscriberID string
	Name         string // given by the person, to tell several apart
	Secret       []byte // sealed
	State        State
	Initialised  bool  // suspended by a recovery, and not by failures
	LastStep     int64 // the newest time step that was used up; codes of it and of earlier ones are refused
	CreatedAt    time.Time
	LastUsedAt   time.Time // zero if never
	BoundBy      authenticator.BoundBy
}

// place binds a secret to whose and which it is (TOTP-2). Ids are of base32
// characters, so that the slash is unambiguous.
func place(subscriberID, id string) secret.Place {
	return secret.Place{Table: "totp_authenticator", Column: "secret", Row: subscriberID + "/" + id}
}

// Verifier opens secrets and verifies codes. Nothing else holds the box of the
// key ring's purpose TOTP.
type Verifier struct {
	box *secret.Box
}

// NewVerifier returns a verifier that seals and opens with box.
func NewVerifier(box *secret.Box) *Verifier { return &Verifier{box: box} }

// Seal returns a secret as it is stored with the authenticator of this id.
func (v *Verifier) Seal(subscriberID, id string, secret []byte) []byte {
	return v.box.Seal(place(subscriberID, id), secret)
}

// Match is [Match] for a stored authenticator, whatever its state: who accepts
// the code must see that it is active, and not suspended since, in the statement
// that uses up the step (TOTP-4, TOTP-13). The error is a [secret.ErrSealed] if
// the stored secret is not genuine, which is for a 503 (OPS-3).
func (v *Verifier) Match(a Authenticator, code string, now time.Time) (step int64, ok bool, err error) {
	key, err := v.open(a)
	if err != nil {
		return 0, false, err
	}
	step, ok = Match(key, code, now)
	return step, ok, nil
}

// Drift is [Drift] for a stored authenticator. The errors are those of
// [Verifier.Match].
func (v *Verifier) Drift(a Authenticator, code string, now time.Time) (steps int, ok bool, err error) {
	key, err := v.open(a)
	if err != nil {
		return 0, false, err
	}
	steps, ok = Drift(key, code, now)
	return steps, ok, nil
}

// PendingSecret returns the secret of an authenticator that is being enrolled,
// for its QR code. Any other state is an [ErrNotPending] (TOTP-15).
func (v *Verifier) PendingSecret(a Authenticator) ([]byte, error) {
	if a.State != Pending { //guard:TOTP-15
		return nil, ErrNotPending
	}
	return v.open(a)
}

// Reseal returns the secret sealed under the current version of the key, and
// whether it has to be stored: false if it is sealed so already (CRY-1).
func (v *Verifier) Reseal(a Authenticator) (sealed []byte, changed bool, err error) {
	key, err := v.open(a)
	if err != nil || !v.box.Stale(a.Secret) {
		return a.Secret, false, err
	}
	return v.Seal(a.SubscriberID, a.ID, key), true, nil
}

// open returns the secret. One of another length would be a mistake of ours, and
// an empty one would let in whoever can compute HMACs.
func (v *Verifier) open(a Authenticator) ([]byte, error) {
	key, err := v.box.Open(place(a.SubscriberID, a.ID), a.Secret)
	if err != nil {
		return nil, fmt.Errorf("totp: authenticator %s: %w", a.ID, err)
	}
	if len(key) != SecretSize { //guard:TOTP-1
		return nil, fmt.Errorf("totp: authenticator %s: secret of %d bytes: %w", a.ID, len(key), secret.ErrSealed)
	}
	return key, nil
}

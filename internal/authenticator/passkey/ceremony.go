package passkey

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
)

// Lifetime is how long a challenge is good for (WAN-1).
const Lifetime = 5 * time.Minute

// challengeSize is the size of a challenge in bytes (WAN-1).
const challengeSize = 32

// Ceremony is what the server must remember between the two halves: JSON, whose
// members are this package's own business. It holds a challenge, which is no
// secret, but whoever could change it could replay an old answer: it belongs in
// the database, not in the browser.
type Ceremony string

// kind keeps an answer to one question from passing for one to another.
type kind string

const (
	register kind = "register" // for a person who is signed in
	alone    kind = "alone"    // whoever it is
	beside   kind = "beside"   // a password that was right
)

// ceremony is the inside of a [Ceremony].
type ceremony struct {
	Kind         kind      `json:"kind"`
	Challenge    []byte    `json:"challenge"`
	SubscriberID string    `json:"subscriber,omitempty"`
	UserHandle   []byte    `json:"user_handle,omitempty"`
	Allowed      [][]byte  `json:"allowed,omitempty"`
	BegunAt      time.Time `json:"begun_at"`
}

// newCeremony draws the challenge.
func newCeremony(random io.Reader, k kind, subscriberID string, now time.Time) (ceremony, error) {
	c := ceremony{Kind: k, Challenge: make([]byte, challengeSize), SubscriberID: subscriberID, BegunAt: now}
	if _, err := io.ReadFull(random, c.Challenge); err != nil {
		return ceremony{}, fmt.Errorf("passkey: challenge: %w", err)
	}
	return c, nil
}

// seal returns the ceremony as it is kept.
func (c ceremony) seal() (Ceremony, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("passkey: ceremony: %w", err)
	}
	return Ceremony(text), nil
}

// open reads a ceremony that must be of one of these kinds and alive.
func (c Ceremony) open(now time.Time, kinds ...kind) (ceremony, error) {
	var in ceremony
	if err := json.Unmarshal([]byte(c), &in); err != nil || len(in.Challenge) != challengeSize {
		return ceremony{}, ErrCeremony
	}
	if !slices.Contains(kinds, in.Kind) { //guard:WAN-1
		return ceremony{}, ErrCeremony
	}
	if age := now.Sub(in.BegunAt); age < 0 || age >= Lifetime { //guard:WAN-1
		return ceremony{}, ErrExpired
	}
	return in, nil
}

// session returns the ceremony as the library wants it. Its own expiry stays
// off: it would look at another clock.
func (c ceremony) session() webauthn.SessionData {
	return webauthn.SessionData{Challenge: EncodeID(c.Challenge), UserID: c.UserHandle}
}

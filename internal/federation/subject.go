package federation

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"time"
)

var (
	// ErrNoParticipation means that the service has no part in the session.
	ErrNoParticipation = errors.New("federation: no such participation")

	// ErrSessionEnded means that the session has ended before a service was told.
	ErrSessionEnded = errors.New("federation: the session has ended")
)

// subjectLength is the length of a pairwise value in base32 characters: 160 bits.
const subjectLength = 32

// PairwiseValue computes the value that a subscriber gets in a sector. It is
// computed once and then kept: the key may be rotated, and values of a former
// identity provider imported.
func PairwiseValue(key []byte, sector, subscriberID string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(sector + "\x1f" + subscriberID))
	return base32.StdEncoding.EncodeToString(mac.Sum(nil))[:subjectLength]
}

// SubjectOwner says whom a sector knows by a value.
type SubjectOwner struct {
	Sector       string
	SubscriberID string
}

// Participation is the part that a service has in a session. It drives the list
// of services beside a session, and logout.
type Participation struct {
	SubscriberID string
	SessionID    string // empty once the session has ended
	Service      string
	Subject      string // the value that the service has of the person
	SID          string // the name of the session towards this service alone
	Since        time.Time
}

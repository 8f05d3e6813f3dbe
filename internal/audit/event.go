package audit

import (
	"crypto/sha256"
	"encoding/hex"
)

// The events. Names never change: the trail is read for years.
const (
	SignIn            Name = "signin"
	SignOut           Name = "signout"
	Enrolment         Name = "enrolment"
	Recovery          Name = "recovery"
	RecoveryLink      Name = "recovery.link"
	PasswordForgotten Name = "password_forgotten"
	SubscriberAdded   Name = "subscriber.added"
	SubscriberEdited  Name = "subscriber.changed"
	Suspend           Name = "subscriber.suspended"
	Resume            Name = "subscriber.resumed"
	Unlock            Name = "subscriber.unlocked"
	RoleChanged       Name = "subscriber.role"
	ActivationCode    Name = "activation_code.issued"
	ServiceChanged    Name = "service.changed"
	ClockAccepted     Name = "clock.accepted"
	TrailRead         Name = "audit.read"
	Resealed          Name = "key_file.resealed"
)

// HashAgent returns what is kept of a browser's User-Agent: enough to see that
// two events came from the same kind of browser.
func HashAgent(agent string) string {
	if agent == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(agent))
	return hex.EncodeToString(sum[:8])
}

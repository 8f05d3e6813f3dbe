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
	TrustEnded        Name = "trusted_browser.ended"
	Address           Name = "notification_address"
	ChangeRecognized  Name = "change_recognized"
	ChangeReported    Name = "change_reported"
	Authenticator     Name = "authenticator"
	Passkey           Name = "passkey"
	RecoveryCodes     Name = "recovery_codes"
	SessionEnded      Name = "session.ended"
	PasswordChanged   Name = "password_changed"
	SubscriberAdded   Name = "subscriber.added"
	SubscriberEdited  Name = "subscriber.changed"
	Suspend           Name = "subscriber.suspended"
	Resume            Name = "subscriber.resumed"
	Unlock            Name = "subscriber.unlocked"
	Unfreeze          Name = "subscriber.unfrozen"
	RoleChanged       Name = "subscriber.role"
	PrivilegeChanged  Name = "subscriber.privileged"
	ActivationCode    Name = "activation_code.issued"
	DeskCase          Name = "desk.case"
	DeskEntry         Name = "desk.entry"
	DeskStop          Name = "desk.agent_stopped"
	DeskLift          Name = "desk.agent_lifted"
	DeskLookUp        Name = "desk.look_up"
	ServiceChanged    Name = "service.changed"
	AlarmRaised       Name = "alarm_raised"
	ClockAccepted     Name = "clock.accepted"
	TrailRead         Name = "audit.read"
	Resealed          Name = "key_file.resealed"
)

// Keys of an event's details that the person's own history reads.
const (
	DetailCaller  = "caller"  // network address of the caller, for whom an agent acts from another one
	DetailDevice  = "device"  // the browser and its system, such as "Chrome・Windows"
	DetailDrift   = "drift"   // how wrong the clock was that has shown a TOTP, such as "2m0s"
	DetailService = "service" // the id of the service that a sign-in was for
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

package passkey

import (
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"warifu/internal/authenticator"
)

var (
	// ErrMalformed means that the answer of the browser cannot be read.
	ErrMalformed = errors.New("passkey: malformed")

	// ErrExpired means that the ceremony began longer than [Lifetime] ago, or in
	// the future.
	ErrExpired = errors.New("passkey: expired")

	// ErrCeremony means that the ceremony is of another kind or of another
	// person, or that there is none.
	ErrCeremony = errors.New("passkey: another ceremony")

	// ErrOwner means that the credential is not one of those that were asked for,
	// or that it names another person than its owner.
	ErrOwner = errors.New("passkey: another person's credential")

	// ErrRefused means that the answer proves nothing: another origin, site or
	// challenge, no user verification where it is needed, or a wrong signature.
	ErrRefused = errors.New("passkey: refused")

	// ErrCloned means that the answer is right in all but the count of
	// signatures, which is not greater than the last one: the key may exist twice
	// (WebAuthn §6.1.1). It is refused, and the person is told (WAN-2).
	ErrCloned = errors.New("passkey: the signature count went back")

	// ErrNotFound means that nobody has a credential with this id.
	ErrNotFound = errors.New("passkey: no such credential")

	// ErrExists means that somebody has a credential with this id already (WAN-2).
	ErrExists = errors.New("passkey: the credential is registered already")
)

// Credential is a passkey of a subscriber. Of its key, the public half alone is
// known here.
type Credential struct {
	ID             []byte // chosen by the authenticator; unique over all people (WAN-2)
	SubscriberID   string
	UserHandle     []byte // the account as the authenticator knows it
	Name           string // given by the person, to tell several apart; see [ProposeName]
	PublicKey      []byte // COSE (RFC 9052 §7)
	SignCount      uint32 // of the last signature; 0 where the authenticator does not count
	UserVerified   bool   // at the registration
	BackupEligible bool   // it may be copied to other devices, as by the maker's account
	BackupState    bool   // it was, when it was last used
	AAGUID         []byte // make of the authenticator, 16 bytes; zeros if it does not say
	Transports     []string
	BoundBy        authenticator.BoundBy
	CreatedAt      time.Time
	LastUsedAt     time.Time // zero if never
}

// Assertion is what a passkey has proven.
type Assertion struct {
	Credential Credential // with SignCount, BackupState and LastUsedAt as they are to be stored
	UV         bool       // the authenticator verified its user, by PIN or biometrics
}

// Evidence returns the proof as a session keeps it.
func (a Assertion) Evidence() authenticator.Evidence {
	return authenticator.Evidence{
		Kind: authenticator.Passkey, ID: EncodeID(a.Credential.ID), At: a.Credential.LastUsedAt, UV: a.UV, By: a.Credential.BoundBy,
	}
}

// EncodeID returns the id of a credential in base64url without padding, as in
// evidence and forms.
func EncodeID(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

// DecodeID undoes [EncodeID]; ok is false for what it never returns.
func DecodeID(s string) (id []byte, ok bool) {
	id, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(id) == 0 || len(id) > maxIDLength || EncodeID(id) != s {
		return nil, false
	}
	return id, true
}

// maxIDLength is the length of the longest credential id in bytes (WebAuthn §4).
const maxIDLength = 1023

// transports are the words that are stored and given back to browsers
// (WebAuthn §5.8.4). Others would be of no use to them.
var transports = []string{"ble", "hybrid", "internal", "nfc", "smart-card", "usb"}

func knownTransports(all []protocol.AuthenticatorTransport) (known []string) {
	for _, t := range all {
		if s := string(t); slices.Contains(transports, s) && !slices.Contains(known, s) {
			known = append(known, s)
		}
	}
	slices.Sort(known)
	return known
}

// descriptors returns credentials as browsers want them.
func descriptors(all []Credential) (list []protocol.CredentialDescriptor) {
	for _, c := range all {
		d := protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: c.ID}
		for _, t := range c.Transports {
			d.Transport = append(d.Transport, protocol.AuthenticatorTransport(t))
		}
		list = append(list, d)
	}
	return list
}

// owner is a subscriber as the library wants one.
type owner struct {
	handle      []byte
	credentials []webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return o.handle }
func (o owner) WebAuthnName() string                       { return "" }
func (o owner) WebAuthnDisplayName() string                { return "" }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.credentials }

// ownerOf returns the owner of one credential, with that one alone.
func ownerOf(c Credential) owner {
	return owner{handle: c.UserHandle, credentials: []webauthn.Credential{{
		ID: c.ID, PublicKey: c.PublicKey,
		Flags:         webauthn.CredentialFlags{UserVerified: c.UserVerified, BackupEligible: c.BackupEligible, BackupState: c.BackupState},
		Authenticator: webauthn.Authenticator{AAGUID: c.AAGUID, SignCount: c.SignCount},
	}}}
}

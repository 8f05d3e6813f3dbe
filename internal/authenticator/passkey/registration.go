package passkey

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Person is for whom a passkey is made. Name and Display are for the person's
// own device, which shows them when there are several accounts.
type Person struct {
	SubscriberID string
	Name         string // as the person signs in
	Display      string
}

// algorithms are those that all authenticators can do one of, in the order of
// preference (WebAuthn §5.4, pubKeyCredParams).
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// BeginRegistration returns the options for navigator.credentials.create(), in
// the JSON form of WebAuthn §5.1.8 under "publicKey", and what to keep. An
// authenticator that has one of the present passkeys makes no second. Whether
// the person may make one (TOTP-12, WAN-4) is the caller's to know.
func (p *Party) BeginRegistration(who Person, present []Credential, now time.Time) (options []byte, _ Ceremony, err error) {
	c, err := newCeremony(p.random, register, who.SubscriberID, now)
	if err != nil {
		return nil, "", err
	}
	c.UserHandle = p.userHandle(who.SubscriberID, present)
	options, err = json.Marshal(protocol.CredentialCreation{Response: protocol.PublicKeyCredentialCreationOptions{
		RelyingParty: protocol.RelyingPartyEntity{ID: p.policy.RPID, CredentialEntity: protocol.CredentialEntity{Name: p.policy.Name}},
		User: protocol.UserEntity{
			ID: protocol.URLEncodedBase64(c.UserHandle), DisplayName: who.Display, CredentialEntity: protocol.CredentialEntity{Name: who.Name},
		},
		Challenge:             c.Challenge,
		Parameters:            algorithms,
		Timeout:               int(Lifetime.Milliseconds()),
		CredentialExcludeList: descriptors(present),
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: protocol.ResidentKeyRequired(), // for browsers of Level 1
			ResidentKey:        protocol.ResidentKeyRequirementRequired,
			UserVerification:   protocol.VerificationRequired,
		},
		Attestation: protocol.PreferNoAttestation, // WAN-4
	}})
	if err != nil {
		return nil, "", fmt.Errorf("passkey: options: %w", err)
	}
	kept, err := c.seal()
	return options, kept, err
}

// userHandle returns the handle of the account: that of its passkeys if it has
// any, so that it stays the same when the key of the handles is rotated, and a
// device that is asked again replaces the passkey instead of adding one.
func (p *Party) userHandle(subscriberID string, present []Credential) []byte {
	if len(present) > 0 {
		return present[0].UserHandle
	}
	return p.handles.Sum(handleContext, []byte(subscriberID))
}

// FinishRegistration verifies the answer to [Party.BeginRegistration] for the
// same person (WebAuthn §7.1), and returns what to store; Name and BoundBy are
// the caller's to fill in. Whether the id is new, the store knows (WAN-2). The
// errors are [ErrMalformed], [ErrExpired], [ErrCeremony] and [ErrRefused].
func (p *Party) FinishRegistration(kept Ceremony, subscriberID string, response []byte, now time.Time) (Credential, error) {
	c, err := kept.open(now, register)
	if err != nil {
		return Credential{}, err
	}
	if c.SubscriberID != subscriberID || subscriberID == "" { //guard:WAN-4
		return Credential{}, ErrCeremony
	}
	if len(response) > maxResponse {
		return Credential{}, ErrMalformed
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return Credential{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if !slices.Contains(p.policy.Origins, parsed.Response.CollectedClientData.Origin) { //guard:WAN-1
		return Credential{}, fmt.Errorf("%w: origin", ErrRefused)
	}
	session := c.session()
	session.UserVerification, session.CredParams = protocol.VerificationRequired, algorithms
	made, err := p.library.CreateCredential(owner{handle: c.UserHandle}, session, parsed)
	if err != nil {
		return Credential{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if len(made.ID) == 0 || len(made.ID) > maxIDLength || len(made.Authenticator.AAGUID) != aaguidSize {
		return Credential{}, ErrMalformed
	}
	return Credential{
		ID:             made.ID,
		SubscriberID:   subscriberID,
		UserHandle:     c.UserHandle,
		PublicKey:      made.PublicKey,
		SignCount:      made.Authenticator.SignCount,
		UserVerified:   true,
		BackupEligible: made.Flags.BackupEligible,
		BackupState:    made.Flags.BackupState,
		AAGUID:         made.Authenticator.AAGUID,
		Transports:     knownTransports(made.Transport),
		CreatedAt:      now,
	}, nil
}

package passkey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"warifu/internal/secret"
)

// handleContext says what the MAC of a user handle is over.
const handleContext = "passkey user handle"

// maxResponse is the length in bytes of the longest answer that is read.
const maxResponse = 64 << 10

// Party is the relying party of WebAuthn: the site that passkeys belong to. It
// is safe for concurrent use.
type Party struct {
	policy  Policy
	handles *secret.MAC
	random  io.Reader
	library *webauthn.WebAuthn
}

// NewParty returns the party of a policy. handles makes user handles of
// subscribers' ids; random makes challenges.
func NewParty(p Policy, handles *secret.MAC, random io.Reader) (*Party, error) {
	if handles == nil || random == nil {
		return nil, errors.New("passkey: no key for user handles, or no randomness")
	}
	if err := errors.Join(p.Validate()...); err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	library, err := webauthn.New(&webauthn.Config{
		RPID: p.RPID, RPDisplayName: p.Name, RPOrigins: slices.Clone(p.Origins),
		// No extension is asked for and the output of none is read; some password
		// managers send one all the same.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	p.Origins = slices.Clone(p.Origins)
	return &Party{policy: p, handles: handles, random: random, library: library}, nil
}

// BeginAlone returns the options for navigator.credentials.get() where nobody is
// named yet, in the JSON form of WebAuthn §5.1.9 under "publicKey", and what to
// keep. The passkey tells who it is, and must verify its user.
func (p *Party) BeginAlone(now time.Time) (options []byte, _ Ceremony, err error) {
	c, err := newCeremony(p.random, alone, "", now)
	if err != nil {
		return nil, "", err
	}
	return p.ask(c, nil, protocol.VerificationRequired)
}

// BeginBeside is [Party.BeginAlone] for a person whose password was right, and
// who has these passkeys: one of them is asked for, with user verification if it
// can. It must not be used before the password: the options tell what the person
// has (WAN-3). A person without a passkey is an [ErrOwner].
func (p *Party) BeginBeside(subscriberID string, present []Credential, now time.Time) (options []byte, _ Ceremony, err error) {
	foreign := func(c Credential) bool { return c.SubscriberID != subscriberID }
	if subscriberID == "" || len(present) == 0 || slices.ContainsFunc(present, foreign) { //guard:WAN-1
		return nil, "", ErrOwner
	}
	c, err := newCeremony(p.random, beside, subscriberID, now)
	if err != nil {
		return nil, "", err
	}
	for _, one := range present {
		c.Allowed = append(c.Allowed, one.ID)
	}
	return p.ask(c, present, protocol.VerificationPreferred)
}

func (p *Party) ask(c ceremony, present []Credential, uv protocol.UserVerificationRequirement) (options []byte, _ Ceremony, err error) {
	options, err = json.Marshal(protocol.CredentialAssertion{Response: protocol.PublicKeyCredentialRequestOptions{
		Challenge:          c.Challenge,
		Timeout:            int(Lifetime.Milliseconds()),
		RelyingPartyID:     p.policy.RPID,
		AllowedCredentials: descriptors(present),
		UserVerification:   uv,
	}})
	if err != nil {
		return nil, "", fmt.Errorf("passkey: options: %w", err)
	}
	kept, err := c.seal()
	return options, kept, err
}

// CredentialID returns which credential an answer says it is by, to look it up.
// It proves nothing.
func CredentialID(response []byte) ([]byte, error) {
	parsed, err := parseAssertion(response)
	if err != nil {
		return nil, err
	}
	return parsed.RawID, nil
}

func parseAssertion(response []byte) (*protocol.ParsedCredentialAssertionData, error) {
	if len(response) > maxResponse {
		return nil, ErrMalformed
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(parsed.RawID) > maxIDLength {
		return nil, ErrMalformed
	}
	return parsed, nil
}

// FinishAssertion verifies the answer to [Party.BeginAlone] or
// [Party.BeginBeside] with the stored credential that it names (WebAuthn §7.2).
// Who accepts the assertion stores its credential in one statement, which
// refuses a count that another request has used meanwhile. The errors are
// [ErrMalformed], [ErrExpired], [ErrCeremony], [ErrOwner], [ErrRefused] and
// [ErrCloned].
func (p *Party) FinishAssertion(kept Ceremony, stored Credential, response []byte, now time.Time) (Assertion, error) {
	c, err := kept.open(now, alone, beside)
	if err != nil {
		return Assertion{}, err
	}
	parsed, err := parseAssertion(response)
	if err != nil {
		return Assertion{}, err
	}
	if err := checkOwner(c, stored, parsed); err != nil {
		return Assertion{}, err
	}
	if !slices.Contains(p.policy.Origins, parsed.Response.CollectedClientData.Origin) { //guard:WAN-1
		return Assertion{}, fmt.Errorf("%w: origin", ErrRefused)
	}
	data := parsed.Response.AuthenticatorData
	if c.Kind == alone && !data.Flags.HasUserVerified() { //guard:WAN-1
		return Assertion{}, fmt.Errorf("%w: no user verification", ErrRefused)
	}
	session := c.session()
	session.UserID = stored.UserHandle
	if _, err := p.library.ValidateLogin(ownerOf(stored), session, parsed); err != nil {
		return Assertion{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if !stored.BackupEligible && !counts(stored.SignCount, data.Counter) { //guard:WAN-2
		return Assertion{}, ErrCloned
	}
	stored.SignCount, stored.BackupState, stored.LastUsedAt = data.Counter, data.Flags.HasBackupState(), now
	return Assertion{Credential: stored, UV: data.Flags.HasUserVerified()}, nil
}

// checkOwner wants the answer to be by the stored credential, that one to be
// among those asked for, and the user handle to be its owner's. Only beside a
// password may the handle be missing (WebAuthn §7.2, step 6).
func checkOwner(c ceremony, stored Credential, parsed *protocol.ParsedCredentialAssertionData) error {
	if len(stored.ID) == 0 || !bytes.Equal(stored.ID, parsed.RawID) || stored.SubscriberID == "" || len(stored.UserHandle) == 0 { //guard:WAN-1
		return ErrOwner
	}
	handle := parsed.Response.UserHandle
	if (c.Kind == alone || len(handle) > 0) && !bytes.Equal(handle, stored.UserHandle) { //guard:WAN-1
		return ErrOwner
	}
	if c.Kind == alone {
		return nil
	}
	asked := func(id []byte) bool { return bytes.Equal(id, stored.ID) }
	if stored.SubscriberID != c.SubscriberID || !slices.ContainsFunc(c.Allowed, asked) { //guard:WAN-1
		return ErrOwner
	}
	return nil
}

// counts reports whether a signature count may follow another: it must be
// greater, unless the authenticator does not count at all (WebAuthn §6.1.1).
func counts(last, next uint32) bool { return last < next || last == 0 && next == 0 }

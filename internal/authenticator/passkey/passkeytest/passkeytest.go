// Package passkeytest is an authenticator in software, for tests: it makes
// passkeys and signs with them as a browser and a security key do together, and
// as an attacker would. It knows nothing of the package that it tests.
package passkeytest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// The flags of authenticator data (WebAuthn §6.1).
const (
	UP = 0x01 // the user was there
	UV = 0x04 // and verified
	BE = 0x08 // the credential may be copied
	BS = 0x10 // and was
	AT = 0x40 // attested credential data follow
)

// Device is a browser at one origin with one authenticator. The fields may be
// changed between its acts.
type Device struct {
	Origin    string
	Flags     byte   // UP|UV from [New]
	SignCount uint32 // that the next signature has
	Counts    bool   // whether SignCount rises with each signature
	AAGUID    [16]byte
	Passkeys  []*Passkey

	// What an attacker changes; nil for nothing.
	ClientData func(map[string]any) // before it is hashed
	AuthData   func([]byte) []byte  // before it is signed
	Signature  func([]byte) []byte
	Response   func(map[string]any)
}

// Passkey is one that a device holds, with the private key.
type Passkey struct {
	ID         []byte
	RPID       string
	UserHandle []byte
	Key        *ecdsa.PrivateKey
}

// New returns a device without a passkey, which verifies its user and counts.
func New(origin string) *Device {
	return &Device{Origin: origin, Flags: UP | UV, SignCount: 1, Counts: true}
}

// ErrExcluded means that the device holds a passkey that is to be left out, or
// none that is asked for.
var ErrExcluded = errors.New("passkeytest: no fitting passkey")

type descriptor struct {
	ID base64url `json:"id"`
}

// Create does what navigator.credentials.create() does with options, and
// returns what toJSON() makes of the result.
func (d *Device) Create(options []byte) (response []byte, err error) {
	var in struct {
		PublicKey struct {
			RP struct {
				ID string `json:"id"`
			} `json:"rp"`
			User struct {
				ID base64url `json:"id"`
			} `json:"user"`
			Challenge base64url    `json:"challenge"`
			Exclude   []descriptor `json:"excludeCredentials"`
		} `json:"publicKey"`
	}
	if err := json.Unmarshal(options, &in); err != nil {
		return nil, fmt.Errorf("passkeytest: options: %w", err)
	}
	for _, one := range in.PublicKey.Exclude {
		if d.find(one.ID) != nil {
			return nil, ErrExcluded
		}
	}
	p := &Passkey{ID: []byte(rand.Text()), RPID: in.PublicKey.RP.ID, UserHandle: in.PublicKey.User.ID, Key: NewKey()}
	d.Passkeys = append(d.Passkeys, p)
	return d.Attest(p, in.PublicKey.Challenge)
}

// Attest answers a challenge for a new passkey with p.
func (d *Device) Attest(p *Passkey, challenge []byte) (response []byte, err error) {
	client, err := d.clientData("webauthn.create", challenge)
	if err != nil {
		return nil, err
	}
	cose, err := coseKey(&p.Key.PublicKey)
	if err != nil {
		return nil, err
	}
	data := d.authData(p.RPID, d.Flags|AT)
	data = append(data, d.AAGUID[:]...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(p.ID))) //nolint:gosec // rand.Text is short
	data = append(append(data, p.ID...), cose...)
	if d.AuthData != nil {
		data = d.AuthData(data)
	}
	object := append([]byte{0xa3}, text("fmt")...)
	object = append(append(object, text("none")...), text("attStmt")...)
	object = append(append(object, 0xa0), text("authData")...)
	object = append(object, byteString(data)...)
	return d.respond(p.ID, map[string]any{
		"clientDataJSON": base64url(client), "attestationObject": base64url(object), "transports": []string{"internal", "hybrid"},
	})
}

// Get does what navigator.credentials.get() does with options: the person takes
// the newest passkey that fits.
func (d *Device) Get(options []byte) (response []byte, err error) {
	var in struct {
		PublicKey struct {
			RPID      string       `json:"rpId"`
			Challenge base64url    `json:"challenge"`
			Allow     []descriptor `json:"allowCredentials"`
		} `json:"publicKey"`
	}
	if err := json.Unmarshal(options, &in); err != nil {
		return nil, fmt.Errorf("passkeytest: options: %w", err)
	}
	var chosen *Passkey
	for _, p := range d.Passkeys {
		if p.RPID == in.PublicKey.RPID && len(in.PublicKey.Allow) == 0 {
			chosen = p
		}
	}
	for _, one := range in.PublicKey.Allow {
		if p := d.find(one.ID); p != nil {
			chosen = p
		}
	}
	if chosen == nil {
		return nil, ErrExcluded
	}
	return d.Sign(chosen, in.PublicKey.Challenge)
}

// Sign answers a challenge with a passkey, whatever was asked for.
func (d *Device) Sign(p *Passkey, challenge []byte) (response []byte, err error) {
	client, err := d.clientData("webauthn.get", challenge)
	if err != nil {
		return nil, err
	}
	data := d.authData(p.RPID, d.Flags)
	if d.AuthData != nil {
		data = d.AuthData(data)
	}
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(bytes.Clone(data), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, p.Key, sum[:])
	if err != nil {
		return nil, err
	}
	if d.Signature != nil {
		signature = d.Signature(signature)
	}
	return d.respond(p.ID, map[string]any{
		"clientDataJSON": base64url(client), "authenticatorData": base64url(data), "signature": base64url(signature), "userHandle": base64url(p.UserHandle),
	})
}

func (d *Device) find(id []byte) *Passkey {
	for _, p := range d.Passkeys {
		if bytes.Equal(p.ID, id) {
			return p
		}
	}
	return nil
}

func (d *Device) clientData(kind string, challenge []byte) ([]byte, error) {
	client := map[string]any{"type": kind, "challenge": base64url(challenge), "origin": d.Origin, "crossOrigin": false}
	if d.ClientData != nil {
		d.ClientData(client)
	}
	return json.Marshal(client)
}

// authData returns the first 37 bytes (WebAuthn §6.1), and counts.
func (d *Device) authData(rpID string, flags byte) []byte {
	hash := sha256.Sum256([]byte(rpID))
	data := binary.BigEndian.AppendUint32(append(hash[:], flags), d.SignCount)
	if d.Counts {
		d.SignCount++
	}
	return data
}

func (d *Device) respond(id []byte, inner map[string]any) ([]byte, error) {
	response := map[string]any{"id": base64url(id), "rawId": base64url(id), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": inner}
	if d.Response != nil {
		d.Response(response)
	}
	return json.Marshal(response)
}

// coseKey returns a public key for ES256 (RFC 9053 §7.1.1).
func coseKey(key *ecdsa.PublicKey) ([]byte, error) {
	point, err := key.Bytes() // 0x04, x, y
	if err != nil {
		return nil, err
	}
	cose := append([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21}, byteString(point[1:33])...)
	return append(append(cose, 0x22), byteString(point[33:])...), nil
}

// byteString and text are CBOR (RFC 8949 §3.1).
func byteString(b []byte) []byte { return append(head(0x40, len(b)), b...) }
func text(s string) []byte       { return append(head(0x60, len(s)), s...) }

func head(major byte, n int) []byte {
	switch {
	case n < 24:
		return []byte{major | byte(n)} //nolint:gosec // n is less than 24
	case n < 256:
		return []byte{major | 24, byte(n)}
	}
	return binary.BigEndian.AppendUint16([]byte{major | 25}, uint16(n)) //nolint:gosec // what is made here has some hundred bytes
}

// base64url is what WebAuthn writes bytes as in JSON.
type base64url []byte

func (b base64url) MarshalText() ([]byte, error) {
	return []byte(base64.RawURLEncoding.EncodeToString(b)), nil
}

func (b *base64url) UnmarshalText(t []byte) (err error) {
	*b, err = base64.RawURLEncoding.DecodeString(string(t))
	return err
}

// NewKey returns a key for ES256.
func NewKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // crypto/rand has ended the process before
	}
	return key
}

// Challenge returns the challenge that options ask to sign, or nil.
func Challenge(options []byte) []byte {
	var in struct {
		PublicKey struct {
			Challenge base64url `json:"challenge"`
		} `json:"publicKey"`
	}
	if err := json.Unmarshal(options, &in); err != nil {
		return nil
	}
	return in.PublicKey.Challenge
}

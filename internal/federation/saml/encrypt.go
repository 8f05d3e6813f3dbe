package saml

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // G505: OAEP's own use of it, the one that all peers can read
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"warifu/internal/federation"
)

// The algorithms of encryption (XML Encryption 1.1 §5).
const (
	cipherAES256  = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
	cipherAES128  = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	transportOAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	digestSHA1    = "http://www.w3.org/2000/09/xmldsig#sha1"
	typeElement   = "http://www.w3.org/2001/04/xmlenc#Element"
)

// ErrEncryption means that a service names no key or algorithm with which we can
// encrypt for it.
var ErrEncryption = errors.New("saml: no key or algorithm to encrypt for the service")

// recipient is whom an assertion is encrypted for, and how.
type recipient struct {
	key    *rsa.PublicKey
	cipher string
	size   int // of the content key, bytes
}

// recipientOf chooses by the service's record and its metadata; nil means that
// the assertion stays readable, because the record says so or the service has no
// key at all (SAML-3).
func recipientOf(e *Entity, mode federation.Encryption) (*recipient, error) {
	if mode == federation.EncryptionOff || mode != federation.EncryptionRequired && len(e.Encryption) == 0 {
		return nil, nil
	}
	for _, k := range e.Encryption {
		if k.Key == nil { //guard:SAML-3
			continue
		}
		ciphers := slices.DeleteFunc(slices.Clone(k.Methods), func(method string) bool {
			return !strings.Contains(method, "#aes") && !strings.Contains(method, "#tripledes")
		})
		switch {
		case len(ciphers) == 0, slices.Contains(ciphers, cipherAES256):
			return &recipient{key: k.Key, cipher: cipherAES256, size: 32}, nil
		case slices.Contains(ciphers, cipherAES128):
			return &recipient{key: k.Key, cipher: cipherAES128, size: 16}, nil
		}
	}
	return nil, fmt.Errorf("%w %s", ErrEncryption, e.ID)
}

// encrypt returns an EncryptedAssertion with the bytes of an assertion.
func (r *recipient) encrypt(assertion []byte, random io.Reader) (*etree.Element, error) {
	key := make([]byte, r.size)
	iv := make([]byte, 12) // XML Encryption 1.1 §5.2.4
	for _, b := range [][]byte{key, iv} {
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, fmt.Errorf("saml: encrypt: %w", err)
		}
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("saml: encrypt: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("saml: encrypt: %w", err)
	}
	sealed := gcm.Seal(iv, iv, assertion, nil)
	wrapped, err := rsa.EncryptOAEP(sha1.New(), random, r.key, key, nil) //nolint:gosec // G401: likewise
	if err != nil {
		return nil, fmt.Errorf("saml: encrypt: %w", err)
	}
	return r.element(sealed, wrapped), nil
}

func (r *recipient) element(sealed, wrapped []byte) *etree.Element {
	root := attributed(etree.NewElement("saml:EncryptedAssertion"), "xmlns:saml", nsAssertion)
	data := add(root, "xenc:EncryptedData", "xmlns:xenc", nsEncryption, "Type", typeElement)
	add(data, "xenc:EncryptionMethod", "Algorithm", r.cipher)
	key := add(add(data, "ds:KeyInfo", "xmlns:ds", nsSignature), "xenc:EncryptedKey")
	add(add(key, "xenc:EncryptionMethod", "Algorithm", transportOAEP), "ds:DigestMethod", "Algorithm", digestSHA1)
	addText(add(key, "xenc:CipherData"), "xenc:CipherValue", base64.StdEncoding.EncodeToString(wrapped))
	addText(add(data, "xenc:CipherData"), "xenc:CipherValue", base64.StdEncoding.EncodeToString(sealed))
	return root
}

package keyring

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
)

// ErrBroughtKey means that a key or its certificate cannot be used.
var ErrBroughtKey = errors.New("keyring: the key cannot be used")

func unusable(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrBroughtKey}, args...)...)
}

// Bring takes over the key of a former identity provider, in PEM (PKCS #8 or
// PKCS #1, RSA of 2048 bits or more), with its certificate, so that services which
// have only that go on. Where no key of the kind [SAML] signs yet it does so at
// once; else it takes the place of the next one, and a rotation puts it into use.
// It returns the state that it has now. Its errors are [ErrBroughtKey] or those of
// the store.
func (s *Signing) Bring(ctx context.Context, keyPEM, certificatePEM []byte, actor string) (state SigningState, err error) {
	private, err := readKey(keyPEM)
	if err != nil {
		return "", err
	}
	certificate, err := readCertificate(certificatePEM, private)
	if err != nil {
		return "", err
	}
	err = s.InTx(ctx, func(tx SigningTx) error {
		keys, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		if state = Active; s.has(keys, SAML, Active) {
			state = Next
		}
		k, err := s.seal(private, SAML, state)
		if err != nil {
			return err
		}
		k.Certificate = base64.StdEncoding.EncodeToString(certificate)
		for _, other := range keys {
			switch {
			case other.KID == k.KID:
				return unusable("it is there already, %s", other.State)
			case other.Algorithm == SAML && other.State == state:
				if err := tx.DeleteSigningKey(ctx, other.KID); err != nil {
					return err
				}
			}
		}
		created, err := tx.CreateSigningKey(ctx, k)
		if err != nil {
			return err
		}
		if !created {
			return unusable("another one has come at the same time")
		}
		return tx.RecordSigningKey(ctx, "signing key brought, "+string(state), k.KID, actor, k.CreatedAt)
	})
	if err != nil {
		return "", err
	}
	return state, s.reload(ctx)
}

func readKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, unusable("it is not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return checkKey(key)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, unusable("it is neither PKCS #8 nor PKCS #1, or under a passphrase")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, unusable("it is not RSA")
	}
	return checkKey(key)
}

func checkKey(key *rsa.PrivateKey) (*rsa.PrivateKey, error) {
	if key.N.BitLen() < rsaBits {
		return nil, unusable("it has %d bits, and %d are the least", key.N.BitLen(), rsaBits)
	}
	return key, nil
}

// readCertificate returns the DER. That it has expired does not matter: metadata
// is about keys.
func readCertificate(text []byte, key *rsa.PrivateKey) ([]byte, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, unusable("the certificate is not PEM")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, unusable("the certificate cannot be read")
	}
	if !key.PublicKey.Equal(certificate.PublicKey) {
		return nil, unusable("the certificate is of another key")
	}
	return certificate.Raw, nil
}

package keyring_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	"warifu/internal/keyring"
)

func inPEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// former is a key of another identity provider, as openssl writes it, with its
// certificate, which has expired.
func former(t *testing.T, key crypto.Signer) (keyPEM, certificatePEM []byte) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ensure(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ensure(t, err)
	return inPEM("PRIVATE KEY", der), inPEM("CERTIFICATE", certificate)
}

// TestBring takes over a key where none signs, and beside one that does as the next
// one, with its certificate; the tokens' keys stay as they are. SAML-10.
func TestBring(t *testing.T) {
	one := newNodes(t, 1)[0]
	first, err := rsa.GenerateKey(rand.Reader, 2048)
	ensure(t, err)
	second, err := rsa.GenerateKey(rand.Reader, 2048)
	ensure(t, err)
	keyPEM, certificate := former(t, first)
	if state, err := one.Bring(t.Context(), keyPEM, certificate, "command"); err != nil || state != keyring.Active {
		t.Fatalf("%s, %v", state, err)
	}
	ensure(t, one.Ensure(t.Context(), keyring.SAML))
	ensure(t, one.Maintain(t.Context()))
	keys, err := one.LongLived(t.Context())
	block, _ := pem.Decode(certificate)
	if err != nil || len(keys) != 2 || !first.PublicKey.Equal(keys[0].Signer.Public()) || !bytes.Equal(keys[0].Certificate, block.Bytes) || keys[1].Certificate != nil {
		t.Errorf("%+v, %v", keys, err)
	}
	_, certificate = former(t, second)
	keyPEM = inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(second))
	if state, err := one.Bring(t.Context(), keyPEM, certificate, "command"); err != nil || state != keyring.Next {
		t.Fatalf("%s, %v", state, err)
	}
	if err := one.Rotate(t.Context(), keyring.SAML, "command"); !errors.Is(err, keyring.ErrTooEarly) {
		t.Errorf("at once: %v", err)
	}
	one.now = one.now.Add(24 * time.Hour)
	ensure(t, one.Rotate(t.Context(), keyring.SAML, "command"))
	if keys, err = one.LongLived(t.Context()); err != nil || len(keys) != 2 || !second.PublicKey.Equal(keys[0].Signer.Public()) || keys[1].Certificate != nil {
		t.Errorf("after the rotation: %+v, %v", keys, err)
	}
}

// TestBringFaults refuses what could not be used, and changes nothing.
func TestBringFaults(t *testing.T) {
	one := newNodes(t, 1)[0]
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ensure(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ensure(t, err)
	keyPEM, certificate := former(t, key)
	curvePEM, curveCertificate := former(t, curve)
	for name, c := range map[string]struct{ key, certificate []byte }{
		"no PEM":                  {[]byte("x"), certificate},
		"a curve":                 {curvePEM, curveCertificate},
		"under a passphrase":      {inPEM("ENCRYPTED PRIVATE KEY", []byte("x")), certificate},
		"no certificate":          {keyPEM, nil},
		"a broken certificate":    {keyPEM, inPEM("CERTIFICATE", []byte("x"))},
		"another's certificate":   {keyPEM, curveCertificate},
		"the certificate, as key": {certificate, certificate},
	} {
		if state, err := one.Bring(t.Context(), c.key, c.certificate, ""); !errors.Is(err, keyring.ErrBroughtKey) || state != "" {
			t.Errorf("%s: %s, %v", name, state, err)
		}
	}
	if keys, err := one.List(t.Context()); err != nil || len(keys) > 0 {
		t.Errorf("%v, %v", keys, err)
	}
	_, err = one.Bring(t.Context(), keyPEM, certificate, "")
	ensure(t, err)
	if _, err := one.Bring(t.Context(), keyPEM, certificate, ""); !errors.Is(err, keyring.ErrBroughtKey) {
		t.Errorf("twice: %v", err)
	}
}

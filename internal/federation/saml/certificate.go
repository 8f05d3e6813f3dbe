package saml

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/url"

	"warifu/internal/keyring"
)

// certificateYears is how long a certificate says that it is good: services take
// it for nothing but the wrapping of a key.
const certificateYears = 20

// certify returns a key with the certificate that it was brought along with, or
// wraps it into one by itself. It is the same on every node
// and at every time: all in it comes from the key, and the signature by RSA with
// PKCS #1 v1.5 has no randomness.
func certify(key keyring.LongLived, entityID string) (Credential, error) {
	if key.Certificate != nil {
		return Credential{Signer: key.Signer, Certificate: key.Certificate}, nil
	}
	host := entityID
	if u, err := url.Parse(entityID); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	serial := sha256.Sum256([]byte(key.KID))
	serial[0] &= 0x7f // positive
	template := &x509.Certificate{SerialNumber: new(big.Int).SetBytes(serial[:16]), Subject: pkix.Name{CommonName: host},
		NotBefore: key.CreatedAt, NotAfter: key.CreatedAt.AddDate(certificateYears, 0, 0), SignatureAlgorithm: x509.SHA256WithRSA}
	if net.ParseIP(host) == nil {
		template.DNSNames = []string{host} // a federation may compare it with the address
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Signer.Public(), key.Signer)
	if err != nil {
		return Credential{}, fmt.Errorf("saml: certificate: %w", err)
	}
	return Credential{Signer: key.Signer, Certificate: der}, nil
}

package saml

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"

	"warifu/internal/federation"
)

// Feed is metadata of others that are read again and again: the aggregate of a
// federation, or a server that answers for one service at a time.
type Feed struct {
	// ID is the name of the feed in the log, the audit trail and the commands.
	ID string `yaml:"id"`
	// URL is where the metadata are, at https.
	URL string `yaml:"url"`
	// File names a file that has them instead.
	File string `yaml:"file"`
	// Certificate is the certificate of their signer, in PEM; while the signer
	// changes its key, both. Its dates do not count.
	Certificate string `yaml:"certificate"`
	// CertificateFile names a file that holds it instead.
	CertificateFile string `yaml:"certificate_file"`
	// MaxValidity is how far ahead their validUntil may be; 0 means 672h, 28 days.
	MaxValidity time.Duration `yaml:"max_validity"`
	// Refresh is how often they are asked for; 0 means 1h.
	Refresh time.Duration `yaml:"refresh"`
	// Registrars, if given, are the registration authorities (mdrpi) whose services
	// alone count.
	Registrars []string `yaml:"registrars"`
	// MDQ is true where the URL is that of a Metadata Query server, which is asked
	// for a service when that first comes.
	MDQ bool `yaml:"mdq"`
}

const (
	defaultMaxValidity = 28 * 24 * time.Hour
	defaultRefresh     = time.Hour
	leastRefresh       = time.Minute
	mostRefresh        = 24 * time.Hour
	mostMaxValidity    = 366 * 24 * time.Hour
)

var feedID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// ReadFiles takes in the certificate that stands in a file of its own.
func (f *Feed) ReadFiles(read func(name string) ([]byte, error)) error {
	if f.CertificateFile == "" {
		return nil
	}
	text, err := read(f.CertificateFile)
	if err != nil {
		return err
	}
	f.Certificate += "\n" + string(text)
	return nil
}

// validate returns all faults, without the name of the feed.
func (f Feed) validate(loopback bool) (faults []error) {
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(!feedID.MatchString(f.ID), "id must be 1 to 32 small letters, digits and hyphens")
	fault((f.URL == "") == (f.File == ""), "url must be given, or file, and not both")
	fault(f.URL != "" && !isFeedAddress(f.URL, loopback), "url must be an address at https, without user and fragment")
	fault(f.MDQ && f.URL == "", "mdq must have an url")
	if keys, err := f.keys(); err != nil || len(keys) == 0 {
		fault(true, "certificate must be certificates in PEM")
	} else {
		fault(slices.ContainsFunc(keys, isWeak), "certificate must have a key of RSA with at least %d bits, or of a curve", minKeyBits)
	}
	fault(f.MaxValidity < 0 || f.MaxValidity > mostMaxValidity, "max_validity must be at most 8784h")
	fault(f.Refresh != 0 && (f.Refresh < leastRefresh || f.Refresh > mostRefresh), "refresh must be from 1m to 24h")
	return faults
}

func isFeedAddress(address string, loopback bool) bool {
	u, err := url.Parse(address)
	if err != nil || federation.CheckAddress(address, true) != nil {
		return false
	}
	return u.Scheme == "https" || loopback && (u.Hostname() == "127.0.0.1" || u.Hostname() == "::1" || u.Hostname() == "localhost")
}

var errPEM = errors.New("saml: not certificates in PEM")

// keys returns the certificates of the signer.
func (f Feed) keys() (all []*x509.Certificate, err error) {
	for rest := []byte(f.Certificate); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all, nil
		}
		if block.Type != "CERTIFICATE" {
			return nil, errPEM
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errPEM, err)
		}
		all = append(all, certificate)
	}
}

// signerOf names a key: its digest, whatever certificate it is in.
func signerOf(certificate *x509.Certificate) string {
	digest := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(digest[:])
}

// trusts reports whether the key is one of the feed's.
func (f Feed) trusts(signer string) bool {
	keys, err := f.keys()
	return err == nil && slices.ContainsFunc(keys, func(key *x509.Certificate) bool { return signerOf(key) == signer })
}

// admits reports whether the services of a registration authority count.
func (f Feed) admits(registrar string) bool {
	return len(f.Registrars) == 0 || slices.Contains(f.Registrars, registrar)
}

func (f Feed) maxValidity() time.Duration {
	if f.MaxValidity > 0 {
		return f.MaxValidity
	}
	return defaultMaxValidity
}

func (f Feed) refresh() time.Duration {
	if f.Refresh > 0 {
		return f.Refresh
	}
	return defaultRefresh
}

// source is where the feed comes from.
func (f Feed) source() string {
	if f.File != "" {
		return f.File
	}
	return f.URL
}

package saml

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

var (
	errUnsigned  = errors.New("saml: the signature is missing")
	errSignature = errors.New("saml: the signature is wrong")
)

// signatureHashes are the signatures that we accept (SAML-1). The library knows
// SHA-1, too, so they are checked before it is asked.
var signatureHashes = map[string]crypto.Hash{
	dsig.RSASHA256SignatureMethod: crypto.SHA256, dsig.RSASHA384SignatureMethod: crypto.SHA384, dsig.RSASHA512SignatureMethod: crypto.SHA512,
	dsig.ECDSASHA256SignatureMethod: crypto.SHA256, dsig.ECDSASHA384SignatureMethod: crypto.SHA384, dsig.ECDSASHA512SignatureMethod: crypto.SHA512,
}

var digestMethods = []string{"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384", "http://www.w3.org/2001/04/xmlenc#sha512"}

var digestHashes = map[string]crypto.Hash{digestMethods[0]: crypto.SHA256, digestMethods[1]: crypto.SHA384, digestMethods[2]: crypto.SHA512}

const transformEnveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

var exclusive = string(dsig.CanonicalXML10ExclusiveAlgorithmId)

// verify returns what of a message a key of the service covers. One that is not
// signed is returned whole, unless it must be; one whose signature is wrong is
// refused in any case.
func (in incoming) verify(keys []*x509.Certificate, must bool) (root *etree.Element, signed bool, err error) {
	signatures := 0
	descendants(in.root, func(el *etree.Element) {
		if is(el, nsSignature, "Signature") {
			signatures++
		}
	})
	switch {
	case in.detached != nil && signatures > 0, signatures > 1:
		return nil, false, errSignature
	case in.detached != nil:
		return in.root, true, in.detached.verify(keys)
	case signatures == 1 && !in.post: // the binding has its own way (saml-bindings-2.0-os §3.4.4.1)
		return nil, false, errSignature
	case signatures == 1:
		root, err = verifyEnveloped(in.root, keys)
		return root, true, err
	case must: //guard:A52
		return nil, false, errUnsigned
	}
	return in.root, false, nil
}

// verify tries each key.
func (d *detached) verify(keys []*x509.Certificate) error {
	hash, ok := signatureHashes[d.algorithm]
	if !ok { //guard:A52
		return fmt.Errorf("%w: algorithm %q", errSignature, d.algorithm)
	}
	h := hash.New()
	h.Write([]byte(d.octets))
	digest := h.Sum(nil)
	verified := slices.ContainsFunc(keys, func(key *x509.Certificate) bool {
		return verifyDigest(key.PublicKey, d.algorithm, hash, digest, d.value)
	})
	if !verified { //guard:A52
		return errSignature
	}
	return nil
}

func verifyDigest(key any, algorithm string, hash crypto.Hash, digest, value []byte) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return !isECDSA(algorithm) && rsa.VerifyPKCS1v15(key, hash, digest, value) == nil
	case *ecdsa.PublicKey:
		der, ok := derOf(value)
		return isECDSA(algorithm) && ok && ecdsa.VerifyASN1(key, digest, der)
	}
	return false
}

func isECDSA(algorithm string) bool { return strings.Contains(algorithm, "#ecdsa-") }

// derOf turns the two numbers of an ECDSA signature, which XML writes one behind
// the other (RFC 6931 §2.3.6), into the form of ASN.1.
func derOf(value []byte) ([]byte, bool) {
	half := len(value) / 2
	if half == 0 || len(value)%2 == 1 {
		return nil, false
	}
	der, err := asn1.Marshal([]*big.Int{new(big.Int).SetBytes(value[:half]), new(big.Int).SetBytes(value[half:])})
	return der, err == nil
}

// verifyEnveloped returns what the one signature of an element covers, parsed
// anew: the whole element, or nothing.
func verifyEnveloped(root *etree.Element, keys []*x509.Certificate) (*etree.Element, error) {
	if err := checkShape(root); err != nil {
		return nil, err
	}
	for _, key := range keys {
		tried, err := withoutKeyInfo(root)
		if err != nil {
			return nil, err
		}
		validation := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{key}})
		validation.Clock = dsig.NewFakeClockAt(key.NotBefore.Add(time.Second)) // metadata is about keys: expired certificates are common
		verified, err := validation.Validate(tried)
		if err != nil { //guard:A52
			continue
		}
		return verified, nil
	}
	return nil, errSignature
}

// checkShape holds a signature to the one form that covers the whole message
// and nothing else (saml-core-2.0-os §5.4).
func checkShape(root *etree.Element) error {
	wrong := func(what string) error { return fmt.Errorf("%w: %s", errSignature, what) }
	signature := child(root, nsSignature, "Signature")
	if signature == nil { //guard:A52
		return wrong("not the message's own")
	}
	if err := sequence(signature, nsSignature+" SignedInfo", nsSignature+" SignatureValue", nsSignature+" KeyInfo"); err != nil { //guard:A52
		return err
	}
	info := child(signature, nsSignature, "SignedInfo")
	if info == nil || child(signature, nsSignature, "SignatureValue") == nil {
		return wrong("not whole")
	}
	if err := sequence(info, nsSignature+" CanonicalizationMethod", nsSignature+" SignatureMethod", nsSignature+" Reference"); err != nil { //guard:A52
		return err
	}
	reference := child(info, nsSignature, "Reference")
	if id := attr(root, "ID"); reference == nil || !ncName.MatchString(id) || attr(reference, "URI") != "#"+id { //guard:A52
		return wrong("it covers something else")
	}
	if attr(child(info, nsSignature, "CanonicalizationMethod"), "Algorithm") != exclusive {
		return wrong("canonicalization")
	}
	if _, ok := signatureHashes[attr(child(info, nsSignature, "SignatureMethod"), "Algorithm")]; !ok { //guard:A52
		return wrong("algorithm")
	}
	return checkReference(reference)
}

func checkReference(reference *etree.Element) error {
	if err := sequence(reference, nsSignature+" Transforms", nsSignature+" DigestMethod", nsSignature+" DigestValue"); err != nil {
		return err
	}
	if !slices.Contains(digestMethods, attr(child(reference, nsSignature, "DigestMethod"), "Algorithm")) { //guard:A52
		return fmt.Errorf("%w: digest", errSignature)
	}
	var transforms []string
	if all := child(reference, nsSignature, "Transforms"); all != nil {
		for _, transform := range all.ChildElements() {
			transforms = append(transforms, attr(transform, "Algorithm"))
		}
	}
	if !slices.Equal(transforms, []string{transformEnveloped, exclusive}) { //guard:A52
		return fmt.Errorf("%w: transforms", errSignature)
	}
	return nil
}

// withoutKeyInfo returns a copy that names no key of its own, and whose
// signature value is in the form that the library takes. Neither is signed.
func withoutKeyInfo(root *etree.Element) (*etree.Element, error) {
	tried := root.Copy()
	signature := child(tried, nsSignature, "Signature")
	if info := child(signature, nsSignature, "KeyInfo"); info != nil {
		signature.RemoveChild(info)
	}
	value := child(signature, nsSignature, "SignatureValue")
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text(value)), ""))
	if err != nil {
		return nil, errSignature
	}
	if isECDSA(attr(child(child(signature, nsSignature, "SignedInfo"), nsSignature, "SignatureMethod"), "Algorithm")) {
		der, ok := derOf(raw)
		if !ok {
			return nil, errSignature
		}
		raw = der
	}
	value.SetText(base64.StdEncoding.EncodeToString(raw))
	return tried, nil
}

// Credential is a key that signs, and its certificate in DER.
type Credential struct {
	Signer      crypto.Signer
	Certificate []byte
}

// signatureMethod is the one of all our signatures (SAML-3).
const signatureMethod = dsig.RSASHA256SignatureMethod

// signOctets signs what an address carries.
func signOctets(octets []byte, c Credential) ([]byte, error) {
	digest := sha256.Sum256(octets)
	signature, err := c.Signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("saml: sign: %w", err)
	}
	return signature, nil
}

// sign puts a signature over an element into it, at a place among its children.
// The element is brought into canonical form; it must be changed no more, and
// whatever is signed inside of it must have been signed before.
func sign(el *etree.Element, at int, c Credential) error {
	context, err := dsig.NewSigningContext(c.Signer, [][]byte{c.Certificate})
	if err != nil {
		return fmt.Errorf("saml: sign: %w", err)
	}
	context.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := context.SetSignatureMethod(signatureMethod); err != nil {
		return fmt.Errorf("saml: sign: %w", err)
	}
	signature, err := context.ConstructSignature(el, true)
	if err != nil {
		return fmt.Errorf("saml: sign: %w", err)
	}
	el.InsertChildAt(at, signature)
	return nil
}

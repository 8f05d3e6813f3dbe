package saml

import (
	"crypto/x509"
	"strings"
	"testing"
)

// BenchmarkSignatures is what no answer can do without: an Assertion and its
// Response, canonicalised and signed.
func BenchmarkSignatures(b *testing.B) {
	for b.Loop() {
		assertion, err := example().assertion(ours)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := exampleAnswer(statusSuccess).response(assertion, ours); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRefused is what a hostile message of the greatest size costs until it is
// refused, of each kind that is dear: a bomb, as many elements as may be, text, a
// signature by nobody over all of it (A52: at most 50 ms).
func BenchmarkRefused(b *testing.B) {
	fill := func(part string, n int) string {
		return request(`<saml:Issuer`, `<samlp:Extensions>`+strings.Repeat(part, n)+`</samlp:Extensions><saml:Issuer`)
	}
	many, long := fill("<a/>", 2400), fill("x", 60<<10)
	for name, text := range map[string]string{"elements": many, "text": long, "bomb": strings.Repeat("x", 10<<20), "signed by nobody": string(signed(b, fill("<a>y</a>", 1500), foreign))} {
		posted, redirected := form(text, ""), query(text, "", nil, "")
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if in, err := fromForm(strings.NewReader(posted)); err == nil {
					if _, _, err = in.verify([]*x509.Certificate{theirs.parsed()}, true); err == nil {
						b.Fatal("accepted")
					}
				}
				if in, err := fromQuery(redirected); err == nil {
					if _, _, err = in.verify([]*x509.Certificate{theirs.parsed()}, true); err == nil {
						b.Fatal("accepted")
					}
				}
			}
		})
	}
}

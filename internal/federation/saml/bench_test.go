package saml

import "testing"

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

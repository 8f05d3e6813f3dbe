package saml_test

import (
	"fmt"
	"os"
	"testing"

	"warifu/internal/federation/saml"
)

// TestMain lets the program of the tests be the process that verifies metadata.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == saml.VerifyCommand {
		if err := saml.VerifyHere(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if len(os.Args) > 2 { // the benchmark wants to know what it took
			status, _ := os.ReadFile("/proc/self/status")
			_ = os.WriteFile(os.Args[2], status, 0o600)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

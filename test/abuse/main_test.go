package abuse

import (
	"flag"
	"os"
	"testing"
)

// TestMain bounds how many walks are taken where time counts; make thorough takes
// all of them.
func TestMain(m *testing.M) {
	if os.Getenv("WARIFU_THOROUGH") == "" {
		if err := flag.Set("rapid.checks", "25"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

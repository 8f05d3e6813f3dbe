package abuse

import (
	"flag"
	"os"
	"testing"
)

// TestMain bounds how many walks are taken where time counts; make thorough takes
// all of them.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_THOROUGH") == "" {
		// The same walks each time: whether a commit lands is not left to chance.
		// make thorough takes others, and more of them.
		for name, value := range map[string]string{"rapid.checks": "5", "rapid.seed": "1"} {
			if err := flag.Set(name, value); err != nil {
				panic(err)
			}
		}
	}
	os.Exit(m.Run())
}

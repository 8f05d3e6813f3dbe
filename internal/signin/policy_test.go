package signin

import (
	"testing"
	"time"
)

// TestPolicyBounds refuses what would let a browser be known or trusted for
// longer, or in a way that is no day. THR-4, SES-13.
func TestPolicyBounds(t *testing.T) {
	for _, test := range []struct {
		known, trusted time.Duration
		faults         int
	}{
		{180 * day, 0, 0},
		{time.Hour, day, 0},
		{366 * day, 7 * day, 0},
		{time.Hour - 1, 0, 1},
		{366*day + 1, 0, 1},
		{180 * day, day - 1, 1},
		{180 * day, 7*day + 1, 1},
		{180 * day, -day, 1},
	} {
		got := Policy{KnownBrowser: test.known, TrustedBrowser: test.trusted}.Validate()
		if len(got) != test.faults {
			t.Errorf("known %s, trusted %s: %v", test.known, test.trusted, got)
		}
	}
}

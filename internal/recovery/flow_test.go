package recovery

import (
	"testing"

	"warifu/internal/flow/flowtest"
)

// TestFlow proves the table of the flow. SES-5, SES-7.
func TestFlow(t *testing.T) {
	flowtest.Check(t, transitions, []State{PasswordRequired}, paths, "../../docs/flows/recovery.mmd")
}

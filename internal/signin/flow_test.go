package signin

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestDiagram draws the table and compares it with the diagram in docs.
func TestDiagram(t *testing.T) {
	const golden = "../../docs/flows/signin.mmd"
	got := diagram()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not the diagram of the table; run go test -update\n%s", golden, got)
	}
}

func diagram() string {
	var lines []string
	for from, outcomes := range transitions {
		for o, to := range outcomes {
			lines = append(lines, fmt.Sprintf("  %s --> %s: %s\n", from, to, o))
		}
	}
	for s := range paths {
		if len(transitions[s]) == 0 {
			lines = append(lines, fmt.Sprintf("  %s --> [*]\n", s))
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("stateDiagram-v2\n  [*] --> %s\n%s", initial, strings.Join(lines, ""))
}

// TestNoStepCanBeSkipped tries every outcome in every state. SES-5, SES-7.
func TestNoStepCanBeSkipped(t *testing.T) {
	states, outcomes := map[State]bool{"": true, "no such state": true}, map[Outcome]bool{"": true}
	for from, to := range transitions {
		states[from] = true
		for o, s := range to {
			states[s], outcomes[o] = true, true
		}
	}
	for s := range states {
		for o := range outcomes {
			want, listed := transitions[s][o]
			got, err := s.next(o)
			_, refused := errors.AsType[*OutOfOrderError](err)
			if got != want || refused == listed {
				t.Errorf("%s + %s = %q, %v, want %q", s, o, got, err, want)
			}
		}
	}
}

// TestEveryStateHasAPage holds the dispatcher to the table.
func TestEveryStateHasAPage(t *testing.T) {
	reached := map[State]bool{initial: true}
	for _, outcomes := range transitions {
		for _, s := range outcomes {
			reached[s] = true
		}
	}
	for s := range reached {
		if paths[s] == "" {
			t.Errorf("%s has no page", s)
		}
	}
	for s := range paths {
		if !reached[s] {
			t.Errorf("%s is never reached", s)
		}
	}
}

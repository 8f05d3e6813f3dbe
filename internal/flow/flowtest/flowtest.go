// Package flowtest proves of every flow's table what must be true of each.
package flowtest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"warifu/internal/flow"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Check tries every outcome in every state (SES-5, SES-7), wants a page for
// every state that can be reached, and compares the diagram of the table with
// the golden file, which -update rewrites.
func Check[S, O ~string](t *testing.T, table flow.Table[S, O], initial []S, pages map[S]string, golden string) {
	t.Run("no step can be skipped", func(t *testing.T) { everyPair(t, table) })
	t.Run("every state has a page", func(t *testing.T) { everyPage(t, table, initial, pages) })
	t.Run("diagram", func(t *testing.T) { drawn(t, diagram(table, initial, pages), golden) })
}

func everyPair[S, O ~string](t *testing.T, table flow.Table[S, O]) {
	states, outcomes := map[S]bool{"": true, "no such state": true}, map[O]bool{"": true}
	for from, to := range table {
		states[from] = true
		for o, s := range to {
			states[s], outcomes[o] = true, true
		}
	}
	for s := range states {
		for o := range outcomes {
			want, listed := table[s][o]
			got, err := table.Next(s, o)
			_, refused := errors.AsType[*flow.OutOfOrderError](err)
			if got != want || refused == listed {
				t.Errorf("%s + %s = %q, %v, want %q", s, o, got, err, want)
			}
		}
	}
}

func everyPage[S, O ~string](t *testing.T, table flow.Table[S, O], initial []S, pages map[S]string) {
	reached := make(map[S]bool)
	for _, s := range initial {
		reached[s] = true
	}
	for _, outcomes := range table {
		for _, s := range outcomes {
			reached[s] = true
		}
	}
	for s := range reached {
		if pages[s] == "" {
			t.Errorf("%s has no page", s)
		}
	}
	for s := range pages {
		if !reached[s] {
			t.Errorf("%s is never reached", s)
		}
	}
}

func diagram[S, O ~string](table flow.Table[S, O], initial []S, pages map[S]string) string {
	var lines []string
	for _, s := range initial {
		lines = append(lines, fmt.Sprintf("  [*] --> %s\n", s))
	}
	for from, outcomes := range table {
		for o, to := range outcomes {
			lines = append(lines, fmt.Sprintf("  %s --> %s: %s\n", from, to, o))
		}
	}
	for s := range pages {
		if len(table[s]) == 0 {
			lines = append(lines, fmt.Sprintf("  %s --> [*]\n", s))
		}
	}
	slices.Sort(lines)
	return "stateDiagram-v2\n" + strings.Join(lines, "")
}

func drawn(t *testing.T, got, golden string) {
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

// Package flow is how every flow is written down: a table that says for each
// state which outcomes a step may have, and where each leads.
package flow

import "fmt"

// Table is a whole flow. A pair that is not in it is refused, so that nobody
// can skip a step.
type Table[State, Outcome ~string] map[State]map[Outcome]State

// Next returns the state that o leads to from s. Its error is an
// [OutOfOrderError].
func (t Table[State, Outcome]) Next(s State, o Outcome) (State, error) {
	to, ok := t[s][o]
	if !ok { //guard:SES-5
		return "", &OutOfOrderError{State: string(s), Outcome: string(o)}
	}
	return to, nil
}

// An OutOfOrderError reports an outcome that the flow does not have in its state.
type OutOfOrderError struct {
	State, Outcome string
}

func (e *OutOfOrderError) Error() string {
	return fmt.Sprintf("flow: %q cannot happen in state %q", e.Outcome, e.State)
}

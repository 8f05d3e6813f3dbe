// Package flow is how every flow is written down: a table that says for each
// state which outcomes a step may have, and where each leads.
package flow

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound means that the browser has no such flow, or that it has expired.
	ErrNotFound = errors.New("flow: not found")
	// ErrConflict means that another request has moved the flow in the meantime.
	ErrConflict = errors.New("flow: moved by another request")
)

// Key is how a browser names one of its flows. It means nothing in another
// browser.
type Key struct {
	ID      string // random; a form carries it
	Browser []byte // SHA-256 of the token in the browser's cookie
}

// Table is a whole flow. A pair that is not in it is refused, so that nobody
// can skip a step.
type Table[State, Outcome ~string] map[State]map[Outcome]State

// Next returns the state that o leads to from s. Its error is an
// [OutOfOrderError].
func (t Table[State, Outcome]) Next(s State, o Outcome) (State, error) {
	to, ok := t[s][o]
	if !ok { //guard:SES-5
		return "", OutOfOrder(s, o)
	}
	return to, nil
}

// OutOfOrder reports a step that the flow does not take in its state.
func OutOfOrder[State, Outcome ~string](s State, o Outcome) error {
	return &OutOfOrderError{State: string(s), Outcome: string(o)}
}

// Overtaken reports whether err says that the flow is elsewhere by now, such as
// after a form that was sent twice.
func Overtaken(err error) bool {
	_, outOfOrder := errors.AsType[*OutOfOrderError](err)
	return outOfOrder || errors.Is(err, ErrConflict)
}

// An OutOfOrderError reports an outcome that the flow does not have in its state.
type OutOfOrderError struct {
	State, Outcome string
}

func (e *OutOfOrderError) Error() string {
	return fmt.Sprintf("flow: %q cannot happen in state %q", e.Outcome, e.State)
}

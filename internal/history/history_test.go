package history

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"warifu/internal/audit"
)

// TestEntries makes one entry of each sign-in, in whatever order the events of one
// moment come, and none of a proof that was asked for again.
func TestEntries(t *testing.T) {
	at := time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)
	rows := func(events ...audit.Event) (all []audit.Row) {
		for _, e := range events {
			e.At = at
			body, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, audit.Row{Body: body})
		}
		return all
	}
	in := func(outcome string) audit.Event {
		return audit.Event{Name: audit.SignIn, Target: "f", Outcome: outcome}
	}
	for name, test := range map[string]struct {
		rows []audit.Row
		want string
	}{
		"signed in":        {rows(in("TOTP accepted"), in("TOTP rejected"), in("password accepted")), "[signed in method.totp  ]"},
		"at one moment":    {rows(in("password accepted"), in("TOTP rejected"), in("TOTP accepted")), "[signed in method.totp  ]"},
		"stopped":          {rows(in("TOTP rejected"), in("password accepted")), "[stopped method.totp history.why_number ]"},
		"given up":         {rows(in("password accepted")), "[stopped method.password history.why_ended ]"},
		"why":              {rows(in("password accepted"), in("TOTP used before")), "[stopped method.totp history.why_used ]"},
		"wrong passwords":  {rows(audit.Event{Name: audit.SignIn, Outcome: "password rejected"}, audit.Event{Name: audit.SignIn, Outcome: "password rejected"}), "[failed method.password history.why_password  failed method.password history.why_password ]"},
		"step-up":          {rows(in("TOTP accepted"), in("second factor asked for again")), "[]"},
		"step-up, unused":  {rows(in("second factor asked for again")), "[]"},
		"step-up, stopped": {rows(in("second factor asked for again"), in("TOTP rejected")), "[stopped method.totp history.why_number ]"},
		"changes": {rows(audit.Event{Name: audit.Address, Outcome: "confirmation sent"}, audit.Event{Name: audit.Address, Outcome: "replaced"},
			audit.Event{Name: audit.Suspend}, audit.Event{Name: audit.SignOut}), "[changed   event.address_added changed   event.suspended]"},
	} {
		all, err := entries(test.rows)
		var got []string
		for _, e := range all {
			got = append(got, fmt.Sprint(e.Result, " ", e.Method, " ", e.Why, " ", e.What))
		}
		if err != nil || fmt.Sprint(got) != test.want {
			t.Errorf("%s: %v, %v, want %s", name, got, err, test.want)
		}
	}
	if _, err := entries([]audit.Row{{Body: []byte("{")}}); err == nil {
		t.Error("a broken event is no error")
	}
}

package helpdesk

import (
	"strings"
	"testing"
	"time"

	"warifu/internal/directory"
	"warifu/internal/flow/flowtest"
)

// TestFlow proves the table of a case. HD-18.
func TestFlow(t *testing.T) {
	pages := make(map[State]string)
	for _, s := range []State{Waiting, Working, Second, Approved, Used, Refused, Cancelled, Expired} {
		pages[s] = "/desk/cases/{no}"
	}
	flowtest.Check(t, transitions, []State{Waiting}, pages, "../../docs/flows/case.mmd")
}

// TestChecks proves what confirms an identity. HD-4.
func TestChecks(t *testing.T) {
	for name, test := range map[string]struct {
		checks Checks
		need   int
		want   bool
	}{
		"nothing":                {nil, 1, false},
		"one strong":             {Checks{CallBack: Matched}, 1, true},
		"one of two":             {Checks{CallBack: Matched, InPerson: NotAsked}, 2, false},
		"two of two":             {Checks{CallBack: Matched, Supervisor: Matched}, 2, true},
		"facts alone":            {Checks{Affiliated: Matched, OwnNumber: Matched}, 1, false},
		"facts do not fill up":   {Checks{CallBack: Matched, Affiliated: Matched}, 2, false},
		"one wrong":              {Checks{CallBack: Matched, InPerson: NotMatched}, 1, false},
		"a wrong fact":           {Checks{CallBack: Matched, Affiliated: NotMatched}, 1, false},
		"an unknown item is not": {Checks{"birthday": Matched}, 1, false},
	} {
		if got := test.checks.Confirms(test.need); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestPolicy holds the policy to its bounds.
func TestPolicy(t *testing.T) {
	if faults := DefaultPolicy().Validate(); len(faults) > 0 {
		t.Errorf("the default: %v", faults)
	}
	for name, change := range map[string]func(*Policy){
		"unknown item":      func(p *Policy) { p.Items = append(p.Items, "birthday") },
		"none needed":       func(p *Policy) { p.Need = 0 },
		"more than there":   func(p *Policy) { p.Items, p.Need = []Item{CallBack, Affiliated}, 2 },
		"no alarm":          func(p *Policy) { p.AlarmAt = 0 },
		"stop before alarm": func(p *Policy) { p.StopAt = p.AlarmAt - 1 },
		"never too often":   func(p *Policy) { p.PerMonth = 1000 },
		"many entries":      func(p *Policy) { p.WrongEntries = 11 },
		"outside hours":     func(p *Policy) { p.OutsideHours = "always" },
	} {
		p := DefaultPolicy()
		p.Items = append([]Item(nil), p.Items...)
		change(&p)
		if faults := p.Validate(); len(faults) != 1 {
			t.Errorf("%s: %v", name, faults)
		}
	}
}

// TestPlain proves that no field is a formula to a spreadsheet. HD-17, A57.
func TestPlain(t *testing.T) {
	for field, want := range map[string]string{"": "", "文学部": "文学部", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM": "'@SUM", "\tx": "'\tx", "\rx": "'\rx", "a=1": "a=1"} {
		if got := Plain(field); got != want {
			t.Errorf("%q: %q", field, got)
		}
	}
}

// TestReport counts cases of every end.
func TestReport(t *testing.T) {
	tokyo := time.FixedZone("JST", 9*60*60)
	opened := time.Date(2026, 11, 24, 0, 30, 0, 0, time.UTC)
	one := func(no int64, person string, s State, minutes int) Case {
		c := Case{No: no, SubscriberID: person, Kind: Initialise, Cause: NoAddress, State: s, OpenedAt: opened}
		if minutes > 0 {
			c.Decided = Decision{AgentID: "a", At: opened.Add(time.Duration(minutes) * time.Minute)}
		}
		return c
	}
	w := Weekly{Recovered: 5, Depts: map[string]directory.Department{"p": {Japanese: "文学部"}}, Cases: []Case{
		one(1, "p", Used, 4), one(2, "p", Refused, 10), one(3, "q", Cancelled, 0), one(4, "r", Approved, 6), one(5, "s", Waiting, 0), one(6, "t", Expired, 0)}}
	(&Reports{Zone: tokyo}).count(&w)
	if w.Approved != 2 || w.Refused != 1 || w.Dropped != 2 || w.Alone != 4 || w.Median != 6*time.Minute || w.P90 != 10*time.Minute {
		t.Errorf("%+v", w)
	}
	if len(w.ByHour) != 24 || w.ByHour[9].N != 6 || w.ByKind[0].N != 6 || w.ByDept(true)[0].N != 4 || w.ByDept(true)[1].Name != "文学部" {
		t.Errorf("%+v", w)
	}
	var csv strings.Builder
	if err := w.WriteCSV(&csv, tokyo); err != nil || strings.Count(csv.String(), "\r\n") != 7 || strings.Contains(csv.String(), ",p,") {
		t.Errorf("%v %s", err, csv.String())
	}
}

// TestMaskPhone shows neither a whole number nor a short one.
func TestMaskPhone(t *testing.T) {
	for number, want := range map[string]string{"075-123-4512": "075-•••-12", "": "•••", "12345": "•••", "+81 75 123 4567": "+81-•••-67"} {
		if got := maskPhone(number); got != want {
			t.Errorf("%q: %q", number, got)
		}
	}
}

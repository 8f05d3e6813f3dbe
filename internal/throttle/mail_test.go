package throttle

import (
	"testing"
	"time"
)

// TestNextMail holds the mails that a person asks for to 1 in 30 seconds, 3 in
// 10 minutes and 10 in a day. THR-9.
func TestNextMail(t *testing.T) {
	p := DefaultPolicy()
	start := time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)
	at := func(minutes ...float64) (all []time.Time) {
		for _, m := range minutes {
			all = append(all, start.Add(time.Duration(m*float64(time.Minute))))
		}
		return all
	}
	for _, test := range []struct {
		name   string
		before []time.Time
		want   time.Time
	}{
		{"none", nil, time.Time{}},
		{"one", at(0), at(0.5)[0]},
		{"two", at(0, 1), at(1.5)[0]},
		{"three at once", at(0, 1, 2), at(10)[0]},
		{"three spread", at(0, 5, 9.8), at(10.3)[0]},
		{"ten in a day", at(0, 20, 40, 60, 80, 100, 120, 140, 160, 180), at(24 * 60)[0]},
		{"eleven", at(0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 1440), at(24*60 + 20)[0]},
	} {
		if got := p.nextMail(test.before); !got.Equal(test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

package helpdesk

import (
	"testing"
	"time"
)

// TestHours looks at a week with a holiday, from both sides of each limit.
func TestHours(t *testing.T) {
	tokyo := time.FixedZone("JST", 9*60*60)
	h := Hours{Open: "09:00", Close: "17:00", Zone: tokyo, Holidays: []string{"2026-11-23"},
		Days: []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}}
	at := func(day, hour, minute int) time.Time {
		return time.Date(2026, 11, day, hour, minute, 0, 0, tokyo).UTC()
	}
	for _, test := range []struct {
		now  time.Time
		open bool
		next time.Time
	}{
		{at(20, 8, 59), false, at(20, 9, 0)},
		{at(20, 9, 0), true, time.Time{}},
		{at(20, 16, 59), true, time.Time{}},
		{at(20, 17, 0), false, at(24, 9, 0)}, // over the week-end and the holiday
		{at(22, 12, 0), false, at(24, 9, 0)},
		{at(23, 12, 0), false, at(24, 9, 0)},
	} {
		if open, next := h.At(test.now); open != test.open || !next.Equal(test.next) {
			t.Errorf("%s: %t, next %s; want %t, %s", test.now.In(tokyo), open, next, test.open, test.next)
		}
	}
	h.Closures = []Closure{{From: at(24, 12, 0), To: at(25, 10, 30)}, {From: at(25, 10, 30), To: at(25, 17, 0)}, {From: at(26, 8, 0), To: at(26, 9, 30)}}
	for _, test := range []struct {
		now  time.Time
		open bool
		next time.Time
	}{
		{at(24, 11, 59), true, time.Time{}},
		{at(24, 12, 0), false, at(26, 9, 30)},
		{at(26, 8, 59), false, at(26, 9, 30)},
		{at(26, 9, 30), true, time.Time{}},
	} {
		if open, next := h.At(test.now); open != test.open || !next.Equal(test.next) {
			t.Errorf("closure at %s: %t, next %s; want %t, %s", test.now.In(tokyo), open, next, test.open, test.next)
		}
	}
	if _, closed := h.Closure(at(26, 9, 30)); closed {
		t.Error("the end of a closure belongs to it")
	}
	if open, next := (Hours{Open: "09:00", Close: "17:00", Zone: tokyo}).At(at(20, 10, 0)); open || !next.IsZero() {
		t.Errorf("never open: %t, %s", open, next)
	}
}

package helpdesk

import (
	"slices"
	"time"

	"warifu/internal/mail"
)

// Hours are the opening hours of the help desk, in its own time zone.
type Hours struct {
	Open, Close string         // HH:MM, the same on every open day
	Days        []time.Weekday // that it is open on
	Holidays    []string       // closed days, YYYY-MM-DD
	Closures    []Closure      // of some hours or days besides
	Zone        *time.Location
}

// Closure is a time in which the help desk is closed, though it would be open.
type Closure struct {
	From, To time.Time // the end does not belong to it
	Text     mail.Text // why
}

// searchDays is how far ahead the next opening is looked for: longer than any
// closure for a season.
const searchDays = 60

// At reports whether the help desk is open, and otherwise when it opens next. The
// time is zero if that is not known.
func (h Hours) At(now time.Time) (open bool, next time.Time) {
	now = now.In(h.Zone)
	for n := range searchDays {
		day := now.AddDate(0, 0, n)
		opens, closes := h.on(day, h.Open), h.on(day, h.Close)
		if h.closed(day) {
			continue
		}
		from := opens
		if now.After(opens) {
			from = now
		}
		if from = h.after(from); from.Before(closes) {
			return from.Equal(now), zeroIf(from.Equal(now), from)
		}
	}
	return false, time.Time{}
}

func zeroIf(zero bool, t time.Time) time.Time {
	if zero {
		return time.Time{}
	}
	return t
}

// after returns the first moment from t on that is in no closure.
func (h Hours) after(t time.Time) time.Time {
	for range h.Closures { // they may follow upon one another in any order
		for _, c := range h.Closures {
			if !t.Before(c.From) && t.Before(c.To) {
				t = c.To.In(h.Zone)
			}
		}
	}
	return t
}

// Closure returns the exceptional closure of a moment, if there is one.
func (h Hours) Closure(now time.Time) (c Closure, closed bool) {
	for _, c := range h.Closures {
		if !now.Before(c.From) && now.Before(c.To) {
			return c, true
		}
	}
	return Closure{}, false
}

func (h Hours) closed(day time.Time) bool {
	return !slices.Contains(h.Days, day.Weekday()) || slices.Contains(h.Holidays, day.Format(time.DateOnly))
}

// on returns a time of a day. A clock that cannot be read is midnight; the
// configuration has been checked.
func (h Hours) on(day time.Time, clock string) time.Time {
	t, _ := time.Parse("15:04", clock)
	return time.Date(day.Year(), day.Month(), day.Day(), t.Hour(), t.Minute(), 0, 0, h.Zone)
}

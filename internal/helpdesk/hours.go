// Package helpdesk is where people turn to who cannot help themselves: when it
// is open, and by which telephone.
package helpdesk

import (
	"slices"
	"time"
)

// Hours are the opening hours of the help desk, in its own time zone.
type Hours struct {
	Open, Close string         // HH:MM, the same on every open day
	Days        []time.Weekday // that it is open on
	Holidays    []string       // closed days, YYYY-MM-DD
	Zone        *time.Location
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
		switch {
		case h.closed(day) || !now.Before(closes):
		case now.Before(opens):
			return false, opens
		default:
			return true, time.Time{}
		}
	}
	return false, time.Time{}
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

package i18n

import (
	"fmt"
	"time"
)

var weekdays = [...]string{"日", "月", "火", "水", "木", "金", "土"}

// Date returns the day of t, with its weekday, in t's time zone.
func (l Lang) Date(t time.Time) string {
	if l == English {
		return t.Format("Mon 2 Jan 2006")
	}
	return fmt.Sprintf("%s（%s）", t.Format("2006年1月2日"), weekdays[t.Weekday()])
}

// DateTime returns the day and the minute of t, in t's time zone.
func (l Lang) DateTime(t time.Time) string {
	if l == English {
		return l.Date(t) + ", " + t.Format("15:04")
	}
	return l.Date(t) + t.Format("15:04")
}

// Clock returns the minute of t alone if it is on the same day as now, and
// with the day otherwise. Both are in the time zone of now.
func (l Lang) Clock(t, now time.Time) string {
	t = t.In(now.Location())
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04")
	}
	return l.DateTime(t)
}

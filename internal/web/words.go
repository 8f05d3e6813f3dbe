package web

import (
	"net/http"
	"time"
)

// Left says in words how long something still takes, rounded up, so that it is
// never over later than the page says.
func (s *Site) Left(r *http.Request, left time.Duration) string {
	switch {
	case left <= time.Minute:
		return s.in(r, "time.seconds", ceil(left, time.Second))
	case left <= time.Hour:
		return s.in(r, "time.minutes", ceil(left, time.Minute))
	default:
		return s.in(r, "time.hours", ceil(left, time.Hour))
	}
}

func (s *Site) in(r *http.Request, key string, n int64) string {
	return s.Text(r, "time.in", "left", s.Text(r, key, "n", n))
}

func ceil(left, unit time.Duration) int64 { return int64((max(left, 0) + unit - 1) / unit) }

// Clock tells the minute of t, with the day unless it is today.
func (s *Site) Clock(r *http.Request, t time.Time) string {
	return s.Lang(r).Clock(t, s.Now().In(s.Zone))
}

// WaitText says in words until when somebody has to wait after failures.
func (s *Site) WaitText(r *http.Request, until time.Time) string {
	return s.Text(r, "err.login_wait", "time", s.Clock(r, until), "left", s.Left(r, until.Sub(s.Now())))
}

// Desk is whether somebody answers the help desk's telephone.
type Desk struct {
	Open bool
	Next string // when it opens next, in words; empty if that is not known
}

// DeskState returns whether the help desk is open now.
func (s *Site) DeskState(r *http.Request) Desk {
	if s.Hours == nil {
		return Desk{}
	}
	open, next := s.Hours(s.Now())
	if next.IsZero() {
		return Desk{Open: open}
	}
	return Desk{Open: open, Next: s.Clock(r, next)}
}

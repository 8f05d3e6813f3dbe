package web

import (
	"errors"
	"net/http"
	"time"

	"warifu/internal/authenticator"
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

// Day tells the day of t.
func (s *Site) Day(r *http.Request, t time.Time) string { return s.Lang(r).Date(t.In(s.Zone)) }

// WaitText says in words until when somebody has to wait after failures.
func (s *Site) WaitText(r *http.Request, until time.Time) string {
	return s.Text(r, "err.login_wait", "time", s.Clock(r, until), "left", s.Left(r, until.Sub(s.Now())))
}

// PasswordFault says what is wrong with a new password, by its name in package
// password.
func (s *Site) PasswordFault(r *http.Request, fault string, least, most int) string {
	switch fault {
	case "short":
		return s.Text(r, "err.password_short", "min", least)
	case "long":
		return s.Text(r, "err.password_long", "max", most)
	}
	reason, ok := map[string]string{"breached": "reason.password_breached", "context": "reason.password_context"}[fault]
	if !ok {
		reason = "reason.password_simple"
	}
	return s.Text(r, "err.password_common", "reason", s.Text(r, reason))
}

// NameFault says what is wrong with the name of an authenticator. It is empty if
// err is about something else.
func (s *Site) NameFault(r *http.Request, err error) string {
	switch {
	case errors.Is(err, authenticator.ErrNameEmpty):
		return s.Text(r, "err.name_empty")
	case errors.Is(err, authenticator.ErrNameLong):
		return s.Text(r, "err.name_long", "n", authenticator.MaxName)
	case errors.Is(err, authenticator.ErrNameTaken):
		return s.Text(r, "err.name_same")
	}
	return ""
}

// Desk is whether somebody answers the help desk's telephone.
type Desk struct {
	Open bool
	Next string // when it opens next, in words; empty if that is not known
	Why  string // why it is closed, where that is an exception
}

// DeskState returns whether the help desk is open now.
func (s *Site) DeskState(r *http.Request) Desk {
	if s.Hours == nil {
		return Desk{}
	}
	open, next := s.Hours(s.Now())
	d := Desk{Open: open}
	if !next.IsZero() {
		d.Next = s.Clock(r, next)
	}
	if s.Closure != nil {
		d.Why = s.Closure(s.Now(), s.Lang(r))
	}
	return d
}

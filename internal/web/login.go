package web

import (
	"net/http"
	"time"
)

// Login is what a form with SPS-ID and password shows again. Pages with such a
// form embed it.
type Login struct {
	SPSID   string
	IDError string // in the language of the page
	Error   string // of the password, or of both together
	Summary bool   // several fields have errors
	Passkey bool   // the browser may offer passkeys in the field of the SPS-ID
}

// ReadLogin returns what a form with SPS-ID and password shows again, and
// whether both were typed. If not, that is a slip, not an attempt.
func (s *Site) ReadLogin(r *http.Request, form map[string]string) (login Login, complete bool) {
	login.SPSID = form["username"]
	if form["username"] == "" {
		login.IDError = s.Text(r, "err.id_empty")
	}
	if form["password"] == "" {
		login.Error = s.Text(r, "err.password_empty")
	}
	login.Summary = login.IDError != "" && login.Error != ""
	return login, login.IDError == "" && login.Error == ""
}

// Suspended is what a person is told whose account may not come in. Only who has
// given the right password learns of it.
func Suspended(err error) *Problem {
	return &Problem{Status: http.StatusConflict, Stop: "stop.suspended", Next: "/login", Label: "stop.login", Err: err}
}

// Stopped is what a browser is told from which too many passwords were wrong, and
// which waiting does not help (THR-3).
func Stopped(err error) *Problem {
	return &Problem{Status: http.StatusTooManyRequests, Stop: "stop.login_stopped", Next: "/login", Label: "stop.login", Err: err}
}

// TooMany is what a program is told that asks too often; it may ask again after
// the window.
func TooMany(window time.Duration, err error) *Problem {
	return &Problem{Status: http.StatusTooManyRequests, Stop: "stop.rate", Args: []any{"sec", int(window.Seconds())}, Err: err}
}

// SendLimit is what a person is told who has asked for too many mails (THR-9), with
// the address at which the present step goes on.
func (s *Site) SendLimit(r *http.Request, from time.Time, next string, err error) *Problem {
	return &Problem{Status: http.StatusConflict, Stop: "stop.send_limit", Args: []any{"time", s.Clock(r, from)},
		Next: next, Label: "stop.continue", Err: err}
}

package web

import "net/http"

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

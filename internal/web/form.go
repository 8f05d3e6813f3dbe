package web

import (
	"encoding/hex"
	"errors"
	"mime"
	"net/http"
	"slices"
	"unicode/utf8"
)

const maxForm = 64 << 10 // bytes (WEB-3)

var (
	errField  = errors.New("web: form with an unknown, repeated or badly encoded field")
	errType   = errors.New("web: not a form")
	errToken  = errors.New("web: form without the token of its step, flow and browser")
	errCookie = errors.New("web: form without the browser's cookie")
)

// Hidden are the hidden fields of every form. A page with a form embeds them.
type Hidden struct {
	Flow  string // the id of the flow; each tab has its own
	Token string // the proof that this site made the form, for this browser
}

// Hidden returns the hidden fields of the form of a step. A browser that has no
// token yet gets one.
func (s *Site) Hidden(w http.ResponseWriter, r *http.Request, step, flow string) (Hidden, error) {
	if err := s.EnsureBrowser(w, r); err != nil {
		return Hidden{}, err
	}
	return Hidden{Flow: flow, Token: hex.EncodeToString(s.FormKey.Sum("form", []byte(step), []byte(flow), Browser(r)))}, nil
}

// Form returns the fields of the form of a step. Besides the hidden ones only
// the named ones may come, each once; one that does not come is empty.
func (s *Site) Form(w http.ResponseWriter, r *http.Request, step string, names ...string) (map[string]string, error) {
	form, err := s.fields(w, r, append(names, "flow", "token"))
	if err != nil {
		return nil, &Problem{Status: http.StatusBadRequest, Stop: "stop.request", Err: err}
	}
	if Browser(r) == nil {
		return nil, &Problem{Status: http.StatusForbidden, Stop: "stop.cookie", Err: errCookie}
	}
	token, err := hex.DecodeString(form["token"])
	if err != nil || !s.FormKey.Verify("form", token, []byte(step), []byte(form["flow"]), Browser(r)) { //guard:WEB-2
		return nil, &Problem{Status: http.StatusForbidden, Stop: "stop.csrf", Err: errToken}
	}
	return form, nil
}

func (s *Site) fields(w http.ResponseWriter, r *http.Request, names []string) (map[string]string, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, errType
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	form := make(map[string]string)
	for name, values := range r.PostForm {
		if !slices.Contains(names, name) || len(values) != 1 || !utf8.ValidString(values[0]) { //guard:WEB-3
			return nil, errField
		}
		form[name] = values[0]
	}
	return form, nil
}

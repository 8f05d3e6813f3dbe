package web

import (
	"net/http"

	"warifu/internal/i18n"
)

// visit is what is known of one request.
type visit struct {
	lang    i18n.Lang
	browser string   // the token of the browser's cookie, also if it is set only now
	origins []string // where the forms of the page may lead to
}

type visitKey struct{}

func (s *Site) newVisit(r *http.Request) *visit {
	return &visit{lang: s.negotiate(r), browser: s.readCookie(r, browserCookie)}
}

func visitOf(r *http.Request) *visit {
	if v, ok := r.Context().Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{lang: i18n.Langs[0]}
}

// Lang returns the language to answer r in.
func (s *Site) Lang(r *http.Request) i18n.Lang { return visitOf(r).lang }

// Prefer answers r in the person's own language, unless the request or its
// cookie asks for another one.
func (s *Site) Prefer(r *http.Request, wanted ...string) {
	if r.URL.Query().Get("lang") == "" && s.readCookie(r, langCookie) == "" && len(wanted) > 0 && wanted[0] != "" {
		visitOf(r).lang = i18n.Negotiate(wanted...)
	}
}

// Text returns a text of the catalogue in the language of r.
func (s *Site) Text(r *http.Request, key string, args ...any) string {
	return s.Catalogue.Text(s.Lang(r), key, args...)
}

// AllowForm lets the forms of the page that answers r lead on to the origin of
// a service, by the redirect that follows a POST.
func (s *Site) AllowForm(r *http.Request, origin string) {
	if origin != "" {
		v := visitOf(r)
		v.origins = append(v.origins, origin)
	}
}

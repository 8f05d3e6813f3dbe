package web

import (
	"net/http"
	"net/url"
	"strings"

	"warifu/internal/i18n"
)

// visit is what is known of one request.
type visit struct {
	query   url.Values // of the address: parsed once, since sealed requests are long
	lang    i18n.Lang
	browser string   // the token of the browser's cookie, also if it is set only now
	origins []string // where the forms of the page may lead to
	faults  []string // keys of the messages that say what is wrong
}

type visitKey struct{}

func (s *Site) newVisit(r *http.Request) *visit {
	query := r.URL.Query()
	return &visit{query: query, lang: s.negotiate(r, query.Get("lang")), browser: s.readCookie(r, browserCookie)}
}

func visitOf(r *http.Request) *visit {
	if v, ok := r.Context().Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{lang: i18n.Langs[0]}
}

// Query returns a parameter of the address of r. There is one of each at most.
func Query(r *http.Request, name string) string { return visitOf(r).query.Get(name) }

// Lang returns the language to answer r in.
func (s *Site) Lang(r *http.Request) i18n.Lang { return visitOf(r).lang }

// Prefer answers r in the person's own language, unless the request or its
// cookie asks for another one.
func (s *Site) Prefer(r *http.Request, wanted ...string) {
	if Query(r, "lang") == "" && s.readCookie(r, langCookie) == "" && len(wanted) > 0 && wanted[0] != "" {
		visitOf(r).lang = i18n.Negotiate(wanted...)
	}
}

// Text returns a text of the catalogue in the language of r. What says that
// something is wrong is noted, for the help that the page offers.
func (s *Site) Text(r *http.Request, key string, args ...any) string {
	if strings.HasPrefix(key, "err.") || strings.HasPrefix(key, "stop.") {
		v := visitOf(r)
		v.faults = append(v.faults, key)
	}
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

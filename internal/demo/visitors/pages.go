package visitors

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

//go:embed page
var pageFS embed.FS

// texts are the words of the page; the first of each pair is Japanese.
var texts = map[string][2]string{
	"notice": {"お知らせ", "Notice"},
	"banner": {"これは実演用のサービスです。本物のパスワードや個人情報は入力しないでください。", "This is a demonstration. Do not enter real passwords or personal data."},
	"other":  {"English", "日本語"},
	"skip":   {"本文へ移動", "Skip to the content"},
	"out":    {"ログインしていません。", "You are not logged in."},
	"in":     {"ログインしています。", "You are logged in."},
	"failed": {"ログインできませんでした。", "You could not be logged in."},
	"again":  {"もう一度お試しください。", "Please try again."},
	"login":  {"ログイン", "Login"},
	"mfa":    {"多要素認証でログイン", "Login with multi-factor authentication"},
	"logout": {"ログアウト", "Log out"},
	"name":   {"名前", "Name"},
	"value":  {"値", "Value"},
	"answer": {"サーバーの回答", "Answer of the server"},
}

var (
	langs   = [2]string{"ja", "en"}
	matcher = language.NewMatcher([]language.Tag{language.Japanese, language.English})
	pages   = parsePages()
)

// parsePages binds the language when it parses: two languages cannot mix.
func parsePages() (all [2]*template.Template) {
	for i := range langs {
		funcs := template.FuncMap{
			"t":     func(key string) string { return texts[key][i] },
			"lang":  func() string { return langs[i] },
			"other": func() string { return langs[1-i] },
		}
		all[i] = template.Must(template.New("").Funcs(funcs).ParseFS(pageFS, "page/*.html"))
	}
	return all
}

// line is a line of the table.
type line struct{ Name, Value string }

// page is what the page shows.
type page struct {
	Name, Received string
	Lines          []line
	Failure        *Failure
	Login, MFA     string // addresses
}

func (s *Site[T]) home(w http.ResponseWriter, r *http.Request) {
	current, _ := s.current(r)
	s.render(w, r, http.StatusOK, current)
}

// Fail shows why nobody can be signed in, and changes nothing.
func (s *Site[T]) Fail(w http.ResponseWriter, r *http.Request, status int, err error) {
	s.render(w, r, status, Visit[T]{failure: reason(err)})
}

// render shows a visit, in the language of ?lang or of the browser.
func (s *Site[T]) render(w http.ResponseWriter, r *http.Request, status int, visit Visit[T]) {
	_, i := language.MatchStrings(matcher, r.FormValue("lang"), r.Header.Get("Accept-Language"))
	data := page{Name: s.Name[i], Received: s.Received[i], Failure: visit.failure, Login: s.Login(langs[i], false), MFA: s.Login(langs[i], true)}
	for _, name := range slices.Sorted(maps.Keys(visit.Received)) {
		data.Lines = append(data.Lines, line{name, show(visit.Received[name])})
	}
	var html bytes.Buffer
	if err := pages[i].ExecuteTemplate(&html, "home.html", data); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = html.WriteTo(w) // a browser that has gone away is not our failure
}

// show prints a value, or several.
func show(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case []string:
		return strings.Join(value, ", ")
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

func style(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pageFS, "page/style.css") }

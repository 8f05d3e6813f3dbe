package samlservice

import (
	"bytes"
	"embed"
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
	"notice":     {"お知らせ", "Notice"},
	"banner":     {"これは実演用のサービスです。本物のパスワードや個人情報は入力しないでください。", "This is a demonstration. Do not enter real passwords or personal data."},
	"other":      {"English", "日本語"},
	"skip":       {"本文へ移動", "Skip to the content"},
	"out":        {"ログインしていません。", "You are not logged in."},
	"in":         {"ログインしています。", "You are logged in."},
	"failed":     {"ログインできませんでした。", "You could not be logged in."},
	"again":      {"もう一度お試しください。", "Please try again."},
	"login":      {"ログイン", "Login"},
	"mfa":        {"多要素認証でログイン", "Login with multi-factor authentication"},
	"logout":     {"ログアウト", "Log out"},
	"attributes": {"受け取った属性", "Attributes received"},
	"name":       {"名前", "Name"},
	"value":      {"値", "Value"},
	"answer":     {"サーバーの回答", "Answer of the server"},
	"unnamed":    {"SAML の実演サービス", "SAML demonstration service"},
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

// mfaLevel is multi-factor authentication, which the server must meet or refuse.
const mfaLevel = "https://refeds.org/profile/mfa"

// line is a line of the table.
type line struct{ Name, Value string }

// page is what the page shows.
type page struct {
	Name       string
	Attributes []line
	Failure    *failure
	MFA        string // authnContext of the second link
}

func (s *Service) home(w http.ResponseWriter, r *http.Request) {
	current, _ := s.current(r)
	s.render(w, r, http.StatusOK, current)
}

// render shows a session, in the language of ?lang or of the browser.
func (s *Service) render(w http.ResponseWriter, r *http.Request, status int, current session) {
	_, i := language.MatchStrings(matcher, r.FormValue("lang"), r.Header.Get("Accept-Language"))
	data := page{Name: [2]string{s.config.NameJa, s.config.NameEn}[i], Failure: current.failure, MFA: mfaLevel}
	if data.Name == "" {
		data.Name = texts["unnamed"][i]
	}
	if current.assertion != nil {
		all := received(current.assertion)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			data.Attributes = append(data.Attributes, line{name, show(all[name])})
		}
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
	if all, ok := value.([]string); ok {
		return strings.Join(all, ", ")
	}
	return fmt.Sprint(value)
}

func (s *Service) style(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, pageFS, "page/style.css")
}

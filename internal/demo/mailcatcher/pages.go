package mailcatcher

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"regexp"
	"time"

	"golang.org/x/text/language"
)

//go:embed page
var pageFS embed.FS

// texts are the words of the pages; the first of each pair is Japanese.
var texts = map[string][2]string{
	"title":  {"実演のメール", "Emails of the demonstration"},
	"notice": {"お知らせ", "Notice"},
	"banner": {"これは実演用のシステムです。ここに届いたメールは、どこにも送信されません。", "This is a demonstration. No email that arrives here is sent anywhere."},
	"none":   {"メールはまだありません。", "There are no emails yet."},
	"reload": {"再読み込み", "Reload"},
	"list":   {"一覧に戻る", "Back to the list"},
	"other":  {"English", "日本語"},
	"from":   {"差出人", "From"},
	"to":     {"宛先", "To"},
	"date":   {"日時", "Date"},
	"html":   {"HTML のソース", "HTML source"},
	"skip":   {"本文へ移動", "Skip to the content"},
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
			"t":    func(key string) string { return texts[key][i] },
			"lang": func(other bool) string { return langs[i^index(other)] },
			"time": func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 -07:00") },
			"link": linkify,
		}
		all[i] = template.Must(template.New("").Funcs(funcs).ParseFS(pageFS, "page/*.html"))
	}
	return all
}

func index(b bool) int {
	if b {
		return 1
	}
	return 0
}

// piece is a part of a text; its URL is empty if it is not a link.
type piece struct{ Text, URL string }

var link = regexp.MustCompile(`https?://[!-~]+`)

// linkify finds the links in a text, so that the reader of a mail can follow them.
func linkify(text string) (pieces []piece) {
	end := 0
	for _, at := range link.FindAllStringIndex(text, -1) {
		url := text[at[0]:at[1]]
		pieces = append(pieces, piece{Text: text[end:at[0]]}, piece{url, url})
		end = at[1]
	}
	return append(pieces, piece{Text: text[end:]})
}

// ServeHTTP serves the pages and /messages.json.
func (c *Catcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer") // the links in mails are secrets
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	c.mux.ServeHTTP(w, r)
}

func (c *Catcher) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /messages.json", c.listJSON)
	mux.HandleFunc("DELETE /messages.json", func(w http.ResponseWriter, _ *http.Request) {
		c.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, pageFS, "page/style.css")
	})
	mux.HandleFunc("GET /messages/{id}", c.show)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		render(w, r, "list", struct{ Messages []Message }{c.Messages()})
	})
	return mux
}

func (c *Catcher) listJSON(w http.ResponseWriter, _ *http.Request) {
	list := c.Messages()
	if list == nil {
		list = []Message{} // an empty list, not null
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(list) // a client that has gone away is not our failure
}

func (c *Catcher) show(w http.ResponseWriter, r *http.Request) {
	m, ok := c.message(r.PathValue("id"))
	if !ok { // it has made room for a newer one
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	render(w, r, "message", m)
}

// render writes a page in the language of ?lang or of the browser.
func render(w http.ResponseWriter, r *http.Request, name string, data any) {
	_, i := language.MatchStrings(matcher, r.FormValue("lang"), r.Header.Get("Accept-Language"))
	var page bytes.Buffer
	if err := pages[i].ExecuteTemplate(&page, name, data); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = page.WriteTo(w) // a browser that has gone away is not our failure
}

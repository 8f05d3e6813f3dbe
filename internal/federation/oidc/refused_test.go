package oidc_test

import (
	"html"
	"net/http"
	"strings"
	"testing"
)

// TestRefusalNamesTheService tells people in their language from where to start
// again, also where nothing says which service it was.
func TestRefusalNamesTheService(t *testing.T) {
	w := newWorld(t)
	known := "/oidc/authorize?" + request("lms", map[string]string{"redirect_uri": "https://evil.example/cb"}).Encode()
	const unknown = "/oidc/authorize?client_id=%zz"
	for _, test := range []struct{ address, lang, want string }{
		{known, "ja", "学習支援 の画面からやり直してください。"},
		{known, "en", "Start again from the screen of Learning."},
		{unknown, "ja", "利用しようとしたサービスの画面からやり直してください。"},
		{unknown, "en", "Start again from the screen of the service that you wanted to use."},
	} {
		rw := w.send("GET", test.address, nil, func(r *http.Request) { r.Header.Set("Accept-Language", test.lang) })
		if page := html.UnescapeString(rw.Body.String()); rw.Code != http.StatusBadRequest || !strings.Contains(page, test.want) {
			t.Errorf("%s %.30s: %d, want %q in\n%s", test.lang, test.address, rw.Code, test.want, page)
		}
	}
}

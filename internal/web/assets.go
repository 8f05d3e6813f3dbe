package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var staticFS embed.FS

// assets are the static files, each with a hash of its content in its name, so
// that a browser never asks again.
type assets struct {
	addresses map[string]string // by plain name
	contents  map[string][]byte // by hashed name
}

func loadAssets(brand Brand) (*assets, error) {
	a := &assets{addresses: make(map[string]string), contents: make(map[string][]byte)}
	files, err := fs.Glob(staticFS, "static/*")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		content, err := staticFS.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if path.Base(file) == "style.css" { // one request less
			content = append(content, brand.stylesheet()...)
		}
		a.add(path.Base(file), content)
	}
	if len(brand.Logo) > 0 {
		a.add("logo"+brand.LogoType, brand.Logo)
		a.addresses["logo"] = a.addresses["logo"+brand.LogoType]
	}
	return a, nil
}

func (a *assets) add(name string, content []byte) {
	sum := sha256.Sum256(content)
	extension := path.Ext(name)
	hashed := strings.TrimSuffix(name, extension) + "-" + hex.EncodeToString(sum[:6]) + extension
	a.addresses[name] = "/static/" + hashed
	a.contents[hashed] = content
}

func (a *assets) address(name string) (string, error) {
	address, ok := a.addresses[name]
	if !ok {
		return "", fmt.Errorf("web: no static file %q", name)
	}
	return address, nil
}

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, ok := a.contents[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(r.PathValue("name"))))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	if strings.HasPrefix(r.PathValue("name"), "logo-") { // discovery services show it
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	_, _ = w.Write(content)
}

package web

import (
	"bytes"
	"compress/gzip"
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
	packed    map[string][]byte // the same in gzip, where that is smaller
}

func loadAssets(brand Brand) (*assets, error) {
	a := &assets{addresses: make(map[string]string), contents: make(map[string][]byte), packed: make(map[string][]byte)}
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
		if err := a.add(path.Base(file), content); err != nil {
			return nil, err
		}
	}
	if len(brand.Logo) > 0 {
		if err := a.add("logo"+brand.LogoType, brand.Logo); err != nil {
			return nil, err
		}
		a.addresses["logo"] = a.addresses["logo"+brand.LogoType]
	}
	return a, nil
}

func (a *assets) add(name string, content []byte) error {
	sum := sha256.Sum256(content)
	extension := path.Ext(name)
	hashed := strings.TrimSuffix(name, extension) + "-" + hex.EncodeToString(sum[:6]) + extension
	a.addresses[name] = "/static/" + hashed
	a.contents[hashed] = content
	packed, err := pack(content)
	if err == nil && len(packed) < len(content) {
		a.packed[hashed] = packed
	}
	return err
}

// pack compresses what is the same for everybody. Pages are never compressed: they
// have tokens beside what others may have typed, and their length would tell of both.
func pack(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// takesGzip reports whether a browser has said so in the plain way that all of
// them do (RFC 9110 §12.5.3).
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if strings.TrimSpace(coding) == "gzip" {
			return true
		}
	}
	return false
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
	h.Set("Vary", "Accept-Encoding")
	if packed, ok := a.packed[r.PathValue("name")]; ok && takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		content = packed
	}
	_, _ = w.Write(content)
}

package ops

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestOperation asks the second listener while everything is there, and while
// something is not. OPS-3, OPS-8.
func TestOperation(t *testing.T) {
	var broken error
	metrics := NewMetrics()
	metrics.Request("GET /login", 200)
	metrics.Step("TOTP rejected")
	metrics.Gauge("test_gauge", "A gauge.", func() float64 { return 7 })
	handler := Handler(metrics, []Check{
		{Name: "database", Run: func(context.Context) error { return broken }},
		{Name: "key", Run: func(context.Context) error { return nil }},
	})
	get := func(path string, status int, want string) {
		t.Helper()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != status || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want %d with %q", path, w.Code, w.Body, status, want)
		}
	}
	get("/healthz", http.StatusOK, "ok")
	get("/readyz", http.StatusOK, `"database":"ok"`)
	get("/metrics", http.StatusOK, `warifu_http_requests_total{route="GET /login",status="200"} 1`)
	get("/metrics", http.StatusOK, `warifu_signin_steps_total{outcome="TOTP rejected"} 1`)
	get("/metrics", http.StatusOK, "test_gauge 7")
	get("/debug/pprof/", http.StatusOK, "goroutine")
	get("/login", http.StatusNotFound, "")
	broken = errors.New("gone")
	get("/readyz", http.StatusServiceUnavailable, `"database":"gone"`)
	get("/readyz", http.StatusServiceUnavailable, `"key":"ok"`)
	get("/healthz", http.StatusOK, "ok")
}

// TestReadyInTime answers within the time of a check, although one does not
// end by itself, and names it. OPS-3.
func TestReadyInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := Handler(NewMetrics(), []Check{
			{Name: "key", Run: func(context.Context) error { return nil }},
			{Name: "database", Run: func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}},
		})
		before := time.Now()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		if took := time.Since(before); took != checkTime {
			t.Errorf("after %s, want %s", took, checkTime)
		}
		for _, want := range []string{`"database":"context deadline exceeded"`, `"key":"ok"`} {
			if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%d %s, want 503 with %s", w.Code, w.Body, want)
			}
		}
		w = httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		if w.Code != http.StatusOK {
			t.Errorf("healthz: %d", w.Code)
		}
	})
}

// TestReadyWithoutTheCheck answers although a check does not heed the end of its
// time, as one that waits in a queue. OPS-3.
func TestReadyWithoutTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		handler := Handler(NewMetrics(), []Check{
			{Name: "database", Run: func(context.Context) error { <-release; return nil }},
			{Name: "key", Run: func(ctx context.Context) error { return ctx.Err() }},
		})
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"key":"ok"`) {
			t.Errorf("%d %s, want 503 for the database alone", w.Code, w.Body)
		}
	})
}

// TestReadyEndsWithTheRequest stops asking when nobody waits for the answer.
func TestReadyEndsWithTheRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	handler := Handler(NewMetrics(), []Check{{Name: "database", Run: func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}}})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/readyz", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d, want 503", w.Code)
	}
}

// TestOnlyReading refuses whatever is no GET.
func TestOnlyReading(t *testing.T) {
	handler := Handler(NewMetrics(), nil)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/debug/pprof/"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("POST", path, nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d, want 405", path, w.Code)
		}
	}
}

// TestProfilesOnlyHere keeps profiles and metrics off the public listener: no
// other package imports what serves them, and what pprof mounts by being
// imported is served by nobody. OPS-8.
func TestProfilesOnlyHere(t *testing.T) {
	err := filepath.WalkDir("../..", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		here := filepath.ToSlash(filepath.Dir(file)) == "../../internal/ops"
		for _, spec := range parsed.Imports {
			if path := strings.Trim(spec.Path.Value, `"`); !here && (path == "net/http/pprof" || path == "expvar" || strings.HasSuffix(path, "/promhttp")) {
				t.Errorf("%s imports %s", file, path)
			}
		}
		for _, name := range selectors(parsed) {
			if slices.Contains([]string{"http.DefaultServeMux", "http.Handle", "http.HandleFunc", "http.ListenAndServe"}, name) {
				t.Errorf("%s uses %s", file, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// selectors returns all package.Name of a file.
func selectors(parsed *ast.File) (names []string) {
	ast.Inspect(parsed, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := s.X.(*ast.Ident); ok {
				names = append(names, pkg.Name+"."+s.Sel.Name)
			}
		}
		return true
	})
	return names
}

package ops

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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

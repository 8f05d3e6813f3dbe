// Package ops is the second listener, for those who run the server: whether it
// lives, whether it can work, and its numbers.
package ops

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check says by name whether something that every request needs is there.
type Check struct {
	Name string
	Run  func(context.Context) error
}

// checkTime is how long a check may take before it counts as failed.
const checkTime = 2 * time.Second

// Metrics are the numbers of one server.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	steps    *prometheus.CounterVec
}

// NewMetrics returns the numbers of the process and of the requests.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "warifu_http_requests_total", Help: "Answered requests by route and status."}, []string{"route", "status"}),
	}
	m.steps = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "warifu_signin_steps_total", Help: "Steps of sign-ins by their outcome."}, []string{"outcome"})
	m.registry.MustRegister(m.requests, m.steps, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts one answer.
func (m *Metrics) Request(route string, status int) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
}

// Step counts one step of a sign-in.
func (m *Metrics) Step(outcome string) { m.steps.WithLabelValues(outcome).Inc() }

// Count adds a number that only grows and that value reads when it is asked for.
func (m *Metrics) Count(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
}

// Gauge adds a number that goes up and down.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// Handler serves /healthz, /readyz, /metrics and pprof.
func Handler(m *Metrics, checks []Check) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { ready(w, r, checks) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	return mux
}

// within runs a check for as long as it may take, also one that does not heed
// the end of its context.
func (c Check) within(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ready answers 503 as long as any check fails, and names those that do.
func ready(w http.ResponseWriter, r *http.Request, checks []Check) {
	status, report := http.StatusOK, make(map[string]string)
	for _, check := range checks {
		report[check.Name] = "ok"
		if err := check.within(r.Context()); err != nil { //guard:OPS-3
			status, report[check.Name] = http.StatusServiceUnavailable, err.Error()
		}
	}
	answer(w, status, report)
}

func answer(w http.ResponseWriter, status int, report map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(report) // whoever asked has gone away
}

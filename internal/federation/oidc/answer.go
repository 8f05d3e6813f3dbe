package oidc

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"warifu/internal/web"
)

// endpoint answers a program: with what it returns, as JSON, or with an error.
type endpoint func(w http.ResponseWriter, r *http.Request) (any, error)

// created is an answer with status 201.
type created struct{ value any }

// answer makes a handler of an endpoint.
func (p *Provider) answer(h endpoint) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		value, err := h(w, r)
		if err != nil {
			return p.answerError(w, r, err)
		}
		if made, ok := value.(created); ok {
			return writeJSON(w, http.StatusCreated, made.value)
		}
		return writeJSON(w, http.StatusOK, value)
	}
}

// shared is [Provider.answer] for what scripts in browsers may call, too: those
// of the registered origins, without cookies.
func (p *Provider) shared(h endpoint) web.Handler {
	answer := p.answer(h)
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := p.allowOrigin(w, r); err != nil {
			return err
		}
		return answer(w, r)
	}
}

// open is [Provider.answer] for what anyone may read and keep for an hour.
func (p *Provider) open(h endpoint) web.Handler {
	answer := p.answer(h)
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		return answer(w, r)
	}
}

// allowOrigin lets a script of a registered origin read the answer. Credentials
// are never allowed: these endpoints know no cookie.
func (p *Provider) allowOrigin(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	allowed, err := p.Services.IsOrigin(r.Context(), origin)
	if err == nil && allowed {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate")
	}
	return err
}

// preflight answers a browser that asks before it lets a script call us.
func (p *Provider) preflight(w http.ResponseWriter, r *http.Request) error {
	if err := p.allowOrigin(w, r); err != nil {
		return err
	}
	if w.Header().Get("Access-Control-Allow-Origin") != "" {
		w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		w.Header().Set("Access-Control-Max-Age", "3600")
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// answerError says what a program may know of an error. What is not an [Error]
// is our own trouble, and stands in the log.
func (p *Provider) answerError(w http.ResponseWriter, r *http.Request, err error) error {
	if refusal, ok := errors.AsType[*Error](err); ok {
		status := refusal.status
		if status == 0 {
			status = http.StatusBadRequest
		}
		if status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="oidc"`)
		}
		p.Site.Log.LogAttrs(r.Context(), slog.LevelInfo, "OIDC request refused", slog.String("route", r.Pattern), slog.Any("err", err))
		return writeJSON(w, status, refusal)
	}
	p.Site.Log.LogAttrs(r.Context(), slog.LevelError, "OIDC request failed", slog.String("route", r.Pattern), slog.Any("err", err))
	var gone interface{ Unavailable() bool }
	if errors.As(err, &gone) && gone.Unavailable() { //guard:OPS-3
		w.Header().Set("Retry-After", "10")
		return writeJSON(w, http.StatusServiceUnavailable, &Error{Code: unavailable})
	}
	return writeJSON(w, http.StatusInternalServerError, &Error{Code: serverError})
}

// writeJSON writes an answer; without a value it is empty.
func writeJSON(w http.ResponseWriter, status int, value any) error {
	if value == nil {
		w.WriteHeader(status)
		return nil
	}
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone away is not our failure
	return nil
}

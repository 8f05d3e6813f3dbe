package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// push hands a request over and returns its request_uri.
func (w *world) push(client string, change map[string]string) (string, int) {
	w.t.Helper()
	rw := w.send("POST", "/oidc/par", request(client, change), basic(client, password))
	var got struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int    `json:"expires_in"`
	}
	decode(w.t, rw, &got)
	if rw.Code == http.StatusCreated && got.ExpiresIn != 60 {
		w.t.Errorf("expires_in %d", got.ExpiresIn)
	}
	return got.RequestURI, rw.Code
}

func (w *world) authorizePushed(client, uri string) int {
	w.t.Helper()
	query := url.Values{"client_id": {client}, "request_uri": {uri}, "scope": {"ignored"}, "redirect_uri": {"https://evil.example/"}}
	rw := w.send("GET", "/oidc/authorize?"+query.Encode(), nil)
	if rw.Code == http.StatusSeeOther {
		if answer := w.follow(rw); answer.Get("code") == "" || answer.Get("state") != "xyz" {
			w.t.Errorf("%v", answer)
		}
	}
	return rw.Code
}

// TestPushedRequest is taken once, by its client, in its time, and alone. OIDC-11.
func TestPushedRequest(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		uri, status := w.push("par", nil)
		if status != http.StatusCreated || !strings.HasPrefix(uri, "urn:ietf:params:oauth:request_uri:") {
			t.Fatalf("%d %s", status, uri)
		}
		if status := w.authorizePushed("lms", uri); status != http.StatusBadRequest {
			t.Errorf("another client: %d", status)
		}
		if status := w.authorizePushed("par", uri); status != http.StatusSeeOther {
			t.Errorf("%d", status)
		}
		if status := w.authorizePushed("par", uri); status != http.StatusBadRequest {
			t.Errorf("twice: %d", status)
		}
		uri, _ = w.push("lms", nil) // who may, need not
		w.clock.advance(time.Minute)
		if status := w.authorizePushed("lms", uri); status != http.StatusBadRequest {
			t.Errorf("after a minute: %d", status)
		}
	})
}

// TestPushedFaults are told to the client itself.
func TestPushedFaults(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]map[string]string{
		"redirect_uri":  {"redirect_uri": "https://evil.example/"},
		"no PKCE":       {"code_challenge": ""},
		"no openid":     {"scope": "profile"},
		"a request_uri": {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
	} {
		if uri, status := w.push("par", change); status != http.StatusBadRequest || uri != "" {
			t.Errorf("%s: %d %s", name, status, uri)
		}
	}
	if rw := w.send("POST", "/oidc/par", request("par", nil)); rw.Code != http.StatusUnauthorized {
		t.Errorf("nobody: %d", rw.Code)
	}
}

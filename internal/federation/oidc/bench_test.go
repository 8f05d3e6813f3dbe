package oidc_test

import (
	"net/http"
	"testing"

	"warifu/internal/authenticator"
)

// BenchmarkRefresh is P4: one durable transaction and an ES256 signature.
func BenchmarkRefresh(b *testing.B) {
	w := newWorld(b)
	token := w.tokens("lms", "openid offline_access").Refresh
	for b.Loop() {
		all, status := w.refresh("lms", token)
		if status != http.StatusOK {
			b.Fatal(status)
		}
		token = all.Refresh
	}
}

// BenchmarkUserinfo is P5.
func BenchmarkUserinfo(b *testing.B) {
	w := newWorld(b)
	token := w.tokens("lms", "openid profile email").Access
	for b.Loop() {
		if _, status := w.userinfo(token); status != http.StatusOK {
			b.Fatal(status)
		}
	}
}

// BenchmarkCode is what OIDC adds to a sign-in (P1): authorize, code, tokens.
func BenchmarkCode(b *testing.B) {
	w := newWorld(b)
	w.signIn(authenticator.Password, authenticator.TOTP)
	for b.Loop() {
		if _, status := w.token("lms", redemption(w.code("lms", nil), nil)); status != http.StatusOK {
			b.Fatal(status)
		}
	}
}

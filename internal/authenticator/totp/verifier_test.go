package totp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"warifu/internal/secret"
)

var (
	key20 = []byte("12345678901234567890")
	now   = time.Unix(1767225600, 0)
)

func newBox(t testing.TB, current int) *secret.Box {
	t.Helper()
	keys := make(map[int][]byte)
	for v := 1; v <= current; v++ {
		keys[v] = bytes.Repeat([]byte{byte(v)}, secret.KeySize)
	}
	box, err := secret.NewBox(current, keys)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func newAuthenticator(v *Verifier, key []byte) Authenticator {
	return Authenticator{ID: "a", SubscriberID: "anna", Secret: v.Seal("anna", "a", key), State: Active}
}

// TestVerifier proves TOTP-2: a secret is of use with its own row alone.
func TestVerifier(t *testing.T) {
	v := NewVerifier(newBox(t, 1))
	good := newAuthenticator(v, key20)
	code, late := Code(key20, Step(now)), Code(key20, Step(now)-3)
	if step, ok, err := v.Match(good, code, now); step != Step(now) || !ok || err != nil {
		t.Errorf("Match = %d, %t, %v, want %d, true", step, ok, err, Step(now))
	}
	if _, ok, err := v.Match(good, late, now); ok || err != nil {
		t.Errorf("Match of a late code = %t, %v, want false", ok, err)
	}
	if steps, ok, err := v.Drift(good, late, now); steps != -3 || !ok || err != nil {
		t.Errorf("Drift = %d, %t, %v, want -3, true", steps, ok, err)
	}
	if bytes.Contains(good.Secret, key20) {
		t.Error("the stored secret is not encrypted")
	}
	for name, change := range map[string]func(*Authenticator){
		"of another subscriber":    func(a *Authenticator) { a.SubscriberID = "bert" },
		"of another authenticator": func(a *Authenticator) { a.ID = "b" },
		"damaged":                  func(a *Authenticator) { a.Secret = a.Secret[1:] },
		"missing":                  func(a *Authenticator) { a.Secret = nil },
		"plain":                    func(a *Authenticator) { a.Secret = key20 },
		"of another column": func(a *Authenticator) {
			a.Secret = newBox(t, 1).Seal(secret.Place{Table: "totp_authenticator", Column: "name", Row: "anna/a"}, key20)
		},
		"empty inside":   func(a *Authenticator) { a.Secret = v.Seal("anna", "a", nil) },
		"too short":      func(a *Authenticator) { a.Secret = v.Seal("anna", "a", key20[:19]) },
		"of another key": func(a *Authenticator) { a.Secret[0] = 2 },
		"too long":       func(a *Authenticator) { a.Secret = v.Seal("anna", "a", make([]byte, 21)) },
	} {
		a := newAuthenticator(v, key20)
		change(&a)
		_, matched, errMatch := v.Match(a, code, now)
		_, drifted, errDrift := v.Drift(a, code, now)
		_, _, errReseal := v.Reseal(a)
		if matched || drifted || !errors.Is(errMatch, secret.ErrSealed) || !errors.Is(errDrift, secret.ErrSealed) || !errors.Is(errReseal, secret.ErrSealed) {
			t.Errorf("secret %s: %t, %v; %t, %v; %v", name, matched, errMatch, drifted, errDrift, errReseal)
		}
	}
}

// TestPendingSecret proves TOTP-15.
func TestPendingSecret(t *testing.T) {
	v := NewVerifier(newBox(t, 1))
	a := newAuthenticator(v, key20)
	for _, state := range []State{Active, Suspended, "", "PENDING"} {
		a.State = state
		if got, err := v.PendingSecret(a); got != nil || !errors.Is(err, ErrNotPending) {
			t.Errorf("%q: %x, %v, want ErrNotPending", state, got, err)
		}
	}
	a.State = Pending
	if got, err := v.PendingSecret(a); !bytes.Equal(got, key20) || err != nil {
		t.Errorf("pending: %q, %v", got, err)
	}
}

// TestReseal proves CRY-1 for TOTP secrets.
func TestReseal(t *testing.T) {
	a := newAuthenticator(NewVerifier(newBox(t, 1)), key20)
	v := NewVerifier(newBox(t, 2))
	sealed, changed, err := v.Reseal(a)
	if !changed || err != nil {
		t.Fatalf("Reseal = %t, %v, want true", changed, err)
	}
	a.Secret = sealed
	if again, changed, err := v.Reseal(a); changed || err != nil || !bytes.Equal(again, sealed) {
		t.Errorf("the second time: %t, %v, want false", changed, err)
	}
	if _, ok, err := v.Match(a, Code(key20, Step(now)), now); !ok || err != nil {
		t.Errorf("after resealing: %t, %v", ok, err)
	}
}

func TestPolicy(t *testing.T) {
	for _, test := range []struct {
		issuer string
		active int
		want   string
	}{
		{"Miyako University", 5, "[]"},
		{"sso.miyako.example", 1, "[]"},
		{"", 5, "[issuer: missing]"},
		{" ", 5, "[issuer: missing]"},
		{"みやこ大学", 5, `[issuer: "みやこ大学" is not ASCII without a colon]`},
		{"A:B", 5, `[issuer: "A:B" is not ASCII without a colon]`},
		{"A\nB", 5, `[issuer: "A\nB" is not ASCII without a colon]`},
		{strings.Repeat("x", 65), 5, "[issuer: 65 characters are more than 64]"},
		{"A", 0, "[max_active: 0 is not in 1…5]"},
		{"A", 6, "[max_active: 6 is not in 1…5]"},
	} {
		p := DefaultPolicy()
		p.Issuer, p.MaxActive = test.issuer, test.active
		if got := fmt.Sprint(p.Validate()); got != test.want {
			t.Errorf("%q, %d: %s, want %s", test.issuer, test.active, got, test.want)
		}
	}
}

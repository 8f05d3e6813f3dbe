package federation

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/secret"
)

func newPending(t *testing.T, now *time.Time) Pending {
	t.Helper()
	box, err := secret.NewBox(1, map[int][]byte{1: make([]byte, secret.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	return Pending{Box: box, Now: func() time.Time { return *now }}
}

// TestPending carries a whole request there and back, in its time, and nothing
// that was changed on the way. OIDC-4, A27.
func TestPending(t *testing.T) {
	now, age := noon, time.Minute
	p := newPending(t, &now)
	request := Request{
		Page: "/account", Draft: "d",
		Protocol: OIDC, Service: "lms", ReturnTo: "https://lms.example/cb", ID: "_1", State: "割符", NameID: Persistent, Nonce: "n", PKCE: "c", Scopes: []string{"openid"},
		Claims: Claims{UserInfo: []string{"email"}, IDToken: []string{"name"}},
		Wanted: []string{"m"}, Essential: true, Minimum: true, Force: true, Passive: true, SelectAccount: true, MaxAge: &age,
		LoginHint: "sps00001", Subject: "sub", Locales: []string{"ja"}, IssuedAt: noon.Add(-time.Hour),
		Cancelled: true, AskConsent: true, Consent: &Consent{Session: "s", Refused: true, Digest: []byte{1}, Withheld: []string{"email"}},
		Need: Need{Kind: StepUp, Methods: []authenticator.Kind{authenticator.TOTP}},
	}
	for i := range reflect.TypeFor[Request]().NumField() {
		if reflect.ValueOf(request).Field(i).IsZero() {
			t.Fatalf("field %d is not tried", i)
		}
	}
	sealed, err := p.Seal(request)
	if err != nil {
		t.Fatal(err)
	}
	now = noon.Add(PendingLifetime - time.Second)
	got, err := p.Open(sealed)
	if want, _ := json.Marshal(request); err != nil || !sameJSON(t, got, string(want)) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "x", sealed + "A", sealed[:len(sealed)-1], strings.ToLower(sealed), "B" + sealed[1:]} {
		if _, err := p.Open(bad); !errors.Is(err, ErrPending) {
			t.Errorf("%.20s: %v", bad, err)
		}
	}
	now = noon.Add(PendingLifetime)
	if _, err := p.Open(sealed); !errors.Is(err, ErrPending) {
		t.Errorf("after its time: %v", err)
	}
	if got, want := request.Resume("a_-"), "/account?p=a_-"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	request.Draft = ""
	if got, want := request.Resume("a_-"), "/account"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	request.Page = ""
	if got, want := request.Resume("a_-"), "/oidc/continue?p=a_-"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := request.Origin(); got != "https://lms.example" {
		t.Errorf("origin %s", got)
	}
}

func sameJSON(t *testing.T, value any, want string) bool {
	t.Helper()
	got, err := json.Marshal(value)
	return err == nil && string(got) == want
}

// TestPairwiseValue is 160 bits in base32, the same for ever, and another one
// for another person or sector. OIDC-9.
func TestPairwiseValue(t *testing.T) {
	key := []byte("key")
	value := PairwiseValue(key, "lms.example", "u1")
	if len(value) != 32 || value != PairwiseValue(key, "lms.example", "u1") {
		t.Errorf("%s", value)
	}
	for _, other := range []string{PairwiseValue(key, "lms.example", "u2"), PairwiseValue(key, "lib.example", "u1"), PairwiseValue([]byte("other"), "lms.example", "u1"),
		PairwiseValue(key, "lms.exampleu", "1")} {
		if other == value {
			t.Errorf("%s twice", value)
		}
	}
}

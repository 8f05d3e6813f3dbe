package keyring_test

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"warifu/internal/keyring"
	"warifu/internal/secret"
	"warifu/internal/store"
)

// node is one of several servers on the same database.
type node struct {
	*keyring.Signing
	now time.Time
}

// newNodes returns nodes whose clocks stand still until a test moves them.
func newNodes(t *testing.T, n int) []*node {
	t.Helper()
	db, err := store.Open("sqlite:" + filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	keys := map[int][]byte{1: make([]byte, secret.KeySize)}
	mac, err := secret.NewMAC(1, keys)
	if err != nil {
		t.Fatal(err)
	}
	db.SetAuditKey(mac)
	box, err := secret.NewBox(1, keys)
	if err != nil {
		t.Fatal(err)
	}
	var nodes []*node
	for range n {
		one := &node{now: time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)}
		one.Signing = &keyring.Signing{InTx: store.In[keyring.SigningTx](db), View: store.View[keyring.SigningReader](db),
			Box: box, Random: rand.Reader, Now: func() time.Time { return one.now }}
		nodes = append(nodes, one)
	}
	return nodes
}

func ensure(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keys returns the ids of the keys in a state.
func (n *node) keys(t *testing.T, state keyring.SigningState) (all []string) {
	t.Helper()
	list, err := n.List(t.Context())
	ensure(t, err)
	for _, k := range list {
		if k.State == state {
			all = append(all, k.KID)
		}
	}
	return all
}

func (n *node) published(t *testing.T, kid string) bool {
	t.Helper()
	set, err := n.Published(t.Context())
	ensure(t, err)
	return slices.ContainsFunc(set.Keys, func(k jose.JSONWebKey) bool { return k.KeyID == kid })
}

// TestSigningKeysLive follows a key through its life: published for a day, it
// signs, and stays published until its last token has died. OIDC-7, CRY-1.
func TestSigningKeysLive(t *testing.T) {
	n := newNodes(t, 1)[0]
	ensure(t, n.Ensure(t.Context(), keyring.ES256))
	ensure(t, n.Ensure(t.Context(), keyring.ES256)) // again it does nothing
	ensure(t, n.Maintain(t.Context()))
	old, next := n.keys(t, keyring.Active), n.keys(t, keyring.Next)
	if len(old) != 1 || len(next) != 1 || !n.published(t, next[0]) || !n.published(t, old[0]) {
		t.Fatalf("active %v, next %v", old, next)
	}
	n.now = n.now.Add(24*time.Hour - time.Second)
	if err := n.Rotate(t.Context(), keyring.ES256, "command"); !errors.Is(err, keyring.ErrTooEarly) {
		t.Fatalf("before its time: %v", err)
	}
	token, err := n.Sign(t.Context(), keyring.ES256, "JWT", []byte(`{}`))
	ensure(t, err)
	n.now = n.now.Add(time.Second)
	ensure(t, n.Rotate(t.Context(), keyring.ES256, "command"))
	if got := n.keys(t, keyring.Active); !slices.Equal(got, next) {
		t.Errorf("active %v, want %v", got, next)
	}
	if got := n.keys(t, keyring.Retired); !slices.Equal(got, old) || len(n.keys(t, keyring.Next)) != 1 {
		t.Errorf("retired %v, want %v", got, old)
	}
	n.now = n.now.Add(70*time.Minute - time.Second)
	ensure(t, n.Maintain(t.Context()))
	if _, err := n.Verify(t.Context(), "JWT", token); err != nil || !n.published(t, old[0]) {
		t.Errorf("a token that may live: %v", err)
	}
	n.now = n.now.Add(time.Second)
	ensure(t, n.Maintain(t.Context()))
	if _, err := n.Verify(t.Context(), "JWT", token); !errors.Is(err, keyring.ErrNotSigned) || n.published(t, old[0]) || len(n.keys(t, keyring.Retired)) != 0 {
		t.Errorf("afterwards: %v", err)
	}
	n.now = n.now.Add(90 * 24 * time.Hour)
	ensure(t, n.Maintain(t.Context()))
	if got := n.keys(t, keyring.Active); slices.Equal(got, next) {
		t.Error("no rotation after 90 days")
	}
}

// TestRotationIsSeen by another node within half a minute, and what it signs
// meanwhile can be verified everywhere.
func TestRotationIsSeen(t *testing.T) {
	nodes := newNodes(t, 2)
	ensure(t, nodes[0].Ensure(t.Context(), keyring.ES256))
	ensure(t, nodes[0].Maintain(t.Context()))
	for _, n := range nodes {
		n.now = n.now.Add(25 * time.Hour)
	}
	_, err := nodes[1].Published(t.Context()) // it has read the keys
	ensure(t, err)
	ensure(t, nodes[0].Rotate(t.Context(), keyring.ES256, "command"))
	for _, wait := range []time.Duration{0, time.Minute} {
		nodes[1].now = nodes[1].now.Add(wait)
		for i, n := range nodes {
			token, err := n.Sign(t.Context(), keyring.ES256, "JWT", []byte(`{}`))
			ensure(t, err)
			if _, err := nodes[1-i].Verify(t.Context(), "JWT", token); err != nil {
				t.Errorf("after %v, node %d: %v", wait, i, err)
			}
		}
	}
	if kid := nodes[0].keys(t, keyring.Active)[0]; !nodes[1].published(t, kid) {
		t.Error("the other node has not seen it")
	}
}

// TestNodesStartAtOnce and rotate at once: there is one key of each state.
func TestNodesStartAtOnce(t *testing.T) {
	nodes := newNodes(t, 8)
	all := func(do func(n *node) error) {
		var wg sync.WaitGroup
		for _, n := range nodes {
			wg.Go(func() {
				if err := do(n); err != nil && !errors.Is(err, keyring.ErrTooEarly) && !errors.Is(err, keyring.ErrNoSigningKey) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	all(func(n *node) error { return n.Ensure(context.Background(), keyring.ES256) })
	all(func(n *node) error { return n.Maintain(context.Background()) })
	for _, n := range nodes {
		n.now = n.now.Add(25 * time.Hour)
	}
	all(func(n *node) error { return n.Rotate(context.Background(), keyring.ES256, "command") })
	for state, want := range map[keyring.SigningState]int{keyring.Next: 1, keyring.Active: 1, keyring.Retired: 1} {
		if got := nodes[0].keys(t, state); len(got) != want {
			t.Errorf("%s: %v", state, got)
		}
	}
}

// TestPrivateKeysAreSealed keeps the database useless by itself (SAML-10).
func TestPrivateKeysAreSealed(t *testing.T) {
	n := newNodes(t, 1)[0]
	ensure(t, n.Ensure(t.Context(), keyring.ES256, keyring.RS256))
	keys, err := n.List(t.Context())
	ensure(t, err)
	if len(keys) != 2 || strings.Contains(string(keys[0].Private), "\x06\x07\x2a\x86\x48") {
		t.Fatalf("%d keys", len(keys))
	}
	if _, err := n.Sign(t.Context(), "HS256", "JWT", nil); !errors.Is(err, keyring.ErrNoSigningKey) {
		t.Errorf("unknown algorithm: %v", err)
	}
	for _, algorithm := range []string{keyring.ES256, keyring.RS256} {
		token, err := n.Sign(t.Context(), algorithm, "JWT", []byte(`{"a":1}`))
		ensure(t, err)
		if got, err := n.Verify(t.Context(), "JWT", token); err != nil || string(got) != `{"a":1}` {
			t.Errorf("%s: %s %v", algorithm, got, err)
		}
		for i := range token { // no byte may be another one
			changed := []byte(token)
			changed[i] ^= 1
			if got, err := n.Verify(t.Context(), "JWT", string(changed)); !errors.Is(err, keyring.ErrNotSigned) && i < len(token)-1 {
				t.Errorf("%s, byte %d: %s %v", algorithm, i, got, err)
			}
		}
		if _, err := n.Verify(t.Context(), "logout+jwt", token); !errors.Is(err, keyring.ErrNotSigned) {
			t.Errorf("another type: %v", err)
		}
	}
}

// TestLongLived keeps the keys of SAML apart: two certificates at once, no token
// is ever verified by them, and only a command rotates them. SAML-10.
func TestLongLived(t *testing.T) {
	n := newNodes(t, 1)[0]
	if _, err := n.LongLived(t.Context()); !errors.Is(err, keyring.ErrNoSigningKey) {
		t.Errorf("none: %v", err)
	}
	ensure(t, n.Ensure(t.Context(), keyring.ES256, keyring.SAML))
	ensure(t, n.Maintain(t.Context()))
	first, err := n.LongLived(t.Context())
	ensure(t, err)
	if len(first) != 2 || first[0].State != keyring.Active || first[1].State != keyring.Next {
		t.Fatalf("%+v", first)
	}
	published, err := n.Published(t.Context())
	ensure(t, err)
	for _, k := range published.Keys {
		if k.Algorithm != keyring.ES256 {
			t.Errorf("among the keys of tokens: %s", k.Algorithm)
		}
	}
	if _, err := n.Sign(t.Context(), keyring.SAML, "JWT", []byte("{}")); !errors.Is(err, keyring.ErrNoSigningKey) {
		t.Errorf("it signs a token: %v", err)
	}
	n.now = n.now.AddDate(5, 0, 0)
	ensure(t, n.Maintain(t.Context()))
	ensure(t, n.Ensure(t.Context(), keyring.SAML))
	later, err := n.LongLived(t.Context())
	ensure(t, err)
	if len(later) != 2 || later[0].KID != first[0].KID || later[1].KID != first[1].KID {
		t.Errorf("after five years: %+v", later)
	}
	ensure(t, n.Rotate(t.Context(), keyring.SAML, "command"))
	rotated, err := n.LongLived(t.Context())
	ensure(t, err)
	if len(rotated) != 2 || rotated[0].KID != first[1].KID || rotated[1].KID == first[0].KID {
		t.Errorf("rotated: %+v", rotated)
	}
}

package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"warifu/internal/audit"
	"warifu/internal/authenticator/totp"
	"warifu/internal/keyring"
	"warifu/internal/secret"
)

// boxes returns boxes of the versions 1 to n, each of which has the keys of all
// up to its own.
func boxes(t *testing.T, n int) (all []*secret.Box) {
	t.Helper()
	keys := make(map[int][]byte)
	for version := 1; version <= n; version++ {
		keys[version] = bytes.Repeat([]byte{byte(version)}, secret.KeySize)
		box, err := secret.NewBox(version, keys)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, box)
	}
	return all
}

// testReseal moves all secrets to another key, in several transactions, and
// leaves those alone that are under it, changed meanwhile or broken. CRY-1.
func testReseal(t *testing.T, db *DB) {
	person(t, db, totp.Suspended) // its secret opens with no key
	box := boxes(t, 2)
	old, now := totp.NewVerifier(box[0]), totp.NewVerifier(box[1])
	plain := bytes.Repeat([]byte{7}, totp.SecretSize)
	const many = 1203
	do(t, db, func(tx *Tx) error {
		for n := range many {
			a := totp.Authenticator{ID: fmt.Sprintf("n%04d", n), SubscriberID: "s", State: totp.Suspended}
			a.Secret = old.Seal(a.SubscriberID, a.ID, plain)
			if n < 3 {
				a.Secret = now.Seal(a.SubscriberID, a.ID, plain)
			}
			if err := tx.CreateTOTP(t.Context(), a); err != nil {
				return err
			}
		}
		return nil
	})
	for try, want := range []int{many - 3, 0} {
		n, err := now.ResealAll(t.Context(), In[totp.ResealTx](db))
		if n != want || !errors.Is(err, secret.ErrSealed) || !strings.Contains(err.Error(), "1 secrets") {
			t.Errorf("try %d: %d secrets, %v; want %d and one that does not open", try, n, err, want)
		}
	}
	var all []totp.Authenticator
	do(t, db, func(tx *Tx) (err error) {
		all, err = tx.TOTPAuthenticators(t.Context(), "s")
		return err
	})
	for _, a := range all {
		if _, _, err := totp.NewVerifier(box[1]).Match(a, "", testTime); err != nil && strings.HasPrefix(a.ID, "n") || box[1].Stale(a.Secret) && strings.HasPrefix(a.ID, "n") {
			t.Errorf("%s: %v", a.ID, err)
		}
	}
	do(t, db, func(tx *Tx) error {
		if replaced, err := tx.ReplaceTOTPSecret(t.Context(), totp.Authenticator{SubscriberID: "s", ID: "n0001", Secret: []byte("gone")}, plain); replaced || err != nil {
			t.Errorf("a secret that was changed meanwhile: %t, %v", replaced, err)
		}
		return nil
	})
}

// testResealSigning moves the signing keys to another key, and they sign on. CRY-1.
func testResealSigning(t *testing.T, db *DB) {
	box := boxes(t, 2)
	signing := func(b *secret.Box) *keyring.Signing {
		return &keyring.Signing{InTx: In[keyring.SigningTx](db), View: View[keyring.SigningReader](db), Box: b, Random: rand.Reader, Now: func() time.Time { return testTime }}
	}
	if err := signing(box[0]).Ensure(t.Context(), keyring.ES256); err != nil {
		t.Fatal(err)
	}
	token, err := signing(box[0]).Sign(t.Context(), keyring.ES256, "JWT", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for try, want := range []int{1, 0} {
		if n, err := signing(box[1]).Reseal(t.Context(), "command"); n != want || err != nil {
			t.Errorf("try %d: %d keys, %v, want %d", try, n, err, want)
		}
	}
	alone, err := secret.NewBox(2, map[int][]byte{2: bytes.Repeat([]byte{2}, secret.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signing(alone).Verify(t.Context(), "JWT", token); err != nil {
		t.Errorf("without the old version: %v", err)
	}
	if _, err := signing(box[0]).Reseal(t.Context(), "command"); !errors.Is(err, secret.ErrVersion) {
		t.Errorf("under a key that cannot open it: %v, want an ErrVersion", err)
	}
}

// testKeyUse counts what needs which version. CRY-1.
func testKeyUse(t *testing.T, db *DB) {
	person(t, db, totp.Active)
	do(t, db, func(tx *Tx) error {
		if err := tx.SetPassword(t.Context(), "s", "$warifu-argon2id$v=19$m=8,t=1,p=1,k=12$x$y", testTime); err != nil {
			return err
		}
		return tx.AppendAudit(t.Context(), audit.Event{At: testTime, Name: audit.SignIn})
	})
	got := make(map[string]int64)
	err := db.view(t.Context(), func(tx *Tx) error {
		all, err := tx.KeyUse(t.Context(), []int{1, 12})
		for _, u := range all {
			got[fmt.Sprintf("%s, %d", u.Of, u.Version)] = u.Rows
		}
		return err
	})
	want := map[string]int64{"secrets of Authenticators, 1": 1, "events of the audit trail, 1": 1, "passwords, 12": 1}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

// unversioned are columns of bytes that no key was needed for: digests of random
// tokens, and of events.
var unversioned = map[string]bool{"known_browser.digest": true, "signin_flow.browser": true, "ticket.browser": true, "enrolment_flow.browser": true,
	"recovery_flow.browser": true, "desk_case.browser": true, "recovery_link.browser": true, "recovery_link.digest": true, "not_me_token.digest": true, "trusted_browser.digest": true,
	"passkey.id": true, "passkey.user_handle": true, "passkey.public_key": true, "passkey.aaguid": true, "passkey_ceremony.browser": true, "session.digest": true, "oidc_grant.code_digest": true,
	"oidc_grant.refresh_digest": true, "client_assertion.digest": true, "pushed_request.digest": true, "audit_block.digest": true,
	"consent.digest": true, "faq_miss.digest": true} // a count that begins anew with a new version is no loss

// TestEveryVersionIsCounted wants of each column of bytes that somebody has said
// whether a version of the key file is needed for it. Who adds one that is sealed
// has warifu key reseal seal it again, too. CRY-1.
func TestEveryVersionIsCounted(t *testing.T) {
	counted := make(map[string]bool)
	for _, v := range versioned {
		counted[v.column] = true
	}
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	inTable := regexp.MustCompile(`(?s)(?:CREATE TABLE|ALTER TABLE) (\w+)(.*?);`)
	column := regexp.MustCompile(`(\w+)\s+BYTEA`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range inTable.FindAllStringSubmatch(string(text), -1) {
			for _, found := range column.FindAllStringSubmatch(table[2], -1) {
				if name := table[1] + "." + found[1]; counted[name] == unversioned[name] {
					t.Errorf("%s: %s is to stand either in versioned or in unversioned", file, name)
				}
			}
		}
	}
}

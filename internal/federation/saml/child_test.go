package saml_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"warifu/internal/federation/saml"
)

func feedCheck() saml.Check {
	return saml.Check{Certificates: [][]byte{saml.Ours.Certificate}, MaxValidity: 28 * 24 * time.Hour, Now: saml.Start}
}

// TestProcessVerifies reads in a process of its own what it would read in this one.
func TestProcessVerifies(t *testing.T) {
	verify := saml.InProcess(must[string](t)(os.Executable()), saml.VerifyCommand)
	feed := saml.SignedFeed(t, saml.AggregateOf(saml.Providers(300)), saml.Ours, "")
	var here, there []saml.Record
	keep := func(all *[]saml.Record) func(saml.Record) error {
		return func(r saml.Record) error {
			*all = append(*all, r)
			return nil
		}
	}
	want := must[saml.Summary](t)(saml.ReadFeed(strings.NewReader(feed), feedCheck(), keep(&here)))
	got, err := verify(t.Context(), strings.NewReader(feed), feedCheck(), keep(&there))
	if err != nil || got.Services != want.Services || got.Signer != want.Signer || !got.ValidUntil.Equal(want.ValidUntil) || len(there) != len(here) {
		t.Fatalf("%+v, want %+v, %v", got, want, err)
	}
	for i := range here {
		if there[i].EntityID != here[i].EntityID || there[i].Name != here[i].Name || !bytes.Equal(there[i].Signing[0], here[i].Signing[0]) {
			t.Errorf("%+v, want %+v", there[i], here[i])
		}
	}
	if _, err := verify(t.Context(), strings.NewReader(feed[:len(feed)-1000]), feedCheck(), keep(&there)); err == nil || !strings.Contains(err.Error(), "XML is refused") {
		t.Errorf("what is wrong with it: %v", err)
	}
}

// TestProcessFails takes nothing from a process that does not come to an end as it
// should, and leaves none behind.
func TestProcessFails(t *testing.T) {
	shell := must[string](t)(exec.LookPath("sh"))
	service := `{"record":{"entity_id":"https://sp.example"}}`
	for name, script := range map[string]string{
		"no answer":              "exit 0",
		"a failure":              "echo broken >&2; exit 3",
		"services and no end":    "echo '" + service + "'",
		"an end, then a failure": `echo '{"summary":{"services":1}}'; exit 3`,
		"a fault":                `echo '{"fault":"refused"}'`,
		"no JSON":                "echo hello",
		"a long line":            "head -c 5000000 /dev/zero | tr '\\0' x",
		"a signal":               "kill -9 $$",
	} {
		s, err := saml.InProcess(shell, "-c", "cat >/dev/null; "+script)(t.Context(), strings.NewReader("x"), feedCheck(), func(saml.Record) error { return nil })
		if err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := saml.InProcess(shell, "-c", "echo '"+service+"'; exec sleep 1000")(ctx, strings.NewReader("x"), feedCheck(), func(saml.Record) error {
		cancel()
		return nil
	})
	if err == nil {
		t.Error("a process that was ended has verified something")
	}
}

// TestProcessKnowsNoSecret gives the process nothing of the server's environment.
func TestProcessKnowsNoSecret(t *testing.T) {
	t.Setenv("WARIFU_DATABASE", "postgres://user:password@db/warifu")
	shell := must[string](t)(exec.LookPath("sh"))
	_, err := saml.InProcess(shell, "-c", `cat >/dev/null; echo "{\"fault\":\"it has $WARIFU_DATABASE and $GOMEMLIMIT\"}"`)(t.Context(), strings.NewReader("x"), feedCheck(), nil)
	if err == nil || err.Error() != "it has  and 128MiB" {
		t.Errorf("%v", err)
	}
}

// TestVerifyHere refuses a caller that does not say what to hold metadata to.
func TestVerifyHere(t *testing.T) {
	for _, in := range []string{"", "{}", "no JSON\n<x/>"} {
		if err := saml.VerifyHere(strings.NewReader(in), io.Discard); err == nil {
			t.Errorf("%q is enough", in)
		}
	}
}

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"warifu/internal/authenticator/totp"
	"warifu/internal/store"
)

// TestKeyImport takes over a key before the first start; the file that holds another
// thing is refused. SAML-10.
func TestKeyImport(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=idp.example", "-keyout", s.file("idp.key"), "-out", s.file("idp.crt")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.run(1, "key", "import", s.file("idp.crt"), s.file("idp.crt"), c)
	if out, _ := s.run(0, "key", "import", s.file("idp.key"), s.file("idp.crt"), c); !strings.Contains(out, "signs SAML messages from now on") {
		t.Errorf("%s", out)
	}
	if out, _ := s.run(0, "key", "list", c); strings.Count(out, "SAML") != 1 || !strings.Contains(out, "active") {
		t.Errorf("%s", out)
	}
}

// TestKeyReseal puts a second version of the key file into use and moves what
// the first has sealed to it; what cannot move is told. CRY-1.
func TestKeyReseal(t *testing.T) {
	s := install(t)
	c := "--config=" + s.file("warifu.yaml")
	s.run(0, "user", "import", s.write("a.csv", "sps_id,display\ns1,One\n"), c)
	a, err := withConfig{Config: s.file("warifu.yaml")}.open(&Env{Context: t.Context(), Err: &bytes.Buffer{}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Signing.Ensure(t.Context(), "ES256"); err != nil {
		t.Fatal(err)
	}
	who, err := a.Directory.Show(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	type tx interface {
		CreateTOTP(ctx context.Context, a totp.Authenticator) error
	}
	bound := totp.Authenticator{ID: "a", SubscriberID: who.ID, State: totp.Active, Secret: a.TOTP.Seal(who.ID, "a", make([]byte, totp.SecretSize))}
	if err := store.In[tx](a.DB)(t.Context(), func(tx tx) error { return tx.CreateTOTP(t.Context(), bound) }); err != nil {
		t.Fatal(err)
	}
	s.run(0, "key", "init", s.file("keys"))
	if out, _ := s.run(0, "key", "reseal", c); !strings.Contains(out, "Sealed again: 0 of the secrets of Authenticators, 0 of the signing keys.") {
		t.Errorf("before the version is in use: %s", out)
	}
	s.run(0, "key", "use", s.file("keys"))
	out, _ := s.run(0, "key", "reseal", c)
	for _, want := range []string{"Sealed again: 1 of the secrets of Authenticators, 1 of the signing keys.", "Version 1 is still needed for ", " of the events of the audit trail"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if strings.Contains(out, "for 1 of the se") {
		t.Errorf("not all moved: %s", out)
	}
	out, _ = s.run(0, "key", "reseal", "--json", c)
	var report resealReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Authenticators != 0 || len(report.Older) != 1 {
		t.Errorf("the second time: %v %s", err, out)
	}
	if out, _ := s.run(0, "audit", "export", "--name=key_file.resealed", c); !strings.Contains(out, `"authenticators":"1"`) {
		t.Errorf("recorded: %s", out)
	}
	s.run(0, "audit", "verify", c)
}

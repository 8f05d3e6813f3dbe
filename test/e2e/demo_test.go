package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ask sends a request and returns the answer, without following redirects.
func ask(t *testing.T, method, address string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

// TestDemonstration holds the demonstration to its contract (decisions.md §2):
// what it prints, where it answers, what it keeps, how it ends.
func TestDemonstration(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	d, err := startDemo(program, "--data", data)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{d.Base(), d.Service(), d.Library(), d.MailPage(), "sps00001", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "agent02", "admin01",
		"sps00004", "warifu-demo-2026", "seed0000001"} {
		if !strings.Contains(d.Output.String(), want) {
			t.Errorf("%q is not printed in\n%s", want, d.Output)
		}
	}
	numbers := fmt.Sprintf("http://127.0.0.1:%d", d.Port())
	for _, test := range []struct {
		method, address string
		status          int
		want            string // in the page, or the address gone to
	}{
		{"GET", numbers + "/login?lang=en", http.StatusFound, d.Base() + "/login?lang=en"},
		{"POST", numbers + "/login", http.StatusMisdirectedRequest, ""},
		{"GET", d.Base() + "/", http.StatusSeeOther, "/home"},
		{"GET", d.Service() + "/", http.StatusOK, "/login"},
		{"GET", d.Service() + "/me.json", http.StatusUnauthorized, ""},
		{"GET", d.Library() + "/", http.StatusOK, "/login"},
		{"GET", d.Library() + "/me.json", http.StatusUnauthorized, "not_signed_in"},
		{"GET", d.Base() + "/saml/metadata", http.StatusOK, "IDPSSODescriptor"},
		{"GET", d.MailPage() + "/messages.json", http.StatusOK, "[]"},
		{"DELETE", d.MailPage() + "/messages.json", http.StatusNoContent, ""},
		{"GET", d.Operation() + "/healthz", http.StatusOK, "ok"},
		{"GET", d.Operation() + "/readyz", http.StatusOK, `"database":"ok"`},
		{"GET", d.Operation() + "/metrics", http.StatusOK, "warifu_http_requests_total"},
		{"GET", d.Base() + "/metrics", http.StatusNotFound, ""},
	} {
		answer, text := ask(t, test.method, test.address)
		if got := answer.Header.Get("Location") + text; answer.StatusCode != test.status || !strings.Contains(got, test.want) {
			t.Errorf("%s %s: %d %.200s, want %d with %q", test.method, test.address, answer.StatusCode, got, test.status, test.want)
		}
	}
	d.Stop()
	if d.Process.ProcessState.ExitCode() != 0 {
		t.Errorf("ended with %d\n%s", d.Process.ProcessState.ExitCode(), d.Output)
	}
	again, err := startDemo(program, "--data", data)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Stop()
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	if answer, text := ask(t, "GET", again.Operation()+"/readyz"); answer.StatusCode != http.StatusServiceUnavailable || strings.Contains(text, `"database":"ok"`) {
		t.Errorf("without a database: %d %s", answer.StatusCode, text)
	}
}

// TestLoopbackOnly refuses to serve another address.
func TestLoopbackOnly(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:8080", "192.0.2.1:8080", ":8080", "example.org:80"} {
		out, err := exec.Command(program, "demo", "--listen", listen).CombinedOutput()
		if err == nil || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "loopback only") {
			t.Errorf("%s: %v %s", listen, err, out)
		}
	}
}

// TestNothingIsLeft removes the folder of a demonstration that keeps nothing.
func TestNothingIsLeft(t *testing.T) {
	before, err := filepath.Glob(filepath.Join(os.TempDir(), "warifu-demo-*"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := startDemo(program)
	if err != nil {
		t.Fatal(err)
	}
	during, _ := filepath.Glob(filepath.Join(os.TempDir(), "warifu-demo-*"))
	d.Stop()
	after, _ := filepath.Glob(filepath.Join(os.TempDir(), "warifu-demo-*"))
	if len(during) <= len(after) || len(after) > len(before) {
		t.Errorf("folders before %d, during %d, after %d", len(before), len(during), len(after))
	}
}

// TestServiceAsksForMore has the service ask for a fresh sign-in, for nothing
// to be shown, for another language, and for a level, by its own address. OIDC-5.
func TestServiceAsksForMore(t *testing.T) {
	b, p := newBrowser(t, desktop), nextPerson()
	b.openIn("/accessibility")
	b.open(server.Service() + "/login?prompt=none")
	b.at(server.Service())
	b.shows("login_required")
	b.open(server.Service() + "/login")
	b.signIn(p, time.Now())
	first := b.claims()["auth_time"]
	b.open(server.Service() + "/login?prompt=none")
	b.at(server.Service())
	if b.claims()["auth_time"] != first {
		t.Error("a silent request changed auth_time")
	}
	for _, more := range []string{"prompt=login", "max_age=0"} {
		b.open(server.Service() + "/login?" + more)
		b.at(server.Base() + "/login?p=")
	}
	b.signIn(p, time.Now().Add(30*time.Second))
	b.at(server.Service())
	claims := b.claims()
	if claims["acr"] != "https://refeds.org/profile/mfa" || claims["auth_time"] == first {
		t.Errorf("after a fresh sign-in: %v", claims)
	}
	b.open(server.Service() + "/login?acr_values=https%3A%2F%2Frefeds.org%2Fprofile%2Fmfa")
	b.at(server.Service())
	b.open(server.Service() + "/logout")
	b.open(server.Base() + "/home")
	b.at(server.Base() + "/login")

	stranger := newBrowser(t, desktop)
	stranger.open(server.Service() + "/login?ui_locales=en")
	stranger.shows("You are logging in to")
}
